"""One source transaction while its rows arrive: rows become changes, grouped by document; the tag is judged.

Knows mapped tables and the checkpoint's columns; nothing of the connection or of events.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from sync.errors import CheckpointWrittenByOther, RowImageNotFull
from sync.model.change import ConflictKind, DocumentId, Entry, Hold, Origin, Row, RowChange, RowKey, Transaction, Value
from sync.model.codecs import NotCanonical
from sync.model.mapping import SyncMapping, TableMapping
from sync.model.position import Known, Position, position_from_json
from sync.model.values import FOREIGN

#: A decoded row: column name -> driver's value.
RawRow = Mapping[str, object]


@dataclass(slots=True)
class Gathering:
    """A transaction that is being read. `known` is the other worker's checkpoint before it."""

    mapping: SyncMapping
    #: The name of the other worker's row in sync_checkpoint.
    other: str
    known: Known
    committed_at: int = 0
    #: Mapped rows met so far, those left out by `skip` included.
    rows: int = 0
    #: Mapped rows to leave out: done by an earlier part.
    skip: int = 0
    size: int = 0
    #: The last mapped row's document.
    last: DocumentId | None = None
    _changes: dict[DocumentId, list[RowChange]] = field(default_factory=dict)
    _problems: dict[DocumentId, Hold] = field(default_factory=dict)
    _tag: Known | None = None
    _seen: Position | None = None
    _lease_taken: bool = False
    _any_row: bool = False

    def checkpoint(self, before: RawRow | None, after: RawRow | None) -> None:
        """A row of sync_checkpoint. Raises `CheckpointWrittenByOther` for anything but the other worker's next write."""
        if self._any_row or before is None or after is None or after["name"] != self.other:
            raise CheckpointWrittenByOther("sync_checkpoint was written by somebody other than the listener")
        was = Known(seq=_int(before["seq"]), lease=str(before["lease"]))
        now = Known(seq=_int(after["seq"]), lease=str(after["lease"]))
        if was != self.known or now.seq != was.seq + 1:
            raise CheckpointWrittenByOther("sync_checkpoint does not follow on the listener's last write")
        self._any_row = True
        self._tag = now
        self._lease_taken = now.lease != was.lease
        seen = after["seen"]
        self._seen = position_from_json(json.loads(str(seen))) if seen else None

    def row(self, table: TableMapping, before: RawRow | None, after: RawRow | None) -> None:
        """A row of a mapped table. A changed key is a delete and an insert."""
        if self._lease_taken:
            raise CheckpointWrittenByOther("a lease of the listener was taken in a transaction that wrote other rows")
        self._any_row = True
        self.rows += 1
        if self.rows <= self.skip:
            return
        old, new = self._image(table, before), self._image(table, after)
        if old and new and old[0] == new[0]:
            self._add(table, old[0], old[1], new[1])
            return
        if old:
            self._add(table, old[0], old[1], None)
        if new:
            self._add(table, new[0], None, new[1])

    @property
    def tag(self) -> Known:
        """The other worker's checkpoint after this transaction."""
        return self._tag or self.known

    @property
    def empty(self) -> bool:
        """No mapped rows since the last part."""
        return not self._changes

    def take(self, *, end: Position, resume: Position, last: bool) -> Transaction:
        """What was gathered since the last part, as the last part (`end` is the transaction's end) or another one, after
        which reading resumes at `resume` and leaves out what is done."""
        origin = Origin.ECHO if self._tag else Origin.USER
        entries = tuple(
            Entry(
                document=document,
                changes=tuple(changes),
                origin=origin,
                committed_at=self.committed_at,
                position=end,
                seen=self._seen,
                problem=self._problems.get(document),
            )
            for document, changes in self._changes.items()
        )
        self._changes, self._problems, size, self.size = {}, {}, self.size, 0
        return Transaction(
            entries=entries,
            position=end if last else resume,
            rows_done=0 if last else self.rows,
            first_user=end if entries and origin is Origin.USER else None,
            known=self.tag if last else self.known,
            size=size,
            committed_at=self.committed_at,
        )

    def _add(self, table: TableMapping, key: RowKey, before: Row | None, after: Row | None) -> None:
        document = DocumentId(table.collection, key[0])
        self.last = document
        self._changes.setdefault(document, []).append(RowChange(table=table.name, key=key, before=before, after=after))

    def _image(self, table: TableMapping, raw: RawRow | None) -> tuple[RowKey, Row] | None:
        if raw is None:
            return None
        key = tuple(self._value(table, column, raw, None) for column in table.key)
        document = DocumentId(table.collection, key[0])
        return key, {column: self._value(table, column, raw, document) for column in table.columns}

    def _value(self, table: TableMapping, column: str, raw: RawRow, document: DocumentId | None) -> Value:
        """Canonical. A value that the codec refuses makes its document a problem, and the rest of the log goes on."""
        if column not in raw:
            raise RowImageNotFull(f"{table.name}: column {column} is absent from the binlog")
        value = raw[column]
        if value is None and column in table.nullable:
            return None
        try:
            return table.codecs[column].from_column(value)
        except NotCanonical as error:
            if document is None and column == table.key[0]:
                document = DocumentId(table.collection, f"{FOREIGN}mysql")
                self._refuse(document, table, column, error)
                return document.key
            if document is None:
                document = DocumentId(table.collection, _first_key(table, raw))
            self._refuse(document, table, column, error)
            return str(value)

    def _refuse(self, document: DocumentId, table: TableMapping, column: str, error: NotCanonical) -> None:
        reason = f"{table.name}.{column}: {error}"
        self._problems[document] = Hold(kind=ConflictKind.UNMAPPABLE_DOCUMENT, reason=reason, table=table.name)


def _first_key(table: TableMapping, raw: RawRow) -> Value:
    try:
        return table.codecs[table.key[0]].from_column(raw[table.key[0]])
    except NotCanonical:
        return f"{FOREIGN}mysql"


def _int(value: object) -> int:
    if not isinstance(value, int):
        raise CheckpointWrittenByOther("sync_checkpoint holds a sequence number that is none")
    return value

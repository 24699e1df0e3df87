"""One source transaction while its rows arrive: rows become changes, grouped by document; the tag is judged.

Knows mapped tables and the checkpoint's columns; nothing of the connection or of events.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from sync.errors import CheckpointWrittenByOther
from sync.model.batch import has_users
from sync.model.change import (
    ECHO,
    USER,
    CollectionState,
    ConflictKind,
    DocumentId,
    Entry,
    Hold,
    Origin,
    Row,
    RowChange,
    RowKey,
    Side,
    StructureChange,
    Transaction,
    Undecoded,
)
from sync.model.codecs import NotCanonical
from sync.model.corrections import Told
from sync.model.mapping import TableMapping
from sync.model.position import Known, Mark, Position, position_from_json
from sync.mysql.cascades import NONE, Cascades
from sync.mysql.image_text import RawRow
from sync.mysql.rowdecoder import Rows
from sync.mysql.rows import CanonicalRows
from sync.mysql.structure import Judgement

#: Memory that a decoded row takes: as a multiple of its bytes in the log, and beside its values; and that of a transaction
#: without rows.
_DECODED, _ROW, _EMPTY = 2, 700, 500


@dataclass(slots=True)
class Gathering:
    """A transaction that is being read. `known` is the other worker's checkpoint before it."""

    #: The name of the other worker's row in sync_checkpoint.
    other: str
    known: Known
    #: Microseconds since the epoch.
    committed_at: int
    #: What the server changes without writing it into the log.
    cascades: Cascades = NONE
    #: Mapped rows to leave out: done by earlier parts.
    skip: int = 0
    #: Mapped rows met so far, those left out included, and how many of them parts have delivered.
    rows: int = 0
    delivered: int = 0
    #: Bytes of row events since the last part.
    size: int = 0
    #: Document of the last row since the last part.
    last: DocumentId | None = None
    #: What was done to collections as a whole.
    structure: list[Judgement] = field(default_factory=list)
    #: Rows of an echo that are not decoded yet; with some, nothing else of mapped tables has come.
    _raw: list[tuple[CanonicalRows, Rows]] = field(default_factory=list)
    _changes: dict[DocumentId, list[RowChange]] = field(default_factory=dict)
    _problems: dict[DocumentId, Hold] = field(default_factory=dict)
    #: See `Entry.moved`; of a part, since the last one.
    _moved: dict[DocumentId, dict[tuple[str, RowKey], RowKey | None]] = field(default_factory=dict)
    _tag: Known | None = None
    _seen: Position | None = None
    _lease_taken: bool = False
    #: What the listener says that it means to write, where MySQL may make something else of it; the collections' tables.
    _told: Told | None = None
    _collections: Mapping[str, str] = field(default_factory=dict)
    _mark: Mark | None = None
    _met: int | None = None
    #: Rows of sync_conflict came before; one of them is open and has no look, or was closed.
    _conflicts: bool = False
    _due: bool = False
    _closed: bool = False

    def checkpoint(
        self, before: Mapping[str, object] | None, after: Mapping[str, object] | None, *, first: bool
    ) -> None:
        """A row of sync_checkpoint; `first`: no row of any table came before it in this transaction.

        Raises `CheckpointWrittenByOther` for anything but the other worker's next write.
        """
        if (
            self._conflicts
            or not first
            or before is None
            or after is None
            or not before["name"] == after["name"] == self.other
        ):
            raise CheckpointWrittenByOther(f"sync_checkpoint was written by somebody other than the {self.other}")
        now = Known(seq=_number(after["seq"]), lease=str(after["lease"]))
        if now.seq != self.known.seq + 1:
            raise CheckpointWrittenByOther(f"sync_checkpoint does not follow on the {self.other}'s last write")
        self._tag = now
        self._lease_taken = now.lease != self.known.lease
        seen = after["seen"]
        self._seen = position_from_json(json.loads(str(seen))) if seen else None

    def conflict(self, before: Mapping[str, object] | None, after: Mapping[str, object] | None) -> None:
        """A row of sync_conflict: a mark where a look was begun, `met` where the listener has met one."""
        self._conflicts = True
        look, met = _changed("look_id", before, after), _changed("met", before, after)
        if look is not None:
            self._mark = Mark(look=look)
        if met is not None:
            self._met = met
        if after is not None and after["open_key"] is not None:
            self._due = self._due or after["look_id"] is None
        elif before is not None and before["open_key"] is not None:
            self._closed = True

    def told(self, text: object, tables: Mapping[str, CanonicalRows]) -> None:
        """A row of sync_intended, which stands before the rows that it tells of; `tables` are all that are mapped."""
        if self._tag is None:
            raise CheckpointWrittenByOther(f"sync_intended was written by somebody other than the {self.other}")
        raw, self._raw = self._raw, []
        self._decode(raw)
        self._told = self._told or Told()
        try:
            self._told.add(str(text))
        except (ValueError, TypeError, LookupError):
            raise CheckpointWrittenByOther("sync_intended holds what no listener writes") from None
        self._collections = {name: table.table.collection for name, table in tables.items()}

    def other_rows(self) -> None:
        """Rows of any other table. A lease is taken in a transaction of its own."""
        if self._lease_taken:
            raise CheckpointWrittenByOther(f"the {self.other}'s lease was taken in a transaction with other rows")

    def keep(self, table: CanonicalRows, event: Rows, limit: int) -> bool:
        """Rows of a mapped table as they stand in the log, where that will do: those of an echo, up to so many bytes.
        What was kept is decoded where this and what follows must be."""
        whole = not (self._told or self.rows or self.skip or event.missing)
        if self._tag and whole and self.size + event.size <= limit:
            self._raw.append((table, event))
            self.size += event.size
            return True
        raw, self._raw = self._raw, []
        self._decode(raw)
        return False

    def document(self, table: CanonicalRows, before: RawRow | None, after: RawRow | None) -> DocumentId:
        """The document that a row belongs to; of a row that moves to another one, the first."""
        image = before if before is not None else after
        assert image is not None
        return table.document(image)

    @property
    def met(self) -> int:
        """Rises with every row of a mapped table, decoded or not."""
        return self.rows + len(self._raw)

    def row(self, table: CanonicalRows, before: RawRow | None, after: RawRow | None) -> None:
        """A row of a mapped table. A changed key is a delete and an insert."""
        self.rows += 1
        if self.rows <= self.skip:
            self.delivered = self.rows
            self._pass(table, before, after)
            return
        old, new = self._image(table, before), self._image(table, after)
        if old and new and old[0] == new[0]:
            if old[1] != new[1]:  # else columns changed that nothing maps
                self._add(table.table, old[0], old[1], new[1])
            return
        if old:
            self._add(table.table, old[0], old[1], None)
            self._cascaded(table.table, old[0], new[0] if new else None)
            if (
                after is not None and not new
            ):  # where the row stands now it cannot be carried: nor can it be taken from here
                self._problems.setdefault(
                    DocumentId(table.table.collection, old[0][0]), self._problems[table.document(after)]
                )
        if old and new:
            self._move(table.table, old[0], new[0])
        if new:
            self._add(table.table, new[0], None, new[1])

    def unread(self, table: CanonicalRows, before: RawRow | None, after: RawRow | None, missing: Sequence[str]) -> None:
        """A row of a mapped table that had not all mapped columns: its document is a problem. Without the column of the key
        nobody knows which that is."""
        self.rows += 1
        if self.rows <= self.skip:
            self.delivered = self.rows
            return
        name = table.table.name
        reason = f"{name}: column {missing[0]} did not stand in the table when a row was written"
        for image in (before, after):
            if image:
                document = table.document(image)
                self.last = document
                self._changes.setdefault(document, [])
                self._problems[document] = Hold(kind=ConflictKind.SCHEMA_MISMATCH, reason=reason, table=name)
            elif image is not None and not self.structure:
                self.structure.append(Judgement(table.table.collection, CollectionState.COMPARING, reason, whole=False))

    @property
    def tag(self) -> Known:
        """The other worker's checkpoint after this transaction."""
        return self._tag or self.known

    @property
    def pending(self) -> int:
        """Mapped rows since the last part."""
        return self.rows - self.delivered

    def part(self, *, end: Position, resume: Position) -> Transaction:
        """What was gathered since the last part; more follows. Reading resumes at `resume`."""
        return self._take(end, position=resume, rows_done=self.rows, known=self.known)

    def whole(self, end: Position) -> Transaction:
        """What was gathered since the last part, up to the transaction's end."""
        return self._take(end, position=end, rows_done=0, known=self.tag, last=True)

    def _take(
        self, end: Position, *, position: Position, rows_done: int, known: Known, last: bool = False
    ) -> Transaction:
        entries = tuple(self._judged(end, self._told, last=last)) if self._told else self._entries(end)
        users = not self._tag or (self._told is not None and has_users(entries))
        undecoded = None
        if self._raw:
            undecoded = Undecoded(seen=self._seen, events=len(self._raw), decode=partial(self._decoded, self._raw, end))
        size = self.size * _DECODED + (self.rows - self.delivered) * _ROW + _EMPTY
        self._changes, self._problems, self._moved = {}, {}, {}
        self.size, self.last, self.delivered = 0, None, self.rows
        return Transaction(
            entries=entries,
            position=position,
            rows_done=rows_done,
            first_user=end if entries and users else None,
            known=known,
            size=size,
            committed_at=self.committed_at,
            mark=self._mark if last else None,
            met=self._met if last else None,
            due=last and self._due,
            closed=last and self._closed,
            undecoded=undecoded,
            structure=tuple(self._changed(one, end) for one in self.structure) if last else (),
        )

    def _changed(self, one: Judgement, end: Position) -> StructureChange:
        return StructureChange(
            collection=one.collection,
            state=one.state,
            side=Side.MYSQL,
            reason=one.reason,
            whole=one.whole,
            committed_at=self.committed_at,
            position=end,
        )

    def _entries(self, end: Position) -> tuple[Entry, ...]:
        origin = ECHO if self._tag else USER
        return tuple(
            self._entry(end, document, changes, origin, problem=self._problems.get(document))
            for document, changes in self._changes.items()
        )

    def _judged(self, end: Position, told: Told, *, last: bool) -> Iterator[Entry]:
        """Where the listener has told what it means to write. What it writes can be carried: where something cannot, it is
        none of its own."""
        for document, changes in self._changes.items():
            echoes, corrections, triggered = told.judge(changes)
            problem = self._problems.get(document)
            if echoes:
                yield self._entry(end, document, echoes, ECHO)
            if corrections:
                yield self._entry(end, document, corrections, USER, correction=True)
            if triggered or problem:
                yield self._entry(end, document, triggered, USER, problem=problem)
        for change in told.rest() if last else ():
            document = DocumentId(self._collections[change.table], change.key[0])
            yield self._entry(end, document, [change], USER, correction=True)

    def _entry(
        self,
        end: Position,
        document: DocumentId,
        changes: Sequence[RowChange],
        origin: Origin,
        *,
        problem: Hold | None = None,
        correction: bool = False,
    ) -> Entry:
        return Entry(
            document=document,
            changes=tuple(changes),
            origin=origin,
            committed_at=self.committed_at,
            position=end,
            seen=self._seen,
            problem=problem,
            moved=self._moved.get(document, {}),
            correction=correction,
        )

    def _decoded(self, raw: Sequence[tuple[CanonicalRows, Rows]], end: Position) -> tuple[Entry, ...]:
        """Of an echo that was kept. In the applying thread, when this transaction is over here; perhaps again."""
        again = Gathering(other=self.other, known=self.known, committed_at=self.committed_at)
        again._tag, again._seen = self._tag, self._seen
        again._decode(raw)
        return again._entries(end)

    def _pass(self, table: CanonicalRows, before: RawRow | None, after: RawRow | None) -> None:
        """A row that an earlier part has delivered is answered for."""
        for raw in (before, after):
            if self._told and raw is not None:
                with suppress(NotCanonical):
                    self._told.passed(table.table.name, table.row(raw)[0])

    def _decode(self, raw: Sequence[tuple[CanonicalRows, Rows]]) -> None:
        for table, rows in raw:
            for before, after in rows:
                self.row(table, before, after)

    def _add(self, table: TableMapping, key: RowKey, before: Row | None, after: Row | None) -> None:
        document = DocumentId(table.collection, key[0])
        self.last = document
        self._changes.setdefault(document, []).append(RowChange(table=table.name, key=key, before=before, after=after))

    def _move(self, table: TableMapping, old: RowKey, new: RowKey) -> None:
        """A row was given another key. It may have had one more before, and may be given one more after."""
        here = self._moved.setdefault(DocumentId(table.collection, old[0]), {})
        there = self._moved.setdefault(DocumentId(table.collection, new[0]), {})
        there[table.name, new] = here.get((table.name, old), old)
        here[table.name, old] = None

    def _cascaded(self, table: TableMapping, key: RowKey, now: RowKey | None) -> None:
        """A row is gone, or has another key `now`: rows below it may have gone with it, unseen. (The other worker deletes each
        by itself.)"""
        if self._tag or table.name not in (self.cascades.deleting if now is None else self.cascades.rekeying):
            return
        reason = f"{table.name}: a foreign key changed rows below this one, which MySQL's log does not show"
        for one in (key, now):
            if one is not None:
                hold = Hold(kind=ConflictKind.MISSING_IMAGE, reason=reason, table=table.name, key=one)
                self._problems.setdefault(DocumentId(table.collection, one[0]), hold)

    def _image(self, table: CanonicalRows, raw: RawRow | None) -> tuple[RowKey, Row] | None:
        """Key and row in canonical values. A value that a codec refuses makes its document a problem; the row is then
        left out, and the rest of the log goes on."""
        if raw is None:
            return None
        try:
            return table.row(raw)
        except NotCanonical as error:
            document = table.document(raw)
            self.last = document
            self._changes.setdefault(document, [])
            self._problems[document] = table.problem(error)
            return None


def _changed(column: str, before: Mapping[str, object] | None, after: Mapping[str, object] | None) -> int | None:
    """A number that this change has put there."""
    if after is None or (before is not None and before[column] == after[column]):
        return None
    value = after[column]
    return value if isinstance(value, int) else None


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise CheckpointWrittenByOther("sync_checkpoint holds a sequence number that is none")
    return value

"""Conflict rows: held documents with reason, values and notes (design 2.4). Always inside somebody's transaction.

`sync_conflict` is narrow, for its events are read; what people want to know stands in `sync_conflict_detail`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from sync.conflict_ports import CollectionStates, Decision, HeldDocument, LookStore, Opening
from sync.errors import ConfigError, Contention, Refused
from sync.model.change import USER, ConflictKind, DocumentId, Entry, Hold, Side
from sync.model.mapping import SyncMapping
from sync.model.meeting import look_after_note
from sync.model.notes import NONE, Notes
from sync.model.rulings import Ruling
from sync.model.values import rows_to_json
from sync.mysql.collection_states import PAUSED, MySQLCollectionStates
from sync.mysql.conflict_keys import document_text, open_key
from sync.mysql.looks import Looks, blockers_text
from sync.mysql.packets import chunks, update_many
from sync.mysql.rulings import Rulings
from sync.mysql.server import Connection, MySQLSettings, Session, translated

#: Documents looked up in one statement; and how many open rows are read rather than asked for by their keys.
_CHUNK, _FEW = 1000, 100
#: Open key, number, version; and with them the collections that are paused.
_OpenRow: TypeAlias = tuple[str, int, int]
_Open: TypeAlias = tuple[list[_OpenRow], frozenset[str]]
_OPEN = "SELECT open_key, id, version FROM sync_conflict WHERE"
#: Characters of values and notes that are stored in one statement.
_SMALL = 1 << 18


class Conflicts:
    """Implements `sync.conflict_ports.ConflictStore` on a connection with an open transaction; does not commit."""

    def __init__(self, connection: Connection, mapping: SyncMapping) -> None:
        self._connection = connection
        self._mapping = mapping
        self._looks = Looks(connection, mapping)
        self._rulings = Rulings(connection, mapping)
        self._collections = MySQLCollectionStates(connection)

    @property
    def looks(self) -> LookStore:
        """See the port."""
        return self._looks

    @property
    def collections(self) -> CollectionStates:
        """See the port."""
        return self._collections

    def held(self, documents: Collection[DocumentId]) -> Mapping[DocumentId, HeldDocument]:
        """See the port."""
        return self.held_and_paused(documents)[0]

    def held_and_paused(
        self, documents: Collection[DocumentId]
    ) -> tuple[Mapping[DocumentId, HeldDocument], frozenset[str]]:
        """See the port. Where few are open, all of them are read: most often there is none, and no key need be made."""
        rows, paused = self._open_rows(documents)
        by_key = {open_key(document): document for document in documents} if rows else {}
        held = {
            by_key[key]: HeldDocument(conflict=number, document=by_key[key], version=version)
            for key, number, version in rows
            if key in by_key
        }
        return held, paused

    def _open_rows(self, documents: Collection[DocumentId]) -> _Open:
        """At least those of the documents."""
        if len(documents) > _FEW:
            rows, paused = self._asked(f"({_OPEN} open_key IS NOT NULL LIMIT %s)", _FEW + 1)
            if len(rows) <= _FEW:
                return rows, paused
        rows, paused = [], frozenset()
        keys = [open_key(document) for document in documents]
        for start in range(0, len(keys), _CHUNK):
            some, paused = self._asked(f"{_OPEN} open_key IN %s", tuple(keys[start : start + _CHUNK]))
            rows += some
        return rows, paused

    def _asked(self, question: str, value: object) -> _Open:
        with translated(), self._connection.cursor() as cursor:
            cursor.execute(f"{question} UNION ALL {PAUSED}", (value,))
            found = cursor.fetchall()
        rows = [(str(key), int(number), int(version)) for key, number, version in found if number is not None]
        return rows, frozenset(str(name) for name, number, _ in found if number is None)

    def note(
        self,
        noted: Mapping[HeldDocument, Sequence[Entry]],
        side: Side,
        ahead: Container[int] | None = None,
    ) -> frozenset[HeldDocument]:
        """See the port."""
        by_number = {held.conflict: held for held in noted}
        numbers, found = sorted(by_number), set[HeldDocument]()
        for start in range(0, len(numbers), _CHUNK):
            some = numbers[start : start + _CHUNK]
            looks = self._locked(some)
            before = self._notes(list(looks), side)
            found |= {by_number[number] for number in before}
            after = {number: self._with(notes, noted[by_number[number]]) for number, notes in before.items()}
            changed = {number: notes.to_json() for number, notes in after.items() if notes != before[number]}
            if changed:
                with translated(), self._connection.cursor() as cursor:
                    cursor.execute(
                        "UPDATE sync_conflict FORCE INDEX (PRIMARY) SET version = version + 1, state = 'open'"
                        " WHERE id IN %s",
                        (tuple(changed),),
                    )
                    cleared = [number for number in changed if _look_after(looks[number], ahead) is None]
                    if cleared:
                        cursor.execute(
                            "UPDATE sync_conflict FORCE INDEX (PRIMARY) SET look_id = NULL WHERE id IN %s",
                            (tuple(cleared),),
                        )
                self._store_notes(changed, side)
                self._ask_anew([number for number in changed if any(one.copied for one in noted[by_number[number]])])
        return frozenset(found)

    def _ask_anew(self, conflicts: Sequence[int]) -> None:
        """A copy was made while these were held: edits of either side may stand in no log that anybody reads, so what both
        sides' versions were made of is not known any more."""
        if conflicts:
            with translated(), self._connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE sync_conflict_detail SET kind = %s, reason = %s, questions = NULL WHERE conflict_id IN %s",
                    (str(ConflictKind.SNAPSHOT_DIFFERS), "a copy was made while it was held", tuple(conflicts)),
                )

    def _locked(self, numbers: Sequence[int]) -> dict[int, tuple[int | None, int | None]]:
        """Look and met of those rows that are open. The narrow rows are locked first, as in `close`, and in the order of
        the key: two workers that lock in one order cannot deadlock here."""
        with translated(), self._connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, look_id, met FROM sync_conflict FORCE INDEX (PRIMARY)"
                " WHERE id IN %s AND open_key IS NOT NULL ORDER BY id FOR UPDATE",
                (tuple(numbers),),
            )
            return {int(number): (look, met) for number, look, met in cursor.fetchall()}

    def _notes(self, numbers: Sequence[int], side: Side) -> dict[int, Notes]:
        if not numbers:
            return {}
        with translated(), self._connection.cursor() as cursor:
            cursor.execute(
                f"SELECT conflict_id, {side}_notes FROM sync_conflict_detail FORCE INDEX (PRIMARY)"
                " WHERE conflict_id IN %s FOR UPDATE",
                (tuple(numbers),),
            )
            texts = {int(number): text for number, text in cursor.fetchall()}
        return {number: Notes.from_json(texts.get(number)) for number in numbers}

    def _store_notes(self, notes: Mapping[int, str], side: Side) -> None:
        """Many rows a statement, as long as they are small."""
        values = {number: {f"{side}_notes": text} for number, text in notes.items()}
        with _storable(), translated(), self._connection.cursor() as cursor:
            update_many(cursor, "sync_conflict_detail", "conflict_id", values, also="noted_at = NOW(6)")

    def open(self, openings: Sequence[Opening], side: Side) -> None:
        """See the port."""
        try:
            self._insert({open_key(one.document): one for one in openings}, side)
        except Refused as error:  # open_key is unique: who comes second joins
            if error.kind != "unique_violation":
                raise
            others = self._join(openings, side)
            if others:
                self.open(others, side)

    def _insert(self, openings: Mapping[str, Opening], side: Side) -> None:
        """The narrow rows in one statement, so that a duplicate undoes them all; then what people want to know."""
        rows = [(one.document.collection, document_text(one.document), key) for key, one in openings.items()]
        with translated(), self._connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO sync_conflict (collection, document_id, open_key, state, version) VALUES "
                + ", ".join(["(%s, %s, %s, 'open', 1)"] * len(rows)),
                [value for row in rows for value in row],
            )
            cursor.execute("SELECT open_key, id FROM sync_conflict WHERE open_key IN %s", (tuple(openings),))
            numbers = {str(key): int(number) for key, number in cursor.fetchall()}
        known = [(numbers[key], one, self._texts(one, side)) for key, one in openings.items()]
        names = ("mysql_value", "mongo_value", "mysql_notes", "mongo_notes")
        details = [
            (
                number,
                one.hold.kind,
                side,
                one.hold.reason,
                blockers_text(one.hold.blockers),
                *(texts.get(name) if _is_small(texts) else None for name in names),
            )
            for number, one, texts in known
        ]
        places = ", ".join(["%s"] * (5 + len(names)))
        with translated(), self._connection.cursor() as cursor:
            for some in chunks(details, details):
                cursor.execute(
                    f"INSERT INTO sync_conflict_detail (conflict_id, kind, side, reason, blockers, {', '.join(names)},"
                    f" opened_at, noted_at) VALUES {', '.join([f'({places}, NOW(6), NOW(6))'] * len(some))}",
                    [value for row in some for value in row],
                )
        for number, _, texts in known:
            if not _is_small(texts):
                for column, text in texts.items():
                    self._store(number, column, text)

    def _join(self, openings: Sequence[Opening], side: Side) -> list[Opening]:
        """Note what belongs to rows that are open by now; the others."""
        held = self.held([one.document for one in openings])
        joining = {held[one.document]: one.entries for one in openings if one.document in held}
        if not joining or self.note(joining, side) != joining.keys():
            raise Contention("a conflict was closed while another was opened for the same document")
        return [one for one in openings if one.document not in held]

    def choose(self, document: DocumentId, side: Side) -> int:
        """See the port."""
        if document not in self.held([document]):
            hold = Hold(
                kind=ConflictKind.SNAPSHOT_DIFFERS, reason="a person found it different and decided for one side"
            )
            self.open([Opening(document=document, hold=hold, entries=(), target=None)], side)
        conflict = self.held([document])[document].conflict
        with translated(), self._connection.cursor() as cursor:
            cursor.execute(
                "UPDATE sync_conflict SET state = 'open', look_id = NULL, version = version + 1"
                " WHERE id = %s AND open_key IS NOT NULL",
                (conflict,),
            )
            if cursor.rowcount == 0:
                raise Contention("a conflict was closed while a person decided it")
            cursor.execute(
                "UPDATE sync_conflict_detail SET chosen = %s, waiting_for = NULL WHERE conflict_id = %s",
                (str(side), conflict),
            )
        return conflict

    def rule(self, conflict: int, ruling: Ruling) -> None:
        """See the port."""
        self._rulings.add(conflict, ruling)

    def notes(self, held: HeldDocument) -> Mapping[Side, Notes]:
        """See the port."""
        return {side: self._notes([held.conflict], side)[held.conflict] for side in Side}

    def close(self, held: HeldDocument, resolution: Mapping[str, object], decision: Decision | None = None) -> bool:
        """See the port."""
        with translated(), self._connection.cursor() as cursor:
            cursor.execute(
                "UPDATE sync_conflict SET state = 'settled', open_key = NULL, look_id = NULL"
                " WHERE id = %s AND version = %s AND open_key IS NOT NULL",
                (held.conflict, held.version),
            )
            if cursor.rowcount == 0:
                return False
            cursor.execute(
                "UPDATE sync_conflict_detail SET closed_at = NOW(6), resolution = %s WHERE conflict_id = %s",
                (json.dumps(dict(resolution)), held.conflict),
            )
        self._rulings.refuse([held.conflict], "the document was repaired meanwhile")
        if decision:
            self._looks.keep(held.conflict, decision)
        return True

    def _texts(self, opening: Opening, side: Side) -> dict[str, str]:
        """What is known of a document that is held from now on, by column. A change that could not be read leaves no value."""
        texts = {f"{side}_notes": self._with(NONE, opening.entries).to_json()}
        if not any(entry.problem for entry in opening.entries):
            texts[f"{side}_value"] = json.dumps(_written(opening.entries), ensure_ascii=False)
        if opening.target is not None:
            texts[f"{side.other}_value"] = json.dumps(rows_to_json(opening.target), ensure_ascii=False)
        return texts

    def _with(self, notes: Notes, entries: Sequence[Entry]) -> Notes:
        for entry in entries:
            if entry.origin is USER:
                collection = self._mapping.collections[entry.document.collection]
                notes = notes.add(entry, steps=collection.keeps_steps)
        return notes

    def _store(self, conflict: int, column: str, text: str) -> None:
        """One column a statement: together they could be more than the server takes."""
        with _storable(), translated(), self._connection.cursor() as cursor:
            update_many(cursor, "sync_conflict_detail", "conflict_id", {conflict: {column: text}})


class ConflictTransaction(Conflicts):
    """Implements `sync.conflict_ports.ConflictTransaction`: on a connection of its own."""

    def __init__(self, session: Session, mapping: SyncMapping) -> None:
        self._session = session
        super().__init__(session.get(), mapping)

    def commit(self) -> None:
        """See the port."""
        with translated():
            self._connection.commit()

    def rollback(self) -> None:
        """See the port."""
        self._session.rollback()


class MySQLConflicts:
    """Implements `sync.conflict_ports.ConflictDatabase`."""

    def __init__(self, settings: MySQLSettings, mapping: SyncMapping) -> None:
        self._session = Session(settings)
        self._mapping = mapping

    def begin(self) -> ConflictTransaction:
        """See the port."""
        return ConflictTransaction(self._session, self._mapping)

    def close(self) -> None:
        """See the port."""
        self._session.drop()


@contextmanager
def _storable() -> Iterator[None]:
    try:
        yield
    except Refused as error:
        message = f"what is known of a held document cannot be stored: {error.message}"
        raise ConfigError(message, hint="SET GLOBAL max_allowed_packet = 1073741824") from None


def _is_small(texts: Mapping[str, str]) -> bool:
    """Whether they are stored with their row; else one column a statement."""
    return sum(map(len, texts.values())) < _SMALL


def _look_after(row: tuple[int | None, int | None], ahead: Container[int] | None) -> int | None:
    look, met = row
    if look is None:
        return None
    return look_after_note(look, mark_passed=look == met if ahead is None else look not in ahead)


def _written(entries: Sequence[Entry]) -> list[object]:
    """What the noted changes left in each row that they touched; `row` is null where they deleted it."""
    last = {(c.table, c.key): c.after for e in entries if e.origin is USER for c in e.changes}
    rows: list[object] = []
    for (table, key), row in last.items():
        shown = rows_to_json({table: {key: row or {}}})[0]
        rows.append(shown if row is not None else {**shown, "row": None})
    return rows

"""Who wrote what stands at a place of a document, and who had seen what: read from the notes of both sides (design 2.4, rule 3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sync.model.change import RowKey, Side
from sync.model.mapping import CollectionMapping
from sync.model.notes import Note, Notes, Place
from sync.model.order import in_order
from sync.model.outcome import ABSENT, Looked, Loser, Standing
from sync.model.policies import Claim


class Claims:
    """Of one document."""

    def __init__(self, collection: CollectionMapping, looked: Looked, notes: Mapping[Side, Notes]) -> None:
        self._collection = collection
        self._looked = looked
        self.notes = notes

    def value(self, place: Place, side: Side) -> Standing:
        table, key, column = place
        row = self._looked.of(side)[table].get(key)
        if not column:
            return row is not None
        return ABSENT if row is None else row[column]

    def note(self, place: Place, side: Side) -> Note | None:
        return self.notes[side].places.get(place)

    def claim(self, place: Place, side: Side) -> Claim:
        """Who wrote what stands at a place of `side`: its own user, or the other side's whose change was carried here. What
        was written but could not be read counts where no note has the value. Nobody wrote a correction: it gives way to any
        user who had not seen it, and is no loser."""
        table, key, _ = place
        if side is Side.MYSQL and (table, key[:-1]) in self._looked.gaps:
            left = self._gap_claim(table, key[:-1])
            if left:
                return left
        value = self.value(place, side)
        for origin in (side, side.other):
            note = self.note(place, origin)
            if note and self.left(note, place, origin) == value:
                return (
                    Claim() if note.correction else Claim(note.time, origin, note.began(self.note(place, origin.other)))
                )
        if place[2] and place[2] == self._collection.positions.get(place[0]):
            left = self._order_claim(place, side)
            if left:
                return left
        unread = self.notes[side].unread
        return Claim(unread.time, side, unread.time) if unread else Claim()

    def _gap_claim(self, table: str, above: RowKey) -> Claim | None:
        """Who left a gap in a list. Its places were counted anew, so that no note's is the same; but only MySQL's users leave
        gaps, and a list is one value: theirs, as of their newest change of it."""
        times = [
            note.time
            for (of_table, key, _), note in self.notes[Side.MYSQL].places.items()
            if of_table == table and key[:-1] == above
        ]
        return Claim(max(times), Side.MYSQL, min(times)) if times else None

    def _order_claim(self, place: Place, side: Side) -> Claim | None:
        """Who moved something in a list with a key last, on this side. A place that counts by rank need be no note's."""
        table, key, position = place
        times = [
            note.time
            for (of_table, of_key, column), note in self.notes[side].places.items()
            if (of_table, of_key[:-1], column) == (table, key[:-1], position)
        ]
        return Claim(max(times), side, min(times)) if times else None

    def saw(self, place: Place, side: Side) -> bool:
        """Whether the writer of what stands on `side` found there what stands on the other."""
        note = self.note(place, side)
        if note is None or self.left(note, place, side) != self.value(place, side):
            return False
        return self.found(note, place, side) == self.value(place, side.other)

    def is_correction(self, place: Place) -> bool:
        note = self.note(place, Side.MYSQL)
        return note is not None and note.correction

    def joint(self, places: Iterable[Place], side: Side) -> Claim:
        """The newest of the places' claims; they began with the earliest."""
        claims = [self.claim(place, side) for place in places]
        newest = max(claims, key=lambda one: one.time, default=Claim())
        return Claim(newest.time, newest.side, min((one.began for one in claims if one.time), default=0))

    def left_out(self, place: Place, winner: Side, *, seen: bool) -> Iterator[Loser]:
        """What loses where `winner`'s version stands. `seen`: its writer had seen all that stood on the other side."""
        seen = seen or (self.saw(place, winner) and not self.saw(place, winner.other))
        return self.loser(place, winner.other, seen=seen)

    def loser(self, place: Place, side: Side, *, seen: bool) -> Iterator[Loser]:
        """What a user wrote that stands at a place of `side`, as one that loses; nothing where whoever wins had `seen` it."""
        lost, value = self.claim(place, side), self.value(place, side)
        # Of a row that is absent its absence is the loser, not each of its columns.
        if lost.side is not None and value is not ABSENT and not seen:
            yield Loser(place=place, value=value, side=lost.side, time=lost.time)

    def moved(self, table: str, position: str, keys: Iterable[RowKey], side: Side) -> bool:
        """Whether a side's users put these rows into another order than they had found them in."""
        rows = self._looked.of(side)[table]
        now = in_order(rows, keys, position)
        notes = {key: self.note((table, key, position), side) for key in now}
        found = {key: {position: note.found} for key, note in notes.items() if note and note.found is not None}
        return in_order({**rows, **found}, now, position) != now

    def left(self, note: Note, place: Place, origin: Side) -> Standing:
        """The value noted; a delete left none, and noted the row's absence in the same moment."""
        presence = self.presence(place, origin)
        return ABSENT if presence and presence.value is False and presence.position == note.position else note.value

    def found(self, note: Note, place: Place, origin: Side) -> Standing:
        """What the noted change found; an insert found none."""
        presence = self.presence(place, origin)
        return ABSENT if presence and presence.found is False and note.found is None else note.found

    def presence(self, place: Place, origin: Side) -> Note | None:
        """The note of the presence of a column's row."""
        table, key, column = place
        return self.note((table, key, ""), origin) if column else None

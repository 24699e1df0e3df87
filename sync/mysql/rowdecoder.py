"""Row events -> rows of the wanted columns, by functions that are compiled once for each table map (`image_text`).

An event that is cut off anywhere raises: reading passes its end, and nothing of it is given out before all of it was read.

Layouts: mysql-server, libs/mysql/binlog/event/rows_event.h (Rows_event), sql/log_event.cc (Partial_update_rows).
"""

from __future__ import annotations

import struct
from collections.abc import Container, Iterator, Sequence
from typing import NamedTuple

from sync.errors import ConfigError, RowImageNotFull, UnknownEvent
from sync.mysql.compressed import decompressed
from sync.mysql.fields import Fields
from sync.mysql.image_text import Image, ImageText, RawRow
from sync.mysql.json_differences import applied
from sync.mysql.logged_column import Kind, LoggedColumn


class Images(NamedTuple):
    """What reads a row before and after; an insert has none before, a delete none after."""

    before: Image | None
    after: Image | None
    #: The columns that stand in it.
    present: Sequence[LoggedColumn]


WRITES, UPDATES, DELETES, PARTIAL_UPDATE = frozenset({23, 30}), frozenset({24, 31, 39}), frozenset({25, 32}), 39
#: MariaDB: compressed forms -> what they are else.
_COMPRESSED = {166: 23, 167: 24, 168: 25, 169: 30, 170: 31, 171: 32}
ROWS = WRITES | UPDATES | DELETES | _COMPRESSED.keys()
#: First form of row events (MariaDB): no extra data between flags and columns.
_FIRST_FORM = frozenset({23, 24, 25})


class Rows:
    """A row event of one of our tables. Its rows are read as they are asked for."""

    __slots__ = ("_body", "_decoder", "_images", "_kind", "at", "missing", "table")

    def __init__(self, decoder: RowDecoder, kind: int, body: bytes, at: int, images: Images) -> None:
        """The rows begin at the place `at` of the event's body."""
        self.table = decoder.table
        #: See `RowDecoder`.
        self.missing = decoder.missing
        self._decoder = decoder
        self._kind = kind
        self._body = body
        self.at = at
        self._images = images

    @property
    def size(self) -> int:
        """Bytes of the event."""
        return len(self._body)

    def __iter__(self) -> Iterator[tuple[RawRow | None, RawRow | None]]:
        """Before and after of each row. Raises `UnknownEvent` for what cannot be read."""
        return iter(self.rows())

    def rows(self) -> list[tuple[RawRow | None, RawRow | None]]:
        """All of them."""
        try:
            return self._read()
        except UnknownEvent:
            raise
        except (ValueError, LookupError, ArithmeticError, RecursionError, struct.error) as error:
            raise UnknownEvent(f"rows of {self.table} cannot be read ({type(error).__name__})") from None

    def _read(self) -> list[tuple[RawRow | None, RawRow | None]]:
        body, at, end = self._body, self.at, len(self._body)
        image_before, image_after, present = self._images
        differing: frozenset[str] = frozenset()
        partial = self._kind == PARTIAL_UPDATE
        found = []
        before = after = None
        while at < end:
            if image_before is not None:
                before, at = image_before(body, at)
            if partial:
                differing, at = self._differing(at)
                image_after = self._decoder.image(present, differing)
            if image_after is not None:
                after, at = image_after(body, at)
            if differing and before and after:
                after = self._decoder.whole(before, after, differing)
            found.append((before, after))
        if at != end:
            raise UnknownEvent(f"rows of {self.table} in the binlog are cut off")
        return found

    def _differing(self, at: int) -> tuple[frozenset[str], int]:
        """The columns of type JSON of which a partial update has only differences: whether there are any, and one bit for
        each such column, stand before the image."""
        fields = Fields(self._body, at)
        options = fields.packed()
        if options > 1:
            raise UnknownEvent(f"rows of {self.table} in the binlog have options that nobody knows")
        if not options:
            return frozenset(), fields.at
        jsons = self._decoder.jsons
        if not {column.name for column in self._images.present}.issuperset(jsons):
            raise UnknownEvent(f"partial JSON updates of {self.table} without all its columns")
        bits = fields.number((len(jsons) + 7) // 8)
        return frozenset(name for place, name in enumerate(jsons) if bits >> place & 1), fields.at


class RowDecoder:
    """Reads row events of a table whose map tells of these columns. `wanted` are names of columns; each row has their
    values in that order."""

    def __init__(self, table: str, columns: Sequence[LoggedColumn], wanted: Sequence[str]) -> None:
        self.table = table
        self._columns = columns
        names = [column.name for column in self._columns]
        if not all(names):
            hint = "SET GLOBAL binlog_row_metadata = 'FULL', then: lockstep bootstrap --from mysql|mongo"
            raise ConfigError(f"{self.table}: names of columns are missing from the binlog", hint=hint)
        #: Wanted columns that the table had not when it was written. Rows then have the first wanted one's value, or none.
        self.missing = tuple(name for name in wanted if name not in names)
        self._wanted = tuple(name for name in wanted[:1] if name in names) if self.missing else tuple(wanted)
        #: Type of the event, number of columns and which of them stand in the images -> functions.
        self._heads: dict[tuple[int, bytes], Images] = {}
        self._width = (len(columns) + 7) // 8 + (1 if len(columns) < 251 else 3)
        #: The columns of type JSON.
        self.jsons = [column.name for column in columns if column.kind is Kind.JSON]
        self._compiled: dict[tuple[tuple[str, ...], frozenset[str]], Image] = {}

    def event(self, kind: int, body: bytes) -> Rows:
        """An event without header and checksum. Raises `RowImageNotFull` where wanted columns are not in it, and
        `UnknownEvent` where one of them cannot be read by anybody here."""
        plain = _COMPRESSED.get(kind)
        kind = plain or kind
        at = 8 if kind in _FIRST_FORM else 8 + int.from_bytes(body[8:10], "little")
        end = at + self._width + ((len(self._columns) + 7) // 8 if kind in UPDATES else 0)
        head = kind, body[at:end]
        images = self._heads.get(head)
        if images is None:
            images = self._heads[head] = self._images(kind, Fields(body, at))
        if plain:
            body = body[:end] + decompressed(body[end:])
        return Rows(self, kind, body, end, images)

    def _images(self, kind: int, fields: Fields) -> Images:
        if fields.packed() != len(self._columns):
            raise UnknownEvent(f"rows of {self.table} in the binlog have another number of columns than the table")
        before = [] if kind in WRITES else self._present(fields)
        after = [] if kind in DELETES else self._present(fields)
        return Images(
            self.image(before) if kind not in WRITES else None,
            self.image(after) if kind not in DELETES else None,
            present=after,
        )

    def _present(self, fields: Fields) -> list[LoggedColumn]:
        """The columns that stand in an image."""
        bits = int.from_bytes(fields.take((len(self._columns) + 7) // 8), "little")
        return [column for at, column in enumerate(self._columns) if bits >> at & 1]

    def image(self, present: Sequence[LoggedColumn], differing: frozenset[str] = frozenset()) -> Image:
        """What reads images in which these columns stand; of those `differing` the bytes as they stand there."""
        names = tuple(column.name for column in present)
        if not set(names).issuperset(self._wanted):
            raise RowImageNotFull(f"a session wrote {self.table} with binlog_row_image other than FULL")
        found = self._compiled.get((names, differing))
        if found is None:
            found = ImageText(self.table, present, self._wanted, raw=differing).compile()
            self._compiled[names, differing] = found
        return found

    def whole(self, before: RawRow, after: RawRow, differing: Container[str]) -> RawRow:
        """The row after, in which only differences of these columns stand."""
        return tuple(
            applied(was, now) if name in differing else now
            for name, was, now in zip(self._wanted, before, after, strict=True)
        )

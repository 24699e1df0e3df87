"""Row events -> rows of the wanted columns, by functions that are compiled once for each table map.

An image is one row before or after a change. Of a table

    id CHAR(24) ascii NOT NULL, name VARCHAR(200) utf8mb4 NOT NULL, opened DATETIME(3), active BOOL, `limit` INT NOT NULL

with `id`, `opened` and `limit` wanted, the function for its images is this, with what `u0` and the like stand for:

    def image(data, at):
        nulls = data[at]                            # a bit for each column that stands in the image
        if nulls & 19: not_null()                   # the columns that may not be NULL
        n, = u0(data, at); at += 2                  # Struct("<xB"): the bits again, and how long `id` is
        v0 = r0(data[at:at + n]); at += n           # its character set
        n, = u1(data, at); at += 1
        at += n                                     # `name`: skipped
        if nulls & 4: v2 = None
        else:
            v2, = u2(data, at); at += 7             # Struct("<7s")
            v2 = r2(v2)                             # seven bytes -> datetime
        if not nulls & 8: at += 1                   # `active`: skipped
        v4, = u3(data, at); at += 4                 # Struct("<i")
        return (v0, v2, v4), at

Columns of fixed size that follow on each other share one Struct. An event that is cut off anywhere raises: reading passes
its end, and nothing of it is given out before all of it was read.

Layouts: mysql-server, libs/mysql/binlog/event/rows_event.h (Rows_event), sql/log_event.cc (Partial_update_rows).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn, TypeAlias

from sync.errors import ConfigError, RowImageNotFull, UnknownEvent
from sync.mysql.column_values import reader_of
from sync.mysql.compressed import decompressed
from sync.mysql.table_map import Fields, Kind, LoggedColumn

#: Values of the wanted columns, in their order.
RawRow: TypeAlias = tuple[Any, ...]
#: Reads the image that begins at a place; tells where it ends.
Image: TypeAlias = Callable[[bytes, int], tuple[RawRow, int]]
#: Those before and after; an insert has none before, a delete none after.
Images: TypeAlias = tuple[Image | None, Image | None]

WRITES, UPDATES, DELETES, PARTIAL_UPDATE = frozenset({23, 30}), frozenset({24, 31, 39}), frozenset({25, 32}), 39
#: MariaDB: compressed forms -> what they are else.
_COMPRESSED = {166: 23, 167: 24, 168: 25, 169: 30, 170: 31, 171: 32}
ROWS = WRITES | UPDATES | DELETES | _COMPRESSED.keys()
#: First form of row events (MariaDB): no extra data between flags and columns.
_FIRST_FORM = frozenset({23, 24, 25})


class Rows:
    """A row event of one of our tables. Its rows are read as they are asked for."""

    __slots__ = ("_after", "_before", "_body", "_json", "_kind", "at", "table")

    def __init__(self, decoder: RowDecoder, kind: int, body: bytes, at: int, images: Images) -> None:
        """The rows begin at the place `at` of the event's body."""
        self.table = decoder.table
        self._json = decoder.json
        self._kind = kind
        self._body = body
        self.at = at
        self._before, self._after = images

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
        except (ValueError, LookupError, ArithmeticError, struct.error) as error:
            raise UnknownEvent(f"rows of {self.table} cannot be read ({type(error).__name__})") from None

    def _read(self) -> list[tuple[RawRow | None, RawRow | None]]:
        body, at, end = self._body, self.at, len(self._body)
        image_before, image_after = self._before, self._after
        partial = self._kind == PARTIAL_UPDATE
        found = []
        before = after = None
        while at < end:
            if image_before is not None:
                before, at = image_before(body, at)
            if partial:
                at = self._options(at)
            if image_after is not None:
                after, at = image_after(body, at)
            found.append((before, after))
        if at != end:
            raise UnknownEvent(f"rows of {self.table} in the binlog are cut off")
        return found

    def _options(self, at: int) -> int:
        """What stands before the image after a partial update: whether it holds differences of JSON, and of which
        columns, one bit for each of type JSON."""
        fields = Fields(self._body, at)
        options = fields.packed()
        if options > 1:
            raise UnknownEvent(f"rows of {self.table} in the binlog have options that nobody knows")
        wanted, every = self._json
        differences = fields.number((every + 7) // 8) if options else 0
        if any(differences >> place & 1 for place in wanted):
            raise UnknownEvent(f"partial JSON updates of {self.table}: unset binlog_row_value_options")
        return fields.at


class RowDecoder:
    """Reads row events of a table whose map tells of these columns. `wanted` are names of columns; each row has their
    values in that order."""

    def __init__(self, table: str, columns: Sequence[LoggedColumn], wanted: Sequence[str]) -> None:
        self.table = table
        self._columns = columns
        self._wanted = tuple(wanted)
        names = [column.name for column in self._columns]
        if not all(names):
            hint = "SET GLOBAL binlog_row_metadata = 'FULL', then: lockstep bootstrap --from mysql|mongo"
            raise ConfigError(f"{self.table}: names of columns are missing from the binlog", hint=hint)
        absent = set(wanted).difference(names)
        if absent:
            raise RowImageNotFull(f"{self.table}: column {min(absent)} does not stand in the binlog")
        #: Type of the event, number of columns and which of them stand in the images -> functions.
        self._heads: dict[tuple[int, bytes], Images] = {}
        self._width = (len(columns) + 7) // 8 + (1 if len(columns) < 251 else 3)
        jsons = [column.name for column in columns if column.kind is Kind.JSON]
        #: Places of the wanted columns among those of type JSON, and how many there are.
        self.json = (tuple(at for at, name in enumerate(jsons) if name in wanted), len(jsons))

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
        before = None if kind in WRITES else self._image(fields)
        after = None if kind in DELETES else self._image(fields)
        return before, after

    def _image(self, fields: Fields) -> Image:
        bits = int.from_bytes(fields.take((len(self._columns) + 7) // 8), "little")
        present = [column for at, column in enumerate(self._columns) if bits >> at & 1]
        if not {column.name for column in present}.issuperset(self._wanted):
            raise RowImageNotFull(f"a session wrote {self.table} with binlog_row_image other than FULL")
        return _Source(self.table, present, self._wanted).compile()


#: Of columns that are plain numbers: how Struct names them, and what is told of unsigned ones.
_CODES = {
    Kind.TINY: "b",
    Kind.SHORT: "h",
    Kind.LONG: "i",
    Kind.LONGLONG: "q",
    Kind.YEAR: "B",
    Kind.FLOAT: "f",
    Kind.DOUBLE: "d",
}
_INTEGERS = frozenset({Kind.TINY, Kind.SHORT, Kind.INT24, Kind.LONG, Kind.LONGLONG})
_PREFIXES = {1: "B", 2: "H", 3: "HB", 4: "I"}


class _Source:
    """The text of one image's function, and what its names stand for."""

    def __init__(self, table: str, columns: Sequence[LoggedColumn], wanted: Sequence[str]) -> None:
        self._columns = columns
        self._wanted = wanted
        self._names: dict[str, object] = {"not_null": lambda: _not_null(table)}
        self._lines: list[str] = []
        #: Columns of fixed size that were not written yet: codes, names and bytes.
        self._codes, self._targets, self._size = "", list[str](), 0
        #: What is to be done with them then.
        self._reads: list[str] = []
        self._indent = ""

    def compile(self) -> Image:
        self._start()
        for at, column in enumerate(self._columns):
            if column.nullable:
                self._nullable(at, column)
            else:
                self._column(at, column)
        self._flush()
        values = "".join(f"v{self._place(name)}, " for name in self._wanted)
        text = "\n    ".join(["def image(data, at):", *self._lines, f"return ({values}), at"])
        exec(compile(text, "<image>", "exec"), self._names)  # noqa: S102 - made of numbers only
        image: Image = self._names["image"]  # type: ignore[assignment]  # what `exec` put there
        return image

    def _place(self, name: str) -> int:
        return next(at for at, column in enumerate(self._columns) if column.name == name)

    def _start(self) -> None:
        """The bits that say which columns are NULL."""
        size = (len(self._columns) + 7) // 8
        bits = "data[at]" if size == 1 else f"int.from_bytes(data[at:at + {size}], 'little')"
        never = sum(1 << at for at, column in enumerate(self._columns) if not column.nullable)
        self._write(f"nulls = {bits}", f"if nulls & {never}: not_null()")
        self._fixed(f"{size}x", size)

    def _nullable(self, at: int, column: LoggedColumn) -> None:
        self._flush()
        bit = 1 << at
        if column.name in self._wanted:
            self._write(f"if nulls & {bit}: v{at} = None", "else:")
        elif column.size:
            self._write(f"if not nulls & {bit}: at += {column.size}")
            return
        else:
            self._write(f"if not nulls & {bit}:")
        self._indent = "    "
        self._column(at, column)
        self._flush()
        self._indent = ""

    def _column(self, at: int, column: LoggedColumn) -> None:
        """A value that is not NULL."""
        wanted = column.name in self._wanted
        if column.size and not wanted:
            self._fixed(f"{column.size}x", column.size)
        elif column.size:
            self._fixed(self._code(column), column.size, f"v{at}")
            self._reads += self._reading(at, column, f"v{at}")
        else:
            self._length(column.prefix)
            self._flush()
            if wanted:
                self._write(*(self._reading(at, column, "data[at:at + n]") or [f"v{at} = data[at:at + n]"]))
            self._write("at += n")

    def _length(self, prefix: int) -> None:
        self._fixed(_PREFIXES[prefix], prefix, *("n", "m")[: len(_PREFIXES[prefix])])
        if prefix == 3:
            self._reads.append("n += m << 16")

    def _code(self, column: LoggedColumn) -> str:
        if column.kind is Kind.ENUM:
            return "B" if column.size == 1 else "H"
        code = _CODES.get(column.kind, f"{column.size}s")
        return code.upper() if column.kind in _INTEGERS and column.unsigned and len(code) == 1 else code

    def _reading(self, at: int, column: LoggedColumn, value: str) -> list[str]:
        """What makes the value that a SELECT gives."""
        if column.kind in _INTEGERS and column.unsigned is None:
            raise UnknownEvent(f"column {column.name}: whether it is unsigned does not stand in the binlog")
        if column.kind is Kind.INT24:
            return [f"v{at} = int.from_bytes({value}, 'little', signed={not column.unsigned})"]
        reads = reader_of(column)
        if reads is None:
            return []
        self._names[f"r{at}"] = reads
        return [f"v{at} = r{at}({value})"]

    def _fixed(self, code: str, size: int, *targets: str) -> None:
        self._codes += code
        self._size += size
        self._targets += targets

    def _flush(self) -> None:
        if self._targets:
            name = f"u{len(self._names)}"
            self._names[name] = struct.Struct(f"<{self._codes}").unpack_from
            self._write(f"{', '.join(self._targets)}, = {name}(data, at)")
        if self._size:
            self._write(f"at += {self._size}")
        self._write(*self._reads)
        self._codes, self._targets, self._size, self._reads = "", [], 0, []

    def _write(self, *lines: str) -> None:
        self._lines += [self._indent + line for line in lines]


def _not_null(table: str) -> NoReturn:
    raise UnknownEvent(f"rows of {table} in the binlog hold NULL where the table does not allow it")

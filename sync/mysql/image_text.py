"""The function that reads the images of a table's rows, as text that is compiled once.

An image is one row before or after a change. Of a table

    id CHAR(24) ascii NOT NULL, name VARCHAR(200) utf8mb4 NOT NULL, opened DATETIME(3), active BOOL, `limit` INT NOT NULL

with `id`, `opened` and `limit` wanted, the function for its images is this, with what `u0` and the like stand for:

    def image(data, at):
        nulls = data[at]                        # one bit for each column of the image
        if nulls & 19: not_null()               # the columns that may not be NULL
        n, = u0(data, at); at += 2              # Struct("<1xB"): past those bits; how long `id` is
        v0 = r0(data[at:at + n]); at += n       # by its character set
        n, = u1(data, at); at += 2              # Struct("<H")
        at += n                                 # `name` is skipped
        if nulls & 4: v2 = None
        else:
            v2, = u2(data, at); at += 7         # Struct("<7s")
            v2 = r2(v2)                         # seven bytes -> datetime
        if not nulls & 8: at += 1               # `active` is skipped
        v4, = u3(data, at); at += 4             # Struct("<i")
        return (v0, v2, v4, ), at

Columns of fixed size that follow on each other share one Struct.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Sequence
from typing import Any, NoReturn, TypeAlias, cast

from sync.errors import UnknownEvent
from sync.mysql.column_values import reader_of
from sync.mysql.logged_column import Kind, LoggedColumn

#: Values of the wanted columns, in their order.
RawRow: TypeAlias = tuple[Any, ...]
#: Reads the image that begins at a place; tells where it ends.
Image: TypeAlias = Callable[[bytes, int], tuple[RawRow, int]]

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


class ImageText:
    """The text of one image's function, and what its names stand for."""

    def __init__(
        self, table: str, columns: Sequence[LoggedColumn], wanted: Sequence[str], raw: Collection[str] = ()
    ) -> None:
        """Of the columns `raw` the bytes are given as they stand."""
        self._columns = columns
        self._wanted = wanted
        self._raw = raw
        self._names: dict[str, object] = {"not_null": lambda: _not_null(table)}
        self._lines: list[str] = []
        self._structs = 0
        #: Columns of fixed size that were not written yet: codes, names and bytes.
        self._codes, self._targets, self._size = "", list[str](), 0
        #: What is to be done with them then.
        self._reads: list[str] = []
        self._indent = ""

    def compile(self) -> Image:
        exec(compile(self.text(), "<image>", "exec"), self._names)  # noqa: S102 - made of numbers only
        return cast("Image", self._names["image"])

    def text(self) -> str:
        """What the module's first lines show."""
        self._start()
        for at, column in enumerate(self._columns):
            if column.nullable:
                self._nullable(at, column)
            else:
                self._column(at, column)
        self._flush()
        values = "".join(f"v{self._place(name)}, " for name in self._wanted)
        return "\n    ".join(["def image(data, at):", *self._lines, f"return ({values}), at"])

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
            value = "data[at:at + n]"
            read = self._reading(at, column, value) or [f"v{at} = {value}"] if wanted else []
            self._write("; ".join([*read, "at += n"]))

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
        if column.name in self._raw:
            return []
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
            name = f"u{self._structs}"
            self._structs += 1
            self._names[name] = struct.Struct(f"<{self._codes}").unpack_from
            self._write(f"{', '.join(self._targets)}, = {name}(data, at); at += {self._size}")
        elif self._size:
            self._write(f"at += {self._size}")
        self._write(*self._reads)
        self._codes, self._targets, self._size, self._reads = "", [], 0, []

    def _write(self, *lines: str) -> None:
        self._lines += [self._indent + line for line in lines]


def _not_null(table: str) -> NoReturn:
    raise UnknownEvent(f"rows of {table} in the binlog hold NULL where the table does not allow it")

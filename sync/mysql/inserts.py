"""INSERTs of many rows, as complete statements: making one costs about as much as running it, so each table has a function of
its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias, cast

from sync.errors import Refused
from sync.model.change import Row, RowKey, Value
from sync.model.codecs import NotCanonical, Writer
from sync.model.mapping import TableMapping
from sync.model.self_written import SelfWritten
from sync.mysql.literals import Literal, literals
from sync.mysql.server import Connection, quoted

#: Rows, and characters, of one statement; so many characters fit every server.
_ROWS, _CHARACTERS = 1000, 1 << 18
#: Names what was refused among columns and values.
_Refused: TypeAlias = Callable[[Iterable[tuple[str, Value]]], Refused]


class Inserts:
    """Into one table."""

    def __init__(
        self, table: TableMapping, writers: Mapping[str, Writer], refused: _Refused, written: SelfWritten | None = None
    ) -> None:
        """`written`: what MySQL writes of the table by itself."""
        self._key = table.key
        self._refused = refused
        names = ", ".join(map(quoted, (*table.key, *table.columns)))
        self._head = f"INSERT INTO {quoted(table.name)} ({names}) VALUES "
        self._line = _compiled(table, writers, written)

    def statements(self, connection: Connection, rows: Iterable[tuple[RowKey, Row]]) -> Iterator[tuple[str, int]]:
        """Each with the number of its rows. Raises `Refused`."""
        line, literal = self._line, literals(connection)
        lines: list[str] = []
        characters = 0
        for key, row in rows:
            try:
                text = line(literal, key, row)
            except NotCanonical:
                raise self._refused([*zip(self._key, key, strict=True), *row.items()]) from None
            if len(lines) == _ROWS or (lines and characters + len(text) > _CHARACTERS):
                yield self._head + ",".join(lines), len(lines)
                lines, characters = [], 0
            lines.append(text)
            characters += len(text)
        if lines:
            yield self._head + ",".join(lines), len(lines)


def _compiled(
    table: TableMapping, writers: Mapping[str, Writer], written: SelfWritten | None
) -> Callable[[Literal, RowKey, Row], str]:
    """One row as it stands in a statement. Of a key `id` and a column `name` it is

    def line(literal, key, row):
        k0, = key
        v0 = row[n0]
        return f"({literal(u0(k0))},{literal(None if v0 is None else t0(v0))})"

    Where MySQL gives the value, DEFAULT stands for it; a number it gives for NULL (for DEFAULT it would be 0).
    """
    names: dict[str, object] = {}
    keys = "".join(f"k{at}, " for at in range(len(table.key)))
    text = f"def line(literal, key, row):\n    {keys}= key\n"
    values: list[str] = []
    for at, name in enumerate(table.key):
        names[f"u{at}"] = writers[name]
        values.append(f"{{literal(u{at}(k{at}))}}")
    for at, name in enumerate(table.columns):
        names |= {f"t{at}": writers[name], f"n{at}": name}
        text += f"    v{at} = row[n{at}]\n"
        if written and name in written.generated:
            values.append("DEFAULT")
        elif written and name in written.defaulted - written.numbered:
            values.append(f"{{'DEFAULT' if v{at} is None else literal(t{at}(v{at}))}}")
        else:
            values.append(f"{{literal(None if v{at} is None else t{at}(v{at}))}}")
    text += f'    return f"({",".join(values)})"'
    exec(compile(text, "<insert>", "exec"), names)  # noqa: S102 - made of numbers only
    return cast("Callable[[Literal, RowKey, Row], str]", names["line"])

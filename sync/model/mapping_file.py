"""Reads the mapping from the text of lockstep.toml; every problem is listed at once, with its line.

What this version does not map (types, parts, options) is refused by name, never left out silently.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping

from sync.errors import MappingError
from sync.model.change import Side
from sync.model.codecs import CODECS, Codec
from sync.model.mapping import (
    CollectionMapping,
    FieldMapping,
    OnTruncate,
    PartKind,
    PartMapping,
    Policy,
    SyncMapping,
)

_LATER_KINDS = ("object",)
_LATER_CODECS = ("int64", "double", "decimal128", "binary", "uuid", "json", "enum", "time", "timestamp")
_LATER_OPTIONS = ("policy", "unmapped", "empty", "rename")
#: Keys of documents; other types lack an order that both databases and the text of a key agree on.
_ID_CODECS = ("objectid", "string")
#: Settings of [lockstep] that are a number of days, what counts where one is left out, and the most (a hundred years).
_DAYS = {"keep_settled_days": 30, "keep_converged_days": 1}
_MOST_DAYS = 36_500
_HEADER = re.compile(r"\[{1,2}([^\[\]]+)\]{1,2}\s*(#.*)?")
_NAME = re.compile(r"[A-Za-z0-9_$\u0080-\uffff]{1,64}")

_Table = Mapping[str, object]
_Path = tuple[str, ...]


def load_mapping(text: str, *, source: str = "lockstep.toml") -> SyncMapping:
    """The mapping that `text` declares. Raises `MappingError`."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MappingError([f"{source}: {error}"]) from None
    reader = _Reader(text, source)
    mapping = reader.mapping(data)
    if reader.problems or mapping is None:
        raise MappingError(reader.problems)
    return mapping


class _Reader:
    """Walks the file and collects problems instead of stopping at the first."""

    def __init__(self, text: str, source: str) -> None:
        self._lines = text.splitlines()
        self._source = source
        self._tables: dict[str, str] = {}
        self.problems: list[str] = []

    def mapping(self, data: _Table) -> SyncMapping | None:
        self._known(data, (), ("lockstep", "collections"))
        engine = self._table(data.get("lockstep", {}), ("lockstep",))
        self._known(engine, ("lockstep",), ("tie", *_DAYS))
        tie = engine.get("tie", "mysql")
        if tie not in tuple(Side):
            self._problem(("lockstep", "tie"), 'allowed: "mysql" or "mongo"')
        settled, converged = (self._days(engine, name) for name in _DAYS)
        collections = self._table(data.get("collections", {}), ("collections",))
        if not collections:
            self._problem(("collections",), "at least one collection is needed: [collections.NAME]")
        read = {name: self._collection(name, value) for name, value in collections.items()}
        if self.problems:
            return None
        return SyncMapping(
            collections={n: c for n, c in read.items() if c},
            tie=Side(str(tie)),
            keep_settled_days=settled,
            keep_converged_days=converged,
        )

    def _days(self, engine: _Table, name: str) -> int:
        days = engine.get(name, _DAYS[name])
        if isinstance(days, int) and not isinstance(days, bool) and 0 <= days <= _MOST_DAYS:
            return days
        self._problem(("lockstep", name), f"allowed: a whole number of days, 0 to {_MOST_DAYS}")
        return 0

    def _collection(self, name: str, value: object) -> CollectionMapping | None:
        path = ("collections", name)
        table = self._table(value, path)
        self._known(table, path, ("table", "id", "policy", "on_truncate", "fields", "parts"))
        if name.startswith(("system.", "sync_")) or "$" in name or not name:
            self._problem(path, "this name is reserved")
        root = self._name_of_table(table, path)
        key = self._field("_id", table.get("id"), (*path, "id"), nullable=False)
        if key and key.codec.name not in _ID_CODECS:
            reason = f"codec {key.codec.name} is not in this version for _id"
            self._problem((*path, "id"), f"{reason}; allowed: {', '.join(_ID_CODECS)}")
        fields = self._fields(table.get("fields", {}), (*path, "fields"))
        columns = [key.column] if key else []
        self._distinct([*columns, *(field.column for field in fields)], (*path, "fields"), "column")
        parts = self._parts(table, path, 1, [field.name for field in fields])
        policy = table.get("policy", Policy.LAST_WRITE_WINS)
        if policy not in tuple(Policy):
            self._problem((*path, "policy"), f"allowed: {', '.join(Policy)}")
        on_truncate = table.get("on_truncate", OnTruncate.PAUSE)
        if on_truncate not in tuple(OnTruncate):
            self._problem((*path, "on_truncate"), f"allowed: {', '.join(OnTruncate)}")
        if key is None or root is None or self.problems:
            return None
        return CollectionMapping(
            name=name,
            table=root,
            id=key,
            fields=fields,
            parts=parts,
            policy=Policy(str(policy)),
            on_truncate=OnTruncate(str(on_truncate)),
        )

    def _parts(self, holder: _Table, path: _Path, depth: int, fields: Iterable[str]) -> tuple[PartMapping, ...]:
        parts = self._table(holder.get("parts", {}), (*path, "parts"))
        for name in parts.keys() & set(fields):
            self._problem((*path, "parts", name), "a field of the same name is mapped already")
        read = [self._part(name, value, (*path, "parts", name), depth) for name, value in parts.items()]
        return tuple(part for part in read if part)

    def _part(self, name: str, value: object, path: _Path, depth: int) -> PartMapping | None:
        table = self._table(value, path)
        self._field_name(name, path)
        kind = self._kind(table, path)
        if kind is None:
            return None
        common = ("kind", "table", "parent")
        allowed = {
            PartKind.MAP: (*common, "key", "fields", "parts"),
            PartKind.LIST: (*common, "position", "value", "fields"),
            PartKind.SET: (*common, "value"),
        }
        if kind is PartKind.LIST and "key" in table:
            self._problem((*path, "key"), "a list with a key is not in this version; allowed: position")
            return None
        if kind is PartKind.LIST and "parts" in table:
            self._problem((*path, "parts"), "parts nested in a list are not in this version")
        self._known(table, path, (*allowed[kind], *(("key", "parts") if kind is PartKind.LIST else ())))
        child = self._name_of_table(table, path)
        parent = self._columns(table, path, depth)
        own, value_field, fields, repeats = self._content(kind, table, path)
        names = [field.name for field in fields] + ([repeats] if repeats else [])
        nested = self._parts(table, path, depth + 1, names) if kind is PartKind.MAP else ()
        if own is None or child is None:
            return None
        columns = [*parent, own.column, *(field.column for field in fields)]
        if value_field:
            columns.append(value_field.column)
        self._distinct(columns, path, "column")
        return PartMapping(
            name=name,
            kind=kind,
            table=child,
            parent=parent,
            own=own,
            repeats_key_in=repeats,
            value=value_field,
            fields=fields,
            parts=nested,
        )

    def _content(
        self, kind: PartKind, table: _Table, path: _Path
    ) -> tuple[FieldMapping | None, FieldMapping | None, tuple[FieldMapping, ...], str | None]:
        """Own key column, scalar's column, fields of the elements, field that repeats a map's key."""
        if kind is PartKind.SET:
            return self._field("", table.get("value"), (*path, "value"), nullable=False), None, (), None
        fields = self._fields(table.get("fields", {}), (*path, "fields"))
        if kind is PartKind.MAP:
            own, repeats = self._map_key(table.get("key"), (*path, "key"))
            if repeats and repeats in {field.name for field in fields}:
                self._problem((*path, "key"), "a field of the same name is mapped already")
            return own, None, fields, repeats
        position = table.get("position")
        if not isinstance(position, str) or not _NAME.fullmatch(position):
            self._problem((*path, "position"), "the name of the column that holds the place in the list is needed")
            return None, None, (), None
        own = FieldMapping(name="", column=position, codec=CODECS["int32"])
        value = self._field("", table["value"], (*path, "value"), nullable=False) if "value" in table else None
        if ("value" in table) == bool(table.get("fields")):
            self._problem(path, "either value (a list of scalars) or fields (a list of objects) is needed")
        return own, value, fields, None

    def _map_key(self, value: object, path: _Path) -> tuple[FieldMapping | None, str | None]:
        table = self._table(value if value is not None else {}, path)
        self._known(table, path, ("column", "codec", "field"))
        own = self._field(
            "", {"codec": "string", **{k: v for k, v in table.items() if k != "field"}}, path, nullable=False
        )
        if own and own.codec.name != "string":
            self._problem(path, "a map's key is a string")
        repeats = table.get("field")
        if repeats is None:
            return own, None
        if not isinstance(repeats, str):
            self._problem(path, "field: a name is needed")
            return own, None
        self._field_name(repeats, path)
        return own, repeats

    def _fields(self, value: object, path: _Path) -> tuple[FieldMapping, ...]:
        table = self._table(value, path)
        read = []
        for name, field in table.items():
            self._field_name(name, (*path, name))
            if isinstance(field, dict) and field and all(isinstance(inner, dict) for inner in field.values()):
                self._problem((*path, name), "dotted paths are not in this version")
                continue
            read.append(self._field(name, field, (*path, name), nullable=True))
        return tuple(field for field in read if field)

    def _field(self, name: str, value: object, path: _Path, *, nullable: bool) -> FieldMapping | None:
        if value is None:
            self._problem(path, 'needed: { column = "…", codec = "…" }')
            return None
        if not isinstance(value, dict):
            self._problem(path, 'a table is needed: { column = "…", codec = "…" }')
            return None
        table: _Table = value
        self._known(table, path, ("column", "codec", "null") if nullable else ("column", "codec"))
        column = table.get("column")
        if not isinstance(column, str) or not _NAME.fullmatch(column):
            self._problem(path, "column: the name of a column is needed")
        codec = self._codec(table.get("codec"), path)
        null = table.get("null", "refused")
        if null == "null":
            self._problem(path, 'null = "null" is not in this version; allowed: "absent", or leave it out')
        elif null not in ("refused", "absent"):
            self._problem(path, 'null: allowed is "absent", or leave it out for a column that is NOT NULL')
        if codec is None or not isinstance(column, str):
            return None
        return FieldMapping(name=name, column=column, codec=codec, absent_if_null=null == "absent")

    def _codec(self, value: object, path: _Path) -> Codec | None:
        if isinstance(value, str) and value in CODECS:
            return CODECS[value]
        allowed = ", ".join(CODECS)
        if value in _LATER_CODECS:
            self._problem(path, f"codec {value} is not in this version; allowed: {allowed}")
        else:
            self._problem(path, f"codec: allowed is one of {allowed}")
        return None

    def _kind(self, table: _Table, path: _Path) -> PartKind | None:
        kind = table.get("kind")
        if kind in tuple(PartKind):
            return PartKind(str(kind))
        later = f"{kind} is not in this version; " if kind in _LATER_KINDS else ""
        self._problem((*path, "kind"), f"{later}allowed: {', '.join(PartKind)}")
        return None

    def _columns(self, table: _Table, path: _Path, depth: int) -> tuple[str, ...]:
        parent = table.get("parent")
        if not isinstance(parent, list) or not all(isinstance(one, str) and _NAME.fullmatch(one) for one in parent):
            self._problem((*path, "parent"), "the columns that hold the key of the row above are needed, as a list")
            return ()
        if len(parent) != depth:
            self._problem((*path, "parent"), f"the key of the row above has {depth} column(s), found {len(parent)}")
        return tuple(parent)

    def _name_of_table(self, table: _Table, path: _Path) -> str | None:
        name = table.get("table")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            self._problem((*path, "table"), "the name of a table is needed")
            return None
        if name.lower().startswith("sync_"):
            self._problem((*path, "table"), "tables named sync_… belong to the engine")
        elif name in self._tables:
            self._problem((*path, "table"), f"{name} is mapped already by {self._tables[name]}")
        self._tables[name] = ".".join(path)
        return name

    def _field_name(self, name: str, path: _Path) -> None:
        if "." in name:
            self._problem(path, "dotted paths are not in this version")
        elif name.startswith("$") or name in ("", "_id"):
            self._problem(path, "a field may not be named so")

    def _known(self, table: _Table, path: _Path, allowed: tuple[str, ...]) -> None:
        for key in table:
            if key in allowed:
                continue
            later = " (planned, not in this version)" if key in _LATER_OPTIONS else ""
            self._problem((*path, key), f"unknown key{later}; allowed: {', '.join(allowed)}")

    def _distinct(self, names: Iterable[str], path: _Path, what: str) -> None:
        seen: set[str] = set()
        for name in names:
            if name.lower() in seen:
                self._problem(path, f"{what} {name} is used twice")
            seen.add(name.lower())

    def _table(self, value: object, path: _Path) -> _Table:
        if isinstance(value, dict):
            return value
        self._problem(path, "a table is needed")
        return {}

    def _problem(self, path: _Path, message: str) -> None:
        line = self._line(path)
        place = f"{self._source}:{line}" if line else self._source
        problem = f"{place}: {'.'.join(path) or 'file'}: {message}"
        if problem not in self.problems:
            self.problems.append(problem)

    def _line(self, path: _Path) -> int | None:
        """The line of the key at `path`, or of the nearest table above it: tomllib tells none."""
        section: _Path = ()
        best: tuple[int, int] | None = None
        for number, line in enumerate(self._lines, start=1):
            stripped = line.strip()
            header = _HEADER.fullmatch(stripped)
            if header:
                found = section = _keys(header[1])
            elif "=" in stripped and not stripped.startswith("#"):
                found = (*section, *_keys(stripped.split("=", 1)[0].strip()))
            else:
                continue
            depth = len(found)
            if path[:depth] == found and (best is None or depth > best[0]):
                best = (depth, number)
        return best[1] if best else None


def _keys(text: str) -> _Path:
    """The keys of a dotted TOML key; quoted ones may hold dots."""
    return tuple(
        quoted or apostrophed or bare
        for quoted, apostrophed, bare in re.findall(r'"([^"]*)"|\'([^\']*)\'|([^.\s"\']+)', text)
    )

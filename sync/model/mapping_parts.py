"""Reads the nested parts of a collection from lockstep.toml."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sync.model.codecs import CODECS
from sync.model.mapping import FieldMapping, PartKind, PartMapping
from sync.model.mapping_reading import NAME, Path, Reading, Table
from sync.model.policy_file import part_policy

_COMMON = ("kind", "table", "parent", "policy")
#: Keys of each kind.
_ALLOWED = {
    PartKind.MAP: (*_COMMON, "empty", "key", "fields", "parts"),
    PartKind.LIST: (*_COMMON, "empty", "position", "value", "fields"),
    PartKind.KEYED_LIST: (*_COMMON, "empty", "key", "position", "fields", "parts"),
    PartKind.SET: (*_COMMON, "empty", "value"),
    PartKind.OBJECT: (*_COMMON, "fields", "parts"),
}
_KINDS = [kind for kind in PartKind if kind is not PartKind.KEYED_LIST]
#: Kinds whose rows other parts may be nested in.
_HOLDERS = (PartKind.MAP, PartKind.KEYED_LIST, PartKind.OBJECT)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    """What a part has beside its table."""

    own: FieldMapping | None = None
    repeats: str | None = None
    value: FieldMapping | None = None
    position: FieldMapping | None = None
    fields: tuple[FieldMapping, ...] = ()

    @property
    def columns(self) -> list[str]:
        found = (self.own, self.value, self.position, *self.fields)
        return [one.column for one in found if one]

    @property
    def names(self) -> list[str]:
        """Those that the key takes in an entry or element."""
        return [
            name for name in (self.repeats, self.own.name if self.own and self.position else None) if name is not None
        ]


class PartsReader(Reading, ABC):
    """Reads parts; fields and columns are read by who extends it."""

    def __init__(self, text: str, source: str) -> None:
        super().__init__(text, source)
        self._tables: dict[str, str] = {}

    @abstractmethod
    def _fields(self, value: object, path: Path) -> tuple[FieldMapping, ...]: ...

    @abstractmethod
    def _field(self, name: str, value: object, path: Path, *, nulls: tuple[str, ...] = ()) -> FieldMapping | None: ...

    def _parts(
        self,
        holder: Table,
        path: Path,
        depth: int,
        fields: Sequence[FieldMapping],
        *,
        rejects: bool,
        taken: Iterable[str] = (),
    ) -> tuple[PartMapping, ...]:
        """The parts in an object with these fields, and with names that are `taken`. `depth`: columns of its row's key."""
        parts = self._table(holder.get("parts", {}), (*path, "parts"))
        self._apart(fields, taken, path)
        for name in parts.keys() & {*taken, *(field.path[0] for field in fields)}:
            self._problem((*path, "parts", name), "a field of the same name is mapped already")
        read = [self._part(name, value, (*path, "parts", name), depth, rejects) for name, value in parts.items()]
        return tuple(part for part in read if part)

    def _apart(self, fields: Sequence[FieldMapping], taken: Iterable[str], path: Path) -> None:
        """No field stands where the key does."""
        for name in {field.path[0] for field in fields} & {*taken}:
            self._problem((*path, "fields", name), "a field of the same name is mapped already")

    def _part(self, name: str, value: object, path: Path, depth: int, rejects: bool) -> PartMapping | None:
        table = self._table(value, path)
        self._field_name(name, path)
        kind = self._kind(table, path)
        if kind is None:
            return None
        if kind is PartKind.LIST and "parts" in table:
            self._problem(
                (*path, "parts"), "nothing can be nested in a list without a key: its elements have no identity"
            )
        self._known(table, path, (*_ALLOWED[kind], *(("parts",) if kind is PartKind.LIST else ())))
        child = self._name_of_table(table, path)
        parent = self._columns(table, path, depth)
        content = self._content(kind, table, path)
        rejects = rejects or kind is PartKind.LIST
        below = depth if kind is PartKind.OBJECT else depth + 1
        nested: tuple[PartMapping, ...] = ()
        if kind in _HOLDERS:
            nested = self._parts(table, path, below, content.fields, rejects=rejects, taken=content.names)
        absent = self._absent_if_empty(kind, table, path)
        if kind is PartKind.LIST and any(field.policy for field in content.fields):
            self._problem((*path, "fields"), "elements of a list are compared whole: their fields have no policy")
        problems: list[str] = []
        policy = part_policy(table.get("policy"), kind, problems)
        self._found(problems, (*path, "policy"))
        if child is None or (content.own is None and kind is not PartKind.OBJECT):
            return None
        self._distinct([*parent, *content.columns], path, "column")
        return PartMapping(
            name=name,
            kind=kind,
            table=child,
            parent=parent,
            own=content.own,
            repeats_key_in=content.repeats,
            value=content.value,
            position=content.position,
            fields=content.fields,
            parts=nested,
            absent_if_empty=absent,
            rejects=rejects,
            policy=policy,
        )

    def _kind(self, table: Table, path: Path) -> PartKind | None:
        kind = table.get("kind")
        if kind == PartKind.LIST and "key" in table:
            return PartKind.KEYED_LIST
        if kind in _KINDS:
            return PartKind(str(kind))
        self._problem((*path, "kind"), f"allowed: {', '.join(_KINDS)}")
        return None

    def _absent_if_empty(self, kind: PartKind, table: Table, path: Path) -> bool:
        empty = table.get("empty", "empty")
        if empty not in ("empty", "absent"):
            self._problem((*path, "empty"), 'allowed: "empty" (if nothing is said) or "absent"')
        return empty == "absent" or kind is PartKind.OBJECT

    def _content(self, kind: PartKind, table: Table, path: Path) -> _Content:
        if kind is PartKind.SET:
            return _Content(own=self._key("", table.get("value"), (*path, "value")))
        fields = self._fields(table.get("fields", {}), (*path, "fields"))
        if kind is PartKind.OBJECT:
            return _Content(fields=fields)
        if kind is PartKind.MAP:
            own, repeats = self._map_key(table.get("key"), (*path, "key"))
            return _Content(own=own, repeats=repeats, fields=fields)
        if kind is PartKind.KEYED_LIST:
            place, own = self._position(table, path), self._element_key(table.get("key"), (*path, "key"))
            return _Content(own=own if place else None, position=place, fields=fields)
        value = self._field("", table["value"], (*path, "value"), nulls=("null",)) if "value" in table else None
        if ("value" in table) == bool(table.get("fields")):
            self._problem(path, "either value (a list of scalars) or fields (a list of objects) is needed")
        return _Content(own=self._position(table, path), value=value, fields=fields)

    def _position(self, table: Table, path: Path) -> FieldMapping | None:
        position = table.get("position")
        if not isinstance(position, str) or not NAME.fullmatch(position):
            self._problem((*path, "position"), "the name of the column that holds the place in the list is needed")
            return None
        return FieldMapping(name="", column=position, codec=CODECS["int32"])

    def _map_key(self, value: object, path: Path) -> tuple[FieldMapping | None, str | None]:
        """Own key column, and the field that repeats it."""
        table = self._table(value if value is not None else {}, path)
        self._known(table, path, ("column", "codec", "field"))
        own = self._field("", {"codec": "string", **{k: v for k, v in table.items() if k != "field"}}, path)
        if own and own.codec.name != "string":
            self._problem(path, "a map's key is a string")
        repeats = table.get("field")
        return own, None if repeats is None else self._name_of_field(repeats, path)

    def _element_key(self, value: object, path: Path) -> FieldMapping | None:
        """Own key column, under the name of the field in which each element has it."""
        table = self._table(value, path)
        self._known(table, path, ("column", "codec", "field"))
        name = self._name_of_field(table.get("field"), path)
        own = self._key(name or "", {k: v for k, v in table.items() if k != "field"}, path)
        return None if name is None else own

    def _key(self, name: str, value: object, path: Path) -> FieldMapping | None:
        """A field whose values tell rows apart."""
        own = self._field(name, value, path)
        if own and not own.codec.tells_apart:
            allowed = ", ".join(one for one, codec in CODECS.items() if codec.tells_apart)
            self._problem(path, f"codec {own.codec.name} cannot tell rows apart; allowed: {allowed}")
        return own

    def _name_of_field(self, name: object, path: Path) -> str | None:
        if not isinstance(name, str):
            self._problem(path, "field: a name is needed")
            return None
        self._field_name(name, path)
        return name

    def _columns(self, table: Table, path: Path, depth: int) -> tuple[str, ...]:
        parent = table.get("parent")
        if not isinstance(parent, list) or not all(isinstance(one, str) and NAME.fullmatch(one) for one in parent):
            self._problem((*path, "parent"), "the columns that hold the key of the row above are needed, as a list")
            return ()
        if len(parent) != depth:
            self._problem((*path, "parent"), f"the key of the row above has {depth} column(s), found {len(parent)}")
        return tuple(parent)

    def _name_of_table(self, table: Table, path: Path) -> str | None:
        name = table.get("table")
        if not isinstance(name, str) or not NAME.fullmatch(name):
            self._problem((*path, "table"), "the name of a table is needed")
            return None
        if name.lower().startswith("sync_"):
            self._problem((*path, "table"), "tables named sync_… belong to the engine")
        elif name in self._tables:
            self._problem((*path, "table"), f"{name} is mapped already by {self._tables[name]}")
        self._tables[name] = ".".join(path)
        return name

    def _field_name(self, name: str, path: Path) -> None:
        """BSON's names end at a zero byte."""
        if "\0" in name:
            self._problem(path, "a field may not be named so")


def entry_fields(parts: Iterable[PartMapping]) -> Iterator[FieldMapping]:
    """The fields of all parts, however deep."""
    for part in parts:
        yield from part.fields
        yield from entry_fields(part.parts)

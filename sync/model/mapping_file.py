"""Reads the mapping from the text of lockstep.toml; every problem is listed at once, with its line. Parts: `mapping_parts`.

What this version does not map (types, parts, options) is refused by name, never left out silently.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace

from sync.errors import MappingError
from sync.model import fallback
from sync.model.change import ConflictKind, Side
from sync.model.codecs import CODECS, OPTIONS, Codec, with_options
from sync.model.mapping import (
    AnyPolicy,
    CollectionMapping,
    FieldMapping,
    FieldPolicy,
    Granularity,
    Null,
    OnTruncate,
    PartMapping,
    Policy,
    SyncMapping,
)
from sync.model.mapping_parts import PartsReader, entry_fields
from sync.model.mapping_reading import NAME
from sync.model.mapping_reading import Path as _Path
from sync.model.mapping_reading import Table as _Table
from sync.model.policy_file import any_policy, field_policy, granularity, kind_policies

#: Keys of documents; other types lack an order that both databases and the text of a key agree on.
_ID_CODECS = ("objectid", "string", "int32", "int64", "int", "uint64", "uuid")
#: Settings of [lockstep] that are a number of days, what counts where one is left out, and the most (a hundred years).
_DAYS = {"keep_settled_days": 30, "keep_converged_days": 1}
_MOST_DAYS = 36_500


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


class _Reader(PartsReader):
    """Walks the file."""

    def mapping(self, data: _Table) -> SyncMapping | None:
        self._known(data, (), ("lockstep", "collections"))
        engine = self._table(data.get("lockstep", {}), ("lockstep",))
        self._known(engine, ("lockstep",), ("tie", *_DAYS, *fallback.SETTINGS))
        tie = engine.get("tie", "mysql")
        if tie not in tuple(Side):
            self._problem(("lockstep", "tie"), 'allowed: "mysql" or "mongo"')
        settled, converged = (self._days(engine, name) for name in _DAYS)
        undecided = fallback.read_fallback(engine, lambda name, what: self._problem(("lockstep", name), what))
        collections = self._table(data.get("collections", {}), ("collections",))
        if not collections:
            self._problem(("collections",), "at least one collection is needed: [collections.NAME]")
        read = {name: self._collection(name, value) for name, value in collections.items()}
        if self.problems:
            return None
        return SyncMapping(
            collections={n: c for n, c in read.items() if c},
            tie=Side(str(tie)),
            undecided=undecided,
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
        known = ("table", "id", "policy", "policies", "granularity", "on_truncate", "unmapped", "fields", "parts")
        self._known(table, path, known)
        if name.startswith(("system.", "sync_")) or "$" in name or not name:
            self._problem(path, "this name is reserved")
        root = self._name_of_table(table, path)
        key = self._field("_id", table.get("id"), (*path, "id"))
        if key and key.codec.name not in _ID_CODECS:
            reason = f"codec {key.codec.name} is not in this version for _id"
            self._problem((*path, "id"), f"{reason}; allowed: {', '.join(_ID_CODECS)}")
        fields = self._fields(table.get("fields", {}), (*path, "fields"))
        rejects, rest = self._unmapped(table, path)
        columns = [*([key.column] if key else []), *(field.column for field in fields), *([rest] if rest else [])]
        self._distinct(columns, (*path, "fields"), "column")
        parts = self._parts(table, path, 1, fields, rejects=rejects, taken=("_id",))
        problems: list[str] = []
        policy = any_policy(table.get("policy"), problems) or Policy.LAST_WRITE_WINS
        self._found(problems, (*path, "policy"))
        kinds = self._kinds(table, path)
        whole = self._granularity(table, path, fields, parts, [policy, *kinds.values()])
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
            policy=policy,
            kinds=kinds,
            granularity=whole,
            on_truncate=OnTruncate(str(on_truncate)),
            rejects=rejects,
            rest_column=rest,
        )

    def _kinds(self, table: _Table, path: _Path) -> dict[ConflictKind, AnyPolicy]:
        here = (*path, "policies")
        problems: list[tuple[str, str]] = []
        kinds = kind_policies(self._table(table.get("policies", {}), here), problems)
        for name, problem in problems:
            self._problem((*here, name), problem)
        return kinds

    def _granularity(
        self,
        table: _Table,
        path: _Path,
        fields: Iterable[FieldMapping],
        parts: tuple[PartMapping, ...],
        policies: Iterable[AnyPolicy],
    ) -> Granularity:
        problems: list[str] = []
        own = [field.policy for field in (*fields, *entry_fields(parts))]
        given = table.get("granularity", Granularity.FIELD)
        found = granularity(given, problems, own=own, policies=policies, parts=bool(parts))
        self._found(problems, (*path, "granularity"))
        return found

    def _unmapped(self, table: _Table, path: _Path) -> tuple[bool, str | None]:
        """What becomes of fields that no column takes: whether they are refused, and the column that holds them."""
        unmapped = table.get("unmapped", "keep")
        column = unmapped.removeprefix("json:") if isinstance(unmapped, str) else ""
        if column != unmapped and NAME.fullmatch(column):
            return False, column
        if unmapped not in ("keep", "reject"):
            self._problem((*path, "unmapped"), 'allowed: "keep", "reject" or "json:" and the name of a column')
        return unmapped == "reject", None

    def _fields(self, value: object, path: _Path, inside: _Path = ()) -> tuple[FieldMapping, ...]:
        """Fields of an object, and below them those of the objects that dotted keys name; a quoted key is one name."""
        read: list[FieldMapping] = []
        for name, field in self._table(value, path).items():
            here = (*path, name)
            self._field_name(name, here)
            if isinstance(field, dict) and _holds_fields(field):
                read += self._fields(field, here, (*inside, name))
                continue
            one = self._field(name, field, here, nulls=("absent", "null"))
            read += [replace(one, inside=inside)] if one else []
        return tuple(read)

    def _field(self, name: str, value: object, path: _Path, *, nulls: tuple[str, ...] = ()) -> FieldMapping | None:
        """`nulls`: what NULL may be."""
        if value is None:
            self._problem(path, 'needed: { column = "…", codec = "…" }')
            return None
        if not isinstance(value, dict):
            self._problem(path, 'a table is needed: { column = "…", codec = "…" }')
            return None
        table: _Table = value
        options = OPTIONS.get(str(table.get("codec")), {})
        decided = "absent" in nulls  # by itself: it is no key, and no part of an element that is compared whole
        more = (*(("null",) if nulls else ()), *(("policy",) if decided else ()))
        self._known(table, path, ("column", "codec", *more, *options))
        column = table.get("column")
        if not isinstance(column, str) or not NAME.fullmatch(column):
            self._problem(path, "column: the name of a column is needed")
        codec = self._codec(table, path, options)
        null = table.get("null", "refused")
        if nulls and null not in ("refused", *nulls):
            allowed = " or ".join(f'"{one}"' for one in nulls)
            self._problem(path, f"null: allowed is {allowed}, or leave it out for a column that is NOT NULL")
        if options and table.get("zero_dates") == "null" and null == "refused":
            need = " or ".join(f'null = "{one}"' for one in nulls) or "a column that may be NULL"
            self._problem(path, f'zero_dates = "null" needs {need}: a zero date then counts as NULL')
        if null == "null" and codec and codec.takes_null:
            self._problem(path, f'null = "null": codec {codec.name} has a null of its own; allowed is "absent"')
        if codec is None or not isinstance(column, str) or null not in tuple(Null):
            return None
        policy = self._field_policy(table, codec, path, nullable=null != "refused") if decided else None
        return FieldMapping(name=name, column=column, codec=codec, null=Null(str(null)), policy=policy)

    def _field_policy(self, table: _Table, codec: Codec, path: _Path, *, nullable: bool) -> FieldPolicy | None:
        problems: list[str] = []
        policy = field_policy(table.get("policy"), codec, problems, nullable=nullable)
        self._found(problems, (*path, "policy"))
        return policy

    def _codec(self, table: _Table, path: _Path, options: Mapping[str, tuple[str, ...]]) -> Codec | None:
        name = table.get("codec")
        if not isinstance(name, str) or name not in CODECS:
            self._problem(path, f"codec: allowed is one of {', '.join(CODECS)}")
            return None
        given = {option: table[option] for option in options if option in table}
        for option, value in given.items():
            if value not in options[option]:
                allowed = ", ".join(f'"{one}"' for one in options[option])
                self._problem(path, f"{option}: allowed is one of {allowed}")
                return None
        return with_options(name, {option: str(value) for option, value in given.items()})


def _holds_fields(table: _Table) -> bool:
    """Whether it is an object that dotted keys name, and no field."""
    return not isinstance(table.get("column"), str) and any(isinstance(inner, dict) for inner in table.values())

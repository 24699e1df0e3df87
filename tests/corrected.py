"""Tables of which MySQL writes something by itself, beside the domain's: their mapping, and what is asked of both sides."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.local.mysql_binary import Flavour
from tests.collations import EXACT
from tests.engine import Engine
from tests.plain import Doc
from tests.site import Site

_FIELD = '{0} = {{ column = "{0}", codec = "{1}"{2} }}'
#: Collection (and table) -> fields: codec, and whether it may be absent.
FIELDS: Mapping[str, Mapping[str, tuple[str, bool]]] = {
    "stamps": {
        "name": ("string", False),
        "touched": ("date", True),
        "rank": ("int32", True),
        "label": ("string", True),
    },
    "sums": {"a": ("int32", False), "b": ("int32", False), "total": ("int32", True), "shown": ("string", True)},
    "numbers": {"name": ("string", False), "number": ("int32", True)},
    "shouts": {"name": ("string", False), "code": ("string", False), "size": ("int32", False)},
    "orders": {"name": ("string", False), "count": ("int32", False)},
    "totals": {"lines": ("int32", False)},
}
#: Collection -> fields of its list `lines`.
LINES: Mapping[str, Mapping[str, tuple[str, bool]]] = {
    "numbers": {"text": ("string", False), "serial": ("int32", True)},
    "orders": {"text": ("string", False)},
}
_ID = "CHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL"
#: The document of `totals` that the triggers of `orders` write.
TOTAL = "f" * 24


def tables(flavour: Flavour) -> tuple[str, ...]:
    """As the owner makes them."""
    text = f"CHARACTER SET utf8mb4 COLLATE {EXACT[flavour]}"
    name = f"name VARCHAR(50) {text} NOT NULL"
    of_list = f"of_id {_ID}, position INT NOT NULL, text VARCHAR(50) {text} NOT NULL, PRIMARY KEY (of_id, position)"
    return (
        (
            f"CREATE TABLE stamps (id {_ID} PRIMARY KEY, {name},"
            " touched DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),"
            f" `rank` INT NOT NULL DEFAULT 7, label VARCHAR(20) {text} NOT NULL DEFAULT 'new')"
        ),
        (
            f"CREATE TABLE sums (id {_ID} PRIMARY KEY, a INT NOT NULL, b INT NOT NULL,"
            " total INT GENERATED ALWAYS AS (a + b) STORED,"
            f" shown VARCHAR(50) {text} GENERATED ALWAYS AS (CONCAT(a, '+', b)) VIRTUAL)"
        ),
        f"CREATE TABLE numbers (id {_ID} PRIMARY KEY, {name}, number INT NOT NULL AUTO_INCREMENT UNIQUE)",
        f"CREATE TABLE numbers_lines ({of_list}, serial INT NOT NULL AUTO_INCREMENT UNIQUE)",
        f"CREATE TABLE shouts (id {_ID} PRIMARY KEY, {name}, code VARCHAR(4) {text} NOT NULL, size INT NOT NULL)",
        f"CREATE TABLE orders (id {_ID} PRIMARY KEY, {name}, `count` INT NOT NULL)",
        f"CREATE TABLE orders_lines ({of_list})",
        f"CREATE TABLE totals (id {_ID} PRIMARY KEY, `lines` INT NOT NULL)",
    )


def triggers() -> tuple[str, ...]:
    """Of `shouts` they change the row: letters, what does not fit, and what nobody may change. Of `orders` they write the root
    row of the same document and a document of another collection."""
    shout = "FOR EACH ROW SET NEW.name = UPPER(NEW.name), NEW.code = CONCAT('#', NEW.name), NEW.size = {size}"
    counted = (
        "FOR EACH ROW BEGIN UPDATE orders SET `count` = `count` {0} 1 WHERE id = {1}.of_id;"
        " INSERT INTO totals VALUES ('{2}', 1) ON DUPLICATE KEY UPDATE `lines` = `lines` {0} 1; END"
    )
    return (
        "SET SESSION sql_mode = ''",  # a trigger runs in the mode in which it was made: what does not fit is cut
        f"CREATE TRIGGER shout_insert BEFORE INSERT ON shouts {shout.format(size='1')}",
        f"CREATE TRIGGER shout_update BEFORE UPDATE ON shouts {shout.format(size='OLD.size')}",
        f"CREATE TRIGGER lines_insert AFTER INSERT ON orders_lines {counted.format('+', 'NEW', TOTAL)}",
        f"CREATE TRIGGER lines_delete AFTER DELETE ON orders_lines {counted.format('-', 'OLD', TOTAL)}",
        "SET SESSION sql_mode = DEFAULT",
    )


def mapping() -> str:
    """To stand behind the domain's."""
    lines: list[str] = []
    for name, fields in FIELDS.items():
        lines += [f"[collections.{name}]", f'table = "{name}"', _FIELD.format("id", "objectid", "")]
        lines += [f"[collections.{name}.fields]", *_fields(fields)]
        if name in LINES:
            lines += [f"[collections.{name}.parts.lines]", 'kind = "list"', f'table = "{name}_lines"']
            lines += ['parent = ["of_id"]', 'position = "position"', f"[collections.{name}.parts.lines.fields]"]
            lines += _fields(LINES[name])
    return "\n".join(lines)


def _fields(fields: Mapping[str, tuple[str, bool]]) -> list[str]:
    return [
        _FIELD.format(field, codec, ', null = "absent"' if absent else "") for field, (codec, absent) in fields.items()
    ]


def prepare(site: Site, folder: Path, policy: str = "last_write_wins") -> None:
    """The tables, their triggers, and a mapping of them beside the domain's."""
    with site.mysql("owner").cursor() as cursor:
        for statement in tables(site.flavour):
            cursor.execute(statement)
    with site.mysql("admin").cursor() as cursor:
        for statement in triggers():
            cursor.execute(statement)
    text = f"{site.config_path.read_text()}\n{mapping()}\n"
    for name in FIELDS:
        text = text.replace(f"[collections.{name}]\n", f'[collections.{name}]\npolicy = "{policy}"\n')
    site.config_path = folder / "lockstep.toml"
    site.config_path.write_text(text)


def in_mysql(engine: Engine, name: str) -> dict[str, Doc]:
    """The documents that the rows make, told without the engine."""
    fields = FIELDS[name]
    found: dict[str, Doc] = {}
    for key, *values in _rows(engine, name, "id", *fields):
        found[key] = {field: value for field, value in zip(fields, values, strict=True) if value is not None}
    for key, _, *values in _rows(engine, f"{name}_lines", "of_id", "position", *LINES[name]) if name in LINES else ():
        found[key].setdefault("lines", []).append(dict(zip(LINES[name], values, strict=True)))
    for document in found.values() if name in LINES else ():
        document.setdefault("lines", [])
    return found


def _rows(engine: Engine, table: str, *columns: str) -> list[tuple[Any, ...]]:
    names = ", ".join(f"`{column}`" for column in columns)
    with engine.mysql.cursor() as cursor:
        cursor.execute(f"SELECT {names} FROM `{table}` ORDER BY 1, 2")
        return list(cursor.fetchall())


def in_mongo(engine: Engine, name: str) -> dict[str, Doc]:
    """The documents."""
    return {
        str(one["_id"]): {field: value for field, value in one.items() if field != "_id"}
        for one in engine.mongo[name].find()
    }


def both(engine: Engine, name: str) -> dict[str, Doc]:
    """Equal on both sides; returns it."""
    mysql, mongo = in_mysql(engine, name), in_mongo(engine, name)
    assert mysql == mongo, name
    return mysql

"""lockstep.toml: what it gives, and that every mistake is told at once with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync.errors import MappingError
from sync.model.change import ConflictKind, Side
from sync.model.mapping import Combining, Custom, Granularity, PartKind, Policy
from sync.model.mapping_file import load_mapping
from tests import every_part
from tests.laws.strategies import MAPPING

SHIPPED = (Path(__file__).parents[2] / "lockstep.toml").read_text(encoding="utf-8")

SMALL = """\
[lockstep]
tie = "mongo"

[collections.people]   # a note
table = "person"
id = { column = "id", codec = "objectid" }

[collections.people.fields]
name = { column = "name", codec = "string" }

[collections.people.parts.tags]
kind = "set"
table = "tag"
parent = ["person_id"]
value = { column = "tag", codec = "string" }

[collections.people.parts.homes]
kind = "map"
table = "home"
parent = ["person_id"]
key = { column = "home_key", field = "key" }

[collections.people.parts.homes.parts.rooms]
kind = "list"
table = "room"
parent = ["person_id", "home_key"]
position = "position"
value = { column = "room", codec = "int32" }
"""


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(MappingError) as caught:
        load_mapping(text, source="m.toml")
    return caught.value.problems


def line_of(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


def test_the_shipped_mapping_covers_the_domain() -> None:
    """Three collections over eight tables, parents before children."""
    assert {name: [table.name for table in one.tables] for name, one in MAPPING.collections.items()} == {
        "customers": [
            "analytics_customer",
            "analytics_customeraccount",
            "analytics_customertier",
            "analytics_customerbenefit",
        ],
        "accounts": ["analytics_account", "analytics_accountproduct"],
        "transactions": ["analytics_bucket", "analytics_transaction"],
    }
    assert MAPPING.tie is Side.MYSQL
    assert load_mapping(SHIPPED) == MAPPING


def test_a_nested_part_carries_the_whole_key() -> None:
    """Its table's key is the key of the row above and one column more, with the codecs of all."""
    table = load_mapping(SMALL).tables["room"]
    assert table.key == ("person_id", "home_key", "position")
    assert [table.codecs[column].name for column in table.key] == ["objectid", "string", "int32"]
    assert (table.columns, table.parent, table.is_list) == (("room",), "home", True)


def test_options_are_read() -> None:
    """The side of a tie, kinds of parts, the repeated key, and NULL for an absent field."""
    mapping = load_mapping(SMALL)
    assert mapping.tie is Side.MONGO
    tags, homes = mapping.collections["people"].parts
    assert (tags.kind, homes.kind, homes.repeats_key_in) == (PartKind.SET, PartKind.MAP, "key")
    active = next(one for one in MAPPING.collections["customers"].fields if one.name == "active")
    assert active.absent_if_null


def test_closed_conflicts_are_kept_for_so_many_days() -> None:
    """As the file says, or for a month where something lost and for a day else."""
    text = SMALL.replace('tie = "mongo"', "keep_settled_days = 0\nkeep_converged_days = 7")
    assert (load_mapping(text).keep_settled_days, load_mapping(text).keep_converged_days) == (0, 7)
    assert (load_mapping(SMALL).keep_settled_days, load_mapping(SMALL).keep_converged_days) == (30, 1)


KEYED = SMALL.replace(
    'value = { column = "room", codec = "int32" }', 'key = { column = "room", field = "_id", codec = "int32" }'
)


def test_a_list_with_a_key_has_its_place_beside_the_key() -> None:
    """In a column of its own; the key is a field of each element, and may be named as MongoDB's tools name it."""
    mapping = load_mapping(KEYED)
    table = mapping.tables["room"]
    assert (table.key, table.columns) == (("person_id", "home_key", "room"), ("position",))
    assert (table.is_list, table.position, table.inherited) == (False, "position", 2)
    assert mapping.collections["people"].positions == {"room": "position"}
    (rooms,) = mapping.collections["people"].parts[1].parts
    assert (rooms.kind, rooms.own and rooms.own.name) == (PartKind.KEYED_LIST, "_id")


def test_a_dotted_key_is_a_path_and_a_quoted_one_a_name() -> None:
    """However it is written; names may be any text."""
    text = SMALL.replace(
        'name = { column = "name", codec = "string" }',
        'a.b.c = { column = "c", codec = "string" }\na."b.d"."" = { column = "d", codec = "bool", null = "null" }\n'
        '"$x.y" = { column = "x", codec = "bool", null = "absent" }\n[collections.people.fields.e.column]\n'
        'column = "e"\ncodec = "int32"\n',
    )
    collection = load_mapping(text).collections["people"]
    assert {field.column: field.path for field in collection.fields} == {
        "c": ("a", "b", "c"),
        "d": ("a", "b.d", ""),
        "x": ("$x.y",),
        "e": ("e", "column"),
    }
    below = {"b": {"c": None}, "b.d": {"": None}}
    assert collection.names == {
        "_id": None,
        "a": below,
        "$x.y": None,
        "e": {"column": None},
        "tags": None,
        "homes": None,
    }
    assert collection.tables[0].nullable == {"d", "x"}


def test_an_object_has_the_key_of_the_row_above() -> None:
    """And so have the rows nested in it, with a column more."""
    collection = load_mapping(every_part.MAPPING).collections["people"]
    tables = {table.name: table for table in collection.tables}
    assert (tables["person_passport"].key, tables["person_passport"].inherited) == (("person_id",), 1)
    assert (tables["person_page"].key, tables["person_page"].parent) == (("person_id", "position"), "person_passport")
    assert tables["person_pet_collar"].key == ("person_id", "pet_key")
    assert all(part.absent_if_empty for part in collection.parts if part.kind is PartKind.OBJECT)


def test_what_no_column_takes_is_refused_all_the_way_down() -> None:
    """Where the collection says so; elements of a list without a key have no room for more anywhere."""
    people, things, notes = load_mapping(every_part.MAPPING).collections.values()
    assert (notes.rejects, notes.rest and notes.rest.column, notes.tables[0].columns) == (
        False,
        "more",
        ("title", "more"),
    )
    assert (people.rejects, things.rejects) == (False, True)
    assert all(part.rejects for part in things.parts)
    assert {part.name for part in people.parts if part.rejects} == {"nicknames", "visits"}


def test_policies_are_read() -> None:
    """Of the collection, of kinds, fields and parts; what row-level code asks for stands with the tables."""
    text = SMALL.replace(
        "[collections.people.fields]",
        'policy = "first_write_wins"\npolicies = { delete_differs = "mysql_wins" }\n[collections.people.fields]\n'
        'count = { column = "count", codec = "int32", policy = "delta" }\n'
        'best = { column = "best", codec = "int32", null = "absent", policy = "max" }\n'
        'picked = { column = "picked", codec = "int32", policy = { function = "shop.rules.pick", seconds = 2 } }',
    ).replace('table = "tag"', 'table = "tag"\npolicy = "union"')
    people = load_mapping(text).collections["people"]
    pick = Custom(function="shop.rules.pick", seconds=2.0)
    assert people.policy is Policy.FIRST_WRITE_WINS
    assert people.kinds == {ConflictKind.DELETE_DIFFERS: Policy.MYSQL_WINS}
    assert {table.name: table.policies for table in people.tables if table.policies} == {
        "person": {"count": Combining.DELTA, "best": Combining.MAX, "picked": pick},
        "tag": {"": Combining.UNION},
    }
    assert (people.counted, people.functions, people.keeps_steps) == (
        {"person": frozenset({"count"})},
        frozenset({pick}),
        True,
    )
    assert (people.whole, people.granularity) == (frozenset({"room"}), Granularity.FIELD)


def test_a_row_may_be_one_value() -> None:
    """Then no field of it has a policy of its own. A collection without parts has one row to a document."""
    text = SMALL.replace('table = "person"', 'table = "person"\ngranularity = "row"')
    people = load_mapping(text).collections["people"]
    assert people.whole == {table.name for table in people.tables}
    (found,) = problems(text.replace('name", codec = "string"', 'name", codec = "int32", policy = "max"'))
    assert "people.granularity: where a row is one value its fields have no policy of their own" in found
    alone = SMALL[: SMALL.index("[collections.people.parts.tags]")]
    alone = alone.replace('table = "person"', 'table = "person"\ngranularity = "document"')
    assert load_mapping(alone).collections["people"].granularity is Granularity.ROW


MISTAKES = [
    *(
        (
            'tie = "mongo"',
            f"keep_settled_days = {days}",
            "lockstep.keep_settled_days: allowed: a whole number of days, 0 to",
        )
        for days in ("-1", "36501", "1.5", '"3d"', "true")
    ),
    ('tie = "mongo"', "keep_converged_days = []", "lockstep.keep_converged_days: allowed: a whole number of days"),
    ('tie = "mongo"', 'tie = "both"', 'lockstep.tie: allowed: "mysql" or "mongo"'),
    ('tie = "mongo"', "pace = 3", "lockstep.pace: unknown key; allowed: tie, keep_settled_days"),
    ('table = "person"', "", "collections.people.table: the name of a table is needed"),
    ('table = "person"', "table = 5", "collections.people.table: the name of a table is needed"),
    ('table = "person"', 'table = "sync_person"', "collections.people.table: tables named sync_… belong to the engine"),
    ('table = "tag"', 'table = "person"', "parts.tags.table: person is mapped already by collections.people"),
    (
        'codec = "objectid"',
        'codec = "date"',
        "codec date is not in this version for _id; allowed: objectid, string, int32, int64, int, uint64, uuid",
    ),
    ('name = { column = "name", codec = "string" }', 'name = { column = "id", codec = "string" }', "column id is used"),
    (
        'codec = "string" }\n\n[collections.people.parts.tags]',
        'codec = "moment" }\n\n[collections.people.parts.tags]',
        "codec: allowed is one of objectid, string, int32, bool, date",
    ),
    (
        'name", codec = "string"',
        'name", codec = "date", zero_dates = "now"',
        'zero_dates: allowed is one of "refuse", "null"',
    ),
    (
        'name", codec = "string"',
        'name", codec = "day", zero_dates = "null"',
        'zero_dates = "null" needs null = "absent"',
    ),
    (
        'name", codec = "string"',
        'name", codec = "int64", zero_dates = "null"',
        "unknown key; allowed: column, codec, null",
    ),
    (
        'column = "tag", codec = "string"',
        'column = "tag", codec = "double"',
        "codec double cannot tell rows apart; allowed",
    ),
    ('name", codec = "string"', 'name", codec = ["string"]', "codec: allowed is one of"),
    ('name", codec = "string"', 'name", codec = "string", null = 0', 'null: allowed is "absent" or "null", or leave'),
    ('codec = "int32" }', 'codec = "int32", null = "absent" }', 'null: allowed is "null", or leave it out'),
    ('codec = "objectid" }', 'codec = "objectid", null = "null" }', "unknown key; allowed: column, codec"),
    ('name", codec = "string"', 'name", codec = "string", width = 3', "unknown key; allowed: column, codec, null"),
    ('name = { column = "name", codec = "string" }', 'name = "name"', "people.fields.name: a table is needed"),
    ("name = { column", '"a\\u0000" = { column', "a field may not be named so"),
    ("name = { column", "_id = { column", "fields._id: a field of the same name is mapped already"),
    ("name = { column", "_id.x = { column", "fields._id: a field of the same name is mapped already"),
    ("name = { column", "tags = { column", "parts.tags: a field of the same name is mapped already"),
    ("name = { column", "tags.x = { column", "parts.tags: a field of the same name is mapped already"),
    (
        'name = { column = "name", codec = "string" }',
        "a = { b = 5, c = { column = 'c', codec = 'bool' } }",
        "a.b: a table is",
    ),
    ('kind = "set"', 'kind = "list with a key"', "parts.tags.kind: allowed: map, list, set, object"),
    ('kind = "set"', 'kind = "bag"', "parts.tags.kind: allowed: map, list, set, object"),
    (
        'kind = "set"',
        'kind = "object"',
        "parts.tags.value: unknown key; allowed: kind, table, parent, policy, fields, parts",
    ),
    ('kind = "set"', 'kind = "set"\nempty = "null"', 'parts.tags.empty: allowed: "empty" (if nothing is said) or "abs'),
    (
        'table = "person"',
        'table = "person"\nunmapped = "json:"',
        'people.unmapped: allowed: "keep", "reject" or "json:"',
    ),
    ('table = "person"', 'table = "person"\nunmapped = "json:NAME"', "fields: column NAME is used twice"),
    ('table = "person"', 'table = "person"\nunmapped = true', 'people.unmapped: allowed: "keep", "reject" or "json:"'),
    ('parent = ["person_id"]\nvalue', 'parent = ["person_id", "x"]\nvalue', "the row above has 1 column(s), found 2"),
    ('parent = ["person_id"]\nvalue', 'parent = "person_id"\nvalue', "tags.parent: the columns that hold the key"),
    ('parent = ["person_id"]\nvalue', 'parent = ["tag"]\nvalue', "column tag is used twice"),
    ('parent = ["person_id", "home_key"]', 'parent = ["person_id"]', "the row above has 2 column(s), found 1"),
    ('position = "position"', 'position = "position"\nparts = {}', "nothing can be nested in a list without a key"),
    ('position = "position"', "", "rooms.position: the name of the column that holds the place"),
    ('value = { column = "room", codec = "int32" }', "", "either value (a list of scalars) or fields"),
    ('field = "key" }', 'field = "rooms" }', "rooms: a field of the same name is mapped already"),
    ('field = "key" }', 'codec = "int32" }', "homes.key: a map's key is a string"),
    ('field = "key" }', 'field = "a\\u0000" }', "homes.key: a field may not be named so"),
    ('field = "key" }', "field = 5 }", "homes.key: field: a name is needed"),
    *(
        ("[collections.people.fields]", f"{keys}\n[collections.people.fields]", told)
        for keys, told in (
            ("policy = 1", "people.policy: allowed: last_write_wins, first_write_wins, mysql_wins"),
            ('policy = "max"', "people.policy: max is for fields and parts; allowed: last_write_wins"),
            ('policy = "append"', "people.policy: append is for fields and parts; allowed: last_write_wins"),
            ('policy = "manual"\ngranularity = "row"', "people.granularity: a person decides field by field: not with"),
            (
                'policies = { delete_differs = "manual" }\ngranularity = "row"',
                "people.granularity: a person decides field by field: not with policy manual; allowed: field",
            ),
            ('policies = { update_differs = "min" }', "policies.update_differs: min is for fields and parts; allowed:"),
            ('policies = { update_missing = "mysql_wins" }', "seen from the other side: delete_differs"),
            ('policies = { list_gap = "mysql_wins" }', "no policy decides this kind; allowed: insert_exists, update"),
            ("policies = 3", "people.policies: a table is needed"),
            ('granularity = "word"', "people.granularity: allowed: field, row, document"),
            ('granularity = "document"', "people.granularity: document is only for a collection without parts"),
            ("policy = { function = 5 }", 'function: a dotted name is needed, for example "shop.rules.pick"'),
            ('policy = { function = "pick" }', "people.policy: function: a dotted name is needed"),
            ('policy = { function = "a.b", seconds = 0 }', "seconds: allowed: more than 0, at most 5"),
            ('policy = { function = "a.b", seconds = 6 }', "seconds: allowed: more than 0, at most 5"),
            (
                'policy = { function = "a.b", limit = 6 }',
                "people.policy: unknown key limit; allowed: function, seconds",
            ),
        )
    ),
    ('name", codec = "string"', 'name", codec = "string", policy = "max"', "name.policy: max is not for codec string"),
    (
        'name", codec = "string"',
        'name", codec = "date", zero_dates = "text", policy = "min"',
        'name.policy: min is not for codec date with zero_dates = "text"; allowed: last_write_wins',
    ),
    ('name", codec = "string"', 'name", codec = "int32", policy = "union"', "union is not for codec int32; allowed: "),
    (
        'name", codec = "string"',
        'name", codec = "int32", null = "absent", policy = "delta"',
        "name.policy: delta needs a column that is NOT NULL",
    ),
    ('table = "tag"', 'table = "tag"\npolicy = "max"', "tags.policy: max is not for a set; allowed: last_write_wins"),
    ('table = "home"', 'table = "home"\npolicy = "mysql_wins"', "homes.policy: give one to its fields"),
    ('table = "room"', 'table = "room"\npolicy = "union"', "rooms.policy: union is not for a list; allowed: last_w"),
    ('table = "tag"', 'table = "tag"\npolicy = "append"', "tags.policy: append is not for a set; allowed: last_write"),
]


@pytest.mark.parametrize(("right", "wrong", "told"), MISTAKES, ids=[str(number) for number in range(len(MISTAKES))])
def test_each_mistake_is_told(right: str, wrong: str, told: str) -> None:
    """The only problem, with file, place and what is allowed."""
    assert SMALL.count(right) == 1
    found = problems(SMALL.replace(right, wrong))
    assert len(found) == 1
    assert told in found[0]
    assert found[0].startswith("m.toml:")


def test_all_mistakes_are_told_at_once() -> None:
    """Also those below a part that is wrong itself, each with its line."""
    text = SMALL.replace('tie = "mongo"', 'tie = "both"')
    text = text.replace('name", codec = "string"', 'name", codec = "real"')
    text = text.replace('key = { column = "home_key", field = "key" }', "")
    text = text.replace('value = { column = "room", codec = "int32" }', 'value = { column = "room", codec = "guid" }')
    found = problems(text)
    assert [one.split(": ")[0] for one in found] == [
        f"m.toml:{line}"
        for line in (
            line_of(text, "tie ="),
            line_of(text, "real"),
            line_of(text, "[collections.people.parts.homes]"),
            line_of(text, "guid"),
        )
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('["collections"."a.b"] # note\ntable = 5\nid = {column = "id", codec = "string"}', 2),
        ('[collections.x]\nid = {column = "id", codec = "string"}\n# table = "t"', 1),
        ('collections.x.id = {column = "id", codec = "string"}\ncollections.x.table = false', 2),
    ],
)
def test_lines_are_found_in_any_spelling(text: str, line: int) -> None:
    """Quoted keys, notes behind headers, dotted keys; a missing key is told at its table."""
    (found,) = problems(text)
    assert found.startswith(f"m.toml:{line}: ")


@pytest.mark.parametrize("name", ["system.views", "sync_checkpoint", "a$b"])
def test_reserved_collections_are_refused(name: str) -> None:
    """The server's and the engine's own."""
    (found,) = problems(SMALL.replace("collections.people", f'collections."{name}"'))
    assert "this name is reserved" in found


def test_a_mapping_of_nothing_is_refused() -> None:
    """An empty file is more likely a wrong path than a wish."""
    assert problems("") == ("m.toml: collections: at least one collection is needed: [collections.NAME]",)


def test_a_file_that_is_no_toml_is_told_with_its_line() -> None:
    """The parser's own words carry the line."""
    (found,) = problems("[lockstep\n")
    assert "line 1" in found


KEYED_MISTAKES = [
    ('field = "_id", ', "", "rooms.key: field: a name is needed"),
    (', codec = "int32" }', " }", "rooms.key: codec: allowed is one of"),
    ('position = "position"', "", "rooms.position: the name of the column that holds the place"),
    ('position = "position"', 'position = "room"', "rooms: column room is used twice"),
    (
        'position = "position"',
        'position = "position"\nvalue = {}',
        "rooms.value: unknown key; allowed: kind, table, parent, policy, e",
    ),
    (
        'position = "position"',
        'position = "position"\nfields._id = { column = "x", codec = "bool" }',
        "rooms.fields._id: a field of the same name is mapped already",
    ),
]


@pytest.mark.parametrize(("right", "wrong", "told"), KEYED_MISTAKES, ids=[str(n) for n in range(len(KEYED_MISTAKES))])
def test_each_mistake_in_a_list_with_a_key_is_told(right: str, wrong: str, told: str) -> None:
    """As above."""
    assert KEYED.count(right) == 1
    (found,) = problems(KEYED.replace(right, wrong))
    assert told in found

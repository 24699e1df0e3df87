"""lockstep explain: one document on both sides, and what the mapping makes of each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click
from bson import json_util
from rich.table import Table

from sync.cli.conflict_tables import notes_table
from sync.cli.context import command, document, wiring
from sync.cli.output import answer, out, plain
from sync.model.change import Hold, Row, Value
from sync.model.report import Explanation
from sync.model.values import rows_to_json, to_json

#: Stands where a row has no value because it is not there.
_NO_ROW = "no row"


@command(epilog="Example: lockstep explain --collection customers --id 5ca4bbcea2dd94ee58162a68")
@click.option("--collection", required=True, help="The document's collection.")
@click.option("--id", "text", required=True, help="The document's _id.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def explain(collection: str, text: str, as_json: bool) -> None:
    """Show a document's rows in MySQL, the document in MongoDB, what the mapping makes of each, and where they differ.

    Of a held document also what both sides' people wrote meanwhile, and how far its settling has come.
    """
    site = wiring()
    found = site.explain(document(site, collection, text))
    if as_json:
        answer({"collection": collection, "id": text, **_as_json(found)})
        return
    for name, problem in (("MySQL's rows", found.mysql_problem), ("MongoDB's document", found.mongo_problem)):
        if problem:
            plain(f"{name} cannot be carried: {problem.reason}")
    carried = not (found.mysql_problem or found.mongo_problem)
    if carried and (any(found.mysql_rows.values()) or any(found.mongo_rows.values())):
        out.print(_side_by_side(found))
    _print_document("MySQL's rows as a document", found.mysql_as_document)
    _print_document("MongoDB's document", found.mongo_document)
    if found.places:
        plain(f"different: {', '.join(found.places)}")
    elif found.mongo_document is None:
        plain("neither database has it")
    else:
        plain("both sides are equal")
    if found.conflict:
        _print_held(found.conflict)


def _print_held(conflict: Mapping[str, Any]) -> None:
    """How far its settling has come, and what both sides' people made of the document meanwhile."""
    number, look = conflict["id"], conflict["look_id"]
    plain(f"held by conflict {number} ({conflict['state']}): lockstep conflicts show {number}")
    if conflict["waiting_for"]:
        plain(f"waits for: {conflict['waiting_for']}")
    met = "" if look is None else f", look {look} is under way"
    if look is not None:
        met += ", met by the listener" if conflict["met"] == look else ", not met by the listener yet"
    plain(f"looks: {conflict['looks']}{met}")
    notes = notes_table(conflict)
    if notes is not None:
        out.print(notes)


def _as_json(found: Explanation) -> dict[str, object]:
    return {
        "equal": not found.places,
        "places": found.places,
        "mysql": {
            "rows": rows_to_json(found.mysql_rows),
            "problem": _reason(found.mysql_problem),
            "as_document": _extended(found.mysql_as_document),
        },
        "mongo": {
            "document": _extended(found.mongo_document),
            "problem": _reason(found.mongo_problem),
            "as_rows": rows_to_json(found.mongo_rows),
        },
        "conflict": found.conflict,
    }


def _side_by_side(found: Explanation) -> Table:
    """One line a column of each row, marked where the sides differ."""
    table = Table("", "table", "key", "column", "in MySQL", "from MongoDB's document")
    for name in {**found.mysql_rows, **found.mongo_rows}:
        mysql, mongo = found.mysql_rows.get(name, {}), found.mongo_rows.get(name, {})
        for key in {**mysql, **mongo}:
            for column, here, there in _cells(mysql.get(key), mongo.get(key)):
                mark = "≠" if here != there else ""
                table.add_row(mark, name, " ".join(_shown(part) for part in key), column, here, there)
    return table


def _cells(mysql: Row | None, mongo: Row | None) -> Iterator[tuple[str, str, str]]:
    """Column and its value on both sides; one line without a column for a row that is all key."""
    columns = tuple(mysql or mongo or ())
    if not columns:
        yield "", _NO_ROW if mysql is None else "a row", _NO_ROW if mongo is None else "a row"
    for column in columns:
        here = _NO_ROW if mysql is None else _shown(mysql[column])
        there = _NO_ROW if mongo is None else _shown(mongo[column])
        yield column, here, there


def _shown(value: Value) -> str:
    """As JSON, so that text, numbers and NULL look different."""
    return json.dumps(to_json(value), ensure_ascii=False)


def _print_document(title: str, stored: Mapping[str, object] | None) -> None:
    plain(f"{title}: {json.dumps(_extended(stored), indent=2, ensure_ascii=False) if stored else 'none'}")


def _reason(problem: Hold | None) -> str | None:
    return problem.reason if problem else None


def _extended(stored: Mapping[str, object] | None) -> object:
    """As relaxed extended JSON: types of BSON that JSON lacks stay readable."""
    return None if stored is None else json.loads(json_util.dumps(stored))

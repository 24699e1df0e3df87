"""lockstep explain: one document on both sides, and what the mapping makes of each."""

from __future__ import annotations

from typing import Any

import click
from bson import json_util
from rich.table import Table

from sync.cli.context import command, document, wiring
from sync.cli.output import answer, out, plain
from sync.model.change import DocumentRows, Hold
from sync.model.values import rows_to_json


@command(epilog="Example: lockstep explain --collection customers --id 5ca4bbcea2dd94ee58162a68")
@click.option("--collection", required=True, help="The document's collection.")
@click.option("--id", "text", required=True, help="The document's _id.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def explain(collection: str, text: str, as_json: bool) -> None:
    """Show a document's rows in MySQL, the document in MongoDB, what the mapping makes of each, and where they differ."""
    site = wiring()
    found = site.explain(document(site, collection, text))
    rows_as_document, stored = _extended(found.mysql_as_document), _extended(found.mongo_document)
    if as_json:
        answer(
            {
                "collection": collection,
                "id": text,
                "equal": not found.places,
                "places": found.places,
                "mysql": {
                    "rows": rows_to_json(found.mysql_rows),
                    "problem": _reason(found.mysql_problem),
                    "as_document": rows_as_document,
                },
                "mongo": {
                    "document": stored,
                    "problem": _reason(found.mongo_problem),
                    "as_rows": rows_to_json(found.mongo_rows),
                },
                "conflict": found.conflict,
            }
        )
        return
    _table("rows in MySQL", found.mysql_rows, found.mysql_problem, found.places)
    plain(f"which the mapping makes this document:\n{_text(rows_as_document)}\n")
    plain(f"document in MongoDB:\n{_text(stored)}\n")
    _table("which the mapping makes these rows", found.mongo_rows, found.mongo_problem, found.places)
    plain(f"different: {', '.join(found.places)}" if found.places else "both sides are equal")
    if found.conflict:
        plain(f"held by conflict {found.conflict['id']}: lockstep conflicts show {found.conflict['id']}")


def _table(title: str, rows: DocumentRows, problem: Hold | None, places: tuple[str, ...]) -> None:
    if problem:
        plain(f"{title}: {problem.reason}")
        return
    table = Table("table", "key", "row", title=title, title_justify="left")
    for one in rows_to_json(rows):
        differs = any(place.split(".")[0] == one["table"] for place in places)
        table.add_row(f"{'≠ ' if differs else ''}{one['table']}", str(one["key"]), str(one["row"]))
    out.print(table if table.row_count else f"{title}: none", markup=False)


def _reason(problem: Hold | None) -> str | None:
    return problem.reason if problem else None


def _extended(stored: Any) -> Any:
    """As relaxed extended JSON: types of BSON that JSON lacks stay readable."""
    return None if stored is None else json_util.loads(json_util.dumps(stored), object_hook=dict)


def _text(stored: Any) -> str:
    return "none" if stored is None else json_util.dumps(stored, indent=2, ensure_ascii=False)

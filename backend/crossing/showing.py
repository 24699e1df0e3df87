"""Both sides as JSON: rows by table, the document as extended JSON, so that every type of BSON stays readable."""

import json
from datetime import datetime
from typing import Any

from bson.json_util import RELAXED_JSON_OPTIONS, dumps

from backend.crossing.sides import Sight, customers, differing
from sync.model.change import Side
from sync.model.values import to_json


def shown(mysql: Sight, mongo: Sight, conflict: Any) -> dict[str, Any]:
    """Everything that the page shows of a customer."""
    sides = {**shown_side(Side.MYSQL, mysql), **shown_side(Side.MONGO, mongo)}
    return {**sides, "differing": differing(mysql, mongo), "conflict": conflict}


def shown_side(side: Side, sight: Sight) -> dict[str, Any]:
    """One side under its own name."""
    if side is Side.MYSQL:
        return {"rows": _tables(sight), "rows_problem": sight.problem}
    return {"document": _document(sight), "document_problem": sight.problem}


def _tables(sight: Sight) -> list[dict[str, Any]]:
    return [
        {
            "table": table.name,
            "key": table.key,
            "columns": table.columns,
            "rows": [
                [to_json(value) for value in (*key, *(row[column] for column in table.columns))]
                for key, row in sorted(sight.rows[table.name].items(), key=lambda item: str(item[0]))
            ],
        }
        for table in customers().tables
    ]


def _document(sight: Sight) -> Any:
    if sight.document is None:
        return None
    return json.loads(dumps(_readable(sight.document), json_options=RELAXED_JSON_OPTIONS))


def _readable(value: Any) -> Any:
    """With dates as text: extended JSON itself writes those before 1970 as numbers."""
    match value:
        case datetime():
            return {"$date": f"{value.isoformat(timespec='milliseconds')}Z"}
        case dict():
            return {name: _readable(one) for name, one in value.items()}
        case list():
            return [_readable(one) for one in value]
    return value

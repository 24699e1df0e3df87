"""Writes the child rows of a document so that only what changed is touched: rows keep their identity in the binlog."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Model, QuerySet


def write_rows(
    rows: QuerySet[Any],
    parent: Mapping[str, object],
    key: Sequence[str],
    wanted: Mapping[tuple[Any, ...], Mapping[str, Any]],
) -> None:
    """Make the rows below `parent` (its key columns) be exactly `wanted`: key -> other columns. Inside a transaction."""
    below = rows.filter(**parent)
    columns = sorted({column for row in wanted.values() for column in row})
    present = {tuple(row[name] for name in key): row for row in below.values(*key, *columns)}
    for gone in present.keys() - wanted.keys():
        below.filter(**dict(zip(key, gone, strict=True))).delete()
    model: type[Model] = rows.model
    new = []
    for place, row in wanted.items():
        if place not in present:
            new.append(model(**parent, **dict(zip(key, place, strict=True)), **row))
        elif any(present[place][column] != value for column, value in row.items()):
            below.filter(**dict(zip(key, place, strict=True))).update(**row)
    rows.bulk_create(new)

"""One table with a column for each case of `tests.codec_samples`, and the collection that it is mapped to.

Row and document number k hold the k-th sample of every column that has so many; the other columns are NULL.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bson import ObjectId
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from deploy.local.paths import ROOT
from sync.model.change import DocumentId
from tests.codec_samples import Case, cases
from tests.site import Site

NAME = "samples"
#: A session of an application: no strict mode, a zone of its own.
SESSION = "SET SESSION sql_mode = '', time_zone = '+09:00'"


class SampleTable:
    """Made in a site that is not set up yet; the site's mapping then has it."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.cases = cases(site.flavour)
        columns = ", ".join(f"c{at} {case.column} {case.attributes}" for at, case in enumerate(self.cases))
        with site.mysql("owner").cursor() as cursor:
            cursor.execute(
                f"CREATE TABLE {NAME} (id CHAR(24) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY, {columns})"
                " ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4"
            )
        site.config_path = folder / "lockstep.toml"
        site.config_path.write_text((ROOT / "lockstep.toml").read_text() + self._mapping())

    def _mapping(self) -> str:
        lines = [
            f"\n[collections.{NAME}]",
            f'table = "{NAME}"',
            'id = { column = "id", codec = "objectid" }',
            f"[collections.{NAME}.fields]",
        ]
        for at, case in enumerate(self.cases):
            options = "".join(f', {name} = "{value}"' for name, value in case.options.items())
            lines.append(f'f{at} = {{ column = "c{at}", codec = "{case.codec}", null = "absent"{options} }}')
        return "\n".join(lines) + "\n"

    @property
    def count(self) -> int:
        """Of documents that hold all samples."""
        return max(len(case.samples) for case in self.cases)

    def expressions(self, number: int) -> dict[str, str]:
        """What SQL writes into row `number`, by column."""
        return {f"c{at}": case.samples[number][0] for at, case in self._with(number)}

    def fields(self, number: int) -> dict[str, Any]:
        """What document `number` then has. A zero date that counts as NULL is an absent field."""
        return {
            f"f{at}": case.samples[number][1]
            for at, case in self._with(number)
            if not (case.samples[number][1] is None and case.codec != "json")
        }

    def writable(self, number: int) -> dict[str, Any]:
        """Of that what can go the other way."""
        return {
            name: value for name, value in self.fields(number).items() if value not in self.cases[int(name[1:])].one_way
        }

    def _with(self, number: int) -> list[tuple[int, Case]]:
        return [(at, case) for at, case in enumerate(self.cases) if number < len(case.samples)]


def key(number: int) -> ObjectId:
    """Of row and document."""
    return ObjectId(f"{number:024x}")


def document_id(number: int) -> DocumentId:
    """The same for the engine."""
    return DocumentId(NAME, str(key(number)))


def insert(connection: Connection[Cursor], number: int, expressions: Mapping[str, str]) -> None:
    """A row, as an application writes it."""
    with connection.cursor() as cursor:
        cursor.execute(SESSION)
        names = ", ".join(("id", *expressions))
        values = ", ".join((f"'{key(number)}'", *expressions.values()))
        cursor.execute(f"INSERT INTO {NAME} ({names}) VALUES ({values})")


def update(connection: Connection[Cursor], number: int, expressions: Mapping[str, str]) -> None:
    """Other values for a row."""
    with connection.cursor() as cursor:
        cursor.execute(SESSION)
        sets = ", ".join(f"{name} = {value}" for name, value in expressions.items())
        cursor.execute(f"UPDATE {NAME} SET {sets} WHERE id = '{key(number)}'")

"""Writes whole documents as rows, many at a time, through the same mapping that the workers use.

What mapping or columns cannot hold is refused by field before it reaches the server.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Field, Model

from sync.errors import UnmappableDocument
from sync.model.change import DocumentRows, Row, RowKey
from sync.model.lens import assemble, shred
from sync.model.mapping import CollectionMapping, PartMapping, SyncMapping, TableMapping
from sync.model.mapping_file import load_mapping

#: Documents that are turned into rows before they are written.
BATCH = 200
#: Rows of one INSERT.
ROWS = 2000

Document = Mapping[str, object]


def read_mapping() -> SyncMapping:
    """The mapping of this installation. Raises `OSError` and `sync.errors.MappingError`."""
    path = settings.LOCKSTEP_CONFIG
    return load_mapping(path.read_text(encoding="utf-8"), source=path.name)


class CollectionLoader:
    """Writes documents of one collection. The caller opens the transaction."""

    def __init__(self, collection: CollectionMapping) -> None:
        self._collection = collection
        described = {table: (path, names) for table, path, names in _described(collection)}
        self._tables = [_Table(table, *described[table.name]) for table in collection.tables]

    @property
    def root(self) -> type[Model]:
        """The model of the root rows."""
        return self._tables[0].model

    def write(self, documents: Iterable[Document]) -> Iterator[int]:
        """Write them all; yields how many are written so far, batch by batch.

        Raises `UnmappableDocument` with the field's path at the first document that cannot be held.
        """
        rest, done = iter(documents), 0
        while batch := [self.rows(document) for document in islice(rest, BATCH)]:
            for table in self._tables:
                made = [table.instance(key, row) for rows in batch for key, row in rows[table.name].items()]
                table.model._default_manager.bulk_create(made, batch_size=ROWS)
            done += len(batch)
            yield done

    def rows(self, document: Document) -> DocumentRows:
        """The document's rows, each of which fits its columns; raises `UnmappableDocument`."""
        rows = shred(self._collection, document)
        key = next(iter(rows[self._collection.table]))[0]
        held = assemble(self._collection, key, rows)
        assert held is not None  # its root row is there
        _refuse_left_out(document, held, "")
        for table in self._tables:
            for row_key, row in rows[table.name].items():
                table.check(row_key, row)
        return rows


class _Table:
    """One mapped table as Django's model of it."""

    def __init__(self, table: TableMapping, path: str, names: Mapping[str, str]) -> None:
        self.name = table.name
        self.model = next(model for model in apps.get_models() if model._meta.db_table == table.name)
        self._columns = {field.column: field for field in self.model._meta.concrete_fields}
        self._key = table.key
        self._is_list = table.is_list
        self._path, self._names = path, names

    def instance(self, key: RowKey, row: Row) -> Model:
        """An unsaved row."""
        values = {**dict(zip(self._key, key, strict=True)), **row}
        return self.model(**{self._columns[name].attname: _aware(value) for name, value in values.items()})

    def check(self, key: RowKey, row: Row) -> None:
        """Raises `UnmappableDocument` where a value does not fit its column."""
        for column, value in (*zip(self._key, key, strict=True), *row.items()):
            field: Field[Any, Any] = self._columns[column]
            if value is None or not field.validators:
                continue
            try:
                field.run_validators(_aware(value))
            except ValidationError as error:
                raise UnmappableDocument(self._where(key, column), " ".join(error.messages)) from None

    def _where(self, key: RowKey, column: str) -> str:
        place = f"{self._path}.{key[-1]!s}" if self._is_list else self._path
        return ".".join(part for part in (place, self._names.get(column, "")) if part)


def _aware(value: object) -> object:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def _described(collection: CollectionMapping) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """Of each table: where its rows stand in the document, and which field each column is."""
    yield collection.table, "", {part.column: part.name for part in (collection.id, *collection.fields)}
    yield from _described_parts(collection.parts, "")


def _described_parts(parts: Iterable[PartMapping], above: str) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    for part in parts:
        path = f"{above}{part.name}"
        yield part.table, path, {field.column: field.name for field in part.fields}
        yield from _described_parts(part.parts, f"{path}[…].")


def _refuse_left_out(document: Document, held: Document, path: str) -> None:
    """The lens leaves out what no column takes; here that would be lost."""
    for name, value in document.items():
        if name not in held:
            raise UnmappableDocument(f"{path}{name}", "no column takes this field")
        inner = held[name]
        if isinstance(value, Mapping) and isinstance(inner, Mapping):
            _refuse_left_out(value, inner, f"{path}{name}.")

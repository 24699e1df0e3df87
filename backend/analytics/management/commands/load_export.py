"""Loads extended-JSON exports (one document per line, as mongoexport writes them) into MySQL. All or nothing."""

from argparse import ArgumentParser
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from bson import ObjectId, json_util
from bson.codec_options import DatetimeConversion
from bson.errors import BSONError
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, transaction

from backend.analytics.loading import CollectionLoader, Document, read_mapping
from backend.analytics.management.progress import show
from sync.errors import LockstepError, UnmappableDocument

#: What `json_util` raises for values that it cannot read.
UNREADABLE = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError)
JSON = json_util.JSONOptions(tz_aware=False, datetime_conversion=DatetimeConversion.DATETIME_AUTO)


class Command(BaseCommand):
    """See the module."""

    help = (
        "Load NAME.json of each mapped collection from a folder of extended-JSON exports, one document per line. "
        "A line that does not fit is named with its field, and nothing is loaded. "
        "Example: manage.py load_export ~/exports"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which folder."""
        parser.add_argument("folder", type=Path, metavar="DIR", help="holds customers.json, accounts.json, …")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write all files in one transaction."""
        folder: Path = options["folder"]
        try:
            mapping = read_mapping()
        except (OSError, LockstepError) as error:
            raise CommandError(str(error)) from None
        files = _files(folder, tuple(mapping.collections))
        try:
            with transaction.atomic():
                for name, path in files.items():
                    export = _Export(path, CollectionLoader(mapping.collections[name]))
                    show(name, export.load(), export.lines, self.stdout.write)
        except OSError as error:
            raise CommandError(f"{error.filename or folder}: {error.strerror}; nothing was loaded") from None


def _files(folder: Path, collections: tuple[str, ...]) -> dict[str, Path]:
    if not folder.is_dir():
        raise CommandError(f"{folder}: no such folder")
    allowed = ", ".join(f"{name}.json" for name in collections)
    unknown = sorted(path.name for path in folder.glob("*.json") if path.stem not in collections)
    if unknown:
        raise CommandError(f"{folder / unknown[0]}: no collection has this name (allowed: {allowed})")
    files = {name: folder / f"{name}.json" for name in collections if (folder / f"{name}.json").exists()}
    if not files:
        raise CommandError(f"{folder}: holds none of {allowed}")
    return files


class _Export:
    """One file and where reading it is."""

    def __init__(self, path: Path, loader: CollectionLoader) -> None:
        self._path, self._loader = path, loader
        self._line = 0
        self._seen: set[object] = set()
        with path.open("rb") as file:
            self.lines = sum(1 for line in file if line.strip())

    def load(self) -> Iterator[int]:
        """Write the documents; yields how many are written. Raises `CommandError` with file, line and field."""
        try:
            with closing(self._documents()) as documents:  # with it ends the reading of the file
                yield from self._loader.write(documents)
        except UnmappableDocument as error:
            raise self._refused(str(error)) from None
        except DatabaseError as error:
            what = f"MySQL refused the documents up to this line: {error.args[-1]}"
            raise self._refused(what) from None

    def _documents(self) -> Generator[Document, None, None]:
        with self._path.open("rb") as file:
            for self._line, line in enumerate(file, 1):
                if line.strip():
                    yield self._document(line)

    def _document(self, line: bytes) -> Document:
        try:
            document = json_util.loads(line.decode("utf-8"), json_options=JSON)
        except UnicodeDecodeError:
            raise self._refused("the text is not UTF-8") from None
        except (*UNREADABLE, BSONError) as error:
            raise self._refused(f"not extended JSON ({str(error) or type(error).__name__})") from None
        if not isinstance(document, dict):
            raise self._refused("one document per line is allowed (mongoexport without --jsonArray)")
        self._new(document.get("_id"))
        return document

    def _new(self, key: object) -> None:
        text = json_util.dumps(key)
        if text in self._seen:
            raise self._refused("_id: a line above has the same")
        self._seen.add(text)
        # Any other `_id` is refused by its type.
        if isinstance(key, ObjectId) and self._loader.root._default_manager.filter(pk=str(key)).exists():
            raise self._refused("_id: this document is there already")

    def _refused(self, what: str) -> CommandError:
        return CommandError(f"{self._path}:{self._line}: {what}; nothing was loaded")

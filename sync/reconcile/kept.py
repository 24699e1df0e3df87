"""What verify keeps between its runs, in a file of its own: how far it is, what it must look at again, digests of pages that
were equal, and since when documents are known to differ. Keys of documents and digests, no other value.

A file and no table: verify has no right to write to either database, and needs none.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sync.errors import ConfigError
from sync.model.change import DocumentId, Value
from sync.model.mapping import CollectionMapping
from sync.model.values import key_from_text, key_text

#: Of the tables below.
_VERSION = 1
#: Seconds between two commits: so much of the comparing is done again after a crash.
_COMMIT = 1.0
#: Seconds after which an interrupted run is not gone on with: what it found equal is too long ago.
_OLD = 86_400.0
_TABLES = """
CREATE TABLE origin (fingerprint TEXT NOT NULL);
CREATE TABLE run (selection TEXT NOT NULL, began REAL NOT NULL);
CREATE TABLE place (collection TEXT PRIMARY KEY, mysql TEXT NOT NULL, mongo TEXT NOT NULL, done INTEGER NOT NULL,
    finished INTEGER NOT NULL);
CREATE TABLE suspect (collection TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (collection, document));
CREATE TABLE page (collection TEXT NOT NULL, after TEXT NOT NULL, documents INTEGER NOT NULL, mysql BLOB NOT NULL,
    mongo BLOB NOT NULL, seen REAL NOT NULL, PRIMARY KEY (collection, after));
CREATE TABLE difference (collection TEXT NOT NULL, document TEXT NOT NULL, digest BLOB NOT NULL, first_seen REAL NOT NULL,
    PRIMARY KEY (collection, document));
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far the comparing of a collection is: the last key of each side, and documents compared."""

    mysql: Value = None
    mongo: Value = None
    done: int = 0
    #: All of it was compared; suspects are still to be looked at again.
    finished: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EqualPage:
    """So many documents that follow on a key were equal when both sides had these digests."""

    documents: int
    mysql: bytes
    mongo: bytes


class Kept:
    """One file; used by one run of verify at a time."""

    def __init__(self, database: sqlite3.Connection, fingerprint: str) -> None:
        """`fingerprint` tells the mapping: what was kept for another one counts for nothing."""
        self._database = database
        self._committed_at = time.monotonic()
        self._began = time.time()
        (version,) = database.execute("PRAGMA user_version").fetchone()
        found = database.execute("SELECT fingerprint FROM origin").fetchone() if version == _VERSION else None
        if found != (fingerprint,):
            self._create(fingerprint)

    def begin(self, selection: str, *, anew: bool = False) -> float | None:
        """Begin a run, or go on with the one of this `selection` that was interrupted: then when that began. `anew` forgets
        that one, and all digests."""
        found = self._database.execute("SELECT began FROM run WHERE selection = ?", (selection,)).fetchone()
        if found and not anew and 0 <= time.time() - found[0] < _OLD:
            self._began = float(found[0])
            return self._began
        for table in ("run", "place", "suspect", *(("page",) if anew else ())):
            self._database.execute(f"DELETE FROM {table}")
        self._database.execute("INSERT INTO run VALUES (?, ?)", (selection, self._began))
        self._commit()
        return None

    def place(self, collection: CollectionMapping) -> Place:
        """Where to go on."""
        row = self._database.execute(
            "SELECT mysql, mongo, done, finished FROM place WHERE collection = ?", (collection.name,)
        ).fetchone()
        if row is None:
            return Place()
        mysql, mongo = (_key(collection, text) for text in row[:2])
        return Place(mysql=mysql, mongo=mongo, done=row[2], finished=bool(row[3]))

    def reached(self, collection: str, place: Place) -> None:
        """All before was compared, and what differed there is among the suspects."""
        self._database.execute(
            "REPLACE INTO place VALUES (?, ?, ?, ?, ?)",
            (collection, _text(place.mysql), _text(place.mongo), place.done, place.finished),
        )
        if place.finished or time.monotonic() - self._committed_at > _COMMIT:
            self._commit()

    def suspect(self, documents: Iterable[DocumentId]) -> None:
        """These differed and are to be looked at again."""
        self._database.executemany(
            "INSERT OR IGNORE INTO suspect VALUES (?, ?)", [(one.collection, key_text(one.key)) for one in documents]
        )

    def suspects(self, collection: CollectionMapping) -> list[DocumentId]:
        """Of a collection."""
        return _documents(collection, self._database, "suspect")

    def equal_page(self, collection: str, after: Value) -> EqualPage | None:
        """What is known of the page that follows on this key."""
        row = self._database.execute(
            "SELECT documents, mysql, mongo FROM page WHERE collection = ? AND after = ?", (collection, _text(after))
        ).fetchone()
        return EqualPage(documents=row[0], mysql=row[1], mongo=row[2]) if row else None

    def keep_page(self, collection: str, after: Value, page: EqualPage) -> None:
        """Found equal, by values or by these digests."""
        self._database.execute(
            "REPLACE INTO page VALUES (?, ?, ?, ?, ?, ?)",
            (collection, _text(after), page.documents, page.mysql, page.mongo, time.time()),
        )

    def differ(self, found: Mapping[DocumentId, bytes], *, complete: Sequence[str]) -> dict[DocumentId, float]:
        """Since when each of these documents is known to differ, with a digest of both values: now, where it had others.
        Of the collections that were compared as a whole, the others differ no longer."""
        now = time.time()
        known = {
            (str(collection), str(text)): (bytes(digest), float(first))
            for collection, text, digest, first in self._database.execute("SELECT * FROM difference")
        }
        since: dict[DocumentId, float] = {}
        for document, digest in found.items():
            before = known.get((document.collection, key_text(document.key)))
            since[document] = before[1] if before and before[0] == digest else now
        for name in complete:
            self._database.execute("DELETE FROM difference WHERE collection = ?", (name,))
        self._database.executemany(
            "REPLACE INTO difference VALUES (?, ?, ?, ?)",
            [(one.collection, key_text(one.key), found[one], first) for one, first in since.items()],
        )
        self._commit()
        return since

    def differences(self, collection: CollectionMapping) -> list[DocumentId]:
        """Those of a collection that verify found last."""
        return _documents(collection, self._database, "difference")

    def repaired(self, document: DocumentId) -> None:
        """It differs no longer."""
        self._database.execute(
            "DELETE FROM difference WHERE collection = ? AND document = ?",
            (document.collection, key_text(document.key)),
        )
        self._commit()

    def end(self, collections: Sequence[str]) -> None:
        """The run is done. Pages of these collections that it did not meet are none any more."""
        for table in ("run", "place", "suspect"):
            self._database.execute(f"DELETE FROM {table}")
        for name in collections:
            self._database.execute("DELETE FROM page WHERE collection = ? AND seen < ?", (name, self._began))
        self._commit()

    def _create(self, fingerprint: str) -> None:
        found = self._database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in found:
            self._database.execute(f'DROP TABLE "{name}"')
        self._database.executescript(_TABLES)
        self._database.execute("INSERT INTO origin VALUES (?)", (fingerprint,))
        self._database.execute(f"PRAGMA user_version = {_VERSION}")
        self._commit()

    def _commit(self) -> None:
        self._database.commit()
        self._committed_at = time.monotonic()


@contextmanager
def kept_in(file: Path, fingerprint: str) -> Iterator[Kept]:
    """The file, made if there is none; only its owner may read it. `ConfigError` where that cannot be, or while another
    verify uses it. What was reached is kept even where the run ends with an error."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
        database = sqlite3.connect(file, timeout=0)
    except (OSError, sqlite3.Error) as error:
        raise _unusable(file, type(error).__name__) from None
    try:
        try:
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            database.execute("BEGIN EXCLUSIVE")
            database.commit()
            kept = Kept(database, fingerprint)
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                message = f"another verify or repair of the same databases is at work ({file} is in use)"
                raise ConfigError(message, hint="wait for its end, or stop it") from None
            raise _unusable(file, type(error).__name__) from None
        except sqlite3.Error as error:
            raise _unusable(file, type(error).__name__) from None
        try:
            yield kept
        finally:
            database.commit()
    finally:
        database.close()


def _unusable(file: Path, reason: str) -> ConfigError:
    return ConfigError(
        f"verify cannot keep how far it is in {file} ({reason})",
        hint="set LOCKSTEP_STATE_DIR to a folder that this user may write, or delete the file",
    )


def _documents(collection: CollectionMapping, database: sqlite3.Connection, table: str) -> list[DocumentId]:
    rows = database.execute(
        f"SELECT document FROM {table} WHERE collection = ? ORDER BY document", (collection.name,)
    ).fetchall()
    return [DocumentId(collection.name, key_from_text(collection, str(text))) for (text,) in rows]


def _text(key: Value) -> str:
    """Of any key, also of the empty text; "" where there is none."""
    return "" if key is None else f"={key_text(key)}"


def _key(collection: CollectionMapping, text: str) -> Value:
    return key_from_text(collection, text[1:]) if text else None

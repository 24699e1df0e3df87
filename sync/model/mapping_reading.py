"""Reading a TOML file so that every problem is listed at once, with its line: tomllib tells none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TypeAlias

_HEADER = re.compile(r"\[{1,2}([^\[\]]+)\]{1,2}\s*(#.*)?")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
#: Names of tables and columns.
NAME = re.compile(r"[A-Za-z0-9_$\u0080-\uffff]{1,64}")
#: Keys that a later version will take.
_LATER_OPTIONS = ("rename",)

Table: TypeAlias = Mapping[str, object]
Path: TypeAlias = tuple[str, ...]


class Reading:
    """Collects problems instead of stopping at the first."""

    def __init__(self, text: str, source: str) -> None:
        self._lines = text.splitlines()
        self._source = source
        self.problems: list[str] = []

    def _known(self, table: Table, path: Path, allowed: tuple[str, ...]) -> None:
        for key in table:
            if key in allowed:
                continue
            later = " (planned, not in this version)" if key in _LATER_OPTIONS else ""
            self._problem((*path, key), f"unknown key{later}; allowed: {', '.join(allowed)}")

    def _distinct(self, names: Iterable[str], path: Path, what: str) -> None:
        seen: set[str] = set()
        for name in names:
            if name.lower() in seen:
                self._problem(path, f"{what} {name} is used twice")
            seen.add(name.lower())

    def _table(self, value: object, path: Path) -> Table:
        if isinstance(value, dict):
            return value
        self._problem(path, "a table is needed")
        return {}

    def _found(self, problems: Iterable[str], path: Path) -> None:
        for problem in problems:
            self._problem(path, problem)

    def _problem(self, path: Path, message: str) -> None:
        line = self._line(path)
        place = f"{self._source}:{line}" if line else self._source
        problem = f"{place}: {'.'.join(map(_shown, path)) or 'file'}: {message}"
        if problem not in self.problems:
            self.problems.append(problem)

    def _line(self, path: Path) -> int | None:
        """The line of the key at `path`, or of the nearest table above it: tomllib tells none."""
        section: Path = ()
        best: tuple[int, int] | None = None
        for number, line in enumerate(self._lines, start=1):
            stripped = line.strip()
            header = _HEADER.fullmatch(stripped)
            if header:
                found = section = _keys(header[1])
            elif "=" in stripped and not stripped.startswith("#"):
                found = (*section, *_keys(stripped.split("=", 1)[0].strip()))
            else:
                continue
            depth = len(found)
            if path[:depth] == found and (best is None or depth > best[0]):
                best = (depth, number)
        return best[1] if best else None


def _keys(text: str) -> Path:
    """The keys of a dotted TOML key; quoted ones may hold dots."""
    return tuple(
        quoted or apostrophed or bare
        for quoted, apostrophed, bare in re.findall(r'"([^"]*)"|\'([^\']*)\'|([^.\s"\']+)', text)
    )


def _shown(key: str) -> str:
    """As TOML has it."""
    return key if _BARE.fullmatch(key) else f'"{key}"'

"""What a partial update tells of a JSON column: differences from the value before, from which the whole value after is made.

Both values are text as a SELECT gives it, so numbers keep their digits. A difference is an operation, a path, and a value
in binary JSON where it is not taken away.

Layout: mysql-server, sql-common/json_diff.cc (Json_diff_vector::read_binary); what the operations do:
sql-common/json_diff.h (enum_json_diff_operation); paths: sql-common/json_path.cc.
"""

from __future__ import annotations

import json
import re
from typing import Any, TypeAlias

from sync.mysql.binary_json import json_text
from sync.mysql.fields import Fields

_REPLACE, _INSERT, _REMOVE = range(3)
#: A member's name as it stands or in quotes, or the place of an element, from the begin or from the end.
_LEG = re.compile(r'\.(?:("(?:[^"\\]|\\.)*")|([^.\["]+))|\[(?:(\d+)|last(?:-(\d+))?)\]')
#: A place from the end is one less than that, negative: as in Python.
_Leg: TypeAlias = str | int


class _Number(str):
    """A number's digits as they stand in the text."""

    __slots__ = ()


def applied(before: str, differences: bytes) -> str:
    """The value after. Raises ValueError or LookupError for differences that do not fit the value."""
    node = json.loads(before, parse_int=_Number, parse_float=_Number)
    fields = Fields(differences)
    while fields.left:
        operation = fields.number(1)
        path = _within(node, _legs(fields.text().decode()))
        value = None
        if operation != _REMOVE:
            value = json.loads(json_text(fields.text()), parse_int=_Number, parse_float=_Number)
        if not path:
            if operation != _REPLACE:
                raise ValueError("an operation on a whole value that is none")
            node = value
            continue
        _change(_at(node, path[:-1]), path[-1], operation, value)
    return _text(node)


def _legs(path: str) -> list[_Leg]:
    if not path.startswith("$"):
        raise ValueError("a path within JSON that is none")
    legs: list[_Leg] = []
    at = 1
    while at < len(path):
        leg = _LEG.match(path, at)
        if leg is None:
            raise ValueError("a path within JSON that is none")
        quoted, plain, place, back = leg.groups()
        if quoted or plain:
            legs.append(json.loads(quoted) if quoted else plain)
        else:
            legs.append(int(place) if place else -1 - int(back or 0))
        at = leg.end()
    return legs


def _within(node: Any, legs: list[_Leg]) -> list[_Leg]:
    """The path with places from the begin, and without those at which a value that is no array stands for its first element
    (json_path.cc, Json_path_leg::is_autowrap)."""
    path: list[_Leg] = []
    for leg in legs:
        if isinstance(leg, int) and not isinstance(node, list):
            if leg not in (0, -1):
                raise ValueError("a path that leads nowhere")
            continue
        place = leg + len(node) if isinstance(leg, int) and leg < 0 else leg
        path.append(place)
        node = _step(node, place) if len(path) < len(legs) else None
    return path


def _step(node: Any, leg: _Leg) -> Any:
    _fits(node, leg)
    return node[leg]


def _at(node: Any, path: list[_Leg]) -> Any:
    for leg in path:
        node = _step(node, leg)
    return node


def _change(node: Any, leg: _Leg, operation: int, value: object) -> None:
    """In the object or array `node`."""
    _fits(node, leg)
    if operation == _REPLACE:
        node[leg]  # it must be there
        node[leg] = value
    elif operation == _REMOVE:
        del node[leg]
    elif operation != _INSERT:
        raise ValueError("an operation on JSON that nobody knows")
    elif isinstance(leg, int):
        node.insert(leg, value)  # behind the end it is appended, as the server does
    elif leg in node:
        raise ValueError("a member that is there already")
    else:
        node[leg] = value


def _fits(node: object, leg: _Leg) -> None:
    if not isinstance(node, list if isinstance(leg, int) else dict):
        raise ValueError("a path that leads nowhere")


def _text(node: Any) -> str:
    """As a SELECT gives it: members by the length of their names, then by their bytes (json_dom.cc, Json_key_comparator)."""
    match node:
        case dict():
            names = sorted(node, key=lambda name: (len(name.encode()), name.encode()))
            return "{" + ", ".join(f"{_quoted(name)}: {_text(node[name])}" for name in names) + "}"
        case list():
            return "[" + ", ".join(map(_text, node)) + "]"
        case _Number():
            return str(node)
    return _quoted(node)


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)

"""A process of its own that calls functions of the users' own: whatever they do, the worker can end it.

One request and one answer a line, as JSON. What a function prints goes nowhere: it could be a value of somebody's row.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
from collections.abc import Callable, Mapping
from typing import Any

from sync.model.change import Side
from sync.model.values import from_json

#: What a question holds that is a canonical value.
_VALUES = ("base", *Side)


def answer(request: Mapping[str, Any]) -> dict[str, str]:
    """`side`, or `error`: what was wrong, without any value. A request without a question only asks for the function."""
    try:
        function = found(request["function"])
        if "question" not in request:
            return {}
        side = function(_plain(request["question"]))
    except Exception as error:  # noqa: BLE001 - it is told to who asked
        told = str(error) if isinstance(error, NotCallable | ImportError) else ""
        return {"error": f"{type(error).__name__}{told and ': '}{told}"}
    if isinstance(side, str) and side in tuple(Side):
        return {"side": str(side)}
    return {"error": 'it gave neither "mysql" nor "mongo"'}


class NotCallable(TypeError):
    """A dotted name that leads to something else than a function."""


def found(name: str) -> Callable[[dict[str, object]], object]:
    """The function of this dotted name."""
    module, _, attribute = name.rpartition(".")
    function = getattr(importlib.import_module(module), attribute, None)
    if not callable(function):
        raise NotCallable(f"{module} has no function {attribute}")
    return function  # type: ignore[no-any-return]  # what it gives is checked


def _plain(question: Mapping[str, Any]) -> dict[str, object]:
    """With dates and bytes as such. Rows stay as JSON shows them."""
    plain = dict(question)
    for name in _VALUES:
        if not isinstance(plain[name], list):
            plain[name] = from_json(plain[name])
    return plain


def main() -> None:
    """Until the worker closes its end."""
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    for line in requests:
        request = json.loads(line)
        signal.setitimer(
            signal.ITIMER_REAL, request["seconds"] + 1
        )  # ends this process where the worker is gone by then
        answers.write(json.dumps(answer(request)) + "\n")
        signal.setitimer(signal.ITIMER_REAL, 0)
        answers.flush()


if __name__ == "__main__":
    main()

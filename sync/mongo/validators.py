"""Validators of the mapped collections: installing them, taking them away, and what stands there now.

One that somebody else made is never touched: a collection can have one only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from bson import json_util
from pymongo.database import Database

from sync.errors import CommandRefused
from sync.model.mapping import SyncMapping
from sync.model.report import Finding, Level, Step
from sync.model.validator import Enforcement, Schema, is_ours
from sync.mongo.schema import collections
from sync.mongo.server import Document, MongoSettings, connect, database, translated

_OPTIONS = Mapping[str, object]


def steps(
    settings: MongoSettings,
    mapping: SyncMapping,
    wanted: Callable[[], Mapping[str, Schema]],
    enforcement: Enforcement | None,
) -> list[Step]:
    """What is to be done as owner; `wanted` tells each collection's validator. Without `enforcement` those that are installed
    are brought up to date, and no other is made. `CommandRefused` where a validator of others stands in the way."""
    with _opened(settings) as owned:
        there = collections(owned)
    ours = [name for name in mapping.collections if is_ours(_of(there, name).get("validator"))]
    if enforcement is Enforcement.OFF:
        return [_away(settings, name) for name in ours]
    if enforcement is None:
        schemas = wanted() if ours else {}
        return [_step(settings, name, schemas[name], _enforced(there[name]), there[name]) for name in ours]
    foreign = [name for name in mapping.collections if name not in ours and _of(there, name).get("validator")]
    if foreign:
        raise CommandRefused(
            f"{', '.join(foreign)} has a validator that is not Lockstep's: it is left as it is, and nothing was done",
            hint="take it away (collMod with an empty validator), or run lockstep setup without --validators",
        )
    schemas = wanted()
    return [
        _step(settings, name, schemas[name], enforcement, _of(there, name) if name in ours else {})
        for name in mapping.collections
    ]


def teardown(settings: MongoSettings, mapping: SyncMapping) -> list[Step]:
    """What takes ours away again."""
    with _opened(settings) as owned:
        there = collections(owned)
    return [_away(settings, name) for name in mapping.collections if is_ours(_of(there, name).get("validator"))]


def check(name: str, options: _OPTIONS, wanted: Schema | None) -> Finding:
    """What `lockstep doctor` says of a collection's validator. `wanted`: what it should be, if that can be told."""
    subject, stored = f"mongo: validator of {name}", options.get("validator")
    if not stored:
        message = "none: a document that MySQL cannot take is held when it comes (lockstep setup --validators error)"
        return Finding(level=Level.OK, subject=subject, message=message)
    if not is_ours(stored):
        message = "is not Lockstep's: documents that it refuses are held"
        return Finding(level=Level.WARNING, subject=subject, message=message, fix="see that MySQL's rows obey it")
    enforced = _enforced(options)
    if wanted is not None and stored != wanted:
        message = f"Lockstep's ({enforced}), of another mapping or other columns: it may refuse what MySQL holds"
        return Finding(level=Level.PROBLEM, subject=subject, message=message, fix="lockstep setup")
    told = "up to date" if wanted is not None else "whether it is up to date cannot be told"
    return Finding(level=Level.OK, subject=subject, message=f"Lockstep's ({enforced}), {told}")


def _step(settings: MongoSettings, name: str, schema: Schema, enforcement: Enforcement, options: _OPTIONS) -> Step:
    return Step(
        text=f"MongoDB: validator of {name} ({enforcement})",
        done=options.get("validator") == schema and _enforced(options) is enforcement and _is_strict(options),
        apply=partial(_put, settings, name, schema, enforcement),
        details=json_util.dumps(schema, indent=2, ensure_ascii=False),
    )


def _away(settings: MongoSettings, name: str) -> Step:
    return Step(
        text=f"MongoDB: take the validator of {name} away",
        done=False,
        apply=partial(_put, settings, name, {}, Enforcement.ERROR),
    )


def _put(settings: MongoSettings, name: str, schema: Schema, enforcement: Enforcement) -> None:
    """One that somebody has made since the steps were listed stays."""
    with _opened(settings) as owned:
        stored = _of(collections(owned), name).get("validator")
        if stored and not is_ours(stored):
            raise CommandRefused(f"{name} has a validator by now that is not Lockstep's", hint="lockstep doctor")
        with translated():
            owned.command(
                {
                    "collMod": name,
                    "validator": schema,
                    "validationLevel": "strict",
                    "validationAction": str(enforcement),
                }
            )


def _of(there: Mapping[str, _OPTIONS], name: str) -> _OPTIONS:
    return there.get(name, {})


def _enforced(options: _OPTIONS) -> Enforcement:
    """MongoDB's own words; where nothing is said, it refuses."""
    return Enforcement.WARN if options.get("validationAction") == "warn" else Enforcement.ERROR


def _is_strict(options: _OPTIONS) -> bool:
    return options.get("validationLevel", "strict") == "strict"


@contextmanager
def _opened(settings: MongoSettings) -> Iterator[Database[Document]]:
    with connect(settings) as client:
        yield database(client, settings)

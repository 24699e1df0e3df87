"""What `lockstep doctor` looks at in MongoDB: replica set, authentication, privileges, images, retention. Changes nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC

from pymongo.database import Database
from pymongo.errors import OperationFailure
from pymongo.write_concern import WriteConcern

from sync.errors import ConfigError, LockstepError, MongoAway, UnmappableDocument
from sync.model.lens import shred
from sync.model.mapping import CollectionMapping, SyncMapping
from sync.model.report import Finding, Level
from sync.model.validator import Schema
from sync.mongo import validators as validators_of
from sync.mongo.accounts import sharing
from sync.mongo.schema import collections, has_images
from sync.mongo.server import CHECKPOINTS, CODEC, Client, Document, MongoSettings, connect, database, translated
from sync.mongo.setup import grants

#: Hours of oplog that should be kept at least; less leaves no time to mend a stopped worker.
_HOURS = 24.0
#: Seconds by which clocks may differ before last-write decisions and lag become doubtful.
_OFFSET = 2.0
#: Milliseconds that a majority of the replica set has to confirm a write.
_MAJORITY = 5_000
_FULL = 0.9
#: Documents of each collection that are looked at, and different reasons that are told.
_SAMPLE, _REASONS = 100, 3
_UNAUTHORIZED = 13
#: User and password in a URL; both are percent-encoded there.
_USER = re.compile("//[^/@]*@")
_WRITES = ("insert", "update", "remove")


def check(
    roles: Mapping[str, MongoSettings], mapping: SyncMapping, validators: Mapping[str, Schema] | None
) -> list[Finding]:
    """Findings on MongoDB. A role that cannot log in is a finding of its own; a server that is away ends the look.
    `validators`: what each collection's should be; None where MySQL's columns do not tell."""
    findings: list[Finding] = []
    for role, settings in roles.items():
        try:
            with connect(settings) as client:
                findings += _of_role(role, client, settings, mapping, validators)
        except MongoAway as error:
            return [*findings, _problem("mongo: server", error.message, error.hint)]
        except LockstepError as error:
            findings.append(_problem(f"mongo: {role}", error.message, error.hint))
    return [*findings, *_accounts(roles)]


def problems(settings: MongoSettings, mapping: SyncMapping) -> dict[str, list[str]]:
    """By collection, why it cannot be carried."""
    with connect(settings) as client:
        there = collections(database(client, settings))
    found: dict[str, list[str]] = {}
    for name in mapping.collections:
        if name not in there:
            found[name] = [f"MongoDB has no collection {name} (lockstep setup makes it)"]
        elif not has_images(there[name]):
            found[name] = [f"MongoDB keeps no images of changes of {name} (lockstep setup switches them on)"]
    return found


def require(settings: MongoSettings, mapping: SyncMapping) -> None:
    """What a first copy needs, as follower: all mapped collections, with images. Raises `ConfigError`."""
    with connect(settings) as client:
        there = collections(database(client, settings))
    lacking = [name for name in mapping.collections if not has_images(there.get(name, {}))]
    if lacking:
        message = f"MongoDB: no pre- and post-images of changes are kept of {', '.join(lacking)}"
        raise ConfigError(message, hint="lockstep setup")


def _of_role(
    role: str,
    client: Client,
    settings: MongoSettings,
    mapping: SyncMapping,
    validators: Mapping[str, Schema] | None,
) -> list[Finding]:
    owned = database(client, settings)
    if role == "owner":
        findings = [*_server(client), *_authentication(settings), *_collections(owned, mapping, validators)]
        replicated = not any(one.subject == "mongo: replica set" and one.level is Level.PROBLEM for one in findings)
        return [*findings, *_majority(owned), *_retention(client)] if replicated else findings
    findings = [*_privileges(owned, role, mapping)]
    if role == "listener":
        findings += _stream(owned)
    if role == "follower":
        findings += _account(owned, settings)
        findings += _documents(owned, mapping)
    return findings


def _account(owned: Database[Document], settings: MongoSettings) -> Iterator[Finding]:
    """Whether the server takes the follower for whom its URL says: what the listener is spared is told by that."""
    with translated():
        users = owned.command("connectionStatus")["authInfo"]["authenticatedUsers"]
    known = [f"{one['user']}@{one['db']}" for one in users]
    if known != [settings.account]:
        message = (
            f"the server knows the follower as {', '.join(known) or 'nobody'}: the listener reads all that it writes"
        )
        yield _warning("mongo: account of follower", message, "name user and authSource in LOCKSTEP_FOLLOWER_MONGO_URL")


def _accounts(roles: Mapping[str, MongoSettings]) -> Iterator[Finding]:
    """The server tells the follower's sessions from others by the account only (`lsid.uid`)."""
    shared, user = sharing(roles), roles["follower"].user
    if shared:
        message = (
            f"the follower and {', '.join(shared)} share the account {user}: the listener reads all that it writes"
        )
        yield _problem("mongo: accounts", message, "give the follower an account that nobody else uses")
    else:
        yield _ok(
            "mongo: accounts",
            f"{user} is the follower's: the listener is spared what it writes, so let nobody else use it",
        )


# The server.


def _server(client: Client) -> Iterator[Finding]:
    with translated():
        before = time.time()
        hello = client.admin.command("hello")
        offset = hello["localTime"].replace(tzinfo=UTC).timestamp() - (before + time.time()) / 2
        version = str(client.server_info()["version"])
    if int(version.split(".")[0]) < 6:
        yield _problem(
            "mongo: version", f"{version}; 6.0 or later is needed for images of changes", "upgrade the server"
        )
    else:
        yield _ok("mongo: version", version)
    if hello.get("msg") == "isdbgrid":
        yield _problem("mongo: replica set", "this is a sharded cluster", "connect a replica set")
    elif hello.get("setName"):
        yield _ok("mongo: replica set", str(hello["setName"]))
    else:
        fix = "start it with --replSet, then rs.initiate()"
        yield _problem("mongo: replica set", "a single server has no change streams and no transactions", fix)
    if abs(offset) > _OFFSET:
        yield _warning("mongo: clock", f"is {offset:+.1f} s off this machine's", "synchronise the clocks (NTP)")
    else:
        yield _ok("mongo: clock", f"{offset * 1000:+.0f} ms off this machine's")


def _authentication(settings: MongoSettings) -> Iterator[Finding]:
    """Asks as nobody what only somebody may be told."""
    anonymous = replace(settings, url=_USER.sub("//", settings.url, count=1))
    with connect(anonymous) as nobody, translated():
        try:
            nobody.admin.command("listDatabases")
        except OperationFailure as error:
            if error.code != _UNAUTHORIZED:
                raise
            yield _ok("mongo: authentication", "on")
            return
    message = (
        "is off: anybody may write checkpoints, and the server cannot tell the follower from applications: the listener"
        " reads all that the follower writes"
    )
    yield _problem("mongo: authentication", message, "start MongoDB with --auth")


def _majority(owned: Database[Document]) -> Iterator[Finding]:
    """A write that matches nothing waits like any other for what was written before it."""
    concern = WriteConcern("majority", wtimeout=_MAJORITY)
    try:
        with translated():
            owned.get_collection(CHECKPOINTS, write_concern=concern).update_one({"_id": "nobody"}, {"$set": {"a": 1}})
    except MongoAway:
        raise
    except LockstepError as error:
        fix = "see rs.status(): a majority of the members that hold data must be up"
        yield _problem("mongo: majority writes", f"are not confirmed: {error.message}", fix)
    else:
        yield _ok("mongo: majority writes", "confirmed")


def _retention(client: Client) -> Iterator[Finding]:
    with translated():
        oplog = client.local["oplog.rs"]
        first, last = oplog.find_one(sort=[("$natural", 1)]), oplog.find_one(sort=[("$natural", -1)])
        stats = client.local.command("collStats", "oplog.rs")
    size, most = float(stats.get("size", 0)), float(stats.get("maxSize", 0))
    hours = (last["ts"].time - first["ts"].time) / 3600 if first and last else 0.0
    held = f"{hours:.1f} h of changes, {size / 1e6:,.0f} of {most / 1e6:,.0f} MB"
    if hours < _HOURS and size > _FULL * most:
        fix = "replSetResizeOplog with a larger size, or minRetentionHours"
        yield _warning("mongo: oplog", f"{held}; a worker stopped for longer loses its position", fix)
    else:
        yield _ok("mongo: oplog", held)
    try:
        with translated():
            found = client.admin.command({"getClusterParameter": "changeStreamOptions"})["clusterParameters"]
    except ConfigError:
        yield _ok("mongo: images kept for", "not visible to the owner; by default as long as the oplog")
        return
    expiry = found[0].get("preAndPostImages", {}).get("expireAfterSeconds", "off") if found else "off"
    if isinstance(expiry, int | float) and expiry < _HOURS * 3600:
        fix = "setClusterParameter changeStreamOptions: keep images for a day at least"
        yield _warning("mongo: images kept for", f"{expiry / 3600:.1f} h", fix)
    else:
        yield _ok("mongo: images kept for", "as long as the oplog" if expiry == "off" else f"{expiry} s")


# Collections.


def _collation(collection: CollectionMapping, options: Mapping[str, object]) -> Iterator[Finding]:
    """A default collation is that of the index over `_id` too."""
    collation = options.get("collation")
    if isinstance(collation, Mapping) and collection.id.codec.bson == "string":
        message = f"its collation ({collation.get('locale')}) may take different keys for one"
        fix = "make the collection anew without it, then lockstep bootstrap"
        yield _problem(f"mongo: {collection.name}", message, fix)


def _collections(
    owned: Database[Document], mapping: SyncMapping, validators: Mapping[str, Schema] | None
) -> Iterator[Finding]:
    there = collections(owned)
    for name in (*mapping.collections, CHECKPOINTS):
        subject = f"mongo: {name}"
        if name not in there:
            yield _problem(subject, "does not exist", "lockstep setup")
            continue
        if name == CHECKPOINTS:
            yield _ok(subject, "exists")
        elif has_images(there[name]):
            yield _ok(subject, "with images of each change")
        else:
            yield _problem(subject, "pre- and post-images are switched off", "lockstep setup")
        if name != CHECKPOINTS:
            yield from _collation(mapping.collections[name], there[name])
            yield validators_of.check(name, there[name], validators[name] if validators else None)
        with translated():
            unique = [str(one["name"]) for one in owned[name].list_indexes() if one.get("unique")]
        if unique:
            message = f"unique index {', '.join(unique)}: documents that it refuses are held"
            yield _warning(subject, message, "see that MySQL's rows obey it")


def _documents(owned: Database[Document], mapping: SyncMapping) -> Iterator[Finding]:
    """Whether the newest documents of each collection can be carried. Nothing is said of an empty one."""
    for name, collection in mapping.collections.items():
        reasons: dict[str, int] = {}
        count = 0
        try:
            with translated():
                newest = owned.get_collection(name, CODEC).find(batch_size=10).sort("$natural", -1).limit(_SAMPLE)
                for document in newest:
                    count += 1
                    reason = _unmappable(collection, document)
                    if reason:
                        reasons[reason] = reasons.get(reason, 0) + 1
        except ConfigError:
            return  # it may not read: its privileges are told apart
        subject = f"mongo: documents of {name}"
        if reasons:
            told = "; ".join(sorted(reasons, key=lambda reason: -reasons[reason])[:_REASONS])
            message = f"{sum(reasons.values())} of {count} looked at cannot be carried: {told}"
            yield _warning(subject, message, "mend them, or lockstep.toml; until then each of them is held")
        elif count:
            yield _ok(subject, f"the {count} newest can be carried")


def _unmappable(collection: CollectionMapping, document: Document) -> str | None:
    try:
        shred(collection, document)
    except UnmappableDocument as error:
        return error.message
    return None


# Privileges.


def _privileges(owned: Database[Document], role: str, mapping: SyncMapping) -> Iterator[Finding]:
    with translated():
        status = owned.command({"connectionStatus": 1, "showPrivileges": True})["authInfo"]
    subject = f"mongo: privileges of {role}"
    has = {
        (str(one["resource"].get("collection", "")), str(action))
        for one in status["authenticatedUserPrivileges"]
        if one["resource"].get("db") in (owned.name, "") or one["resource"].get("anyResource")
        for action in one["actions"]
    }
    lacking = sorted(
        f"{action} on {one['resource']['collection'] or 'the database'}"
        for one in grants(owned.name, mapping)[role]
        for action in one["actions"]
        if not {(one["resource"]["collection"], action), ("", action)} & has
    )
    writes = sorted({action for of, action in has if of in (CHECKPOINTS, "") and action in _WRITES})
    if lacking:
        yield _problem(subject, f"lacking: {', '.join(lacking)}", "lockstep setup")
    if writes and role != "follower":
        fix = "take its broad roles away; lockstep setup gives what it needs"
        yield _problem(subject, f"may {', '.join(writes)} in {CHECKPOINTS}", fix)
    elif not lacking:
        yield _ok(subject, "as they must be")


def _stream(owned: Database[Document]) -> Iterator[Finding]:
    """Opens what the listener reads from, and closes it."""
    try:
        with translated():
            owned.watch(max_await_time_ms=1, full_document_before_change="whenAvailable").close()
    except MongoAway:
        raise
    except LockstepError as error:
        fix = "lockstep setup gives the privilege; a replica set with images is needed too"
        yield _problem("mongo: change stream", f"the listener cannot open it: {error.message}", fix)
    else:
        yield _ok("mongo: change stream", "the listener can open it")


def _ok(subject: str, message: str) -> Finding:
    return Finding(level=Level.OK, subject=subject, message=message)


def _warning(subject: str, message: str, fix: str) -> Finding:
    return Finding(level=Level.WARNING, subject=subject, message=message, fix=fix)


def _problem(subject: str, message: str, fix: str) -> Finding:
    return Finding(level=Level.PROBLEM, subject=subject, message=message, fix=fix)

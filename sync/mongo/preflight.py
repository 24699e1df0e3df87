"""What `lockstep doctor` looks at in MongoDB: replica set, authentication, privileges, images, retention. Changes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC

from pymongo.database import Database

from sync.errors import ConfigError, LockstepError
from sync.model.mapping import SyncMapping
from sync.model.report import Finding, Level
from sync.mongo.schema import collections, has_images
from sync.mongo.server import CHECKPOINTS, Client, Document, MongoSettings, connect, database, translated
from sync.mongo.setup import grants

_HOURS = 24.0
_OFFSET = 2.0


def check(roles: Mapping[str, MongoSettings], mapping: SyncMapping) -> list[Finding]:
    """Findings on MongoDB. A server that cannot be reached, or a role that cannot log in, is a finding of its own."""
    findings: list[Finding] = []
    for role, settings in roles.items():
        try:
            with connect(settings) as client:
                owned = database(client, settings)
                if role == "owner":
                    findings += _server(client)
                    findings += _collections(owned, mapping)
                    findings += _retention(client)
                if role in ("app", "follower", "listener"):
                    findings += _privileges(owned, role, mapping)
        except LockstepError as error:
            findings.append(_problem(f"mongo: {role}", error.message, error.hint))
    users = {role: settings.user for role, settings in roles.items()}
    if users.get("follower") in (users.get("listener"), users.get("app")):
        findings.append(_problem("mongo: users", "follower and another role share an account", "give each its own"))
    return findings


def _server(client: Client) -> Iterator[Finding]:
    with translated():
        before = time.time()
        hello = client.admin.command("hello")
        offset = hello["localTime"].replace(tzinfo=UTC).timestamp() - (before + time.time()) / 2
        version = str(client.server_info()["version"])
    yield _ok("mongo: version", version)
    if int(version.split(".")[0]) < 6:
        yield _problem("mongo: version", "6.0 or later is needed for images of changes", "upgrade")
    if hello.get("setName"):
        yield _ok("mongo: replica set", str(hello["setName"]))
    else:
        yield _problem("mongo: replica set", "a single server has no change streams", "start it with --replSet")
    if abs(offset) > _OFFSET:
        yield _warning("mongo: clock", f"is {offset:+.1f} s off this machine's", "synchronise the clocks (NTP)")
    else:
        yield _ok("mongo: clock", f"{offset * 1000:+.0f} ms off this machine's")


def _collections(owned: Database[Document], mapping: SyncMapping) -> Iterator[Finding]:
    there = collections(owned)
    for name in (*mapping.collections, CHECKPOINTS):
        if name not in there:
            yield _problem(f"mongo: {name}", "does not exist", "lockstep setup")
        elif name != CHECKPOINTS and not has_images(there[name]):
            yield _problem(f"mongo: {name}", "pre- and post-images are switched off", "lockstep setup")
        else:
            yield _ok(f"mongo: {name}", "exists" if name == CHECKPOINTS else "with images")
        if there.get(name, {}).get("validator"):
            yield _warning(f"mongo: {name}", "has a validator: documents that it refuses are held", "see that it fits")
    for name in mapping.collections:
        if name not in there:
            continue
        with translated():
            unique = [one["name"] for one in owned[name].list_indexes() if one.get("unique")]
        if unique:
            yield _warning(
                f"mongo: {name}", f"unique index {', '.join(unique)}: what it refuses is held", "see that it fits"
            )


def _retention(client: Client) -> Iterator[Finding]:
    with translated():
        oplog = client.local["oplog.rs"]
        first, last = oplog.find_one(sort=[("$natural", 1)]), oplog.find_one(sort=[("$natural", -1)])
        size = client.local.command("collStats", "oplog.rs").get("maxSize", 0)
    hours = (last["ts"].time - first["ts"].time) / 3600 if first and last else 0.0
    yield _ok("mongo: oplog", f"{hours:.1f} h in {float(size) / 1e6:,.0f} MB at most")
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


def _privileges(owned: Database[Document], role: str, mapping: SyncMapping) -> Iterator[Finding]:
    with translated():
        status = owned.command({"connectionStatus": 1, "showPrivileges": True})["authInfo"]
    subject = f"mongo: privileges of {role}"
    if not status["authenticatedUsers"]:
        yield _problem(subject, "MongoDB runs without authentication", "start it with --auth")
        return
    has = {
        (str(one["resource"].get("collection", "")), str(action))
        for one in status["authenticatedUserPrivileges"]
        if one["resource"].get("db") in (owned.name, "")
        for action in one["actions"]
    }
    lacking = sorted(
        f"{action} on {one['resource']['collection'] or 'the database'}"
        for one in grants(owned.name, mapping)[role]
        for action in one["actions"]
        if not {(one["resource"]["collection"], action), ("", action)} & has
    )
    if lacking:
        yield _problem(subject, f"lacking: {', '.join(lacking)}", "lockstep setup")
    elif role != "follower" and {(CHECKPOINTS, "update"), ("", "update")} & has:
        yield _problem(
            subject, f"may write {CHECKPOINTS}", "take its broad roles away; lockstep setup gives what it needs"
        )
    else:
        yield _ok(subject, "as they must be")


def _ok(subject: str, message: str) -> Finding:
    return Finding(level=Level.OK, subject=subject, message=message)


def _warning(subject: str, message: str, fix: str) -> Finding:
    return Finding(level=Level.WARNING, subject=subject, message=message, fix=fix)


def _problem(subject: str, message: str, fix: str) -> Finding:
    return Finding(level=Level.PROBLEM, subject=subject, message=message, fix=fix)

"""What `lockstep setup` makes in MongoDB, as owner: collections with images, the first checkpoint, least privileges.

Every step can be listed before it is done, and done again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from bson import Int64
from pymongo.database import Database

from sync.model.mapping import SyncMapping
from sync.model.report import Step
from sync.mongo.schema import collections, has_images
from sync.mongo.server import CHECKPOINTS, Document, MongoSettings, connect, database, translated

_IMAGES = {"changeStreamPreAndPostImages": {"enabled": True}}
_DATA = ["find", "insert", "update", "remove"]


def steps(settings: MongoSettings, mapping: SyncMapping, users: dict[str, str]) -> list[Step]:
    """What is to be done as owner. `users`: role (app, follower, listener) -> name of its MongoDB user."""
    with _opened(settings) as owned:
        there = collections(owned)
        made = [
            Step(
                text=f"MongoDB: collection {name} with images of each change",
                done=has_images(there.get(name, {})),
                apply=partial(_applied, settings, partial(_collection, name=name)),
            )
            for name in mapping.collections
        ]
        made.append(
            Step(
                text=f"MongoDB: collection {CHECKPOINTS} with the follower's first checkpoint",
                done=_has_checkpoint(owned),
                apply=partial(_applied, settings, _first),
            )
        )
        for role, privileges in grants(owned.name, mapping).items():
            name, user = f"lockstep_{role}", users[role]
            made.append(
                Step(
                    text=f"MongoDB: role {name} for the user {user}",
                    done=_has_role(owned, name, user, privileges),
                    apply=partial(_applied, settings, partial(_role, name=name, user=user, privileges=privileges)),
                )
            )
        return made


def grants(name: str, mapping: SyncMapping) -> dict[str, list[Document]]:
    """Role -> privileges in the database `name`."""
    mapped = list(mapping.collections)
    listing = {"resource": {"db": name, "collection": ""}, "actions": ["listCollections"]}
    watching = {"resource": {"db": name, "collection": ""}, "actions": ["listCollections", "find", "changeStream"]}
    return {
        # Where its predecessor wrote last stands only in the log (`MongoTarget.take_lease`).
        # Of what a unique index refuses it names the documents in the way.
        "follower": [
            listing,
            *_on(name, mapped, [*_DATA, "listIndexes"]),
            *_on(name, [CHECKPOINTS], [*_DATA, "changeStream"]),
        ],
        # A stream over the database needs `find` and `changeStream` on all of it (manual, "Change Streams", Access Control).
        "listener": [watching],
        "app": [listing, *_on(name, mapped, [*_DATA, "listIndexes"])],
    }


def teardown(settings: MongoSettings, users: dict[str, str]) -> list[Step]:
    """What takes the engine's own objects away again; mapped collections stay as they are."""
    with _opened(settings) as owned:
        there = collections(owned)
        with translated():
            roles = {one["role"] for one in owned.command("rolesInfo", 1)["roles"]}
    return [
        Step(
            text=f"MongoDB: drop collection {CHECKPOINTS}",
            done=CHECKPOINTS not in there,
            apply=partial(_applied, settings, partial(_drop_collection, name=CHECKPOINTS)),
        ),
        *(
            Step(
                text=f"MongoDB: drop role lockstep_{role} of the user {users[role]}",
                done=f"lockstep_{role}" not in roles,
                apply=partial(_applied, settings, partial(_drop_role, name=f"lockstep_{role}")),
            )
            for role in ("follower", "listener", "app")
        ),
    ]


@contextmanager
def _opened(settings: MongoSettings) -> Iterator[Database[Document]]:
    with connect(settings) as client:
        yield database(client, settings)


def _applied(settings: MongoSettings, change: Callable[[Database[Document]], None]) -> None:
    """On a connection of its own: steps are kept, and may be applied, long after they were listed."""
    with _opened(settings) as owned:
        change(owned)


def _on(name: str, names: Iterable[str], actions: list[str]) -> list[Document]:
    return [{"resource": {"db": name, "collection": one}, "actions": actions} for one in names]


def _collection(owned: Database[Document], name: str) -> None:
    with translated():
        if name in collections(owned):
            owned.command({"collMod": name, **_IMAGES})
        else:
            owned.command({"create": name, **_IMAGES})


def _has_checkpoint(owned: Database[Document]) -> bool:
    with translated():
        return owned[CHECKPOINTS].find_one({"_id": "follower"}) is not None


def _first(owned: Database[Document]) -> None:
    if _has_checkpoint(owned):
        return
    with translated():
        server_time = owned.command("hello")["localTime"]
        owned[CHECKPOINTS].insert_one(
            {
                "_id": "follower",
                "seq": Int64(0),
                "lease": "",
                "holder": {},
                "position": None,
                "rows_done": Int64(0),
                "seen": None,
                "known": {"seq": Int64(0), "lease": ""},
                "copied": [],
                "copying": False,
                "renewed_at": server_time,
                "lease_until": server_time,
            }
        )


def _has_role(owned: Database[Document], name: str, user: str, privileges: list[Document]) -> bool:
    with translated():
        roles = owned.command({"rolesInfo": name, "showPrivileges": True})["roles"]
        holders = owned.command({"usersInfo": user})["users"]
    if not roles or not holders or name not in {role["role"] for role in holders[0]["roles"]}:
        return False
    return _comparable(roles[0]["privileges"]) == _comparable(privileges)


def _comparable(privileges: Iterable[Document]) -> set[tuple[str, frozenset[str]]]:
    return {(one["resource"].get("collection", ""), frozenset(one["actions"])) for one in privileges}


def _role(owned: Database[Document], name: str, user: str, privileges: list[Document]) -> None:
    """Privilege by privilege: `updateRole` is for those who may revoke roles of all databases (manual, "updateRole")."""
    with translated():
        there = owned.command({"rolesInfo": name, "showPrivileges": True})["roles"]
        if there:
            surplus = [one for one in there[0]["privileges"] if not _comparable([one]) <= _comparable(privileges)]
            if surplus:
                owned.command({"revokePrivilegesFromRole": name, "privileges": surplus})
            owned.command({"grantPrivilegesToRole": name, "privileges": privileges})
        else:
            owned.command({"createRole": name, "privileges": privileges, "roles": []})
        owned.command({"grantRolesToUser": user, "roles": [{"role": name, "db": owned.name}]})


def _drop_collection(owned: Database[Document], name: str) -> None:
    with translated():
        owned.drop_collection(name)


def _drop_role(owned: Database[Document], name: str) -> None:
    with translated():
        owned.command({"dropRole": name})

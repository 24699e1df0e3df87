"""What `lockstep setup` makes in MongoDB, as owner: collections with images, the first checkpoint, least privileges.

Every step can be listed before it is done, and done again.
"""

from __future__ import annotations

from collections.abc import Iterable
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
    owned = database(connect(settings), settings)
    there = collections(owned)
    made = [
        Step(
            text=f"MongoDB: collection {name} with images of each change",
            done=has_images(there.get(name, {})),
            apply=partial(_collection, owned, name),
        )
        for name in mapping.collections
    ]
    made.append(
        Step(
            text=f"MongoDB: collection {CHECKPOINTS} with the follower's first checkpoint",
            done=_has_checkpoint(owned),
            apply=partial(_first, owned),
        )
    )
    for role, privileges in grants(owned.name, mapping).items():
        name = f"lockstep_{role}"
        made.append(
            Step(
                text=f"MongoDB: role {name} for the user {users[role]}",
                done=_has_role(owned, name, users[role], privileges),
                apply=partial(_role, owned, name, users[role], privileges),
            )
        )
    return made


def grants(name: str, mapping: SyncMapping) -> dict[str, list[Document]]:
    """Role -> privileges in the database `name`."""
    mapped = list(mapping.collections)
    listing = {"resource": {"db": name, "collection": ""}, "actions": ["listCollections"]}
    watching = {"resource": {"db": name, "collection": ""}, "actions": ["listCollections", "find", "changeStream"]}
    return {
        "follower": [listing, *_on(name, [*mapped, CHECKPOINTS], _DATA)],
        # A stream over the database needs `find` and `changeStream` on all of it (manual, "Change Streams", Access Control).
        "listener": [watching],
        "app": [listing, *_on(name, mapped, [*_DATA, "listIndexes"])],
    }


def teardown(settings: MongoSettings, users: dict[str, str]) -> list[Step]:
    """What takes the engine's own objects away again; mapped collections stay as they are."""
    owned = database(connect(settings), settings)
    there = collections(owned)
    with translated():
        roles = {one["role"] for one in owned.command("rolesInfo", 1)["roles"]}
    return [
        Step(
            text=f"MongoDB: drop collection {CHECKPOINTS}",
            done=CHECKPOINTS not in there,
            apply=partial(_drop_collection, owned, CHECKPOINTS),
        ),
        *(
            Step(
                text=f"MongoDB: drop role lockstep_{role} of the user {users[role]}",
                done=f"lockstep_{role}" not in roles,
                apply=partial(_drop_role, owned, f"lockstep_{role}"),
            )
            for role in ("follower", "listener", "app")
        ),
    ]


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
    with translated():
        there = owned.command({"rolesInfo": name})["roles"]
        verb = "updateRole" if there else "createRole"
        owned.command({verb: name, "privileges": privileges, "roles": []})
        owned.command({"grantRolesToUser": user, "roles": [{"role": name, "db": owned.name}]})


def _drop_collection(owned: Database[Document], name: str) -> None:
    with translated():
        owned.drop_collection(name)


def _drop_role(owned: Database[Document], name: str) -> None:
    with translated():
        owned.command({"dropRole": name})

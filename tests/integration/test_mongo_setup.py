"""What setup makes in MongoDB and teardown takes away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.local.users import Role
from sync.mongo import setup
from sync.mongo.schema import collections, has_images
from tests.servers import Servers
from tests.stream_log import StreamLog


@pytest.fixture
def empty(servers: Servers) -> Iterator[StreamLog]:
    with StreamLog(servers) as made:
        yield made


def test_listing_changes_nothing_and_every_step_is_done_once(empty: StreamLog) -> None:
    """A dry run leaves the database empty; after setup all steps are done, and a second setup has nothing to do."""
    owner = empty.settings(Role.OWNER)
    listed = setup.steps(owner, empty.mapping, empty.users)
    assert not any(step.done for step in listed)
    assert empty.admin.list_collection_names() == []
    empty.setup()
    assert all(step.done for step in setup.steps(owner, empty.mapping, empty.users))
    for step in listed:
        step.apply()
    assert all(step.done for step in setup.steps(owner, empty.mapping, empty.users))


def test_images_are_switched_on_where_a_collection_stands_already(empty: StreamLog) -> None:
    """Its documents and its other options stay."""
    empty.admin.create_collection("accounts", validator={"limit": {"$exists": True}})
    empty.admin["accounts"].insert_one({"limit": 1})
    empty.setup()
    options = collections(empty.database(Role.OWNER))["accounts"]
    assert has_images(options)
    assert options["validator"] == {"limit": {"$exists": True}}
    assert empty.admin["accounts"].count_documents({}) == 1


def test_setup_leaves_a_checkpoint_as_it_stands(empty: StreamLog) -> None:
    """Run again on an installation at work, it moves nothing."""
    empty.setup()
    empty.admin["sync_checkpoint"].update_one({}, {"$set": {"seq": 41}})
    for step in setup.steps(empty.settings(Role.OWNER), empty.mapping, empty.users):
        step.apply()
    stored = empty.admin["sync_checkpoint"].find_one()
    assert stored is not None
    assert stored["seq"] == 41


def test_rights_that_were_widened_are_no_done_step(empty: StreamLog) -> None:
    """Setup brings a role back to what it must be."""
    empty.setup()
    wide = [{"resource": {"db": empty.name, "collection": ""}, "actions": ["find", "insert"]}]
    empty.admin.command({"updateRole": "lockstep_app", "privileges": wide})
    open_steps = [step for step in setup.steps(empty.settings(Role.OWNER), empty.mapping, empty.users) if not step.done]
    assert [step.text for step in open_steps] == ["MongoDB: role lockstep_app for the user lockstep_app"]
    open_steps[0].apply()
    assert all(step.done for step in setup.steps(empty.settings(Role.OWNER), empty.mapping, empty.users))


def test_teardown_takes_only_the_engines_own(empty: StreamLog) -> None:
    """The checkpoint and the roles go, users' collections and users stay."""
    empty.setup()
    empty.collection().insert_one({"a": 1})
    owner = empty.settings(Role.OWNER)
    for step in setup.teardown(owner, empty.users):
        step.apply()
    assert all(step.done for step in setup.teardown(owner, empty.users))
    assert set(empty.admin.list_collection_names()) >= set(empty.mapping.collections)
    assert "sync_checkpoint" not in empty.admin.list_collection_names()
    assert empty.admin["accounts"].count_documents({}) == 1
    assert empty.admin.command("rolesInfo", 1)["roles"] == []
    assert len(empty.admin.command("usersInfo")["users"]) == len(Role)

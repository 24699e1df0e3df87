"""Which side a policy takes where no log tells who wrote what: for differences that no change brought."""

from __future__ import annotations

from collections.abc import Mapping

from sync.errors import CommandRefused
from sync.model.change import Side
from sync.model.mapping import AnyPolicy, CollectionMapping, Policy

_SIDES: Mapping[AnyPolicy, Side] = {Policy.MYSQL_WINS: Side.MYSQL, Policy.MONGO_WINS: Side.MONGO}


def side_by_policy(collection: CollectionMapping, tie: Side) -> Side:
    """As `sync.model.meeting.decide` takes it. `CommandRefused` for a policy that names no side."""
    side = tie if collection.policy is Policy.LAST_WRITE_WINS else _SIDES.get(collection.policy)
    if side is None:
        raise CommandRefused(
            f"policy {collection.policy} of {collection.name} names no side where no log tells who wrote what",
            hint="lockstep repair --from mysql, or --from mongo",
        )
    return side

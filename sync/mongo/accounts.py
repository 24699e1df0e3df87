"""Who the server takes a session for: the account, and the digest of it that stands in the change stream.

The listener has the server leave the follower's writes out of its stream by that digest, so it must be the follower's alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from sync.mongo.server import MongoSettings


def session_uid(account: str) -> bytes:
    """`lsid.uid` of all sessions of an account "user@database" (mongo, src/mongo/db/logical_session_id_helpers.cpp,
    getLogicalSessionUserDigestForLoggedInUser). Without authentication every session has that of the empty text."""
    return hashlib.sha256(account.encode()).digest()


def sharing(roles: Mapping[str, MongoSettings]) -> list[str]:
    """The other roles that have the follower's account."""
    follower = roles["follower"].account
    return [role for role, settings in roles.items() if role != "follower" and settings.account == follower]


def own_account(roles: Mapping[str, MongoSettings]) -> str:
    """The follower's account; "" where it is not the follower's alone, or where that cannot be told: `roles` are those that
    a process knows of, and applications must be among them."""
    told = {"follower", "app"} <= roles.keys() and not sharing(roles)
    return roles["follower"].account if told else ""

"""A policy of the users' own, for the collection `items_custom`."""

from __future__ import annotations


def mongo_unless_gone(question: dict[str, object]) -> str:
    """MongoDB's version, but where nothing stands there MySQL's."""
    return "mongo" if question["mongo"] is not None else "mysql"

"""What stands in MongoDB about collections: options, indexes, images."""

from __future__ import annotations

from collections.abc import Mapping

from pymongo.database import Database

from sync.mongo.server import Document, translated


def collections(database: Database[Document]) -> dict[str, Mapping[str, object]]:
    """Name -> options of every collection."""
    with translated():
        return {str(one["name"]): one.get("options", {}) for one in database.list_collections()}


def has_images(options: Mapping[str, object]) -> bool:
    """Whether a collection keeps the documents before and after each change."""
    images = options.get("changeStreamPreAndPostImages")
    return isinstance(images, Mapping) and bool(images.get("enabled"))

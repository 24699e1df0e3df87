"""How a held document is named in sync_conflict."""

from __future__ import annotations

import hashlib

from sync.model.change import DocumentId
from sync.model.values import key_text

#: Characters of `document_id`.
_LONGEST = 768


def open_key(document: DocumentId) -> str:
    """What is unique among open conflicts."""
    return hashlib.sha256(f"{document.collection}\0{key_text(document.key)}".encode()).hexdigest()


def document_text(document: DocumentId) -> str:
    """The document's key as it stands in `document_id`."""
    return kept_text(key_text(document.key))


def kept_text(text: str) -> str:
    """A key's text as it stands there: one that is too long is cut and carries a hash."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 65]}#{hashlib.sha256(text.encode()).hexdigest()}"

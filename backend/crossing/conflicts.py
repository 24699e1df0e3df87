"""The conflict of a customer that a page about it shows: the one that is open, else the newest."""

from typing import Any

from django.db import OperationalError, ProgrammingError

from backend.crossing.sides import CUSTOMERS
from backend.replication.models import Conflict
from backend.replication.serializers import ConflictDetailSerializer
from backend.replication.set_up import is_missing


def newest_conflict(key: str) -> dict[str, Any] | None:
    """As the API shows it; None where there never was one, or where nothing is set up."""
    of_document = Conflict.objects.select_related("detail").filter(collection=CUSTOMERS, document_id=key)
    try:
        found = of_document.order_by("-id").first()
    except (ProgrammingError, OperationalError) as error:
        if not is_missing(error):
            raise
        return None
    return None if found is None else dict(ConflictDetailSerializer(found).data)

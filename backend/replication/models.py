"""The engine's tables as Django sees them: for reading only. The engine creates and migrates them itself."""

import json
from collections.abc import Mapping
from typing import Any

from django.db import connection, models


class EngineTable(models.Model):
    """A table of the engine; saving and deleting are refused here and by the database user's privileges."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **options: Any) -> None:
        """Refused: the engine alone writes its state."""
        raise TypeError(f"{type(self).__name__} is read only")

    def delete(self, *args: Any, **options: Any) -> tuple[int, dict[str, int]]:
        """Refused: the engine alone writes its state."""
        raise TypeError(f"{type(self).__name__} is read only")


class Checkpoint(EngineTable):
    """How far the listener has come; the follower's checkpoint stands in MongoDB."""

    name = models.CharField(max_length=16, primary_key=True)
    seq = models.BigIntegerField()
    lease = models.CharField(max_length=36)
    holder = models.JSONField()
    position = models.JSONField(null=True)
    rows_done = models.BigIntegerField()
    seen = models.JSONField(null=True)
    known = models.JSONField()
    copied = models.JSONField()
    copying = models.BooleanField()
    renewed_at = models.DateTimeField()
    lease_until = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "sync_checkpoint"


class Conflict(EngineTable):
    """One held document: which, and how far its settling has come."""

    class State(models.TextChoices):
        """Open: being settled; waiting: needs something from outside; settled: decided, by policy or by a person;
        converged: closed without a value that lost."""

        OPEN = "open", "Open"
        WAITING = "waiting", "Waiting"
        SETTLED = "settled", "Settled"
        CONVERGED = "converged", "Converged"

    id = models.BigAutoField(primary_key=True)
    collection = models.CharField(max_length=255)
    document_id = models.CharField(max_length=768)
    state = models.CharField(max_length=16, choices=State.choices)
    open_key = models.CharField(max_length=64, null=True, unique=True)
    look_id = models.BigIntegerField(null=True)
    met = models.BigIntegerField(null=True)
    version = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "sync_conflict"


class ConflictDetail(EngineTable):
    """What stands on both sides of a held document, and why it is held."""

    conflict = models.OneToOneField(Conflict, on_delete=models.DO_NOTHING, primary_key=True, related_name="detail")
    kind = models.CharField(max_length=32)
    side = models.CharField(max_length=8)
    reason = models.TextField()
    mysql_value = models.JSONField(null=True)
    mongo_value = models.JSONField(null=True)
    mysql_notes = models.JSONField(null=True)
    mongo_notes = models.JSONField(null=True)
    policy = models.CharField(max_length=32, null=True)
    looks = models.IntegerField()
    decided_by = models.BigIntegerField(null=True)
    look = models.JSONField(null=True)
    fields = models.JSONField(null=True)
    losers = models.JSONField(null=True)
    base = models.JSONField(null=True)
    waiting_for = models.TextField(null=True)
    blockers = models.JSONField(null=True)
    chosen = models.CharField(max_length=8, null=True)
    rulings = models.JSONField(null=True)
    questions = models.JSONField(null=True)
    asked_at = models.DateTimeField(null=True)
    tried_again = models.BooleanField(default=False)
    opened_at = models.DateTimeField()
    noted_at = models.DateTimeField()
    looked_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    resolution = models.JSONField(null=True)

    class Meta:
        managed = False
        db_table = "sync_conflict_detail"


class CollectionStanding(EngineTable):
    """How a collection is carried since it, or one of its tables, was altered as a whole."""

    name = models.CharField(max_length=255, primary_key=True)
    state = models.CharField(max_length=16)
    side = models.CharField(max_length=8)
    reason = models.TextField()
    whole = models.BooleanField()
    committed_at = models.BigIntegerField()
    position = models.JSONField()
    version = models.BigIntegerField()
    since = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "sync_collection"


class Worker(EngineTable):
    """What a worker last said about itself."""

    name = models.CharField(max_length=16, primary_key=True)
    state = models.CharField(max_length=32)
    reason = models.TextField()
    hint = models.TextField()
    since = models.DateTimeField()
    reported_at = models.DateTimeField()
    details = models.JSONField()

    class Meta:
        managed = False
        db_table = "sync_worker"


class Command(EngineTable):
    """What an operator asked a worker to do, and what became of it. Requests may be added, never changed."""

    id = models.BigAutoField(primary_key=True)
    worker = models.CharField(max_length=16)
    kind = models.CharField(max_length=32)
    arguments = models.JSONField()
    requested_by = models.CharField(max_length=254)
    requested_at = models.DateTimeField()
    state = models.CharField(max_length=16)
    result = models.JSONField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = "sync_command"

    @classmethod
    def ask(cls, worker: str, kind: str, arguments: Mapping[str, object], requested_by: str) -> int:
        """Leave a request for a worker; its number. Moments of the engine's tables are in UTC."""
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO sync_command (worker, kind, arguments, requested_by, requested_at, state)"
                " VALUES (%s, %s, %s, %s, UTC_TIMESTAMP(6), 'requested')",
                [worker, kind, json.dumps(dict(arguments), ensure_ascii=False), requested_by],
            )
            return int(cursor.lastrowid)


class TimelineEntry(EngineTable):
    """A change of a worker's state."""

    id = models.BigAutoField(primary_key=True)
    worker = models.CharField(max_length=16)
    at = models.DateTimeField()
    state = models.CharField(max_length=32)
    reason = models.TextField()

    class Meta:
        managed = False
        db_table = "sync_timeline"

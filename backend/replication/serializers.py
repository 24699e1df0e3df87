"""How the API shows workers and conflicts."""

from typing import Any

from rest_framework import serializers

from backend.replication.models import Conflict


class ConflictListSerializer(serializers.ModelSerializer[Conflict]):
    """A held document, without values."""

    document = serializers.CharField(source="document_id")
    kind = serializers.CharField(source="detail.kind")
    side = serializers.CharField(source="detail.side")
    reason = serializers.CharField(source="detail.reason")
    opened_at = serializers.DateTimeField(source="detail.opened_at")
    noted_at = serializers.DateTimeField(source="detail.noted_at")
    closed_at = serializers.DateTimeField(source="detail.closed_at", allow_null=True)

    class Meta:
        model = Conflict
        fields: Any = (
            "id",
            "collection",
            "document",
            "state",
            "kind",
            "side",
            "reason",
            "opened_at",
            "noted_at",
            "closed_at",
        )


class ConflictDetailSerializer(ConflictListSerializer):
    """A held document with what stands on both sides."""

    mysql_value = serializers.JSONField(source="detail.mysql_value")
    mongo_value = serializers.JSONField(source="detail.mongo_value")
    mysql_notes = serializers.JSONField(source="detail.mysql_notes")
    mongo_notes = serializers.JSONField(source="detail.mongo_notes")
    resolution = serializers.JSONField(source="detail.resolution")

    class Meta(ConflictListSerializer.Meta):
        fields = (
            *ConflictListSerializer.Meta.fields,
            *("mysql_value", "mongo_value", "mysql_notes", "mongo_notes", "resolution"),
        )


class WorkerSerializer(serializers.Serializer[Any]):
    """What a worker last said."""

    name = serializers.CharField()
    state = serializers.CharField()
    meaning = serializers.CharField()
    reason = serializers.CharField()
    hint = serializers.CharField()
    healthy = serializers.BooleanField()
    since = serializers.DateTimeField()
    reported_at = serializers.DateTimeField()
    details = serializers.JSONField()


class SyncStatusSerializer(serializers.Serializer[Any]):
    """Both workers, and how much is held."""

    set_up = serializers.BooleanField(help_text="false: `lockstep setup` has not been run")
    healthy = serializers.BooleanField()
    open_conflicts = serializers.IntegerField()
    workers = WorkerSerializer(many=True)

"""Shapes of the crossing API."""

from typing import Any

from rest_framework import serializers

from backend.crossing.edits import FIELDS
from backend.replication.serializers import SIDES, ConflictDetailSerializer

BOTH = "both"
EDIT_SIDES = [*SIDES, BOTH]


class TableSerializer(serializers.Serializer[Any]):
    """The rows of one table. Each row holds the key columns, then the others."""

    table = serializers.CharField()
    key = serializers.ListField(child=serializers.CharField())
    columns = serializers.ListField(child=serializers.CharField())
    rows = serializers.ListField(child=serializers.ListField(child=serializers.JSONField()))


class CrossingSerializer(serializers.Serializer[Any]):
    """A customer on both sides."""

    rows = TableSerializer(many=True)
    rows_problem = serializers.CharField(help_text="why the mapping cannot take the rows; empty: it can")
    document = serializers.DictField(allow_null=True, help_text="extended JSON; null: MongoDB does not hold it")
    document_problem = serializers.CharField(help_text="why the mapping cannot take the document; empty: it can")
    differing = serializers.ListField(
        child=serializers.CharField(), help_text="tables and columns that differ; empty: both sides are equal"
    )
    conflict = ConflictDetailSerializer(allow_null=True, help_text="the open one, else the newest")


class ChangeSerializer(serializers.Serializer[Any]):
    """One place that changed; `column` is empty where a row came (`value` true) or went (`value` null)."""

    table = serializers.CharField()
    key = serializers.ListField(child=serializers.JSONField())
    column = serializers.CharField(allow_blank=True)
    value = serializers.JSONField(allow_null=True)


class ChangeEventSerializer(serializers.Serializer[Any]):
    """The content of an event `change`: visible on `side` between `since` and `at`, milliseconds since the epoch."""

    side = serializers.ChoiceField(choices=SIDES)
    since = serializers.FloatField()
    at = serializers.FloatField()
    changes = ChangeSerializer(many=True, help_text="empty while the mapping cannot take what stands there")
    differing = serializers.ListField(child=serializers.CharField())
    rows = TableSerializer(many=True, required=False)
    rows_problem = serializers.CharField(required=False)
    document = serializers.DictField(allow_null=True, required=False)
    document_problem = serializers.CharField(required=False)


class EditSerializer(serializers.Serializer[Any]):
    """One field, on one side or on both."""

    side = serializers.ChoiceField(choices=EDIT_SIDES)
    field = serializers.ChoiceField(choices=FIELDS)
    value = serializers.JSONField(required=False, allow_null=True, help_text="for one side")
    mysql_value = serializers.JSONField(required=False, allow_null=True, help_text="for both")
    mongo_value = serializers.JSONField(required=False, allow_null=True, help_text="for both")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Exactly the values that the side wants."""
        wanted = {"mysql_value", "mongo_value"} if attrs["side"] == BOTH else {"value"}
        sent = {name for name in ("value", "mysql_value", "mongo_value") if name in attrs}
        problems = {name: ["This value is needed."] for name in wanted - sent}
        problems |= {name: [f"Not with side {attrs['side']}."] for name in sent - wanted}
        if problems:
            raise serializers.ValidationError(problems)
        return attrs


class WrittenValueSerializer(serializers.Serializer[Any]):
    """One side's write: its value as changes tell it, and when the side acknowledged (milliseconds since the epoch)."""

    at = serializers.FloatField()
    value = serializers.JSONField(allow_null=True)


class WrittenSerializer(serializers.Serializer[Any]):
    """What was written where; null: that side was not written."""

    mysql = WrittenValueSerializer(allow_null=True)
    mongo = WrittenValueSerializer(allow_null=True)

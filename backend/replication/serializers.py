"""How the API shows workers and conflicts."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from backend.replication.deciding import to_decide
from backend.replication.models import Conflict
from sync.model.change import CollectionState, Side
from sync.model.kinds import HELD
from sync.model.mapping import Combining, Policy
from sync.model.rulings import State, shown_to_json

KINDS = [kind.value for kind in HELD]
SIDES = [side.value for side in Side]
STANDINGS = [state.value for state in CollectionState if state is not CollectionState.CARRIED]
#: `custom`: a function of the users' own; `several`: not the same for all fields.
POLICIES = [*(policy.value for policy in (*Policy, *Combining)), "custom", "several"]
TAKES = [*SIDES, "value"]
RULING_STATES = ["requested", *(state.value for state in State)]


class HeldRowSerializer(serializers.Serializer[Any]):
    """One row of a side's value; a document is shown as the rows that it stands for."""

    table = serializers.CharField()
    key = serializers.ListField(child=serializers.JSONField())
    row = serializers.DictField(child=serializers.JSONField(allow_null=True))


class DecidedFieldSerializer(serializers.Serializer[Any]):
    """One place that differed when it was last decided. `column` is empty for a row as a whole or a list; times are
    microseconds since the epoch, null where nobody noted the value."""

    table = serializers.CharField()
    key = serializers.ListField(child=serializers.JSONField())
    column = serializers.CharField(allow_blank=True)
    base = serializers.JSONField(allow_null=True, help_text="what stood there before; null where not known")
    mysql = serializers.JSONField(allow_null=True)
    mongo = serializers.JSONField(allow_null=True)
    mysql_time = serializers.IntegerField(allow_null=True)
    mongo_time = serializers.IntegerField(allow_null=True)
    winner = serializers.ChoiceField(
        choices=SIDES,
        allow_null=True,
        help_text="null: left to a person, or `own` stands, or elements of both sides' lists do",
    )
    own = serializers.JSONField(
        required=False,
        allow_null=True,
        help_text="a value that is neither side's: a person's, or what both sides' changes of a number come to",
    )
    policy = serializers.CharField(
        allow_blank=True, required=False, help_text="the policy that was asked; empty where none had to be"
    )
    doubtful = serializers.BooleanField(
        required=False, help_text="it went by time, and the clocks cannot tell which was earlier"
    )


class UnitSerializer(serializers.Serializer[Any]):
    """What is decided as one: a column, a row that one side has (`column` is empty; with all below it), or a list (`column` is
    empty, `key` that of the row above). The values are as they were shown: a column's, or a list of rows."""

    table = serializers.CharField()
    key = serializers.ListField(child=serializers.JSONField())
    column = serializers.CharField(allow_blank=True)
    mysql = serializers.JSONField(allow_null=True)
    mongo = serializers.JSONField(allow_null=True)


class TakenUnitSerializer(UnitSerializer):
    """What is decided of one, bound to the values that were shown."""

    take = serializers.ChoiceField(choices=TAKES)
    value = serializers.JSONField(required=False, allow_null=True, help_text="of a column: one's own, with take=value")


class ResolveSerializer(serializers.Serializer[Any]):
    """A person's decision. It counts while both sides hold the values that were shown; else it is refused, with those that
    stand there."""

    reason = serializers.CharField(max_length=2000)

    def get_fields(self) -> Any:
        """With `fields`, a name that the class itself uses."""
        return {"fields": TakenUnitSerializer(many=True, allow_empty=False), **super().get_fields()}


class RulingAnswerSerializer(serializers.Serializer[Any]):
    """How far a decision has come. `requested`: the follower has not read it; `pending`: the next look meets it."""

    request = serializers.IntegerField()
    state = serializers.ChoiceField(choices=RULING_STATES)
    message = serializers.CharField(allow_blank=True, help_text="why it was refused")
    changed = UnitSerializer(many=True, help_text="what stands there now, where it was decided on other values")


class RulingSerializer(RulingAnswerSerializer):
    """One of a conflict's decisions, as it was made."""

    by = serializers.CharField()
    reason = serializers.CharField()
    asked_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)

    def get_fields(self) -> Any:
        """As above."""
        return {**super().get_fields(), "fields": TakenUnitSerializer(many=True)}


class LoserSerializer(serializers.Serializer[Any]):
    """A value that somebody wrote on `side` and that the outcome leaves out."""

    table = serializers.CharField()
    key = serializers.ListField(child=serializers.JSONField())
    column = serializers.CharField(allow_blank=True)
    value = serializers.JSONField(allow_null=True)
    side = serializers.ChoiceField(choices=SIDES)
    time = serializers.IntegerField(help_text="microseconds since the epoch")


class BlockerSerializer(serializers.Serializer[Any]):
    """A row that has the unique value which the document is to have."""

    collection = serializers.CharField()
    document = serializers.CharField()
    table = serializers.CharField()
    key = serializers.ListField(child=serializers.JSONField())
    under = serializers.CharField(help_text="the unique key or index")


class KindSerializer(serializers.Serializer[Any]):
    """A kind of conflict."""

    kind = serializers.CharField()
    meaning = serializers.CharField()
    help = serializers.CharField(help_text="what a person can do about it")
    held = serializers.BooleanField(help_text="false: such meetings settle by themselves, and are only counted")


@extend_schema_field(HeldRowSerializer(many=True, allow_null=True))
class HeldRowsField(serializers.JSONField):
    """A side's value; null where it was not read."""


@extend_schema_field(DecidedFieldSerializer(many=True, allow_null=True))
class DecidedFieldsField(serializers.JSONField):
    """What was decided, place by place; null before the first decision."""


@extend_schema_field(BlockerSerializer(many=True, allow_null=True))
class BlockersField(serializers.JSONField):
    """Every row that is in the way; null: none is."""


@extend_schema_field(LoserSerializer(many=True, allow_null=True))
class LosersField(serializers.JSONField):
    """Values that were left out; null or empty: none."""


@extend_schema_field(RulingSerializer(many=True, allow_null=True))
class RulingsField(serializers.JSONField):
    """What people decided, oldest first; null: nothing."""


class ConflictListSerializer(serializers.ModelSerializer[Conflict]):
    """A held document, without values."""

    document = serializers.CharField(source="document_id")
    kind = serializers.ChoiceField(source="detail.kind", choices=KINDS)
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

    mysql_value = HeldRowsField(source="detail.mysql_value")
    mongo_value = HeldRowsField(source="detail.mongo_value")
    mysql_notes = serializers.JSONField(source="detail.mysql_notes")
    mongo_notes = serializers.JSONField(source="detail.mongo_notes")
    policy = serializers.ChoiceField(source="detail.policy", choices=POLICIES, allow_null=True)
    looks = serializers.IntegerField(source="detail.looks", help_text="how often both sides were read to settle it")
    losers = LosersField(source="detail.losers")
    waiting_for = serializers.CharField(source="detail.waiting_for", allow_null=True)
    blockers = BlockersField(source="detail.blockers")
    looked_at = serializers.DateTimeField(source="detail.looked_at", allow_null=True)
    asked_at = serializers.DateTimeField(
        source="detail.asked_at", allow_null=True, help_text="since when it waits for a person"
    )
    rulings = RulingsField(source="detail.rulings")
    differing = serializers.SerializerMethodField()
    resolution = serializers.JSONField(source="detail.resolution")

    def get_fields(self) -> Any:
        """With `fields`, a name that the class itself uses."""
        return {**super().get_fields(), "fields": DecidedFieldsField(source="detail.fields")}

    @extend_schema_field(UnitSerializer(many=True))
    def get_differing(self, conflict: Conflict) -> list[dict[str, object]]:
        """What a person may decide of a held document."""
        return shown_to_json(to_decide(conflict))

    class Meta(ConflictListSerializer.Meta):
        fields = (
            *ConflictListSerializer.Meta.fields,
            *("mysql_value", "mongo_value", "mysql_notes", "mongo_notes"),
            *("policy", "looks", "losers", "waiting_for", "blockers", "looked_at"),
            *("asked_at", "rulings", "differing", "resolution"),
        )


class WorkerSerializer(serializers.Serializer[Any]):
    """What a worker last said."""

    name = serializers.CharField()
    state = serializers.CharField()
    meaning = serializers.CharField()
    reason = serializers.CharField()
    hint = serializers.CharField()
    healthy = serializers.BooleanField()
    silent = serializers.BooleanField(help_text="true: it should be talking and is not, whatever `state` it said last")
    since = serializers.DateTimeField()
    reported_at = serializers.DateTimeField()
    lag_seconds = serializers.FloatField(allow_null=True, help_text="null: it cannot be told")
    rows_per_second = serializers.FloatField(allow_null=True)
    last_error = serializers.CharField(help_text="since its start; empty: none")
    last_error_hint = serializers.CharField(help_text="the command or setting that helps against it")
    details = serializers.JSONField()


class OpenGroupSerializer(serializers.Serializer[Any]):
    """How many documents of a collection are held for one reason."""

    collection = serializers.CharField()
    kind = serializers.ChoiceField(choices=KINDS)
    count = serializers.IntegerField()


class StateCountsSerializer(serializers.Serializer[Any]):
    """Conflicts by state."""

    open = serializers.IntegerField()
    waiting = serializers.IntegerField()
    settled = serializers.IntegerField()
    converged = serializers.IntegerField()


class ConflictSummarySerializer(serializers.Serializer[Any]):
    """All conflicts in a few numbers. `held` are those that are not closed: open or waiting."""

    states = StateCountsSerializer()
    held = OpenGroupSerializer(many=True)
    oldest_held_seconds = serializers.FloatField(allow_null=True, help_text="null: none is held")


class CollectionStandingSerializer(serializers.Serializer[Any]):
    """A collection that is not simply carried, since it or one of its tables was altered as a whole."""

    name = serializers.CharField()
    state = serializers.ChoiceField(choices=STANDINGS)
    side = serializers.ChoiceField(choices=SIDES, help_text="where it was altered")
    reason = serializers.CharField()
    hint = serializers.CharField(allow_blank=True, help_text="the command that helps; empty where none is needed")
    since = serializers.DateTimeField()


class SyncStatusSerializer(serializers.Serializer[Any]):
    """Both workers, and how much is held."""

    set_up = serializers.BooleanField(help_text="false: `lockstep setup` has not been run")
    healthy = serializers.BooleanField()
    open_conflicts = serializers.IntegerField()
    workers = WorkerSerializer(many=True)
    collections = CollectionStandingSerializer(
        many=True, required=False, help_text="those that are paused, or compared while they are carried"
    )

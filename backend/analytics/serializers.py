"""The domain as documents: the same shape as in MongoDB, read from rows and written to rows.

What mapping and columns cannot hold is refused here, by field: whole milliseconds, 32 bits, exact text.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import NotFound

from backend.analytics.models import (
    Account,
    AccountProduct,
    Bucket,
    Customer,
    CustomerAccount,
    CustomerBenefit,
    CustomerTier,
    Transaction,
)
from backend.analytics.rows import write_rows
from backend.config.moments import FINER, exact_moment
from backend.config.writing import in_transaction

#: More elements than any real document has, and what one request may cost.
LONGEST_LIST = 1000


class Int32Field(serializers.IntegerField):
    """A whole number of 32 bits, as the documents hold it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=-(2**31), max_value=2**31 - 1, **options)


class ExactField(serializers.CharField):
    """Text, kept byte for byte. A number is none: what stands in it has been rounded already."""

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, allow_blank=True, **options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class MomentField(serializers.DateTimeField):
    """A date in whole milliseconds."""

    def to_internal_value(self, value: Any) -> datetime:
        if isinstance(value, str) and FINER.search(value):
            raise serializers.ValidationError("Whole milliseconds are allowed.")
        moment = super().to_internal_value(value)
        try:
            return exact_moment(moment)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from None

    def to_representation(self, value: Any) -> str:
        """UTC, with milliseconds where there are any."""
        moment: datetime = value.astimezone(UTC)
        text = moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
        return text.replace("+00:00", "Z")


class TierSerializer(serializers.Serializer[Any]):
    """One entry of `tier_and_details`."""

    id = serializers.CharField(required=False, trim_whitespace=False)
    tier = ExactField(max_length=64)
    active = serializers.BooleanField()
    benefits = serializers.ListField(child=ExactField(max_length=255), max_length=LONGEST_LIST)

    def validate_benefits(self, benefits: list[str]) -> list[str]:
        """A set: each once."""
        if len(set(benefits)) < len(benefits):
            raise serializers.ValidationError("Each benefit is allowed once.")
        return benefits


def _fit_for_a_key(key: str) -> bool:
    unfit = not key or len(key) > 255 or key.startswith("$") or "." in key or "\0" in key
    return not unfit and not any("\ud800" <= character <= "\udfff" for character in key)


@extend_schema_field(serializers.DictField(child=TierSerializer()))
class TiersField(serializers.DictField):
    """`tier_and_details`: keyed by data."""

    child = TierSerializer()

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, Mapping):
            raise serializers.ValidationError("An object of tiers is allowed.")
        if len(data) > LONGEST_LIST:
            raise serializers.ValidationError(f"Up to {LONGEST_LIST} tiers are allowed.")
        problems: dict[str, Any] = {}
        tiers: dict[str, Any] = {}
        for key, entry in data.items():
            if not _fit_for_a_key(key):
                shown = key.encode(errors="backslashreplace").decode()
                problems[shown] = ["A key of 1 to 255 characters is allowed, without a dot, and not beginning with $."]
                continue
            serializer = TierSerializer(data=entry)
            if not serializer.is_valid():
                problems[key] = serializer.errors
            elif serializer.validated_data.get("id", key) != key:
                problems[key] = {"id": ["The entry's own key is allowed, or leave it out."]}
            else:
                tiers[key] = serializer.validated_data
        if problems:
            raise serializers.ValidationError(problems)
        return tiers


def locked(instance: Any) -> Any:
    """The root row as it now is, kept from others until the transaction ends: who writes a document begins with it.

    Raises `NotFound` where somebody has deleted it meanwhile.
    """
    root = type(instance).objects.select_for_update().filter(pk=instance.pk).first()
    if root is None:
        raise NotFound
    return root


class DocumentSerializer(serializers.ModelSerializer[Any]):
    """A root row with its children; both are written in one transaction, and only what changed."""

    id = serializers.CharField(read_only=True)

    def create(self, validated_data: dict[str, Any]) -> Any:
        """A new document under a fresh id."""
        parts = self.take_parts(validated_data)

        def work() -> Any:
            root = self.Meta.model.objects.create(**validated_data)  # type: ignore[attr-defined]  # set by each subclass
            self.write_parts(root, parts)
            return root

        return self._again(in_transaction(work))

    def update(self, instance: Any, validated_data: dict[str, Any]) -> Any:
        """Change what was sent and leave the rest."""
        parts = self.take_parts(validated_data)

        def work() -> Any:
            root = locked(instance)
            changed = [name for name, value in validated_data.items() if getattr(root, name) != value]
            for name in changed:
                setattr(root, name, validated_data[name])
            if changed:
                root.save(update_fields=changed)
            self.write_parts(root, parts)
            return root

        return self._again(in_transaction(work))

    def _again(self, root: Any) -> Any:
        """Without what was fetched before the write."""
        return type(root).objects.get(pk=root.pk)

    def take_parts(self, data: dict[str, Any]) -> dict[str, Any]:
        """The nested parts that were sent, taken out of `data`."""
        return {name: data.pop(name) for name in self.Meta.parts if name in data}

    def write_parts(self, root: Any, parts: Mapping[str, Any]) -> None:
        """Write the rows of the parts that were sent."""
        raise NotImplementedError


class CustomerSerializer(DocumentSerializer):
    """A customer."""

    username = ExactField(max_length=150)
    name = ExactField(max_length=255)
    address = ExactField()
    birthdate = MomentField()
    email = ExactField(max_length=254)
    active = serializers.BooleanField(required=False, allow_null=True, default=None, help_text="null: no such field")
    accounts = serializers.ListField(child=Int32Field(), max_length=LONGEST_LIST)
    tier_and_details = TiersField()

    class Meta:
        model = Customer
        parts = ("accounts", "tier_and_details")
        fields = ("id", "username", "name", "address", "birthdate", "email", "active", *parts)

    def to_representation(self, instance: Customer) -> dict[str, Any]:
        benefits: dict[str, list[str]] = {}
        for row in instance.benefit_rows.all():
            benefits.setdefault(row.tier_key, []).append(row.benefit)
        tiers = {
            row.tier_key: {
                "id": row.tier_key,
                "tier": row.tier,
                "active": row.active,
                "benefits": sorted(benefits.get(row.tier_key, [])),
            }
            for row in instance.tier_rows.all()
        }
        flat = {name: self.fields[name].to_representation(getattr(instance, name)) for name in self._flat()}
        accounts = sorted(instance.account_rows.all(), key=lambda row: row.position)
        return {
            "id": instance.pk,
            **flat,
            "active": instance.active,
            "accounts": [row.account_id for row in accounts],
            "tier_and_details": tiers,
        }

    def write_parts(self, root: Customer, parts: Mapping[str, Any]) -> None:
        if "accounts" in parts:
            wanted = {(position,): {"account_id": number} for position, number in enumerate(parts["accounts"])}
            write_rows(CustomerAccount.objects.all(), {"customer_id": root.pk}, ["position"], wanted)
        if "tier_and_details" in parts:
            self._write_tiers(root, parts["tier_and_details"])

    def _write_tiers(self, root: Customer, tiers: Mapping[str, Any]) -> None:
        below = {"customer_id": root.pk}
        rows = {(key,): {"tier": tier["tier"], "active": tier["active"]} for key, tier in tiers.items()}
        benefits: dict[tuple[str, ...], dict[str, Any]]
        benefits = {(key, benefit): {} for key, tier in tiers.items() for benefit in tier["benefits"]}
        write_rows(CustomerTier.objects.all(), below, ["tier_key"], rows)
        write_rows(CustomerBenefit.objects.all(), below, ["tier_key", "benefit"], benefits)

    def _flat(self) -> tuple[str, ...]:
        return ("username", "name", "address", "birthdate", "email")


class AccountSerializer(DocumentSerializer):
    """An account."""

    account_id = Int32Field()
    limit = Int32Field()
    products = serializers.ListField(child=ExactField(max_length=64), max_length=LONGEST_LIST)

    class Meta:
        model = Account
        parts = ("products",)
        fields = ("id", "account_id", "limit", *parts)

    def to_representation(self, instance: Account) -> dict[str, Any]:
        products = sorted(instance.product_rows.all(), key=lambda row: row.position)
        return {
            "id": instance.pk,
            "account_id": instance.account_id,
            "limit": instance.limit,
            "products": [row.product for row in products],
        }

    def write_parts(self, root: Account, parts: Mapping[str, Any]) -> None:
        if "products" in parts:
            wanted = {(position,): {"product": product} for position, product in enumerate(parts["products"])}
            write_rows(AccountProduct.objects.all(), {"account_id": root.pk}, ["position"], wanted)


class EntrySerializer(serializers.Serializer[Any]):
    """One transaction of a bucket. Price and total are exact decimal text."""

    date = MomentField()
    amount = Int32Field()
    transaction_code = ExactField(max_length=32)
    symbol = ExactField(max_length=32)
    price = ExactField(max_length=128)
    total = ExactField(max_length=128)


@extend_schema_field(EntrySerializer(many=True))
class EntriesField(serializers.Field[Any, Any, Any, Any]):
    """`transactions`. Their own fields are required in a PATCH too: a list is sent whole."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, list) and len(data) > LONGEST_LIST:
            raise serializers.ValidationError(f"Up to {LONGEST_LIST} transactions are allowed.")
        serializer = EntrySerializer(data=data, many=True)
        if not serializer.is_valid():
            raise serializers.ValidationError(serializer.errors)
        return serializer.validated_data

    def to_representation(self, value: Any) -> Any:
        return EntrySerializer(value, many=True).data


class TransactionSerializer(DocumentSerializer):
    """A bucket of transactions of one account."""

    account_id = Int32Field()
    transaction_count = Int32Field()
    bucket_start_date = MomentField()
    bucket_end_date = MomentField()
    transactions = EntriesField()

    class Meta:
        model = Bucket
        parts = ("transactions",)
        fields = ("id", "account_id", "transaction_count", "bucket_start_date", "bucket_end_date", *parts)

    def to_representation(self, instance: Bucket) -> dict[str, Any]:
        rows = sorted(instance.transaction_rows.all(), key=lambda row: row.position)
        moment = MomentField()
        return {
            "id": instance.pk,
            "account_id": instance.account_id,
            "transaction_count": instance.transaction_count,
            "bucket_start_date": moment.to_representation(instance.bucket_start_date),
            "bucket_end_date": moment.to_representation(instance.bucket_end_date),
            "transactions": self.fields["transactions"].to_representation(rows),
        }

    def write_parts(self, root: Bucket, parts: Mapping[str, Any]) -> None:
        if "transactions" in parts:
            wanted = {(position,): dict(entry) for position, entry in enumerate(parts["transactions"])}
            write_rows(Transaction.objects.all(), {"bucket_id": root.pk}, ["position"], wanted)

"""Columns that hold exactly what a document can hold, and refuse the rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, connection, transaction

from backend.analytics.fields import new_object_id
from backend.analytics.models import Account, Bucket, Customer, CustomerBenefit, CustomerTier, Transaction
from tests.backend.documents import BUCKET, CUSTOMER, PRICE, bucket, customer, load

pytestmark = pytest.mark.django_db

LOOK_ALIKES = ["a", "A", "á", "a\u0301", "a ", " a", "a\n", "a\t", "а", ""]


def test_prices_keep_all_their_digits() -> None:
    """55 digits after the point, trailing zeros too, as MySQL itself reads them back."""
    assert len(PRICE.partition(".")[2]) >= 53
    long = "1." + "0" * 54 + "1"
    load("transactions", bucket())
    Transaction.objects.filter(position=1).update(price=long)
    with connection.cursor() as cursor:
        cursor.execute("SELECT price FROM analytics_transaction ORDER BY position")
        assert [price for (price,) in cursor.fetchall()] == [PRICE, long, PRICE]


@pytest.mark.parametrize("text", [*LOOK_ALIKES, "one\ntwo\r\nthree\0four", "𝄞" * 255])
def test_text_is_read_back_byte_for_byte(text: str) -> None:
    """And found by exactly itself."""
    load("customers", customer(name=text, address=text * 100))
    made = Customer.objects.get(name=text)
    assert (made.name, made.address) == (text, text * 100)


def test_texts_that_look_alike_are_different_keys() -> None:
    """Case, accents, composition and blanks make another element."""
    load("customers", customer(tier_and_details={}))
    for key in LOOK_ALIKES:
        CustomerTier.objects.create(customer_id=CUSTOMER, tier_key=key, tier="", active=True)
        for benefit in LOOK_ALIKES:
            CustomerBenefit.objects.create(customer_id=CUSTOMER, tier_key=key, benefit=benefit)
    for key in LOOK_ALIKES:
        found = CustomerBenefit.objects.get(tier_key=key, benefit=key)
        assert (found.tier_key, found.benefit) == (key, key)
    with pytest.raises(IntegrityError), transaction.atomic():
        CustomerTier.objects.create(customer_id=CUSTOMER, tier_key="a", tier="", active=True)


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1000, 1, 1, tzinfo=UTC),
        datetime(1883, 11, 18, 12, 3, 57, 999000, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 1000, tzinfo=UTC),
        datetime(2024, 3, 31, 2, 30, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC),
    ],
)
def test_dates_are_read_back_to_the_millisecond(moment: datetime) -> None:
    """In UTC, whatever lies between 1000 and 9999."""
    load("transactions", bucket())
    Bucket.objects.update(bucket_start_date=moment)
    assert Bucket.objects.get().bucket_start_date == moment
    with connection.cursor() as cursor:
        cursor.execute("SELECT CAST(bucket_start_date AS CHAR) FROM analytics_bucket")
        assert cursor.fetchone()[0] == moment.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


@pytest.mark.parametrize("microseconds", [1, 999, 1001, 999_999])
def test_a_date_finer_than_a_millisecond_is_refused(microseconds: int) -> None:
    """On every way to the database: it would be rounded."""
    moment = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    load("transactions", bucket())
    with pytest.raises(ValidationError, match="milliseconds"):
        Bucket.objects.update(bucket_start_date=moment)
    with pytest.raises(ValidationError, match="milliseconds"):
        Bucket(pk=BUCKET, account_id=1, transaction_count=0, bucket_start_date=moment, bucket_end_date=moment).save()
    with pytest.raises(ValidationError, match="milliseconds"):
        Bucket._meta.get_field("bucket_end_date").clean(moment, None)


@pytest.mark.parametrize("key", ["", "x" * 24, "5CA4BBC7A2DD94EE5816238C", "5ca4bbc7a2dd94ee5816238", f"{'0' * 23}\n"])
def test_an_id_that_is_no_object_id_is_refused(key: str) -> None:
    """By the model's validator, and by MySQL where nobody asks that."""
    account = Account(pk=key, account_id=1, limit=1)
    with pytest.raises(ValidationError, match="24 hexadecimal digits" if key else "blank"):
        account.full_clean()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO analytics_account VALUES (%s, 1, 1)", [key])
    with pytest.raises(DatabaseError), transaction.atomic():
        account.save(force_insert=True)


def test_a_longer_id_is_refused() -> None:
    """Not cut off."""
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO analytics_account VALUES (%s, 1, 1)", ["0" * 25])


def test_a_fresh_id_is_an_object_id() -> None:
    """Another one each time."""
    made = {new_object_id() for _ in range(100)}
    assert len(made) == 100
    for key in made:
        Account(pk=key, account_id=1, limit=1).full_clean()


def test_rows_say_what_they_are_without_a_persons_data() -> None:
    """In logs: the key alone."""
    load("customers", customer())
    load("transactions", bucket())
    shown = [str(row) for row in (Customer.objects.get(), Bucket.objects.get(), Account(pk="x"))]
    assert shown == [f"customer {CUSTOMER}", f"bucket {BUCKET}", "account x"]

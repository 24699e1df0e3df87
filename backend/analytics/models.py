"""Customers, accounts and transaction buckets as normalised tables; a document is one root row with its children.

Nothing but keys is unique, as in the real data: usernames, e-mails and account numbers recur. Foreign keys stay
inside one document, for MongoDB knows no order between collections. Defaults live here, never in the database.
"""

from django.core.validators import MinValueValidator
from django.db import models

from backend.analytics.fields import ExactCharField, ExactTextField, MillisecondField, ObjectIdField, new_object_id

HEX_PATTERN = r"^[0-9a-f]{24}$"


class Customer(models.Model):
    """The root row of a customer's document."""

    id = ObjectIdField(primary_key=True, default=new_object_id)
    username = ExactCharField(max_length=150)
    name = ExactCharField(max_length=255)
    address = ExactTextField()
    birthdate = MillisecondField()
    email = ExactCharField(max_length=254)
    #: None: the document has no such field.
    active = models.BooleanField(null=True, blank=True)

    class Meta:
        db_table = "analytics_customer"
        indexes = [models.Index(fields=["email"], name="analytics_customer_email")]
        constraints = [
            models.CheckConstraint(condition=models.Q(id__regex=HEX_PATTERN), name="analytics_customer_id_hex")
        ]

    def __str__(self) -> str:
        return f"customer {self.pk}"


class CustomerAccount(models.Model):
    """One element of `accounts`: the number of an account, in its place."""

    pk = models.CompositePrimaryKey("customer_id", "position")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="account_rows")
    position = models.IntegerField(validators=[MinValueValidator(0)])
    account_id = models.IntegerField()

    class Meta:
        db_table = "analytics_customeraccount"


class CustomerTier(models.Model):
    """One entry of `tier_and_details`, found by its key."""

    pk = models.CompositePrimaryKey("customer_id", "tier_key")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="tier_rows")
    tier_key = ExactCharField(max_length=255)
    tier = ExactCharField(max_length=64)
    active = models.BooleanField()

    class Meta:
        db_table = "analytics_customertier"


class CustomerBenefit(models.Model):
    """One benefit of a tier; a set, without order."""

    pk = models.CompositePrimaryKey("customer_id", "tier_key", "benefit")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="benefit_rows")
    tier_key = ExactCharField(max_length=255)
    benefit = ExactCharField(max_length=255)

    class Meta:
        db_table = "analytics_customerbenefit"


class Account(models.Model):
    """The root row of an account's document. `account_id` is its number, not its key."""

    id = ObjectIdField(primary_key=True, default=new_object_id)
    account_id = models.IntegerField()
    limit = models.IntegerField()

    class Meta:
        db_table = "analytics_account"
        indexes = [models.Index(fields=["account_id"], name="analytics_account_number")]
        constraints = [
            models.CheckConstraint(condition=models.Q(id__regex=HEX_PATTERN), name="analytics_account_id_hex")
        ]

    def __str__(self) -> str:
        return f"account {self.pk}"


class AccountProduct(models.Model):
    """One element of `products`, in its place."""

    pk = models.CompositePrimaryKey("account_id", "position")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, db_column="account_oid", related_name="product_rows")
    position = models.IntegerField(validators=[MinValueValidator(0)])
    product = ExactCharField(max_length=64)

    class Meta:
        db_table = "analytics_accountproduct"


class Bucket(models.Model):
    """The root row of a document of transactions."""

    id = ObjectIdField(primary_key=True, default=new_object_id)
    account_id = models.IntegerField()
    transaction_count = models.IntegerField()
    bucket_start_date = MillisecondField()
    bucket_end_date = MillisecondField()

    class Meta:
        db_table = "analytics_bucket"
        indexes = [models.Index(fields=["account_id"], name="analytics_bucket_number")]
        constraints = [
            models.CheckConstraint(condition=models.Q(id__regex=HEX_PATTERN), name="analytics_bucket_id_hex")
        ]

    def __str__(self) -> str:
        return f"bucket {self.pk}"


class Transaction(models.Model):
    """One element of a bucket's `transactions`, in its place. Price and total are exact decimal text."""

    pk = models.CompositePrimaryKey("bucket_id", "position")
    bucket = models.ForeignKey(Bucket, on_delete=models.CASCADE, related_name="transaction_rows")
    position = models.IntegerField(validators=[MinValueValidator(0)])
    date = MillisecondField()
    amount = models.IntegerField()
    transaction_code = ExactCharField(max_length=32)
    symbol = ExactCharField(max_length=32)
    price = ExactCharField(max_length=128)
    total = ExactCharField(max_length=128)

    class Meta:
        db_table = "analytics_transaction"

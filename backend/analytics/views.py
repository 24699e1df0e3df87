"""Customers, accounts and transactions over REST. Who sees which is `backend.accounts.permissions`' table."""

from typing import Any

from allauth.account.models import EmailAddress
from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters
from rest_framework import viewsets

from backend.accounts.models import Role, User
from backend.accounts.permissions import DomainPermission
from backend.analytics.models import Account, Bucket, Customer, CustomerAccount
from backend.analytics.serializers import AccountSerializer, CustomerSerializer, TransactionSerializer, locked
from backend.config.filters import ExactTextFilter, MomentFilter, WholeNumberFilter, YesOrNoFilter
from backend.config.writing import in_transaction


def own_customers(user: User) -> QuerySet[Customer]:
    """Those whose e-mail is an address that this person has verified."""
    verified = EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True)
    return Customer.objects.filter(email__in=list(verified))


def own_numbers(user: User) -> list[int]:
    """Account numbers of this person's customers."""
    mine = CustomerAccount.objects.filter(customer__in=own_customers(user))
    return list(mine.values_list("account_id", flat=True))


class CustomerFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """By exact text, and whether `active`."""

    username = ExactTextFilter()
    email = ExactTextFilter()
    active = YesOrNoFilter()


class AccountFilter(filters.FilterSet):  # type: ignore[misc]  # as above
    """By number, and by limit from … to …."""

    account_id = WholeNumberFilter()
    limit = WholeNumberFilter()
    limit__gte = WholeNumberFilter(field_name="limit", lookup_expr="gte")
    limit__lte = WholeNumberFilter(field_name="limit", lookup_expr="lte")


class TransactionFilter(filters.FilterSet):  # type: ignore[misc]  # as above
    """By the account's number, and by when the bucket begins and ends."""

    account_id = WholeNumberFilter()
    bucket_start_date__gte = MomentFilter(field_name="bucket_start_date", lookup_expr="gte")
    bucket_start_date__lte = MomentFilter(field_name="bucket_start_date", lookup_expr="lte")
    bucket_end_date__gte = MomentFilter(field_name="bucket_end_date", lookup_expr="gte")
    bucket_end_date__lte = MomentFilter(field_name="bucket_end_date", lookup_expr="lte")


class DomainViewSet(viewsets.ModelViewSet[Any]):
    """Reading and writing documents; customers see their own."""

    permission_classes = [DomainPermission]
    lookup_value_regex = "[0-9a-f]{24}"

    def own(self, user: User) -> Q:
        """Which documents are a customer's."""
        raise NotImplementedError

    def get_queryset(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset()
        user = self.request.user
        assert isinstance(user, User)  # DomainPermission lets no stranger in
        return rows.filter(self.own(user)) if user.role == Role.CUSTOMER else rows

    def perform_destroy(self, instance: Any) -> None:
        """Children first, in one transaction: the tables cascade nothing by themselves."""
        in_transaction(lambda: locked(instance).delete())


class CustomerViewSet(DomainViewSet):
    """Customers with their accounts and tiers."""

    serializer_class = CustomerSerializer
    queryset = Customer.objects.prefetch_related("account_rows", "tier_rows", "benefit_rows").order_by("id")
    filterset_class = CustomerFilter

    def own(self, user: User) -> Q:
        return Q(pk__in=own_customers(user))


class AccountViewSet(DomainViewSet):
    """Accounts with their products."""

    serializer_class = AccountSerializer
    queryset = Account.objects.prefetch_related("product_rows").order_by("id")
    filterset_class = AccountFilter

    def own(self, user: User) -> Q:
        return Q(account_id__in=own_numbers(user))


class TransactionViewSet(DomainViewSet):
    """Buckets of transactions."""

    serializer_class = TransactionSerializer
    queryset = Bucket.objects.prefetch_related("transaction_rows").order_by("id")
    filterset_class = TransactionFilter

    def own(self, user: User) -> Q:
        return Q(account_id__in=own_numbers(user))

"""Who may do what over the API. One table; views name a line of it.

| who                | customers, accounts, transactions | sync status, conflicts | role requests |
|--------------------|-----------------------------------|------------------------|---------------|
| customer           | reads their own                   | -                      | -             |
| technical worker   | reads and writes all              | reads; decides         | -             |
| senior management  | reads all                         | reads; decides         | decides       |

A customer's own are those whose e-mail is an address that they have verified.
"""

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from backend.accounts.models import Role, User


def role_of(request: Request) -> str | None:
    """The role of who asks; None for a stranger."""
    return request.user.role if isinstance(request.user, User) and request.user.is_active else None


class DomainPermission(BasePermission):
    """Everybody who is logged in reads (customers: their own, see the views); technical workers write."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        role = role_of(request)
        return role == Role.TECHNICAL_WORKER or (role is not None and request.method in SAFE_METHODS)


class OperatorPermission(BasePermission):
    """Technical workers and senior management."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return role_of(request) in (Role.TECHNICAL_WORKER, Role.SENIOR_MANAGEMENT)


class ManagementPermission(BasePermission):
    """Senior management."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return role_of(request) == Role.SENIOR_MANAGEMENT

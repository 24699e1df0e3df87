"""The only place that changes a role: by somebody else, once per request, with a line in the record."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from backend.accounts.models import Role, RoleChange, RoleRequest, User


class DecisionRefused(Exception):
    """A request cannot be decided so; the message says why."""


def decide(request_id: int, by: User, *, grant: bool) -> RoleRequest:
    """Grant or refuse a pending request. Raises `RoleRequest.DoesNotExist` and `DecisionRefused`."""
    with transaction.atomic():
        asked = RoleRequest.objects.select_for_update().select_related("user").get(pk=request_id)
        if by.role != Role.SENIOR_MANAGEMENT:
            raise DecisionRefused("Only senior management decides on roles.")
        if asked.user_id == by.pk:
            raise DecisionRefused("Nobody decides on their own request.")
        if asked.state != RoleRequest.State.PENDING:
            raise DecisionRefused("This request has been decided already.")
        asked.state = RoleRequest.State.GRANTED if grant else RoleRequest.State.REFUSED
        asked.decided_by, asked.decided_at = by, timezone.now()
        asked.save(update_fields=["state", "decided_by", "decided_at"])
        if grant:
            _change(asked, by)
        return asked


def appoint(email: str, role: Role, by: str) -> User:
    """Give a role to a person at the server's own command line, where nobody senior is there yet to ask. Raises
    `User.DoesNotExist`. `by` tells in the record who did it."""
    with transaction.atomic():
        user = User.objects.select_for_update().get(email=email)
        RoleRequest.objects.filter(user=user, role=role, state=RoleRequest.State.PENDING).update(
            state=RoleRequest.State.GRANTED, decided_at=timezone.now()
        )
        _record(user, role, changed_by=None, changed_by_email=by)
        return user


def _change(asked: RoleRequest, by: User) -> None:
    user = User.objects.select_for_update().get(pk=asked.user_id)
    _record(user, asked.role, changed_by=by, changed_by_email=by.email, request=asked)


def _record(user: User, role: str, **by: Any) -> None:
    """Change the role and add the line; `user` is locked."""
    before, user.role = user.role, role
    user.save(update_fields=["role"])
    RoleChange.objects.create(user=user, role_before=before, role_after=role, **by)

"""People, the roles they have, the roles they asked for, and the record of every change of a role."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.utils import timezone

from backend.accounts.fields import ExactEmailField


class Role(models.TextChoices):
    """What a person may do; see `backend.accounts.permissions`."""

    CUSTOMER = "customer", "Customer"
    TECHNICAL_WORKER = "technical_worker", "Technical worker"
    SENIOR_MANAGEMENT = "senior_management", "Senior management"


class UserManager(BaseUserManager["User"]):
    """Makes users who log in by e-mail."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A saved user; without a password nobody can log in as them."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person. The role is changed by `backend.accounts.granting` alone."""

    email = ExactEmailField(unique=True)
    role = models.CharField(max_length=32, choices=Role.choices, default=Role.CUSTOMER)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.email

    @property
    def requested_role(self) -> str | None:
        """The role asked for and not decided yet."""
        pending = self.role_requests.filter(state=RoleRequest.State.PENDING).order_by("-id").first()
        return pending.role if pending else None


class RoleRequest(models.Model):
    """A wish for a higher role, made at sign-up and decided once, by somebody else."""

    class State(models.TextChoices):
        """How far the wish has come."""

        PENDING = "pending", "Pending"
        GRANTED = "granted", "Granted"
        REFUSED = "refused", "Refused"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="role_requests")
    role = models.CharField(max_length=32, choices=Role.choices)
    state = models.CharField(max_length=16, choices=State.choices, default=State.PENDING)
    requested_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.user} asks for {self.get_role_display()}"


class RoleChange(models.Model):
    """One line of the record: who changed whose role, when, from what to what. Lines are only ever added."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="role_changes")
    #: Kept as text too: the line must still say who it was when that person is gone.
    changed_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    changed_by_email = models.EmailField()
    changed_at = models.DateTimeField(default=timezone.now)
    role_before = models.CharField(max_length=32, choices=Role.choices)
    role_after = models.CharField(max_length=32, choices=Role.choices)
    request = models.ForeignKey(RoleRequest, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.user}: {self.role_before} -> {self.role_after} by {self.changed_by_email}"

"""Makes the three logins of the demo, one per role. Run again, it gives them the same password again."""

from typing import Any

from allauth.account.models import EmailAddress
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from backend.accounts.models import Role, User
from backend.config import environment as env

LOGINS = {
    "customer@example.com": Role.CUSTOMER,
    "technical@example.com": Role.TECHNICAL_WORKER,
    "management@example.com": Role.SENIOR_MANAGEMENT,
}
PASSWORD = "LOCKSTEP_DEMO_PASSWORD"  # noqa: S105 - the name of a variable


class Command(BaseCommand):
    """See the module."""

    help = f"Make the demo's three logins. The password comes from {PASSWORD} or {PASSWORD}_FILE."

    def handle(self, *args: Any, **options: Any) -> None:
        """Make or renew the logins; prints their e-mails, never the password."""
        try:
            password = env.value(PASSWORD)
        except env.EnvironmentProblem as problem:
            raise CommandError(str(problem)) from None
        if not password:
            raise CommandError(f"{PASSWORD} (or {PASSWORD}_FILE) is not set")
        with transaction.atomic():
            for email, role in LOGINS.items():
                user = User.objects.filter(email=email).first() or User.objects.create_user(email)
                user.role = role
                user.set_password(password)
                user.save()
                EmailAddress.objects.update_or_create(
                    user=user, email=email, defaults={"verified": True, "primary": True}
                )
                self.stdout.write(f"{email}: {role.label}")

"""Gives a person a role, on the server's own command line: how the first senior manager comes to be."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backend.accounts.granting import appoint
from backend.accounts.models import Role, User

#: In the record, where else the e-mail of who granted it stands.
HERE = "manage.py appoint"


class Command(BaseCommand):
    """See the module."""

    help = (
        "Give a person who has signed up a role; it is recorded. Later ones are granted over the API by senior "
        "management. Example: manage.py appoint ada@example.com senior_management"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Who, and what."""
        parser.add_argument("email", help="the address that they log in with")
        parser.add_argument("role", choices=Role.values)

    def handle(self, *args: Any, **options: Any) -> None:
        """Change it and say so."""
        role = Role(options["role"])
        try:
            user = appoint(options["email"], role, HERE)
        except User.DoesNotExist:
            raise CommandError(f"nobody has signed up as {options['email']}") from None
        self.stdout.write(f"{user.email}: {role.label}")

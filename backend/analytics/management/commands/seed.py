"""Fills empty domain tables with generated data. All or nothing."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from backend.analytics.loading import CollectionLoader, read_mapping
from backend.analytics.management.progress import show
from backend.analytics.sample import Sample
from sync.errors import LockstepError

MOST = 1_000_000


class Command(BaseCommand):
    """See the module."""

    help = (
        "Fill empty tables with generated customers, accounts and transactions. The same --seed gives the same data. "
        "Example: manage.py seed --customers 50 --seed 7"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How much, and which."""
        parser.add_argument("--customers", type=int, default=500, help="1 to 1,000,000 (default 500: 1,746 accounts)")
        parser.add_argument("--seed", type=int, default=1, help="any whole number (default 1)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write it all in one transaction."""
        if not 1 <= options["customers"] <= MOST:
            raise CommandError(f"--customers: 1 to {MOST:,} is allowed, found {options['customers']:,}")
        sample = Sample.of(options["customers"], options["seed"])
        try:
            mapping = read_mapping()
        except (OSError, LockstepError) as error:
            raise CommandError(str(error)) from None
        with transaction.atomic():
            loaders = {name: CollectionLoader(mapping.collections[name]) for name in sample.sizes}
            for name, loader in loaders.items():
                if loader.root._default_manager.exists():
                    raise CommandError(f"{name} are there already: seed fills empty tables only; nothing was changed")
            for name, size in sample.sizes.items():
                show(name, loaders[name].write(sample.documents(name)), size, self.stdout.write)

"""The column type of addresses."""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from backend.analytics.fields import exact_collation

if TYPE_CHECKING:  # Django's fields take type parameters in the stubs alone
    _Email = models.EmailField[str, str]
else:
    _Email = models.EmailField


class ExactEmailField(_Email):
    """An address that is unique byte for byte. Whoever stores one makes it lower case first."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        """The column's type with this server's exact collation."""
        parameters: Any = super().db_parameters(connection)
        return {**parameters, "collation": exact_collation(connection)}

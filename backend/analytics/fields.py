"""Column types that hold exactly what a document can hold: hex ids, exact text, dates of whole milliseconds.

They fix type and collation by server, so that MySQL and MariaDB compare the same way as MongoDB does.
"""

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bson import ObjectId
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:  # Django's fields take type parameters in the stubs alone
    _Char = models.CharField[str, str]
    _Text = models.TextField[str, str]
    _DateTime = models.DateTimeField[datetime, datetime]
else:
    _Char, _Text, _DateTime = models.CharField, models.TextField, models.DateTimeField

HEX_ID = re.compile(r"[0-9a-f]{24}")


def new_object_id() -> str:
    """A fresh ObjectId as 24 lower-case hex digits."""
    return str(ObjectId())


def exact_collation(connection: BaseDatabaseWrapper) -> str | None:
    """The collation by which text is equal only if it is the same bytes, trailing blanks included.

    The names differ by server; None for a connection that is not MySQL (none is configured).
    """
    if connection.vendor != "mysql":
        return None
    return "utf8mb4_nopad_bin" if getattr(connection, "mysql_is_mariadb", False) else "utf8mb4_0900_bin"


def _with_collation(parameters: object, collation: str | None) -> Any:
    """Django's column parameters (a typed dict private to the stubs) with another collation."""
    assert isinstance(parameters, dict)
    return {**parameters, "collation": collation}


class ExactCharField(_Char):
    """VARCHAR that compares byte by byte without padding."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        """The column's type with this server's exact collation."""
        return _with_collation(super().db_parameters(connection), exact_collation(connection))


class ExactTextField(_Text):
    """LONGTEXT that compares byte by byte without padding."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        """The column's type with this server's exact collation."""
        return _with_collation(super().db_parameters(connection), exact_collation(connection))


class ObjectIdField(_Char):
    """CHAR(24) of lower-case hex digits: a MongoDB ObjectId. Its collation pads, which fixed length makes harmless."""

    default_validators = [
        RegexValidator(
            re.compile(rf"\A{HEX_ID.pattern}\Z"), "24 hexadecimal digits in lower case are allowed.", code="object_id"
        )
    ]

    def __init__(self, *args: Any, **options: Any) -> None:
        options["max_length"] = 24
        super().__init__(*args, **options)

    def deconstruct(self) -> Any:
        """Leaves out the length, which is fixed."""
        name, path, args, options = super().deconstruct()
        del options["max_length"]
        return name, path, args, options

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        """CHAR, not VARCHAR: every value has the same length."""
        return "char(24)"

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        """The column's type as ASCII."""
        return _with_collation(super().db_parameters(connection), "ascii_bin" if connection.vendor == "mysql" else None)


class MillisecondField(_DateTime):
    """DATETIME(3): what a BSON date can hold. Finer values are refused, never rounded."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        """Three digits instead of Django's six."""
        return "datetime(3)"

    def get_prep_value(self, value: Any) -> Any:
        """Refuses a finer value on every way to the database, not only in forms."""
        prepared = super().get_prep_value(value)
        if isinstance(prepared, datetime) and prepared.microsecond % 1000:
            raise ValidationError("Whole milliseconds are allowed.", code="milliseconds")
        return prepared

    def to_python(self, value: Any) -> Any:
        """Refuses a finer value when a model or form is validated."""
        moment = super().to_python(value)
        if isinstance(moment, datetime) and moment.microsecond % 1000:
            raise ValidationError("Whole milliseconds are allowed.", code="milliseconds")
        return moment

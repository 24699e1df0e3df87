"""Tells errors that mean `lockstep setup` has not been run from all others."""

from rest_framework import status
from rest_framework.exceptions import APIException

#: MySQL: no such table; no right to it. Both mean that `lockstep setup` has not been run (again).
NOT_SET_UP = {1146, 1142}


class NotSetUp(APIException):
    """The engine's tables are not there."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "not_set_up"
    default_detail = "The synchronisation is not set up here: lockstep setup"


def is_missing(error: Exception) -> bool:
    """Whether the engine's tables are missing."""
    return bool(error.args) and error.args[0] in NOT_SET_UP

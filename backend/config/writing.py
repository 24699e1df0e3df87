"""One write as one transaction that InnoDB may choose as victim: it is done again, as the workers do theirs."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError, transaction
from rest_framework import status
from rest_framework.exceptions import APIException

T = TypeVar("T")
DEADLOCK, LOCK_WAIT_TIMEOUT = 1213, 1205
#: Seconds before each further try.
PAUSES = (0.02, 0.1, 0.4)


class Busy(APIException):
    """Others held the rows for too long."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "busy"
    default_detail = "Others are writing this document. Nothing was changed; try again."


def in_transaction(work: Callable[[], T]) -> T:
    """What `work` gives, all of its writes or none; raises `Busy` where its locks could not be had."""
    for pause in (*PAUSES, None):
        try:
            with transaction.atomic():
                return work()
        except OperationalError as error:
            if error.args[0] not in (DEADLOCK, LOCK_WAIT_TIMEOUT):
                raise
            if pause is None or error.args[0] == LOCK_WAIT_TIMEOUT:  # has waited long enough already
                raise Busy from None
            time.sleep(pause * random.uniform(0.5, 1.5))
    raise AssertionError("the last try returns or raises")

"""Which dates both databases hold alike: whole milliseconds, from the year 1000 on."""

import re
from datetime import UTC, datetime

#: A fraction of a second that whole milliseconds cannot hold. Parsers drop digits beyond the sixth without a word.
FINER = re.compile(r"[.,]\d{3}\d*[^0\D]")
#: The first that MySQL's DATETIME holds.
FIRST = datetime(1000, 1, 1, tzinfo=UTC)


def exact_moment(moment: datetime) -> datetime:
    """The moment as it came; raises `ValueError`, whose text says what is allowed."""
    if moment.microsecond % 1000:
        raise ValueError("Whole milliseconds are allowed.")
    if moment < FIRST:
        raise ValueError("Dates from the year 1000 on are allowed.")
    return moment

"""Moments, days and times of day. MySQL's session is in UTC, so what a TIMESTAMP shows there is what it holds, whatever zone
the session had that wrote it; a DATETIME has no zone and is taken to be UTC.

A BSON date holds milliseconds. Finer columns are text in the document: one field, which sorts by time and can be asked for,
where a subdocument of seconds and the rest could not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import ClassVar, Literal

from sync.model.change import Value
from sync.model.codecs.base import Column, NotCanonical, Plain, Writer, refused

#: What becomes of dates that are none, as "0000-00-00" and "2020-00-10".
ZeroDates = Literal["refuse", "null", "text"]
ZERO_DATES: tuple[ZeroDates, ...] = ("refuse", "null", "text")
#: MySQL's documented range of DATETIME begins here (manual, "The DATE, DATETIME, and TIMESTAMP Types").
_FIRST = datetime(1000, 1, 1)  # noqa: DTZ001 - canonical dates are naive UTC
_ODD = re.compile(r"(\d{4}-\d\d-\d\d)(?: (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Dates(Plain):
    """Of columns that may hold dates that are none."""

    zero_dates: ZeroDates = "refuse"

    def _odd(self, value: object) -> Value:
        """A date that is none, as the driver gives it: text."""
        found = _ODD.fullmatch(value) if isinstance(value, str) else None
        if found is None or _is_date(found[1]):
            raise refused("a date", value)
        if self.zero_dates == "text":
            return _without_zeros(*found.groups())
        if self.zero_dates == "null" and not value.strip("0-: ."):  # type: ignore[attr-defined]  # text
            return None
        hint = 'a zero date with zero_dates = "null" or "text", a partial one with "text"'
        raise NotCanonical(f"a whole date is allowed ({hint})")

    def _odd_bson(self, value: object, *, clock: bool) -> Value:
        """The same in a document."""
        if self.zero_dates == "text" and type(value) is str:
            found = _ODD.fullmatch(value)
            if (
                found
                and not _is_date(found[1])
                and value == _without_zeros(*found.groups())
                and (found[2] is not None) == clock
            ):
                return value
        raise refused("date (UTC, without a zone)", value)


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _without_zeros(day: str, clock: str | None, fraction: str | None) -> str:
    fraction = (fraction or "").rstrip("0")
    return day + (f" {clock}" if clock else "") + (f".{fraction}" if fraction else "")


def _fraction(value: Value) -> int:
    """Digits of the fraction of a moment."""
    micro = value.microsecond if isinstance(value, datetime) else 0
    return len(f"{micro:06}".rstrip("0"))


def _coarser(codec: Plain, column: Column) -> Writer:
    """MySQL rounds a fraction that is finer than the column's."""
    most = column.precision or 0

    def write(value: Value) -> object:
        if _fraction(value) > most:
            raise NotCanonical(f"at most {most} digits of a fraction of a second are allowed")
        return codec.to_column(value)

    return write


@dataclass(frozen=True, slots=True)
class DateCodec(Dates):
    """A moment in UTC, in whole milliseconds, as a BSON date holds it, within what DATETIME holds."""

    name: ClassVar[str] = "date"
    serves: ClassVar[tuple[str, ...]] = (
        *("DATETIME(3)", "DATETIME", "DATETIME(1)"),
        *("TIMESTAMP(3)", "TIMESTAMP"),
    )
    bson: ClassVar[str] = "date"
    refuses: ClassVar[str] = "before the year 1000 or after 9999; a finer fraction than the column's"

    def check(self, column: Column) -> str | None:
        if column.data_type not in ("datetime", "timestamp") or (column.precision or 0) > 3:
            return "DATETIME or TIMESTAMP of at most 3 digits (finer: codec datetime_text) is needed"
        return None

    def from_column(self, value: object) -> Value:
        return self._canonical(value) if isinstance(value, datetime) else self._odd(value)

    def writer(self, column: Column) -> Writer:
        return self.to_column if column.precision == 3 else _coarser(self, column)

    def from_bson(self, value: object) -> Value:
        return self._canonical(value) if isinstance(value, datetime) else self._odd_bson(value, clock=True)

    def _canonical(self, value: datetime) -> datetime:
        if value.tzinfo is not None:
            raise refused("date (UTC, without a zone)", value)
        if value.microsecond % 1000 or value < _FIRST:
            raise NotCanonical("a date from the year 1000 on, in whole milliseconds, is allowed")
        return value


@dataclass(frozen=True, slots=True)
class DateTimeTextCodec(Dates):
    """A moment to the microsecond, as text: "2024-02-29T01:02:03", with six digits of a fraction where there is one."""

    name: ClassVar[str] = "datetime_text"
    serves: ClassVar[tuple[str, ...]] = (*("DATETIME(6)", "DATETIME(4)", "DATETIME", "TIMESTAMP(6)", "TIMESTAMP(5)"),)
    bson: ClassVar[str] = "string"
    refuses: ClassVar[str] = "any text but this form; before the year 1000; a finer fraction than the column's"

    def check(self, column: Column) -> str | None:
        return None if column.data_type in ("datetime", "timestamp") else "DATETIME or TIMESTAMP is needed"

    def from_column(self, value: object) -> Value:
        if not isinstance(value, datetime):
            return self._odd(value)
        if value.tzinfo is not None or value < _FIRST:
            raise NotCanonical("a date from the year 1000 on is allowed")
        return value

    def writer(self, column: Column) -> Writer:
        return _coarser(self, column)

    def from_bson(self, value: object) -> Value:
        if type(value) is str:
            try:
                found = datetime.fromisoformat(value)
            except ValueError:
                return self._odd_bson(value, clock=True)
            if found.tzinfo is None and found.isoformat() == value and found >= _FIRST:
                return found
        raise refused(
            "a moment as text (2024-02-29T01:02:03 or 2024-02-29T01:02:03.000001), from the year 1000 on,", value
        )

    def to_bson(self, value: Value) -> object:
        return value.isoformat() if isinstance(value, datetime) else value


@dataclass(frozen=True, slots=True)
class DayCodec(Dates):
    """A day as the moment at which it begins in UTC."""

    name: ClassVar[str] = "day"
    serves: ClassVar[tuple[str, ...]] = ("DATE",)
    bson: ClassVar[str] = "date"
    refuses: ClassVar[str] = "a moment other than 00:00 UTC; before the year 1000 or after 9999"

    def check(self, column: Column) -> str | None:
        return None if column.data_type == "date" else "DATE is needed"

    def from_column(self, value: object) -> Value:
        if type(value) is not date:
            return self._odd(value)
        return self._canonical(datetime(value.year, value.month, value.day))  # noqa: DTZ001 - naive UTC

    def to_column(self, value: Value) -> object:
        return value.date() if isinstance(value, datetime) else value

    def from_bson(self, value: object) -> Value:
        if not isinstance(value, datetime):
            return self._odd_bson(value, clock=False)
        return self._canonical(value)

    def _canonical(self, value: datetime) -> datetime:
        if value.tzinfo is not None or value.time().isoformat() != "00:00:00" or value < _FIRST:
            raise NotCanonical("a date at 00:00 UTC, from the year 1000 on, is allowed")
        return value


@dataclass(frozen=True, slots=True)
class DayTextCodec(Dates):
    """A day as text: "2024-02-29"."""

    name: ClassVar[str] = "day_text"
    serves: ClassVar[tuple[str, ...]] = ("DATE",)
    bson: ClassVar[str] = "string"
    refuses: ClassVar[str] = "any text but this form; before the year 1000"
    tells_apart: ClassVar[bool] = False

    def check(self, column: Column) -> str | None:
        return None if column.data_type == "date" else "DATE is needed"

    def from_column(self, value: object) -> Value:
        if type(value) is not date:
            return self._odd(value)
        if value < _FIRST.date():
            raise NotCanonical("a date from the year 1000 on is allowed")
        return value.isoformat()

    def from_bson(self, value: object) -> Value:
        if type(value) is str:
            try:
                found = date.fromisoformat(value)
            except ValueError:
                return self._odd_bson(value, clock=False)
            if found.isoformat() == value and found >= _FIRST.date():
                return value
        raise refused("a day as text (2024-02-29), from the year 1000 on,", value)


_SECOND = timedelta(seconds=1)
_LONGEST = timedelta(hours=838, minutes=59, seconds=59)
_CLOCK = re.compile(r"(-?)(\d\d|[1-9]\d\d):([0-5]\d):([0-5]\d)(?:\.(\d{6}))?", re.ASCII)


class TimeCodec(Plain):
    """A time of day or a length of time, as text: "-838:59:59", with six digits of a fraction where there is one."""

    name = "time"
    serves = ("TIME", "TIME(3)", "TIME(6)")
    bson = "string"
    refuses = "any text but this form; beyond 838:59:59; -00:00:00; a finer fraction than the column's"
    tells_apart = False

    def check(self, column: Column) -> str | None:
        return None if column.data_type == "time" else "TIME is needed"

    def from_column(self, value: object) -> Value:
        if not isinstance(value, timedelta) or abs(value) > _LONGEST:
            raise refused("a time", value)
        return _clock(value)

    def writer(self, column: Column) -> Writer:
        most = column.precision or 0

        def write(value: Value) -> object:
            fraction = str(value).partition(".")[2].rstrip("0")
            if len(fraction) > most:
                raise NotCanonical(f"at most {most} digits of a fraction of a second are allowed")
            return value

        return write

    def from_bson(self, value: object) -> Value:
        found = _CLOCK.fullmatch(value) if type(value) is str else None
        if found:
            sign, hours, minutes, seconds, micro = found.groups()
            size = timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds), microseconds=int(micro or 0))
            if size <= _LONGEST and _clock(-size if sign else size) == value:
                return value
        raise refused(
            "a time as text (-838:59:59 to 838:59:59, with six digits of a fraction where there is one)", value
        )


def _clock(value: timedelta) -> str:
    size = abs(value)
    whole, micro = size // _SECOND, size.microseconds
    text = f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}" + (f".{micro:06}" if micro else "")
    return f"-{text}" if value < timedelta(0) else text

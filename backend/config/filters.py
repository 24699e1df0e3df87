"""Filters that mean exactly what was asked: what they cannot hold is refused, never trimmed, rounded or left out."""

from datetime import UTC, datetime

from django import forms
from django.core.exceptions import ValidationError
from django_filters import rest_framework as filters
from django_filters.fields import IsoDateTimeField

from backend.config.moments import FINER, exact_moment


class ExactTextFilter(filters.CharFilter):  # type: ignore[misc]  # django-filter has no types
    """Text with its blanks."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, strip=False, **options)


class WholeNumberFilter(filters.NumberFilter):  # type: ignore[misc]  # as above
    """A whole number; `1.5` is none."""

    field_class = forms.IntegerField


class _YesOrNo(forms.TypedChoiceField):
    def __init__(self, **options: object) -> None:
        super().__init__(
            choices=[("", "---------"), ("true", "true"), ("false", "false")],
            coerce=lambda text: text == "true",
            empty_value=None,
            **options,  # type: ignore[arg-type]  # handed through
        )

    def to_python(self, value: object) -> object:
        return str(value).lower() if value else ""


class YesOrNoFilter(filters.BooleanFilter):  # type: ignore[misc]  # as above
    """`true` or `false`; anything else is refused, for a filter that is passed over shows everything."""

    field_class = _YesOrNo

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)
        self.extra.pop("widget", None)


class _Moment(IsoDateTimeField):  # type: ignore[misc]  # as above
    def to_python(self, value: object) -> datetime | None:
        if isinstance(value, str) and FINER.search(value):
            raise ValidationError("Whole milliseconds are allowed.", code="milliseconds")
        moment: datetime | None = super().to_python(value)
        try:
            return moment and exact_moment(moment.astimezone(UTC))
        except (ValueError, OverflowError) as error:
            raise ValidationError(str(error), code="invalid") from None


class MomentFilter(filters.IsoDateTimeFilter):  # type: ignore[misc]  # as above
    """A date in whole milliseconds, in the range that the columns hold."""

    field_class = _Moment

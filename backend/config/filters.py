"""Filters that mean exactly what was asked: what they cannot hold is refused, never trimmed, rounded or left out."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django_filters import rest_framework as filters
from django_filters.fields import IsoDateTimeField
from rest_framework.exceptions import ValidationError as Refused
from rest_framework.request import Request
from rest_framework.settings import api_settings

from backend.config.moments import FINER, exact_moment
from backend.config.pagination import Pages

#: What every list takes besides its filters.
COMMON = (Pages.page_query_param, Pages.page_size_query_param, api_settings.URL_FORMAT_OVERRIDE)


class KnownFilters(filters.DjangoFilterBackend):  # type: ignore[misc]  # django-filter has no types
    """Refuses a parameter that no filter has: passed over, it would show everything."""

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        filterset = self.get_filterset(request, queryset, view)
        known = [*(filterset.filters if filterset else ()), *COMMON]
        if unknown := [name for name in request.query_params if name not in known]:
            raise Refused({name: [f"There is no such parameter. There are: {', '.join(known)}."] for name in unknown})
        return super().filter_queryset(request, queryset, view)


def one_of(known: Iterable[str], chosen: str) -> None:
    """For validators: raises with the names that there are."""
    if chosen not in (names := list(known)):
        raise ValidationError(f"There is no such name. There are: {', '.join(names)}.", code="unknown")


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

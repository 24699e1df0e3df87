"""Where django-allauth's behaviour is ours to say."""

from typing import cast

from allauth.account.adapter import DefaultAccountAdapter
from django.core.exceptions import ValidationError

LONGEST_EMAIL = 254


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # django-allauth has no types
    """Refuses what django-allauth would cut off."""

    def clean_email(self, email: str) -> str:
        """An address that is kept whole: cut off, it would be another one."""
        if len(email) > LONGEST_EMAIL:
            raise ValidationError(f"An address of up to {LONGEST_EMAIL} characters is allowed.", code="max_length")
        return cast("str", super().clean_email(email))

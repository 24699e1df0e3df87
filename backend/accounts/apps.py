"""Registers the application with Django."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """See the package."""

    name = "backend.accounts"
    label = "accounts"

"""Registers the application with Django."""

from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    """See the package."""

    name = "backend.analytics"
    label = "analytics"

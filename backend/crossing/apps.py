"""Registers the application with Django."""

from django.apps import AppConfig


class CrossingConfig(AppConfig):
    """See the package."""

    name = "backend.crossing"
    label = "crossing"

"""Registers the application with Django."""

from django.apps import AppConfig


class ReplicationConfig(AppConfig):
    """See the package."""

    name = "backend.replication"
    label = "replication"

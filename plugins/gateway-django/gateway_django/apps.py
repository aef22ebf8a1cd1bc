"""The application, as Django finds it."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate


class GatewayDjangoConfig(AppConfig):
    """Payments by gateway-core."""

    name = "gateway_django"
    verbose_name = "Payments"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Take part in what Django does: connections, checks and migrations."""
        from gateway_django import _checks, _database, _sqlite

        checks.register(_checks.check_payments, _checks.TAG)
        post_migrate.connect(_database.upgrade, sender=self, dispatch_uid="gateway_django.journal")
        connection_created.connect(_sqlite.prepare, dispatch_uid="gateway_django.sqlite")

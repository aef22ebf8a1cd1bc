"""What `manage.py check` tells about payments: what is wrong, and what to write instead."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import connections
from django.urls import NoReverseMatch, reverse

from gateway_core.config import all_accounts, load_account
from gateway_core.errors import GatewayError
from gateway_django import _database, _settings, signals

#: `manage.py check --tag payments`
TAG = "payments"

_EXAMPLE = 'GATEWAY = {"default": "sandbox", "gateways": {"sandbox": {"backend": "sandbox"}}}'


def check_payments(*, app_configs: Sequence[Any] | None, **_: Any) -> list[checks.CheckMessage]:
    """Check the settings, the accounts, the journal's place, and whether somebody listens."""
    if app_configs is not None and all(each.name != "gateway_django" for each in app_configs):
        return []
    try:
        accounts = all_accounts(_settings.config())
    except GatewayError as error:
        hint = f"It stands in the settings as {_EXAMPLE}, or in a file: GATEWAY_CONFIG = BASE_DIR / 'gateway.toml'."
        return [checks.Error(error.message, hint=hint, id="gateway_django.E001")]
    return [*_about_database(), *_about_accounts(accounts.names), *_about_webhooks(), *_about_receivers()]


def _about_database() -> Iterator[checks.CheckMessage]:
    try:
        alias = _database.journal_alias()
    except GatewayError as error:
        hint = "Set GATEWAY_DATABASE to a database of DATABASES in SQLite or PostgreSQL, or name a journal in GATEWAY."
        yield checks.Error(error.message, hint=hint, id="gateway_django.E002")
        return
    if alias is None:
        if _database.journal_url() is None:
            yield checks.Info(
                "The journal is in no database of DATABASES: receivers and journal are two transactions, and the"
                " admin shows no payments.",
                hint="Leave `journal` out of the configuration to have it in GATEWAY_DATABASE, and let receivers do no"
                " harm when they are called twice.",
                id="gateway_django.I001",
            )
        return
    if connections[alias].vendor == "postgresql" and importlib.util.find_spec("psycopg") is None:
        yield checks.Error(
            "The journal is in PostgreSQL, and needs its driver psycopg 3.",
            hint="pip install 'gateway-django[postgresql]'",
            id="gateway_django.E003",
        )


def _about_accounts(names: Sequence[str]) -> Iterator[checks.CheckMessage]:
    for name in names:
        try:
            load_account(name, _settings.config())
        except GatewayError as error:
            yield checks.Warning(
                f"The account {name} cannot be used: {error.message}",
                hint=f"`manage.py gateway doctor {name}` checks it, up to one harmless call to the provider.",
                id="gateway_django.W001",
            )


def _about_webhooks() -> Iterator[checks.CheckMessage]:
    if not getattr(settings, "ROOT_URLCONF", None):
        return
    try:
        reverse("gateway_django:webhooks")
    except NoReverseMatch:
        yield checks.Warning(
            "No address receives webhooks.",
            hint='Add path("payments/", include("gateway_django.urls")) to the URLconf; or run `manage.py gateway'
            " watch`, which needs none.",
            id="gateway_django.W002",
        )


def _about_receivers() -> Iterator[checks.CheckMessage]:
    if not (signals.invoice_paid.has_listeners() or signals.webhook_event.has_listeners()):
        yield checks.Warning(
            "Nobody listens when an order is paid.",
            hint="Connect a receiver to gateway_django.signals.invoice_paid in a module that is imported when Django"
            " starts, such as an application's models.py, or one that its AppConfig.ready() imports.",
            id="gateway_django.W003",
        )

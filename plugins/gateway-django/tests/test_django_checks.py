"""``manage.py check`` tells what is wrong, and what to write instead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core import checks
from django.test import override_settings
from django.urls import clear_url_caches

import gateway_django
from gateway_django import signals

ACCOUNT = settings.GATEWAY["gateways"]["sandbox"]


def listen(**_: Any) -> None:
    """Do nothing."""


@pytest.fixture(autouse=True)
def _listening(receiver: Callable[..., None]) -> None:
    receiver(signals.invoice_paid, listen)


def found(**changed: Any) -> list[checks.CheckMessage]:
    """Return what is told of settings that are changed."""
    with override_settings(**changed):
        return checks.run_checks(tags=["payments"])


def test_nothing_is_wrong() -> None:
    """Settings that work are not talked about."""
    assert found() == []


@pytest.mark.parametrize(
    "changed,name,told,hint",
    [
        ({"GATEWAY": None}, "E001", "there is no account", 'GATEWAY = {"default": "sandbox"'),
        ({"GATEWAY": {"gateways": {}}}, "E001", "there is no account", "GATEWAY_CONFIG = BASE_DIR"),
        ({"GATEWAY": None, "GATEWAY_CONFIG": "/nowhere/gateway.toml"}, "E001", "/nowhere/gateway.toml", "GATEWAY ="),
        ({"GATEWAY_DATABASE": "nowhere"}, "E002", "GATEWAY_DATABASE names nowhere", "a database of DATABASES"),
        (
            {"GATEWAY": {"default": "eu", "gateways": {"eu": {**ACCOUNT, "api_kye": "x"}}}},
            "W001",
            "api_kye: unknown",
            "manage.py gateway doctor eu",
        ),
        (
            {"GATEWAY": {"default": "eu", "gateways": {"eu": {**ACCOUNT, "api_key": "env://NOT_SET_ANYWHERE"}}}},
            "W001",
            "NOT_SET_ANYWHERE",
            "gateway doctor",
        ),
        (
            {"GATEWAY": {"default": "eu", "gateways": {"eu": {"backend": "strype"}}}},
            "W001",
            "strype",
            "gateway doctor",
        ),
        (
            {"ROOT_URLCONF": "django.contrib.auth.urls"},
            "W002",
            "No address receives webhooks",
            'include("gateway_django.urls")',
        ),
    ],
)
def test_fault_is_told_with_what_to_do(changed: dict[str, Any], name: str, told: str, hint: str) -> None:
    """Each has a name, by which it can be silenced, and a hint."""
    clear_url_caches()
    (message,) = found(**changed)

    assert message.id == f"gateway_django.{name}"
    assert told in message.msg
    assert hint in str(message.hint)


def test_secret_is_told_by_no_check() -> None:
    """What is wrong about an account is told without its secrets."""
    messages = found(GATEWAY={"default": "eu", "gateways": {"eu": {**ACCOUNT, "api_key": ["sk_live_secret"]}}})

    assert [message.id for message in messages] == ["gateway_django.W001"]
    assert "sk_live_secret" not in str(messages)


def test_shop_that_listens_to_nothing_is_told() -> None:
    """The receiver in a module that nobody imports is the fault of most beginners."""
    signals.invoice_paid.disconnect(listen)

    (message,) = found()

    assert message.id == "gateway_django.W003"
    assert "AppConfig.ready()" in str(message.hint)


def test_journal_elsewhere_is_told(tmp_path: Path) -> None:
    """It works, and is no fault: but two transactions are not one."""
    (message,) = found(GATEWAY={**settings.GATEWAY, "journal": f"sqlite:///{tmp_path}/gateway.db"})

    assert (message.id, message.level) == ("gateway_django.I001", checks.INFO)


def test_driver_that_is_missing_is_told(postgres_alias: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Django goes on with an old driver, and the journal does not."""
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    (message,) = found(GATEWAY_DATABASE=postgres_alias)

    assert message.id == "gateway_django.E003"
    assert message.hint == "pip install 'gateway-django[postgresql]'"


def test_check_of_another_application_is_silent() -> None:
    """`manage.py check bookshop_app` asks about that one."""
    from django.apps import apps

    with override_settings(GATEWAY=None):
        assert checks.run_checks([apps.get_app_config("bookshop_app")], tags=["payments"]) == []
        assert len(checks.run_checks([apps.get_app_config("gateway_django")], tags=["payments"])) == 1


def test_gateways_stay_closed() -> None:
    """A check opens no gateway, and so no connection."""
    gateway_django.close()
    found()

    assert gateway_django._gateways._opened is None

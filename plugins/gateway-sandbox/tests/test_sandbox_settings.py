"""The sandbox's settings, and what it declares about itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gateway_core import Gateway
from gateway_core.errors import ConfigurationError
from gateway_core.provider import WebhookAuthentication
from gateway_sandbox import Sandbox, SandboxSettings

_GOOD: dict[str, Any] = {"api_key": "sk_sandbox_1234567890", "webhook_secret": "whsec_c2FuZGJveC1kZW1vLXNlY3JldA=="}


def test_two_secrets_are_all_it_needs() -> None:
    """The address has a default, and every operation is there."""
    gateway = Gateway.connect("sandbox", **_GOOD)

    operations = ("find_invoice", "cancel_invoice", "refund_payment", "check_account")
    assert gateway.provider.settings.base_url == "http://127.0.0.1:4010"
    assert all(gateway.supports(operation) for operation in operations)


@pytest.mark.parametrize(
    "change,key",
    [
        ({"api_key": ""}, "api_key"),
        ({"api_key": "sk_sandbox_1234567890\n"}, "api_key"),
        ({"webhook_secret": ""}, "webhook_secret"),
        ({"webhook_secret": []}, "webhook_secret"),
        ({"webhook_secret": [_GOOD["webhook_secret"], ""]}, "webhook_secret"),
        ({"webhook_secret": "whsec_c2hvcnQ="}, "webhook_secret"),
        ({"webhook_secret": "whsec_not-base64-not-base64-not"}, "webhook_secret"),
        ({"webhook_secret": [_GOOD["webhook_secret"], "whsec_c2hvcnQ="]}, "webhook_secret"),
        ({"base_url": "http://sandbox.example"}, "base_url"),
        ({"base_url": "127.0.0.1:4010"}, "base_url"),
        ({"webhook_tolerance": timedelta(0)}, "webhook_tolerance"),
        ({"webhook_tolerance": timedelta(seconds=-1)}, "webhook_tolerance"),
        ({"webhook_secrets": "x"}, "webhook_secrets"),
    ],
    ids=str,
)
def test_bad_setting_fails_at_start_up(change: dict[str, Any], key: str) -> None:
    """W3, W7: a setting that could not verify anything is refused at once, by its name and without its value."""
    with pytest.raises(ConfigurationError, match=key) as caught:
        Gateway.connect("sandbox", **{**_GOOD, **change})

    assert "c2hvcnQ" not in str(caught.value)
    assert "1234567890" not in str(caught.value)


@pytest.mark.parametrize("missing", ["api_key", "webhook_secret"])
def test_missing_secret_is_named(missing: str) -> None:
    """There is no account without a key, and none whose webhooks are not verified."""
    settings = {name: value for name, value in _GOOD.items() if name != missing}

    with pytest.raises(ConfigurationError, match=f"{missing}.*missing"):
        Gateway.connect("sandbox", **settings)


def test_settings_made_by_hand_are_checked_too() -> None:
    """Who makes the class without the core gets the same refusals."""
    with pytest.raises(ConfigurationError):
        SandboxSettings(**{**_GOOD, "webhook_tolerance": timedelta(0)})


def test_secrets_do_not_print() -> None:
    """S1: neither secret is in a printed provider."""
    provider = Sandbox(settings=SandboxSettings(**_GOOD))

    assert "1234567890" not in repr(provider)
    assert "c2FuZGJve" not in repr(provider)


def test_what_it_declares() -> None:
    """The facts that the core and an operator rely on are declared."""
    info = Sandbox.info

    assert info.webhook_authentication is WebhookAuthentication.SIGNATURE
    creation = info.idempotency_of("create_invoice")
    assert creation is not None
    assert (creation.scope, creation.life, creation.replay_header) == ("account", None, "Idempotent-Replayed")
    assert (info.currencies, dict(info.unsupported)) == (None, {})
    assert info.webhook_covers
    assert info.list_guarantee

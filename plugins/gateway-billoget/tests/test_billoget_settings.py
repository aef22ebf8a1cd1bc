"""What an account may be told, and what is refused before anything is sent."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gateway_billoget import Billoget, BillogetOptions, BillogetSettings
from gateway_core import Gateway, Secret
from gateway_core.errors import ConfigurationError

KEY = "bk_test_made-up-0123456789-abcdef"
SECRET = "made-up-webhook-secret-0123456789"


def test_least_settings_stand_for_what_is_documented() -> None:
    """The two secrets are enough to read and to verify: the rest is as documented, or said to be assumed."""
    settings = BillogetSettings(api_key=Secret(KEY), webhook_secret=(Secret(SECRET),))

    actual = (settings.base_url, settings.create_mode, settings.generation, settings.public_path)
    signature = (settings.webhook_header, settings.webhook_encoding, settings.webhook_prefix)

    assert actual == ("https://api.billoget.com/v1", "budgets", "G1", "api/budgets/public")
    assert signature == ("X-Billoget-Signature", "hex", "sha256=")


@pytest.mark.parametrize(
    "mode, generation, written",
    [("budgets", None, "G1"), ("public", None, "G3"), ("budgets", "G3", "G3"), ("public", "G3", "G3")],
)
def test_generation_follows_the_mode(
    connect: Callable[..., Gateway], mode: str, generation: str | None, written: str
) -> None:
    """Each way to make budgets is documented with its own field names, unless an account says otherwise."""
    gateway = connect("G3", create_mode=mode, field_generation=generation)

    assert gateway.provider.settings.generation == written


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"create_mode": "links"}, "create_mode: must be one of budgets, public"),
        ({"field_generation": "G2"}, "field_generation: must be one of G1, G3"),
        ({"create_mode": "public", "field_generation": "G1"}, "field_generation must be G3"),
        ({"create_mode": "public"}, "customer_id must be a number"),
        ({"field_generation": "G3", "customer_id": "501"}, "product_id must be a number"),
        ({"package_id": "9"}, "product_id or package_id, not both"),
        ({"customer_id": ""}, "customer_id: must be text"),
        ({"customer_id": "a b"}, "customer_id: must be text"),
        ({"public_path": "api/admin"}, "public_path: must be one of"),
        ({"base_url": "http://api.billoget.com"}, "base_url: must be https"),
        ({"api_key": ""}, "api_key: .*visible ASCII"),
        ({"api_key": f"{KEY}\n"}, "api_key: .*visible ASCII"),
        ({"currency": "usd"}, "currency: must be a code"),
        ({"currency": "BTC"}, "currency: must be a code"),
        ({"minimum_payment_to_confirm": 0.5}, "minimum_payment_to_confirm: must be an exact number"),
        ({"minimum_payment_to_confirm": -1}, "minimum_payment_to_confirm: must be an exact number"),
        ({"valid_for": timedelta(0)}, "valid_for: must be above zero"),
        ({"webhook_tolerance": timedelta(0)}, "webhook_tolerance: must be above zero"),
        ({"webhook_header": "X Signature"}, "webhook_header: must be the name"),
        ({"webhook_encoding": "base32"}, "webhook_encoding: must be one of hex, base64"),
        ({"webhook_prefix": "sha 256"}, "webhook_prefix: must be"),
        ({"confirm_webhooks": "yes"}, "confirm_webhooks: must be true or false"),
        ({"page_size": 101}, "page_size: must be a whole number, 1 to 100"),
        ({"search_requests": 0}, "search_requests: must be a whole number"),
        ({"webhooksecret": "x"}, "did you mean webhook_secret"),
    ],
    ids=str,
)
def test_wrong_setting_is_refused_by_its_name(
    connect: Callable[..., Gateway], changes: dict[str, Any], reason: str
) -> None:
    """A gateway that could not work is not made, and the fault names the setting."""
    with pytest.raises(ConfigurationError, match=reason):
        connect(**changes)


@pytest.mark.parametrize("secret", [[], "", ["good", ""], ["good", None], None], ids=repr)
def test_account_without_a_webhook_secret_is_not_opened(connect: Callable[..., Gateway], secret: Any) -> None:
    """W3: there is no account that accepts unsigned webhooks, and none with an empty secret among good ones."""
    with pytest.raises(ConfigurationError, match="webhook_secret"):
        connect(webhook_secret=secret)


@pytest.mark.parametrize(
    "values",
    [{"confirm_webhooks": 1}, {"create_mode": "x"}, {"page_size": True}, {"valid_for": 30}, {"currency": 7}],
    ids=str,
)
def test_settings_made_by_hand_are_checked_too(values: dict[str, Any]) -> None:
    """The class itself refuses, whoever makes it."""
    with pytest.raises(ConfigurationError):
        BillogetSettings(api_key=Secret(KEY), webhook_secret=(Secret(SECRET),), **values)


def test_options_are_one_or_the_other() -> None:
    """An item is a product or a package."""
    with pytest.raises(ConfigurationError, match="not both"):
        BillogetOptions(product_id="1", package_id="2")


@pytest.mark.parametrize("name", ["api_key", "webhook_secret"])
def test_secret_is_in_no_text(name: str) -> None:
    """S1: the settings and the provider print without their secrets."""
    canary = "canary-0123456789-abcdef"
    values: dict[str, Any] = {"api_key": KEY, "webhook_secret": (Secret(SECRET),), name: canary}
    settings = BillogetSettings(**values)

    texts = [repr(made) + str(made) for made in (settings, Billoget(settings))]

    assert [text for text in texts if canary[:12] in text] == []


def test_info_tells_what_is_assumed_and_what_is_missing() -> None:
    """What is not documented is said, for each thing that the plugin has to assume."""
    info = Billoget.info
    told = " ".join([*info.notes, info.webhook_covers])

    missing = [
        word
        for word in ("/v1", "field names", "hex", "secret", "iva", "search", "test key", "never PAID", "idempotency")
        if word not in told
    ]

    assert (missing, info.idempotency, [str(limit) for limit in info.rate_limits]) == ([], None, ["1000 per 3600 s"])
    assert {*info.unsupported} == {"list_payments", "cancel_invoice", "refund_payment"}
    assert all(len(note) < 130 for note in itertools.chain(info.notes))

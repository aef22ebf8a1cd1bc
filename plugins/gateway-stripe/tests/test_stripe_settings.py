"""What an account at Stripe is opened with, and what is refused at the start."""

from __future__ import annotations

from typing import Any

import pytest

from gateway_core import Gateway, Secret
from gateway_core.errors import ConfigurationError
from gateway_stripe import StripeSettings

_TEST, _LIVE = "sk_test_abc123", "sk_live_abc123"


def _open(**settings: Any) -> Any:
    with Gateway.connect("stripe", **settings) as gateway:
        return gateway.provider.settings


@pytest.mark.parametrize(
    "key, live",
    [(_TEST, False), ("rk_test_abc", False), (_LIVE, True), ("rk_live_abc", True)],
)
def test_key_picks_the_mode(key: str, live: bool) -> None:
    """The word in the key says whether real money moves."""
    assert _open(api_key=key).live is live


@pytest.mark.parametrize(
    "settings, reason",
    [
        ({"api_key": "pk_test_abc"}, "publishable"),
        ({"api_key": "pk_live_abc", "mode": "live"}, "publishable"),
        ({"api_key": "abc"}, "set mode"),
        ({"api_key": _TEST, "mode": "live"}, "is a test key, and mode is live"),
        ({"api_key": _LIVE, "mode": "test"}, "is a live key, and mode is test"),
        ({"api_key": _LIVE, "base_url": "http://127.0.0.1:8420"}, "base_url must be https with a live key"),
        ({"api_key": "new_form", "mode": "live", "base_url": "http://127.0.0.1"}, "base_url must be https"),
        ({"api_key": _TEST, "mode": "sandbox"}, "mode: must be"),
        ({"api_key": _TEST, "account": "1032D82e"}, "account: must be"),
        ({"api_key": _TEST, "webhook_secret": "we_1Mr5jUJHGT8mXbqN"}, "webhook_secret must be the signing secret"),
        ({"api_key": _TEST, "webhook_secret": []}, "webhook_secret"),
        ({"api_key": _TEST, "webhook_secret": "whsec_a"}, "16 bytes or more"),
        (
            {"api_key": _TEST, "webhook_secret": ["whsec_test_secret", "sk_test_abc123def456"]},
            "webhook_secret must be the signing secret",
        ),
        ({"api_key": _TEST, "return_url": "shop.test/thanks"}, "return_url: must be"),
        ({"api_key": _TEST, "search_pages": 0}, "search_pages: must be"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], reason: str) -> None:
    """A setting that cannot be right is told by its name, and without its value."""
    with pytest.raises(ConfigurationError, match=reason) as told:
        _open(**settings)

    assert settings["api_key"] not in f"{told.value}"


def test_key_of_a_new_form_needs_the_mode() -> None:
    """Prefixes are no contract of Stripe's: with its mode given, a key may look like anything."""
    assert _open(api_key="sk2-abc", mode="live").live
    assert not _open(api_key="sk2-abc", mode="test").live


def test_secrets_are_not_shown() -> None:
    """Neither the key nor a webhook secret is in the repr."""
    shown = repr(_open(api_key=_TEST, webhook_secret=["whsec_the_first_one", "whsec_the_second_one"]))

    assert "abc123" not in shown
    assert "whsec" not in shown


def test_webhook_secret_may_be_missing() -> None:
    """An account can be opened before its webhook endpoint exists."""
    assert _open(api_key=_TEST).webhook_secret == ()


@pytest.mark.parametrize("value", [7, [7], [None], {"a": "whsec_test_secret"}, []])
def test_settings_made_by_hand_are_checked_too(value: Any) -> None:
    """Whoever makes the class without a configuration is told in the same way."""
    with pytest.raises(ConfigurationError, match="webhook_secret"):
        StripeSettings(api_key=Secret(_TEST), webhook_secret=value)

"""An account that could not work is refused when it opens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway_core import Gateway, InvoiceRequest, Money
from gateway_core.errors import ConfigurationError
from gateway_mollie import MollieSettings

Connect = Callable[..., Gateway]

TEST_KEY = "test_abcdefghij0123456789"
LIVE_KEY = "live_abcdefghij0123456789"
TOKEN = "access_abcdefghij0123456789"


@pytest.mark.parametrize(
    "settings",
    [
        {"api_key": TEST_KEY, "mode": "test"},
        {"api_key": LIVE_KEY},
        {"api_key": LIVE_KEY, "profile_id": "pfl_3Rk"},
        {"api_key": TOKEN, "profile_id": "pfl_3Rk"},
        {"api_key": TOKEN, "profile_id": "pfl_3Rk", "mode": "test"},
        {"api_key": TEST_KEY, "mode": "test", "return_url": "http://localhost:8000/back"},
    ],
)
def test_account_that_could_work_is_taken(settings: dict[str, Any]) -> None:
    """Either kind of key, in either mode."""
    assert MollieSettings(**settings).is_token is settings["api_key"].startswith("access_")


@pytest.mark.parametrize(
    "settings, told",
    [
        ({"api_key": TEST_KEY}, "one of test mode, and mode is live"),
        ({"api_key": LIVE_KEY, "mode": "test"}, "one of live mode, and mode is test"),
        ({"api_key": "abc"}, "must begin with live_, test_ or access_"),
        ({"api_key": "key_0123456789"}, "must begin with live_, test_ or access_"),
        ({"api_key": TOKEN}, "profile_id is needed with an access token"),
        ({"api_key": LIVE_KEY, "profile_id": "3Rk"}, "a profile's id"),
        ({"api_key": LIVE_KEY, "mode": "sandbox"}, "mode"),
        ({"api_key": LIVE_KEY, "return_url": "http://shop.example"}, "return_url: must be an https address"),
        ({"api_key": LIVE_KEY, "webhook_url": "ftp://shop.example"}, "webhook_url: must be an https address"),
        ({"api_key": LIVE_KEY, "base_url": "http://api.mollie.com"}, "https"),
    ],
)
def test_account_that_cannot_work_is_refused(settings: dict[str, Any], told: str) -> None:
    """In words that name the setting, and no key."""
    with pytest.raises(ConfigurationError, match=told) as caught:
        Gateway.connect("mollie", **settings)

    assert settings["api_key"] == "abc" or settings["api_key"] not in str(caught.value)


@pytest.mark.parametrize("method", ["", "i deal", 7, [7], ["ideal", ""], "ideal;creditcard", {"ideal": 1}])
def test_method_is_a_name(method: object) -> None:
    """Whether the profile has it, Mollie says."""
    request = InvoiceRequest(order_id="77", amount=Money("12.50", "EUR"), options={"method": method})

    with (
        Gateway.connect("mollie", api_key=LIVE_KEY, return_url="https://shop.example") as gateway,
        pytest.raises(ConfigurationError, match="method"),
    ):
        gateway.create_invoice(request)


def test_no_secret_is_shown() -> None:
    """Neither the key, nor what is in the webhook's address."""
    settings = MollieSettings(
        api_key=LIVE_KEY,  # type: ignore[arg-type]  # a text becomes a Secret
        webhook_url="https://shop.example/hook?key=url-secret-0123456789",
        url_secret="url-secret-0123456789",  # type: ignore[arg-type]  # the same
        webhook_secrets="a-secret-of-the-subscription",  # type: ignore[arg-type]  # the same
    )

    shown = repr(settings)

    assert not any(each in shown for each in (LIVE_KEY, "url-secret", "of-the-subscription"))

"""What an account may be told, and what is refused before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway_azothpay import AzothPay, AzothPayOptions, AzothPaySettings
from gateway_azothpay.settings import PERIODS
from gateway_core import Gateway, Secret
from gateway_core.errors import ConfigurationError

BASE = "https://invoice-api.example"


def test_least_settings_guess_nothing() -> None:
    """No period is chosen for the shop, and no pay page made up."""
    settings = AzothPaySettings(api_key=Secret("k" * 20), base_url=BASE)

    actual = (settings.currency, settings.period, settings.checkout_url, settings.signature_header, settings.page_size)

    assert actual == ("USD", None, None, "X-Pay-Signature", 50)


def test_base_address_is_nobodys_guess() -> None:
    """AzothPay's documentation does not tell it, so whoever does not know it cannot connect."""
    with pytest.raises(ConfigurationError, match="base_url"):
        Gateway.connect("azothpay", api_key="k" * 20)

    assert AzothPay.info.base_url is None


@pytest.mark.parametrize("period", [*PERIODS, None])
def test_period_may_be_what_azothpay_charges(period: str | None) -> None:
    """Four words, as the documentation spells them."""
    assert AzothPayOptions(period=period).period == period


@pytest.mark.parametrize("period", ["", "monthly", "permonth", "PerMonth ", "Once", 30, True], ids=repr)
def test_period_may_be_nothing_else(period: Any) -> None:
    """A word that is only similar is none; above all there is no word for a one-off payment."""
    with pytest.raises(ConfigurationError, match="one of PerDay, PerWeek, PerMonth, PerYear"):
        AzothPayOptions(period=period)


@pytest.mark.parametrize(
    "setting, value, reason",
    [
        ("base_url", "http://invoice-api.example", "must be https"),
        ("base_url", "", "must be an address"),
        ("api_key", "key with blanks", "visible ASCII"),
        ("api_key", "", "visible ASCII"),
        ("currency", "EUR", "one of USD, USDC, USDT"),
        ("currency", "usd", "one of USD, USDC, USDT"),
        ("currency", "", "one of USD, USDC, USDT"),
        ("period", "Monthly", "one of PerDay"),
        ("signature_header", "", "name of a header"),
        ("signature_header", "X Pay", "name of a header"),
        ("signature_header", "X-Pay\r\nX", "name of a header"),
        ("page_size", 0, "1 or more"),
        ("page_size", -1, "1 or more"),
        ("checkout_url", "", "with {id} in it once"),
        ("checkout_url", "https://invoice.azothpay.com", "with {id} in it once"),
        ("checkout_url", "https://invoice.azothpay.com?id={id}&again={id}", "with {id} in it once"),
        ("checkout_url", "invoice.azothpay.com?id={id}", "with {id} in it once"),
        ("checkout_url", "https://[{id}", "with {id} in it once"),
        ("checkout_url", "http://invoice.azothpay.com?id={id}", "must be https"),
        ("checkout_url", "javascript://x/{id}", "must be https"),
        ("checkout_url", "https://{id}.example/pay", "in its path or query"),
        ("checkout_url", "https://user@pay.example/{id}", "in its path or query"),
    ],
)
def test_wrong_setting_is_refused_by_its_name(
    connect: Callable[..., Gateway], setting: str, value: Any, reason: str
) -> None:
    """A gateway that could not work is not made, and the fault names the setting."""
    with pytest.raises(ConfigurationError, match=f"{setting}: .*{reason}"):
        connect(**{setting: value})


@pytest.mark.parametrize(
    "address", ["https://invoice.azothpay.com?id={id}", "https://pay.example/{id}/now", "http://127.0.0.1:8000/{id}"]
)
def test_pay_page_is_an_address_with_a_place(connect: Callable[..., Gateway], address: str) -> None:
    """The documented pattern, and others like it."""
    assert connect(checkout_url=address).provider.settings.checkout_url == address


def test_secret_is_in_no_text() -> None:
    """S1: the settings and the provider print without the key."""
    canary = "canary-0123456789-abcdef"
    settings = AzothPaySettings(api_key=Secret(canary), base_url=BASE)

    texts = [repr(settings), repr(AzothPay(settings))]

    assert [text for text in texts if canary[:12] in text] == []

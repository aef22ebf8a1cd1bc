"""What an account may be told, and what is refused before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from gateway_bitsby import Bitsby, BitsbyOptions, BitsbySettings
from gateway_core import Gateway, Secret
from gateway_core.errors import ConfigurationError

PROJECT = "1c48b092-9878-48f5-b441-07a8a48e7b54"


def test_least_settings_stand_for_the_documented_addresses() -> None:
    """Key and project are enough: the rest is as Bitsby documents it."""
    settings = BitsbySettings(api_key=Secret("k" * 20), project_id=PROJECT)

    actual = (settings.base_url, settings.checkout_url, settings.time_to_pay, settings.url_secret)

    assert actual == ("https://api.bitsby.app", "https://dash.bitsby.app/invoices/pay", Decimal(12), None)


def test_project_is_known_in_any_case() -> None:
    """A UUID names the same project in capital letters."""
    settings = BitsbySettings(api_key=Secret("k" * 20), project_id=PROJECT.upper())

    assert settings.project_id == PROJECT


@pytest.mark.parametrize("hours", ["0.5", "1", "3", "6", "12", 1, 12, Decimal("0.5")], ids=repr)
def test_time_to_pay_may_be_what_bitsby_allows(hours: Any) -> None:
    """Bitsby allows five durations."""
    assert BitsbyOptions(time_to_pay=hours).time_to_pay == Decimal(hours)


@pytest.mark.parametrize(
    "hours", ["2", "0", "-1", "12h", "1e0", "", 24, 0.5, True, Decimal("0.25"), Decimal("NaN")], ids=repr
)
def test_time_to_pay_may_be_nothing_else(hours: Any) -> None:
    """A duration that Bitsby does not allow is refused with those that it does."""
    with pytest.raises(ConfigurationError, match=r"one of 0\.5, 1, 3, 6, 12"):
        BitsbyOptions(time_to_pay=hours)


@pytest.mark.parametrize(
    "setting, value, reason",
    [
        ("project_id", "my-shop", "must be a UUID"),
        ("project_id", f"{PROJECT}\n", "must be a UUID"),
        ("project_id", "", "must be a UUID"),
        ("base_url", "http://api.bitsby.app", "must be https"),
        ("checkout_url", "http://dash.bitsby.app", "must be https"),
        ("api_key", "key with blanks", "visible ASCII"),
        ("api_key", "", "visible ASCII"),
        ("url_secret", "", "visible ASCII"),
        ("url_secret", "too-short", "16 characters or more"),
        ("url_secret", "long-enough-and/divided", "16 characters or more"),
        ("url_secret", "long-enough-and&divided", "16 characters or more"),
        ("page_size", 0, "1 or more"),
        ("search_pages", -1, "1 or more"),
    ],
)
def test_wrong_setting_is_refused_by_its_name(
    connect: Callable[..., Gateway], setting: str, value: Any, reason: str
) -> None:
    """A gateway that could not work is not made, and the fault names the setting."""
    with pytest.raises(ConfigurationError, match=f"{setting}: .*{reason}"):
        connect(**{setting: value})


@pytest.mark.parametrize("name", ["api_key", "url_secret"])
def test_secret_is_in_no_text(name: str) -> None:
    """S1: the settings and the provider print without their secrets."""
    canary = "canary-0123456789-abcdef"
    values: dict[str, Any] = {"api_key": "k" * 20, "project_id": PROJECT, name: canary}

    texts = [repr(made) for settings in [BitsbySettings(**values)] for made in (settings, Bitsby(settings))]

    assert [text for text in texts if canary[:12] in text] == []


def test_refused_secret_is_in_no_text(connect: Callable[..., Gateway]) -> None:
    """S1: a secret that cannot be used is not printed either."""
    with pytest.raises(ConfigurationError) as caught:
        connect(url_secret="canary-0123456789/abcdef")

    assert "canary" not in str(caught.value)

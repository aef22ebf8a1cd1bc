"""The fields of settings that count things, or hold a secret of the webhook's address."""

from __future__ import annotations

import attrs
import pytest

from gateway_core import Money, ProviderInfo, Secret, WebhookRequest
from gateway_core.errors import ConfigurationError, InvalidRequestError, WebhookError, WebhookReason
from gateway_core.provider import count_field, url_secret_field
from gateway_core.webhooks import check_url_secret

SECRET = "9bYt0vXq2LwZr7sK"
ADDRESS = "https://shop.example/webhooks"


@attrs.frozen(kw_only=True)
class Settings:
    """One field of each kind."""

    page_size: int = count_field(20, most=100)
    search_pages: int = count_field(5)
    url_secret: Secret | None = url_secret_field()


@pytest.mark.parametrize("count", [0, -1, 101, True, 5.0, "5", None])
def test_a_count_is_a_whole_number_within_the_limits(count: object) -> None:
    """Who sets a page of 101 where 100 is the most learns it before the provider says so."""
    with pytest.raises(ConfigurationError, match="page_size must be a whole number, 1 to 100"):
        Settings(page_size=count)  # type: ignore[arg-type]  # what a configuration may hold


def test_a_count_without_a_limit_is_any_number_above_zero() -> None:
    """The default holds, and so does a large number."""
    assert (Settings().page_size, Settings(search_pages=10**6).search_pages) == (20, 10**6)


@pytest.mark.parametrize(
    "text",
    [
        "short",
        "0123456789abcde",
        "0123456789/abcdef",
        "0123456789abcdef%41",
        "&" * 16,
        "0123456789 abcdef",
        "\u00e9" * 16,
    ],
)
def test_a_secret_that_does_not_survive_an_address_is_refused(text: str) -> None:
    """The error names the setting and nothing of the secret."""
    with pytest.raises(ConfigurationError, match="url_secret must have 16") as caught:
        Settings(url_secret=text)  # type: ignore[arg-type]  # the field makes a Secret of it

    assert text not in str(caught.value)


@pytest.mark.parametrize("url", [f"{ADDRESS}/{SECRET}", f"{ADDRESS}/{SECRET}/x", f"{ADDRESS}?a=b&key={SECRET}"])
def test_the_secret_may_stand_anywhere_in_the_address(url: str) -> None:
    """In the path or in the query, as the shop's framework likes it."""
    check_url_secret(WebhookRequest(body=b"", url=url), Settings(url_secret=SECRET).url_secret)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url",
    [ADDRESS, f"{ADDRESS}/{SECRET}x", f"{ADDRESS}?{SECRET}=", f"{ADDRESS}#{SECRET}", "https://[", "?" + "&a=b" * 200],
)
def test_an_address_without_the_secret_is_refused(url: str) -> None:
    """Whatever the sender writes into it."""
    with pytest.raises(WebhookError) as caught:
        check_url_secret(WebhookRequest(body=b"", url=url), Secret(SECRET))

    assert caught.value.reason is WebhookReason.WRONG_SIGNATURE


def test_an_address_that_nobody_gave_proves_nothing() -> None:
    """The shop forgot to hand it over: that is told."""
    with pytest.raises(WebhookError, match="give WebhookRequest its url"):
        check_url_secret(WebhookRequest(body=b""), Secret(SECRET))


def test_without_a_secret_nothing_is_looked_for() -> None:
    """It may be missing."""
    check_url_secret(WebhookRequest(body=b""), Settings().url_secret)


@pytest.mark.parametrize(
    "amount, text",
    [
        (Money(500, "HUF"), "500"),
        (Money("49.9", "EUR"), "49.90"),
        (Money(500, "JPY"), "500"),
        (Money(7, "ISK"), "7.00"),
    ],
)
def test_an_amount_is_written_with_the_decimals_of_the_provider(amount: Money, text: str) -> None:
    """Providers that take text refuse one decimal too many, and one too few."""
    assert ProviderInfo(title="Example", exponents={"HUF": 0, "ISK": 2}).to_text(amount) == text


def test_an_amount_that_the_provider_cannot_count_is_refused() -> None:
    """It is never rounded."""
    with pytest.raises(InvalidRequestError, match="whole number"):
        ProviderInfo(title="Example", exponents={"HUF": 0}).to_text(Money("0.50", "HUF"))

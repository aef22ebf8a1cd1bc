"""The fields of settings and options: numbers, words, ids, addresses, and a secret of the webhook's address."""

from __future__ import annotations

import attrs
import pytest

from gateway_core import Money, ProviderInfo, Secret, WebhookRequest
from gateway_core.errors import ConfigurationError, InvalidRequestError, WebhookError, WebhookReason
from gateway_core.provider import (
    choice_field,
    count_field,
    flag_field,
    page_url_field,
    text_field,
    texts_field,
    url_secret_field,
)
from gateway_core.webhooks import check_url_secret

SECRET = "9bYt0vXq2LwZr7sK"
ADDRESS = "https://shop.example/webhooks"


@attrs.frozen(kw_only=True)
class Settings:
    """One field of each kind."""

    page_size: int = count_field(20, most=100)
    search_pages: int = count_field(5)
    url_secret: Secret | None = url_secret_field()
    mode: str = choice_field("test", "live", default="test")
    manual: bool | None = flag_field(default=None)
    shop: str = text_field("the shop's name", default="Shop 7")
    profile: str | None = text_field("a profile's id such as pfl_7", form="pfl_[0-9]+", default=None)
    methods: tuple[str, ...] = texts_field("ways to pay, such as ideal", form="[a-z]+")
    return_url: str | None = page_url_field()


@attrs.frozen(kw_only=True)
class Required:
    """The same without defaults."""

    mode: str = choice_field("test", "live")
    shop: str = text_field("the shop's name")


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


@pytest.mark.parametrize(
    "name, value",
    [
        *(("mode", each) for each in ("live", "test")),
        *(("manual", each) for each in (True, False, None)),
        *(("shop", each) for each in ("Ü & Co", "a")),
        *(("profile", each) for each in ("pfl_7", None)),
        *(("return_url", each) for each in ("https://shop.example/thanks?a=b", "http://127.0.0.1:8000/", None)),
    ],
)
def test_a_field_takes_what_it_is_for(name: str, value: object) -> None:
    """What is right is kept as it is."""
    settings = Settings(**{name: value})  # type: ignore[arg-type]  # each field in turn

    assert getattr(settings, name) == value


@pytest.mark.parametrize(
    "name, value, told",
    [
        *(("mode", each, "must be one of test, live") for each in ("Live", "", None, True, ["live"])),
        *(("manual", each, "must be true or false") for each in (1, 0, "true")),
        *(("shop", each, "must be the shop's name") for each in ("", " ", "a\nb", None, 7)),
        *(("profile", each, "must be a profile's id such as pfl_7") for each in ("", "pfl_", "pfl_7\n", " pfl_7", 7)),
        *(
            ("methods", each, "must be ways to pay")
            for each in ("Ideal", ["ideal", ""], ["ideal", 7], 7, None, {"a": 1})
        ),
        *(
            ("return_url", each, "must be an https address; http is for the loopback range only")
            for each in ("http://shop.example", "shop.example", "https://", "https://me@shop.example", "", 7)
        ),
    ],
)
def test_a_field_refuses_everything_else(name: str, value: object, told: str) -> None:
    """A wrong setting stops the deployment at its start, by its name; the value is not told."""
    with pytest.raises(ConfigurationError, match=f"^{name} {told}"):
        Settings(**{name: value})  # type: ignore[arg-type]  # what a configuration may hold


@pytest.mark.parametrize("given", [["ideal, card"], "ideal,card", "ideal, card", ["ideal", "card"], ("ideal", "card")])
def test_several_texts_are_a_list_or_divided_by_commas(given: object) -> None:
    """A list in a file and a text on a command line are the same."""
    assert Settings(methods=given).methods == ("ideal", "card")  # type: ignore[arg-type]  # what is converted


@pytest.mark.parametrize("given", [{}, {"mode": "test"}, {"shop": "Shop 7"}])
def test_a_field_without_a_default_is_required(given: dict[str, str]) -> None:
    """There is no silent None."""
    with pytest.raises(TypeError, match="missing"):
        Required(**given)


@pytest.mark.parametrize("value", [None, ""])
def test_none_is_no_choice_where_it_is_not_the_default(value: str | None) -> None:
    """A required field is not satisfied by nothing."""
    with pytest.raises(ConfigurationError, match="must be"):
        Required(mode="test", shop=value)  # type: ignore[arg-type]  # as above

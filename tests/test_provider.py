"""What a plugin declares is data, its base address is safe, and its secrets are secrets."""

from __future__ import annotations

import copy
import inspect
import traceback
from datetime import timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest

from gateway_core import InvoiceRequest, Money, ProviderInfo, RateLimit, Secret
from gateway_core.errors import ConfigurationError, InvalidRequestError, PluginError
from gateway_core.provider import (
    CONTRACT_VERSION,
    REQUEST_FIELDS,
    AmountRule,
    Declines,
    Expiry,
    FindReach,
    Idempotency,
    ListFilter,
    WebhookAuthentication,
    base_url_field,
    hide_values,
    secret_field,
    secrets_field,
    secrets_of,
)

CANARY = "sk-canary-0123456789"
A, B = "a" * 16, "b" * 16


@attrs.frozen(kw_only=True)
class Settings:
    """One field of every kind."""

    base_url: str = base_url_field("https://api.example.com")
    api_key: Secret = secret_field()
    second_key: Secret | None = secret_field(default=None)
    signing_key: Secret | None = secret_field(default=None, signs=True)
    webhook_secrets: tuple[Secret, ...] = secrets_field()
    old_secrets: tuple[Secret, ...] = secrets_field(required=False)


@attrs.frozen(kw_only=True)
class WithoutDefault:
    """A provider whose address is the operator's to know."""

    base_url: str = base_url_field()


def settings(**changed: Any) -> Settings:
    """Return valid settings with some changed."""
    return Settings(**({"api_key": "key", "webhook_secrets": "whsec-0123456789"} | changed))


@pytest.mark.parametrize(
    "url, expected",
    [
        ("https://api.example.com", "https://api.example.com"),
        ("https://api.example.com/", "https://api.example.com"),
        ("https://api.example.com/v1//", "https://api.example.com/v1"),
        ("HTTPS://API.example.com:8443/v1", "HTTPS://API.example.com:8443/v1"),
        ("https://xn--e1afmkfd.xn--p1ai", "https://xn--e1afmkfd.xn--p1ai"),
        ("https://[2001:db8::1]:8443/v1", "https://[2001:db8::1]:8443/v1"),
        ("https://api.example.com/@shop", "https://api.example.com/@shop"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://127.0.0.2:8000/v1", "http://127.0.0.2:8000/v1"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_base_addresses_are_kept_without_the_last_slash(url: str, expected: str) -> None:
    """S4: https anywhere, http on the loopback range."""
    actual = settings(base_url=url).base_url

    assert actual == expected


@pytest.mark.parametrize(
    "url, message",
    [
        ("http://api.example.com", "be https: "),
        ("http://localhost.evil.example", "be https: "),
        ("http://127.0.0.1.evil.example", "be https: "),
        ("http://127.1", "be https: "),
        ("http://0.0.0.0", "be https: "),
        ("http://10.0.0.1", "be https: "),
        ("HTTP://api.example.com", "be https: "),
        ("https://canary@api.example.com", "no user, password, query or fragment"),
        ("https://user:canary@api.example.com", "no user, password, query or fragment"),
        ("https://@api.example.com", "no user, password, query or fragment"),
        ("https://:@api.example.com", "no user, password, query or fragment"),
        ("http://evil.example@127.0.0.1", "no user, password, query or fragment"),
        ("https://api.example.com?token=canary", "no user, password, query or fragment"),
        ("https://api.example.com/?", "no user, password, query or fragment"),
        ("https://api.example.com/#canary", "no user, password, query or fragment"),
        ("https://api.example.com#", "no user, password, query or fragment"),
        ("http://evil.example\\@127.0.0.1", "such as https"),
        ("https://api.example.com\\v1", "such as https"),
        ("https://api.example.com\n", "such as https"),
        ("https://api.exa\tmple.com", "such as https"),
        ("https://api.example.com/\x00", "such as https"),
        (" https://api.example.com", "such as https"),
        ("https://api.example.com/a b", "such as https"),
        ("https://\u0430pi.example.com", "such as https"),
        ("https://api.example.com/\u202e", "such as https"),
        ("https://api%2eexample.com", "such as https"),
        ("https://api.example.com:99999", "such as https"),
        ("https://api.example.com:port", "such as https"),
        ("https://[::1", "such as https"),
        ("https://", "such as https"),
        ("https:///v1", "such as https"),
        ("https:api.example.com", "such as https"),
        ("//api.example.com", "such as https"),
        ("api.example.com", "such as https"),
        ("ftp://api.example.com", "such as https"),
        ("file:///etc/passwd", "such as https"),
        ("javascript:canary", "such as https"),
        ("", "such as https"),
        (None, "such as https"),
        (b"https://api.example.com", "such as https"),
        (Secret("https://api.example.com"), "such as https"),
    ],
    ids=ascii,
)
def test_unsafe_base_addresses_are_refused(url: Any, message: str) -> None:
    """S4: no http but on loopback, no user, query, fragment or control character; the refusal names the key only."""
    with pytest.raises(ConfigurationError, match=rf"^base_url must .*{message}") as caught:
        settings(base_url=url)

    assert ("canary" in str(caught.value), caught.value.__context__) == (False, None)


def test_a_base_address_may_be_required() -> None:
    """A provider without a known address has no default."""
    with pytest.raises(TypeError, match="base_url"):
        WithoutDefault()

    assert WithoutDefault(base_url="https://a.example/").base_url == "https://a.example"


@pytest.mark.parametrize("value", ["key", Secret("key")], ids=["text", "Secret"])
def test_a_secret_may_be_given_as_text(value: Any) -> None:
    """What comes out is a Secret."""
    actual = settings(api_key=value).api_key

    assert actual == Secret("key")


@pytest.mark.parametrize("value", ["", "k", " ", "key\n", None, 5, b"key", ["key"]], ids=repr)
def test_a_secret_is_required(value: Any) -> None:
    """W3, S3: an empty, blank, null or malformed secret is a wrong deployment, and the message names its key."""
    with pytest.raises(ConfigurationError, match=r"^api_key: a secret must .*visible ASCII") as caught:
        settings(api_key=value)

    assert caught.value.__context__ is None


@pytest.mark.parametrize("value", ["a b", "schlüssel", "\u043aey", "It's a Secret"])
def test_a_key_is_visible_ascii(value: str) -> None:
    """S3: a key goes into a header or an address, and an HTTP library that refuses it would print it."""
    for name in ("api_key", "second_key"):
        with pytest.raises(ConfigurationError, match=f"^{name}: a key must be visible ASCII without blanks") as caught:
            settings(**{name: Secret(value)})

        assert value not in caught.value.message


@pytest.mark.parametrize("value", ["It's a Secret to Everybody", "schlüssel für haken", "Р" * 8, "x" * 16])
def test_what_signs_is_any_text_of_16_bytes(value: str) -> None:
    """W3: what is true of header values is not true of every secret."""
    made = settings(webhook_secrets=value, signing_key=value)

    assert (made.webhook_secrets[0].reveal(), made.signing_key) == (value, Secret(value))


@pytest.mark.parametrize("value", ["ab", "x" * 15, "Р" * 7])
def test_short_secret_signs_nothing(value: str) -> None:
    """W3: what could be guessed proves nothing."""
    for name in ("webhook_secrets", "signing_key"):
        with pytest.raises(ConfigurationError, match=f"^{name}: what signs must have 16 bytes or more") as caught:
            settings(**{name: value})

        assert value not in caught.value.message


@pytest.mark.parametrize("value, expected", [(None, None), ("key", Secret("key"))])
def test_a_secret_may_be_optional(value: str | None, expected: Secret | None) -> None:
    """A secret with the default None may be missing."""
    actual = settings(second_key=value).second_key

    assert actual == expected


def test_an_optional_secret_is_not_empty() -> None:
    """W3: what is given must be a secret: an unset variable is no secret."""
    with pytest.raises(ConfigurationError, match=r"^second_key: "):
        settings(second_key="")


@pytest.mark.parametrize(
    "value, expected",
    [(A, (A,)), (Secret(A), (A,)), ([A, Secret(B)], (A, B)), ((A,), (A,))],
    ids=["text", "Secret", "list", "tuple"],
)
def test_several_secrets_may_be_given(value: Any, expected: tuple[str, ...]) -> None:
    """W6: one text, or several."""
    actual = tuple(secret.reveal() for secret in settings(webhook_secrets=value).webhook_secrets)

    assert actual == expected


@pytest.mark.parametrize(
    "value, message",
    [
        ([], "must hold at least one secret"),
        ((), "must hold at least one secret"),
        ([""], ": a secret must "),
        (["good" * 4, ""], ": a secret must "),
        (["good" * 4, " "], ": a secret must "),
        ("", ": a secret must "),
        (None, "must be a secret, or a list of secrets"),
        (["good" * 4, None], "must be a secret, or a list of secrets"),
        ({"a": "b"}, "must be a secret, or a list of secrets"),
        (b"bytes", "must be a secret, or a list of secrets"),
        ([5], "must be a secret, or a list of secrets"),
        (5, "must be a secret, or a list of secrets"),
    ],
    ids=repr,
)
def test_no_list_of_secrets_holds_an_empty_one(value: Any, message: str) -> None:
    """W3: no secret, or a list with an empty or null one, fails at start-up."""
    with pytest.raises(ConfigurationError, match=rf"^webhook_secrets:? ?{message.lstrip(': ')}"):
        settings(webhook_secrets=value)


def test_several_secrets_are_required() -> None:
    """W3: what is missing is told like every other missing setting."""
    with pytest.raises(TypeError, match="webhook_secrets"):
        Settings(api_key=Secret("key"))


def test_several_secrets_may_be_optional() -> None:
    """A list that may be empty is empty unless it is given."""
    actual = settings().old_secrets, settings(old_secrets=[A]).old_secrets

    assert actual == ((), (Secret(A),))


def test_settings_show_no_secret() -> None:
    """S1: neither repr nor copy nor a refusal shows a secret."""
    made = settings(api_key=CANARY, second_key=CANARY, webhook_secrets=[CANARY], old_secrets=[CANARY])
    with pytest.raises(ConfigurationError) as caught:
        settings(api_key=f"{CANARY}\n")

    actual = repr(made) + repr(copy.deepcopy(made)) + "".join(traceback.format_exception(caught.value))

    assert CANARY not in actual


@hide_values
@attrs.frozen(kw_only=True)
class Hidden(Settings):
    """Settings whose own check fails."""

    count: int = attrs.field(default=1, validator=attrs.validators.gt(0))

    def __attrs_post_init__(self) -> None:
        if self.base_url.endswith("refused"):
            raise ConfigurationError("base_url is refused")


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "https://api.example.com/refused"},
        {"base_url": "http://api.example.com"},
        {"api_key": f"{CANARY}\n"},
        {"webhook_secrets": [CANARY, "short"]},
        {"count": 0},
        {"colour": CANARY},
    ],
    ids=str,
)
def test_refused_settings_leave_no_value_in_a_traceback(wrong: dict[str, Any]) -> None:
    """S1: error trackers collect the locals of every frame, those of a class's own `__init__` too."""
    with pytest.raises((ConfigurationError, ValueError, TypeError)) as caught:
        Hidden(**{"api_key": CANARY, "webhook_secrets": CANARY, **wrong})

    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)][1:]
    assert [frame.f_code.co_name for frame in frames if CANARY in repr(frame.f_locals)] == []
    assert frames


def test_hidden_settings_are_the_class_itself() -> None:
    """Who looks at the class sees its fields and arguments."""
    made = Hidden(api_key=Secret(CANARY), webhook_secrets=(Secret(CANARY),))

    assert attrs.evolve(made, count=2).count == 2
    assert list(inspect.signature(Hidden).parameters)[-1] == "count"


@attrs.frozen
class Nested:
    """Settings in settings."""

    inner: Settings
    table: dict[str, Any]
    text: str = "no secret"


def test_every_secret_is_found() -> None:
    """S1: what must be kept out of texts is found however deep it stands."""
    inner = settings(api_key="aa", second_key="bb", webhook_secrets=["c" * 16, "d" * 16])

    actual = secrets_of(Nested(inner, {"x": [Secret("ee"), {"y": (Secret("ff"), "no secret")}], "z": {Secret("gg")}}))

    assert sorted(actual) == ["aa", "bb", "c" * 16, "d" * 16, "ee", "ff", "gg"]


@pytest.mark.parametrize("value", [None, "text", 5, ["text"], object], ids=repr)
def test_what_has_no_secrets_has_none(value: Any) -> None:
    """Other objects hold no secrets."""
    actual = secrets_of(value)

    assert actual == ()


def test_info_is_data() -> None:
    """What is not said has a harmless default."""
    info = ProviderInfo(title="Tiny")

    actual = attrs.asdict(info)

    assert actual == {
        "title": "Tiny",
        "contract_version": CONTRACT_VERSION,
        "docs_url": None,
        "base_url": None,
        "hosts": (),
        "currencies": None,
        "exponents": {},
        "amounts": {},
        "options": None,
        "honours": None,
        "requires": (),
        "expiry": None,
        "order_reference_length": 255,
        "rate_limits": (),
        "rate_limit_headers": None,
        "says_too_many": None,
        "retry_advice": None,
        "account_settings": None,
        "webhook_authentication": WebhookAuthentication.NONE,
        "webhook_covers": "",
        "webhook_unsigned": (),
        "webhook_batches": False,
        "webhook_timestamps": False,
        "list_guarantee": "",
        "list_filter": None,
        "lists_refunds": False,
        "find_reach": None,
        "idempotency": None,
        "unsupported": {},
        "crypto_assets": True,
        "partial_payments": True,
        "overpayments": True,
        "declines": Declines.FINAL,
        "expires": True,
        "notes": (),
    }


def test_info_does_not_change_with_what_it_was_made_of() -> None:
    """A provider's facts are the same for every gateway."""
    exponents, currencies = {"CLP": 2}, ["CLP"]
    info = ProviderInfo(
        title="Tiny",
        exponents=exponents,
        currencies=currencies,
        idempotency=Idempotency(scope="account", life=timedelta(days=1)),
    )
    exponents["CLP"] = 0
    currencies.append("EUR")

    actual = info.exponents["CLP"], info.currencies, hasattr(info.exponents, "__setitem__")

    assert actual == (2, ("CLP",), False)


@pytest.mark.parametrize("field", ["hosts", "currencies", "rate_limits", "honours", "requires", "notes"])
def test_one_text_is_not_several(field: str) -> None:
    """A forgotten comma would make a list of letters."""
    declared: dict[str, Any] = {field: "EUR"}

    with pytest.raises(InvalidRequestError, match="as a tuple or list"):
        ProviderInfo(title="Tiny", **declared)


@pytest.mark.parametrize(
    "requests, seconds", [(0, 1), (-1, 1), (1.5, 1), (True, 1), (1, 0), (1, -1), (1, float("inf")), (1, "1")]
)
def test_rate_limits_allow_something(requests: Any, seconds: Any) -> None:
    """A limit that allows nothing, or within no time, is a mistake."""
    with pytest.raises(ConfigurationError):
        RateLimit(requests=requests, seconds=seconds)


@pytest.mark.parametrize(
    "limit, expected",
    [(RateLimit(requests=1, seconds=1), "1 per 1 s"), (RateLimit(requests=1000, seconds=3600), "1000 per 3600 s")],
)
def test_rate_limits_are_readable(limit: RateLimit, expected: str) -> None:
    """The text is for the operator."""
    actual = str(limit)

    assert actual == expected


def test_a_request_may_be_made_without_a_provider() -> None:
    """The models know nothing of providers."""
    actual = InvoiceRequest(order_id="1042", amount=Money(1, "EUR")).options

    assert dict(actual) == {}


def test_fields_of_a_request_are_fields_of_a_request() -> None:
    """What a provider honours is named as the record names it."""
    actual = set(REQUEST_FIELDS) - set(attrs.fields_dict(InvoiceRequest))

    assert actual == set()


@pytest.mark.parametrize(
    "declared, message",
    [
        ({"honours": ["descripton"]}, "info.honours names 'descripton'"),
        ({"honours": ["order_id"]}, "info.honours names 'order_id'"),
        ({"requires": ["url"]}, "info.requires names 'url'"),
        ({"honours": ["description"], "requires": ["return_url"]}, "info.requires names return_url, and info.honours"),
        ({"honours": [], "expiry": Expiry(minimum=timedelta(minutes=30))}, "info.honours does not name it"),
        ({"order_reference_length": 0}, "order_reference_length is an int"),
        ({"amounts": {"EUR": Decimal(1)}}, "maps currency codes to AmountRules"),
        ({"idempotency": {"create_invoice": "account"}}, "maps operations to them"),
        ({"idempotency": "account"}, "is an Idempotency"),
    ],
    ids=repr,
)
def test_info_that_contradicts_itself_is_refused(declared: dict[str, Any], message: str) -> None:
    """A declaration that cannot be true is told when the plugin is imported."""
    with pytest.raises(PluginError, match=message):
        ProviderInfo(title="Tiny", **declared)


@pytest.mark.parametrize(
    "fact, values",
    [
        (Expiry, {"minimum": timedelta(-1)}),
        (Expiry, {"maximum": timedelta(0)}),
        (Expiry, {"minimum": timedelta(2), "maximum": timedelta(1)}),
        (Expiry, {"minimum": 30}),
        (AmountRule, {"step": Decimal(0)}),
        (AmountRule, {"minimum": Decimal("NaN")}),
        (AmountRule, {"maximum": 0.5}),
        (ListFilter, {"by": "date"}),
        (ListFilter, {"by": "payment", "window": timedelta(0)}),
        (ListFilter, {"by": "payment", "lag": 3}),
        (FindReach, {"within": timedelta(0)}),
        (FindReach, {"items": 0}),
        (FindReach, {"settle": timedelta(-1)}),
        (Idempotency, {"scope": "account", "life": timedelta(0)}),
    ],
    ids=repr,
)
def test_facts_that_cannot_be_are_refused(fact: type, values: dict[str, Any]) -> None:
    """A fact has a unit and a range."""
    with pytest.raises(PluginError):
        fact(**values)


def test_idempotency_may_differ_by_operation() -> None:
    """PayPal keeps the key of an order 6 hours, and that of a refund 45 days."""
    order, refund = (Idempotency(scope="account", life=timedelta(hours=hours)) for hours in (6, 45 * 24))
    info = ProviderInfo(title="Tiny", idempotency={"create_invoice": order, "refund_payment": refund})

    actual = [info.idempotency_of(each) for each in ("create_invoice", "refund_payment", "cancel_invoice")]

    assert actual == [order, refund, None]


@pytest.mark.parametrize("idempotency", [None, Idempotency(scope="account", life=None)], ids=["none", "one"])
def test_one_idempotency_is_that_of_every_operation(idempotency: Idempotency | None) -> None:
    """A provider that treats all keys alike says so once."""
    actual = ProviderInfo(title="Tiny", idempotency=idempotency).idempotency_of("refund_payment")

    assert actual == idempotency


@pytest.mark.parametrize(
    "amount, fault",
    [
        (Money("0.150", "KWD"), None),
        (Money("1.230", "KWD"), None),
        (Money("1.235", "KWD"), "an amount is a multiple of 0.010 KWD"),
        (Money("0.140", "KWD"), "the smallest amount is 0.150 KWD"),
        (Money("100.010", "KWD"), "the largest amount is 100 KWD"),
        (Money("0.99", "EUR"), "the smallest amount is 1 EUR"),
        (Money(10**29, "EUR"), None),
    ],
    ids=str,
)
def test_amounts_have_rules(amount: Money, fault: str | None) -> None:
    """The rule of a currency counts, or that of all others."""
    kwd = AmountRule(step=Decimal("0.010"), minimum=Decimal("0.150"), maximum=Decimal(100))
    info = ProviderInfo(title="Tiny", amounts={"KWD": kwd, "*": AmountRule(minimum=Decimal(1))})

    actual = info.amount_rule(amount.currency).fault(amount)

    assert actual == fault


@pytest.mark.parametrize(
    "money, units",
    [
        (Money("49.90", "EUR"), 4990),
        (Money(1234, "CLP"), 123400),
        (Money(5, "JPY"), 5),
        (Money("1.5", "BTC"), 150000000),
    ],
    ids=str,
)
def test_minor_units_are_those_that_the_provider_counts(money: Money, units: int) -> None:
    """M3: the declared exponents count, both ways."""
    info = ProviderInfo(title="Tiny", exponents={"CLP": 2})

    actual = info.to_minor(money), info.from_minor(units, money.currency)

    assert actual == (units, money)

"""What is sent to AzothPay, byte for byte where it matters, and what is refused before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from gateway_azothpay import AzothPayOptions
from gateway_core import Currency, Gateway, HttpRequest, InvoiceRequest, Money
from gateway_core.errors import ConfigurationError, InvalidRequestError, NotFoundError
from gateway_core.wire import loads

BASE = "https://invoice-api.example"
KEY = "made-up-key-0123456789-abcdefghijklmnop"

PER_DAY = AzothPayOptions(period="PerDay")

Sent = Callable[[], list[HttpRequest]]


@pytest.fixture(autouse=True)
def _everything_is_answered(answers: Callable[..., None], example: Callable[[str], bytes]) -> None:
    answers("api/invoice", example("created"), method="POST")
    answers("api/invoice/4242", example("unpaid"))
    answers("api/subscriptions", example("subscriptions"))
    answers("api/subscriptions/77", example("subscription"))


def test_invoice_is_created_with_these_bytes(
    gateway: Gateway, sent: Sent, request_of: Callable[..., InvoiceRequest]
) -> None:
    """M5: the rate is a number in plain digits; and no field is sent that the documentation does not have."""
    gateway.create_invoice(request_of(description="Käse", metadata={"cart": "7"}))

    (actual,) = sent()
    body = (
        b'{"rate": 10.50, "period": "PerMonth", "metadata": {"cart": "7", "order_id": "1042"}, "message": "K\\u00e4se"}'
    )
    assert (actual.method, actual.url, actual.headers["Content-Type"], actual.body) == (
        "POST",
        f"{BASE}/api/invoice",
        "application/json",
        body,
    )


def test_nothing_to_say_is_not_said(connect: Callable[..., Gateway], request_of: Callable[..., InvoiceRequest]) -> None:
    """A payer is shown no empty message."""
    flow = connect().provider.create_invoice(request_of(options=PER_DAY))

    assert loads(next(flow).body) == {"rate": Decimal("10.50"), "period": "PerDay", "metadata": {"order_id": "1042"}}


@pytest.mark.parametrize(
    "call, url",
    [
        (lambda gateway: gateway.get_status("4242"), "/api/invoice/4242"),
        (lambda gateway: list(gateway.list_payments()), "/api/subscriptions?page=1&limit=50"),
        (lambda gateway: gateway.check_account(), "/api/subscriptions?page=1&limit=1"),
        (
            lambda gateway: gateway.run(gateway.provider.list_subscriptions(page_size=5)),
            "/api/subscriptions?page=1&limit=5",
        ),
        (lambda gateway: gateway.run(gateway.provider.get_subscription("77")), "/api/subscriptions/77"),
    ],
    ids=["get_status", "list_payments", "check_account", "list_subscriptions", "get_subscription"],
)
def test_read_asks_for(gateway: Gateway, sent: Sent, call: Callable[[Gateway], Any], url: str) -> None:
    """Each read is one GET of the documented endpoint, with the key in its header."""
    call(gateway)

    (actual,) = sent()
    assert (actual.method, actual.url, actual.headers["X-API-Key"], actual.body) == ("GET", f"{BASE}{url}", KEY, b"")


def test_without_a_period_nothing_is_sent(
    gateway: Gateway, sent: Sent, request_of: Callable[..., InvoiceRequest]
) -> None:
    """A one-off is never made a monthly charge unasked: the shop must say how often it wants the money."""
    with pytest.raises(InvalidRequestError, match="starts a recurring stream, and there are no one-off payments"):
        gateway.create_invoice(request_of(options={}))

    assert sent() == []


@pytest.mark.parametrize(
    "setting, option, expected",
    [
        ("PerYear", None, "PerYear"),
        ("PerYear", "PerDay", "PerDay"),
        (None, "PerWeek", "PerWeek"),
    ],
)
def test_period_is_the_options_or_else_the_settings(  # noqa: PLR0917  # as many fixtures as it needs
    connect: Callable[..., Gateway],
    sent: Sent,
    request_of: Callable[..., InvoiceRequest],
    setting: str | None,
    option: str | None,
    expected: str,
) -> None:
    """An invoice may choose another period than the account."""
    options = {} if option is None else {"period": option}

    connect(period=setting).create_invoice(request_of(options=options))

    assert loads(sent()[0].body)["period"] == expected


@pytest.mark.parametrize("options", [{"period": "Once"}, {"interval": "PerDay"}], ids=str)
def test_unknown_option_is_refused(
    gateway: Gateway, sent: Sent, request_of: Callable[..., InvoiceRequest], options: dict[str, str]
) -> None:
    """A misspelt option would else be a charge that nobody wanted."""
    with pytest.raises(ConfigurationError):
        gateway.create_invoice(request_of(options=options))

    assert sent() == []


@pytest.mark.parametrize(
    "currency, amount",
    [
        ("USD", Money("10.50", "EUR")),
        ("USD", Money("10.50", Currency("USDC", 6))),
        ("USDC", Money("10.50", "USD")),
        ("USDC", Money("10.50", Currency("USDT", 6))),
        ("USDC", Money("10.50", "USDC", network="polygon")),
    ],
    ids=str,
)
def test_amount_in_anything_but_the_accounts_unit_is_refused(  # as many fixtures as it needs
    connect: Callable[..., Gateway],
    sent: Sent,
    request_of: Callable[..., InvoiceRequest],
    currency: str,
    amount: Money,
) -> None:
    """M4: AzothPay takes a bare number, so another currency, or a network, would be lost on the way."""
    gateway = connect(currency=currency)

    with pytest.raises(InvalidRequestError):
        gateway.create_invoice(request_of(amount=amount))

    assert sent() == []


@pytest.mark.parametrize("code", ["USDC", "USDT"])
def test_account_may_count_in_a_stablecoin(
    connect: Callable[..., Gateway], request_of: Callable[..., InvoiceRequest], code: str
) -> None:
    """Six decimals, and no network, since the payer chooses it."""
    amount = Money("10.50", Currency(code, 6))

    invoice = connect(currency=code).create_invoice(request_of(amount=amount))

    assert (invoice.amount, invoice.amount.network) == (amount, None)


@pytest.mark.parametrize("amount", ["9007199254740993", "123456789012345678.91"], ids=lambda each: f"{each} USD")
def test_amount_that_a_double_cannot_hold_is_refused(
    gateway: Gateway, sent: Sent, request_of: Callable[..., InvoiceRequest], amount: str
) -> None:
    """M5: AzothPay reads the rate as a floating-point number, and would charge another one."""
    with pytest.raises(InvalidRequestError, match="too many digits"):
        gateway.create_invoice(request_of(amount=Money(amount, Currency("USD", 20))))

    assert sent() == []


@pytest.mark.parametrize("amount", ["0.01", "0.10", "10.00", "99999999999.99", "100000000000000000000.00"])
def test_amount_that_a_double_holds_is_sent_exactly(
    connect: Callable[..., Gateway], request_of: Callable[..., InvoiceRequest], amount: str
) -> None:
    """M5: plain digits, never an exponent."""
    flow = connect().provider.create_invoice(request_of(amount=Money(amount, "USD"), options=PER_DAY))

    assert next(flow).body.startswith(b'{"rate": %s, ' % amount.encode())


def test_time_to_pay_is_refused(gateway: Gateway, sent: Sent, request_of: Callable[..., InvoiceRequest]) -> None:
    """A shop that counts on an invoice's end must not find out by a late payment that there is none."""
    with pytest.raises(InvalidRequestError, match="leave out expires_in"):
        gateway.create_invoice(request_of(expires_in=timedelta(hours=1)))

    assert sent() == []


def test_metadata_cannot_take_the_place_of_the_order(
    gateway: Gateway, sent: Sent, request_of: Callable[..., InvoiceRequest]
) -> None:
    """W11: a report's order id is the one that the invoice was created for."""
    with pytest.raises(InvalidRequestError, match="order_id in the metadata is taken"):
        gateway.create_invoice(request_of(metadata={"order_id": "9999"}))

    assert sent() == []


@pytest.mark.parametrize("number", ["x", "-1", "007", "1.0", "1/../2", "9223372036854775808", "\u0661", "1" * 200])
def test_id_that_cannot_be_is_not_asked_for(gateway: Gateway, sent: Sent, number: str) -> None:
    """Ids are whole numbers of 64 bits; anything else would ask another question."""
    for call in (gateway.get_status, lambda each: gateway.run(gateway.provider.get_subscription(each))):
        with pytest.raises(NotFoundError):
            call(number)

    assert sent() == []


@pytest.mark.parametrize("cursor", ["", "0", "x", "-1", "1.0", "1" * 10, "\u0661"], ids=repr)
def test_cursor_of_another_list_is_refused(gateway: Gateway, sent: Sent, cursor: str) -> None:
    """A cursor is the number of a page."""
    with pytest.raises(InvalidRequestError, match="comes from no page"):
        gateway.run(gateway.provider.list_subscriptions(cursor))

    assert sent() == []


@pytest.mark.parametrize("size", [0, -1, True, "5"], ids=repr)
def test_page_has_a_size(gateway: Gateway, sent: Sent, size: Any) -> None:
    """At least one item."""
    with pytest.raises(InvalidRequestError, match="page_size"):
        gateway.run(gateway.provider.list_subscriptions(page_size=size))

    assert sent() == []


@pytest.mark.parametrize("operation", ["find_invoice", "cancel_invoice", "refund_payment"])
def test_what_azothpay_lacks_is_said_with_the_reason(gateway: Gateway, operation: str) -> None:
    """Nothing is pretended."""
    assert (gateway.supports(operation), len(gateway.info.unsupported[operation]) > 20) == (False, True)

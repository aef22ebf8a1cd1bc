"""Whatever a public class is made of, it is made right or refuses by an error of ours."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest

import gateway_core as core
from gateway_core import InvoiceStatus, Money, PaymentStatus, Secret, provider
from gateway_core.errors import GatewayError, InvalidRequestError

EURO = Money(1, "EUR")

#: What each class cannot be made without.
NEEDED: Mapping[Any, Mapping[str, Any]] = {
    core.Acknowledgement: {},
    core.Address: {"line1": "1 Main Street", "city": "Springfield", "country": "US"},
    core.Capture: {"id": "c", "invoice_id": "1", "status": core.CaptureStatus.DONE},
    core.CaptureRequest: {"capture_id": "c", "invoice_id": "1"},
    core.Currency: {"code": "EUR", "exponent": 2},
    core.Customer: {"name": "Ada"},
    core.HttpRequest: {"method": "GET", "url": "https://api.example.com"},
    core.HttpResponse: {"status": 200},
    core.Invoice: {"id": "1", "status": InvoiceStatus.PENDING, "amount": EURO},
    core.InvoiceRequest: {"order_id": "1", "amount": EURO},
    core.Move: {"before": InvoiceStatus.PENDING, "after": InvoiceStatus.PAID},
    core.LineItem: {"name": "Ticket", "unit_amount": EURO},
    core.Money: {"amount": 1, "currency": "EUR"},
    core.Page: {"items": ()},
    core.Payment: {"id": "1", "status": PaymentStatus.PENDING},
    core.PaymentQuery: {},
    core.ProviderInfo: {"title": "Example"},
    core.RateLimit: {"requests": 1, "seconds": 1},
    core.Refund: {"id": "1", "invoice_id": "1", "amount": EURO},
    core.RefundRequest: {"refund_id": "1", "invoice_id": "1", "amount": EURO},
    core.Secret: {"value": "sk-0123456789abcdef"},
    core.StatusReport: {"invoice_id": "1", "status": InvoiceStatus.PENDING},
    core.WebhookDelivery: {"events": (), "verified_by": "signature"},
    core.WebhookEvent: {"id": "1", "kind": "paid"},
    core.WebhookRegistration: {"id": "1", "url": "https://shop.example"},
    core.WebhookRequest: {"body": b""},
    provider.AmountRule: {},
    provider.Expiry: {},
    provider.FindReach: {},
    provider.Idempotency: {"scope": "account", "life": None},
    provider.ListFilter: {"by": "none"},
    provider.RateLimitHeaders: {"remaining": "a", "reset": "b"},
}

#: Nothing that somebody may give by mistake, or a provider answer, is left out on purpose.
JUNK = [
    None,
    0,
    -1,
    2.5,
    float("nan"),
    True,
    "",
    "x",
    "\x00",
    "a" * 300,
    "\ud800",
    b"x",
    [],
    [1],
    {},
    {"a": 1},
    {1: 2},
    {1, 2},
    ("a", "b"),
    object(),
    len,
    type,
    10**40,
    Decimal("NaN"),
    Decimal("1E+9999"),
    datetime(2030, 1, 1),  # noqa: DTZ001  # a time without a zone is junk
    timedelta(0),
    timedelta(days=-1),
    EURO,
    Secret("sk-0123456789abcdef"),
]


def arguments(kind: Any) -> list[str]:
    """Return the names that a class takes."""
    if kind is Money:
        return ["amount", "currency", "network"]
    return [each.alias for each in attrs.fields(kind) if each.init] if attrs.has(kind) else list(NEEDED[kind])


CASES = [(kind, name) for kind in NEEDED for name in arguments(kind)]


def test_every_public_class_is_looked_at() -> None:
    """A new record, or a new fact about a provider, is one of these."""
    public = {value for name in core.__all__ if attrs.has(value := getattr(core, name)) and isinstance(value, type)}
    facts = {value for name in provider.__all__ if attrs.has(value := getattr(provider, name))}

    assert public | facts | {Secret} == set(NEEDED)


@pytest.mark.parametrize("kind, name", CASES, ids=lambda each: getattr(each, "__name__", each))
def test_a_wrong_argument_ends_in_an_error_of_ours(kind: Any, name: str) -> None:
    """No `TypeError` or `AttributeError` of some line further down, now or when it is shown, compared or hashed."""
    for value in JUNK:
        with contextlib.suppress(GatewayError):
            made = kind(**{**NEEDED[kind], name: value})
            assert repr(made)
            assert isinstance(made == made, bool)  # noqa: PLR0124  # that it can be compared is what is asked
            if name != "options":  # whatever a plugin's own class says of itself
                hash(made)


def test_money_changes_as_other_records_do() -> None:
    """`attrs.evolve` makes it anew, and every rule holds for what comes out."""
    price = Money("49.90", "EUR")

    assert attrs.evolve(price, amount="5") == Money(5, "EUR")
    assert attrs.evolve(price, currency="USD") == Money("49.90", "USD")
    with pytest.raises(InvalidRequestError, match="decimals"):
        attrs.evolve(price, currency="JPY")
    with pytest.raises(InvalidRequestError, match="not a float"):
        attrs.evolve(price, amount=5.0)  # type: ignore[arg-type]  # it is what is refused


@pytest.mark.parametrize(
    "address",
    [
        "https://user@pay.example/1",
        "https://user:password@pay.example/1",
        "https://pay.example@evil.example/1",
        "http://pay.example/1",
        "http://127.0.0.1.evil.example/1",
        "http://localhost.evil.example/",
        "ftp://127.0.0.1/",
    ],
)
def test_a_buyer_is_not_sent_where_others_listen(address: str) -> None:
    """A payment page is reached by https, and what stands before an @ only looks like a host."""
    with pytest.raises(InvalidRequestError, match="payment_url must be an https address"):
        core.Invoice(id="1", status=InvoiceStatus.PENDING, amount=EURO, payment_url=address)


@pytest.mark.parametrize(
    "address", ["https://pay.example/1", "http://127.0.0.1:4010/pay", "http://localhost/", "http://[::1]/"]
)
def test_a_payment_page_may_be_on_this_machine(address: str) -> None:
    """The sandbox's is, by plain http."""
    invoice = core.Invoice(id="1", status=InvoiceStatus.PENDING, amount=EURO, payment_url=address)

    assert invoice.payment_url == address

"""What the provider's declaration tells beforehand is refused before anything is sent."""

from __future__ import annotations

import logging
from datetime import timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest

from gateway_core import (
    Currency,
    Customer,
    InvoiceRequest,
    LineItem,
    Money,
    ProviderInfo,
    RefundRequest,
    errors,
)
from gateway_core.provider import REQUEST_FIELDS, AmountRule, Expiry
from tests.fake_gateway import ORDER, Wire, fake, made

#: Something for each field that a provider may honour.
GIVEN: dict[str, Any] = {
    "description": "Two tickets",
    "return_url": "https://shop.example/thanks",
    "cancel_url": "https://shop.example/cart",
    "expires_in": timedelta(hours=1),
    "metadata": {"cart": "7"},
    "customer": Customer(email="ada@example.com"),
    "line_items": (LineItem(name="Ticket", quantity=2, unit_amount=Money("24.95", "EUR")),),
    "locale": "de",
    "webhook_url": "https://shop.example/webhooks",
}
OTHERS = sorted(GIVEN.keys() - {"expires_in"})


def ask(request: InvoiceRequest, **facts: Any) -> Any:
    """Create an invoice at a provider that declares some facts."""
    return fake(Wire(200), info=ProviderInfo(title="Fake", **facts)).create_invoice(request)


def refused(request: InvoiceRequest, **facts: Any) -> str:
    """Return why a request is refused; nothing is sent."""
    wire = Wire()
    with pytest.raises(errors.InvalidRequestError) as caught:
        fake(wire, info=ProviderInfo(title="Fake", **facts)).create_invoice(request)
    assert (wire.sent, caught.value.effect) == ([], "none")
    return caught.value.message


def test_every_field_is_tried() -> None:
    """These tests have a value for each field that may be declared."""
    actual = set(GIVEN)

    assert actual == set(REQUEST_FIELDS)


@pytest.mark.parametrize("field", OTHERS)
def test_field_that_is_not_honoured_is_told(field: str) -> None:
    """No field is dropped silently: the invoice names what the provider did not take."""
    others = [name for name in REQUEST_FIELDS if name != field]

    actual = ask(attrs.evolve(ORDER, **GIVEN), honours=others).ignored

    assert actual == (field,)


@pytest.mark.parametrize("field", OTHERS)
def test_field_that_is_not_given_is_not_ignored(field: str) -> None:
    """Only what was given can be ignored."""
    actual = ask(attrs.evolve(ORDER, **{field: GIVEN[field]}), honours=[field]).ignored

    assert actual == ()


def test_nothing_is_said_where_nothing_is_declared() -> None:
    """A plugin that does not say what it honours is believed to honour all."""
    actual = ask(attrs.evolve(ORDER, **GIVEN)).ignored

    assert actual == ()


def test_time_to_pay_that_is_not_honoured_is_refused() -> None:
    """`expires_in` constrains the payment: an invoice that can be paid for ever is another one."""
    actual = refused(attrs.evolve(ORDER, expires_in=timedelta(hours=1)), honours=OTHERS)

    assert actual == "Fake lets nobody choose how long an invoice is payable: leave out expires_in"


def test_ignored_field_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """The operator learns of it, by the field's name, and the log does not fill."""
    gateway = fake(Wire(200, 200), info=ProviderInfo(title="Fake", honours=[]))
    with caplog.at_level(logging.WARNING, logger="gateway_core"):
        for _ in range(2):
            gateway.create_invoice(attrs.evolve(ORDER, description="canary"))

    assert [record.getMessage() for record in caplog.records] == ["fake ignores description of an invoice request"]


@pytest.mark.parametrize("field", REQUEST_FIELDS)
def test_field_that_is_required_is_demanded(field: str) -> None:
    """What the provider would refuse is refused here, by the field's name."""
    actual = refused(ORDER, requires=[field])

    assert actual == f"Fake makes no invoice without {field}"


@pytest.mark.parametrize("field", REQUEST_FIELDS)
def test_field_that_is_required_and_given_is_taken(field: str) -> None:
    """What is there is enough."""
    actual = ask(attrs.evolve(ORDER, **{field: GIVEN[field]}), requires=[field])

    assert actual.id == "i-1"


@pytest.mark.parametrize(
    "expires_in, fault",
    [
        (timedelta(minutes=29), "Fake makes invoices payable for 0:30:00 at least"),
        (timedelta(minutes=30), None),
        (timedelta(days=1), None),
        (timedelta(days=1, microseconds=1), "Fake makes invoices payable for 1 day, 0:00:00 at most"),
    ],
    ids=str,
)
def test_time_to_pay_has_a_range(expires_in: timedelta, fault: str | None) -> None:
    """A time outside of the provider's range would become another one, or an error."""
    request = attrs.evolve(ORDER, expires_in=expires_in)
    facts = {"expiry": Expiry(minimum=timedelta(minutes=30), maximum=timedelta(days=1))}

    actual = ask(request, **facts).id if fault is None else refused(request, **facts)

    assert actual == (fault or "i-1")


def test_time_to_pay_may_be_unlimited() -> None:
    """Where the provider has no maximum, there is none."""
    actual = ask(attrs.evolve(ORDER, expires_in=timedelta(days=9999)), expiry=Expiry(minimum=timedelta(minutes=1)))

    assert actual.id == "i-1"


def test_amount_has_a_rule() -> None:
    """Stripe counts KWD in steps of 0.010."""
    request = attrs.evolve(ORDER, amount=Money("1.235", "KWD"))

    actual = refused(request, amounts={"KWD": AmountRule(step=Decimal("0.010"))})

    assert actual == "Fake makes no invoice over 1.235 KWD: an amount is a multiple of 0.010 KWD"


def test_price_of_a_line_item_can_be_counted() -> None:
    """A price in tenths of a cent cannot be told to a provider that counts cents."""
    finer = Currency("EUR", 3)
    item = LineItem(name="Ticket", quantity=2, unit_amount=Money("24.955", finer))

    actual = refused(attrs.evolve(ORDER, amount=Money("49.91", finer), line_items=[item]))

    assert actual.startswith("Fake cannot count 24.955 EUR")


@pytest.mark.parametrize("length, attempt, fits", [(4, 1, True), (3, 1, False), (6, 2, True), (5, 2, False)])
def test_order_reference_has_a_length(length: int, attempt: int, fits: bool) -> None:
    """The attempt counts: a reference that the provider cuts off is another order's."""
    request = attrs.evolve(ORDER, attempt=attempt)

    actual = ask(request, order_reference_length=length).id if fits else refused(request, order_reference_length=length)

    assert actual == "i-1" or actual.startswith(f"Fake takes an order id of {length} characters at most")


@pytest.mark.parametrize(
    "currency, reason",
    [
        (Currency("BGN", 2), "BGN has left ISO 4217: old invoices can be read, and no new one made"),
        (Currency("XAU", 2), "XAU has no minor unit in ISO 4217: nothing can be paid in it"),
    ],
    ids=str,
)
def test_what_nobody_pays_in_is_refused(currency: Currency, reason: str) -> None:
    """A currency that was withdrawn, or that is none, is no currency of a new invoice."""
    actual = refused(attrs.evolve(ORDER, amount=Money(1, currency)))

    assert actual == reason


def test_withdrawn_currency_can_be_refunded() -> None:
    """Money that came in BGN goes back in BGN."""
    request = RefundRequest(refund_id="r-7", invoice_id="i-1", amount=Money("5.00", Currency("BGN", 2)))

    actual = fake(Wire(200)).refund_payment(request).amount

    assert actual == Money.read("5.00", "BGN")


def test_refund_that_cannot_be_counted_is_refused() -> None:
    """M3: half a yen does not go back."""
    request = RefundRequest(refund_id="r-7", invoice_id="i-1", amount=Money("5.5", Currency("JPY", 1)))
    wire = Wire()

    with pytest.raises(errors.InvalidRequestError, match=r"cannot count 5\.5 JPY"):
        fake(wire).refund_payment(request)

    assert wire.sent == []


def test_amount_comes_back_in_the_unit_that_was_asked_for() -> None:
    """M3: what the provider counts coarser is told as finely as it was asked for."""
    asked = Money(5, Currency("DAI", 18, "ethereum"))

    made_of = fake(
        Wire(),
        info=ProviderInfo(title="Fake"),
        create_invoice=lambda request: made(request, amount=Money.read("5.0", "DAI", network="ethereum")),
    )
    actual = made_of.create_invoice(attrs.evolve(ORDER, amount=asked)).amount

    assert (actual, actual.unit.exponent) == (asked, 18)

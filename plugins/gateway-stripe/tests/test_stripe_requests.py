"""What is sent to Stripe, field by field, and what is refused before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from gateway_core import (
    CaptureRequest,
    Currency,
    Customer,
    Gateway,
    HttpRequest,
    InvoiceRequest,
    LineItem,
    Money,
    RefundRequest,
)
from gateway_core.errors import InvalidRequestError, RejectedError
from gateway_core.testing import fields_of, query_of

_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def _asked(amount: Money | None = None, **more: Any) -> InvoiceRequest:
    return InvoiceRequest(order_id="A-1", amount=amount or Money("10.99", "EUR"), requested_at=_NOON, **more)


@pytest.fixture
def create(
    gateway: Gateway, answers: Callable[..., None], sent: Callable[[], list[HttpRequest]], example: Callable[[str], Any]
) -> Callable[..., dict[str, str]]:
    """Give what creates an invoice, and tells the fields that were sent."""

    def create(amount: Money | None = None, **more: Any) -> dict[str, str]:
        request = _asked(amount, **more)
        units = gateway.info.to_minor(request.amount)
        currency = request.amount.currency.lower()
        answers("checkout/sessions", example("session-open") | {"amount_total": units, "currency": currency})
        gateway.create_invoice(request)
        return fields_of(sent()[-1])

    return create


def test_plain_session(create: Callable[..., dict[str, str]], sent: Callable[[], list[HttpRequest]]) -> None:
    """An order becomes one line item; version, key and idempotency key go into headers."""
    assert create() == {
        "mode": "payment",
        "client_reference_id": "A-1",
        "success_url": "https://shop.test/thanks",
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": "eur",
        "line_items[0][price_data][unit_amount]": "1099",
        "line_items[0][price_data][product_data][name]": "Order A-1",
    }
    [request] = sent()
    assert (request.method, request.url) == ("POST", "https://api.stripe.com/v1/checkout/sessions")
    assert request.headers["Authorization"].startswith("Bearer sk_test_")
    assert request.headers["Stripe-Version"] == "2026-10-28.endive"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert len(request.headers["Idempotency-Key"]) == 64
    assert "Stripe-Account" not in request.headers


def test_whole_session(create: Callable[..., dict[str, str]]) -> None:
    """Everything that Stripe takes of a request is given to it."""
    fields = create(
        description="Two tickets",
        line_items=[
            LineItem(name="Ticket", quantity=2, unit_amount=Money("5", "EUR")),
            LineItem(name="Käse", unit_amount=Money("0.99", "EUR")),
        ],
        customer=Customer(email="ada@example.com", name="Ada"),
        return_url="https://shop.test/ok?s={CHECKOUT_SESSION_ID}",
        cancel_url="https://shop.test/cart",
        locale="pt-BR",
        expires_in=timedelta(hours=1),
        metadata={"cart": "7"},
        options={"capture_method": "manual"},
    )

    assert fields == {
        "mode": "payment",
        "client_reference_id": "A-1",
        "success_url": "https://shop.test/ok?s={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://shop.test/cart",
        "customer_email": "ada@example.com",
        "locale": "pt-BR",
        "expires_at": str(int((_NOON + timedelta(hours=1)).timestamp())),
        "line_items[0][quantity]": "2",
        "line_items[0][price_data][currency]": "eur",
        "line_items[0][price_data][unit_amount]": "500",
        "line_items[0][price_data][product_data][name]": "Ticket",
        "line_items[1][quantity]": "1",
        "line_items[1][price_data][currency]": "eur",
        "line_items[1][price_data][unit_amount]": "99",
        "line_items[1][price_data][product_data][name]": "Käse",
        "metadata[cart]": "7",
        "metadata[gateway_manual_capture]": "true",
        "payment_intent_data[capture_method]": "manual",
        "payment_intent_data[description]": "Two tickets",
        "payment_intent_data[metadata][cart]": "7",
    }


@pytest.mark.parametrize(
    "amount, currency, units",
    [
        ("10.99", "EUR", "1099"),
        ("500", "JPY", "500"),
        ("5", "ISK", "500"),
        ("5", "UGX", "500"),
        ("1234.5", "HUF", "123450"),
        ("12", "MGA", "12"),
        ("5.120", "KWD", "5120"),
        ("3", "CLP", "3"),
    ],
)
def test_amounts_are_counted_as_stripe_counts(
    create: Callable[..., dict[str, str]], amount: str, currency: str, units: str
) -> None:
    """Currencies without decimals, those that only look so, and those with three are counted as documented."""
    assert create(Money(amount, currency))["line_items[0][price_data][unit_amount]"] == units


@pytest.mark.parametrize(
    "tag, sent_as",
    [("de", "de"), ("de-AT", "de"), ("en-GB", "en-GB"), ("PT-br", "pt-BR"), ("nn", "nb"), ("zh-Hant-HK", "zh-TW")],
)
def test_language_is_the_closest_one(create: Callable[..., dict[str, str]], tag: str, sent_as: str) -> None:
    """A tag becomes the page's own, that of its language, or nothing."""
    assert create(locale=tag)["locale"] == sent_as


def test_language_that_the_page_does_not_have(create: Callable[..., dict[str, str]]) -> None:
    """Stripe would refuse it: the payer's browser decides instead."""
    assert "locale" not in create(locale="eo")


@pytest.mark.parametrize(
    "more, reason",
    [
        ({"amount": Money("5.5", Currency("ISK", 2))}, "multiple of 1 ISK"),
        ({"amount": Money("5.125", "KWD")}, "multiple of 0.010 KWD"),
        ({"amount": Money("5.5", "MGA")}, "cannot count"),
        ({"amount": Money("0.1", "BTC")}, "no crypto"),
        ({"expires_in": timedelta(minutes=30)}, "at least"),
        ({"expires_in": timedelta(hours=24)}, "at most"),
        ({"metadata": {"a" * 41: "x"}}, "metadata"),
        ({"metadata": {"a[b]": "x"}}, "metadata"),
        ({"metadata": {"a": "x" * 501}}, "metadata"),
        ({"metadata": {"gateway_canceled": "x"}}, "gateway_canceled"),
        ({"metadata": {str(number): "x" for number in range(49)}}, "48"),
    ],
)
def test_what_stripe_would_refuse_is_not_sent(
    gateway: Gateway, sent: Callable[[], list[HttpRequest]], more: dict[str, Any], reason: str
) -> None:
    """Documented limits are kept here."""
    with pytest.raises(InvalidRequestError, match=reason):
        gateway.create_invoice(_asked(**more))

    assert sent() == []


def test_too_many_line_items_are_not_sent(gateway: Gateway, sent: Callable[[], list[HttpRequest]]) -> None:
    """A session has a hundred at most."""
    items = [LineItem(name="x", unit_amount=Money("0.01", "EUR"))] * 101

    with pytest.raises(InvalidRequestError, match="100 line items"):
        gateway.create_invoice(_asked(Money("1.01", "EUR"), line_items=items))

    assert sent() == []


def test_return_address_is_needed(connect: Callable[..., Gateway], sent: Callable[[], list[HttpRequest]]) -> None:
    """Without one in the request or the settings there is no session, and nothing is sent."""
    with pytest.raises(InvalidRequestError, match="return_url"):
        connect(return_url=None).create_invoice(_asked())

    assert sent() == []


def test_name_and_address_are_not_sent(create: Callable[..., dict[str, str]]) -> None:
    """A customer without an email address sends nothing of the customer."""
    assert not [name for name in create(customer=Customer(name="Ada")) if "customer" in name]


def test_connected_account_is_named(
    connect: Callable[..., Gateway], answers: Callable[..., None], sent: Callable[[], list[HttpRequest]]
) -> None:
    """The account of the settings goes with every request."""
    answers("checkout/sessions", {"object": "list", "data": [], "has_more": False})

    connect(account="acct_1032D82eZvKYlo2C").check_account()

    assert sent()[0].headers["Stripe-Account"] == "acct_1032D82eZvKYlo2C"
    assert query_of(sent()[0]) == {"limit": "1"}


def test_refund_is_sent_once_for_each_id(
    gateway: Gateway, answers: Callable[..., None], sent: Callable[[], list[HttpRequest]], example: Callable[[str], Any]
) -> None:
    """A known payment needs no session; refunds are looked through before another one is made."""
    made = example("refund") | {"metadata": {"refund_id": "r-7"}}
    answers("refunds", {"object": "list", "data": [], "has_more": False}, made)
    request = RefundRequest(
        refund_id="r-7",
        invoice_id="cs_test_a1X",
        amount=Money("3", "EUR"),
        reason="requested_by_customer",
        references={"payment_intent": "pi_1"},
    )

    refund = gateway.refund_payment(request)

    assert (refund.id, refund.refund_id, refund.amount) == ("re_1", "r-7", Money("3", "EUR"))
    assert [each.method for each in sent()] == ["GET", "POST"]
    assert fields_of(sent()[-1]) == {
        "payment_intent": "pi_1",
        "amount": "300",
        "reason": "requested_by_customer",
        "metadata[refund_id]": "r-7",
    }


def test_reason_in_other_words_is_kept(
    gateway: Gateway, answers: Callable[..., None], sent: Callable[[], list[HttpRequest]], example: Callable[[str], Any]
) -> None:
    """Stripe knows three reasons; any other text goes into the metadata."""
    answers("refunds", {"object": "list", "data": [], "has_more": False}, example("refund"))

    gateway.refund_payment(
        RefundRequest(
            refund_id="r-7",
            invoice_id="cs_test_a1X",
            amount=Money("3", "EUR"),
            reason="the ticket was torn",
            references={"payment_intent": "pi_1"},
        )
    )

    assert fields_of(sent()[-1])["metadata[reason]"] == "the ticket was torn"
    assert "reason" not in fields_of(sent()[-1])


def test_refund_that_is_known_is_not_made_again(
    gateway: Gateway, answers: Callable[..., None], sent: Callable[[], list[HttpRequest]], example: Callable[[str], Any]
) -> None:
    """Days later, when Stripe has forgotten the key, the same refund_id is the same refund, of the same amount."""
    made = example("refund") | {"metadata": {"refund_id": "r-7"}}
    answers("refunds", {"object": "list", "data": [made], "has_more": False})
    request = RefundRequest(
        refund_id="r-7",
        invoice_id="cs_test_a1X",
        amount=Money("3", "EUR"),
        references={"payment_intent": "pi_1"},
    )

    again = gateway.refund_payment(request)
    with pytest.raises(RejectedError, match="already"):
        gateway.refund_payment(attrs.evolve(request, amount=Money("4", "EUR")))

    assert again.id == "re_1"
    assert {each.method for each in sent()} == {"GET"}


def test_capture_is_sent_to_the_payment(
    gateway: Gateway, answers: Callable[..., None], sent: Callable[[], list[HttpRequest]]
) -> None:
    """All, or a part; the answer tells what was taken."""
    answers(
        "payment_intents/pi_1/capture",
        {
            "id": "pi_1",
            "status": "succeeded",
            "amount": 1099,
            "amount_received": 500,
            "currency": "eur",
            "created": 1760000000,
            "latest_charge": "ch_1",
        },
    )
    request = CaptureRequest(
        capture_id="c-1",
        invoice_id="cs_test_a1X",
        amount=Money("5", "EUR"),
        references={"payment_intent": "pi_1"},
    )

    capture = gateway.capture_payment(request)

    assert (capture.id, capture.status.value, capture.amount) == ("ch_1", "done", Money("5", "EUR"))
    assert fields_of(sent()[0]) == {"amount_to_capture": "500"}


def test_list_is_asked_for_a_day_more(
    gateway: Gateway, answers: Callable[..., None], sent: Callable[[], list[HttpRequest]]
) -> None:
    """Stripe filters sessions by their creation, which is up to a day before the payment."""
    answers("checkout/sessions", {"object": "list", "data": [], "has_more": False})

    assert list(gateway.list_payments(since=_NOON, until=_NOON + timedelta(seconds=1.5))) == []

    noon = int(_NOON.timestamp())
    assert query_of(sent()[0]) == {
        "status": "complete",
        "created[gte]": str(noon - 25 * 3600),
        "created[lt]": str(noon + 2),
        "expand[0]": "data.payment_intent.latest_charge",
        "limit": "100",
    }

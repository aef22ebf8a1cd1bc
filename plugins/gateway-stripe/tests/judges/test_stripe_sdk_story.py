"""Stripe's own SDK and the plugin work on one emulated account, and read the same facts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import stripe

from gateway_core import (
    CaptureRequest,
    Gateway,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    RefundRequest,
    StatusReport,
)
from gateway_core.errors import NotFoundError, RejectedError
from gateway_stripe.emulator import StripeEmulator

_EXPANDED = ["payment_intent.latest_charge.refunds"]


def _asked(order_id: str = "A-1", **more: Any) -> InvoiceRequest:
    return InvoiceRequest(order_id=order_id, amount=Money("49.90", "EUR"), description="Two tickets", **more)


def _session_params(order_id: str = "A-1") -> Any:
    return {
        "mode": "payment",
        "success_url": "https://shop.test/ok?s={CHECKOUT_SESSION_ID}",
        "client_reference_id": order_id,
        "metadata": {"order_id": order_id},
        "line_items": [
            {
                "quantity": 2,
                "price_data": {"currency": "eur", "unit_amount": 2495, "product_data": {"name": "Ticket"}},
            }
        ],
        "payment_intent_data": {"metadata": {"order_id": order_id}},
    }


def _token(invoice_id: str) -> str:
    return invoice_id.removeprefix("cs_test_")


def _told_by_sdk(sdk: Any, invoice_id: str) -> dict[str, Any]:
    session = sdk.v1.checkout.sessions.retrieve(invoice_id, params={"expand": _EXPANDED})
    intent = session.payment_intent
    charge = intent and intent.latest_charge
    refunds = [each for each in charge.refunds.auto_paging_iter() if each.status == "succeeded"] if charge else []
    disputes = list(sdk.v1.disputes.list({"charge": charge.id})) if charge and charge.disputed else []
    return {
        "id": session.id,
        "order": session.client_reference_id,
        "expected": (session.amount_total, session.currency),
        "received": intent.amount_received if intent else 0,
        "refunded": sum(each.amount for each in refunds),
        "disputed": sum(each.amount for each in disputes if each.status in ("needs_response", "lost")),
        "word": intent.status if intent else session.status,
    }


def _told_by_plugin(report: StatusReport) -> dict[str, Any]:
    def cents(amount: Money | None) -> int | None:
        return None if amount is None else amount.to_minor()

    assert report.expected is not None
    return {
        "id": report.invoice_id,
        "order": report.order_id,
        "expected": (report.expected.to_minor(), report.expected.currency.lower()),
        "received": cents(report.received),
        "refunded": cents(report.refunded),
        "disputed": cents(report.disputed),
        "word": report.provider_status,
    }


def _agreed(sdk: Any, served: Gateway, invoice_id: str) -> StatusReport:
    report = served.get_status(invoice_id)
    assert _told_by_sdk(sdk, invoice_id) == _told_by_plugin(report)
    return report


def test_session_of_the_sdk_is_read_by_the_plugin(sdk: Any, served: Gateway, judged: StripeEmulator) -> None:
    """What the SDK creates, the plugin reads through all its life: open, paid, refunded in parts, disputed."""
    session = sdk.v1.checkout.sessions.create(_session_params())

    assert _agreed(sdk, served, session.id).status is InvoiceStatus.PENDING
    assert session.url.endswith(_token(session.id))
    assert session.payment_intent is None

    judged.decline(_token(session.id))
    assert _agreed(sdk, served, session.id).status is InvoiceStatus.PENDING

    judged.pay(_token(session.id))
    report = _agreed(sdk, served, session.id)
    assert (report.status, report.received) == (InvoiceStatus.PAID, Money("49.90", "EUR"))

    sdk.v1.refunds.create({"payment_intent": report.references["payment_intent"], "amount": 990})
    report = _agreed(sdk, served, session.id)
    assert (report.status, report.refunded) == (InvoiceStatus.PARTIALLY_REFUNDED, Money("9.90", "EUR"))

    served.refund_payment(RefundRequest(refund_id="r-1", invoice_id=session.id, amount=Money("40", "EUR")))
    assert _agreed(sdk, served, session.id).status is InvoiceStatus.REFUNDED


def test_invoice_of_the_plugin_is_read_by_the_sdk(sdk: Any, served: Gateway, judged: StripeEmulator) -> None:
    """What the plugin creates, the SDK reads: amount, order, metadata, email, items and life."""
    from datetime import timedelta

    from gateway_core import Customer, LineItem

    invoice = served.create_invoice(
        _asked(
            metadata={"cart": "7"},
            customer=Customer(email="ada@example.com"),
            line_items=[LineItem(name="Käse 東京", quantity=2, unit_amount=Money("24.95", "EUR"))],
            cancel_url="https://shop.test/cart",
            locale="pt-BR",
            expires_in=timedelta(hours=2),
        )
    )

    session = sdk.v1.checkout.sessions.retrieve(invoice.id, params={"expand": ["line_items"]})
    assert (session.client_reference_id, session.amount_total, session.currency) == ("A-1", 4990, "eur")
    assert session.metadata.to_dict() == {"cart": "7"}
    assert (session.customer_email, session.locale, session.cancel_url) == (
        "ada@example.com",
        "pt-BR",
        "https://shop.test/cart",
    )
    assert session.expires_at - session.created == 7200
    [item] = session.line_items.data
    assert (item.description, item.quantity, item.amount_total) == ("Käse 東京", 2, 4990)
    assert invoice.payment_url == session.url

    judged.pay(_token(invoice.id))
    intent = sdk.v1.payment_intents.retrieve(served.get_status(invoice.id).references["payment_intent"])
    assert (intent.status, intent.metadata.to_dict(), intent.description) == ("succeeded", {"cart": "7"}, "Two tickets")


def test_reservation_is_captured_and_released(sdk: Any, served: Gateway, judged: StripeEmulator) -> None:
    """Money that is reserved is told alike, taken by the plugin as the SDK sees it, and released by the SDK."""
    held = [served.create_invoice(_asked(f"A-{n}", options={"capture_method": "manual"})) for n in range(3)]
    for invoice in held:
        judged.pay(_token(invoice.id))
        assert _agreed(sdk, served, invoice.id).status is InvoiceStatus.AUTHORIZED

    capture = CaptureRequest(capture_id="c-1", invoice_id=held[0].id, amount=Money("20", "EUR"))
    assert served.capture_payment(capture).amount == Money("20", "EUR")
    assert _agreed(sdk, served, held[0].id).received == Money("20", "EUR")

    sdk.v1.payment_intents.capture(served.get_status(held[1].id).references["payment_intent"])
    assert _agreed(sdk, served, held[1].id).status is InvoiceStatus.PAID

    sdk.v1.payment_intents.cancel(served.get_status(held[2].id).references["payment_intent"])
    assert _agreed(sdk, served, held[2].id).status is InvoiceStatus.CANCELED


def test_debit_settles_or_comes_back(sdk: Any, served: Gateway, judged: StripeEmulator) -> None:
    """A session that is complete and unpaid is pending for both; days later it is paid or has failed."""
    good, bad = (served.create_invoice(_asked(f"A-{n}")) for n in range(2))
    for invoice in (good, bad):
        judged.pay(_token(invoice.id), way="sepa_debit")
        session = sdk.v1.checkout.sessions.retrieve(invoice.id)
        assert (session.status, session.payment_status) == ("complete", "unpaid")
        assert _agreed(sdk, served, invoice.id).status is InvoiceStatus.PENDING

    judged.settle_debit(good.id)
    judged.fail_debit(bad.id)

    assert _agreed(sdk, served, good.id).status is InvoiceStatus.PAID
    assert _agreed(sdk, served, bad.id).status is InvoiceStatus.FAILED


def test_dispute_is_told_alike(sdk: Any, served: Gateway, judged: StripeEmulator) -> None:
    """A disputed payment stays paid, and both tell how much is disputed."""
    invoice = served.create_invoice(_asked())
    judged.pay(_token(invoice.id))

    judged.dispute(invoice.id, amount=Money("10", "EUR"))
    assert _agreed(sdk, served, invoice.id).disputed == Money("10", "EUR")

    judged.close_dispute(invoice.id, "won")
    assert _agreed(sdk, served, invoice.id).disputed == Money("0", "EUR")


def test_session_expires_for_both(sdk: Any, served: Gateway) -> None:
    """An expired session is expired, whoever ended it; only the plugin's own mark tells the shop's cancellation."""
    by_sdk, by_plugin = (served.create_invoice(_asked(f"A-{n}")) for n in range(2))

    sdk.v1.checkout.sessions.expire(by_sdk.id)
    served.cancel_invoice(by_plugin.id)

    assert served.get_status(by_sdk.id).status is InvoiceStatus.EXPIRED
    assert served.get_status(by_plugin.id).status is InvoiceStatus.CANCELED
    assert {sdk.v1.checkout.sessions.retrieve(each.id).status for each in (by_sdk, by_plugin)} == {"expired"}
    with pytest.raises(stripe.InvalidRequestError, match='status in \\["open"\\] can be expired'):
        sdk.v1.checkout.sessions.expire(by_sdk.id)


def test_lists_are_alike(sdk: Any, served: Gateway, judged: StripeEmulator) -> None:
    """The SDK pages through sessions, payments, charges and events, and finds what the plugin lists."""
    for number in range(7):
        judged.pay(_token(served.create_invoice(_asked(f"A-{number}")).id))
    served.create_invoice(_asked("A-open"))

    listed = {payment.id: payment.invoice_id for payment in served.list_payments(limit=3)}
    listed |= {payment.id: payment.invoice_id for payment in served.list_payments()}

    sessions = list(sdk.v1.checkout.sessions.list({"limit": 2}).auto_paging_iter())
    intents = list(sdk.v1.payment_intents.list({"limit": 3}).auto_paging_iter())
    charges = list(sdk.v1.charges.list({"limit": 100}).auto_paging_iter())
    assert listed == {each.payment_intent: each.id for each in sessions if each.status == "complete"}
    assert set(listed) == {each.id for each in intents} == {each.payment_intent for each in charges}
    assert len(sessions) == 8
    assert sum(each.amount for each in charges) == 7 * 4990
    events = list(sdk.v1.events.list({"limit": 2}).auto_paging_iter())
    assert [each.type for each in events].count("checkout.session.completed") == 7


def test_errors_are_alike(sdk: Any, served: Gateway, judged: StripeEmulator) -> None:
    """What the emulator refuses, the SDK and the plugin tell by their own classes for the same thing."""
    unknown = "cs_test_unknown"
    with pytest.raises(stripe.InvalidRequestError) as told:
        sdk.v1.checkout.sessions.retrieve(unknown)
    with pytest.raises(NotFoundError) as ours:
        served.get_status(unknown)
    assert (told.value.http_status, told.value.code) == (404, "resource_missing")
    assert (ours.value.http_status, ours.value.code, ours.value.message) == (
        404,
        "resource_missing",
        told.value.user_message,
    )
    assert ours.value.request_id is not None
    assert ours.value.request_id.startswith("req_")

    invoice = served.create_invoice(_asked())
    judged.pay(_token(invoice.id))
    intent = served.get_status(invoice.id).references["payment_intent"]
    sdk.v1.refunds.create({"payment_intent": intent})
    with pytest.raises(stripe.InvalidRequestError, match="has already been refunded"):
        sdk.v1.refunds.create({"payment_intent": intent})
    with pytest.raises(RejectedError, match="has already been refunded"):
        served.refund_payment(RefundRequest(refund_id="r", invoice_id=invoice.id, amount=Money(1, "EUR")))


def test_wrong_key_is_told(address: str) -> None:
    """A key of nobody is an authentication error."""
    client = stripe.StripeClient("sk_test_wrong", base_addresses={"api": address}, max_network_retries=0)

    with pytest.raises(stripe.AuthenticationError):
        client.v1.checkout.sessions.list()


def test_idempotency_is_as_the_sdk_knows_it(sdk: Any) -> None:
    """The same key and parameters give the first answer; the same key with others is an idempotency error."""
    first = sdk.v1.checkout.sessions.create(_session_params(), options={"idempotency_key": "k"})
    again = sdk.v1.checkout.sessions.create(_session_params(), options={"idempotency_key": "k"})

    assert first.id == again.id
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError, match="can only be used with the same parameters"):
        sdk.v1.checkout.sessions.create(_session_params("A-2"), options={"idempotency_key": "k"})


def test_webhook_endpoint_is_added_as_by_the_sdk(sdk: Any, served: Gateway) -> None:
    """Both add an endpoint, and are told its secret."""
    ours = served.register_webhook("https://shop.test/stripe")
    theirs = sdk.v1.webhook_endpoints.create({"url": "https://shop.test/stripe", "enabled_events": list(ours.events)})

    assert ours.secret is not None
    assert ours.secret.reveal() == theirs.secret
    assert theirs.enabled_events == list(ours.events)


@pytest.mark.parametrize("currency, amount, units", [("JPY", "500", 500), ("ISK", "5", 500), ("KWD", "5.120", 5120)])
def test_amounts_are_counted_alike(sdk: Any, served: Gateway, currency: str, amount: str, units: int) -> None:
    """What the plugin asks for is what the SDK reads, in Stripe's own units."""
    asked = InvoiceRequest(order_id="A-1", amount=Money(Decimal(amount), currency))
    invoice = served.create_invoice(asked)

    assert sdk.v1.checkout.sessions.retrieve(invoice.id).amount_total == units
    assert served.get_status(invoice.id).expected == asked.amount

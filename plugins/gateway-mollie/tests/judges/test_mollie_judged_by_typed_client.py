"""``mollie-api-py``, generated from Mollie's API description, finds the emulator's answers to be as described."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core import Gateway, InvoiceRequest, Money, RefundRequest
from gateway_mollie.emulator import MollieEmulator

if TYPE_CHECKING:
    from gateway_sandbox.server import Serving

ORDER: dict[str, Any] = {
    "amount": {"currency": "EUR", "value": "49.90"},
    "description": "Order 1042",
    "redirect_url": "https://shop.example/back",
    "metadata": {"order_id": "1042"},
}


@pytest.fixture
def client(served: Serving) -> Iterator[Any]:
    """Give the typed client to the account."""
    from mollie import models
    from mollie.sdk import ClientSDK

    with ClientSDK(security=models.Security(api_key=served.settings["api_key"]), server_url=served.url) as client:
        yield client


def token_of(payment: Any) -> str:
    """Return the token of a payment's checkout page."""
    return str(payment.links.checkout.href).rpartition("/")[2]


def test_whole_story_fits_the_description(client: Any, gateway: Gateway, mollie: MollieEmulator) -> None:
    """Created, paid, refunded, charged back, listed: each answer becomes the class that is generated for it."""
    made = client.payments.create(payment_request=ORDER)
    mollie.pay(token_of(made))
    refund = client.refunds.create(
        payment_id=made.id,
        refund_request={"amount": {"currency": "EUR", "value": "10.00"}, "metadata": {"refund_id": "r-1"}},
    )
    mollie.charge_back(made.id, Money("5.00", "EUR"))
    paid = client.payments.get(payment_id=made.id)
    listed = client.payments.list(limit=10)
    parts = client.refunds.list(payment_id=made.id), client.chargebacks.list(payment_id=made.id)

    report = gateway.get_status(made.id)

    assert (made.status, paid.status, refund.status) == ("open", "paid", "pending")
    assert (paid.amount_charged_back.value, paid.amount_remaining.value) == ("5.00", "39.90")
    assert [each.id for each in listed.result.embedded.payments] == [made.id]
    assert [each.id for each in parts[0].result.embedded.refunds] == [refund.id]
    assert parts[1].result.embedded.chargebacks[0].amount.value == "5.00"
    assert (report.refunded, report.disputed) == (Money("10.00", "EUR"), Money("5.00", "EUR"))


def test_captures_fit_the_description(client: Any, mollie: MollieEmulator) -> None:
    """The answer to a capture, and the payment with what was captured."""
    made = client.payments.create(payment_request={**ORDER, "capture_mode": "manual"})
    mollie.pay(token_of(made))
    capture = client.captures.create(
        payment_id=made.id, entity_capture={"amount": {"currency": "EUR", "value": "40.00"}}
    )

    paid = client.payments.get(payment_id=made.id, embed="captures")

    assert (capture.status, paid.amount_captured.value) == ("pending", "40.00")


def test_what_we_make_fits_the_description(client: Any, gateway: Gateway, mollie: MollieEmulator) -> None:
    """An invoice and a refund of ours, read by theirs."""
    invoice = gateway.create_invoice(InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR"), locale="nl"))
    payment = client.payments.get(payment_id=invoice.id)
    mollie.pay(token_of(payment))
    refund = gateway.refund_payment(RefundRequest(refund_id="r-1", invoice_id=invoice.id, amount=Money("5", "EUR")))

    theirs = client.refunds.get(payment_id=invoice.id, refund_id=refund.id)

    assert (payment.locale, theirs.amount.value, theirs.payment_id) == ("nl_NL", "5.00", invoice.id)


def test_refusal_fits_the_description(client: Any) -> None:
    """Their error has the emulator's text."""
    from mollie import models

    with pytest.raises(models.ErrorResponse) as refused:
        client.payments.get(payment_id="tr_none1")

    assert refused.value.data.detail == "No payment exists with token tr_none1."

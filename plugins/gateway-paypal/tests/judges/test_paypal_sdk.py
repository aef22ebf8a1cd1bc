"""PayPal's own SDK does the same story at the emulator as our plugin, and reads the same facts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core import CaptureRequest, Gateway, InvoiceRequest, InvoiceStatus, Money, RefundRequest
from gateway_core.testing import EmulatedInvoice
from gateway_paypal.emulator import PayPalEmulator

if TYPE_CHECKING:
    from gateway_sandbox.server import Serving

sdk: Any = pytest.importorskip("paypalserversdk.paypal_serversdk_client", reason="comes with the group judges")
configuration: Any = pytest.importorskip("paypalserversdk.configuration", reason="comes with the group judges")
credentials: Any = pytest.importorskip(
    "paypalserversdk.http.auth.o_auth_2", reason="comes with the dependency group judges"
)
exceptions: Any = pytest.importorskip(
    "paypalserversdk.exceptions.error_exception", reason="comes with the dependency group judges"
)

PRICE = Money("49.90", "EUR")


@pytest.fixture
def served() -> Iterator[Serving]:
    """Serve the emulator over HTTP."""
    from gateway_sandbox.server import serving

    with serving(PayPalEmulator) as served:
        yield served


@pytest.fixture
def gateway(served: Serving) -> Iterator[Gateway]:
    """Give our gateway to the account."""
    with Gateway.connect("paypal", **served.settings) as gateway:
        yield gateway


@pytest.fixture
def client(served: Serving) -> Any:
    """Give the SDK, pointed at the emulator."""
    servers = configuration.Configuration.environments[configuration.Environment.SANDBOX]
    servers[configuration.Server.DEFAULT] = served.settings["base_url"]
    return sdk.PaypalServersdkClient(
        client_credentials_auth_credentials=credentials.ClientCredentialsAuthCredentials(
            o_auth_client_id=served.settings["client_id"], o_auth_client_secret=served.settings["client_secret"]
        ),
        environment=configuration.Environment.SANDBOX,
    )


def approve(served: Serving, order_id: str) -> None:
    """Let the buyer approve an order."""
    found = served.emulator.ledger.get(EmulatedInvoice, order_id)
    assert found is not None
    served.emulator.pay(found.token)


def test_sdk_reads_what_we_made(served: Serving, gateway: Gateway, client: Any) -> None:
    """Amount, reference, page and status are the same facts for both, through approval, capture and refund."""
    invoice = gateway.create_invoice(InvoiceRequest(order_id="1042", amount=PRICE, return_url="https://shop.test/ok"))
    created = client.orders.get_order({"id": invoice.id}).body
    approve(served, invoice.id)
    approved = client.orders.get_order({"id": invoice.id}).body
    capture = gateway.capture_payment(CaptureRequest(capture_id="c-1", invoice_id=invoice.id))
    gateway.refund_payment(RefundRequest(refund_id="r-1", invoice_id=invoice.id, amount=Money("10", "EUR")))
    ended = client.orders.get_order({"id": invoice.id}).body
    [unit] = ended.purchase_units

    assert (created.status, approved.status, ended.status) == ("PAYER_ACTION_REQUIRED", "APPROVED", "COMPLETED")
    assert [link.href for link in created.links if link.rel == "payer-action"] == [invoice.payment_url]
    assert (unit.custom_id, unit.amount.value, unit.amount.currency_code) == ("1042", "49.90", "EUR")
    assert [(each.id, each.status) for each in unit.payments.captures] == [(capture.id, "PARTIALLY_REFUNDED")]
    assert [each.amount.value for each in unit.payments.refunds] == ["10.00"]
    assert gateway.get_status(invoice.id).status is InvoiceStatus.PARTIALLY_REFUNDED


def test_we_read_what_the_sdk_made(served: Serving, gateway: Gateway, client: Any) -> None:
    """An order by the SDK, captured and refunded by the SDK, is the same for us; a repeated id makes no second."""
    body = {
        "intent": "CAPTURE",
        "purchase_units": [{"custom_id": "77", "amount": {"currency_code": "EUR", "value": "12.50"}}],
    }
    made, again = (
        client.orders.create_order({"body": body, "prefer": "return=representation", "paypal_request_id": "one"}).body
        for _ in range(2)
    )
    approve(served, made.id)
    captured = client.orders.capture_order({"id": made.id, "prefer": "return=representation"}).body
    [money] = captured.purchase_units[0].payments.captures
    refund = client.payments.refund_captured_payment(
        {"capture_id": money.id, "prefer": "return=representation", "body": {"custom_id": "r-1"}}
    ).body
    report = gateway.get_status(made.id)
    [payment] = gateway.list_payments(invoice_id=made.id)

    assert again.id == made.id
    assert (report.order_id, report.status, report.received) == ("77", InvoiceStatus.REFUNDED, Money("12.50", "EUR"))
    assert [(each.id, each.refund_id) for each in report.refunds] == [(refund.id, "r-1")]
    assert payment.id == money.id


def test_sdk_raises_what_its_errors_stand_for(served: Serving, gateway: Gateway, client: Any) -> None:
    """The emulator's refusals are of the form that the SDK reads."""
    invoice = gateway.create_invoice(InvoiceRequest(order_id="1042", amount=PRICE))

    with pytest.raises(exceptions.ErrorException) as caught:
        client.orders.capture_order({"id": invoice.id})

    assert caught.value.response_code == 422
    assert [each.issue for each in caught.value.details] == ["ORDER_NOT_APPROVED"]


def test_transactions_are_the_same_for_both(served: Serving, gateway: Gateway, client: Any) -> None:
    """The search by the SDK finds what our list gives."""
    invoice = gateway.create_invoice(InvoiceRequest(order_id="1042", amount=PRICE))
    approve(served, invoice.id)
    gateway.capture_payment(CaptureRequest(capture_id="c-1", invoice_id=invoice.id))
    now = served.emulator.clock()
    asked = {"start_date": now.replace(hour=0, minute=0).isoformat(timespec="seconds"), "end_date": _later(now)}

    found = client.transaction_search.search_transactions(asked).body.transaction_details
    listed = list(gateway.list_payments())

    assert [each.transaction_info.transaction_id for each in found] == [each.id for each in listed]
    assert [each.transaction_info.transaction_amount.value for each in found] == ["49.90"]


def _later(now: Any) -> str:
    from datetime import timedelta

    return str((now + timedelta(days=1)).isoformat(timespec="seconds"))

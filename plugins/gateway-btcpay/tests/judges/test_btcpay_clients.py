"""Two clients by others do the same story at the emulator as our plugin, and read the same facts.

``btcpay-python-sdk`` 0.1.0 and ``btcpay-rest-client`` 0.0.10, both from PyPI and written against a real server. Neither
checks webhooks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import requests_mock

from gateway_btcpay.emulator import BTCPayEmulator
from gateway_core import HttpRequest, InvoiceRequest, InvoiceStatus, Money
from gateway_core.testing import EmulatedAccount

btcpay: Any = pytest.importorskip("btcpay", reason="comes with the dependency group judges")
rest_client: Any = pytest.importorskip("btcpay_rest_client.api", reason="comes with the dependency group judges")


@pytest.fixture
def judged() -> Iterator[EmulatedAccount]:
    """Give a store at the emulator that answers whatever is sent to its address by `requests`."""
    with EmulatedAccount("btcpay") as account, requests_mock.Mocker(case_sensitive=True) as mocker:
        emulator = account.emulator
        assert isinstance(emulator, BTCPayEmulator)

        def answer(request: requests.PreparedRequest, context: requests_mock.response._Context) -> bytes:
            body = request.body or b""
            response = emulator.handle(
                HttpRequest(
                    method=str(request.method),
                    url=str(request.url),
                    headers=dict(request.headers),
                    body=body.encode() if isinstance(body, str) else body,
                )
            )
            context.status_code = response.status
            context.headers.update(dict(response.headers.pairs))
            return response.body

        mocker.register_uri(requests_mock.ANY, requests_mock.ANY, content=answer)
        yield account


@pytest.fixture
def sdk(judged: EmulatedAccount) -> Any:
    """Give the SDK, pointed at the emulator."""
    btcpay.host_url = f"{judged.settings['base_url']}/"
    btcpay.api_key = judged.emulator.credentials["api_key"]
    btcpay.store_id = judged.emulator.credentials["store_id"]
    return btcpay


@pytest.fixture
def client(judged: EmulatedAccount) -> Any:
    """Give the other client, pointed at the emulator."""
    made = rest_client.BTCPayServerAPIClient.login_token(
        judged.settings["base_url"], judged.emulator.credentials["api_key"]
    )
    made.set_store_id(judged.emulator.credentials["store_id"])
    return made


def test_sdk_reads_what_we_made(judged: EmulatedAccount, sdk: Any) -> None:
    """Amount, order, address and status are the same facts for both."""
    invoice = judged.gateway.create_invoice(InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR")))
    judged.pay(invoice.id)

    read = sdk.Invoices.get_invoice(invoice.id)
    report = judged.gateway.get_status(invoice.id)

    assert (read["amount"], read["currency"], read["metadata"]["orderId"]) == ("49.90", "EUR", "1042")
    assert (read["checkoutLink"], read["status"], read["additionalStatus"]) == (invoice.payment_url, "Settled", "None")
    assert (report.status, report.provider_status) == (InvoiceStatus.PAID, read["status"])
    assert [each["id"] for each in sdk.Invoices.get_invoices()] == [invoice.id]


def test_we_read_what_the_sdk_made(judged: EmulatedAccount, sdk: Any) -> None:
    """An invoice by the SDK is found by its order, with the same id, and is paid for both."""
    made = sdk.Invoices.create_invoice(amount="12.50", currency="EUR", metadata={"orderId": "77"})

    found = judged.gateway.find_invoice("77")

    assert found is not None
    assert (found.id, found.amount, found.payment_url) == (made["id"], Money("12.50", "EUR"), made["checkoutLink"])
    payment = judged.pay(found.id)
    [method, _] = sdk.Invoices.get_invoice_payment_methods(found.id)
    [listed] = judged.gateway.list_payments(invoice_id=found.id)
    assert [each["id"] for each in method["payments"]] == [payment.id] == [listed.id]
    assert listed.amount == Money(method["payments"][0]["value"], "BTC")


def test_sdk_is_refused_with_another_key(judged: EmulatedAccount, sdk: Any) -> None:
    """The emulator keeps the door as the server does."""
    sdk.api_key = "another-key"

    with pytest.raises(Exception, match="401") as caught:
        sdk.Invoices.get_invoices()

    assert "unauthenticated" in str(caught.value)


def test_other_client_reads_what_we_made(judged: EmulatedAccount, client: Any) -> None:
    """The second client agrees, too."""
    invoice = judged.gateway.create_invoice(InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR")))
    made = client.create_invoice(
        {"amount": "1.00", "currency": "EUR", "metadata": {"orderId": "9"}, "checkout": {"speedPolicy": "HighSpeed"}}
    )

    found = judged.gateway.find_invoice("9")

    assert found is not None
    assert made is not None
    assert client.get_invoice(invoice.id)["amount"] == "49.90"

"""Amounts that make the sandbox behave badly do so, and an application comes through."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from gateway_core import Gateway, HttpRequest, InvoiceRequest, InvoiceStatus, Money
from gateway_core.errors import ProviderUnavailableError, RateLimitedError, RejectedError
from gateway_core.testing import ManualClock
from gateway_sandbox.emulator import SandboxEmulator


def _request(amount: str, order_id: str = "1042") -> InvoiceRequest:
    return InvoiceRequest(order_id=order_id, amount=Money(amount, "EUR"))


def _token(url: str | None) -> str:
    assert url is not None
    return url.rpartition("/")[2]


def test_every_payment_is_declined(
    gateway: Gateway, emulator: SandboxEmulator, webhooks: Callable[[], list[HttpRequest]]
) -> None:
    """10.02: who pays is declined, the shop is told, and no money is listed."""
    invoice = gateway.create_invoice(_request("10.02"))

    for _ in range(2):
        with pytest.raises(RejectedError, match="declined"):
            emulator.pay(_token(invoice.payment_url))

    assert gateway.get_status(invoice.id).status is InvoiceStatus.FAILED
    assert list(gateway.list_payments()) == []
    assert len(webhooks()) == 2


def test_first_request_is_too_many(gateway: Gateway) -> None:
    """10.29: 429 says how long to wait and did nothing; the same request then succeeds. Each order has its own turn."""
    for order_id in ("1", "2"):
        with pytest.raises(RateLimitedError) as caught:
            gateway.create_invoice(_request("10.29", order_id))

        assert (caught.value.retry_after, caught.value.effect) == (1, "none")
        assert gateway.find_invoice(order_id) is None
        assert gateway.create_invoice(_request("10.29", order_id)).status is InvoiceStatus.PENDING


def test_first_request_fails_and_does_nothing(gateway: Gateway) -> None:
    """10.50: after 500 nobody knows whether there is an invoice; looked up there is none, and a repetition makes it."""
    with pytest.raises(ProviderUnavailableError) as caught:
        gateway.create_invoice(_request("10.50"))

    assert (caught.value.http_status, caught.value.effect) == (500, "unknown")
    assert gateway.find_invoice("1042") is None
    assert gateway.create_invoice(_request("10.50")).status is InvoiceStatus.PENDING


def test_first_answer_is_lost_and_the_invoice_is_there(gateway: Gateway) -> None:
    """10.54: after 504 the invoice is found by its order, and a repetition gives that one, not another."""
    with pytest.raises(ProviderUnavailableError) as caught:
        gateway.create_invoice(_request("10.54"))

    found = gateway.find_invoice("1042")
    assert (caught.value.http_status, caught.value.effect) == (504, "unknown")
    assert found is not None
    assert gateway.create_invoice(_request("10.54")) == found


def test_invoice_expires_at_once(gateway: Gateway, clock: ManualClock) -> None:
    """10.99: the invoice lives for a second, whatever was asked for."""
    request = InvoiceRequest(order_id="1", amount=Money("10.99", "EUR"), expires_in=timedelta(hours=5))
    invoice = gateway.create_invoice(request)

    clock.move(timedelta(seconds=1))

    assert gateway.get_status(invoice.id).status is InvoiceStatus.EXPIRED


def test_scenario_holds_for_the_number_in_any_currency(gateway: Gateway) -> None:
    """A scenario goes by the number, however many decimals the currency writes."""
    request = InvoiceRequest(order_id="1", amount=Money("10.50", "BHD"))

    with pytest.raises(ProviderUnavailableError):
        gateway.create_invoice(request)

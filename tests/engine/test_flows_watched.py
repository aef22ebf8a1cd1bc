"""A creation and a list are watched on their way: the plugin's flow gets its answers and errors all the same."""

from __future__ import annotations

from gateway_core import Flow, HttpRequest, Invoice, InvoiceRequest, Page, Payment, PaymentQuery, errors
from tests.fake_gateway import BASE, ORDER, Wire, fake, made

GONE = errors.ProviderUnavailableError("away", http_status=503)


def _ask_twice() -> Flow[None]:
    """Ask, and ask elsewhere where that fails."""
    try:
        yield HttpRequest(method="GET", url=f"{BASE}/first")
    except errors.ProviderUnavailableError:
        yield HttpRequest(method="GET", url=f"{BASE}/second")


def test_creation_can_handle_an_error() -> None:
    """What a plugin catches around its request is caught."""

    def create_invoice(request: InvoiceRequest) -> Flow[Invoice]:
        yield from _ask_twice()
        return made(request)

    wire = Wire(GONE, 200)

    actual = fake(wire, create_invoice=create_invoice).create_invoice(ORDER)

    assert (actual, wire.sent) == (made(ORDER), ["GET /first", "GET /second"])


def test_list_can_handle_an_error() -> None:
    """What a plugin catches around its request is caught."""

    def list_payments(query: PaymentQuery) -> Flow[Page[Payment]]:
        yield from _ask_twice()
        return Page(())

    wire = Wire(GONE, 200)

    actual = list(fake(wire, list_payments=list_payments).list_payments())

    assert (actual, wire.sent) == ([], ["GET /first", "GET /second"])

from __future__ import annotations

import threading

import pytest

from gateway_core import Gateway, HttpRequest, InvoiceRequest, InvoiceStatus, Money, errors
from gateway_core.testing import HttpClient, Ledger
from gateway_sandbox.emulator import SandboxEmulator
from gateway_sandbox.server import Server, serving


def test_gateway_speaks_to_what_is_served() -> None:
    """An invoice made through the API is paid on its page, over a socket."""
    with serving(SandboxEmulator) as sandbox, Gateway.connect("sandbox", **sandbox.settings) as gateway:
        invoice = gateway.create_invoice(InvoiceRequest(order_id="1", amount=Money("5", "EUR")))
        url = invoice.payment_url or ""
        browser = HttpClient(sandbox.url)

        page = browser.send(HttpRequest(method="GET", url=url))
        browser.send(HttpRequest.form("POST", url, {"action": "pay"}))
        browser.close()

        assert url.startswith(f"{sandbox.url}/pay/")
        assert page.status == 200
        assert gateway.get_status(invoice.id).status is InvoiceStatus.PAID


@pytest.mark.parametrize(
    "path, content_type",
    [("pages.js", "text/javascript"), ("pages.css", "text/css"), ("icon.svg", "image/svg+xml")],
)
def test_assets_are_served(path: str, content_type: str) -> None:
    """What the pages are made of comes with the package, under its proper type."""
    with serving(SandboxEmulator) as sandbox:
        browser = HttpClient(sandbox.url)

        answer = browser.send(HttpRequest(method="GET", url=f"{sandbox.url}/assets/{path}"))
        browser.close()

    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith(content_type)


def test_answer_does_not_name_the_server() -> None:
    """Nothing is told of the software that answers."""
    with serving(SandboxEmulator) as sandbox:
        browser = HttpClient(sandbox.url)

        answer = browser.send(HttpRequest(method="GET", url=f"{sandbox.url}/dashboard"))
        browser.close()

    assert "server" not in answer.headers


def test_port_is_free_again_afterwards() -> None:
    """A server that has ended can be started again at the same address, and finds its state."""
    ledger = Ledger()
    with serving(SandboxEmulator, ledger=ledger) as first:
        port = int(first.url.rpartition(":")[2])

    with serving(SandboxEmulator, ledger=ledger, port=port) as second:
        assert second.settings == first.settings


def test_port_in_use_is_told() -> None:
    """Two servers cannot have one port, and the second says which and what to do."""
    with serving(SandboxEmulator) as first:
        port = int(first.url.rpartition(":")[2])

        with pytest.raises(errors.ConfigurationError, match=f"port {port} .* choose another"):
            Server(port=port)


def test_unsafe_webhook_address_ends_the_start() -> None:
    """A server that could send no webhook does not begin, and leaves no thread."""
    before = threading.active_count()

    with (
        pytest.raises(errors.ConfigurationError, match="https"),
        serving(SandboxEmulator, webhook_url="http://shop.example/webhooks"),
    ):
        pass

    assert threading.active_count() == before


def test_stop_before_run_is_obeyed() -> None:
    """A signal that comes while the server starts is not lost."""
    server = Server()
    emulator = SandboxEmulator(checkout_url=server.checkout_url)
    thread = threading.Thread(target=server.run, args=(emulator,), daemon=True)
    server.stop()

    thread.start()
    thread.join(10)

    assert not thread.is_alive()

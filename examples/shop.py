"""A small shop: an order form, and an address for webhooks. It does not know which provider it uses.

Start it beside a ``gateway.toml``::

    python examples/shop.py --port 8000
"""

from __future__ import annotations

import argparse
import html
import logging
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from wsgiref.simple_server import make_server
from wsgiref.util import request_uri

from gateway_core import Gateway, InvoiceRequest, Money, WebhookRequest, errors

log = logging.getLogger("shop")

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]

FORM = """<!doctype html><title>A small shop</title>
<h1>A small shop</h1>
<form method="post" action="/orders"><button>Buy a book for 49.90 EUR</button></form>"""

PAGE = """<!doctype html><title>Order {order}</title>
<h1>Order {order}</h1><p id="status">{status}</p>"""


class Shop:
    """The shop as a WSGI application.

    Args:
        gateway: The payment gateway.
    """

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.paid: dict[str, bool] = {}  # by order; a real shop has a database
        self.orders: dict[str, str] = {}  # from the provider's invoice id to our order

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        match environ["REQUEST_METHOD"], environ["PATH_INFO"].strip("/").split("/"):
            case "POST", ["orders"]:
                status, headers, body = self.order()
            case "GET", ["orders", order]:
                status, headers, body = self.show(order)
            case "POST", ["webhooks"]:
                status, headers, body = self.webhook(environ)
            case _:
                status, headers, body = 200, [("Content-Type", "text/html")], FORM.encode()
        start_response(f"{status} {'OK' if status == 200 else 'Other'}", headers)
        return [body]

    def order(self) -> tuple[int, list[tuple[str, str]], bytes]:
        """Take an order, and send the buyer to the provider's page."""
        order = uuid.uuid4().hex[:8]
        invoice = self.gateway.create_invoice(
            InvoiceRequest(order_id=order, amount=Money("49.90", "EUR"), description="A book")
        )
        self.paid[order] = False
        self.orders[invoice.id] = order
        return 303, [("Location", invoice.payment_url or f"/orders/{order}"), ("X-Order", order)], b""

    def show(self, order: str) -> tuple[int, list[tuple[str, str]], bytes]:
        """Show whether an order is paid."""
        status = {True: "paid", False: "waiting for payment", None: "unknown"}[self.paid.get(order)]
        page = PAGE.format(order=html.escape(order), status=status)
        return 200, [("Content-Type", "text/html; charset=utf-8")], page.encode()

    def webhook(self, environ: Environ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Take a webhook: believe it only when it is verified, and deliver only what is paid."""
        names = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
        request = WebhookRequest(
            body=environ["wsgi.input"].read(min(int(environ.get("CONTENT_LENGTH") or 0), 1 << 21)),
            headers=names,
            url=request_uri(environ),
        )
        try:
            delivery = self.gateway.verify_webhook(request)
        except errors.WebhookError as error:
            log.warning("refused a webhook: %s", error)
            return error.http_status, [], b""
        for event in delivery.events:
            order = self.orders.get(event.invoice_id or "")
            if order is not None and event.report is not None and event.report.status.is_paid:
                self.paid[order] = True  # twice the same is no harm here; a real shop delivers once
        answer = delivery.acknowledgement
        return answer.status, list(answer.headers.pairs), answer.body


def main() -> None:
    """Run the shop until it is interrupted."""
    parser = argparse.ArgumentParser(description="A small shop that sells one book.")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--config", type=Path, default=Path("gateway.toml"))
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    with (
        Gateway.open(config=arguments.config) as gateway,
        make_server("127.0.0.1", arguments.port, Shop(gateway)) as server,
    ):
        print(f"http://127.0.0.1:{server.server_port}/", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()

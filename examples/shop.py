"""A small shop: an order form, and an address for webhooks. It does not know which provider it uses.

Its orders lie in a SQLite file of its own, and its gateway keeps a journal: so nothing is asked twice and nothing is
lost, whichever answer gets lost and whenever the shop is restarted. Start it beside a ``gateway.toml`` that names a
``journal``::

    python examples/shop.py --port 8000
"""

from __future__ import annotations

import argparse
import contextlib
import html
import logging
import sqlite3
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import make_server
from wsgiref.util import request_uri

from gateway_core import CaptureRequest, Gateway, InvoiceRequest, Money, WebhookEvent, WebhookRequest, errors

log = logging.getLogger("shop")

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Answer = tuple[int, list[tuple[str, str]], bytes]

FORM = """<!doctype html><title>A small shop</title>
<h1>A small shop</h1>
<form method="post" action="/orders"><button>Buy a book for 49.90 USD</button></form>"""

PAGE = """<!doctype html><title>Order {order}</title>
<h1>Order {order}</h1><p id="status">{status}</p>{pay}"""

PAY = '<form method="post" action="/orders/{order}/pay"><button>Pay</button></form>'


class Shop:
    """The shop as a WSGI application.

    Args:
        gateway: The payment gateway, with a journal.
        database: The file of the shop's orders.
    """

    def __init__(self, gateway: Gateway, database: Path) -> None:
        self.gateway = gateway
        self.database = database
        with self.orders() as orders:
            orders.execute("CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, status TEXT NOT NULL)")

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        match environ["REQUEST_METHOD"], environ["PATH_INFO"].strip("/").split("/"):
            case "POST", ["orders"]:
                status, headers, body = self.order()
            case "POST", ["orders", order, "pay"]:
                status, headers, body = self.pay(order)
            case "GET", ["orders", order]:
                status, headers, body = self.show(order)
            case "POST", ["webhooks"]:
                status, headers, body = self.webhook(environ)
            case _:
                status, headers, body = 200, [("Content-Type", "text/html")], FORM.encode()
        start_response(f"{status} {'OK' if status == 200 else 'Other'}", headers)
        return [body]

    @contextlib.contextmanager
    def orders(self) -> Iterator[sqlite3.Connection]:
        """Give the shop's database, in a transaction."""
        with contextlib.closing(sqlite3.connect(self.database)) as connection, connection:
            yield connection

    def order(self) -> Answer:
        """Take an order. It is written down before anybody is asked for money."""
        order = uuid.uuid4().hex[:8]
        with self.orders() as orders:
            orders.execute("INSERT INTO orders VALUES (?, 'waiting for payment')", (order,))
        return self.pay(order)

    def pay(self, order: str) -> Answer:
        """Send the buyer to the provider's page. However often the button is pressed, there is one invoice to pay."""
        if self.status(order) is None:
            return 404, [], b""
        shown = [("Location", f"/orders/{order}"), ("X-Order", order)]
        try:
            invoice = self.gateway.create_invoice(
                InvoiceRequest(order_id=order, amount=Money("49.90", "USD"), description="A book")
            )
        except errors.GatewayError as error:
            log.warning("no invoice for order %s yet: %s", order, error)
            return 303, shown, b""  # the button there tries again; what was asked for already is found
        return 303, [("Location", invoice.payment_url), shown[1]] if invoice.payment_url else shown, b""

    def show(self, order: str) -> Answer:
        """Show an order. A buyer who comes back from the provider's page may be earlier than the webhook."""
        if self.status(order) == "waiting for payment":
            with contextlib.suppress(errors.GatewayError):
                self.gateway.poll(self.handle, order_id=order)
        status = self.status(order)
        pay = PAY.format(order=html.escape(order)) if status == "waiting for payment" else ""
        page = PAGE.format(order=html.escape(order), status=status or "unknown", pay=pay)
        return 200, [("Content-Type", "text/html; charset=utf-8")], page.encode()

    def webhook(self, environ: Environ) -> Answer:
        """Take a webhook: what is new in it comes out once, compared with what was asked for."""
        names = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
        request = WebhookRequest(
            body=environ["wsgi.input"].read(min(int(environ.get("CONTENT_LENGTH") or 0), 1 << 21)),
            headers=names,
            url=request_uri(environ),
        )
        try:
            with self.gateway.receive_webhook(request) as delivery:
                for event in delivery.events:
                    self.handle(event)
        except errors.WebhookError as error:
            log.warning("refused a webhook: %s", error)
            return error.http_status, [], b""
        answer = delivery.acknowledgement
        return answer.status, list(answer.headers.pairs), answer.body

    def handle(self, event: WebhookEvent) -> None:
        """Do what an event says. To do it twice is no harm here, which makes once out of at least once."""
        with self.orders() as orders:
            if event.pays:
                orders.execute("UPDATE orders SET status = 'paid' WHERE id = ?", (event.order_id,))
                log.info("deliver order %s", event.order_id)
            elif event.move is not None and event.move.after in ("refunded", "partially_refunded"):
                orders.execute("UPDATE orders SET status = ? WHERE id = ?", (str(event.move.after), event.order_id))
        agreed = event.move is not None and event.move.after in ("approved", "authorized")
        if agreed and event.invoice_id is not None and self.gateway.supports("capture_payment"):
            # Nothing was taken yet. The key keeps it from being taken twice.
            references = event.report.references if event.report else {}
            self.gateway.capture_payment(
                CaptureRequest(capture_id=event.invoice_id, invoice_id=event.invoice_id, references=references)
            )

    def status(self, order: str) -> str | None:
        """Return an order's status; None if there is no such order."""
        with self.orders() as orders:
            found = orders.execute("SELECT status FROM orders WHERE id = ?", (order,)).fetchone()
        return None if found is None else str(found[0])


def main() -> None:
    """Run the shop until it is interrupted."""
    parser = argparse.ArgumentParser(description="A small shop that sells one book.")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--config", type=Path, default=Path("gateway.toml"))
    parser.add_argument("--database", type=Path, default=Path("shop.db"))
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    with (
        Gateway.open(config=arguments.config) as gateway,
        make_server("127.0.0.1", arguments.port, Shop(gateway, arguments.database)) as server,
    ):
        print(f"http://127.0.0.1:{server.server_port}/", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()

"""A shop with an account at the sandbox, and a payer there."""

from __future__ import annotations

import itertools
from typing import Any

from bookshop_app.models import Order, Shipment
from django.test import Client

import gateway_django
from gateway_core import InvoiceRequest, Money, WebhookRequest
from gateway_core.testing import EmulatedAccount

_numbers = itertools.count(1)

ADDRESS = "/payments/webhooks/"


class Shop:
    """A shop with an account at the sandbox, whose journal is in a database of Django's.

    Attributes:
        database: The alias of that database.
        account: The account.
        told: The names of the signals that came, each with its order.
    """

    def __init__(self, database: str, account: EmulatedAccount, gateway: Any) -> None:
        self.database = database
        self.account = account
        self.gateway = gateway
        self.told: list[tuple[str, str]] = []

    def check_out(self, amount: str = "49.90", order_id: str | None = None) -> str:
        """Make an order with its invoice, and return its number."""
        number = order_id or f"order-{next(_numbers)}"
        Order.objects.using(self.database).create(number=number, total=Money(amount, "EUR"))
        gateway_django.gateway().create_invoice(InvoiceRequest(order_id=number, amount=Money(amount, "EUR")))
        return number

    def invoice_of(self, number: str) -> str:
        """Return the id of an order's invoice."""
        invoice_id: str = self.gateway.journal.order(number)["invoices"][0]["invoice_id"]
        return invoice_id

    def webhooks_of(self, number: str, act: str = "pay", **more: Any) -> list[WebhookRequest]:
        """Let the payer do something, and return the webhooks."""
        getattr(self.account, act)(self.invoice_of(number), **more)
        return self.account.webhooks()

    def shipments(self, number: str) -> int:
        """Return how often an order was shipped."""
        return Shipment.objects.using(self.database).filter(order_id=number).count()


def post(webhook: WebhookRequest, address: str = ADDRESS, client: Any = None, **more: Any) -> Any:
    """Deliver a webhook to the shop."""
    headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in webhook.headers.pairs}
    headers.pop("HTTP_CONTENT_LENGTH", None)
    kind = headers.pop("HTTP_CONTENT_TYPE", "application/json")
    headers["HTTP_HOST"] = "testserver"
    return (client or Client()).post(address, data=webhook.body, content_type=kind, **{**headers, **more})

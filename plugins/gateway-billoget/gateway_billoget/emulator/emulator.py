"""Billoget's budgets, customers and webhooks, emulated; `Api` answers the requests."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal

import attrs

from gateway_billoget.emulator import documents, drafting
from gateway_billoget.emulator.api import SCOPES, Api
from gateway_billoget.emulator.reading import Fields
from gateway_billoget.emulator.shelf import Shelf
from gateway_billoget.settings import Generation
from gateway_billoget.writing import time_text
from gateway_core import HttpRequest, HttpResponse, InvoiceStatus, Money, PaymentStatus
from gateway_core.errors import RejectedError
from gateway_core.http import endpoint
from gateway_core.models.headers import HeadersLike
from gateway_core.testing import EmulatedInvoice, EmulatedPayment, Emulator, InvoiceAction, Ledger, QueuedDelivery
from gateway_core.webhooks import sign
from gateway_core.wire import dumps, loads

_DELETE = InvoiceAction(id="delete", label="Delete", hint="Delete the budget, softly: the customer's page refuses it.")


class BillogetEmulator(Emulator):
    """Billoget: budgets that a customer approves or rejects. Nobody pays here, whatever the button says.

    Args:
        ledger: Its memory; a new one in memory by default.
        generation: The family of field names that it speaks. In G1, budgets have no page that the API tells of.
        currency: The account's currency, which is that of every budget in G1.
        rate_limit: Requests that the key may make in any hour.
        scopes: The scopes of the key.
        redelivery: The waits before a webhook that was not accepted is sent again: documented is that they grow
            exponentially, and no more.
        webhook_encoding: How signatures are written, ``hex`` or ``base64``.
        webhook_prefix: What stands before a signature.
        more: As for every emulator.
    """

    title: ClassVar[str] = "Billoget"
    pay_label: ClassVar[str] = "Approve"
    decline_label: ClassVar[str] = "Reject"
    partial_payments: ClassVar[bool] = False
    overpayments: ClassVar[bool] = False
    redelivery: ClassVar[tuple[timedelta, ...]] = tuple(timedelta(minutes=2**power) for power in range(6))

    def __init__(  # noqa: PLR0913  # all but the ledger by name
        self,
        ledger: Ledger | None = None,
        *,
        generation: Generation = "G3",
        currency: str = "EUR",
        rate_limit: int = 1000,
        scopes: Collection[str] = SCOPES,
        redelivery: tuple[timedelta, ...] | None = None,
        webhook_encoding: Literal["hex", "base64"] = "hex",
        webhook_prefix: str = "",
        **more: Any,
    ) -> None:
        super().__init__(ledger, **more)
        self.generation: Generation = generation
        self.currency = currency
        self.scopes = frozenset(scopes)
        self.webhook_encoding: Literal["hex", "base64"] = webhook_encoding
        self.webhook_prefix = webhook_prefix
        if redelivery is not None:
            self.redelivery = redelivery  # type: ignore[misc]  # the class has the usual ones, this one its own
        self.customers = Shelf(self.ledger, "customers", generation, 501)
        self.products = Shelf(self.ledger, "products", generation, 301)
        self._api = Api(self, rate_limit)
        with self.ledger.transaction():
            self._stock()

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request to the API."""
        return self._api.handle(request)

    def new_credentials(self) -> Mapping[str, str]:
        """Return a random API key, of the kind for tests, and a random webhook secret."""
        return {"api_key": f"bk_test_{self.new_token(32)}", "webhook_secret": self.new_token(40)}

    def settings(self, base_url: str) -> dict[str, str]:
        """Return the settings with which the plugin reaches this emulator at an address, and can make invoices."""
        known = {
            **super().settings(base_url),
            "base_url": endpoint(base_url, "v1"),
            "field_generation": self.generation,
            "currency": self.currency,
            "customer_id": self.customers.first,
            "product_id": self.products.first,
        }
        if self.generation == "G1":
            return known
        return {**known, "create_mode": "public", "seller_id": "7", "minimum_payment_to_confirm": "0"}

    # What the customer can do.

    def pay(self, token: str, amount: Money | None = None, way: str | None = None) -> EmulatedPayment:
        """Approve a budget, as the customer does on its page. No money moves, and nothing is paid.

        What is returned is kept nowhere: a payment of nothing, for whoever asks every emulator to pay.

        Raises:
            NotFoundError: If there is no such budget or way.
            RejectedError: If it can no longer be approved, or only a part is offered.
        """
        with self.ledger.transaction():
            invoice = self.invoice(token)
            self.check_payable(invoice)
            self._way(invoice, way)
            if amount not in (None, invoice.amount):
                raise RejectedError("a budget is approved as it is, or rejected")
            approved = self.decide(invoice, InvoiceStatus.APPROVED)
        nothing = approved.amount - approved.amount
        return EmulatedPayment(
            id=self.new_uuid(), amount=nothing, status=PaymentStatus.PENDING, paid_at=self.clock(), reference="Approval"
        )

    def decline(self, token: str) -> EmulatedInvoice:
        """Reject a budget, as the customer does on its page.

        Raises:
            NotFoundError: If there is no such budget.
            RejectedError: If it can no longer be rejected.
        """
        with self.ledger.transaction():
            invoice = self.invoice(token)
            self.check_payable(invoice)
            return self.decide(invoice, InvoiceStatus.CANCELED)

    def payable(self, invoice: EmulatedInvoice) -> bool:
        """Return whether a budget can be approved: a deleted one cannot."""
        return super().payable(invoice) and not invoice.data["deleted"]

    def actions(self, invoice: EmulatedInvoice) -> tuple[InvoiceAction, ...]:
        """Return what the shop and time can do to a budget: nothing to one that was deleted."""
        return () if invoice.data["deleted"] else (_DELETE, *super().actions(invoice))

    def perform(self, invoice: EmulatedInvoice, action: str, amount: Money | None) -> None:
        """Do one of the `actions`."""
        if action == _DELETE.id:
            self.delete(invoice)
        else:
            super().perform(invoice, action, amount)

    # What becomes of a budget.

    def create(self, fields: Fields) -> EmulatedInvoice:
        """Make a budget of what was sent, and tell the shop.

        Raises:
            RefusedError: If a field is missing or wrong.
        """
        number = self.next_number("budgets", 123)
        made = drafting.draft(fields, self.currency, self.customers, self.clock())
        budget_id = str(number) if self.generation == "G3" else f"budget_{number}"
        invoice = attrs.evolve(made, id=budget_id, token=self.new_token(24))
        self.ledger.save(invoice)
        self.announce("budget.created", invoice)
        return invoice

    def change(self, invoice: EmulatedInvoice, fields: Fields) -> EmulatedInvoice:
        """Change the fields of a budget that were sent, and tell the shop.

        Raises:
            RefusedError: If one is wrong.
        """
        changed = self._kept(drafting.change(invoice, fields, self.customers))
        self.announce("budget.updated", changed)
        return changed

    def delete(self, invoice: EmulatedInvoice) -> None:
        """Delete a budget, softly, and tell the shop."""
        self.announce("budget.deleted", self._kept(invoice, deleted=True))

    def decide(self, invoice: EmulatedInvoice, status: InvoiceStatus) -> EmulatedInvoice:
        """Approve or reject a budget."""
        approved = time_text(self.clock()) if status is InvoiceStatus.APPROVED else None
        decided = self._kept(attrs.evolve(invoice, status=status), approved=approved)
        self.on_change(decided, None)
        return decided

    def next_number(self, name: str, first: int) -> int:
        """Return the next number of a series."""
        number = int(self.ledger.note(f"next of {name}") or first)
        self.ledger.set_note(f"next of {name}", str(number + 1))
        return number

    # The webhooks.

    def on_change(self, invoice: EmulatedInvoice, payment: EmulatedPayment | None) -> None:  # noqa: ARG002  # no payments
        """Tell that a budget was approved or rejected, or that its time is over; of a deleted one nothing more."""
        if not invoice.data["deleted"]:
            self.announce(f"budget.{documents.STATUS_WORDS[invoice.status].lower()}", invoice)

    def webhook_body(self, kind: str, invoice: EmulatedInvoice, payment: EmulatedPayment | None) -> bytes:  # noqa: ARG002  # no payments
        """Return what is sent to the shop."""
        customer = self.customers.get(invoice.data["customer"])
        return self.notification(kind, documents.notified_budget(invoice, self.generation, customer))

    def event_key(self, body: bytes) -> str:
        """Return the delivery's id: every attempt has the same."""
        key: str = loads(body)["metadata"]["delivery_id"]
        return key

    def webhook_headers(self, delivery: QueuedDelivery, at: datetime) -> HeadersLike:  # noqa: ARG002  # not signed
        """Return the HMAC-SHA256 of the body."""
        secret = self.credentials["webhook_secret"].encode("ascii")
        encoding: Any = self.credentials.get("webhook_encoding", self.webhook_encoding)
        signature = sign(secret, delivery.body, encoding).decode("ascii")
        header = self.credentials.get("webhook_header", "X-Billoget-Signature")
        return {header: f"{self.webhook_prefix}{signature}"}

    def announce_other(self, kind: str, about: str, data: Mapping[str, Any]) -> None:
        """Queue a webhook that is about no budget, if the shop has an address for them."""
        if self.webhook_url is not None:
            self.enqueue(kind, about, self.notification(kind, data))

    def notification(self, kind: str, data: Mapping[str, Any]) -> bytes:
        """Return the bytes of a webhook, with a delivery id of its own."""
        delivery_id = f"delivery_{self.next_number('deliveries', 789)}"
        notification = documents.notification(kind, self.clock(), data, delivery_id)
        return (
            dumps(notification) + b"\n"
        )  # a body that was parsed and written anew lacks it: such a shop fails here, too

    def _kept(self, invoice: EmulatedInvoice, **changes: Any) -> EmulatedInvoice:
        """Save a budget with changes in its data."""
        changed = attrs.evolve(invoice, data={**invoice.data, **changes, "updated": time_text(self.clock())})
        self.ledger.save(changed)
        return changed

    def _stock(self) -> None:
        """Give a new account a customer and a product."""
        at = time_text(self.clock())
        if not self.customers.all():
            name = {"name": "Ana Gómez"} if self.generation == "G1" else {"firstName": "Ana", "lastName": "Gómez"}
            self.customers.add({**name, "email": "ana@shop.example"}, at)
        if not self.products.all():
            product = {"productCode": "TEST-1", "description": "Anything", "category": "Test", "price": 1}
            self.products.add(product, at)

"""A shop at an emulated provider, with a journal."""

from __future__ import annotations

from typing import Any

from gateway_core import Gateway, InvoiceRequest, Money, WebhookEvent, WebhookRequest
from gateway_core.errors import WebhookError
from gateway_core.journal import Journal
from gateway_core.testing import EmulatedAccount

_NEEDED: dict[str, dict[str, Any]] = {
    "azothpay": {"options": {"period": "PerMonth"}},
}


class Shop:
    """A shop that delivers once what is paid, and writes down what it was told.

    Attributes:
        account: The provider.
        journal: What it keeps.
        gateway: The way to the provider, with the journal.
        delivered: The orders that were delivered.
        told: The events that came out.
        reviews: Those that somebody has to look at.
    """

    def __init__(self, journal_url: str, backend: str = "sandbox") -> None:
        self.account = EmulatedAccount(backend)
        self.journal = Journal(journal_url, clock=self.account.clock)
        self.gateway: Gateway = self.account.connect(journal=self.journal)
        self.delivered: list[str | None] = []
        self.told: list[WebhookEvent] = []
        self.reviews: list[WebhookEvent] = []

    def order(self, order_id: str = "1042", amount: str = "49.90", **more: Any) -> InvoiceRequest:
        """Return what an order asks for."""
        needed = _NEEDED.get(self.gateway.backend, {})
        return InvoiceRequest(order_id=order_id, amount=Money(amount, "USD" if needed else "EUR"), **{**needed, **more})

    def handle(self, event: WebhookEvent) -> None:
        """Do what an event says."""
        self.told.append(event)
        if event.pays:
            self.delivered.append(event.order_id)

    def receive(self, request: WebhookRequest) -> int:
        """Take a webhook, and return the status to answer with."""
        try:
            with self.gateway.receive_webhook(request) as delivery:
                for event in delivery.events:
                    self.handle(event)
                self.reviews += delivery.reviews
        except WebhookError as error:
            return error.http_status
        return delivery.acknowledgement.status

    def deliver(self) -> list[int]:
        """Let the webhooks come that are due, and return the answers."""
        answers: list[int] = []

        def receive(request: WebhookRequest) -> int:
            answers.append(self.receive(request))
            return answers[-1]

        self.account.deliver(receive)
        return answers

    def close(self) -> None:
        """Close everything."""
        self.gateway.close()
        self.journal.close()
        self.account.close()

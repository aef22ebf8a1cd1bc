"""The smallest provider, a shop that receives its webhooks, and an invoice to pay."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs

from gateway_core import HttpRequest, HttpResponse, Money
from gateway_core.testing import (
    EmulatedInvoice,
    EmulatedPayment,
    Emulator,
    QueuedDelivery,
)

HOOK = "http://127.0.0.1:8000/webhook"
ZERO = Money(0, "EUR")


class Shoestring(Emulator):
    """The smallest provider."""

    title = "Shoestring"
    redelivery = (timedelta(seconds=5), timedelta(minutes=1))

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer with what was asked."""
        return HttpResponse(status=200, body=request.body)

    def new_credentials(self) -> Mapping[str, str]:
        """Return random keys."""
        return {"api_key": self.new_token(), "webhook_secret": self.new_token()}

    def webhook_body(self, kind: str, invoice: EmulatedInvoice, payment: EmulatedPayment | None) -> bytes:
        """Return the event, the invoice and the payment."""
        return json.dumps({"kind": kind, "invoice": invoice.id, "payment": payment and payment.id}).encode()

    def webhook_headers(self, delivery: QueuedDelivery, at: datetime) -> list[tuple[str, str]]:
        """Return a signature of the length and of the time of sending."""
        return [("signature", f"{len(delivery.body)} at {at:%H:%M:%S}")]

    def on_change(self, invoice: EmulatedInvoice, payment: EmulatedPayment | None) -> None:
        """Tell of everything."""
        self.announce(invoice.status.value, invoice, payment)


class Receiver:
    """A shop's webhook address."""

    def __init__(self, *answers: int | None) -> None:
        self.answers = list(answers)
        self.requests: list[HttpRequest] = []

    def __call__(self, request: HttpRequest) -> int | None:
        """Answer with the next status, and with 200 after the last."""
        self.requests.append(request)
        return self.answers.pop(0) if self.answers else 200

    @property
    def kinds(self) -> list[str]:
        """The events that came."""
        return [json.loads(request.body)["kind"] for request in self.requests]


def bill(emulator: Shoestring, **changes: Any) -> EmulatedInvoice:
    """Add an invoice of 50 EUR, due in 15 minutes, with changes."""
    made = EmulatedInvoice(
        id=emulator.new_uuid(),
        token=emulator.new_token(),
        amount=Money("50", "EUR"),
        created_at=emulator.clock(),
        expires_at=emulator.clock() + timedelta(minutes=15),
        received=ZERO,
        refunded=ZERO,
    )
    invoice = attrs.evolve(made, **changes)
    emulator.ledger.save(invoice)
    return invoice


def deliveries(emulator: Shoestring) -> list[QueuedDelivery]:
    """Return the webhooks, oldest first."""
    return [delivery for _, delivery in emulator.ledger.select(QueuedDelivery)]

"""A worker of a shop that is killed at a named point.

It talks to a provider in another process, so that the provider's own log is the judge of what was done.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway_core import Gateway, InvoiceRequest, Money, WebhookRequest, errors
from gateway_core.journal import Journal
from gateway_core.journal._inbox import Inbox
from gateway_core.journal._intents import Intents
from gateway_core.transport import TransportSettings
from gateway_core.transport._requests_transport import RequestsTransport

#: The points of a creation, and of a webhook's handling, at which a worker is killed.
CREATING = (
    "before the intent",
    "after the intent",
    "before the mark",
    "after the mark",
    "before the request",
    "after the answer",
    "before the result",
    "after the result",
)
RECEIVING = (
    "before the claim",
    "after the claim",
    "before the effect",
    "in the effect",
    "after the effect",
    "before the note",
    "after the note",
    "before the answer",
)

#: How long the provider may take to carry a request out, in these tests.
SETTLE = timedelta(seconds=0.5)


def _much_later() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=5)


def die() -> None:
    """End as `kill -9` does."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_at(owner: Any, name: str, *, after: bool) -> None:
    """Die right before, or right after, a function does its work."""
    inner: Callable[..., Any] = getattr(owner, name)

    def deadly(*arguments: Any, **more: Any) -> Any:
        if not after:
            die()
        result = inner(*arguments, **more)
        die()
        return result

    setattr(owner, name, deadly)


_POINTS: dict[str, tuple[Any, str, bool]] = {
    "before the intent": (Intents, "begin", False),
    "after the intent": (Intents, "begin", True),
    "before the mark": (Intents, "sending", False),
    "after the mark": (Intents, "sending", True),
    "before the request": (RequestsTransport, "send", False),
    "after the answer": (RequestsTransport, "send", True),
    "before the result": (Intents, "end", False),
    "before the claim": (Inbox, "claim", False),
    "after the claim": (Inbox, "claim", True),
    "before the note": (Inbox, "finish", False),
    "after the note": (Inbox, "finish", True),
}


def connect(job: dict[str, Any]) -> Gateway:
    """Make the gateway of a worker."""
    return Gateway.connect(
        job["backend"],
        journal=Journal(job["journal"], settle=SETTLE, clock=_much_later if job.get("later") else None),
        transport=TransportSettings(deadline=30.0, attempts=1),
        rate_limits=[],
        observers=[],
        **job["settings"],
    )


def create(gateway: Gateway, job: dict[str, Any], point: str | None) -> str:
    """Create the invoice of an order, and return its id or what is known."""
    order = InvoiceRequest(order_id=job["order"], amount=Money("49.90", job["currency"]))
    try:
        invoice = gateway.create_invoice(order)
    except errors.GatewayError as error:
        return f"{type(error).__name__} {error.effect}"
    if point == "after the result":
        die()
    return invoice.id


def receive(gateway: Gateway, job: dict[str, Any], point: str | None) -> int:
    """Handle a webhook whose effect is a row of the shop's own in the database of the journal."""
    from sqlalchemy import text

    request = WebhookRequest(body=job["body"].encode("latin-1"), headers=job["headers"], url=job["url"], method="POST")
    assert gateway._recorder is not None
    with (
        gateway._recorder.store.engine.begin() as connection,
        gateway.receive_webhook(request, connection=connection, claim=timedelta(seconds=0.5)) as delivery,
    ):
        for event in delivery.events:
            if point == "before the effect":
                die()
            if event.pays:
                connection.execute(text("INSERT INTO shipped VALUES (:order)"), {"order": event.order_id})
            if point == "in the effect":
                die()
        if point == "after the effect":
            die()
    if point == "before the answer":
        die()
    return delivery.acknowledgement.status


def run(job: dict[str, Any]) -> None:
    """Do the job, and die at its point."""
    point = job.get("point")
    with connect(job) as gateway:
        if point in _POINTS:
            owner, name, after = _POINTS[point]
            kill_at(owner, name, after=after)
        if "body" in job:
            receive(gateway, job, point)
        if "orders" in job:
            job["told"].put([create(gateway, job | {"order": order}, point) for order in job["orders"]])
        if "order" in job:
            create(gateway, job, point)

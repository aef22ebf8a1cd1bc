"""The webhooks of an emulator: queued, sent, sent again, and played with."""

from __future__ import annotations

import abc
import random
import threading
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import ClassVar

import attrs

from gateway_core.errors import NotFoundError
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.models.headers import Headers, HeadersLike
from gateway_core.testing.ledger import Attempt, EmulatedInvoice, EmulatedPayment, Ledger, QueuedDelivery

#: How much of a shop's answer to a webhook is kept, in bytes.
_KEPT = 1000

#: Changes every digit, in amounts and ids alike.
_NEXT_DIGIT = bytes.maketrans(b"0123456789", b"1234567890")


class WebhookQueue(abc.ABC):
    """The webhooks of one emulated account, which every `Emulator` has.

    Attributes:
        on_attempt: Called after each try to deliver a webhook, with the delivery and the try; None calls nothing.
    """

    #: The waits before a webhook that was not accepted is sent again.
    redelivery: ClassVar[tuple[timedelta, ...]] = ()

    def __init__(
        self, ledger: Ledger, webhook_url: str | None, clock: Callable[[], datetime], randomness: random.Random
    ) -> None:
        self.ledger = ledger
        self.webhook_url = webhook_url
        self.clock = clock
        self.random = randomness
        self.on_attempt: Callable[[QueuedDelivery, Attempt], None] | None = None
        self._delivering = threading.Lock()

    @abc.abstractmethod
    def expire_due(self) -> None:
        """Let every invoice expire whose time is over, and tell the shop."""

    @abc.abstractmethod
    def webhook_body(self, kind: str, invoice: EmulatedInvoice, payment: EmulatedPayment | None) -> bytes:
        """Return what is sent to the shop about an event."""

    def event_key(self, body: bytes) -> str:  # noqa: ARG002  # for subclasses
        """Return the key of the event that a new webhook tells of; a random one by default."""
        return self.new_uuid()

    def webhook_headers(self, delivery: QueuedDelivery, at: datetime) -> HeadersLike:  # noqa: ARG002  # for subclasses
        """Return the headers that sign a delivery at the moment it is sent; none by default."""
        return ()

    def webhook_accepted(self, status: int) -> bool:
        """Return whether the shop's answer means that it has the webhook: any 2xx by default."""
        return 200 <= status < 300

    def announce(self, kind: str, invoice: EmulatedInvoice, payment: EmulatedPayment | None = None) -> None:
        """Queue a webhook, if the shop has an address for them."""
        if self.webhook_url is not None:
            self.enqueue(kind, invoice.id, self.webhook_body(kind, invoice, payment))

    def enqueue(self, kind: str, about: str, body: bytes) -> None:
        """Queue a webhook with this body, if the shop has an address for them.

        Args:
            kind: The provider's name of the event.
            about: The id of what it is about, an invoice's in most cases.
            body: What is sent.
        """
        if self.webhook_url is None:
            return
        now = self.clock()
        self.ledger.save(
            QueuedDelivery(
                id=self.new_uuid(),
                event_id=self.event_key(body),
                invoice_id=about,
                kind=kind,
                body=body,
                created_at=now,
                due_at=now,
            )
        )

    def deliver(self, send: Callable[[HttpRequest], HttpResponse | int | None]) -> int:
        """Send every webhook that is due, and return how many were.

        Nothing is locked while one is sent, so that the shop may ask the provider before it answers. Calls wait for
        each other.

        Args:
            send: Sends one request; returns the answer or its status, or None if there was none.
        """
        sent = 0
        with self._delivering:
            for delivery in self.waiting():
                request = self.webhook_request(delivery)
                if request is not None:
                    self._record(delivery, send(request), request)
                    sent += 1
        return sent

    def waiting(self) -> tuple[QueuedDelivery, ...]:
        """Return the deliveries that are due, in the order in which they are sent."""
        with self.ledger.transaction():
            self.expire_due()
            return tuple(delivery for _, delivery in self.ledger.select(QueuedDelivery, due=self.clock()))

    def webhook_request(self, delivery: QueuedDelivery) -> HttpRequest | None:
        """Return a delivery as the request that goes to the shop; None if the shop has no address."""
        if self.webhook_url is None:
            return None
        headers = [("Content-Type", "application/json"), *Headers(self.webhook_headers(delivery, self.clock())).pairs]
        return HttpRequest(method="POST", url=self.webhook_url, headers=headers, body=self.sent_body(delivery))

    def sent_body(self, delivery: QueuedDelivery) -> bytes:
        """Return the body of a delivery as it goes out: that of one that is tampered with has other digits."""
        return delivery.body.translate(_NEXT_DIGIT) if delivery.tampered else delivery.body

    def resend(self, delivery_id: str) -> None:
        """Send a delivery once more, now."""
        with self.ledger.transaction():
            self.ledger.save(attrs.evolve(self._delivery(delivery_id), due_at=self.clock()))

    def duplicate(self, delivery_id: str) -> None:
        """Send the same event in a second delivery, now."""
        self._send_again(delivery_id, tampered=False)

    def delay(self, delivery_id: str, wait: timedelta) -> None:
        """Send a delivery after a wait."""
        with self.ledger.transaction():
            self.ledger.save(attrs.evolve(self._delivery(delivery_id), due_at=self.clock() + wait))

    def tamper(self, delivery_id: str) -> None:
        """Send the event in a second delivery whose body is changed after it was signed."""
        self._send_again(delivery_id, tampered=True)

    def reorder(self) -> None:
        """Send what is due in the reverse order: the deliveries change places, and each place keeps its key."""
        with self.ledger.transaction():
            waiting = self.waiting()
            for place, delivery in zip(waiting, reversed(waiting), strict=True):
                self.ledger.save(attrs.evolve(delivery, id=place.id))

    def lose(self, delivery_id: str) -> None:
        """Lose a delivery on its way: there is no answer, so it is sent again as any that was not accepted."""
        self._record(self._delivery(delivery_id), None)

    def new_uuid(self) -> str:
        """Return a new random UUID."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def _send_again(self, delivery_id: str, *, tampered: bool) -> None:
        with self.ledger.transaction():
            now = self.clock()
            first = self._delivery(delivery_id)
            again = attrs.evolve(first, id=self.new_uuid(), created_at=now, due_at=now, attempts=(), tampered=tampered)
            self.ledger.save(again)

    def _delivery(self, delivery_id: str) -> QueuedDelivery:
        delivery = self.ledger.get(QueuedDelivery, delivery_id)
        if delivery is None:
            raise NotFoundError("there is no such delivery")
        return delivery

    def _record(
        self, sent: QueuedDelivery, answer: HttpResponse | int | None, request: HttpRequest | None = None
    ) -> None:
        with self.ledger.transaction():
            delivery = self._delivery(sent.id)
            status = answer.status if isinstance(answer, HttpResponse) else answer
            accepted = status is not None and self.webhook_accepted(status)
            tried = len(delivery.attempts)
            again = not accepted and not delivery.tampered and tried < len(self.redelivery)
            due_at = self.clock() + self.redelivery[tried] if again else None
            if delivery.due_at != sent.due_at:
                due_at = delivery.due_at  # somebody asked for another one meanwhile
            attempt = Attempt(
                at=self.clock(),
                status=status,
                note="accepted" if accepted else "not accepted" if status is not None else "no answer",
                url=request.url if request else "",
                headers=request.headers.pairs if request else (),
                answer=answer.body[:_KEPT].decode("utf-8", "replace") if isinstance(answer, HttpResponse) else "",
            )
            tried_again = attrs.evolve(delivery, attempts=(*delivery.attempts, attempt), due_at=due_at)
            self.ledger.save(tried_again)
        if self.on_attempt is not None:
            self.on_attempt(tried_again, attempt)

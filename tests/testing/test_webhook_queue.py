"""The webhooks of an emulator: sent until they are taken, and played with."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest

from gateway_core import HttpRequest, HttpResponse, InvoiceStatus, Money
from gateway_core.errors import NotFoundError
from gateway_core.testing import (
    Attempt,
    EmulatedInvoice,
    ManualClock,
)
from tests.testing.shoestring import HOOK, Receiver, Shoestring, bill, deliveries


def test_webhook_is_sent_until_it_is_taken(emulator: Shoestring, clock: ManualClock) -> None:
    """After a refusal and after silence a webhook waits for its time, and after a success it is over."""
    emulator.pay(bill(emulator).token)
    receiver = Receiver(500, None, 204)
    sent = []

    for wait in (0, 4, 1, 59, 1, 3600):
        clock.move(timedelta(seconds=wait))
        sent.append(emulator.deliver(receiver))

    assert sent == [1, 0, 1, 0, 1, 0]
    assert [(attempt.status, attempt.note) for attempt in deliveries(emulator)[0].attempts] == [
        (500, "not accepted"),
        (None, "no answer"),
        (204, "accepted"),
    ]


def test_webhook_is_given_up_after_its_last_wait(emulator: Shoestring, clock: ManualClock) -> None:
    """There is one attempt more than there are waits."""
    emulator.pay(bill(emulator).token)
    receiver = Receiver(500, 500, 500, 500)

    for _ in range(10):
        clock.move(timedelta(hours=1))
        emulator.deliver(receiver)

    assert len(receiver.requests) == 3
    assert deliveries(emulator)[0].due_at is None


def test_each_attempt_is_signed_anew(emulator: Shoestring, clock: ManualClock) -> None:
    """The signature bears the time of the attempt, and the body stays as it is."""
    emulator.pay(bill(emulator).token)
    receiver = Receiver(500)

    emulator.deliver(receiver)
    clock.move(timedelta(seconds=5))
    emulator.deliver(receiver)

    first, second = receiver.requests
    assert (first.headers["signature"][-8:], second.headers["signature"][-8:]) == ("08:00:00", "08:00:05")
    assert first.body == second.body


def test_shop_without_an_address_is_sent_nothing(clock: ManualClock) -> None:
    """Without an address nothing is queued; one that is taken away leaves nothing to send."""
    emulator = Shoestring(clock=clock)
    emulator.pay(bill(emulator).token)
    emulator.webhook_url = HOOK
    emulator.pay(bill(emulator).token)
    emulator.webhook_url = None

    sent = emulator.deliver(Receiver())

    assert sent == 0
    assert len(deliveries(emulator)) == 1


def test_nothing_is_locked_while_a_webhook_is_sent(emulator: Shoestring) -> None:
    """A shop that looks an invoice up before it answers is not kept waiting."""
    token = bill(emulator).token
    emulator.pay(token)
    found: list[EmulatedInvoice] = []

    def send(request: HttpRequest) -> int:
        looking = threading.Thread(target=lambda: found.append(emulator.invoice(token)), daemon=True)
        looking.start()
        looking.join(timeout=10)
        return 200

    emulator.deliver(send)

    assert [invoice.status for invoice in found] == [InvoiceStatus.PAID]


def test_two_delivery_runs_send_each_webhook_once(emulator: Shoestring) -> None:
    """A second run waits for the first, and finds nothing left."""
    for _ in range(5):
        emulator.pay(bill(emulator).token)
    receiver = Receiver()
    second = threading.Thread(target=lambda: emulator.deliver(receiver))

    def send(request: HttpRequest) -> int | None:
        if not receiver.requests:
            second.start()
            second.join(timeout=0.2)
        return receiver(request)

    emulator.deliver(send)
    second.join()

    assert len(receiver.requests) == 5


def test_resend_while_it_is_sent_is_not_lost(emulator: Shoestring, clock: ManualClock) -> None:
    """Who asks for another attempt during one gets it."""
    emulator.pay(bill(emulator).token)
    receiver = Receiver()

    def send(request: HttpRequest) -> int | None:
        clock.move(timedelta(seconds=1))
        if not receiver.requests:
            emulator.resend(deliveries(emulator)[0].id)
        return receiver(request)

    emulator.deliver(send)
    emulator.deliver(send)

    assert len(receiver.requests) == 2


def test_resent_delivery_keeps_its_event(emulator: Shoestring) -> None:
    """A delivery that is resent goes out again, though it was accepted."""
    emulator.pay(bill(emulator).token)
    receiver = Receiver()
    emulator.deliver(receiver)

    emulator.resend(deliveries(emulator)[0].id)
    emulator.deliver(receiver)

    assert len(receiver.requests) == 2
    assert len(deliveries(emulator)) == 1


def test_duplicate_has_the_same_event(emulator: Shoestring) -> None:
    """A duplicate is another delivery of the same event, with the same bytes."""
    emulator.pay(bill(emulator).token)
    receiver = Receiver()
    emulator.deliver(receiver)

    emulator.duplicate(deliveries(emulator)[0].id)
    emulator.deliver(receiver)

    first, second = deliveries(emulator)
    assert first.id != second.id
    assert first.event_id == second.event_id
    assert len({request.body for request in receiver.requests}) == 1


def test_delayed_delivery_waits(emulator: Shoestring, clock: ManualClock) -> None:
    """A delayed delivery goes out when its wait is over."""
    emulator.pay(bill(emulator).token)
    receiver = Receiver()

    emulator.delay(deliveries(emulator)[0].id, timedelta(minutes=1))

    before = emulator.deliver(receiver)
    clock.move(timedelta(minutes=1))
    assert (before, emulator.deliver(receiver)) == (0, 1)


def test_tampered_delivery_is_changed_after_signing(emulator: Shoestring, clock: ManualClock) -> None:
    """A tampered delivery bears the signature of the genuine one, other bytes, and is tried once."""
    emulator.pay(bill(emulator).token)
    receiver = Receiver(200, 400)
    emulator.deliver(receiver)

    emulator.tamper(deliveries(emulator)[0].id)
    emulator.deliver(receiver)

    genuine, tampered = receiver.requests
    clock.move(timedelta(days=1))
    assert genuine.headers == tampered.headers
    assert genuine.body != tampered.body
    assert emulator.deliver(receiver) == 0


@pytest.mark.parametrize("action", ["resend", "duplicate", "tamper"])
def test_unknown_delivery_is_not_found(emulator: Shoestring, action: str) -> None:
    """What was never queued cannot be sent again."""
    with pytest.raises(NotFoundError):
        getattr(emulator, action)("nobody")


def test_what_waits_is_told_in_its_order(emulator: Shoestring, clock: ManualClock) -> None:
    """What is due now waits, what expires by being looked at included; what is due later does not."""
    token = bill(emulator).token
    emulator.pay(token, Money("10", "EUR"))
    emulator.delay(deliveries(emulator)[0].id, timedelta(hours=1))
    emulator.pay(token, Money("10", "EUR"))
    clock.move(timedelta(minutes=15))

    assert [json.loads(delivery.body)["kind"] for delivery in emulator.waiting()] == ["partially_paid", "expired"]


def test_reordered_webhooks_arrive_the_other_way_round(emulator: Shoestring) -> None:
    """Each is sent once, with its own event, and what is due later keeps its time."""
    tokens = [bill(emulator).token for _ in range(4)]
    for token in tokens:
        emulator.pay(token)
    first, *rest = deliveries(emulator)
    emulator.delay(first.id, timedelta(hours=1))
    receiver = Receiver()

    emulator.reorder()

    emulator.deliver(receiver)
    assert [request.body for request in receiver.requests] == [delivery.body for delivery in reversed(rest)]
    assert emulator.deliver(receiver) == 0


def test_lost_webhook_is_sent_again_as_one_without_an_answer(emulator: Shoestring, clock: ManualClock) -> None:
    """The provider keeps to its schedule, and the attempt is on record."""
    emulator.pay(bill(emulator).token)
    receiver = Receiver()

    emulator.lose(deliveries(emulator)[0].id)

    counts = [emulator.deliver(receiver)]
    clock.move(timedelta(seconds=5))
    counts.append(emulator.deliver(receiver))
    assert counts == [0, 1]
    assert [(attempt.status, attempt.note) for attempt in deliveries(emulator)[0].attempts] == [
        (None, "no answer"),
        (200, "accepted"),
    ]


def test_unknown_webhook_cannot_be_lost(emulator: Shoestring) -> None:
    """A key that is no delivery's is told."""
    with pytest.raises(NotFoundError, match="no such delivery"):
        emulator.lose("7")


def test_attempt_keeps_what_was_sent_and_answered(emulator: Shoestring) -> None:
    """The address, the signature of this try and the beginning of the shop's answer; and whoever watches is told."""
    seen: list[tuple[str, Attempt]] = []
    emulator.on_attempt = lambda delivery, attempt: seen.append((delivery.id, attempt))
    emulator.pay(bill(emulator).token)

    emulator.deliver(lambda _: HttpResponse(status=400, body=b"no \xff" + b"x" * 2000))

    (delivery,) = deliveries(emulator)
    (attempt,) = delivery.attempts
    assert (attempt.status, attempt.note, attempt.url) == (400, "not accepted", HOOK)
    assert dict(attempt.headers)["signature"] == f"{len(delivery.body)} at 08:00:00"
    assert (attempt.answer[:4], len(attempt.answer)) == ("no \ufffd", 1000)
    assert seen == [(delivery.id, attempt)]


def test_webhook_about_anything_can_be_queued(emulator: Shoestring) -> None:
    """Also what is about no invoice; where the shop has no address there is none."""
    emulator.enqueue("key.rolled", "key_1", b"{}")
    emulator.webhook_url = None
    emulator.enqueue("key.rolled", "key_2", b"{}")

    assert [(each.kind, each.invoice_id, each.body) for each in deliveries(emulator)] == [
        ("key.rolled", "key_1", b"{}")
    ]

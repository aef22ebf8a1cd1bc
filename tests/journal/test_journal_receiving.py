"""Each effect comes out once: whatever is sent twice, late, early, in another order, or for another amount."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import attrs
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from gateway_core import (
    InvoiceStatus,
    Money,
    Move,
    RefundRequest,
    Review,
    StatusReport,
    WebhookDelivery,
    WebhookEvent,
    WebhookRequest,
    errors,
    hookimpl,
)
from gateway_core._engine.base import delivered
from gateway_core.observers import Observers, StatusMoved
from gateway_core.testing import AnswerLost, EmulatedInvoice, changing
from tests.journal.conftest import NewJournal
from tests.journal.shops import Shop


def test_paid_order_is_delivered_once(shop: Shop) -> None:
    """A duplicate, and the same fact under another id, have no effect."""
    invoice = shop.gateway.create_invoice(shop.order())
    shop.account.pay(invoice.id)
    shop.deliver()
    shop.account.duplicate()
    answers = shop.deliver()
    shop.gateway.poll(shop.handle, order_id="1042")

    assert shop.delivered == ["1042"]
    assert answers == [200]
    assert shop.told[0].move == Move(InvoiceStatus.PENDING, InvoiceStatus.PAID)
    assert (shop.told[0].order_id, shop.told[0].attempt) == ("1042", 1)


def test_exception_lets_the_event_come_out_again(shop: Shop) -> None:
    """A delivery that failed is not done."""
    invoice = shop.gateway.create_invoice(shop.order())
    shop.account.pay(invoice.id)
    (request,) = shop.account.webhooks()

    with pytest.raises(RuntimeError), shop.gateway.receive_webhook(request):
        raise RuntimeError("the warehouse is on fire")
    shop.receive(request)
    shop.receive(request)

    assert shop.delivered == ["1042"]


def test_late_paid_after_a_refund_delivers_nothing(shop: Shop) -> None:
    """The late one comes with whatever id, and is not news."""
    invoice = shop.gateway.create_invoice(shop.order())
    shop.account.pay(invoice.id)
    paid = shop.account.webhooks()
    shop.gateway.refund_payment(RefundRequest(refund_id="r", invoice_id=invoice.id, amount=invoice.amount))
    shop.deliver()
    answers = [shop.receive(request) for request in paid]

    assert shop.delivered == []
    assert answers == [200]
    assert [event.move for event in shop.told][-1].after is InvoiceStatus.REFUNDED  # type: ignore[union-attr]


def test_second_worker_is_told_to_come_again(shop: Shop) -> None:
    """While one worker handles an order, the other one's delivery is answered so that it is sent again."""
    invoice = shop.gateway.create_invoice(shop.order())
    shop.account.pay(invoice.id)
    (request,) = shop.account.webhooks()

    with shop.gateway.receive_webhook(request) as delivery:
        busy = shop.receive(request)
        polled = shop.gateway.poll(shop.handle, order_id="1042")

    assert (len(delivery.events), busy, polled) == (1, 503, 0)
    assert shop.receive(request) == 200
    assert shop.delivered == []


def test_claim_of_a_dead_worker_ends(shop: Shop) -> None:
    """What a worker took up and never finished comes out again, by a redelivery or by a poll."""
    invoice = shop.gateway.create_invoice(shop.order())
    shop.account.pay(invoice.id)
    (request,) = shop.account.webhooks()
    taken = shop.gateway.receive_webhook(request)
    taken.__enter__()
    assert shop.receive(request) == 503
    shop.account.advance(minutes=2)
    shop.gateway.poll(shop.handle)

    assert shop.delivered == ["1042"]
    with pytest.raises(errors.JournalError, match="claim"):
        taken.__exit__(None, None, None)


def test_return_page_and_webhook_at_the_same_moment(shop: Shop) -> None:
    """Eight at once, and one effect."""
    invoice = shop.gateway.create_invoice(shop.order())
    shop.account.pay(invoice.id)
    (request,) = shop.account.webhooks()
    barrier = threading.Barrier(8)

    def run(number: int) -> None:
        barrier.wait(10)
        if number % 2:
            shop.gateway.poll(shop.handle, order_id="1042")
        else:
            shop.receive(request)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(run, range(8)))
    shop.receive(request)

    assert shop.delivered == ["1042"]


def told(shop: Shop, report: StatusReport, number: str = "e") -> WebhookDelivery:
    """Let the shop be told a report by a verified event, and return what came out."""
    event = WebhookEvent(id=number, kind="made up", invoice_id=report.invoice_id, report=report)
    recorder = shop.gateway._recorder
    assert recorder is not None
    claimed = recorder.inbox.claim((event,), timedelta(minutes=1))
    recorder.inbox.finish(claimed)
    return delivered(WebhookDelivery(events=(), verified_by="signature"), claimed)


@pytest.mark.parametrize(
    "change, review",
    [
        ({"expected": Money("0.10", "EUR"), "received": Money("0.10", "EUR")}, Review.WRONG_AMOUNT),
        ({"expected": Money("49.90", "USD"), "received": Money("49.90", "USD")}, Review.WRONG_CURRENCY),
        ({"received": Money("49.90", "USD")}, Review.WRONG_CURRENCY),
        ({"order_id": "another"}, Review.OTHER_ORDER),
        ({"attempt": 2}, Review.OTHER_ORDER),
    ],
)
def test_what_was_not_asked_for_needs_a_look(shop: Shop, change: dict[str, object], review: Review) -> None:
    """A genuine message about another amount, currency or order pays nothing, and comes out once, for a person."""
    invoice = shop.gateway.create_invoice(shop.order())
    report = StatusReport(**{"invoice_id": invoice.id, "status": InvoiceStatus.PAID, **change})  # type: ignore[arg-type]

    first, again, other_id = told(shop, report), told(shop, report), told(shop, report, number="f")

    assert [event.review for event in first.reviews] == [review]
    assert not first.events
    assert not first.reviews[0].pays
    assert (again.reviews, other_id.reviews) == ((), ())


def test_underpaid_order_is_not_paid(shop: Shop) -> None:
    """The provider's word is compared with what was asked for, even where it does not repeat that."""
    invoice = shop.gateway.create_invoice(shop.order())

    under = told(shop, StatusReport(invoice_id=invoice.id, status=InvoiceStatus.PAID, received=Money("49.89", "EUR")))
    rest = told(shop, StatusReport(invoice_id=invoice.id, status=InvoiceStatus.PAID, received=Money("49.90", "EUR")))
    over = told(shop, StatusReport(invoice_id=invoice.id, status=InvoiceStatus.PAID, received=Money("60", "EUR")))

    assert [(event.pays, event.move and event.move.after.value) for event in under.events] == [
        (False, "partially_paid")
    ]
    assert [(event.pays, event.move and event.move.after.value) for event in rest.events] == [(True, "paid")]
    assert [(event.pays, event.move and event.move.after.value) for event in over.events] == [(False, "overpaid")]


def test_late_failure_never_overrides_paid(shop: Shop) -> None:
    """A decline that is told after the money came is history."""
    invoice = shop.gateway.create_invoice(shop.order())

    paid = told(shop, StatusReport(invoice_id=invoice.id, status=InvoiceStatus.PAID))
    late = told(shop, StatusReport(invoice_id=invoice.id, status=InvoiceStatus.FAILED))
    unknown = told(shop, StatusReport(invoice_id=invoice.id, status=InvoiceStatus.UNKNOWN))

    assert [event.pays for event in paid.events] == [True]
    assert (late.events, unknown.events) == ((), ())


def test_amounts_that_grow_come_out_without_a_move(shop: Shop) -> None:
    """A dispute changes no status, and the shop is told all the same, once."""
    invoice = shop.gateway.create_invoice(shop.order())
    told(shop, StatusReport(invoice_id=invoice.id, status=InvoiceStatus.PAID))
    disputed = StatusReport(invoice_id=invoice.id, status=InvoiceStatus.PAID, disputed=Money("49.90", "EUR"))

    first, again = told(shop, disputed), told(shop, disputed, number="f")

    assert [event.move for event in first.events] == [Move(InvoiceStatus.PAID, InvoiceStatus.PAID)]
    assert not first.events[0].pays
    assert again.events == ()


def test_order_that_is_paid_twice_needs_a_look(shop: Shop) -> None:
    """Both attempts were paid: the goods leave once, and somebody gives the rest back."""
    first = shop.gateway.create_invoice(shop.order())
    second = shop.gateway.create_invoice(shop.order(attempt=2))
    for invoice in (first, second):
        shop.account.pay(invoice.id)
    shop.deliver()

    assert shop.delivered == ["1042"]
    assert [(event.review, event.attempt) for event in shop.reviews] == [(Review.PAID_TWICE, 2)]


def test_early_event_waits_for_its_order(shop: Shop) -> None:
    """An event whose invoice is not in the journal yet is asked for again, kept, and handled when the invoice is."""
    report = StatusReport(invoice_id="inv_later", status=InvoiceStatus.PAID)

    early = told(shop, report)
    recorder = shop.gateway._recorder
    assert recorder is not None
    invoice = attrs.evolve(shop.account.connect().create_invoice(shop.order()), id="inv_later")
    with shop.journal._store.transaction() as connection:
        recorder.inbox.invoices.record(invoice, "1042", 1, connection, shop.account.clock())
    shop.gateway.poll(shop.handle, limit=1)

    assert (early.events, early.acknowledgement.status) == ((), 503)
    assert shop.delivered == ["1042"]


def test_event_of_nobody_needs_a_look_in_the_end(shop: Shop) -> None:
    """After ten minutes nobody waits for the order any more: a person decides, and the provider sends no more."""
    report = StatusReport(invoice_id="inv_of_nobody", status=InvoiceStatus.PAID)

    early = told(shop, report)
    shop.account.advance(minutes=11)
    late, later = told(shop, report), told(shop, report)

    assert (early.acknowledgement.status, late.acknowledgement.status, later.acknowledgement.status) == (503, 200, 200)
    assert [event.review for event in late.reviews] == [Review.UNKNOWN_INVOICE]
    assert later.reviews == ()


def test_webhook_finds_the_invoice_whose_answer_was_lost(make_shop: Callable[..., Shop]) -> None:
    """A verified event that names the order, with its amount, tells what the lost answer would have."""
    shop = make_shop()
    shop.account.faults.script(AnswerLost(), times=3)
    with pytest.raises(errors.OutcomeUnknownError):
        shop.gateway.create_invoice(shop.order())
    (invoice,) = [each for _, each in shop.account.emulator.ledger.select(EmulatedInvoice)]
    shop.account.pay(invoice.id)
    shop.deliver()

    assert shop.delivered == ["1042"]
    assert shop.gateway.create_invoice(shop.order()).id == invoice.id


def test_webhook_about_another_amount_finds_no_lost_invoice(shop: Shop) -> None:
    """An event that names an order without an answer is not believed to be about it where the amount differs."""
    shop.account.faults.script(AnswerLost(), times=2)
    with pytest.raises(errors.OutcomeUnknownError):
        shop.gateway.create_invoice(shop.order())
    amount = Money("0.10", "EUR")
    report = StatusReport(
        invoice_id="inv_x", order_id="1042", status=InvoiceStatus.PAID, expected=amount, received=amount
    )

    out = told(shop, report)

    assert (out.events, out.reviews, out.acknowledgement.status) == ((), (), 503)
    assert shop.gateway.journal is not None
    assert len(shop.gateway.journal.open().intents) == 1


def test_unknown_invoice_of_an_unsigned_provider_costs_no_request(make_shop: Callable[..., Shop]) -> None:
    """Whoever guesses ids gets 503, and the provider is left alone; the genuine one is asked about."""
    shop = make_shop("bitsby")
    invoice = shop.gateway.create_invoice(shop.order())
    shop.account.pay(invoice.id)
    (genuine,) = shop.account.webhooks()
    sent = len(shop.account.faults.exchanges)
    forged = attrs.evolve(
        genuine, body=genuine.body.replace(invoice.id.encode(), b"00000000-0000-4000-8000-000000000000")
    )

    answer = shop.receive(forged)
    asked = len(shop.account.faults.exchanges) - sent

    assert (answer, asked) == (503, 0)
    assert shop.receive(genuine) == 200
    assert shop.delivered == ["1042"]


def test_effect_and_note_in_one_transaction(shop: Shop) -> None:
    """What the application rolls back comes out again; what it commits never does."""
    invoice = shop.gateway.create_invoice(shop.order())
    shop.account.pay(invoice.id)
    (request,) = shop.account.webhooks()
    engine = shop.journal._store.engine
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE shipped (order_id VARCHAR(20))"))

    for crash in (True, False, False):
        with engine.connect() as connection, connection.begin() as transaction:
            with shop.gateway.receive_webhook(request, connection=connection) as delivery:
                for event in delivery.events:
                    connection.execute(text("INSERT INTO shipped VALUES (:order)"), {"order": event.order_id})
            if crash:
                transaction.rollback()

    with engine.connect() as connection:
        assert connection.execute(text("SELECT order_id FROM shipped")).all() == [("1042",)]


def test_connection_must_be_one(shop: Shop) -> None:
    """What is no connection is refused before the webhook is claimed."""
    shop.account.pay(shop.gateway.create_invoice(shop.order()).id)
    (request,) = shop.account.webhooks()

    with (
        pytest.raises(errors.InvalidRequestError, match="SQLAlchemy"),
        shop.gateway.receive_webhook(request, connection=1),
    ):
        pass

    assert shop.receive(request) == 200


def test_forged_webhook_is_refused(shop: Shop) -> None:
    """Verification comes first."""
    with pytest.raises(errors.WebhookError), shop.gateway.receive_webhook(WebhookRequest(body=b"{}")):
        pytest.fail("this was never said")


def test_unreadable_invoice_stands_before_no_other(shop: Shop) -> None:
    """An invoice about which the provider gives no answer is asked about later again, and the others meanwhile."""
    for number in range(2):
        shop.account.pay(shop.gateway.create_invoice(shop.order(str(number))).id)
    shop.account.advance(minutes=2)
    shop.account.fail_next(500)
    with pytest.raises(errors.ProviderUnavailableError):
        shop.gateway.poll(shop.handle)
    shop.gateway.poll(shop.handle)
    first = list(shop.delivered)
    shop.account.advance(minutes=2)
    shop.gateway.poll(shop.handle)

    assert first == ["1"]
    assert shop.delivered == ["1", "0"]


def test_without_a_journal_nothing_is_received(shop: Shop) -> None:
    """A gateway without a journal says what to write where."""
    gateway = shop.account.connect()

    with (
        pytest.raises(errors.ConfigurationError, match="at the top"),
        gateway.receive_webhook(WebhookRequest(body=b"")),
    ):
        pass
    with pytest.raises(errors.ConfigurationError, match="journal"):
        gateway.poll(shop.handle)


def test_observers_are_told_of_moves(shop: Shop) -> None:
    """`StatusMoved` says what the shop has handled."""
    seen: list[object] = []

    class Observer:
        @hookimpl
        def observe(self, event: object) -> None:
            seen.append(event)

    invoice = shop.gateway.create_invoice(shop.order())
    shop.gateway._observers = Observers.load([Observer()])
    shop.account.pay(invoice.id)
    shop.deliver()

    assert [(event.order_id, event.after) for event in seen if isinstance(event, StatusMoved)] == [
        ("1042", InvoiceStatus.PAID)
    ]


def test_retries_of_other_operations(shop: Shop) -> None:
    """A refund and a cancellation happen once, and the answer to a lost one is found."""
    invoice = shop.gateway.create_invoice(shop.order())
    shop.account.pay(invoice.id)
    asked = RefundRequest(refund_id="r", invoice_id=invoice.id, amount=Money("10", "EUR"))
    shop.account.faults.script(AnswerLost(), where=changing)
    try:
        shop.gateway.refund_payment(asked)
    except errors.OutcomeUnknownError:
        shop.account.advance(minutes=2)
    refund = shop.gateway.refund_payment(asked)
    again = shop.gateway.refund_payment(asked)
    with pytest.raises(errors.ConflictError):
        shop.gateway.refund_payment(attrs.evolve(asked, amount=Money("11", "EUR")))

    assert again.id == refund.id
    assert shop.gateway.get_status(invoice.id).refunded == Money("10", "EUR")

    other = shop.gateway.create_invoice(shop.order("7"))
    canceled = shop.gateway.cancel_invoice(other.id)
    sent = len(shop.account.faults.exchanges)
    assert shop.gateway.cancel_invoice(other.id).status is canceled.status
    assert len(shop.account.faults.exchanges) == sent


async def _async_shop(shop: Shop, request: WebhookRequest, handled: list[str | None]) -> None:
    async def handle(event: WebhookEvent) -> None:
        handled.append(event.order_id)

    async with shop.account.async_gateway as gateway:
        async with gateway.receive_webhook(request) as delivery:
            for event in delivery.events:
                await handle(event)
        with pytest.raises(RuntimeError):
            async with gateway.receive_webhook(request):
                raise RuntimeError
        await gateway.poll(handle, order_id="1042")


def test_async_gateway_receives_and_polls(shop: Shop) -> None:
    """Code that awaits has the same."""
    invoice = shop.gateway.create_invoice(shop.order())
    shop.account.pay(invoice.id)
    (request,) = shop.account.webhooks()
    shop.account._journal = shop.journal
    handled: list[str | None] = []

    asyncio.run(_async_shop(shop, request, handled))

    assert handled == ["1042"]


async def _in_one_transaction(shop: Shop, request: WebhookRequest, url: str) -> list[str]:
    """Receive a webhook on async connections of the application's own; the first transaction is taken back."""
    engine = create_async_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE shipped (order_id VARCHAR(20))"))
    async with shop.account.async_gateway as gateway:
        for crash in (True, False, False):
            async with AsyncSession(engine) as session, session.begin() as transaction:
                async with gateway.receive_webhook(request, connection=session) as delivery:
                    for event in delivery.events:
                        await session.execute(text("INSERT INTO shipped VALUES (:order)"), {"order": event.order_id})
                if crash:
                    await transaction.rollback()
    async with engine.connect() as connection:
        shipped = [str(order) for order in (await connection.execute(text("SELECT order_id FROM shipped"))).scalars()]
    await engine.dispose()
    return shipped


def test_effect_and_note_in_one_async_transaction(new_journal: NewJournal) -> None:
    """The same holds for the session of an application that awaits."""
    url = new_journal("postgresql")
    shop = Shop(url)
    try:
        shop.account.pay(shop.gateway.create_invoice(shop.order()).id)
        (request,) = shop.account.webhooks()
        shop.account._journal = shop.journal

        assert asyncio.run(_in_one_transaction(shop, request, url)) == ["1042"]
    finally:
        shop.close()


def test_goods_leave_once_though_the_first_payment_went_back(shop: Shop) -> None:
    """An order that was paid and refunded is not delivered again when another attempt is paid: a person decides."""
    first = shop.gateway.create_invoice(shop.order())
    second = shop.gateway.create_invoice(shop.order(attempt=2))
    shop.account.pay(first.id)
    shop.deliver()
    shop.gateway.refund_payment(RefundRequest(refund_id="r", invoice_id=first.id, amount=first.amount))
    shop.deliver()
    shop.account.pay(second.id)
    shop.deliver()

    assert shop.delivered == ["1042"]
    assert [(event.review, event.attempt) for event in shop.reviews] == [(Review.PAID_TWICE, 2)]


def test_goods_leave_for_the_second_attempt_if_the_first_never_let_them(shop: Shop) -> None:
    """Money that came and went back before the shop was told delivers nothing, so the next payment does."""
    first = shop.gateway.create_invoice(shop.order())
    second = shop.gateway.create_invoice(shop.order(attempt=2))
    shop.account.pay(first.id)
    shop.account.lose()
    shop.gateway.refund_payment(RefundRequest(refund_id="r", invoice_id=first.id, amount=first.amount))
    shop.deliver()
    shop.account.pay(second.id)
    shop.deliver()

    assert shop.delivered == ["1042"]
    assert shop.reviews == []


def test_another_wrong_amount_needs_another_look(shop: Shop) -> None:
    """That somebody has looked at ten cents says nothing about five euros."""
    invoice = shop.gateway.create_invoice(shop.order())
    reports = [
        StatusReport(invoice_id=invoice.id, status=InvoiceStatus.PAID, expected=Money(amount, "EUR"))
        for amount in ("0.10", "5", "0.10")
    ]

    out = [told(shop, report, number=str(number)) for number, report in enumerate(reports)]

    assert [[event.review for event in each.reviews] for each in out] == [
        [Review.WRONG_AMOUNT],
        [Review.WRONG_AMOUNT],
        [],
    ]


def test_handler_that_fails_stands_before_no_other(shop: Shop) -> None:
    """An event that no handler gets done is tried each time, and the others are handled meanwhile."""
    for number in range(3):
        shop.account.pay(shop.gateway.create_invoice(shop.order(str(number))).id)
    shop.account.advance(minutes=2)

    def handle(event: WebhookEvent) -> None:
        if event.order_id == "0":
            raise RuntimeError("no such article")
        shop.handle(event)

    for _ in range(2):
        with pytest.raises(RuntimeError, match="no such article"):
            shop.gateway.poll(handle)
    shop.gateway.poll(shop.handle)

    assert shop.delivered == ["1", "2", "0"]


@pytest.mark.parametrize(
    "change",
    [
        {"body": b'{"invoice_id": "\\u0000", "id": "a\\u0000b"}'},
        {"body": b"\xff\xfe\x00id=\x00"},
        {"body": b"id=%00&x=%ED%A0%80"},
        {"body": b"{}", "url": "https://[shop.example/hook?id=1"},
        {"body": b"{}", "url": "https://shop.example/\udc80?x=%00"},
        {"body": b'{"id": "' + b"a" * 100_000 + b'"}'},
        {"body": b'{"ids": [' + b",".join(b"%d" % number for number in range(50_000)) + b"]}"},
    ],
    ids=["nul", "bytes", "form", "address", "surrogate", "long", "many"],
)
def test_senseless_webhook_of_an_unsigned_provider(make_shop: Callable[..., Shop], change: dict[str, Any]) -> None:
    """Whatever somebody sends, it is refused by an error of ours, and the provider is left alone."""
    shop = make_shop("bitsby")
    shop.gateway.create_invoice(shop.order())
    sent = len(shop.account.faults.exchanges)

    with pytest.raises(errors.WebhookError), shop.gateway.receive_webhook(WebhookRequest(**change)):
        pytest.fail("this was never said")

    assert len(shop.account.faults.exchanges) == sent


def test_invoice_of_another_order_is_refused(shop: Shop) -> None:
    """Where a provider answers with an invoice that another order has, it pays only the one that had it first."""
    first = shop.gateway.create_invoice(shop.order())
    recorder = shop.gateway._recorder
    assert recorder is not None
    with (
        shop.journal._store.transaction() as connection,
        pytest.raises(errors.ConflictError, match="another order") as caught,
    ):
        recorder.inbox.invoices.record(first, "7", 1, connection, shop.account.clock())

    assert (caught.value.effect, caught.value.invoice_id) == ("done", first.id)

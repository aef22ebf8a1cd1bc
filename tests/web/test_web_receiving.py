"""Whatever the application is made with: each effect once, 2xx only for what is done, nothing told to the sender."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from gateway_core import AsyncGateway, Gateway, WebhookEvent, WebhookRequest
from gateway_core.errors import ConfigurationError, JournalError, NotFoundError, WebhookError
from gateway_core.journal import Journal
from gateway_core.journal._inbox import Inbox
from gateway_core.testing import EmulatedAccount, RequestLost
from gateway_core.web import MAX_BODY, receive, receive_async
from tests.web.apps import Answer, Send, Shop, post


def statuses(answers: list[Answer]) -> list[int]:
    """Return the statuses, once nothing else was found to be told to a sender."""
    assert all(answer.body == b"" for answer in answers)
    return [answer.status for answer in answers]


def test_paid_order_is_delivered_once(shop: Shop, send: Send) -> None:
    """A duplicate is accepted, and has no effect."""
    webhook = shop.paid_webhook()
    shop.account.duplicate()
    again = shop.account.webhooks()

    assert statuses([post(send, each) for each in (webhook, webhook, *again)]) == [200, 200, 200]
    assert shop.delivered == ["1042"]


def test_forged_webhook_has_no_effect_and_learns_nothing(shop: Shop, send: Send) -> None:
    """A changed body and a missing signature are answered alike."""
    webhook = shop.paid_webhook()
    changed = attrs.evolve(webhook, body=webhook.body.replace(b"50", b"51"))
    unsigned = attrs.evolve(webhook, headers={"Content-Type": "application/json"})
    answers = [post(send, changed), post(send, unsigned)]

    assert statuses(answers) == [400, 400]
    assert answers[0].headers == answers[1].headers
    assert shop.told == []


def test_webhooks_in_another_order_have_one_effect(shop: Shop, send: Send) -> None:
    """What is told late changes nothing."""
    first = shop.pay()
    shop.account.act(first, "refund")
    shop.account.reorder()
    for webhook in shop.account.webhooks():
        post(send, webhook)

    assert shop.delivered == []
    assert [str(event.move.after) for event in shop.told if event.move] == ["refunded"]


def test_handler_that_raises_gets_the_event_again(shop: Shop, send: Send, caplog: pytest.LogCaptureFixture) -> None:
    """The provider is asked to send it again; the error is in the log and nowhere else."""
    webhook = shop.paid_webhook()
    shop.fail.append(RuntimeError("the warehouse is on fire"))
    answers = [post(send, webhook) for _ in range(3)]

    assert statuses(answers) == [500, 200, 200]
    assert shop.delivered == ["1042"]
    [logged] = [record for record in caplog.records if record.name == "gateway_core.web"]
    assert logged.levelno == logging.ERROR
    assert "the warehouse is on fire" in str(logged.exc_info)


@pytest.mark.parametrize("error", [NotFoundError("gone"), WebhookError("odd"), ConfigurationError("none")])
def test_error_of_the_handler_is_never_the_senders_fault(shop: Shop, send: Send, error: Exception) -> None:
    """Whatever the handler raises, the webhook was genuine: it comes again, which 4xx would prevent."""
    webhook = shop.paid_webhook()
    shop.fail.append(error)

    assert statuses([post(send, webhook), post(send, webhook)]) == [500, 200]
    assert shop.delivered == ["1042"]


def test_two_at_once_have_one_effect(shop: Shop, send: Send) -> None:
    """While one is handled, the other is asked to come again, in a while."""
    webhook = shop.paid_webhook()
    inside, go_on = threading.Event(), threading.Event()

    def slow(event: WebhookEvent) -> None:
        inside.set()
        assert go_on.wait(20)
        shop.handle(event)

    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(receive, shop.account.connect(), webhook, slow)
        assert inside.wait(20)
        second = post(send, webhook)
        go_on.set()

    assert first.result().status == 200
    assert (second.status, second.headers["Retry-After"]) == (503, "30")
    assert statuses([post(send, webhook)]) == [200]
    assert shop.delivered == ["1042"]


@pytest.mark.parametrize("step", ["claim", "finish"])
def test_without_the_journal_it_comes_again(shop: Shop, send: Send, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is accepted that could not be written down."""

    def broken(*_: Any, **__: Any) -> None:
        raise JournalError("the disk is full")

    webhook = shop.paid_webhook()
    with monkeypatch.context() as patched:
        patched.setattr(Inbox, step, broken)
        refused = post(send, webhook)

    assert statuses([refused]) == [503]
    assert refused.headers["Retry-After"] == "30"
    shop.account.advance(minutes=2)
    shop.told.clear()
    shop.account.duplicate()
    assert statuses([post(send, each) for each in shop.account.webhooks()]) == [200]
    assert shop.delivered == ["1042"]


def test_too_large_a_body_is_refused(shop: Shop, send: Send) -> None:
    """One byte more than is read."""
    assert statuses([send("POST", "/webhooks", b"x" * (MAX_BODY + 1))]) == [413]
    assert statuses([send("POST", "/webhooks", b"x" * MAX_BODY)]) == [400]


@pytest.mark.parametrize(
    "method, status", [("GET", 200), ("HEAD", 200), ("PUT", 405), ("DELETE", 405), ("OPTIONS", 405), ("PATCH", 405)]
)
def test_who_looks_whether_the_address_is_there(shop: Shop, send: Send, method: str, status: int) -> None:
    """A provider or a monitor that looks finds it; other methods are not for webhooks."""
    answer = send(method, "/webhooks")

    assert statuses([answer]) == [status]
    assert answer.headers.get("Allow") == (None if status == 200 else "GET, HEAD, POST")


@pytest.mark.parametrize("path", ["/webhooks", "/webhooks/", "/webhooks/a-secret", "/webhooks/a-secret/"])
def test_address_is_redirected_nowhere(shop: Shop, send: Send, path: str) -> None:
    """Providers follow no redirect; and a secret of the address may follow it."""
    webhook = shop.paid_webhook()

    assert statuses([post(send, webhook, path)]) == [200]
    assert shop.delivered == ["1042"]


def test_gateway_without_a_journal_receives_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The log says what is missing; the sender does not learn it."""
    with EmulatedAccount("sandbox") as account:
        answer = receive(account.gateway, WebhookRequest(body=b"{}"), print)

    assert (answer.status, answer.body) == (500, b"")
    assert "this needs a journal" in caplog.text


@pytest.mark.parametrize("shop", ["stripe"], indirect=True)
def test_unreachable_provider_is_no_reason_to_accept(shop: Shop, send: Send) -> None:
    """What could not be asked is asked with the next delivery."""
    invoice = shop.pay()
    webhooks = [each for each in shop.account.webhooks() if invoice]
    told = len(webhooks)
    shop.account.fail_next(RequestLost(), times=1)
    answers = [post(send, each) for each in webhooks]
    pending = len(shop.account.faults.pending)

    assert told
    if not pending:  # it was asked
        assert 503 in statuses(answers)
    for each in webhooks:
        post(send, each)
    assert shop.delivered == ["1042"]


def test_async_handler_of_a_blocking_gateway_is_refused(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """It would never run, and its event would be done for good."""
    webhook = shop.paid_webhook()

    assert receive(shop.gateway, webhook, shop.handle_async).status == 500
    assert "plain function" in caplog.text
    assert receive(shop.gateway, webhook, shop.handle).status == 200
    assert shop.delivered == ["1042"]


class Orders:
    """A shop's table beside the journal."""

    def __init__(self, path: Path) -> None:
        self.url = f"sqlite:///{path}"
        self.engine = create_engine(self.url)
        with self.engine.begin() as connection:
            connection.execute(text("CREATE TABLE shipments (order_id TEXT)"))

    def shipped(self) -> list[str]:
        """Return what was shipped."""
        with self.engine.connect() as connection:
            return list(connection.execute(text("SELECT order_id FROM shipments")).scalars())


@pytest.fixture
def orders(tmp_path: Path) -> Iterator[Orders]:
    """Give a table of a shop."""
    made = Orders(tmp_path / "shop.db")
    yield made
    made.engine.dispose()


@pytest.fixture
def beside(orders: Orders) -> Iterator[Shop]:
    """Give a shop whose journal is in the shop's own database."""
    with EmulatedAccount("sandbox") as clocked:
        journal = Journal(orders.url, clock=clocked.clock)
        journal.upgrade()
    with EmulatedAccount("sandbox", journal=journal) as account:
        yield Shop(account)


_SHIP = text("INSERT INTO shipments VALUES (:order)")


def test_effect_is_committed_with_the_note(beside: Shop, orders: Orders) -> None:
    """In one transaction of the application's: both are there, or neither is."""
    failing = [RuntimeError("the power is out")]

    def ship(event: WebhookEvent, connection: Any) -> None:
        connection.execute(_SHIP, {"order": event.order_id})
        if failing:
            raise failing.pop()

    webhook = beside.paid_webhook()
    answers = [receive(beside.gateway, webhook, ship, transaction=orders.engine.begin).status for _ in range(3)]

    assert answers == [500, 200, 200]
    assert orders.shipped() == ["1042"]


def test_failed_commit_is_not_accepted(beside: Shop, orders: Orders) -> None:
    """2xx comes after the commit, and not before."""

    @contextlib.contextmanager
    def lost() -> Iterator[Any]:
        with orders.engine.connect() as connection, connection.begin() as begun:
            yield connection
            begun.rollback()
            raise OperationalError("COMMIT", {}, Exception("the server closed the connection"))

    def ship(event: WebhookEvent, connection: Any) -> None:
        connection.execute(_SHIP, {"order": event.order_id})

    webhook = beside.paid_webhook()
    answers = [
        receive(beside.gateway, webhook, ship, transaction=begin).status
        for begin in (lost, orders.engine.begin, orders.engine.begin)
    ]

    assert answers == [500, 200, 200]
    assert orders.shipped() == ["1042"]


def test_transaction_begins_after_the_webhook_was_verified(beside: Shop, orders: Orders) -> None:
    """A stranger takes up no connection, and neither does a provider that is slow to confirm its webhook."""
    begun = []

    @contextlib.contextmanager
    def begin() -> Iterator[Any]:
        begun.append(True)
        with orders.engine.begin() as connection:
            yield connection

    @contextlib.asynccontextmanager
    async def begin_async() -> AsyncIterator[Any]:
        begun.append(True)
        yield None

    webhook = beside.paid_webhook()
    forged = attrs.evolve(webhook, body=webhook.body + b" ")
    received = receive_async(beside.account.async_gateway, forged, print, transaction=begin_async)
    answers = [receive(beside.gateway, forged, print, transaction=begin), asyncio.run(received)]

    assert ([answer.status for answer in answers], begun) == ([400, 400], [])
    assert receive(beside.gateway, webhook, lambda *_: None, transaction=begin).status == 200
    assert begun == [True]


def test_plain_handler_leaves_the_loop_alone(shop: Shop) -> None:
    """A plain function may block: it runs in a thread, and the loop goes on."""
    threads = set()

    def handle(event: WebhookEvent) -> None:
        threads.add(threading.current_thread())
        shop.handle(event)

    async def main() -> None:
        threads.add(threading.current_thread())
        answer = await receive_async(shop.account.async_gateway, webhook, handle)
        assert answer.status == 200

    webhook = shop.paid_webhook()
    asyncio.run(main())

    assert len(threads) == 2
    assert shop.delivered == ["1042"]


@pytest.mark.parametrize("kind", ["async", "plain", "partial"])
def test_cancelled_reception_ends_all_the_same(shop: Shop, kind: str) -> None:
    """A client that leaves has stopped nothing: what was begun is done once, and written down."""

    async def main() -> None:
        inside, go_on = threading.Event(), threading.Event()

        async def handle_async(event: WebhookEvent) -> None:
            inside.set()
            await asyncio.to_thread(go_on.wait, 20)
            shop.handle(event)

        def handle(event: WebhookEvent) -> None:
            inside.set()
            assert go_on.wait(20)
            shop.handle(event)

        kinds: dict[str, Callable[..., Any]] = {
            "async": handle_async,
            "plain": handle,
            "partial": functools.partial(lambda _, event: handle_async(event), None),
        }
        gateway = shop.account.async_gateway
        task = asyncio.create_task(receive_async(gateway, webhook, kinds[kind]))
        await asyncio.to_thread(inside.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others)
        answer = await receive_async(gateway, webhook, shop.handle)
        assert answer.status == 200

    webhook = shop.paid_webhook()
    asyncio.run(main())

    assert shop.delivered == ["1042"]


def test_thread_is_waited_for_when_the_loop_ends(shop: Shop) -> None:
    """At the end of the loop every task is cancelled: nobody else may begin before the thread has ended."""
    inside, go_on = threading.Event(), threading.Event()

    def handle(event: WebhookEvent) -> None:
        inside.set()
        assert go_on.wait(20)
        shop.handle(event)

    async def main() -> None:
        task = asyncio.create_task(receive_async(shop.account.async_gateway, webhook, handle))
        await asyncio.to_thread(inside.wait, 20)
        threading.Timer(0.2, go_on.set).start()
        task.cancel()

    webhook = shop.paid_webhook()
    asyncio.run(main())

    assert shop.delivered == ["1042"]


class Names(dict[str, Any]):
    """Several accounts by name, one of which is the default."""

    default_name: str | None = None


def accounts_of(shop: Shop, kind: str) -> Names:
    """Return one account by two names."""
    gateway: Gateway | AsyncGateway = shop.gateway if kind in ("flask", "wsgi") else shop.account.async_gateway
    return Names({"eu": gateway, "us": gateway})


@pytest.fixture
def several(request: pytest.FixtureRequest, shop: Shop) -> Iterator[Send]:
    """Give an application with two accounts, without a default one."""
    from tests.web.apps import APPS

    with APPS[request.param](shop, accounts_of(shop, request.param)) as sending:
        yield sending


@pytest.mark.parametrize("several", ["flask", "fastapi", "starlette", "wsgi", "asgi"], indirect=True)
def test_webhook_finds_its_account_by_path(shop: Shop, several: Send) -> None:
    """A name that nobody has, and none at all, are answered alike."""
    webhook = shop.paid_webhook()
    paths = ["/webhooks/eu", "/webhooks/us/a-secret", "/webhooks/asia", "/webhooks", "/webhooks/", "/webhooks/eu2/eu"]

    assert statuses([post(several, webhook, path) for path in paths]) == [200, 200, 404, 404, 404, 404]
    assert shop.delivered == ["1042"]


def test_default_account_has_the_address_without_a_name(shop: Shop) -> None:
    """So a shop that had one account keeps the address that its provider knows."""
    from tests.web.apps import flask

    names = Names(eu=shop.gateway)
    names.default_name = "eu"
    webhook = shop.paid_webhook()

    with flask(shop, names) as send:
        assert post(send, webhook).status == 200

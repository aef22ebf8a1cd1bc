"""Workers are killed at each point, at providers that misbehave in each way: nothing is doubled, nothing is lost."""

from __future__ import annotations

import contextlib
import multiprocessing
import random
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from gateway_core import Gateway, InvoiceRequest, Money, errors
from gateway_core.journal import IntentState, Journal
from gateway_core.transport import TransportSettings
from tests.journal import killed
from tests.journal.conftest import NewJournal
from tests.journal.provider_server import BEHAVIOURS, CURRENCIES, ProviderServer

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["tests.journal.killed", "gateway_core.journal", "psycopg"])


def run(job: dict[str, Any]) -> int | None:
    """Run a worker to its end, and return how it ended."""
    process = _forks.Process(target=killed.run, args=(job,))
    process.start()
    process.join(60)
    return process.exitcode


@contextlib.contextmanager
def much_later(job: dict[str, Any], provider: ProviderServer) -> Iterator[Gateway]:
    """Give the gateway of a worker that comes when each lease has ended; its clock is the provider's."""
    provider.account.advance(minutes=2)
    with (
        Journal(job["journal"], settle=killed.SETTLE, clock=provider.account.clock) as journal,
        Gateway.connect(
            job["backend"],
            journal=journal,
            transport=TransportSettings(deadline=30.0, attempts=1, breaker_failures=100),
            rate_limits=[],
            observers=[],
            **job["settings"],
        ) as gateway,
    ):
        yield gateway


def create_and_recover(url: str, backend: str, point: str, behaviour: str, order_id: str) -> None:
    """Kill a worker while it creates an invoice, let others go on, and look at what the provider has."""
    with ProviderServer(backend, behaviour) as provider:
        amount = Money("49.90", CURRENCIES[backend])
        job: dict[str, Any] = {
            "backend": backend,
            "journal": url,
            "settings": provider.settings,
            "order": order_id,
            "currency": amount.currency,
            "point": point,
        }
        run(job)
        with much_later(job, provider) as gateway:
            made = None
            for _ in range(3):
                try:
                    made = gateway.create_invoice(InvoiceRequest(order_id=order_id, amount=amount))
                except errors.GatewayError:
                    provider.account.advance(seconds=10)
            assert gateway._recorder is not None
            opened = gateway._recorder.intents.list()
        told = (point, behaviour, backend, provider.creations, provider.invoices, opened)
        assert len(provider.invoices) <= 1, told
        if backend == "azothpay":
            known = provider.invoices if made is None else [made.id]
            assert known == provider.invoices, told
            assert (made is None) == bool(opened), told
            assert all(intent.state is IntentState.UNKNOWN for intent in opened), told
        else:
            assert made is not None, told
            assert provider.invoices == [made.id], told
            assert opened == (), told


CREATIONS = [
    (point, behaviour, ("sandbox", "bitsby", "azothpay")[(row + column) % 3], ("sqlite", "postgresql")[column % 2])
    for row, point in enumerate(killed.CREATING)
    for column, behaviour in enumerate(BEHAVIOURS)
]


@pytest.mark.parametrize("point, behaviour, backend, engine", CREATIONS, ids=lambda each: each.replace(" ", "-"))
def test_killed_while_creating(new_journal: NewJournal, point: str, behaviour: str, backend: str, engine: str) -> None:
    """No order has two invoices, and each is found, or is in the list of what is open."""
    create_and_recover(new_journal(engine), backend, point, behaviour, "1042")


def receive_and_recover(url: str, backend: str, point: str, behaviour: str) -> None:
    """Kill a worker while it handles a webhook, let the provider send it again, and look at the shop's own table."""
    with Journal(url) as journal, ProviderServer(backend, "well") as provider:
        with journal._store.engine.begin() as connection:
            connection.execute(text("CREATE TABLE shipped (order_id VARCHAR(20))"))
        job: dict[str, Any] = {"backend": backend, "journal": url, "settings": provider.settings}
        with much_later(job, provider) as gateway:
            amount = Money("49.90", CURRENCIES[backend])
            invoice = gateway.create_invoice(InvoiceRequest(order_id="1042", amount=amount))
        provider.account.pay(invoice.id)
        (request,) = provider.account.webhooks()
        job |= {
            "body": request.body.decode("latin-1"),
            "headers": [list(pair) for pair in request.headers.pairs],
            "url": request.url,
        }
        provider.treat_next_question(behaviour)
        ends = [run(job | {"point": point}), run(job | {"later": True}), run(job | {"later": True})]
        with journal._store.engine.begin() as connection:
            shipped = connection.execute(text("SELECT order_id FROM shipped")).all()
        gave_up = ends[0] == 1 and behaviour != "well" and backend != "sandbox"  # it was told nothing, and raised
        assert ends == [1 if gave_up else -9, 0, 0], (point, behaviour, backend)
        assert shipped == [("1042",)], (point, behaviour, backend)


RECEPTIONS = [
    (point, behaviour, ("sandbox", "bitsby", "azothpay")[(row + column) % 3], ("sqlite", "postgresql")[column % 2])
    for row, point in enumerate(killed.RECEIVING)
    for column, behaviour in enumerate(BEHAVIOURS)
]


@pytest.mark.parametrize("point, behaviour, backend, engine", RECEPTIONS, ids=lambda each: each.replace(" ", "-"))
def test_killed_while_receiving(new_journal: NewJournal, point: str, behaviour: str, backend: str, engine: str) -> None:
    """The effect is there once, whenever the worker died: the shop's row and our note are one transaction."""
    receive_and_recover(new_journal(engine), backend, point, behaviour)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(16))
def test_killed_often(new_journal: NewJournal, seed: int) -> None:
    """1,600 runs: creations and webhooks, each point, each behaviour, each kind of provider, each engine."""
    chance = random.Random(seed)  # noqa: S311  # the same in each run
    for number in range(50):
        backend, behaviour = chance.choice(list(CURRENCIES)), chance.choice(list(BEHAVIOURS))
        engines = chance.sample(["sqlite", "postgresql"], 2)
        create_and_recover(
            new_journal(engines[0]), backend, chance.choice(killed.CREATING), behaviour, f"order {seed} {number}"
        )
        receive_and_recover(new_journal(engines[1]), backend, chance.choice(killed.RECEIVING), behaviour)


@pytest.mark.parametrize("orders", [10, pytest.param(1000, marks=pytest.mark.soak)])
def test_same_order_from_many_processes(journal_url: str, orders: int) -> None:
    """Eight workers ask for the same orders: each has one invoice, and each worker gets it, or is told to wait."""
    told = _forks.SimpleQueue()
    with ProviderServer("sandbox", "well") as provider:
        job = {
            "backend": "sandbox",
            "journal": journal_url,
            "settings": provider.settings,
            "currency": "EUR",
            "orders": [str(number) for number in range(orders)],
            "told": told,
        }
        workers = [_forks.Process(target=killed.run, args=(job,)) for _ in range(8)]
        for worker in workers:
            worker.start()
        by_order = [set(ids) for ids in zip(*(told.get() for _ in workers), strict=True)]
        for worker in workers:
            worker.join(60)

        assert [worker.exitcode for worker in workers] == [0] * 8
        made = [ids - {"InProgressError unknown"} for ids in by_order]
        assert [len(ids) for ids in made] == [1] * orders
        assert set().union(*made) == set(provider.invoices)
        assert provider.creations == orders

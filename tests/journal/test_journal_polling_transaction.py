"""What `poll` found out is handled in a transaction of the application's own: effect and note, or neither."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from gateway_core import WebhookEvent
from gateway_core.web import known_now
from tests.journal.conftest import NewJournal
from tests.journal.shops import Shop

_SHIPPED = "SELECT order_id FROM shipped"


@pytest.fixture
def engine(journal_url: str, shop: Shop) -> Iterator[Engine]:
    """Give the shop's engine, with a table beside the journal's; an order is paid, and nobody said so."""
    engine = create_engine(journal_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE shipped (order_id VARCHAR(20))"))
    shop.account.pay(shop.gateway.create_invoice(shop.order()).id)
    yield engine
    engine.dispose()


def ship(event: WebhookEvent, connection: Connection) -> None:
    """Note a parcel."""
    connection.execute(text("INSERT INTO shipped VALUES (:order)"), {"order": event.order_id})


def shipped(engine: Engine) -> list[str]:
    """Return the orders that have a parcel."""
    with engine.connect() as connection:
        return [str(order) for order in connection.execute(text(_SHIPPED)).scalars()]


def _ship_and_fail(event: WebhookEvent, connection: Connection) -> None:
    ship(event, connection)
    raise RuntimeError("the warehouse is on fire")


def test_effect_and_note_are_committed_together(shop: Shop, engine: Engine) -> None:
    """What was taken back comes out again, and what was committed does not."""
    with pytest.raises(RuntimeError):
        shop.gateway.poll(_ship_and_fail, order_id="1042", transaction=engine.begin)
    before = shipped(engine)
    polled = [shop.gateway.poll(ship, order_id="1042", transaction=engine.begin) for _ in range(2)]

    assert (before, polled, shipped(engine)) == ([], [1, 0], ["1042"])


def test_return_page_handles_in_a_transaction(shop: Shop, engine: Engine) -> None:
    """The page to which a buyer comes back does as a webhook does."""
    failed = known_now(shop.gateway, "1042", _ship_and_fail, transaction=engine.begin)
    known = [known_now(shop.gateway, "1042", ship, transaction=engine.begin) for _ in range(2)]

    assert (failed.is_paid, [each.is_paid for each in known], shipped(engine)) == (False, [True, True], ["1042"])


async def _poll(shop: Shop, url: str, handles: list[Callable[..., object]]) -> list[int]:
    engine = create_async_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    polled = []
    async with shop.account.async_gateway as gateway:
        for handle in handles:
            try:
                polled.append(await gateway.poll(handle, order_id="1042", transaction=engine.begin))
            except RuntimeError:
                polled.append(-1)
    await engine.dispose()
    return polled


def test_async_poll_handles_in_a_transaction(new_journal: NewJournal) -> None:
    """The same on the connections of an application that awaits."""
    url = new_journal("postgresql")
    shop = Shop(url)
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE shipped (order_id VARCHAR(20))"))
        shop.account.pay(shop.gateway.create_invoice(shop.order()).id)
        shop.account._journal = shop.journal

        async def ship_and_await(event: WebhookEvent, connection: AsyncConnection) -> None:
            await connection.run_sync(lambda given: ship(event, given))

        async def fail(event: WebhookEvent, connection: AsyncConnection) -> None:
            await ship_and_await(event, connection)
            raise RuntimeError("the warehouse is on fire")

        assert asyncio.run(_poll(shop, url, [fail, ship_and_await, ship_and_await])) == [-1, 1, 0]
        assert shipped(engine) == ["1042"]
    finally:
        engine.dispose()
        shop.close()

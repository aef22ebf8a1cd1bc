"""Many creations at once on one event loop, at a provider that is 50 ms away: how many, and how long the loop stood."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import httpx

from benchmarks import shop
from benchmarks.measuring import Pair, Row, Side, timed
from benchmarks.server import serving
from gateway_core import AsyncGateway
from gateway_core.transport import TransportSettings

_AT_ONCE = 200
#: As many as httpx allows by itself.
_CONNECTIONS = 100
#: How often the loop is asked whether it still turns, in seconds.
_TICK = 0.001


@contextmanager
def _together(share: float, side: Callable[[asyncio.Runner, Callable[[], Awaitable[object]]], Side]) -> Iterator[Pair]:
    count = max(2, int(_AT_ONCE * share))
    with serving() as server, asyncio.Runner() as runner:
        url = f"{server}/slower"
        room = TransportSettings(pool_size=_CONNECTIONS)
        gateway = AsyncGateway.connect("sandbox", base_url=url, transport=room, **shop.SETTINGS)
        client = httpx.AsyncClient()

        async def ours() -> None:
            await asyncio.gather(*(gateway.create_invoice(shop.REQUEST) for _ in range(count)))

        async def theirs() -> None:
            await asyncio.gather(*(shop.create_by_async_httpx(client, url) for _ in range(count)))

        try:
            yield Pair(side(runner, ours), side(runner, theirs))
        finally:
            runner.run(gateway.close())
            runner.run(client.aclose())


def _clocked(runner: asyncio.Runner, work: Callable[[], Awaitable[object]]) -> Side:
    async def run() -> None:
        await work()

    return timed(lambda: runner.run(run()))


def _stall(runner: asyncio.Runner, work: Callable[[], Awaitable[object]]) -> Side:
    """Return a side whose measure is the longest time for which everything else on the loop had to wait."""

    async def longest() -> float:
        found = 0.0
        ended = asyncio.Event()

        async def watch() -> None:
            nonlocal found
            while not ended.is_set():
                before = time.perf_counter()
                await asyncio.sleep(_TICK)
                found = max(found, time.perf_counter() - before - _TICK)

        watching = asyncio.create_task(watch())
        await asyncio.sleep(0)  # it is there from the beginning
        await work()
        ended.set()
        await watching
        return found

    return lambda times: sum(runner.run(longest()) for _ in range(times))


_WORK = f"create an invoice, {_AT_ONCE} at once, 50 ms away"

ROWS = [
    Row(
        name="together",
        work=f"{_WORK}: all of them",
        against="httpx.AsyncClient",
        make=functools.partial(_together, side=_clocked),
        rounds=9,
    ),
    Row(
        name="together-stall",
        work=f"{_WORK}: the longest stall of the loop",
        against="httpx.AsyncClient",
        make=functools.partial(_together, side=_stall),
        rounds=5,
    ),
]

"""Rows about calls: one invoice after the other, many at once, and what observers and rules add."""

from __future__ import annotations

import asyncio
import functools
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import httpx
import requests

from benchmarks import shop
from benchmarks.measuring import Pair, Row, Side, timed
from benchmarks.redis_server import redis_server
from benchmarks.server import CERTIFICATES, serving
from gateway_core import AsyncGateway, Gateway, hookimpl
from gateway_core.observers import Event
from gateway_core.transport import TransportSettings, connect

#: Calls at once, in the row about many, and connections for them: as many as httpx has, which is at its best with them.
_AT_ONCE, _CONNECTIONS = 200, 100


def _creating(gateway: Gateway) -> Side:
    return timed(lambda: gateway.create_invoice(shop.REQUEST))


@contextmanager
def _against_requests(_: float, *, tls: bool = False) -> Iterator[Pair]:
    with ExitStack() as stack:
        url = stack.enter_context(serving(tls=tls))
        stack.enter_context(mock.patch.dict(os.environ, {"REQUESTS_CA_BUNDLE": str(CERTIFICATES / "authority.pem")}))
        gateway = stack.enter_context(shop.gateway_at(url))
        session = stack.enter_context(requests.Session())
        yield Pair(_creating(gateway), timed(lambda: shop.create_by_requests(session, url)))


@contextmanager
def _against_httpx(_: float) -> Iterator[Pair]:
    with (
        serving() as url,
        shop.gateway_at(url) as gateway,
        httpx.Client() as client,
    ):
        yield Pair(_creating(gateway), timed(lambda: shop.create_by_httpx(client, url)))


@contextmanager
def _against_stripe(_: float) -> Iterator[Pair]:
    with serving() as url, shop.gateway_at(url) as gateway, shop.stripe_at(url) as client:
        yield Pair(_creating(gateway), timed(lambda: shop.create_by_stripe(client)))


@contextmanager
def _session_against_stripe(_: float) -> Iterator[Pair]:
    with serving() as server:
        url = f"{server}/whole"
        with shop.stripe_gateway_at(url) as gateway, shop.stripe_at(url) as client:
            yield Pair(_creating(gateway), timed(lambda: shop.create_by_stripe(client)))


@contextmanager
def _many_at_once(share: float) -> Iterator[Pair]:
    count = max(2, int(_AT_ONCE * share))
    with serving() as server, asyncio.Runner() as runner:
        url = f"{server}/slow"
        room = TransportSettings(pool_size=_CONNECTIONS)
        gateway = AsyncGateway.connect("sandbox", base_url=url, transport=room, **shop.SETTINGS)
        client = httpx.AsyncClient()

        async def ours() -> None:
            await asyncio.gather(*(gateway.create_invoice(shop.REQUEST) for _ in range(count)))

        async def theirs() -> None:
            await asyncio.gather(*(shop.create_by_async_httpx(client, url) for _ in range(count)))

        try:
            yield Pair(timed(lambda: runner.run(ours())), timed(lambda: runner.run(theirs())))
        finally:
            runner.run(gateway.close())
            runner.run(client.aclose())


class Counter:
    """An observer that does next to nothing."""

    def __init__(self) -> None:
        self.events = 0

    @hookimpl
    def observe(self, event: Event) -> None:
        """Count an event."""
        self.events += isinstance(event, Event)


@contextmanager
def _with_and_without(_: float, **with_them: Any) -> Iterator[Pair]:
    """Compare a gateway that has something with one that has nothing, not even observers."""
    with (
        serving() as url,
        shop.gateway_at(url, **{"observers": (), **with_them}) as ours,
        shop.gateway_at(url, observers=()) as bare,
    ):
        yield Pair(_creating(ours), _creating(bare))


@contextmanager
def _limit_in_a_file(_: float) -> Iterator[Pair]:
    with (
        tempfile.TemporaryDirectory() as folder,
        _with_and_without(1, rate_limits=shop.NEVER_WAITS, limiter=f"{folder}/limits.sqlite") as pair,
    ):
        yield pair


@contextmanager
def _limit_in_redis(_: float) -> Iterator[Pair]:
    with redis_server() as url, _with_and_without(1, rate_limits=shop.NEVER_WAITS, limiter=url) as pair:
        yield pair


@contextmanager
def _rules(_: float) -> Iterator[Pair]:
    with serving() as url, shop.gateway_at(url, observers=()) as ours:
        once = connect(TransportSettings(), base_url=url)
        with shop.gateway_at(url, observers=(), transport=once) as bare:
            yield Pair(_creating(ours), _creating(bare))


def _with(**them: Any) -> Any:
    return functools.partial(_with_and_without, **them)


_CREATE = "create an invoice"
_GATEWAY = "a gateway without"

ROWS = [
    Row(name="create-requests", work=_CREATE, against="requests", make=_against_requests, target=0.58),
    Row(
        name="create-requests-tls",
        work=f"{_CREATE}, by TLS",
        against="requests",
        make=functools.partial(_against_requests, tls=True),
        target=0.58,
    ),
    Row(name="create-httpx", work=_CREATE, against="httpx", make=_against_httpx, target=0.90),
    Row(name="create-stripe", work=f"{_CREATE}, a short answer", against="stripe", make=_against_stripe),
    Row(
        name="create-stripe-session",
        work=f"{_CREATE} by gateway-stripe, a whole Session",
        against="stripe",
        make=_session_against_stripe,
        target=0.28,
    ),
    Row(
        name="create-async",
        work=f"{_CREATE}, {_AT_ONCE} at once, 20 ms away",
        against="httpx.AsyncClient",
        make=_many_at_once,
        target=1 / 8,
        rounds=9,
    ),
    Row(name="rules", work=f"{_CREATE}, retries and breaker on", against=_GATEWAY, make=_rules),
    Row(
        name="limits",
        work=f"{_CREATE}, a rate limit in memory that never waits",
        against=_GATEWAY,
        make=_with(rate_limits=shop.NEVER_WAITS),
        target=1.05,
    ),
    Row(name="limits-file", work=f"{_CREATE}, such a limit in a file", against=_GATEWAY, make=_limit_in_a_file),
    Row(name="limits-redis", work=f"{_CREATE}, such a limit in Redis", against=_GATEWAY, make=_limit_in_redis),
    Row(
        name="observers-1",
        work=f"{_CREATE}, the default observer",
        against=_GATEWAY,
        make=_with(observers=("logging",)),
    ),
    Row(
        name="observers-3",
        work=f"{_CREATE}, three observers",
        against=_GATEWAY,
        make=_with(observers=("logging", Counter(), Counter())),
    ),
]

"""R6: what a provider that is down costs, by its own log, and that it costs nobody else."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from gateway_core import Gateway, Invoice, StatusReport
from gateway_core.errors import GatewayError, NotSentError, TransportError
from gateway_core.http import HttpRequest, HttpResponse
from tests.transport.asking import PATIENT
from tests.transport.bench import CREATE, KEYED, LOST, NOT_SENT, READ, Bench, answered
from tests.transport.fault_server import (
    Act,
    Connection,
    FaultServer,
    answer,
    nobody,
    reset_before_answering,
    reset_before_reading,
    whole,
)
from tests.transport.shop import ASKED, GOOD, Attempts, call, gateway

Serve = Callable[..., FaultServer]

CALLS = 1_000

#: What a provider that is down does with each request.
DOWN: dict[str, Act] = {
    "503": answer(b"{}", 503),
    "resetting": reset_before_answering(),
    "resetting unread": reset_before_reading(),
}

operations = pytest.mark.parametrize("asked", ASKED)


class Down(FaultServer):
    """A server that does the same with every request."""

    def __init__(self, act: Act) -> None:
        self.reached = 0
        super().__init__()
        self.script(*[self._counting(act)] * (CALLS * 4))

    def _counting(self, act: Act) -> Act:
        def play(connection: Connection) -> None:
            self.reached += 1
            act(connection)

        return play


@contextmanager
def _at(url: str, asked: str, attempts: Attempts | None = None, **bounds: Any) -> Iterator[Gateway]:
    """Give a gateway of an account of its own."""
    watching = () if attempts is None else (attempts,)
    with gateway(Gateway, url, ASKED[asked][0], observers=watching, **bounds) as door:
        yield door


@operations
@pytest.mark.parametrize("down", DOWN)
def test_provider_that_is_down_is_left_alone(down: str, asked: str) -> None:
    """R6: 1,000 calls in a row cost at most 1.2 requests each; after the first few nobody asks at all."""
    with Down(DOWN[down]) as server, _at(server.url, asked) as door:
        results = [call(door, asked) for _ in range(CALLS)]

    assert all(isinstance(result, GatewayError) for result in results)
    assert server.reached <= 20


@operations
def test_provider_that_refuses_connections_is_left_alone(asked: str) -> None:
    """R6: the same where nobody is there to keep a log: attempts to connect are counted."""
    attempts = Attempts()

    with nobody() as url, _at(url, asked, attempts) as door:
        for _ in range(CALLS):
            call(door, asked)

    assert attempts.count <= 20


@pytest.mark.parametrize("down", DOWN)
def test_budget_alone_bounds_what_an_outage_costs(down: str) -> None:
    """R6: also without the breaker, retries stay within a fifth of the calls and the small floor."""
    asked = "create with key"
    with Down(DOWN[down]) as server, _at(server.url, asked, breaker_failures=10**9) as door:
        for _ in range(CALLS):
            call(door, asked)

    # The floor comes back once in ten seconds, and a busy machine may need some of these.
    assert CALLS <= server.reached <= CALLS * 1.2 + 15


@operations
def test_many_threads_cost_no_more(asked: str) -> None:
    """R6: workers that call at the same time share the budget and the breaker of their account."""
    with Down(DOWN["503"]) as server, _at(server.url, asked) as door, ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda _: call(door, asked), range(CALLS)))

    assert server.reached <= CALLS * 1.2
    assert server.reached <= 60


@pytest.mark.parametrize("spacing", [0.0, 1.0, 10.0, 60.0], ids=lambda seconds: f"a call each {seconds:g} s")
@pytest.mark.parametrize(
    "request_, outcome",
    [
        pytest.param(READ, LOST, id="read, lost"),
        pytest.param(READ, answered(503), id="read, 503"),
        pytest.param(CREATE, NOT_SENT, id="create, refused"),
        pytest.param(KEYED, answered(503), id="create with key, 503"),
    ],
)
def test_outage_of_any_length_costs_little(
    request_: HttpRequest, outcome: HttpResponse | TransportError, spacing: float
) -> None:
    """R6: however often an application calls, a long outage costs at most 1.2 requests for each call."""
    bench = Bench(*[outcome] * (CALLS * 4), breaker=10, luck=1.0, seconds=0.05)

    for _ in range(CALLS):
        with contextlib.suppress(GatewayError):
            bench.send(request_)
        bench.clock.sleep(spacing)

    assert CALLS * 4 - len(bench.wire.outcomes) <= CALLS * 1.2


def _at_the_same_time(*jobs: Callable[[], list[object]]) -> list[list[object]]:
    with ThreadPoolExecutor(len(jobs)) as threads:
        return [each.result(PATIENT * 4) for each in [threads.submit(job) for job in jobs]]


def _calls(door: Gateway, asked: str, times: int) -> list[object]:
    return [call(door, asked) for _ in range(times)]


@operations
@pytest.mark.parametrize("down", DOWN)
def test_calls_of_another_account_are_not_touched(down: str, asked: str) -> None:
    """R6: while one provider is down, calls at another one go through at the same time, each in one request."""
    with ExitStack() as stack:
        ill, well = stack.enter_context(Down(DOWN[down])), stack.enter_context(Down(answer(GOOD)))
        here, there = stack.enter_context(_at(ill.url, asked)), stack.enter_context(_at(well.url, asked))

        failed, succeeded = _at_the_same_time(lambda: _calls(here, asked, CALLS), lambda: _calls(there, asked, 300))

    assert all(isinstance(result, GatewayError) for result in failed)
    assert all(isinstance(result, Invoice | StatusReport) for result in succeeded)
    assert (well.reached, ill.reached <= 20) == (300, True)


def _ill_for_creates(connection: Connection) -> None:
    creating = connection.read_request().method == "POST"
    connection.write(whole(b"{}", 503) if creating else whole(GOOD))


def test_another_account_at_the_same_address_is_not_touched() -> None:
    """R6: what one account of a provider meets is no reason to leave the others waiting."""
    with ExitStack() as stack:
        server = stack.enter_context(Down(_ill_for_creates))
        ill, well = stack.enter_context(_at(server.url, "create")), stack.enter_context(_at(server.url, "read"))

        failed, succeeded = _at_the_same_time(lambda: _calls(ill, "create", CALLS), lambda: _calls(well, "read", 300))

    assert all(isinstance(result, GatewayError) for result in failed)
    assert all(isinstance(result, StatusReport) for result in succeeded)
    assert sum(seen.method == "GET" for seen in server.requests) == 300


def test_provider_that_is_back_is_asked_again() -> None:
    """R6: when the outage is over, the first call after the wait finds out, and all others go through."""
    bench = Bench(*[answered(503)] * 10, *[answered()] * 100, breaker=10, attempts=1)
    for _ in range(20):
        with contextlib.suppress(NotSentError):
            bench.send()
    bench.clock.sleep(10.0)

    statuses = {bench.send().status for _ in range(100)}

    assert statuses == {200}

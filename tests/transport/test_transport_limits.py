"""R1, R7 within one process: the limits are kept, as fast as they allow, and no call waits past its deadline."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from types import SimpleNamespace

import attrs
import pytest

import gateway_core.transport as transport_module
from gateway_core.errors import NotSentError
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.provider import RateLimit
from gateway_core.transport import Deadline, _limits
from gateway_core.transport._limits import RateLimited, rates
from gateway_core.transport._requests import RequestsTransport
from tests.transport.asking import ask, failure, get
from tests.transport.fault_server import Connection, FaultServer, answer, whole

Serve = Callable[..., FaultServer]
Connect = Callable[..., RequestsTransport]

REQUEST = get("https://api.example.test/")


class Clock:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """As `time.monotonic`."""
        return self.now

    def monotonic_ns(self) -> int:
        """As `time.monotonic_ns`."""
        return round(self.now * 1e9)

    def sleep(self, seconds: float) -> None:
        """As `time.sleep`, at once."""
        self.now += seconds


@attrs.define
class Wire:
    """A transport that notes when the bytes left, which is so long after the call as connecting takes."""

    clock: Clock
    connecting: list[float] = attrs.field(factory=list)
    answering: float = 0.0
    broken: bool = False
    left: list[float] = attrs.field(factory=list)
    closed: bool = False

    def send(
        self, request: HttpRequest, deadline: Deadline, *, on_write: Callable[[], None] | None = None
    ) -> HttpResponse:
        """Send nothing."""
        self.clock.now += self.connecting.pop(0) if self.connecting else 0.0
        if self.broken:
            raise NotSentError("refused")
        self.left.append(self.clock.now)
        if on_write is not None:
            on_write()
        self.clock.now += self.answering
        return HttpResponse(status=200)

    def close(self) -> None:
        """Note it."""
        self.closed = True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Give the clock by which the limits and the deadlines go."""
    clock = Clock()
    names = SimpleNamespace(monotonic=clock.monotonic, monotonic_ns=clock.monotonic_ns, sleep=clock.sleep)
    monkeypatch.setattr(_limits, "time", names)
    monkeypatch.setattr(transport_module, "time", names)
    return clock


def _gaps(times: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(times)]


def _most_within(times: list[float], seconds: float) -> int:
    return max(sum(start <= each < start + seconds for each in times) for start in times)


def test_one_per_second_is_even(clock: Clock) -> None:
    """R7: one a second means a second and a small margin between any two, and little more."""
    wire = Wire(clock)
    limited = RateLimited(wire, (RateLimit(requests=1, seconds=1),), account=object())

    for _ in range(5):
        ask(limited, REQUEST)

    assert _gaps(wire.left) == pytest.approx([1.04] * 4, abs=0.003)


def test_many_per_hour_are_not_spread(clock: Clock) -> None:
    """R7: a thousand an hour may come at once; the next one waits for the hour to pass."""
    wire = Wire(clock)
    limited = RateLimited(wire, (RateLimit(requests=1000, seconds=3600),), account=object())

    for _ in range(1001):
        ask(limited, REQUEST, seconds=5000)

    assert (wire.left[999] - wire.left[0], 3600 < wire.left[1000] - wire.left[0] < 3600 * 1.05) == (0, True)


def test_all_limits_hold(clock: Clock) -> None:
    """R7: the short and the long limit hold together."""
    wire = Wire(clock)
    limits = (RateLimit(requests=10, seconds=60), RateLimit(requests=1, seconds=1), RateLimit(requests=3, seconds=6))
    limited = RateLimited(wire, limits, account=object())

    for _ in range(40):
        ask(limited, REQUEST, seconds=1000)

    assert [_most_within(wire.left, limit.seconds) for limit in limits] == [10, 1, 3]


def test_time_to_connect_does_not_bring_requests_closer(clock: Clock) -> None:
    """R7: the provider counts when a request arrives: a slow handshake before the first one must not make it late."""
    wire = Wire(clock, connecting=[0.4, 0.0, 0.3, 0.0])
    limited = RateLimited(wire, (RateLimit(requests=1, seconds=1),), account=object())

    for _ in range(4):
        ask(limited, REQUEST)

    assert min(_gaps(wire.left)) >= 1.0


@pytest.mark.parametrize("answering, gap", [(0.02, 1.04), (0.7, 1.7)])
def test_slow_answer_moves_the_next_request(clock: Clock, answering: float, gap: float) -> None:
    """R7: a request may have been counted as late as its answer: the next one keeps its distance from that."""
    wire = Wire(clock, answering=answering)
    limited = RateLimited(wire, (RateLimit(requests=1, seconds=1),), account=object())

    for _ in range(4):
        ask(limited, REQUEST)

    assert _gaps(wire.left) == pytest.approx([gap] * 3, abs=0.003)


def test_no_waiting_past_the_deadline(clock: Clock) -> None:
    """R1: a wait that would outlast the deadline is refused at once, and says why."""
    wire = Wire(clock)
    limited = RateLimited(wire, (RateLimit(requests=1, seconds=10),), account=object())
    ask(limited, REQUEST)
    started = clock.now

    error = failure(limited, REQUEST, seconds=9)

    assert (type(error), error.effect, clock.now - started, len(wire.left)) == (NotSentError, "none", 0, 1)
    assert error.message == "the rate limit of 1 per 10 s allows no request before the deadline; nothing was sent"


def test_refused_wait_uses_nothing_up(clock: Clock) -> None:
    """A call that was refused leaves its place to the next."""
    wire = Wire(clock)
    limited = RateLimited(wire, (RateLimit(requests=1, seconds=10),), account=object())
    ask(limited, REQUEST)
    for _ in range(5):
        failure(limited, REQUEST, seconds=1)

    ask(limited, REQUEST, seconds=11)

    assert _gaps(wire.left) == pytest.approx([10.4], abs=0.003)


def test_failed_call_gives_its_turn_on(clock: Clock) -> None:
    """A call that fails does not hold the others."""
    wire = Wire(clock, broken=True)
    limited = RateLimited(wire, (RateLimit(requests=1, seconds=1),), account=object())
    failure(limited, REQUEST)
    wire.broken = False

    ask(limited, REQUEST)

    assert len(wire.left) == 1


def test_gateways_of_one_account_share_its_limits(clock: Clock) -> None:
    """The provider counts by account, however many objects an application makes."""
    wires = [Wire(clock), Wire(clock)]
    account = ("Example", "key")
    limits = (RateLimit(requests=1, seconds=1),)
    gateways = [RateLimited(wire, limits, account=account) for wire in wires]

    for gateway in gateways:
        ask(gateway, REQUEST)

    assert wires[1].left[0] - wires[0].left[0] == pytest.approx(1.04, abs=0.003)


def test_accounts_do_not_share_limits(clock: Clock) -> None:
    """Two accounts are two budgets."""
    wires = [Wire(clock), Wire(clock)]
    limits = (RateLimit(requests=1, seconds=1),)
    gateways = [RateLimited(wire, limits, account=("Example", number)) for number, wire in enumerate(wires)]

    for gateway in gateways:
        ask(gateway, REQUEST)

    assert wires[1].left == wires[0].left


def test_account_that_nobody_uses_is_forgotten(clock: Clock) -> None:
    """The register of accounts does not grow with the gateways that were."""
    gateways = [RateLimited(Wire(clock), (RateLimit(requests=1, seconds=1),), account=("gone", i)) for i in range(50)]
    known = len(_limits._LINES)

    gateways.clear()
    gc.collect()

    assert len(_limits._LINES) <= known - 50


def test_process_that_forks_starts_a_line_of_its_own(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copied lock, held by a thread that was not copied, would never be given on."""
    wire = Wire(clock)
    limited = RateLimited(wire, (RateLimit(requests=1, seconds=1),), account=object())
    limited._line._turn.acquire()
    monkeypatch.setattr(os, "getpid", lambda: -1)

    ask(limited, REQUEST)

    assert len(wire.left) == 1


def test_closing_closes_what_is_below(clock: Clock) -> None:
    """The connections are those of the transport below."""
    wire = Wire(clock)

    RateLimited(wire, (RateLimit(requests=1, seconds=1),), account=object()).close()

    assert wire.closed


def test_no_thread_is_left_behind(clock: Clock) -> None:
    """The engine's own cleaning thread, which never ends, is not started."""
    before = threading.active_count()
    limited = RateLimited(Wire(clock), (RateLimit(requests=5, seconds=1),), account=object())

    ask(limited, REQUEST)

    assert threading.active_count() == before


def test_old_requests_are_forgotten(clock: Clock) -> None:
    """Memory does not grow with the number of requests."""
    limited = RateLimited(Wire(clock), (RateLimit(requests=2, seconds=1),), account=object())

    for _ in range(100):
        ask(limited, REQUEST)

    assert limited._line._bucket.count() <= 3


@pytest.mark.parametrize(
    "declared, given",
    [
        ([(1, 1)], [(1, 1040)]),
        ([(1000, 3600), (1, 1)], [(1, 1040), (1000, 3744000)]),
        ([(10, 1), (5, 60)], [(5, 62400)]),
        ([(10, 1), (1000, 60)], [(10, 1040)]),
        ([(10, 1), (605, 60)], [(10, 1040), (600, 62400)]),
        ([(2, 1), (2, 1)], [(2, 1040)]),
        ([(3, 1), (2, 1)], [(2, 1040)]),
    ],
)
def test_limits_that_others_imply_are_left_out(declared: list[tuple[int, float]], given: list[tuple[int, int]]) -> None:
    """The engine takes a row of limits each of which adds something."""
    limits = [RateLimit(requests=requests, seconds=seconds) for requests, seconds in declared]

    assert [(rate.limit, rate.interval) for rate in rates(limits)] == given


def test_threads_wait_in_line(serve: Serve, connect: Connect) -> None:
    """R7: judged by the server's own log, no request of eight threads is missing, and together they are not early."""
    server = serve()
    limited = RateLimited(connect(server.url), (RateLimit(requests=1, seconds=0.1),), account=object())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: ask(limited, get(f"{server.url}/")), range(16)))

    came = [seen.at for seen in server.requests]
    assert (len(came), came[-1] - came[0] >= 15 * 0.1) == (16, True)


def test_slow_answer_does_not_hold_the_line(serve: Serve, connect: Connect) -> None:
    """R7: the turn is given on when the request leaves, not when its answer comes."""
    second_came = threading.Event()

    def slow(connection: Connection) -> None:
        connection.read_request()
        second_came.wait(10)
        connection.write(whole(b"slow"))

    def fast(connection: Connection) -> None:
        connection.read_request()
        second_came.set()
        connection.write(whole(b"fast"))

    server = serve(slow, fast, answer())
    limited = RateLimited(connect(server.url), (RateLimit(requests=1, seconds=0.05),), account=object())

    with ThreadPoolExecutor(2) as pool:
        bodies = sorted(pool.map(lambda _: ask(limited, get(f"{server.url}/")).body, range(2)))

    assert bodies == [b"fast", b"slow"]


@attrs.frozen
class _Untouchable:
    """A lock that nobody waits for, and that can be given back."""

    lock: threading.Lock

    def release(self) -> None:
        """As the lock does."""
        self.lock.release()


def test_those_in_line_are_counted(clock: Clock) -> None:
    """R1: who comes last knows at once how long the line is."""
    entered, go = threading.Event(), threading.Event()

    class Slow(Wire):
        def send(
            self, request: HttpRequest, deadline: Deadline, *, on_write: Callable[[], None] | None = None
        ) -> HttpResponse:
            entered.set()
            go.wait(10)
            return super().send(request, deadline, on_write=on_write)

    limited = RateLimited(Slow(clock), (RateLimit(requests=1, seconds=10),), account=object())
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(ask, limited, REQUEST)
        entered.wait(10)
        limited._line._turn = _Untouchable(limited._line._turn)  # type: ignore[assignment]

        error = failure(limited, REQUEST, seconds=9)

        go.set()
        first.result(10)
    assert (type(error), "rate limit" in error.message) == (NotSentError, True)


def test_turn_that_does_not_come_is_given_up(clock: Clock) -> None:
    """R1: a line that does not move holds nobody past the deadline."""
    limited = RateLimited(Wire(clock), (RateLimit(requests=5, seconds=1),), account=object())
    limited._line._turn.acquire()

    error = failure(limited, REQUEST, seconds=0.05)

    assert (type(error), limited._line._ahead) == (NotSentError, 0)


def test_import_of_the_package_loads_neither_requests_nor_the_engine() -> None:
    """What is needed to send is loaded when something is sent, not before."""
    script = (
        "import gateway_core, sys; print([m for m in ('requests', 'urllib3', 'pyrate_limiter') if m in sys.modules])"
    )

    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    assert loaded.strip() == "[]"

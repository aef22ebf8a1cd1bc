"""Faults between a gateway and an emulator: what is raised, what was carried out, and when a fault strikes."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway_core import HttpRequest, HttpResponse
from gateway_core.errors import GatewayError, InvalidRequestError, NotSentError, OutcomeUnknownError, TransportError
from gateway_core.testing import (
    Answer,
    AnswerLost,
    Exchange,
    Fault,
    FaultyTransport,
    HttpClient,
    ManualClock,
    NotSent,
    Passage,
    RequestLost,
    Slow,
    Truncated,
    changing,
)
from gateway_core.transport import Deadline

_URL = "http://127.0.0.1:4010/v1/invoices"
_READ = HttpRequest(method="GET", url=_URL)
_CHANGE = HttpRequest(method="POST", url=_URL, body=b"{}")
_START = datetime(2026, 11, 21, 8, tzinfo=UTC)


class _Inner:
    """A provider that answers everything in one way."""

    def __init__(self) -> None:
        self.seen: list[HttpRequest] = []
        self.closed = False

    def send(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        self.seen.append(request)
        return HttpResponse(status=201, headers={"X-Request-Id": "7"}, body=b'{"id": "1042"}')

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def inner() -> _Inner:
    """Give a provider."""
    return _Inner()


@pytest.fixture
def clock() -> ManualClock:
    """Give a clock."""
    return ManualClock(_START)


@pytest.fixture
def transport(inner: _Inner, clock: ManualClock) -> FaultyTransport:
    """Give a transport to that provider on which nothing goes wrong yet."""
    return FaultyTransport(inner, clock)


def _send(transport: FaultyTransport, request: HttpRequest = _CHANGE, seconds: float = 30.0) -> int | str:
    try:
        return transport.send(request, Deadline.after(seconds)).status
    except GatewayError as error:
        return type(error).__name__


@contextlib.contextmanager
def _nobody() -> Iterator[str]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@contextlib.contextmanager
def _server(handle: Callable[[socket.socket], None]) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1 << 16)
                handle(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def _hang_up() -> contextlib.AbstractContextManager[str]:
    return _server(lambda connection: None)


def _say_nothing() -> contextlib.AbstractContextManager[str]:
    return _server(lambda connection: (connection.recv(1), None)[1])


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "fault,earnest",
    [
        (NotSent(), _nobody),
        (RequestLost(), _hang_up),
        (AnswerLost(), _hang_up),
        (Slow(60), _say_nothing),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Fault) else "",
)
def test_fault_raises_what_the_real_transport_raises(
    transport: FaultyTransport,
    fault: Fault,
    earnest: Callable[[], contextlib.AbstractContextManager[str]],
    method: str,
) -> None:
    """What an application learns of a fault in a test is what it learns of it in earnest: class, effect and words."""
    with earnest() as base_url, contextlib.closing(HttpClient(base_url, timeout=0.5)) as client:
        request = HttpRequest(method=method, url=f"{base_url}/v1/invoices")
        with pytest.raises(TransportError) as real:
            client.send(request)
    transport.script(fault)

    with pytest.raises(TransportError) as emulated:
        transport.send(request, Deadline.after(30))

    assert type(emulated.value) is type(real.value)
    assert (emulated.value.effect, emulated.value.message) == (real.value.effect, real.value.message)


@pytest.mark.parametrize(
    "fault,carried_out",
    [
        (NotSent(), False),
        (RequestLost(), False),
        (AnswerLost(), True),
        (Slow(1), True),
        (Slow(31), True),
        (Answer(503), False),
        (Answer(503, carried_out=True), True),
        (Answer.html(), False),
        (Answer.html(carried_out=True), True),
        (Truncated(), True),
    ],
    ids=str,
)
def test_provider_carries_out_what_reaches_it(
    transport: FaultyTransport, inner: _Inner, fault: Fault, carried_out: bool
) -> None:
    """A lost answer has had its effect, a lost request none; the log tells which it was."""
    transport.script(fault)

    _send(transport)

    assert inner.seen == ([_CHANGE] if carried_out else [])
    assert [exchange.carried_out for exchange in transport.exchanges] == [carried_out]


def test_answers_come_as_they_are_written(transport: FaultyTransport) -> None:
    """Status, headers and body of a false answer are those of the script."""
    transport.script(Answer(429, body=b"slow down", headers={"Server": "proxy"}, retry_after=7))
    transport.script(Answer.html())

    limited, page = (transport.send(_CHANGE, Deadline.after(30)) for _ in range(2))

    assert (limited.status, limited.body) == (429, b"slow down")
    assert limited.headers.pairs == (("Server", "proxy"), ("Retry-After", "7"))
    assert (page.status, page.headers["content-type"], page.body[:9]) == (200, "text/html; charset=utf-8", b"<!doctype")


@pytest.mark.parametrize("fault,body", [(Truncated(), b'{"id": '), (Truncated(3), b'{"i'), (Truncated(0), b"")])
def test_truncated_answer_keeps_its_head(transport: FaultyTransport, fault: Fault, body: bytes) -> None:
    """The provider's own status and headers stand before a body that ends too early."""
    transport.script(fault)

    answer = transport.send(_CHANGE, Deadline.after(30))

    assert (answer.status, answer.headers["x-request-id"], answer.body) == (201, "7", body)


def test_slow_answer_moves_the_clock(transport: FaultyTransport, clock: ManualClock) -> None:
    """Nobody waits: the time that an answer takes passes on the emulator's clock."""
    transport.script(Slow(20))

    status = _send(transport)

    assert (status, clock() - _START) == (201, timedelta(seconds=20))


def test_slow_answers_of_one_call_add_up(transport: FaultyTransport, inner: _Inner) -> None:
    """A call that was told too late sends nothing more; another call has its own time."""
    deadline = Deadline.after(30)
    transport.script(Slow(20), times=2)
    transport.send(_READ, deadline)

    with pytest.raises(OutcomeUnknownError, match="deadline passed"):
        transport.send(_CHANGE, deadline)
    with pytest.raises(NotSentError, match="deadline had passed"):
        transport.send(_CHANGE, deadline)

    assert inner.seen == [_READ, _CHANGE]
    assert _send(transport) == 201


def test_slow_needs_no_clock(inner: _Inner) -> None:
    """Without an emulator's clock, the deadline alone is what time means."""
    transport = FaultyTransport(inner)
    transport.script(Slow(31))

    assert _send(transport) == "OutcomeUnknownError"


def test_time_that_the_deadline_counts_is_counted_once(inner: _Inner, clock: ManualClock) -> None:
    """A deadline that goes by the emulator's clock has seen the time pass already."""

    class OnClock(Deadline):
        def remaining(self) -> float:
            return self.at - clock().timestamp()

    transport = FaultyTransport(inner, clock)
    transport.script(Slow(20))

    answer = transport.send(_CHANGE, OnClock(_START.timestamp() + 30))

    assert answer.status == 201


def test_nothing_leaves_after_the_deadline(transport: FaultyTransport, inner: _Inner) -> None:
    """What the real transport would not send does not reach the emulator, and no fault is used up by it."""
    transport.script(AnswerLost())

    assert _send(transport, seconds=0) == "NotSentError"
    assert (inner.seen, transport.pending, transport.exchanges) == ([], (AnswerLost(),), [])


@pytest.mark.parametrize(
    "scripts,expected",
    [
        ([], [201, 201, 201, 201]),
        ([(Answer(503), {})], [503, 201, 201, 201]),
        ([(Answer(503), {"times": 2})], [503, 503, 201, 201]),
        ([(Answer(503), {"after": 2})], [201, 201, 503, 201]),
        ([(Answer(503), {"after": 1, "times": 2})], [201, 503, 503, 201]),
        ([(Answer(503), {}), (NotSent(), {})], [503, "NotSentError", 201, 201]),
        ([(NotSent(), {"after": 1}), (Answer(503), {})], [503, "NotSentError", 201, 201]),
        ([(NotSent(), {"after": 1}), (Answer(503), {"after": 1})], [201, "NotSentError", 503, 201]),
    ],
)
def test_faults_strike_in_order(
    transport: FaultyTransport, scripts: list[tuple[Fault, dict[str, Any]]], expected: list[int | str]
) -> None:
    """One fault strikes a request: the one that was scripted first, of those whose turn has come."""
    for fault, when in scripts:
        transport.script(fault, **when)

    actual = [_send(transport) for _ in range(4)]

    assert actual == expected
    assert transport.pending == ()


def test_fault_waits_for_its_requests(transport: FaultyTransport) -> None:
    """Other requests neither meet a fault nor count for it."""
    transport.script(Answer(503), where=changing, after=1)

    actual = [_send(transport, request) for request in (_READ, _CHANGE, _READ, _CHANGE)]

    assert actual == [201, 201, 201, 503]


def test_pending_tells_what_has_not_struck(transport: FaultyTransport) -> None:
    """A test can see that what it scripted has happened."""
    transport.script(Answer(503), times=2)
    transport.script(NotSent(), where=changing)

    _send(transport, _READ)

    assert transport.pending == (Answer(503), NotSent())


@pytest.mark.parametrize("when", [{"times": 0}, {"times": -1}, {"after": -1}])
def test_fault_that_would_never_strike_is_refused(transport: FaultyTransport, when: dict[str, Any]) -> None:
    """A script that does nothing is a mistake in a test, which would pass for no reason."""
    with pytest.raises(InvalidRequestError, match="one at least"):
        transport.script(NotSent(), **when)


@pytest.mark.parametrize(
    "kind,value",
    [
        (Slow, -1),
        (Slow, float("nan")),
        (Answer, 0),
        (Answer, 103),
        (Answer, 600),
        (Answer, "503"),
        (Truncated, -1),
    ],
)
def test_impossible_fault_is_refused(kind: Callable[[Any], Fault], value: Any) -> None:
    """A fault that no provider could show is told where it is written."""
    with pytest.raises(InvalidRequestError):
        kind(value)


def test_fault_is_an_object(transport: FaultyTransport) -> None:
    """The class in place of an object is told where it was written, not where it would have struck."""
    with pytest.raises(InvalidRequestError, match="a fault is data"):
        transport.script(NotSent)  # type: ignore[arg-type]  # the mistake that is meant


def test_everything_seen_is_in_the_log(transport: FaultyTransport) -> None:
    """Each request with what went wrong, whether it was carried out, and what came back."""
    transport.script(AnswerLost(), after=1)
    _send(transport, _READ)
    _send(transport, _CHANGE)

    answer = HttpResponse(status=201, headers={"X-Request-Id": "7"}, body=b'{"id": "1042"}')
    assert transport.exchanges == [
        Exchange(request=_READ, fault=None, carried_out=True, response=answer),
        Exchange(request=_CHANGE, fault=AnswerLost(), carried_out=True, response=None),
    ]


def test_threads_share_a_script(transport: FaultyTransport) -> None:
    """Of many requests at once, as many are struck as the script says."""
    transport.script(Answer(503), times=50)
    statuses: list[int | str] = []
    threads = [
        threading.Thread(target=lambda: statuses.extend([_send(transport) for _ in range(20)])) for _ in range(4)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (statuses.count(503), statuses.count(201), len(transport.exchanges)) == (50, 30, 80)


def test_closing_closes_what_sends(transport: FaultyTransport, inner: _Inner) -> None:
    """The connections below belong to whoever closes the gateway."""
    transport.close()

    assert inner.closed


def test_fault_of_ones_own_strikes() -> None:
    """A subclass sees the request on its way, may have it carried out, and answers what it likes."""
    told: list[tuple[str, bool, bool]] = []

    class Teapot(Fault):
        def strike(self, passage: Passage) -> HttpResponse:
            before = passage.carried_out
            passage.carry_out()
            told.append((passage.request.method, before, passage.carried_out))
            return HttpResponse(status=418)

    inner = _Inner()
    transport = FaultyTransport(inner, ManualClock(_START))
    transport.script(Teapot())

    answer = transport.send(_CHANGE, Deadline.after(30))

    assert (answer.status, inner.seen, told) == (418, [_CHANGE], [("POST", False, True)])

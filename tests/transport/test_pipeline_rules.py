"""Turns, the breaker, observers and abandoned calls, as one request goes through them step by step."""

from __future__ import annotations

import contextlib

import pytest

from gateway_core.errors import GatewayError, InvalidRequestError, NotSentError, TransportError
from gateway_core.http import HttpResponse
from gateway_core.observers import (
    AnswerReceived,
    BreakerClosed,
    BreakerOpened,
    RateLimited,
    RequestFailed,
    RequestSent,
    Retried,
)
from gateway_core.provider import ProviderInfo
from gateway_core.transport._account_pause import FLOOR
from gateway_core.transport._actions import RunBlocking, Send, Sleep
from gateway_core.transport._rate_limit import PermitLostError
from tests.transport.bench import CREATE, KEYED, LOST, NOT_SENT, NOW, READ, Bench, Limiter, answered, drive

#: Headers that say that no request is left until 90 s after `NOW`.
_RESET = {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": str(int(NOW.timestamp()) + 90)}


def test_each_attempt_pays_the_same_toll() -> None:
    """R7: a repetition takes a turn of its own, and each is ended once by how it went."""
    limiter = Limiter()
    bench = Bench(NOT_SENT, LOST, answered(503), answered(), limiter=limiter, attempts=4)

    bench.send()

    assert [turn.told for turn in limiter.turns] == [
        ["ended", "given up"],
        ["leaving", "ended", "given up"],
        ["leaving", "answered", "given up"],
        ["leaving", "answered", "given up"],
    ]


def test_turn_that_was_lost_on_the_way_is_taken_anew() -> None:
    """R7: who took so long to connect that another one went first waits for another turn; it is no attempt."""
    limiter = Limiter(refusals=[PermitLostError("another one went"), PermitLostError("another one went")])
    bench = Bench(answered(), answered(), answered(), limiter=limiter, attempts=1)

    response = bench.send(CREATE)

    assert (response.status, len(bench.wire.sent)) == (200, 1)
    assert [turn.told for turn in limiter.turns] == [
        ["leaving", "ended", "given up"],
        ["leaving", "ended", "given up"],
        ["leaving", "answered", "given up"],
    ]


def test_turn_that_is_lost_time_and_again_ends_with_the_deadline() -> None:
    """R1: waiting for another turn ends when there is none in time."""
    limiter = Limiter(waits=[1.0] * 50, refusals=[PermitLostError("another one went")] * 50)
    bench = Bench(*[answered()] * 50, limiter=limiter)

    error = bench.failure(CREATE, 5.0)

    assert (type(error), bench.wire.sent) == (NotSentError, [])
    assert bench.clock.now <= bench.deadline.at


def test_store_that_fails_at_the_last_moment_is_not_sent() -> None:
    """R7: without its store the limiter lets nothing leave, and that is told as it is."""
    lost = NotSentError("the limiter's store cannot be reached")
    bench = Bench(answered(), limiter=Limiter(refusals=[lost]), breaker=1)

    error = bench.failure(CREATE)

    assert (error, bench.wire.sent) == (lost, [])


def test_store_that_fails_is_not_the_providers_fault() -> None:
    """R6: what the limiter held back neither opens the breaker nor is judged."""
    limiter = Limiter(refusals=[NotSentError("no store"), PermitLostError("lost"), None])
    bench = Bench(answered(), answered(), answered(), limiter=limiter, breaker=1)

    bench.failure(CREATE)
    response = bench.send(CREATE)

    assert response.status == 200


def test_store_that_fails_after_a_doubt_leaves_it() -> None:
    """R3: the limiter's refusal of a repetition says nothing of the attempt before."""
    limiter = Limiter(refusals=[None, NotSentError("no store")])
    bench = Bench(LOST, answered(), limiter=limiter)

    error = bench.failure(KEYED)

    assert (error, error.effect) == (LOST, "unknown")


@pytest.mark.parametrize(
    "headers, seconds",
    [
        pytest.param({"Retry_After": "7"}, [7.0], id="asked for"),
        pytest.param({}, [FLOOR], id="not asked for"),
        pytest.param({"Retry_After": "0"}, [FLOOR], id="not at all"),
        pytest.param({"Retry_After": "soon"}, [FLOOR], id="nonsense"),
        pytest.param({"Retry_After": "3600"}, [3600.0], id="beyond the deadline"),
        pytest.param(_RESET, [90.0], id="nothing left"),
        pytest.param({"Retry_After": "7", **_RESET}, [7.0], id="both"),
    ],
)
def test_whole_account_waits_where_it_was_told_to(headers: dict[str, str], seconds: list[float]) -> None:
    """R7: "too many requests" is meant for all calls of the account, and they are held off as long as it says."""
    limiter = Limiter()
    bench = Bench(answered(429, **headers), limiter=limiter, attempts=1)

    bench.send()

    assert limiter.held_off == seconds


@pytest.mark.parametrize("status", [404, 408, 503])
def test_wait_that_is_not_for_too_many_requests_is_the_calls_own(status: int) -> None:
    """R7: what one call is asked to wait for another reason holds up no other call of the account."""
    limiter = Limiter()
    bench = Bench(answered(status, Retry_After="7"), limiter=limiter, attempts=1)

    bench.send()

    assert limiter.held_off == []


@pytest.mark.parametrize("status", [200, 404, 503])
def test_headers_that_say_nothing_is_left_are_believed(status: int) -> None:
    """R7: also in an answer that is fine: the next request would be one too many."""
    limiter = Limiter()
    bench = Bench(answered(status, **_RESET), limiter=limiter, attempts=1)

    bench.send()

    assert limiter.held_off == [90.0]


@pytest.mark.parametrize(
    "headers",
    [
        {"X_RateLimit_Remaining": "1", "X_RateLimit_Reset": _RESET["X_RateLimit_Reset"]},
        {"X_RateLimit_Remaining": "0"},
        {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "soon"},
        {"X_RateLimit_Remaining": "-1", "X_RateLimit_Reset": "-1"},
        {"X_RateLimit_Reset": _RESET["X_RateLimit_Reset"]},
    ],
    ids=lambda headers: " ".join(f"{name[12:]} {value}" for name, value in headers.items()),
)
def test_headers_that_do_not_say_so_hold_nobody_off(headers: dict[str, str]) -> None:
    """R7: as long as there are requests left, or it is not known until when not, the declared limits do."""
    limiter = Limiter()
    bench = Bench(answered(200, **headers), limiter=limiter)

    bench.send()

    assert limiter.held_off == []


def test_provider_without_such_headers_is_not_asked_for_them() -> None:
    """R7: only headers that the plugin declares mean anything."""
    limiter = Limiter()
    bench = Bench(answered(200, **_RESET), limiter=limiter, info=ProviderInfo(title="Example"))

    bench.send()

    assert limiter.held_off == []


@pytest.mark.parametrize("answer", [answered(200, **_RESET), answered(201, **_RESET), answered(404, **_RESET)])
def test_store_that_cannot_be_told_loses_no_answer(answer: HttpResponse) -> None:
    """R7: an invoice that was made is not lost because the limiter could not be told of a wait."""
    bench = Bench(answer, limiter=Limiter(store=NotSentError("the limiter's store cannot be reached")))

    response = bench.send(CREATE)

    assert response is answer


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 409, 422, 429])
def test_breaker_takes_no_for_an_answer(status: int) -> None:
    """R6: a provider that says no, or not so fast, is well."""
    bench = Bench(*[answered(status)] * 10, breaker=2, attempts=1)

    for _ in range(10):
        bench.send()

    assert len(bench.wire.left) == 10


@pytest.mark.parametrize(
    "outcome", [NOT_SENT, LOST, answered(500), answered(501), answered(503), answered(408)], ids=str
)
def test_breaker_stops_attempts_at_a_provider_that_is_down(outcome: HttpResponse | TransportError) -> None:
    """R6: after so many failures in a row nothing more is sent, also within one call."""
    bench = Bench(*[outcome] * 10, breaker=3, attempts=2)

    for _ in range(4):
        _ended(bench)

    assert len(bench.wire.outcomes) == 7
    assert type(bench.failure()) is NotSentError


def _ended(bench: Bench) -> None:
    with contextlib.suppress(GatewayError):
        bench.send()


def test_breaker_is_asked_before_waiting_for_a_turn() -> None:
    """R6: who is refused anyway takes no turn from others, and does not wait for it."""
    limiter = Limiter()
    bench = Bench(LOST, limiter=limiter, breaker=1, attempts=1)
    _ended(bench)

    bench.failure()

    assert len(limiter.turns) == 1


def test_breaker_that_opened_meanwhile_gives_the_turn_back() -> None:
    """R6, R7: a turn that is not used because others failed meanwhile is given up."""
    limiter = Limiter(waits=[1.0])
    bench = Bench(limiter=limiter, breaker=1)
    steps = bench.steps(READ)
    next(steps)
    bench.health.circuit_breaker.record(object(), failed=True)

    with pytest.raises(NotSentError):
        steps.send(None)

    assert [turn.told for turn in limiter.turns] == [["given up"]]


def test_breaker_closes_with_the_probe() -> None:
    """R6: after its wait one request goes through, and its answer lets all others through."""
    bench = Bench(LOST, answered(404), answered(), breaker=1, attempts=1)
    _ended(bench)
    bench.clock.sleep(10.0)

    statuses = [bench.send().status, bench.send().status]

    assert statuses == [404, 200]


def test_deadline_that_passed_before_sending_is_not_the_providers_fault() -> None:
    """R6: calls that come too late to be sent open no breaker."""
    bench = Bench(NOT_SENT, answered(), breaker=1)
    bench.wire.connecting = 30.0
    bench.failure(READ, 30.0)
    bench.wire.connecting = 0.0

    response = bench.send()

    assert response.status == 200


@pytest.mark.parametrize("steps_before", [1, 2, 3, 4, 5])
def test_call_that_is_abandoned_leaves_nothing_behind(steps_before: int) -> None:
    """R6, R7: whoever gives up, at whatever step, frees the probe and the turn."""
    limiter = Limiter(waits=[0.1, 0.1, 0.1])
    bench = Bench(answered(429, Retry_After="3"), answered(503), limiter=limiter, breaker=1)
    bench.health.circuit_breaker.record(object(), failed=True)
    bench.clock.sleep(10.0)
    steps = bench.steps(READ)
    step = next(steps)
    for _ in range(steps_before - 1):
        step = steps.send(bench.perform(step))

    steps.close()

    bench.health.circuit_breaker.admit(object())
    assert all(turn.told[-1] == "given up" for turn in limiter.turns)


def test_steps_of_a_call_that_was_abandoned_at_each_step() -> None:
    """The steps that the test above stops at: a wait for a turn, an attempt, a hint to the limiter, a wait."""
    limiter = Limiter(waits=[0.1, 0.1, 0.1])
    bench = Bench(answered(429, Retry_After="3"), answered(503), limiter=limiter, attempts=2)
    seen: list[type] = []

    def perform(step: object) -> object:
        seen.append(type(step))
        return bench.perform(step)

    drive(bench.steps(READ), perform)

    assert seen == [Sleep, Send, RunBlocking, Sleep, Sleep, Send]


def test_observers_are_told_of_each_attempt() -> None:
    """Every attempt is told, with what came of it, and every wait before the next one with its reason."""
    bench = Bench(NOT_SENT, answered(503, Retry_After="2"), answered(204), seconds=0.25, attempts=3)

    bench.send()

    assert bench.watch.told() == [
        RequestSent,
        RequestFailed,
        Retried,
        RequestSent,
        AnswerReceived,
        Retried,
        RequestSent,
        AnswerReceived,
    ]
    assert [(each.attempt, each.wait, each.reason) for each in bench.watch.of(Retried)] == [
        (2, 0.0, "not sent"),
        (3, 2.0, "status 503"),
    ]
    assert [(each.attempt, each.host) for each in bench.watch.of(RequestSent)] == [
        (attempt, "api.example.test") for attempt in (1, 2, 3)
    ]
    assert [(each.attempt, each.error) for each in bench.watch.of(RequestFailed)] == [(1, NOT_SENT)]


def test_observers_are_told_of_a_request_that_is_none() -> None:
    """A request that the wire refuses has an end, too: each that was told to leave is told to have ended."""
    refusal = InvalidRequestError("it goes to another server")
    bench = Bench(refusal)

    with pytest.raises(InvalidRequestError):
        bench.send()

    assert bench.watch.told() == [RequestSent, RequestFailed]
    assert [each.error for each in bench.watch.of(RequestFailed)] == [refusal]


def test_observers_are_told_of_waits_for_a_turn() -> None:
    """A turn that had to be waited for is told; one that was free is not."""
    bench = Bench(answered(), answered(), limiter=Limiter(waits=[0.0, 1.5]))

    bench.send()
    bench.send()

    assert [each.waited for each in bench.watch.of(RateLimited)] == [1.5]


def test_observers_are_told_of_the_breaker() -> None:
    """That a provider is left alone, and that it is back, is told once each."""
    bench = Bench(LOST, LOST, answered(), answered(), breaker=2, attempts=1)
    _ended(bench)
    _ended(bench)
    _ended(bench)
    bench.clock.sleep(10.0)

    bench.send()
    bench.send()

    assert [each.seconds for each in bench.watch.of(BreakerOpened)] == [10.0]
    assert len(bench.watch.of(BreakerClosed)) == 1

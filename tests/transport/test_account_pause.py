"""After "too many requests" the whole account waits, with declared limits and without."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from gateway_core.errors import NotSentError, RateLimitedError
from gateway_core.gateway import Gateway
from gateway_core.http import HttpResponse
from gateway_core.observers import RateLimited
from gateway_core.transport._account_pause import FLOOR, LONGEST, LONGEST_FLOOR, AccountPause
from gateway_core.transport._actions import Send, Sleep
from tests.transport.bench import CREATE, NOW, READ, Bench, Limiter, answered, drive
from tests.transport.fault_server import FaultServer, answer
from tests.transport.permits import Clock
from tests.transport.shop import GOOD, call, gateway

_UNTIL = str(int(NOW.timestamp()) + 9)


@pytest.fixture
def clock() -> Clock:
    """A clock of the test's own."""
    return Clock()


@pytest.fixture
def pause(clock: Clock) -> AccountPause:
    """The pause of an account that was never told to wait."""
    return AccountPause(clock)


@pytest.mark.parametrize(
    "limiter",
    [
        pytest.param(lambda: None, id="no limits"),
        pytest.param(Limiter, id="limits"),
        pytest.param(
            lambda: Limiter(store=NotSentError("the store cannot be reached")), id="limits without their store"
        ),
    ],
)
@pytest.mark.parametrize(
    "refusal, seconds",
    [
        pytest.param(answered(429, Retry_After="7"), 7.0, id="as long as it says"),
        pytest.param(answered(429), FLOOR, id="a while where it does not say"),
        pytest.param(answered(429, Retry_After="0"), FLOOR, id="a while where it says none"),
        pytest.param(answered(200, X_RateLimit_Remaining="0", X_RateLimit_Reset=_UNTIL), 9.0, id="nothing left"),
    ],
)
def test_other_calls_of_the_account_wait(
    refusal: HttpResponse, seconds: float, limiter: Callable[[], Limiter | None]
) -> None:
    """R7: what one call is told holds the next one back, whether the plugin declares limits or not."""
    bench = Bench(refusal, answered(), limiter=limiter(), attempts=1)
    bench.send()

    response = bench.send(CREATE)

    assert (response.status, bench.pauses) == (200, [seconds])
    assert [each.waited for each in bench.watch.of(RateLimited)] == [seconds]


def test_repetition_comes_no_sooner_than_the_floor() -> None:
    """R2: whatever luck says, nothing is sent again right after "too many requests", and each time it takes longer."""
    bench = Bench(answered(429), answered(429), answered(429), answered(), luck=0.0, attempts=4)

    bench.send()

    assert bench.pauses == [FLOOR, 2 * FLOOR, 4 * FLOOR]


def test_call_that_cannot_wait_is_refused_at_once() -> None:
    """R1: who would have to wait beyond its deadline is told so without waiting, and nothing leaves."""
    bench = Bench(answered(429, Retry_After="60"), attempts=1)
    bench.send()

    error = bench.failure(CREATE, 30.0)

    assert (type(error), bench.pauses, len(bench.wire.sent)) == (NotSentError, [], 1)
    assert "60 s" in error.message


def test_request_that_was_admitted_before_waits_too() -> None:
    """R7: a request that stands right before its connection when the account is told to wait does not leave."""
    bench = Bench(answered(), attempts=1)
    steps = bench.steps(READ)
    first = next(steps)
    assert isinstance(first, Send)
    bench.pause.begin(5.0)
    seen: list[object] = []

    def perform(step: object) -> object:
        seen.append(step)
        return bench.perform(step)

    with pytest.raises(NotSentError) as caught:
        bench.perform(first)
    second = steps.throw(caught.value)

    assert second == Sleep(5.0)
    bench.perform(second)
    assert drive(steps, perform).status == 200
    assert [type(step) for step in seen] == [Send]


def test_floor_grows_while_the_provider_says_no(pause: AccountPause, clock: Clock) -> None:
    """R7: each refusal soon after a pause doubles the next one, up to a bound."""
    lengths = []
    for _ in range(8):
        lengths.append(pause.begin(None))
        clock.sleep(lengths[-1])

    assert lengths == [1.0, 2.0, 4.0, 8.0, 16.0, LONGEST_FLOOR, LONGEST_FLOOR, LONGEST_FLOOR]


def test_floor_begins_anew_after_a_while(pause: AccountPause, clock: Clock) -> None:
    """R7: what was long ago counts for nothing."""
    clock.sleep(pause.begin(None))
    clock.sleep(pause.begin(None))
    clock.sleep(2 * FLOOR)

    assert pause.begin(None) == FLOOR


def test_those_who_are_refused_together_count_once(pause: AccountPause) -> None:
    """R7: ten calls that were under way are all refused, and the account waits no longer for that."""
    assert [pause.begin(None) for _ in range(10)] == [FLOOR] * 10


def test_shorter_wait_ends_no_longer_one(pause: AccountPause, clock: Clock) -> None:
    """R7: the latest end counts."""
    pause.begin(10.0)
    clock.sleep(1.0)

    assert pause.begin(2.0) == 9.0


def test_wait_has_a_longest(pause: AccountPause) -> None:
    """R7: a mistaken header does not stop an account for years."""
    assert pause.begin(999_999_999.0) == LONGEST


def test_gateways_of_one_account_wait_together() -> None:
    """R7: a gateway made for one call finds the pause that another one was told of."""
    AccountPause.of("account").begin(60.0)

    assert AccountPause.of("account").remaining() > 50.0
    assert AccountPause.of("another").remaining() <= 0.0


def test_other_thread_sends_nothing_meanwhile(serve: Callable[..., FaultServer]) -> None:
    """R7: without declared limits, too, and over the wire."""
    server = serve(answer(b"", 429, ("Retry-After", "1")), *[answer(GOOD)] * 2)
    told: list[object] = []
    with gateway(Gateway, server.url, attempts=1) as shop:
        refused = call(shop, "read")
        threads = [threading.Thread(target=lambda: told.append(call(shop, "read"))) for _ in range(2)]
        for thread in threads:
            thread.start()
            time.sleep(0.1)
        for thread in threads:
            thread.join()

    moments = [seen.at for seen in server.requests]
    assert isinstance(refused, RateLimitedError)
    assert [type(each).__name__ for each in told] == ["StatusReport"] * 2
    assert min(moments[1:]) - moments[0] >= 0.95

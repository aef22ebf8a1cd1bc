"""R1, R7 within one process: the limits are kept, as fast as they allow, and no call waits past its deadline."""

from __future__ import annotations

import gc
import random
import subprocess
import sys
from bisect import bisect_left
from collections.abc import Callable
from itertools import pairwise

import pytest

from gateway_core.errors import NotSentError
from gateway_core.provider import RateLimit
from gateway_core.transport import Deadline
from gateway_core.transport._actions import Sleep, WaitFor
from gateway_core.transport._rate_limit import Limiter, Permit, PermitLostError, Priority, limiter
from gateway_core.transport._rate_limit.rules import LEASE, MARGIN
from tests.transport.permits import Call, Caller, Clock, Crowd, waiting

Make = Callable[..., Caller]

ONE_A_SECOND = RateLimit(requests=1, seconds=1)


@pytest.fixture
def clock() -> Clock:
    """Give the clock by which everything goes."""
    return Clock()


@pytest.fixture
def caller(clock: Clock) -> Make:
    """Give a function that makes a caller of an account with some limits."""

    def make(*limits: RateLimit, key: str = "account") -> Caller:
        return Caller(Limiter.of(key, limits, clock=clock), clock)

    return make


def _gaps(times: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(times)]


def _most_within(times: list[float], seconds: float) -> int:
    return max(place + 1 - bisect_left(times, time - seconds + 1e-6) for place, time in enumerate(times))


def test_one_per_second_is_even(caller: Make) -> None:
    """R7: one a second means a second and a small margin between any two, and little more."""
    one = caller(ONE_A_SECOND)

    for _ in range(5):
        one.call()

    assert _gaps(one.left) == pytest.approx([MARGIN] * 4, abs=0.003)


def test_many_per_hour_are_not_spread(caller: Make) -> None:
    """R7: a thousand an hour may come at once; the next one waits for the hour to pass."""
    one = caller(RateLimit(requests=1000, seconds=3600))

    for _ in range(1001):
        one.call(5000)

    assert (one.left[999] - one.left[0], 3600 < one.left[1000] - one.left[0] < 3600 * 1.05) == (0, True)


def test_all_limits_hold(caller: Make) -> None:
    """R7: the short and the long limit hold together."""
    limits = (RateLimit(requests=10, seconds=60), ONE_A_SECOND, RateLimit(requests=3, seconds=6))
    one = caller(*limits)

    for _ in range(40):
        one.call(1000)

    assert [_most_within(one.left, limit.seconds) for limit in limits] == [10, 1, 3]


def test_time_to_connect_does_not_bring_requests_closer(caller: Make) -> None:
    """R7: the provider counts when a request arrives: a slow handshake before the first one must not make it late."""
    one = caller(ONE_A_SECOND)
    one.connecting = [0.4, 0.0, 0.3, 0.0]

    for _ in range(4):
        one.call()

    assert min(_gaps(one.left)) >= 1.0


@pytest.mark.parametrize("requests, connecting", [(2, 0.5), (5, 0.9)])
def test_time_to_connect_does_not_bring_several_too_close(caller: Make, requests: int, connecting: float) -> None:
    """R7: where several are allowed, each is counted when it leaves, too."""
    one = caller(RateLimit(requests=requests, seconds=1))
    one.connecting = [connecting] + [0.0] * 20

    for _ in range(20):
        one.call()

    assert _most_within(one.left, 1) == requests


@pytest.mark.parametrize("answering, gap", [(0.02, MARGIN), (0.7, 1.7)])
def test_slow_answer_moves_the_next_request(caller: Make, answering: float, gap: float) -> None:
    """R7: a request may have been counted as late as its answer: the next one keeps its distance from that."""
    one = caller(ONE_A_SECOND)
    one.answering = answering

    for _ in range(4):
        one.call()

    assert _gaps(one.left) == pytest.approx([gap] * 3, abs=0.003)


def test_slow_answer_moves_the_window(caller: Make) -> None:
    """R7: where several are allowed, the one that was answered last is counted as of its answer, too."""
    one = caller(RateLimit(requests=2, seconds=1))
    one.answering = 0.5

    for _ in range(4):
        one.call()

    assert one.left[2] - one.left[0] == pytest.approx(0.5 + 1, abs=0.003)


def test_answer_after_the_next_request_moves_nothing(caller: Make, clock: Clock) -> None:
    """R7: only the newest request is counted anew, or a slow answer would hold up others for ever."""
    one = caller(ONE_A_SECOND)
    first = one.turn()
    first.leave()
    second = one.turn()
    second.leave()
    clock.sleep(0.5)

    first.end(answered=True)

    third = one.turn()
    assert third.waited == pytest.approx(MARGIN - 0.5)


def test_request_without_an_answer_counts_with_the_margin(caller: Make, clock: Clock) -> None:
    """R7: nothing tells that a request was counted before its connection broke."""
    one = caller(ONE_A_SECOND)
    turn = one.turn()
    turn.leave()
    clock.sleep(0.5)
    turn.end(answered=False)

    assert one.turn().waited == pytest.approx(MARGIN)


def test_no_waiting_past_the_deadline(caller: Make, clock: Clock) -> None:
    """R1: a wait that would outlast the deadline is refused at once, and says why."""
    one = caller(RateLimit(requests=1, seconds=10))
    one.call()
    started = clock.now

    with pytest.raises(NotSentError) as caught:
        one.turn(9)

    assert (caught.value.effect, clock.now - started) == ("none", 0)
    assert (
        caught.value.message == "the rate limit of 1 per 10 s allows no request before the deadline; nothing was sent"
    )


def test_refused_wait_uses_nothing_up(caller: Make) -> None:
    """A call that was refused leaves its place to the next."""
    one = caller(RateLimit(requests=1, seconds=10))
    one.call()
    for _ in range(5):
        with pytest.raises(NotSentError):
            one.turn(1)

    one.call(11)

    assert _gaps(one.left) == pytest.approx([10 * MARGIN], abs=0.003)


@pytest.mark.parametrize("limit", [ONE_A_SECOND, RateLimit(requests=2, seconds=1)], ids=str)
def test_failed_call_gives_its_turn_back(caller: Make, clock: Clock, limit: RateLimit) -> None:
    """A call that fails to connect neither holds the others nor is counted."""
    one = caller(limit)
    for _ in range(limit.requests * 2):
        one.turn().end(answered=False)

    started = clock.now
    for _ in range(limit.requests):
        one.call()

    assert clock.now == started


def test_those_in_line_are_counted(caller: Make) -> None:
    """R1: who comes last knows at once how long the line is."""
    one = caller(RateLimit(requests=1, seconds=10))
    turn = one.turn()

    with pytest.raises(NotSentError, match="rate limit"):
        next(one.limiter.acquire(Priority.READ, Deadline.after(9, one.clock)))

    turn.abandon()
    assert one.turn(9).waited == 0


def test_turn_that_does_not_come_is_given_up(caller: Make, clock: Clock) -> None:
    """R1: a line that does not move holds nobody past the deadline."""
    one = caller(RateLimit(requests=5, seconds=1))
    held = one.turn()
    started = clock.now

    with pytest.raises(NotSentError):
        one.turn(0.05)

    held.leave()
    assert (clock.now - started <= 0.051, one.turn().waited) == (True, 0)


def test_turn_that_comes_too_late_is_left_to_the_next(caller: Make) -> None:
    """R1: whoever comes forward after its deadline takes nothing of what the limits allow."""
    one = caller(RateLimit(requests=1, seconds=10))

    with pytest.raises(NotSentError):
        one.turn(0)

    assert one.turn(1).waited == 0


def test_creates_go_before_reads(caller: Make, clock: Clock) -> None:
    """R7: whoever changes something goes before those who only look, in the order of coming within each kind."""
    one = caller(ONE_A_SECOND)
    order: list[str] = []
    crowd = Crowd(clock)

    def call(name: str) -> Call:
        priority = Priority.CHANGE if name.startswith("create") else Priority.READ
        turn = yield from waiting(one.limiter.acquire(priority, Deadline.after(30, clock)))
        order.append(name)
        turn.leave()

    for number, name in enumerate(["read 1", "read 2", "read 3", "create 1", "create 2"]):
        crowd.add(clock.now + number * 0.01, call(name))
    crowd.run()

    assert order == ["read 1", "create 1", "create 2", "read 2", "read 3"]


def test_waiting_call_that_is_canceled_leaves_the_line(caller: Make, clock: Clock) -> None:
    """R1: whoever stops waiting, at the head of the line or behind, is not waited for."""
    one = caller(ONE_A_SECOND)
    one.call()
    line = [one.limiter.acquire(Priority.READ, Deadline.after(30, clock)) for _ in range(3)]
    for steps in line:
        assert isinstance(next(steps), Sleep if steps is line[0] else WaitFor)

    for steps in line:
        steps.close()

    assert one.turn(1.5).waited == pytest.approx(MARGIN)


def test_turn_that_was_given_up_cannot_be_used(caller: Make) -> None:
    """R1: what was abandoned before its first byte never leaves, and its turn goes to the next."""
    one = caller(ONE_A_SECOND)
    turn = one.turn()
    turn.abandon()

    with pytest.raises(PermitLostError) as caught:
        turn.leave()

    turn.end(answered=False)
    assert (caught.value.effect, one.turn().waited) == ("none", 0)


def test_turn_that_is_given_up_while_it_is_counted_cannot_be_used(
    caller: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R1: a call that is abandoned while a store is told of its request does not leave any more."""
    one = caller(ONE_A_SECOND)
    turn = one.turn()
    holds = one.limiter.holds

    def abandoned(permit: Permit) -> bool:
        held = holds(permit)
        permit.abandon()
        return held

    monkeypatch.setattr(one.limiter, "holds", abandoned)

    with pytest.raises(PermitLostError):
        turn.leave()


def test_turn_that_has_left_cannot_be_given_up(caller: Make) -> None:
    """R7: a request that has left counts, whoever no longer waits for its answer."""
    one = caller(ONE_A_SECOND)
    turn = one.turn()
    turn.leave()

    turn.abandon()

    assert one.turn().waited == pytest.approx(MARGIN)


def test_second_byte_is_not_counted(caller: Make, clock: Clock) -> None:
    """R7: a request leaves once, however many parts it is written in."""
    one = caller(ONE_A_SECOND)
    turn = one.turn()
    turn.leave()
    clock.sleep(0.5)

    turn.leave()

    assert one.turn().waited == pytest.approx(MARGIN - 0.5)


def test_turn_is_lost_to_whoever_comes_after_the_lease(caller: Make, clock: Clock) -> None:
    """R7: who takes longer than the lease to connect may send only if nobody else was let through."""
    one = caller(ONE_A_SECOND)
    slow, unhurried = one.turn(), None
    clock.sleep(LEASE)
    other = one.turn()

    with pytest.raises(PermitLostError):
        slow.leave()

    other.leave()
    unhurried = one.turn()
    clock.sleep(LEASE * 2)
    unhurried.leave()
    slow.end(answered=False)
    assert one.turn().waited == pytest.approx(MARGIN)


def test_gateways_of_one_account_share_its_limits(caller: Make) -> None:
    """The provider counts by account, however many objects an application makes."""
    one, other = caller(ONE_A_SECOND), caller(ONE_A_SECOND)
    one.call()

    assert other.turn().waited == pytest.approx(MARGIN)


def test_gateway_for_each_call_keeps_the_limit(caller: Make) -> None:
    """R7: what a gateway counted is known to the one that is made after it is gone."""
    caller(ONE_A_SECOND).call()
    gc.collect()

    assert caller(ONE_A_SECOND).turn().waited == pytest.approx(MARGIN)


def test_accounts_do_not_share_limits(caller: Make) -> None:
    """Two accounts are two budgets."""
    one, other = caller(ONE_A_SECOND), caller(ONE_A_SECOND, key="other")
    one.call()

    assert other.turn().waited == 0


def test_account_that_nobody_uses_is_forgotten(caller: Make) -> None:
    """The register of accounts does not grow with the gateways that were."""
    callers = [caller(ONE_A_SECOND, key=f"gone {number}") for number in range(50)]
    known = len(limiter._REGISTRY)

    callers.clear()
    gc.collect()

    assert len(limiter._REGISTRY) <= known - 50


def test_process_that_forks_starts_a_line_of_its_own() -> None:
    """A copied turn or lock, held by a thread that was not copied, would never be given on."""
    script = """
import os, sys
from gateway_core.provider import RateLimit
from gateway_core.transport import Deadline
from gateway_core.transport._rate_limit import Limiter, Priority
from gateway_core.transport._rate_limit import limiter as module
from tests.transport.permits import drive

limiter = Limiter.of("account", (RateLimit(requests=1, seconds=1),))
taken = drive(limiter.acquire(Priority.READ, Deadline.after(5)))
with limiter._lock, module._REGISTRY._lock:
    child = os.fork()
    if not child:
        drive(limiter.acquire(Priority.READ, Deadline.after(0.5))).leave()
        assert Limiter.of("account", (RateLimit(requests=1, seconds=1),)) is limiter
        os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=20)

    assert done.stdout.strip() == "0"


def test_wait_that_a_fork_copied_can_be_ended(caller: Make) -> None:
    """A task that was waiting when its process was forked has no place in the new line."""
    one = caller(ONE_A_SECOND)
    one.call()
    steps = one.limiter.acquire(Priority.READ, Deadline.after(30, one.clock))
    next(steps)
    one.limiter.start()
    other = one.limiter.acquire(Priority.READ, Deadline.after(30, one.clock))

    steps.close()

    with pytest.raises(StopIteration):
        next(other)


def test_old_requests_are_forgotten(caller: Make) -> None:
    """Memory does not grow with the number of requests."""
    one = caller(RateLimit(requests=2, seconds=1))

    for _ in range(100):
        one.call()

    assert len(one.limiter._left) == 2


@pytest.mark.parametrize(
    "limits",
    [(RateLimit(requests=1000, seconds=3600),), (RateLimit(requests=1000, seconds=3600), ONE_A_SECOND)],
    ids=["1000 an hour", "1000 an hour, 1 a second"],
)
def test_a_day_of_a_thousand_an_hour(caller: Make, clock: Clock, limits: tuple[RateLimit, ...]) -> None:
    """R7: of a day's calls, more than are allowed and in bursts, none is too many in any hour, and few too few."""
    one = caller(*limits)
    crowd = Crowd(clock)
    chance = random.Random(7)  # noqa: S311  # traffic, no secret
    started = clock.now
    refused = 0
    left: list[float] = []

    def call() -> Call:
        nonlocal refused
        try:
            priority = Priority.CHANGE if chance.random() < 0.2 else Priority.READ
            turn = yield from waiting(one.limiter.acquire(priority, Deadline.after(30, clock)))
        except NotSentError:
            refused += 1
            return
        yield chance.choice([0.0, 0.0, 0.3])
        turn.leave()
        left.append(clock.now)
        yield chance.uniform(0.02, 2.0)
        turn.end(answered=True)

    at = started
    while at < started + 24 * 3600:
        at += chance.expovariate(1.4 * 1000 / 3600)
        for _ in range(chance.choice([1, 1, 1, 1, 5])):
            crowd.add(at, call())
    crowd.run()

    assert [_most_within(left, limit.seconds) <= limit.requests for limit in limits] == [True] * len(limits)
    assert (len(left) > 0.95 * 24 * 1000, refused > 0) == (True, True)


def test_wait_that_a_fork_copied_ends_with_its_deadline(caller: Make, clock: Clock) -> None:
    """R1: if it goes on nevertheless, it finds no place in the new line, and is refused in time."""
    one = caller(ONE_A_SECOND)
    one.call()
    steps = one.limiter.acquire(Priority.READ, Deadline.after(30, clock))
    next(steps)
    one.limiter.start()

    step = next(steps)
    assert isinstance(step, WaitFor)
    clock.sleep(step.seconds)

    with pytest.raises(NotSentError):
        next(steps)

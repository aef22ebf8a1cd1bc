"""R6: the retry budget and the breaker of an account, on a clock of the test's own."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway_core.errors import NotSentError
from gateway_core.transport._account_health import AccountHealth
from gateway_core.transport._circuit_breaker import CircuitBreaker
from gateway_core.transport._retry_budget import RetryBudget
from tests.garbage import only_new_garbage
from tests.transport.permits import Clock


@pytest.fixture
def clock() -> Clock:
    """Give the clock by which everything goes."""
    return Clock()


def _spent(budget: RetryBudget, most: int = 100_000) -> int:
    """Take retries until there are none, and count them."""
    return next(taken for taken in range(most) if not budget.spend())


def test_floor_is_there_without_calls(clock: Clock) -> None:
    """R6: an application that calls rarely can repeat too, a few times."""
    assert _spent(RetryBudget(clock)) == 5


@pytest.mark.parametrize("calls", [0, 10, 100, 1_000, 10_000])
def test_retries_are_a_fifth_of_the_calls_and_the_floor(clock: Clock, calls: int) -> None:
    """R6: however often every call would be repeated, retries stay below 20 % of the calls and the floor."""
    budget = RetryBudget(clock)
    retries = 0

    for _ in range(calls):
        budget.earn()
        retries += _spent(budget)
    retries += _spent(budget)

    assert retries == pytest.approx(5 + calls / 5, abs=1)
    assert retries <= 5 + calls / 5


def test_calls_that_needed_no_retry_save_up_little(clock: Clock) -> None:
    """R6: a year of good days is no leave to flood the provider on a bad one."""
    budget = RetryBudget(clock)

    for _ in range(100_000):
        budget.earn()

    assert _spent(budget) == 10


@pytest.mark.parametrize("seconds, more", [(9.0, 0), (10.5, 1), (30.5, 3), (50.5, 5), (1e9, 5)])
def test_floor_comes_back_with_time(clock: Clock, seconds: float, more: int) -> None:
    """R6: one retry of the floor comes back every ten seconds, up to the floor."""
    budget = RetryBudget(clock)
    _spent(budget)

    clock.sleep(seconds)

    assert _spent(budget) == more


def test_time_takes_nothing_away_that_calls_have_saved(clock: Clock) -> None:
    """R6: the floor is what is there at least, not at most."""
    budget = RetryBudget(clock)
    for _ in range(21):
        budget.earn()

    clock.sleep(1_000)

    assert _spent(budget) == 9


def test_budget_is_kept_under_threads(clock: Clock) -> None:
    """R6: threads that ask at the same time get no retry twice."""
    budget = RetryBudget(clock)

    with ThreadPoolExecutor(8) as threads:
        taken = sum(threads.map(lambda _: budget.spend(), range(2_000)))

    assert taken == 5


def _refused(breaker: CircuitBreaker) -> bool:
    try:
        breaker.check()
    except NotSentError:
        return True
    return False


def _fail(breaker: CircuitBreaker, times: int) -> list[bool | None]:
    """Let requests through that fail, and return what was told of each."""
    told = []
    for _ in range(times):
        caller = object()
        breaker.admit(caller)
        told.append(breaker.record(caller, failed=True))
    return told


@pytest.mark.parametrize("failures", [1, 2, 10])
def test_breaker_opens_after_so_many_failures_in_a_row(clock: Clock, failures: int) -> None:
    """R6: the last of N failures in a row opens it, and none before."""
    breaker = CircuitBreaker(failures, 10.0, clock)

    told = _fail(breaker, failures)

    assert told == [*[None] * (failures - 1), True]
    assert _refused(breaker)


def test_one_good_answer_begins_the_row_anew(clock: Clock) -> None:
    """R6: only failures in a row count: 401 and 404 are good answers here."""
    breaker = CircuitBreaker(3, 10.0, clock)
    _fail(breaker, 2)

    told = breaker.record(object(), failed=False)
    _fail(breaker, 2)

    assert told is None
    assert not _refused(breaker)


def test_refusal_says_how_long_and_that_nothing_was_sent(clock: Clock) -> None:
    """What is refused here surely did not happen, and the message says what to expect."""
    breaker = CircuitBreaker(2, 10.0, clock)
    _fail(breaker, 2)
    clock.sleep(4.0)

    with pytest.raises(NotSentError) as caught:
        breaker.admit(object())

    assert caught.value.effect == "none"
    assert caught.value.message == (
        "the provider failed 2 times in a row and is left alone for another 6 s; nothing was sent"
    )


def test_breaker_stays_open_until_its_time_is_over(clock: Clock) -> None:
    """R6: nobody is let through before."""
    breaker = CircuitBreaker(1, 10.0, clock)
    _fail(breaker, 1)

    clock.sleep(9.99)
    before = _refused(breaker)
    clock.sleep(0.02)

    assert (before, _refused(breaker)) == (True, False)


def _half_open(clock: Clock, failures: int = 2) -> CircuitBreaker:
    breaker = CircuitBreaker(failures, 10.0, clock)
    _fail(breaker, failures)
    clock.sleep(10.0)
    return breaker


def test_one_probe_is_let_through(clock: Clock) -> None:
    """R6: after the wait the first request is the probe; the others are refused until it is back."""
    breaker = _half_open(clock)

    breaker.admit(object())

    with pytest.raises(NotSentError, match="until it has answered one request; nothing was sent"):
        breaker.admit(object())


def test_one_probe_is_let_through_under_threads(clock: Clock) -> None:
    """R6: of many that come at the same moment exactly one is the probe."""
    breaker = _half_open(clock)
    together = threading.Barrier(16)

    def come(_: int) -> bool:
        together.wait()
        try:
            breaker.admit(object())
        except NotSentError:
            return False
        return True

    with ThreadPoolExecutor(16) as threads:
        admitted = sum(threads.map(come, range(16)))

    assert admitted == 1


def test_probe_that_is_answered_closes_the_breaker(clock: Clock) -> None:
    """R6: one good answer lets everybody through, and the row of failures begins anew."""
    breaker = _half_open(clock)
    probe = object()
    breaker.admit(probe)

    told = breaker.record(probe, failed=False)

    assert told is False
    assert _fail(breaker, 2) == [None, True]


def test_probe_that_fails_opens_the_breaker_again(clock: Clock) -> None:
    """R6: one failure is enough then, for the whole time again, and the next probe has its chance after it."""
    breaker = _half_open(clock)
    probe = object()
    breaker.admit(probe)

    told = breaker.record(probe, failed=True)
    at_once = _refused(breaker)
    clock.sleep(10.0)

    assert (told, at_once, _refused(breaker)) == (True, True, False)


def test_probe_that_was_abandoned_makes_place_for_another(clock: Clock) -> None:
    """R6: a probe of which nobody learns the outcome blocks nobody."""
    breaker = _half_open(clock)
    probe = object()
    breaker.admit(probe)

    breaker.forget(object())
    others = _refused(breaker)
    breaker.forget(probe)

    assert (others, _refused(breaker)) == (True, False)


def test_failures_that_were_under_way_do_not_lengthen_the_wait(clock: Clock) -> None:
    """R6: requests that left before it opened tell nothing new when they fail later."""
    breaker = CircuitBreaker(2, 10.0, clock)
    late = object()
    breaker.admit(late)
    _fail(breaker, 2)
    clock.sleep(9.0)

    told = breaker.record(late, failed=True)
    clock.sleep(1.0)

    assert (told, _refused(breaker)) == (None, False)


def test_failure_that_was_under_way_is_not_the_probe(clock: Clock) -> None:
    """R6: only the probe's own outcome frees the place of the probe."""
    breaker = CircuitBreaker(1, 10.0, clock)
    late = object()
    breaker.admit(late)
    _fail(breaker, 1)
    clock.sleep(10.0)
    probe = object()
    breaker.admit(probe)

    told = breaker.record(late, failed=True)
    others = _refused(breaker)
    breaker.forget(probe)

    assert (told, others, _refused(breaker)) == (None, True, False)


def test_good_answer_that_was_under_way_closes_the_breaker(clock: Clock) -> None:
    """R6: a provider that answers is well, whoever it answered."""
    breaker = CircuitBreaker(1, 10.0, clock)
    late = object()
    breaker.admit(late)
    _fail(breaker, 1)

    told = breaker.record(late, failed=False)

    assert (told, _refused(breaker)) == (False, False)


def test_gateways_of_one_account_share_its_health() -> None:
    """R6: what one gateway of an account learns, its others know."""
    one, other = AccountHealth.of("shared", 3, 10.0), AccountHealth.of("shared", 3, 10.0)

    assert one is other


@pytest.mark.parametrize("other", [("else", 3, 10.0), ("mine", 4, 10.0), ("mine", 3, 11.0)])
def test_accounts_share_no_health(other: tuple[str, int, float]) -> None:
    """R6: an account's trouble is its own; one with other bounds counts by itself."""
    mine = AccountHealth.of("mine", 3, 10.0)

    theirs = AccountHealth.of(*other)
    _fail(mine.circuit_breaker, 3)

    assert not _refused(theirs.circuit_breaker)
    assert mine.retry_budget is not theirs.retry_budget


def test_health_has_the_bounds_that_were_asked_for() -> None:
    """R6: how long the breaker stays open is the account's to say."""
    health = AccountHealth.of("bounds", 1, 7.0)

    assert health.circuit_breaker.seconds == 7.0
    assert _fail(health.circuit_breaker, 1) == [True]


@pytest.mark.parametrize("failed", [True, False])
def test_health_outlives_those_who_hold_it_after_a_failure(*, failed: bool) -> None:
    """R6: a gateway that is made for each call learns of the failures before; well accounts do not pile up."""
    gone = weakref.ref(AccountHealth.of("gone", 3, 10.0))
    AccountHealth.of(f"seen {failed}", 1, 10.0).record(object(), failed=failed)
    gc.collect()

    assert gone() is None
    assert _refused(AccountHealth.of(f"seen {failed}", 1, 10.0).circuit_breaker) == failed


def test_budget_outlives_those_who_hold_it_after_a_retry() -> None:
    """R6: nor has each gateway that is made for one call a budget of its own."""
    with only_new_garbage():
        while AccountHealth.of("spent", 3, 10.0).spend_retry():
            gc.collect()

    assert not AccountHealth.of("spent", 3, 10.0).retry_budget.spend()


def test_account_has_one_health_under_threads() -> None:
    """R6: gateways that are made at the same time share too."""
    together = threading.Barrier(16)

    def come(_: int) -> AccountHealth:
        together.wait()
        return AccountHealth.of("together", 3, 10.0)

    with ThreadPoolExecutor(16) as threads:
        made = set(threads.map(come, range(16)))

    assert len(made) == 1


_FORK = """
import os, signal
from gateway_core.errors import NotSentError
from gateway_core.transport import _account_health
health = _account_health.AccountHealth.of("account", 1, 0.001)
probe = object()
health.circuit_breaker.admit(probe)
health.circuit_breaker.record(probe, failed=True)
while True:
    try:
        health.circuit_breaker.admit(probe)
        break
    except NotSentError:
        pass
held = (_account_health._REGISTRY._lock, health.retry_budget._lock, health.circuit_breaker._lock)
for lock in held:
    lock.acquire()
if not os.fork():
    signal.alarm(10)
    health.retry_budget.earn()
    health.circuit_breaker.admit(object())
    os._exit(0 if _account_health.AccountHealth.of("account", 1, 0.001) is health else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_fork_copies_no_lock_and_no_probe() -> None:
    """R6: a process that forks while threads are under way leaves the new one nothing that nobody gives back."""
    done = subprocess.run([sys.executable, "-c", _FORK], check=False, capture_output=True, timeout=30)

    assert (done.returncode, done.stderr) == (0, b"")

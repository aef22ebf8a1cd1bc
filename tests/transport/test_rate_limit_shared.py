"""R7 between processes, on Redis and on a file alike: what one of them does, the others know."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from gateway_core.errors import NotSentError
from gateway_core.provider import RateLimit
from gateway_core.transport import Deadline
from gateway_core.transport._actions import RunBlocking, Sleep
from gateway_core.transport._rate_limit import Limiter, PermitLostError, Priority, file_store, redis_store
from tests.transport.permits import drive, refusal, take, use

Make = Callable[..., Limiter]

#: Seconds that a busy machine may take over what is done at once; a lease that nobody gave back takes longer.
SLACK = 3.0


def test_processes_share_the_limit(store: str, process: Make) -> None:
    """R7: what one process sent, the other one knows."""
    one, other = process(store), process(store)

    left = [use(each) for each in (one, other, other, one, other)]

    gaps = [later - earlier for earlier, later in pairwise(left)]
    assert (min(gaps) >= 0.2, max(gaps) < SLACK) == (True, True)


def test_accounts_are_counted_apart(store: str, process: Make) -> None:
    """One store serves any number of accounts."""
    one, other = process(store, RateLimit(requests=1, seconds=50)), process(store, key="other")
    use(one)

    assert take(other).waited < SLACK


def test_limits_of_several_requests_are_shared(store: str, process: Make) -> None:
    """R7: the window's log is one for all processes, and what comes too early is told for how long."""
    limit = RateLimit(requests=4, seconds=1)
    one, other = process(store, limit), process(store, limit)

    left = [use(each) for _ in range(5) for each in (one, other)]

    assert min(left[place + 4] - left[place] for place in range(6)) >= 1.0
    assert (left[3] - left[0] < 1.0, left[9] - left[0] < 2.0 + SLACK) == (True, True)


def test_request_is_counted_when_it_leaves(store: str, process: Make) -> None:
    """R7: time that was spent on connecting does not shorten a window for another process."""
    limit = RateLimit(requests=2, seconds=0.5)
    one, other = process(store, limit), process(store, limit)
    turn = take(one)
    connected = time.monotonic() + 0.3
    while time.monotonic() < connected:
        with pytest.raises(NotSentError):
            take(other, seconds=0.1)
    at = time.monotonic()
    turn.leave()
    use(other)

    assert use(other) - at >= 0.5


def test_slow_answer_counts_for_other_processes(store: str, process: Make) -> None:
    """R7: a request may have been counted as late as its answer, whoever sends the next."""
    one, other = process(store), process(store)
    turn = take(one)
    turn.leave()
    answered = time.monotonic() + 0.15
    while time.monotonic() < answered:
        pass
    turn.end(answered=True)

    assert use(other) - answered >= 0.2


def test_unused_turn_is_counted_by_nobody(store: str, process: Make) -> None:
    """A request that never left takes nothing of the limit, in the log and in the spacing."""
    limit = RateLimit(requests=2, seconds=30)
    one, other = process(store, limit), process(store, limit)
    for _ in range(3):
        take(one).end(answered=False)

    started = time.monotonic()
    use(one)
    use(other)

    assert time.monotonic() - started < SLACK


@pytest.mark.parametrize("how", ["close", "give up"])
def test_turn_that_nobody_uses_goes_to_the_next_in_line(store: str, process: Make, how: str) -> None:
    """R1: a call that is canceled while the store is asked, or right after, holds nobody for the length of a lease."""
    one = process(store)
    steps = one.acquire(Priority.READ, Deadline.after(5))
    step = next(steps)
    assert isinstance(step, RunBlocking)
    taken = step.function()
    if how == "close":
        steps.close()
    else:
        with pytest.raises(StopIteration) as end:
            steps.send(taken)
        end.value.value.abandon()

    assert take(one).waited < SLACK


def test_turn_that_is_taken_over_is_counted_once(store: str, process: Make) -> None:
    """A turn that goes to the next in line is in the log already."""
    limit = RateLimit(requests=2, seconds=30)
    one, other = process(store, limit), process(store, limit)
    take(one).abandon()

    use(one)

    assert use(other)
    assert "rate limit" in refusal(one).message


def test_turn_that_was_given_up_is_given_back(store: str, process: Make) -> None:
    """R1: the thread that was to send gives the turn back to other processes, unless it was given on here."""
    one, other = process(store), process(store)
    turn = take(one)
    turn.abandon()
    with pytest.raises(PermitLostError):
        turn.leave()

    turn.end(answered=False)

    assert take(other).waited < SLACK


def test_end_of_a_turn_that_was_given_on_touches_nothing(store: str, process: Make) -> None:
    """R1: whoever has the turn after one that was given up keeps it."""
    one, other = process(store), process(store)
    turn = take(one)
    turn.abandon()
    after = take(one)

    turn.end(answered=False)

    assert isinstance(refusal(other, 0.1), NotSentError)
    after.leave()


def test_turn_is_lost_to_another_process(store: str, process: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """R7: whoever was too slow may send only if nobody else was let through meanwhile."""
    for module in (file_store, redis_store):
        monkeypatch.setattr(module, "LEASE", 0.1)
    one, other = process(store), process(store)
    slow = take(one)
    fast = take(other)

    with pytest.raises(PermitLostError) as caught:
        slow.leave()

    slow.end(answered=False)
    left = time.monotonic()
    fast.leave()
    assert (caught.value.effect, use(other) - left >= 0.2) == ("none", True)


def test_turn_outlives_its_lease_if_nobody_wants_it(store: str, process: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """R7: a lease that ran out is still good as long as it went to nobody else."""
    for module in (file_store, redis_store):
        monkeypatch.setattr(module, "LEASE", 0.01)
    one = process(store)
    turn = take(one)
    over = time.monotonic() + 0.05
    while time.monotonic() < over:
        pass

    left = time.monotonic()
    turn.leave()

    assert use(one) - left >= 0.2


def test_pause_stops_every_process(store: str, process: Make) -> None:
    """R4: what one process was told by the provider, all keep."""
    one, other = process(store), process(store)

    told = time.monotonic()
    drive(one.pause(0.4))

    assert (use(other) - told >= 0.39, "rate limit" in refusal(one, 0.1).message) == (True, True)


def test_processes_spread_over_the_moment_that_they_wait_for(process: Make, tmp_path: Path) -> None:
    """R7: no process is the first each time, and what changes something asks before what reads."""
    one = process(f"{tmp_path}/limits.sqlite")

    def late(priority: Priority) -> list[float]:
        steps = one.acquire(priority, Deadline.after(60.0))
        pauses = []
        for _ in range(20):
            assert isinstance(next(steps), RunBlocking)
            pause = steps.send((1.0, False))
            assert isinstance(pause, Sleep)
            pauses.append(pause.seconds - 1.0)
        steps.close()
        return pauses

    creates, reads = late(Priority.CHANGE), late(Priority.READ)

    assert 0.0 <= min(creates) < max(creates) < min(reads) < max(reads) < 0.01

"""Taking turns in the tests: on a clock of the test's own, for one call or for many at once, and in real time."""

from __future__ import annotations

import functools
import heapq
import itertools
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future
from typing import Any, TypeAlias, TypeVar

import attrs
import pytest

from gateway_core.errors import GatewayError, NotSentError
from gateway_core.provider import RateLimit
from gateway_core.transport import Deadline
from gateway_core.transport._actions import RunBlocking, Sleep, WaitFor
from gateway_core.transport._rate_limit import Limiter, Permit, Priority

T = TypeVar("T")

#: A limit that is short enough to be waited for.
WINDOW = RateLimit(requests=1, seconds=0.2)


class Clock:
    """A clock that moves when somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the moment."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Wait, at once."""
        self.now += seconds


def drive(steps: Generator[Any, Any, T], sleep: Callable[[float], None] = time.sleep) -> T:
    """Carry steps out and return what they return."""
    outcome: Any = None
    while True:
        try:
            step = steps.send(outcome)
        except StopIteration as end:
            result: T = end.value
            return result
        outcome = None
        if isinstance(step, Sleep):
            sleep(step.seconds)
        elif isinstance(step, WaitFor):
            try:
                step.done.result(step.seconds if sleep is time.sleep else 0)
            except TimeoutError:
                sleep(0.0 if sleep is time.sleep else step.seconds)
        elif isinstance(step, RunBlocking):
            try:
                outcome = step.function()
            except GatewayError as error:
                steps.throw(error)


def take(limiter: Limiter, *, urgent: bool = False, seconds: float = 10.0) -> Permit:
    """Wait for a turn, in real time."""
    return drive(limiter.acquire(Priority.CHANGE if urgent else Priority.READ, Deadline.after(seconds)))


def use(limiter: Limiter, *, urgent: bool = False) -> float:
    """Take a turn, use it, and return when its request left."""
    turn = take(limiter, urgent=urgent)
    at = time.monotonic()
    turn.leave()
    turn.end(answered=True)
    return at


def refusal(limiter: Limiter, seconds: float = 5.0) -> NotSentError:
    """Ask for a turn that is refused."""
    with pytest.raises(NotSentError) as caught:
        take(limiter, seconds=seconds)
    return caught.value


@attrs.define
class Caller:
    """Sends requests that go nowhere, one after the other, and notes when their first byte left.

    Attributes:
        limiter: Whose turns it takes.
        clock: The clock.
        connecting: How long each request takes to connect.
        answering: How long an answer takes.
        left: When the requests left.
    """

    limiter: Limiter
    clock: Clock
    connecting: list[float] = attrs.field(factory=list)
    answering: float = 0.0
    left: list[float] = attrs.field(factory=list)

    def turn(self, seconds: float = 15.0, *, urgent: bool = False) -> Permit:
        """Wait for a turn, with a deadline so many seconds from now."""
        deadline = Deadline.after(seconds, self.clock)
        priority = Priority.CHANGE if urgent else Priority.READ
        return drive(self.limiter.acquire(priority, deadline), self.clock.sleep)

    def call(self, seconds: float = 15.0) -> None:
        """Wait for a turn, and send."""
        turn = self.turn(seconds)
        self.clock.sleep(self.connecting.pop(0) if self.connecting else 0.0)
        turn.leave()
        self.left.append(self.clock.now)
        self.clock.sleep(self.answering)
        turn.end(answered=True)


Call: TypeAlias = Generator[float | WaitFor, None, None]


class Crowd:
    """Many calls at once on one clock: each is a generator that yields how many seconds to wait, or for what."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._waiting: list[tuple[float, int, Call, WaitFor | None]] = []
        self._numbers = itertools.count()

    def add(self, at: float, call: Call, instead_of: WaitFor | None = None) -> None:
        """Let a call go on at a moment; instead of a wait, unless that has ended."""
        heapq.heappush(self._waiting, (at, next(self._numbers), call, instead_of))

    def run(self) -> None:
        """Let time pass until all calls are over."""
        while self._waiting:
            at, _, call, over = heapq.heappop(self._waiting)
            if over is not None and not over.done.cancel():
                continue
            self.clock.now = max(self.clock.now, at)
            step = next(call, None)
            if isinstance(step, WaitFor):
                step.done.add_done_callback(functools.partial(self._woken, call))
                self.add(self.clock.now + step.seconds, call, step)
            elif step is not None:
                self.add(self.clock.now + step, call)

    def _woken(self, call: Call, done: Future[None]) -> None:
        if not done.cancelled():
            self.add(self.clock.now, call)


def waiting(steps: Generator[Any, Any, T]) -> Generator[float | WaitFor, None, T]:
    """Carry steps out in a crowd: each wait is yielded."""
    outcome: Any = None
    while True:
        try:
            step = steps.send(outcome)
        except StopIteration as end:
            result: T = end.value
            return result
        if isinstance(step, Sleep):
            yield step.seconds
            outcome = None
        elif isinstance(step, WaitFor):
            yield step
            outcome = None
        else:
            outcome = step.function()

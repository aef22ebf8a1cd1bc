"""The rate limiter: who may send the next request of an account, and when.

Whoever has the permit opens a connection, and the request is counted when its first byte leaves: the time to resolve a
name and shake hands, which only some requests need, would otherwise bring two of them too close together at the
provider. If the answer takes long, the request is counted anew as of then, unless another one has left meanwhile: the
provider, or the way to it, may have taken its time, and cannot have counted the request later than it answered.
"""

from __future__ import annotations

import bisect
import enum
import functools
import itertools
import random
import threading
import time
import uuid
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

import attrs

from gateway_core.errors import NotSentError
from gateway_core.provider import RateLimit
from gateway_core.transport._actions import Actions, RunBlocking, Sleep, WaitFor
from gateway_core.transport._deadline import Deadline
from gateway_core.transport._rate_limit.location import MEMORY, Where
from gateway_core.transport._rate_limit.rules import LEASE, LONGEST_PAUSE, Rules
from gateway_core.transport._rate_limit.shared_store import Fallback, SharedStore
from gateway_core.transport._registry import Registry

#: The processes that wait for one moment come within so many seconds after it, in random order, so that none of them is
#: the first each time; those whose requests are of a later kind come after that.
_SPREAD = 0.004

#: The longest wait of all, in seconds: what the limits say may change, as when somebody clears the store.
_LONGEST_SLEEP = 30.0


class PermitLostError(NotSentError):
    """The permit was given to another request, or given up, before this one left."""


class Priority(enum.IntEnum):
    """Who goes first; those of one kind go as they came."""

    CHANGE = 0
    READ = 1
    CONFIRMATION = 2


@attrs.define(eq=False)
class _Waiter:
    """A place in the queue."""

    priority: Priority
    number: int
    turn: Future[None] | None = None

    @property
    def place(self) -> tuple[int, int]:
        """The sort key of the queue."""
        return self.priority, self.number


class Limiter:
    """The limits of one account in this process; `Limiter.of` makes it, for all who want the same."""

    def __init__(
        self,
        key: str,
        limits: tuple[RateLimit, ...],
        where: Where,
        fallback: Fallback,
        clock: Callable[[], float],
    ) -> None:
        self.rules = Rules.of(limits)
        self._key = key
        self._limits = limits
        self._where = where
        self._fallback = fallback
        self._clock = clock
        self._numbers = itertools.count()
        self.start()

    @classmethod
    def of(
        cls,
        key: str,
        limits: tuple[RateLimit, ...],
        where: Where = MEMORY,
        fallback: Fallback = "error",
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> Limiter:
        """Return the limiter of an account: the same object while it is in use, or what it counted still counts.

        Args:
            key: The account's name in the store; nothing secret.
            limits: The limits, all of which hold.
            where: Where the requests are counted.
            fallback: Whether it is an error if that cannot be reached, or this process then counts by itself.
            clock: A monotonic clock, in seconds.
        """
        wanted = (key, limits, where, fallback, clock)
        return _REGISTRY.get(wanted, lambda: cls(*wanted))

    def start(self) -> None:
        """Start with an empty queue; also in a forked process, where the copied permits are void."""
        self._lock = threading.Lock()
        self._line: list[_Waiter] = []
        self._left: deque[float] = deque(maxlen=self.rules.most)
        # Only one call at a time asks or is about to send: the one that is named here, since that moment.
        self._holder: object = None
        self._held_since = 0.0
        self._opens_at = 0.0
        self.shared: SharedStore | None = None
        if self._where != MEMORY:
            store = self._where.open(self._key, self.rules)
            weakref.finalize(self, store.close)
            self.shared = SharedStore(store, uuid.uuid4().hex, fallback=self._fallback, clock=self._clock)

    def acquire(self, priority: Priority, deadline: Deadline) -> Actions[Permit]:
        """Wait for the right to send one request.

        Args:
            priority: Who goes first.
            deadline: When to give up.

        Raises:
            NotSentError: If the limits allow no request before the deadline, told at once where it can be known; or the
                store cannot be reached.
        """
        began = self._clock()
        waiter = _Waiter(priority, next(self._numbers))
        self._enter(waiter, deadline)
        try:
            while True:
                if deadline.remaining() <= 0:
                    # A request past its deadline must not use up what the limits allow the next one.
                    raise self._refusal()
                before = self._before(waiter, deadline)
                if before is not None:
                    yield before
                    continue
                seconds, shared = yield from self._ask()
                if not seconds:
                    permit = Permit(self, self._clock() - began, shared=shared)
                    if self._hand_over(waiter, permit):
                        return permit
                    continue
                self._opens_at = self._clock() + seconds
                self.free(waiter)
                if seconds > deadline.remaining():
                    raise self._refusal()
                if self.shared is not None:
                    seconds += (priority + random.random()) * _SPREAD  # noqa: S311  # no secret
                yield Sleep(min(seconds, _LONGEST_SLEEP))
        finally:
            with self._lock:
                if waiter in self._line:  # it is not, if the process was forked meanwhile
                    self._line.remove(waiter)
            self.free(waiter)

    def pause(self, seconds: float) -> Actions[None]:
        """Tell the other processes to send nothing for so many seconds, if the store can be reached."""
        if self.shared is not None:
            yield RunBlocking(functools.partial(self.shared.pause, min(seconds, LONGEST_PAUSE)))

    def fell_back(self) -> bool:
        """Return whether the store was lost, and this process counts by itself, since this was asked last."""
        return self.shared is not None and self.shared.fell_back()

    def _enter(self, waiter: _Waiter, deadline: Deadline) -> None:
        with self._lock:
            place = bisect.bisect(self._line, waiter.place, key=lambda each: each.place)
            ahead = place + isinstance(self._holder, Permit)
            # The first of those ahead goes then or later, and each of them pushes this one back by the spacing.
            if ahead and max(self._opens_at, self._clock()) + ahead * self.rules.spacing > deadline.at:
                raise self._refusal()
            self._line.insert(place, waiter)

    def _before(self, waiter: _Waiter, deadline: Deadline) -> WaitFor | None:
        """Return what to wait for before asking; None if it is this one's turn to ask."""
        with self._lock:
            patience = deadline.remaining()
            if self._line[:1] == [waiter]:
                held = self._held_since + LEASE - self._clock()
                if self._holder is None or held <= 0:
                    self._holder, self._held_since = waiter, self._clock()
                    return None
                patience = min(patience, held)
            waiter.turn = Future()
            return WaitFor(waiter.turn, patience)

    def _ask(self) -> Actions[tuple[float, bool]]:
        """Return in how many seconds the next request may leave, and whether a lease of the store was taken for it."""
        with self._lock:
            seconds = self.rules.wait(self._left, self._clock())
        if seconds or self.shared is None:
            return seconds, False
        answer: tuple[float, bool] = yield RunBlocking(self.shared.acquire)
        return answer

    def _hand_over(self, waiter: _Waiter, permit: Permit) -> bool:
        """Make a permit of the turn to ask; False if that took so long that another one asks."""
        with self._lock:
            if self._holder is not waiter:
                return False
            self._holder, self._held_since = permit, self._clock()
            return True

    def holds(self, permit: Permit) -> bool:
        """Return whether a permit is still good."""
        return self._holder is permit

    def free(self, holder: object) -> None:
        """Let the next in line ask, unless another holder keeps it waiting."""
        with self._lock:
            if self._holder is holder:
                self._holder = None
            if self._holder is None and self._line:
                turn, self._line[0].turn = self._line[0].turn, None
                if turn is not None and turn.set_running_or_notify_cancel():
                    turn.set_result(None)

    def count(self, permit: Permit) -> float | None:
        """Count a permit's request as of now, and return when that is; None if the permit is no longer good."""
        with self._lock:
            if self._holder is not permit:
                return None
            now = self._clock()
            self._left.append(now)
            self._opens_at = now + self.rules.spacing
        self.free(permit)
        if self.shared is None:  # a store outside of this process remembers by itself
            _REGISTRY.keep(self, self.rules.longest)
        return now

    def answered(self, permit: Permit, left_at: float, *, answered: bool) -> None:
        """Count a request anew if its answer took long, and no other one has left since.

        One that was answered was counted by then; of one that was not, nobody knows, so it counts with the margin.
        """
        with self._lock:
            now = self._clock()
            if now - left_at <= self.rules.slack or not self._left or self._left[-1] != left_at:
                return
            ago = self.rules.slack if answered else 0.0
            self._left[-1] = now - ago
        if permit.shared and self.shared is not None:
            self.shared.answered(permit.name, ago)

    def give_back(self, permit: Permit) -> None:
        """Let another request have a permit that was not used: one of this process, or else of any."""
        self.free(permit)
        if permit.shared and self.shared is not None and self._holder is None and not self._line:
            self.shared.release()

    def _refusal(self) -> NotSentError:
        declared = " and ".join(str(limit) for limit in self._limits)
        return NotSentError(f"the rate limit of {declared} allows no request before the deadline; nothing was sent")


class Permit:
    """The right to send one request now.

    Attributes:
        name: Its name in the store.
        waited: How long it took to get, in seconds.
        shared: Whether it is a lease of the store that processes share.
        refusal: Why `leave` refused; None if it did not.
    """

    def __init__(self, limiter: Limiter, waited: float, *, shared: bool) -> None:
        self.name = uuid.uuid4().hex
        self.waited = waited
        self.shared = shared
        self.refusal: NotSentError | None = None
        self._limiter = limiter
        self._left_at: float | None = None

    def leave(self) -> None:
        """Count the request as of now, right before its first byte leaves. Once it is counted, do nothing.

        Raises:
            PermitLostError: If another request has the permit meanwhile, or it was abandoned.
            NotSentError: If the store cannot be reached.
        """
        if self._left_at is None:
            try:
                self._left_at = self._leave()
            except NotSentError as refusal:
                self.refusal = refusal
                raise

    def _leave(self) -> float:
        limiter = self._limiter
        good = limiter.holds(self)
        if good and self.shared and limiter.shared is not None:
            good = limiter.shared.leave(self.name)
        left_at = limiter.count(self) if good else None
        if left_at is None:
            raise PermitLostError("the request was given up, or took so long to connect that another one went first")
        return left_at

    def end(self, *, answered: bool) -> None:
        """Count the request anew if its answer took long, or give the permit back if it never left.

        Args:
            answered: Whether there was an answer; a request without one may be counted later still.
        """
        if self._left_at is not None:
            self._limiter.answered(self, self._left_at, answered=answered)
        else:
            self._limiter.give_back(self)

    def abandon(self) -> None:
        """Let the next one have the permit, if no byte has left; never blocks on input and output."""
        self._limiter.free(self)


_REGISTRY: Registry[Limiter] = Registry(Limiter.start)

"""Taking turns: who may send the next request of an account, and when.

Whoever has the turn opens a connection, and the request is counted when its first byte leaves: the time to resolve a
name and shake hands, which only some requests need, would otherwise bring two of them too close together at the
provider. If the answer takes long, the request is counted anew as of then, unless another one has left meanwhile: the
provider, or the way to it, may have taken its time, and cannot have counted the request later than it answered.
"""

from __future__ import annotations

import bisect
import contextlib
import functools
import itertools
import threading
import time
import uuid
import weakref
from collections.abc import Callable
from typing import TypeAlias

from gateway_core.errors import NotSentError
from gateway_core.provider import RateLimit
from gateway_core.transport._actions import Actions, RunBlocking, Sleep
from gateway_core.transport._deadline import Deadline
from gateway_core.transport._rate_limit.location import MEMORY, Where
from gateway_core.transport._rate_limit.memory_store import MemoryStore
from gateway_core.transport._rate_limit.rules import Rules, Store
from gateway_core.transport._rate_limit.shared_store import Fallback, SharedStore
from gateway_core.transport._registry import Registry

#: How many seconds after the limits open a read of one process asks, so that a create that waits in another one is
#: before it; and how many more whoever has waited for one window only, so that those who wait for longer are before it.
_COURTESY, _MODESTY = 0.006, 0.006

#: The shortest and the longest wait, in seconds, for those who have somebody before them who has been asking.
_LOOK, _LONGEST_LOOK = 0.002, 0.05

#: The longest wait of all, in seconds: what the limits say may change, as when somebody clears the store.
_LONGEST_PAUSE = 30.0


class PermitLostError(NotSentError):
    """The turn was given to another request, or given up, before this one left."""


#: A place in line, whether it is a later one and a number: requests that change something go before those that do not,
#: and each kind as it came.
_Ticket: TypeAlias = tuple[bool, int]


class Limiter:
    """The turns of one account in this process; `Limiter.of` makes it, for all who want the same."""

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
        """Return the limiter of an account; the same one as long as anybody holds it, or what it counted counts.

        Args:
            key: The account's name in the store; nothing secret.
            limits: The limits, all of which hold.
            where: Where the turns are counted.
            fallback: Whether it is an error if that cannot be reached, or this process then counts by itself.
            clock: Seconds on a clock that cannot be set.
        """
        wanted = (key, limits, where, fallback, clock)
        return _REGISTER.get(wanted, lambda: cls(*wanted))

    def start(self) -> None:
        """Begin with nobody in line; also in a process that was forked, where the copied turns are of no use."""
        self._lock = threading.Lock()
        self._line: list[_Ticket] = []
        self._taken: weakref.WeakSet[Permit] = weakref.WeakSet()
        self._opens_at = 0.0
        self._spare: str | None = None
        self.store = self._open()

    def _open(self) -> Store:
        own = MemoryStore(self.rules, self._clock)
        if self._where == MEMORY:
            return own
        shared = self._where.open(self._key, self.rules)
        weakref.finalize(self, shared.close)
        return SharedStore(own, shared, fallback=self._fallback, clock=self._clock)

    def acquire(self, *, urgent: bool, deadline: Deadline) -> Actions[Permit]:
        """Wait for the right to send one request.

        Args:
            urgent: Whether the request changes something; such ones go before those that do not.
            deadline: When to give up.

        Raises:
            NotSentError: If the limits allow no request before the deadline, told at once where it can be known; or the
                store cannot be reached.
        """
        began = self._clock()
        ticket = (not urgent, next(self._numbers))
        looks = 0
        self._enter(ticket, deadline)
        try:
            while True:
                if deadline.remaining() <= 0:
                    # Whoever comes forward too late takes nothing of what the limits allow the next one.
                    raise self._refusal()
                ahead, seconds = self._place(ticket)
                if ahead:
                    looks += 1
                    seconds = max(seconds, min(_LONGEST_LOOK, _LOOK * (ahead + looks)))
                else:
                    owner = self._take_spare() or uuid.uuid4().hex
                    seconds = yield from self._admit(owner)
                    if not seconds:
                        return self._made(Permit(self, owner, self._clock() - began))
                    self._opens_at = self._clock() + seconds
                    if seconds > deadline.remaining():
                        raise self._refusal()
                    if self.store.blocks:
                        seconds += self._politeness(urgent, self._opens_at - began)
                yield Sleep(max(0.0, min(seconds, deadline.remaining(), _LONGEST_PAUSE)))
        finally:
            with self._lock:
                place = bisect.bisect_left(self._line, ticket)
                if self._line[place : place + 1] == [ticket]:  # it is not, if the process was forked meanwhile
                    del self._line[place]

    def hold_off(self, seconds: float) -> Actions[None]:
        """Let nobody send for so many seconds, if the store can be reached; no longer than the longest window or 60."""
        block = functools.partial(self.store.block, min(seconds, self.rules.furthest))
        if self.store.blocks:
            yield RunBlocking(block)
        else:
            block()
            self._remember()

    def fell_back(self) -> bool:
        """Return whether the store was lost, and this process counts by itself, since this was asked last."""
        return isinstance(self.store, SharedStore) and self.store.fell_back()

    def _enter(self, ticket: _Ticket, deadline: Deadline) -> None:
        with self._lock:
            place = bisect.bisect(self._line, ticket)
            ahead = place + len(self._taken)
            # The first of those ahead goes then or later, and each of them pushes this one back by the spacing.
            if ahead and max(self._opens_at, self._clock()) + ahead * self.rules.spacing > deadline.at:
                raise self._refusal()
            self._line.insert(place, ticket)

    def _place(self, ticket: _Ticket) -> tuple[int, float]:
        """Return how many are ahead in line, and in how many seconds the first of them can go."""
        with self._lock:
            return bisect.bisect_left(self._line, ticket), max(0.0, self._opens_at - self._clock())

    def _politeness(self, urgent: bool, waited: float) -> float:  # noqa: FBT001  # as turn
        """Return for how many seconds other processes are let go first, once the limits allow a request.

        Without it, whoever has just sent would be the first again: no other process knows the moment as exactly.
        """
        windows = waited / (self.rules.spacing or 1.0)
        return (0.0 if urgent else _COURTESY) + _MODESTY / max(1.0, windows) ** 2

    def _admit(self, owner: str) -> Actions[float]:
        if not self.store.blocks:
            return self.store.admit(owner)
        try:
            seconds: float = yield RunBlocking(functools.partial(self.store.admit, owner))
        except BaseException:
            # Whether the turn was taken is not known here: whoever asks next does so by this name.
            self.put_back(owner)
            raise
        return seconds

    def _made(self, turn: Permit) -> Permit:
        with self._lock:
            self._taken.add(turn)
        return turn

    def used(self, turn: Permit) -> None:
        """Note that a turn's request has left, or that it was given back."""
        with self._lock:
            self._taken.discard(turn)

    def put_back(self, owner: str) -> None:
        """Keep a turn that was not used for the next one in line."""
        with self._lock:
            self._spare = owner

    def take_back(self, owner: str) -> bool:
        """Return whether a turn that was put back is still there, and no longer keep it."""
        with self._lock:
            kept = self._spare == owner
            if kept:
                self._spare = None
            return kept

    def _take_spare(self) -> str | None:
        with self._lock:
            spare, self._spare = self._spare, None
            return spare

    def counted(self) -> None:
        """Note that a request has left."""
        self._opens_at = self._clock() + self.rules.spacing
        self._remember()

    def _remember(self) -> None:
        """Let the register hold this for as long as it matters; a store outside of this process does so by itself."""
        if not self.store.blocks:
            _REGISTER.keep(self, self.rules.furthest)

    def now(self) -> float:
        """Return the moment by the limiter's clock."""
        return self._clock()

    def _refusal(self) -> NotSentError:
        declared = " and ".join(str(limit) for limit in self._limits)
        return NotSentError(f"the rate limit of {declared} allows no request before the deadline; nothing was sent")


class Permit:
    """The right to send one request now.

    Attributes:
        waited: How long it took to get, in seconds.
        refusal: Why `leave` refused; None if it did not.
    """

    def __init__(self, limiter: Limiter, owner: str, waited: float) -> None:
        self.waited = waited
        self.refusal: NotSentError | None = None
        self._limiter = limiter
        self._store = limiter.store
        self._owner = owner
        self._lock = threading.Lock()
        self._state = "waiting"  # leaving, left, over
        self._left_at = 0.0

    def leave(self) -> None:
        """Count the request as of now, right before its first byte leaves. Once it is counted, do nothing.

        Raises:
            PermitLostError: If another request has the permit meanwhile, or it was abandoned.
            NotSentError: If the store cannot be reached.
        """
        try:
            self._leave()
        except NotSentError as refusal:
            self.refusal = refusal
            raise

    def _leave(self) -> None:
        with self._lock:
            if self._state == "left":
                return
            if self._state == "over":
                raise PermitLostError("the call was abandoned; nothing was sent")
            self._state = "leaving"
        rules = self._limiter.rules
        self._left_at = self._limiter.now()
        try:
            held = self._store.hold(self._owner, rules.spacing)
        finally:
            self._limiter.used(self)
        with self._lock:
            if not held:
                self._state = "over"
                raise PermitLostError(
                    "it took so long to connect that another request was let through; nothing was sent"
                )
            if self._state == "over":
                raise PermitLostError("the call was abandoned; nothing was sent")
            self._state = "left"
        self._limiter.counted()

    def end(self, *, answered: bool) -> None:
        """Count the request anew if its answer took long, or give the turn back if it never left.

        Args:
            answered: Whether there was an answer; a request without one may be counted later still.
        """
        with self._lock:
            state, self._state = self._state, "over"
        rules = self._limiter.rules
        # If the store cannot be reached, what was counted when the request left stands, and a turn runs out by itself.
        with contextlib.suppress(NotSentError):
            if state == "left":
                if self._limiter.now() - self._left_at > rules.slack:
                    self._store.hold(self._owner, rules.spacing_from_answer if answered else rules.spacing)
            elif state != "over" or self._limiter.take_back(self._owner):
                self._limiter.used(self)
                self._store.release(self._owner)

    def abandon(self) -> None:
        """Let the next one have the turn, if no byte has left; never blocks on input and output."""
        with self._lock:
            state = self._state
            if state == "left":
                return
            self._state = "over"
        if state != "waiting":
            return
        self._limiter.used(self)
        if self._store.blocks:
            self._limiter.put_back(self._owner)
        else:
            self._store.release(self._owner)


_REGISTER: Registry[Limiter] = Registry(Limiter.start)

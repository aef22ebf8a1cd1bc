"""Answers that are kept for a while, such as an access token, and questions that several calls ask at the same time.

An answer is given to the very same question only: the same method, address, headers and body. What is kept is in
memory, bounded, and shared by the gateways of one account in this process.
"""

from __future__ import annotations

import copy
import hashlib
import math
import secrets
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs

from gateway_core.errors import GatewayError, NotSentError, PluginError
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.transport._actions import Actions, WaitFor
from gateway_core.transport._deadline import Deadline
from gateway_core.transport._registry import Registry

if TYPE_CHECKING:
    from concurrent.futures import Future

#: The longest time that an answer is kept, in seconds.
LONGEST = 86_400.0
#: The most answers, and the most bytes of all of them, that are kept for an account.
MOST_ANSWERS, MOST_BYTES = 256, 1 << 20


@attrs.frozen(eq=False, repr=False)
class _Kept:
    response: HttpResponse
    until: float
    size: int


class _Flight:
    """A question that is being asked.

    Attributes:
        began: When.
        outcome: How it ended; None while it has not, or if nobody waited for its end.
    """

    def __init__(self, began: float) -> None:
        self.began = began
        self.outcome: HttpResponse | GatewayError | None = None
        self.followers: list[Future[None]] = []

    def end(self) -> None:
        """Wake those who wait. No longer to be found by others by now."""
        for follower in self.followers:
            if follower.set_running_or_notify_cancel():
                follower.set_result(None)


class AnswerCache:
    """The answers that one account keeps, and the questions that are being asked.

    Args:
        clock: The monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # A digest under a key of this process leads back to no secret that is in the request.
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._kept: dict[bytes, _Kept] = {}
        self._size = 0
        self._flights: dict[bytes, _Flight] = {}

    @classmethod
    def of(cls, account: str) -> AnswerCache:
        """Return an account's cache by its key: the same object while it is in use, or holds an answer."""
        return _REGISTRY.get(account, cls)

    def forked(self) -> None:
        """Replace the lock in a forked process, and forget the questions: their threads were not copied."""
        self._lock = threading.Lock()
        self._flights = {}

    def ask(self, request: HttpRequest, deadline: Deadline, sending: Actions[HttpResponse]) -> Actions[HttpResponse]:
        """Return the answer that is kept, or else send the request, once for all who ask at the same time.

        Args:
            request: The request; its `keep` says how long its answer is kept.
            deadline: When the call is over.
            sending: Sends the request.

        Raises:
            GatewayError: As of `sending`; also where another call was told so, whose answer this one waited for.
            PluginError: If the request may change something, or `keep` gives no number.
        """
        if not request.safe:
            raise PluginError("only the answer to a request that changes nothing can be kept: set safe, or not keep")
        key = self._digest(request)
        if not request.fresh and (kept := self._find(key)) is not None:
            return kept
        return (yield from self._together(key, request, deadline, sending))

    def share(self, request: HttpRequest, deadline: Deadline, sending: Actions[HttpResponse]) -> Actions[HttpResponse]:
        """Send the request once for all who ask before it is sent. Nothing is kept, and no older answer is taken.

        Who comes while it is under way waits for its end, and shares the next one: what the provider read for this one
        may be older than what made them ask.

        Args:
            request: The request, a safe one.
            deadline: When to stop waiting for another call.
            sending: Sends the request.

        Raises:
            GatewayError: As `ask`.
        """
        return (yield from self._together(self._digest(request), request, deadline, sending, since=self._clock()))

    def _together(
        self,
        key: bytes,
        request: HttpRequest,
        deadline: Deadline,
        sending: Actions[HttpResponse],
        since: float = -math.inf,
    ) -> Actions[HttpResponse]:
        while True:
            with self._lock:
                flight = self._flights.get(key)
                if flight is None:
                    own = self._flights[key] = _Flight(self._clock())
                    break
                follower = _future()
                flight.followers.append(follower)
            yield WaitFor(follower, max(0.0, deadline.remaining()))
            if flight.began >= since:
                if isinstance(flight.outcome, HttpResponse):
                    return flight.outcome
                if flight.outcome is not None:
                    raise copy.copy(flight.outcome)
            if deadline.remaining() <= 0:
                raise NotSentError("another call's answer to the same question did not come before the deadline")
        return (yield from self._lead(key, own, request, deadline, sending))

    def _lead(
        self,
        key: bytes,
        flight: _Flight,
        request: HttpRequest,
        deadline: Deadline,
        sending: Actions[HttpResponse],
    ) -> Actions[HttpResponse]:
        """Ask, and let the others know. A call that is abandoned, or out of time, leaves the question to them."""
        try:
            response = yield from sending
            if request.keep is not None:
                self._keep(key, response, flight.began + _seconds(request.keep, response) if response.ok else 0.0)
        except GatewayError as error:
            if deadline.remaining() > 0:
                flight.outcome = copy.copy(error)
            raise
        else:
            flight.outcome = response
            return response
        finally:
            with self._lock:
                if self._flights.get(key) is flight:
                    del self._flights[key]
            flight.end()

    def _find(self, key: bytes) -> HttpResponse | None:
        with self._lock:
            kept = self._kept.get(key)
            return kept.response if kept is not None and kept.until > self._clock() else None

    def _keep(self, key: bytes, response: HttpResponse, until: float) -> None:
        """Keep an answer; where there is no room, the oldest ones go."""
        size = len(response.body) + sum(len(name) + len(value) for name, value in response.headers.pairs)
        now = self._clock()
        with self._lock:
            self._drop(key)
            if until <= now or size > MOST_BYTES // 4:
                return
            self._kept[key] = _Kept(response, until, size)
            self._size += size
            while self._size > MOST_BYTES or len(self._kept) > MOST_ANSWERS:
                self._drop(next(iter(self._kept)))
            longest = max(each.until for each in self._kept.values())
        _REGISTRY.keep(self, longest - now)

    def _drop(self, key: bytes) -> None:
        kept = self._kept.pop(key, None)
        self._size -= 0 if kept is None else kept.size

    def _digest(self, request: HttpRequest) -> bytes:
        told = repr((request.method, request.url, request.headers.pairs, request.body)).encode()
        return hashlib.blake2b(told, key=self._key).digest()


def _future() -> Future[None]:
    from concurrent.futures import Future  # takes time to import, and only those who wait need it

    return Future()


def _seconds(keep: Callable[[HttpResponse], float | None], response: HttpResponse) -> float:
    """Ask the plugin how long an answer may be kept."""
    seconds: Any = keep(response)
    if seconds is None:
        return 0.0
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or math.isnan(seconds):
        raise PluginError("HttpRequest.keep gives a number of seconds, or None")
    return min(float(seconds), LONGEST)


def forget() -> None:
    """Forget every answer of every account, so that an application's tests do not share one."""
    _REGISTRY.clear()


_REGISTRY: Registry[AnswerCache] = Registry(AnswerCache.forked)

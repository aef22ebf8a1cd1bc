"""Faults between a gateway and an emulator, as data: what can go wrong with one request, and when it does.

A fault raises what the real transport raises in that case, with the same ``effect``; so what an application does about
it in a test is what it does in earnest.
"""

from __future__ import annotations

import abc
import threading
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

import attrs

from gateway_core.errors import InvalidRequestError, NotSentError, OutcomeUnknownError
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.models.headers import Headers
from gateway_core.testing.clock import ManualClock
from gateway_core.transport import Deadline, Transport


class Fault(abc.ABC):
    """What goes wrong with one request. Write another by subclassing it."""

    @abc.abstractmethod
    def strike(self, passage: Passage) -> HttpResponse:
        """Return the answer that the gateway gets in the end.

        Raises:
            TransportError: If it gets none.
        """


@attrs.frozen
class NotSent(Fault):
    """Nobody can be reached: the request never leaves, and nothing happens at the provider."""

    def strike(self, passage: Passage) -> HttpResponse:
        """Raise a `NotSentError`."""
        raise passage.not_sent("it refuses connections, or cannot be reached")


@attrs.frozen
class RequestLost(Fault):
    """The request leaves and is never carried out. The gateway cannot tell it from a lost answer."""

    def strike(self, passage: Passage) -> HttpResponse:
        """Raise an `OutcomeUnknownError`."""
        raise passage.unusable("the connection was lost before the whole answer was there")


@attrs.frozen
class AnswerLost(Fault):
    """The provider carries the request out, and its answer is lost on the way."""

    def strike(self, passage: Passage) -> HttpResponse:
        """Have the request carried out, and raise an `OutcomeUnknownError`."""
        passage.carry_out()
        raise passage.unusable("the connection was lost before the whole answer was there")


@attrs.frozen
class Slow(Fault):
    """The provider carries the request out, and takes its time to answer. Nobody waits: the clock is moved.

    Attributes:
        seconds: How long it takes. Beyond the call's deadline the answer is lost. The transport's other timeouts do not
            count here.

    Raises:
        InvalidRequestError: If it is less than nothing.
    """

    seconds: float = 60.0

    def __attrs_post_init__(self) -> None:
        if not self.seconds >= 0:
            raise InvalidRequestError("an answer takes no time, or some")

    def strike(self, passage: Passage) -> HttpResponse:
        """Return the answer, or raise an `OutcomeUnknownError` if it comes too late."""
        answer = passage.carry_out()
        if passage.wait(self.seconds):
            return answer
        raise passage.unusable("the deadline passed before the whole answer was there")


@attrs.frozen
class Answer(Fault):
    """Something else answers than the provider's API: an overloaded server, a proxy, a page for people.

    Attributes:
        status: The HTTP status.
        body: The body.
        headers: The headers.
        retry_after: Seconds for the header ``Retry-After``; None sends none.
        carried_out: Whether the provider carries the request out all the same, and only its answer is replaced.

    Raises:
        InvalidRequestError: If the status is none.
    """

    status: int
    body: bytes = attrs.field(default=b"", kw_only=True)
    headers: Headers = attrs.field(factory=Headers, converter=Headers, kw_only=True)
    retry_after: int | None = attrs.field(default=None, kw_only=True)
    carried_out: bool = attrs.field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.status not in range(200, 600):
            raise InvalidRequestError("the status of an answer is a number from 200 to 599")

    @classmethod
    def html(cls, status: int = 200, *, carried_out: bool = False) -> Answer:
        """Return the answer that is a page for people, as of a captive portal or a maintenance notice."""
        return cls(
            status,
            body=b"<!doctype html><title>Please wait</title>",
            headers=[("Content-Type", "text/html; charset=utf-8")],
            carried_out=carried_out,
        )

    def strike(self, passage: Passage) -> HttpResponse:
        """Return this answer."""
        if self.carried_out:
            passage.carry_out()
        wait = [] if self.retry_after is None else [("Retry-After", str(self.retry_after))]
        return HttpResponse(status=self.status, headers=[*self.headers.pairs, *wait], body=self.body)


@attrs.frozen
class Truncated(Fault):
    """The provider carries the request out, and the body of its answer ends too early, as a broken server sends it.

    Attributes:
        keep: How many bytes of the body are left; None for half of them.

    Raises:
        InvalidRequestError: If it is less than nothing.
    """

    keep: int | None = None

    def __attrs_post_init__(self) -> None:
        if self.keep is not None and self.keep < 0:
            raise InvalidRequestError("a part of a body has no bytes, or some")

    def strike(self, passage: Passage) -> HttpResponse:
        """Return the provider's answer with a part of its body."""
        answer = passage.carry_out()
        left = len(answer.body) // 2 if self.keep is None else self.keep
        return attrs.evolve(answer, body=answer.body[:left])


@attrs.frozen(kw_only=True)
class Exchange:
    """One request that was seen.

    Attributes:
        request: The request.
        fault: What went wrong with it; None if nothing did.
        carried_out: Whether it reached the emulator.
        response: What the gateway got; None if no answer.
    """

    request: HttpRequest
    fault: Fault | None
    carried_out: bool
    response: HttpResponse | None


class Passage:
    """One request on its way, as a fault sees it.

    Attributes:
        request: The request.
        carried_out: Whether it has reached the emulator.
    """

    def __init__(self, request: HttpRequest, deadline: Deadline, transport: FaultyTransport) -> None:
        self.request = request
        self.carried_out = False
        self._deadline = deadline
        self._transport = transport

    def carry_out(self) -> HttpResponse:
        """Let the emulator carry the request out, and return its answer."""
        self.carried_out = True
        return self._transport.inner.send(self.request, self._deadline)

    def wait(self, seconds: float) -> bool:
        """Let time pass, and return whether the call's deadline is still to come."""
        return self._transport.spend(seconds, self._deadline)

    def not_sent(self, reason: str) -> NotSentError:
        """Return the error for a request that did not leave."""
        return NotSentError(f"{self._host}: {reason}; nothing was sent")

    def unusable(self, reason: str) -> OutcomeUnknownError:
        """Return the error for a request that left and has no usable answer."""
        return OutcomeUnknownError(f"{self._host}: {reason}", effect="none" if self.request.safe else "unknown")

    @property
    def _host(self) -> str:
        return urlsplit(self.request.url).hostname or "the provider"


@attrs.define
class _Scripted:
    """A fault that waits for its requests."""

    fault: Fault
    where: Callable[[HttpRequest], bool]
    after: int
    left: int


def changing(request: HttpRequest) -> bool:
    """Return whether a request may change something at the provider."""
    return not request.safe


class FaultyTransport:
    """A transport on which things go wrong, by a script. It may be shared by threads.

    >>> from gateway_core.testing import AnswerLost, EmulatorTransport, FaultyTransport, find_emulator
    >>> transport = FaultyTransport(EmulatorTransport(find_emulator("sandbox")()))
    >>> transport.script(AnswerLost(), after=1)
    >>> transport.pending
    (AnswerLost(),)

    Args:
        inner: What sends the requests that nothing happens to, such as an `EmulatorTransport`.
        clock: The emulator's clock, which `Slow` moves.

    Attributes:
        inner: As given.
        exchanges: The requests seen so far, the oldest first. They hold the account's keys and customers' data.
    """

    def __init__(self, inner: Transport, clock: ManualClock | None = None) -> None:
        self.inner = inner
        self.exchanges: list[Exchange] = []
        self._clock = clock
        self._lock = threading.Lock()
        self._script: list[_Scripted] = []
        self._spent: dict[float, float] = {}

    def script(
        self,
        fault: Fault,
        *,
        after: int = 0,
        times: int = 1,
        where: Callable[[HttpRequest], bool] = lambda _: True,
    ) -> None:
        """Let a fault strike. At most one strikes a request; of several, the one that was scripted first.

        Args:
            fault: The fault.
            after: How many requests pass before it, of those that it is for.
            times: How many requests it strikes, one after another.
            where: Which requests it is for, such as `changing`; all by default.

        Raises:
            InvalidRequestError: If it is no fault, or would never strike.
        """
        if not isinstance(fault, Fault):
            raise InvalidRequestError(f"a fault is data, such as `AnswerLost()`, not {type(fault).__name__}")
        if after < 0 or times < 1:
            raise InvalidRequestError("a fault strikes after none or some requests, and one at least")
        with self._lock:
            self._script.append(_Scripted(fault, where, after, times))

    @property
    def pending(self) -> tuple[Fault, ...]:
        """The faults that have not struck as often as they should; none left says that a test tested what it meant."""
        with self._lock:
            return tuple(each.fault for each in self._script)

    def send(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        """Send a request, unless what is scripted happens to it.

        Raises:
            TransportError: If there is no usable answer.
        """
        passage = Passage(request, deadline, self)
        if self._left(deadline) <= 0:
            raise passage.not_sent("the deadline had passed")
        fault = self._next(request)
        response: HttpResponse | None = None
        try:
            response = passage.carry_out() if fault is None else fault.strike(passage)
        finally:
            self.exchanges.append(
                Exchange(request=request, fault=fault, carried_out=passage.carried_out, response=response)
            )
        return response

    def spend(self, seconds: float, deadline: Deadline) -> bool:
        """Let time pass within a call, and return whether its deadline is still to come."""
        before = deadline.remaining()
        if self._clock is not None:
            self._clock.move(timedelta(seconds=seconds))
        counted = before - deadline.remaining()  # by a deadline that goes by the same clock
        with self._lock:
            self._spent[deadline.at] = self._spent.get(deadline.at, 0.0) + max(0.0, seconds - counted)
        return self._left(deadline) > 0

    def close(self) -> None:
        """Close what sends."""
        self.inner.close()

    def _left(self, deadline: Deadline) -> float:
        return deadline.remaining() - self._spent.get(deadline.at, 0.0)

    def _next(self, request: HttpRequest) -> Fault | None:
        chosen: _Scripted | None = None
        with self._lock:
            for each in [scripted for scripted in self._script if scripted.where(request)]:
                if each.after > 0:
                    each.after -= 1
                elif chosen is None:
                    chosen = each
                    each.left -= 1
            self._script = [scripted for scripted in self._script if scripted.left > 0]
        return chosen.fault if chosen else None

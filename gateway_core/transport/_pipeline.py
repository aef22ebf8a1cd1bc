"""The way from the flows of one account to its provider: when a request leaves, and how often.

Each rule stands for itself: the rate limits (`_turns`), who may repeat what (`_retry`), the provider's health
(`_health`). Here is the order in which they are asked, for every request of every flow.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import attrs

from gateway_core.errors import GatewayError, NotSentError, OutcomeUnknownError, TransportError
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.observers import (
    AnswerReceived,
    BreakerClosed,
    BreakerOpened,
    Call,
    LimiterFellBack,
    RateLimited,
    RequestFailed,
    RequestSent,
    Retried,
)
from gateway_core.transport import Deadline, Transport, TransportSettings
from gateway_core.transport._actions import Actions, Attempt, Pause
from gateway_core.transport._circuit_breaker import Health
from gateway_core.transport._retry import Verdict, backoff, judge
from gateway_core.transport._retry_after import retry_after, until

if TYPE_CHECKING:
    from gateway_core.provider import ProviderInfo
    from gateway_core.transport._rate_limit import Limiter, Turn


#: Seconds of waiting for a turn that observers are told of; less is no wait.
_WORTH_TELLING = 0.001


class Wire(Protocol):
    """A transport that tells when a request's first byte leaves."""

    def send(
        self, request: HttpRequest, deadline: Deadline, *, on_write: Callable[[], None] | None = None
    ) -> HttpResponse:
        """Send one request and return the response."""

    def close(self) -> None:
        """Give connections back."""


class Channel(Protocol):
    """What a gateway sends through."""

    def send(self, request: HttpRequest, deadline: Deadline, call: Call) -> Actions[HttpResponse]:
        """Send one request and return the response, whatever its status.

        Raises:
            NotSentError: If the request surely never reached the provider.
            OutcomeUnknownError: If it may have, and no usable answer came back before the deadline.
        """

    def close(self) -> None:
        """Give connections back."""


class DirectPipeline:
    """A transport of the application's own: each request is sent once, and at once."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def send(self, request: HttpRequest, deadline: Deadline, call: Call) -> Actions[HttpResponse]:  # noqa: ARG002  # as all channels
        """Send one request."""
        transport = self._transport
        asks = getattr(transport, "asks_to_leave", False)

        def send(deadline: Deadline) -> HttpResponse:
            if not asks and not deadline.leave():
                raise NotSentError("the deadline passed before the request was sent; nothing was sent")
            return transport.send(request, deadline)

        return _final((yield from _told(Attempt(send, request.safe), request, call, 1)))

    def close(self) -> None:
        """Give the connections back."""
        self._transport.close()


@attrs.frozen(kw_only=True)
class Pipeline:
    """The provider's rate limits, the retries and the breaker before a transport.

    Attributes:
        wire: What sends.
        info: What is true of the provider.
        settings: The bounds on every call.
        health: What is known of the provider's health.
        limiter: Keeps the rate limits; None if there are none.
        now: Gives the time of day.
        luck: Gives a random number from 0 to 1.
    """

    wire: Wire
    info: ProviderInfo
    settings: TransportSettings
    health: Health
    limiter: Limiter | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    luck: Callable[[], float] = random.random

    def send(self, request: HttpRequest, deadline: Deadline, call: Call) -> Actions[HttpResponse]:
        """Send one request; again where that is allowed and of use, until there is an answer or no time left."""
        self.health.budget.call()
        outcome, verdict = yield from self._attempt(request, deadline, call, 1)
        doubt = False
        for attempt in itertools.count(2):
            wait = yield from self._wait(outcome, verdict, attempt - 1)
            if not verdict.again or not self._may_repeat(attempt, wait, deadline):
                break
            doubt = doubt or verdict.doubt
            call.tell(Retried, attempt=attempt, wait=wait, reason=verdict.reason)
            yield Pause(wait)
            try:
                outcome, verdict = yield from self._attempt(request, deadline, call, attempt)
            except NotSentError:
                break  # the rules allow no other attempt now, so how the last one ended is what the flow is told
        return _final(outcome, doubt=doubt)

    def close(self) -> None:
        """Give the connections back."""
        self.wire.close()

    def _attempt(
        self, request: HttpRequest, deadline: Deadline, call: Call, attempt: int
    ) -> Actions[tuple[HttpResponse | TransportError, Verdict]]:
        """Wait until the rules allow an attempt, make it, and judge how it ended.

        Raises:
            NotSentError: If they allow none before the deadline.
        """
        breaker = self.health.breaker
        while True:
            breaker.check()
            turn = None if self.limiter is None else (yield from _turn(self.limiter, request, deadline, call))
            errand = _Errand(self.wire, request, turn)
            try:
                breaker.admit(errand)
                outcome = yield from _told(Attempt(errand.send, request.safe), request, call, attempt)
                if self.limiter is not None and self.limiter.fell_back():
                    call.tell(LimiterFellBack, reason="its store cannot be used")
                if errand.refusal is None:
                    verdict = judge(request, outcome, self.info)
                    self._record(errand, outcome, verdict, deadline, call)
                    return outcome, verdict
            finally:
                breaker.forget(errand)
                if turn is not None:
                    turn.give_up()
            # Costs 30 ms to import, and only a limiter refuses.
            from gateway_core.transport._rate_limit import PermitLostError

            if not isinstance(errand.refusal, PermitLostError):
                raise errand.refusal

    def _record(
        self,
        errand: _Errand,
        outcome: HttpResponse | TransportError,
        verdict: Verdict,
        deadline: Deadline,
        call: Call,
    ) -> None:
        if isinstance(outcome, NotSentError) and deadline.remaining() <= 0:
            return  # that it was too late to send is not the provider's fault
        opened = self.health.record(errand, failed=verdict.failing)
        if opened is not None:
            call.tell(BreakerOpened, seconds=self.health.breaker.seconds) if opened else call.tell(BreakerClosed)

    def _wait(self, outcome: HttpResponse | TransportError, verdict: Verdict, attempt: int) -> Actions[float]:
        """Return the seconds to wait before the next attempt, and let the whole account wait where it must."""
        asked = None
        if isinstance(outcome, HttpResponse):
            asked = retry_after(outcome.headers, self.now())
            yield from self._hold_off((asked if verdict.throttled else None) or self._exhausted(outcome))
        bounds = self.settings
        jittered = backoff(attempt, base=bounds.backoff, most=bounds.longest_backoff, luck=self.luck())
        return max(jittered, asked or 0.0)

    def _hold_off(self, seconds: float | None) -> Actions[None]:
        if self.limiter is not None and seconds:
            # What the provider answered is not lost because a store cannot be told of it.
            with contextlib.suppress(NotSentError):
                yield from self.limiter.hold_off(seconds)

    def _exhausted(self, response: HttpResponse) -> float | None:
        """Return the seconds until there are more requests, where an answer's headers say that none are left."""
        names = self.info.rate_limit_headers
        if names is None or response.headers.get(names.remaining) != "0":
            return None
        return until(response.headers, names.reset, self.now())

    def _may_repeat(self, attempt: int, wait: float, deadline: Deadline) -> bool:
        return attempt <= self.settings.attempts and wait < deadline.remaining() and self.health.spend()


@attrs.define(eq=False)
class _Errand:
    """One attempt on its way, in the thread that sends it.

    Attributes:
        refusal: Why the limiter held it back at the last moment; None if it did not.
    """

    _wire: Wire
    _request: HttpRequest
    _turn: Turn | None
    refusal: NotSentError | None = None

    def send(self, deadline: Deadline) -> HttpResponse:
        turn = self._turn
        if turn is None:
            return self._wire.send(self._request, deadline)
        answered = False
        try:
            response = self._wire.send(self._request, deadline, on_write=functools.partial(self._leaving, turn))
            answered = True
            with contextlib.suppress(NotSentError):
                turn.leaving()  # counted before, unless a stand-in of the connection answered
            return response
        finally:
            turn.end(answered=answered)

    def _leaving(self, turn: Turn) -> None:
        try:
            turn.leaving()
        except NotSentError as refusal:
            self.refusal = refusal
            raise


def _turn(limiter: Limiter, request: HttpRequest, deadline: Deadline, call: Call) -> Actions[Turn]:
    turn = yield from limiter.turn(urgent=not request.safe, deadline=deadline)
    if turn.waited >= _WORTH_TELLING:
        call.tell(RateLimited, waited=turn.waited)
    return turn


def _told(attempt: Attempt, request: HttpRequest, call: Call, number: int) -> Actions[HttpResponse | TransportError]:
    """Make an attempt, tell the observers, and return how it ended."""
    call.tell(RequestSent, method=request.method, host=_host(request.url), attempt=number)
    started = time.perf_counter()
    try:
        response: HttpResponse = yield attempt
    except GatewayError as error:
        failure = error
    else:
        seconds = time.perf_counter() - started
        call.tell(AnswerReceived, status=response.status, seconds=seconds, size=len(response.body), attempt=number)
        return response
    call.tell(RequestFailed, error=failure, seconds=time.perf_counter() - started, attempt=number)
    if isinstance(failure, TransportError):
        return failure
    raise failure.with_traceback(None)


def _final(outcome: HttpResponse | TransportError, *, doubt: bool = False) -> HttpResponse:
    """Return the response that the flow is given, or raise the error.

    Args:
        outcome: How the last attempt ended.
        doubt: Whether an earlier one may have been carried out.
    """
    if isinstance(outcome, HttpResponse):
        return attrs.evolve(outcome, doubtful=True) if doubt else outcome
    if doubt and outcome.effect == "none":
        raise OutcomeUnknownError(f"{outcome.message}; an earlier attempt may have been carried out")
    raise outcome.with_traceback(None)


def _host(url: str) -> str:
    return url.split("/", 3)[2].rpartition("@")[2] if url.count("/") > 1 else ""

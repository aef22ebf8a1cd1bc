"""The rules by which a request leaves, in their order: the circuit breaker, the rate limits, retries.

Each rule stands in a module of its own; here is when each of them is asked, for every request of every flow.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import attrs

from gateway_core.errors import GatewayError, NotSentError, OutcomeUnknownError, TransportError
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.observers import (
    AnswerReceived,
    BreakerClosed,
    BreakerOpened,
    CallEvents,
    LimiterFellBack,
    RateLimited,
    RequestFailed,
    RequestSent,
    Retried,
)
from gateway_core.transport._account_health import AccountHealth
from gateway_core.transport._account_pause import AccountPause, PausedError
from gateway_core.transport._actions import Actions, Permit, Send, Sleep
from gateway_core.transport._answer_cache import AnswerCache
from gateway_core.transport._confirmation_budget import PATIENCE, ConfirmationBudget
from gateway_core.transport._deadline import Deadline
from gateway_core.transport._retry import ANSWERED, Verdict, backoff, judge
from gateway_core.transport._retry_after import retry_after, until
from gateway_core.transport._settings import TransportSettings

if TYPE_CHECKING:
    from gateway_core.provider import ProviderInfo
    from gateway_core.transport._rate_limit import Limiter

#: Seconds of waiting for a permit that observers are told of; less is no wait.
_WORTH_TELLING = 0.001


@attrs.frozen(kw_only=True)
class DirectPipeline:
    """No rules: an application's own transport sends each request once, and at once.

    Attributes:
        answers: The answers that are kept.
    """

    answers: AnswerCache = attrs.field(factory=AnswerCache)

    def send(self, request: HttpRequest, deadline: Deadline, events: CallEvents) -> Actions[HttpResponse]:  # noqa: ARG002  # as `Pipeline.send`
        """Send one request and return the response, whatever its status.

        Raises:
            NotSentError: If the request surely never reached the provider.
            OutcomeUnknownError: If it may have, and no usable answer came back before the deadline.
        """
        return _usable((yield from _attempt(Send(request), events, 1)))

    confirm = send


@attrs.frozen(kw_only=True)
class Pipeline:
    """The provider's rate limits, the retries and the circuit breaker.

    Attributes:
        info: What is true of the provider.
        settings: The bounds on every call.
        health: The circuit breaker and the retry budget of the account.
        pause: Keeps the whole account from sending after "too many requests".
        answers: The answers that are kept, and the questions that are being asked.
        confirmations: How often the provider may be asked about webhooks.
        limiter: Keeps the rate limits; None if there are none.
        now: Gives the time of day.
        jitter: Gives a random number from 0 to 1.
    """

    info: ProviderInfo
    settings: TransportSettings
    health: AccountHealth
    pause: AccountPause = attrs.field(factory=AccountPause)
    answers: AnswerCache = attrs.field(factory=AnswerCache)
    confirmations: ConfirmationBudget = attrs.field(factory=ConfirmationBudget)
    limiter: Limiter | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    jitter: Callable[[], float] = random.random

    def send(
        self, request: HttpRequest, deadline: Deadline, events: CallEvents, hurry: Deadline | None = None
    ) -> Actions[HttpResponse]:
        """Send one request; again where that is allowed and of use, until there is an answer or no time left.

        Args:
            request: The request.
            deadline: When the call is over.
            events: Tells the observers.
            hurry: When to stop waiting for the rate limit and before repetitions, for a request that is less urgent
                than any other of its account; None for one that may wait until its deadline.

        Raises:
            NotSentError, OutcomeUnknownError: As of `DirectPipeline.send`.
        """
        self.health.retry_budget.earn()
        outcome, verdict = yield from self._admitted(request, deadline, events, 1, hurry)
        doubt = False
        if verdict is not ANSWERED or self.info.rate_limit_headers is not None:
            for attempt in itertools.count(2):
                wait = yield from self._wait(outcome, verdict, attempt - 1)
                if not verdict.again or not self._may_repeat(attempt, wait, hurry or deadline):
                    break
                doubt = doubt or verdict.doubt
                events.tell(Retried, attempt=attempt, wait=wait, reason=verdict.reason)
                yield Sleep(wait)
                try:
                    outcome, verdict = yield from self._admitted(request, deadline, events, attempt, hurry)
                except NotSentError:
                    break  # the rules allow no other attempt now: the flow is told how the last one ended
        return _usable(outcome, doubt=doubt)

    def confirm(self, request: HttpRequest, deadline: Deadline, events: CallEvents) -> Actions[HttpResponse]:
        """Ask the provider about a webhook, which may be forged: by a budget of its own, and once for all who ask.

        Raises:
            NotSentError: If too much is asked, or the shop's own calls come before it for longer than a moment.
            OutcomeUnknownError: If no usable answer came back.
        """
        hurry = Deadline(min(deadline.at, deadline.clock() + PATIENCE), deadline.clock)
        return self.answers.share(request, hurry, self._confirm(request, deadline, events, hurry))

    def _confirm(
        self, request: HttpRequest, deadline: Deadline, events: CallEvents, hurry: Deadline
    ) -> Actions[HttpResponse]:
        if not self.confirmations.spend():
            raise NotSentError("more webhooks ask to be confirmed than this account may ask about; nothing was sent")
        return (yield from self.send(request, deadline, events, hurry))

    def _admitted(
        self, request: HttpRequest, deadline: Deadline, events: CallEvents, number: int, hurry: Deadline | None
    ) -> Actions[tuple[HttpResponse | TransportError, Verdict]]:
        """Wait until the rules admit an attempt, make it, and judge how it ended.

        Raises:
            NotSentError: If they admit none before the deadline.
        """
        breaker = self.health.circuit_breaker
        while True:
            breaker.check()
            if self.pause.until:
                yield from self._sit_out_pause(hurry or deadline, events)
            permit = None
            if self.limiter is not None:
                permit = yield from _acquire(self.limiter, request, deadline, events, hurry)
            send = Send(request, permit, self.pause)
            try:
                breaker.admit(send)
                outcome = yield from _attempt(send, events, number)
                if isinstance(outcome, PausedError):
                    continue
                if self.limiter is not None and self.limiter.fell_back():
                    events.tell(LimiterFellBack, reason="its store cannot be used")
                if permit is None or permit.refusal is None:
                    verdict = judge(request, outcome, self.info)
                    self._record(send, outcome, verdict, deadline, events)
                    return outcome, verdict
            finally:
                breaker.forget(send)
                if permit is not None:
                    permit.abandon()
            # Takes time to import, and only a limiter refuses.
            from gateway_core.transport._rate_limit import PermitLostError

            if not isinstance(permit.refusal, PermitLostError):
                raise permit.refusal

    def _sit_out_pause(self, deadline: Deadline, events: CallEvents) -> Actions[None]:
        """Wait until the account may send again.

        Raises:
            NotSentError: At once, if that is not before the deadline.
        """
        waited = 0.0
        while (left := self.pause.remaining()) > 0:
            if left >= deadline.remaining():
                raise NotSentError(f"the provider asked this account to wait another {left:.0f} s; nothing was sent")
            yield Sleep(left)
            waited += left
        if waited:
            events.tell(RateLimited, waited=waited)

    def _record(
        self,
        send: Send,
        outcome: HttpResponse | TransportError,
        verdict: Verdict,
        deadline: Deadline,
        events: CallEvents,
    ) -> None:
        if isinstance(outcome, NotSentError) and deadline.remaining() <= 0:
            return  # that it was too late to send is not the provider's fault
        opened = self.health.record(send, failed=verdict.failing)
        if opened is not None:
            seconds = self.health.circuit_breaker.seconds
            events.tell(BreakerOpened, seconds=seconds) if opened else events.tell(BreakerClosed)

    def _wait(self, outcome: HttpResponse | TransportError, verdict: Verdict, attempt: int) -> Actions[float]:
        """Return the seconds to wait before the next attempt, and let the whole account wait where it must."""
        asked = None
        if isinstance(outcome, HttpResponse):
            asked = retry_after(outcome.headers, self.now())
            pause = (asked if verdict.throttled else None) or self._exhausted(outcome)
            if verdict.throttled or pause:
                asked = max(asked or 0.0, (yield from self._pause(pause)))
        if not verdict.again:
            return 0.0
        bounds = self.settings
        return max(backoff(attempt, bounds.backoff, bounds.longest_backoff, self.jitter()), asked or 0.0)

    def _pause(self, asked: float | None) -> Actions[float]:
        """Let the whole account wait, and return for how many seconds."""
        seconds = self.pause.begin(asked)
        if self.limiter is not None:
            # What the provider answered is not lost because a store cannot be told of it.
            with contextlib.suppress(NotSentError):
                yield from self.limiter.pause(seconds)
        return seconds

    def _exhausted(self, response: HttpResponse) -> float | None:
        """Return the seconds until there are more requests, where an answer's headers say that none are left."""
        names = self.info.rate_limit_headers
        if names is None or response.headers.get(names.remaining) != "0":
            return None
        return until(response.headers, names.reset, self.now())

    def _may_repeat(self, attempt: int, wait: float, deadline: Deadline) -> bool:
        return attempt <= self.settings.attempts and wait < deadline.remaining() and self.health.spend_retry()


def _acquire(
    limiter: Limiter, request: HttpRequest, deadline: Deadline, events: CallEvents, hurry: Deadline | None
) -> Actions[Permit]:
    from gateway_core.transport._rate_limit import Priority  # takes time to import, and only a limiter needs it

    if hurry is not None:
        permit = yield from limiter.acquire(Priority.CONFIRMATION, hurry)
    else:
        permit = yield from limiter.acquire(Priority.READ if request.safe else Priority.CHANGE, deadline)
    if permit.waited >= _WORTH_TELLING:
        events.tell(RateLimited, waited=permit.waited)
    return permit


def _attempt(send: Send, events: CallEvents, number: int) -> Actions[HttpResponse | TransportError]:
    """Send once, tell the observers, and return how it ended."""
    request = send.request
    if events.watched:
        events.tell(RequestSent, request, attempt=number)
    started = time.perf_counter()
    try:
        response: HttpResponse = yield send
    except GatewayError as error:
        failure = error
    else:
        if events.watched:
            events.tell(AnswerReceived, request, response, seconds=time.perf_counter() - started, attempt=number)
        return response
    events.tell(RequestFailed, request, error=failure, seconds=time.perf_counter() - started, attempt=number)
    if isinstance(failure, TransportError):
        return failure
    raise failure.with_traceback(None)


def _usable(outcome: HttpResponse | TransportError, *, doubt: bool = False) -> HttpResponse:
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

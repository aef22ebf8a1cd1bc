"""A pipeline on a clock of its own, for tests that look at each of its steps: nothing is sent, and no time passes."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import UTC, datetime
from typing import Any, TypeVar

import attrs
import pytest

from gateway_core import hookimpl
from gateway_core.errors import GatewayError, InvalidRequestError, NotSentError, OutcomeUnknownError
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.models.headers import Headers
from gateway_core.observers import (
    Event,
    Observers,
)
from gateway_core.provider import Idempotency, ProviderInfo, RateLimitHeaders
from gateway_core.transport import Deadline, TransportSettings
from gateway_core.transport._account_health import AccountHealth
from gateway_core.transport._account_pause import AccountPause
from gateway_core.transport._actions import Actions, RunBlocking, Send, Sleep
from gateway_core.transport._circuit_breaker import CircuitBreaker
from gateway_core.transport._pipeline import Pipeline
from gateway_core.transport._rate_limit import Priority
from gateway_core.transport._retry_budget import RetryBudget
from gateway_core.transport._sending import send
from tests.transport.asking import get, post
from tests.transport.permits import Clock

E = TypeVar("E", bound=Event)

URL = "https://api.example.test/invoices"
INFO = ProviderInfo(
    title="Example",
    idempotency=Idempotency(scope="account", life=None),
    rate_limit_headers=RateLimitHeaders(remaining="X-RateLimit-Remaining", reset="X-RateLimit-Reset"),
)
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)

READ = get(URL)
CREATE = post(URL)
KEYED = post(URL, idempotency_key="k-1")

NOT_SENT = NotSentError("refused")
LOST = OutcomeUnknownError("lost")


def answered(status: int = 200, **headers: str) -> HttpResponse:
    """Return an answer, with underscores in the headers' names for hyphens."""
    return HttpResponse(
        status=status, headers=Headers({name.replace("_", "-"): value for name, value in headers.items()})
    )


@attrs.define(eq=False)
class Wire:
    """A wire with prepared outcomes, that takes some time and notes what left and when."""

    clock: Clock
    outcomes: list[HttpResponse | GatewayError]
    seconds: float = 0.0
    connecting: float = 0.0
    left: list[float] = attrs.field(factory=list)
    sent: list[HttpRequest] = attrs.field(factory=list)
    closed: int = 0
    asks_to_leave: bool = True

    def send(
        self, request: HttpRequest, deadline: Deadline, *, on_write: Callable[[], None] | None = None
    ) -> HttpResponse:
        """Give the next outcome."""
        outcome = self.outcomes.pop(0)
        self.clock.sleep(self.connecting)
        if isinstance(outcome, NotSentError | InvalidRequestError):
            raise outcome
        if on_write is not None:
            on_write()
        assert deadline.leave()
        self.left.append(self.clock.now)
        self.sent.append(request)
        self.clock.sleep(self.seconds)
        if isinstance(outcome, GatewayError):
            raise outcome
        return outcome

    def close(self) -> None:
        """Count."""
        self.closed += 1


@attrs.define(eq=False)
class Permit:
    """A permit that may be lost at the last moment."""

    waited: float
    loss: NotSentError | None = None
    refusal: NotSentError | None = None
    told: list[str] = attrs.field(factory=list)

    def leave(self) -> None:
        """Let it leave, or refuse."""
        if "leaving" not in self.told:
            self.told.append("leaving")
        self.refusal = self.loss
        if self.loss is not None:
            raise self.loss

    def end(self, *, answered: bool) -> None:
        """Take note."""
        self.told.append("answered" if answered else "ended")

    def abandon(self) -> None:
        """Take note."""
        self.told.append("given up")


@attrs.define(eq=False)
class Limiter:
    """A limiter whose turns take prepared times, and are refused at the last moment as prepared."""

    waits: list[float] = attrs.field(factory=list)
    refusals: list[NotSentError | None] = attrs.field(factory=list)
    store: NotSentError | None = None
    turns: list[Permit] = attrs.field(factory=list)
    asked: list[Priority] = attrs.field(factory=list)
    held_off: list[float] = attrs.field(factory=list)

    def acquire(self, priority: Priority, deadline: Deadline) -> Actions[Permit]:
        """Wait for a turn."""
        wait = self.waits.pop(0) if self.waits else 0.0
        self.asked.append(priority)
        if wait > deadline.remaining():
            raise NotSentError("the rate limit allows no request before the deadline")
        if wait:
            yield Sleep(wait)
        turn = Permit(wait, self.refusals.pop(0) if self.refusals else None)
        self.turns.append(turn)
        return turn

    def pause(self, seconds: float) -> Actions[None]:
        """Take note, if the store can be reached."""

        def note() -> None:
            if self.store is not None:
                raise self.store
            self.held_off.append(seconds)

        yield RunBlocking(note)

    def fell_back(self) -> bool:
        """Tell that the store is there."""
        return False


@attrs.define(eq=False)
class Watch:
    """An observer that keeps what it is told."""

    events: list[Event] = attrs.field(factory=list)

    @hookimpl
    def observe(self, event: Event) -> None:
        """Keep it."""
        self.events.append(event)

    def told(self) -> list[type[Event]]:
        """Return the classes of the events of the request."""
        return [type(event) for event in self.events[1:]]

    def of(self, kind: type[E]) -> list[E]:
        """Return the events of a class."""
        return [event for event in self.events if isinstance(event, kind)]


class Bench:
    """A pipeline on a clock of its own, and all that it stands on.

    Args:
        outcomes: How the attempts end.
        limiter: Its limiter.
        seconds: How long an attempt takes from its first byte.
        luck: The random number of each wait.
        breaker: After how many failures the breaker opens.
        settings: Bounds that are not the usual ones.
    """

    def __init__(
        self,
        *outcomes: HttpResponse | GatewayError,
        limiter: Limiter | None = None,
        seconds: float = 0.0,
        luck: float = 0.0,
        breaker: int = 100,
        info: ProviderInfo = INFO,
        **settings: Any,
    ) -> None:
        self.clock = Clock()
        self.wire = Wire(self.clock, list(outcomes), seconds)
        self.limiter = limiter
        self.health = AccountHealth(CircuitBreaker(breaker, 10.0, self.clock), RetryBudget(self.clock))
        self.pause = AccountPause(self.clock)
        self.watch = Watch()
        self.pauses: list[float] = []
        bounds = TransportSettings(**settings)
        limits: Any = limiter
        self.pipeline = Pipeline(
            info=info,
            settings=bounds,
            health=self.health,
            pause=self.pause,
            limiter=limits,
            now=lambda: NOW,
            jitter=lambda: luck,
        )

    def steps(self, request: HttpRequest, seconds: float = 30.0) -> Actions[HttpResponse]:
        """Return the steps of one request, with a deadline so many seconds from now."""
        self.deadline = Deadline.after(seconds, self.clock)
        call = Observers.load([self.watch]).call("example", "run")
        return self.pipeline.send(request, self.deadline, call)

    def perform(self, step: Any) -> Any:
        """Take one step."""
        if isinstance(step, Sleep):
            self.pauses.append(step.seconds)
            self.clock.sleep(step.seconds)
            return None
        return send(step, self.wire, self.deadline) if isinstance(step, Send) else step.function()

    def send(self, request: HttpRequest = READ, seconds: float = 30.0) -> HttpResponse:
        """Send one request."""
        return drive(self.steps(request, seconds), self.perform)

    def failure(self, request: HttpRequest = READ, seconds: float = 30.0) -> GatewayError:
        """Send one request that fails, and return the error."""
        with pytest.raises(GatewayError) as caught:
            self.send(request, seconds)
        return caught.value


def drive(steps: Generator[Any, Any, HttpResponse], perform: Callable[[Any], Any]) -> HttpResponse:
    """Take steps to their end. Unlike the core's own driver it closes nothing, so that what is left open shows."""
    try:
        step = next(steps)
        while True:
            try:
                outcome = perform(step)
            except GatewayError as error:
                step = steps.throw(error)
            else:
                step = steps.send(outcome)
    except StopIteration as stop:
        response: HttpResponse = stop.value
        return response


def left_in(budget: RetryBudget) -> int:
    """Take the retries that a budget has left, and count them."""
    return next(taken for taken in range(1000) if not budget.spend())

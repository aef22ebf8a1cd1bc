"""What observers are told.

No event holds a secret, a body or customers' data: no description, no metadata, and no payment page's address, with
which anybody could look at the order.
"""

from __future__ import annotations

import attrs

from gateway_core.errors import GatewayError, WebhookReason
from gateway_core.models.money import Money
from gateway_core.models.status import InvoiceStatus
from gateway_core.models.webhook import VerifiedBy


def _without_words(error: GatewayError | None) -> str:
    """Show an error without its message, which may quote a provider, and so a customer."""
    return "None" if error is None else f"<{type(error).__name__}, effect {error.effect}>"


@attrs.frozen(kw_only=True)
class Event:
    """Something that happened in a call; the base of all events.

    Attributes:
        backend: The backend's name.
        operation: The operation's name, such as ``create_invoice``; ``run`` for a flow of the provider's own.
        call: The number of the call, by which its events belong together. Unique in the process.
    """

    backend: str
    operation: str
    call: int


@attrs.frozen(kw_only=True)
class CallStarted(Event):
    """An operation began. Of a listing each page is a call."""


@attrs.frozen(kw_only=True)
class CallEnded(Event):
    """An operation ended: the last event of its call.

    Attributes:
        seconds: How long it took, waits included.
        error: What it raised; None if it did not. Its message may quote the provider.
        abandoned: Whether the caller gave up before there was a result: the task was cancelled, or the program is
            interrupted. Then there is no error, and what has become of the request is not known.
    """

    seconds: float
    error: GatewayError | None = attrs.field(default=None, repr=_without_words)
    abandoned: bool = False


@attrs.frozen(kw_only=True)
class _RequestEvent(Event):
    """Something that happened to a request."""

    method: str
    host: str
    path: str
    attempt: int = 1


@attrs.frozen(kw_only=True)
class RequestSent(_RequestEvent):
    """A request is about to leave.

    Attributes:
        method: The HTTP method.
        host: The provider's host, with its port where the address names one.
        path: The path, without the query, and with ``***`` for what is secret in it. It may hold ids.
        attempt: 1 for the first time that it is sent, 2 for its first repetition.
    """


@attrs.frozen(kw_only=True)
class AnswerReceived(_RequestEvent):
    """An answer came, whatever it says.

    Attributes:
        status: The HTTP status.
        seconds: From the request's leaving to the last byte of the answer.
        size: Bytes in the body, decoded.
        method, host, path, attempt: As in `RequestSent`.
        request_id: The provider's id of the request, from a header such as ``X-Request-Id``; None if there is none,
            or it is no single word.
    """

    status: int
    seconds: float
    size: int
    request_id: str | None = None


@attrs.frozen(kw_only=True)
class RequestFailed(_RequestEvent):
    """No usable answer came, or the request was none that could be sent.

    Attributes:
        error: Why, and whether the request surely never reached the provider.
        seconds: From the request's leaving to the failure.
        method, host, path, attempt: As in `RequestSent`.
    """

    error: GatewayError = attrs.field(repr=_without_words)
    seconds: float


@attrs.frozen(kw_only=True)
class Retried(Event):
    """A request is going to be repeated.

    Attributes:
        attempt: The number that the repetition will have.
        wait: Seconds until then.
        reason: Why, in words of ours.
    """

    attempt: int
    wait: float
    reason: str


@attrs.frozen(kw_only=True)
class RateLimited(Event):
    """A request had to wait for its turn, so that the provider's rate limit is kept.

    Attributes:
        waited: For how many seconds.
    """

    waited: float


@attrs.frozen(kw_only=True)
class BreakerOpened(Event):
    """The provider fails so often that no request is sent to it for a while.

    Attributes:
        seconds: For how long.
    """

    seconds: float


@attrs.frozen(kw_only=True)
class BreakerClosed(Event):
    """The provider answers again."""


@attrs.frozen(kw_only=True)
class LimiterFellBack(Event):
    """The store that shares the rate limit cannot be reached: this process keeps the limit by itself alone.

    Attributes:
        reason: Why, in words of ours.
    """

    reason: str


@attrs.frozen(kw_only=True)
class InvoiceCreated(Event):
    """The provider made an invoice.

    Attributes:
        invoice_id: The provider's id.
        order_id: The shop's key; None if the provider does not give it back.
        amount: The amount asked for.
        status: Its first status.
    """

    invoice_id: str
    order_id: str | None
    amount: Money
    status: InvoiceStatus


@attrs.frozen(kw_only=True)
class WebhookAccepted(Event):
    """A webhook is genuine.

    Attributes:
        verified_by: How that is known.
        events: What it tells: of each event the provider's name of it, and the id of the invoice that it is about.
    """

    verified_by: VerifiedBy
    events: tuple[tuple[str, str | None], ...]


@attrs.frozen(kw_only=True)
class WebhookRefused(Event):
    """A webhook is not genuine, or could not be shown to be.

    Attributes:
        reason: Why. The sender is not told.
    """

    reason: WebhookReason

"""What an error means in HTTP: to who has asked for something, by one table, and to who has sent a webhook."""

from __future__ import annotations

from gateway_core import errors
from gateway_core.models.webhook import Acknowledgement

#: Seconds until what failed in passing may be tried again. Most providers keep to a schedule of their own.
RETRY_AFTER = 30

#: The most special first.
_STATUSES: tuple[tuple[type[errors.GatewayError], int], ...] = (
    (errors.InvalidRequestError, 400),
    (errors.ConflictError, 409),
    (errors.JournalError, 503),
    (errors.UnsupportedOperationError, 501),
    (errors.NotSentError, 503),
    (errors.OutcomeUnknownError, 504),
    (errors.TransportError, 502),
    (errors.NotFoundError, 404),
    (errors.RejectedError, 422),
    (errors.RateLimitedError, 503),
    (errors.ProviderUnavailableError, 503),
    (errors.UnexpectedResponseError, 502),
    (errors.GatewayError, 500),  # the settings, the credentials or a plugin: nothing that who asks could mend
)


def status_for(error: errors.GatewayError) -> int:
    """Return the HTTP status that tells an error to whoever has asked: 4xx for what he can mend, 5xx for the rest.

    Args:
        error: What an operation of a gateway raised.
    """
    if isinstance(error, errors.WebhookError):
        return error.http_status
    return next(status for kind, status in _STATUSES if isinstance(error, kind))


def answer_to(error: errors.GatewayError) -> Acknowledgement:
    """Return an answer with the status of an error, and nothing else: what went wrong is in the log.

    With 503 it names the seconds after which it may be tried again.
    """
    asked = error.retry_after if isinstance(error, errors.ProviderError) else None
    return empty(status_for(error), retry_after=RETRY_AFTER if asked is None else max(1, round(asked)))


def answer_to_sender(error: errors.GatewayError) -> Acknowledgement:
    """Return the answer to the sender of a webhook that was not received: 5xx where it should come again.

    A sender can mend nothing: what the provider or the journal refused is no fault of the webhook's.
    """
    if isinstance(error, errors.WebhookError):
        return answer_to(error)
    passes = isinstance(error, errors.JournalError | errors.ProviderError | errors.TransportError)
    return empty(503 if passes else 500)


def empty(status: int, *, retry_after: int = RETRY_AFTER) -> Acknowledgement:
    """Return an answer without a body."""
    return Acknowledgement(status=status, headers={"Retry-After": str(retry_after)} if status == 503 else {})

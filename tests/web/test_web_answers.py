"""One table from errors to HTTP."""

from __future__ import annotations

import pytest

from gateway_core import errors
from gateway_core.errors import GatewayError, WebhookReason
from gateway_core.web import answer_to, status_for
from gateway_core.web._answers import answer_to_sender

STATUSES = {
    "ConfigurationError": 500,
    "PluginError": 500,
    "UnknownBackendError": 500,
    "UnsupportedOperationError": 501,
    "OutOfReachError": 501,
    "InvalidRequestError": 400,
    "TransportError": 502,
    "NotSentError": 503,
    "OutcomeUnknownError": 504,
    "ProviderError": 500,
    "AuthenticationError": 500,
    "PermissionDeniedError": 500,
    "NotFoundError": 404,
    "RejectedError": 422,
    "RateLimitedError": 503,
    "ProviderUnavailableError": 503,
    "UnexpectedResponseError": 502,
    "WebhookError": 400,
    "JournalError": 503,
    "ConflictError": 409,
    "InProgressError": 503,
    "GatewayError": 500,
}


def test_every_error_has_a_status() -> None:
    """The table leaves out none, so that a new error is thought about."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, GatewayError)]

    assert {kind.__name__: status_for(kind("x")) for kind in kinds} == STATUSES


def test_sender_is_told_whether_to_come_again() -> None:
    """What passes is 503, what an operator has to mend 500, and nobody is told what a provider refused."""
    told = {name: answer_to_sender(getattr(errors, name)("x")) for name in STATUSES}

    passing = {name for name, answer in told.items() if answer.status == 503}
    assert passing >= {"JournalError", "InProgressError", "NotSentError", "NotFoundError", "AuthenticationError"}
    assert {name for name, answer in told.items() if answer.status == 400} == {"WebhookError"}
    assert {told[name].status for name in STATUSES.keys() - passing - {"WebhookError"}} == {500}
    assert told["ConfigurationError"].status == told["PluginError"].status == 500


@pytest.mark.parametrize(
    "reason, status", [(WebhookReason.TOO_LARGE, 413), (WebhookReason.UNCONFIRMED, 503), (WebhookReason.STALE, 400)]
)
def test_webhook_has_its_own_status(reason: WebhookReason, status: int) -> None:
    """413 and 503 tell the sender what to do, and 400 nothing."""
    assert status_for(errors.WebhookError("x", reason=reason)) == status


@pytest.mark.parametrize(
    "error, header",
    [
        (errors.InProgressError("x"), "30"),
        (errors.RateLimitedError("x", retry_after=12.4), "12"),
        (errors.RateLimitedError("x", retry_after=0.2), "1"),
        (errors.ProviderUnavailableError("x"), "30"),
        (errors.ConflictError("x"), None),
        (errors.RejectedError("x", retry_after=5), None),
    ],
)
def test_answer_says_when_to_try_again(error: GatewayError, header: str | None) -> None:
    """With 503 only, and as the provider says where it does."""
    answer = answer_to(error)

    assert answer.status == status_for(error)
    assert answer.headers.get("Retry-After") == header
    assert answer.body == b""

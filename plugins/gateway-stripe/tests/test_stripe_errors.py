"""Stripe's errors: one class for each, with Stripe's own words, and what may be repeated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway_core import Gateway, HttpResponse, InvoiceRequest, Money
from gateway_core.errors import (
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    ProviderUnavailableError,
    RateLimitedError,
    RejectedError,
    UnexpectedResponseError,
)
from gateway_core.provider import RetryAdvice
from gateway_core.wire import dumps


def _error(**fields: str) -> dict[str, Any]:
    return {"error": {"type": "invalid_request_error", "message": "No.", **fields}}


@pytest.mark.parametrize(
    "status, fields, kind",
    [
        (400, {"code": "parameter_missing"}, RejectedError),
        (400, {"code": "amount_too_small"}, RejectedError),
        (400, {"code": "rate_limit"}, RateLimitedError),
        (400, {"type": "idempotency_error"}, RejectedError),
        (400, {"message": "Invalid checkout.session id: X"}, NotFoundError),
        (401, {"message": "Invalid API Key provided: sk_test_****"}, AuthenticationError),
        (401, {"code": "api_key_expired"}, AuthenticationError),
        (402, {"type": "card_error", "code": "card_declined", "decline_code": "lost_card"}, RejectedError),
        (403, {"message": "The key lacks permission."}, PermissionDeniedError),
        (403, {"code": "account_invalid"}, PermissionDeniedError),
        (404, {"code": "resource_missing"}, NotFoundError),
        (409, {"code": "idempotency_key_in_use"}, RejectedError),
        (424, {"type": "api_error"}, ProviderUnavailableError),
        (429, {"code": "lock_timeout"}, RateLimitedError),
        (429, {"type": "rate_limit_error"}, RateLimitedError),
        (500, {"type": "api_error"}, ProviderUnavailableError),
        (503, {"code": "api_key_expired"}, ProviderUnavailableError),
        (302, {}, UnexpectedResponseError),
    ],
)
def test_each_refusal_has_its_class(
    gateway: Gateway, answers: Callable[..., None], status: int, fields: dict[str, str], kind: type[ProviderError]
) -> None:
    """The status says what it is, and a code where it says more; code, text and request id are kept."""
    answers("checkout/sessions/cs_test_a1X", _error(**fields), status=status, headers={"Request-Id": "req_123"})

    with pytest.raises(ProviderError) as told:
        gateway.get_status("cs_test_a1X")

    assert type(told.value) is kind
    assert told.value.http_status == status
    assert told.value.request_id == "req_123"
    assert told.value.code == (fields.get("code") or fields.get("type") or "invalid_request_error")
    assert fields.get("decline_code", "") in told.value.message


def test_limit_that_was_reached_is_named(gateway: Gateway, answers: Callable[..., None]) -> None:
    """Stripe says in a header which of its limits it was."""
    headers = {"Stripe-Rate-Limited-Reason": "endpoint-concurrency"}
    answers("checkout/sessions/cs_test_a1X", _error(code="rate_limit"), status=429, headers=headers)

    with pytest.raises(RateLimitedError, match="endpoint-concurrency"):
        gateway.get_status("cs_test_a1X")


def test_documented_example(gateway: Gateway, answers: Callable[..., None], example: Callable[[str], Any]) -> None:
    """The example of the documentation is read whole."""
    answers("checkout/sessions/cs_test_a1X", example("error-missing"), status=404)

    with pytest.raises(NotFoundError, match="No such payment_intent: 'pi_x'") as told:
        gateway.get_status("cs_test_a1X")

    assert told.value.code == "resource_missing"


def test_creation_that_was_refused_did_nothing(gateway: Gateway, answers: Callable[..., None]) -> None:
    """A refusal of the amount is sure; a conflict with the same key is not."""
    answers("checkout/sessions", _error(code="amount_too_small"), status=400)
    with pytest.raises(RejectedError) as told:
        gateway.create_invoice(InvoiceRequest(order_id="A-1", amount=Money("0.10", "EUR")))
    assert told.value.effect == "none"

    answers("checkout/sessions", _error(code="idempotency_key_in_use"), status=409)
    with pytest.raises(RejectedError) as told:
        gateway.create_invoice(InvoiceRequest(order_id="A-1", amount=Money("0.10", "EUR")))
    assert told.value.effect == "unknown"


def test_session_that_was_made_wrong_is_told(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], Any]
) -> None:
    """An answer that cannot be read keeps the id of what was made."""
    answers("checkout/sessions", example("session-open") | {"amount_total": "1099"})

    with pytest.raises(UnexpectedResponseError) as told:
        gateway.create_invoice(InvoiceRequest(order_id="A-1", amount=Money("10.99", "EUR")))

    assert (told.value.effect, told.value.invoice_id) == ("done", "cs_test_a1X")


@pytest.mark.parametrize("changes", [{"livemode": True}, {"mode": "subscription"}, {"id": "cs_test_other"}])
def test_session_of_something_else_is_refused(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], Any], changes: dict[str, Any]
) -> None:
    """Test and live are not mixed up, and neither are sessions or their modes."""
    answers("checkout/sessions/cs_test_a1X", example("session-open") | changes)

    with pytest.raises(UnexpectedResponseError):
        gateway.get_status("cs_test_a1X")


@pytest.mark.parametrize(
    "status, headers, fields, advice",
    [
        (400, {"Stripe-Should-Retry": "true"}, {}, RetryAdvice.RETRY),
        (500, {"Stripe-Should-Retry": "false"}, {}, RetryAdvice.DO_NOT_RETRY),
        (500, {"Idempotent-Replayed": "true"}, {}, RetryAdvice.DO_NOT_RETRY),
        (409, {}, {"code": "idempotency_key_in_use"}, RetryAdvice.IN_PROGRESS),
        (409, {}, {"code": "lock_timeout"}, None),
        (500, {}, {}, None),
        (429, {"Stripe-Should-Retry": "maybe"}, {}, None),
    ],
)
def test_advice_on_repeating(
    gateway: Gateway, status: int, headers: dict[str, str], fields: dict[str, str], advice: RetryAdvice | None
) -> None:
    """The header decides; where it is missing, what is stored for the key, and what is under way."""
    assert gateway.info.retry_advice is not None

    answer = HttpResponse(status=status, headers=headers, body=dumps(_error(**fields)))

    assert gateway.info.retry_advice(answer) is advice


@pytest.mark.parametrize(
    "status, body, many",
    [
        (400, dumps(_error(code="rate_limit")), True),
        (400, dumps(_error(code="parameter_missing")), False),
        (200, dumps(_error(code="rate_limit")), False),
        (400, b"<html>", False),
        (400, b'{"error": "rate_limit"}', False),
    ],
)
def test_too_many_requests_in_another_status(gateway: Gateway, status: int, body: bytes, many: bool) -> None:
    """Stripe has told it with status 400, too."""
    assert gateway.info.says_too_many is not None
    assert gateway.info.says_too_many(HttpResponse(status=status, body=body)) is many

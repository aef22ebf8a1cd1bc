"""Mollie's refusals, by the table that its documentation gives."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests_mock

from gateway_core import Gateway, HttpResponse
from gateway_core.errors import (
    AuthenticationError,
    GatewayError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    ProviderUnavailableError,
    RateLimitedError,
    RejectedError,
)
from gateway_core.provider import RetryAdvice
from gateway_mollie import Mollie

URL = "https://api.mollie.com/v2/payments/tr_1"

#: Source: docs.mollie.com, "Handling errors"; the texts of 400 and 409: github.com/mollie/mollie-api-python, tests.
REFUSALS: dict[int, tuple[str, type[GatewayError]]] = {
    400: ("This Idempotency-Key has already been used.", RejectedError),
    401: ("Missing authentication, or failed to authenticate", AuthenticationError),
    403: ("You do not have access to this resource", PermissionDeniedError),
    404: ("No payment exists with token tr_1.", NotFoundError),
    405: ("The HTTP method is not supported", RejectedError),
    409: ("A duplicate refund has been detected", RejectedError),
    410: ("The payment was deleted", NotFoundError),
    415: ("The media type is not supported", RejectedError),
    422: ("The amount is higher than the maximum", RejectedError),
    429: ("You have exceeded the rate limit. Please slow down your requests.", RateLimitedError),
    500: ("An internal server error occurred", ProviderUnavailableError),
    502: ("The service is temporarily unavailable", ProviderUnavailableError),
    503: ("The service is temporarily unavailable", ProviderUnavailableError),
    504: ("Your request caused an unusually long process time", ProviderUnavailableError),
}


def refusal(status: int, detail: str, **more: Any) -> dict[str, Any]:
    """Return an error as Mollie writes it."""
    return {"status": status, "title": "Some Title", "detail": detail, **more}


@pytest.fixture
def refused(gateway: Gateway, mocker: requests_mock.Mocker) -> Callable[[int, bytes], GatewayError]:
    """Give what returns the error that an answer is told by."""

    def refused(status: int, body: bytes) -> GatewayError:
        mocker.delete(URL, content=body, status_code=status)
        with pytest.raises(GatewayError) as caught:
            gateway.cancel_invoice("tr_1")
        return caught.value

    return refused


Refused = Callable[[int, bytes], GatewayError]


@pytest.mark.parametrize("status", REFUSALS)
def test_each_status_is_an_error_of_its_kind(refused: Refused, status: int) -> None:
    """With Mollie's own words, and its title for want of a code."""
    detail, kind = REFUSALS[status]

    error = refused(status, json.dumps(refusal(status, detail)).encode())

    assert isinstance(error, ProviderError)
    assert (type(error), error.http_status, error.code, detail in str(error)) == (kind, status, "Some Title", True)


def test_field_at_fault_is_named(refused: Refused) -> None:
    """With dots, where it is nested."""
    body = refusal(422, "The amount contains an invalid value", field="amount.value")

    assert "The amount contains an invalid value (field amount.value)" in str(refused(422, json.dumps(body).encode()))


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"detail": 7}', b'{"detail": " "}', b"\xff"])
def test_refusal_that_cannot_be_read_is_told_by_its_status(refused: Refused, body: bytes) -> None:
    """A proxy in between answers in its own way."""
    error = refused(422, body)

    assert (type(error), getattr(error, "http_status", None)) == (RejectedError, 422)


@pytest.mark.parametrize(
    "status, detail, advice",
    [
        (200, "", None),
        (400, REFUSALS[400][0], RetryAdvice.DO_NOT_RETRY),
        (409, REFUSALS[409][0], RetryAdvice.DO_NOT_RETRY),
        (409, "Another request with this Idempotency-Key is already being processed.", RetryAdvice.IN_PROGRESS),
        (409, "Something new", None),
        (422, REFUSALS[422][0], None),
        (503, REFUSALS[503][0], RetryAdvice.RETRY),
    ],
)
def test_advice_on_repeating_is_mollies(status: int, detail: str, advice: RetryAdvice | None) -> None:
    """A 503 was not performed; a key in use is waited for; a key with other content stays wrong."""
    asked = Mollie.info.retry_advice
    assert asked is not None

    assert asked(HttpResponse(status=status, body=json.dumps(refusal(status, detail)).encode())) is advice

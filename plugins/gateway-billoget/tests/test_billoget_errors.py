"""What Billoget refuses, and what nobody can do there."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from gateway_core import (
    Gateway,
    InvoiceRequest,
    Money,
    RefundRequest,
)
from gateway_core.errors import (
    AuthenticationError,
    GatewayError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    ProviderUnavailableError,
    RateLimitedError,
    RejectedError,
    UnexpectedResponseError,
    UnsupportedOperationError,
)

KEY = "bk_test_made-up-0123456789-abcdef"
BUDGETS = "api/public/budgets"
REQUEST = InvoiceRequest(
    order_id="1042", amount=Money("1500", "USD"), requested_at=datetime(2024, 1, 15, 10, 30, 0, 5, tzinfo=UTC)
)


@pytest.mark.parametrize(
    "status, code, kind",
    [
        (401, "unauthorized", AuthenticationError),
        (401, "invalid_api_key", AuthenticationError),
        (400, "invalid_api_key", AuthenticationError),
        (403, "insufficient_scope", PermissionDeniedError),
        (401, "insufficient_scope", PermissionDeniedError),
        (403, "ip_not_allowed", PermissionDeniedError),
        (404, "not_found", NotFoundError),
        (400, "validation_error", RejectedError),
        (409, "conflict", RejectedError),
        (422, "validation_error", RejectedError),
        (429, "rate_limit_exceeded", RateLimitedError),
        (400, "rate_limit_exceeded", RateLimitedError),
        (429, "something_else", RateLimitedError),
        (500, "internal", ProviderUnavailableError),
        (503, "unauthorized", ProviderUnavailableError),
        (302, "moved", UnexpectedResponseError),
    ],
)
def test_refusal_is_known_by_its_code_or_status(
    gateway: Gateway, answers: Callable[..., None], status: int, code: str, kind: type[GatewayError]
) -> None:
    """The documented codes decide, since the status of some is not documented; the others go by the status."""
    body = {"error": code, "message": "No", "requestId": "req_abc123"}
    answers("GET", f"{BUDGETS}/7", json.dumps(body).encode(), status=status)

    with pytest.raises(kind) as caught:
        gateway.get_status("7")

    actual = getattr(caught.value, "code", None), getattr(caught.value, "request_id", None)
    assert (type(caught.value), actual) == (kind, (code, "req_abc123"))


def test_documented_refusal_is_told(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes]
) -> None:
    """The message, the code and the id for Billoget's support."""
    answers("GET", BUDGETS, example("unauthorized"), status=401)

    with pytest.raises(AuthenticationError, match="The API key is invalid") as caught:
        gateway.check_account()

    assert (caught.value.code, caught.value.request_id) == ("invalid_api_key", "req_abc123")


@pytest.mark.parametrize(
    "header, seconds",
    [
        ("120", 120.0),
        ("0", 0.0),
        ("-1", None),
        ("1e3", None),
        ("9" * 5000, 999_999_999.0),
        ("١٢", None),
        (None, None),
        ("soon", None),
    ],
    ids=lambda value: str(value)[:9],
)
def test_too_many_requests_say_how_long_to_wait(
    gateway: Gateway,
    answers: Callable[..., None],
    example: Callable[[str], bytes],
    header: str | None,
    seconds: float | None,
) -> None:
    """R5: digits, and nothing else, without an exception."""
    headers = {} if header is None else {"Retry-After": header.encode().decode("latin-1")}
    answers("POST", BUDGETS, example("too-many"), status=429, headers=headers)

    with pytest.raises(RateLimitedError) as caught:
        gateway.create_invoice(REQUEST)

    assert (caught.value.retry_after, caught.value.effect) == (seconds, "none")


@pytest.mark.parametrize(
    "details, message",
    [
        ({"field": "customerId", "code": "invalid"}, "No (field customerId)"),
        ({"field": "items[0].productId"}, "No (field items[0].productId)"),
        ({"field": "ana@shop.example is taken"}, "No"),
        ({"value": "ana@shop.example"}, "No"),
        ("ana@shop.example", "No"),
        (None, "No"),
    ],
    ids=str,
)
def test_refusal_names_the_field_and_no_value(
    gateway: Gateway, answers: Callable[..., None], details: Any, message: str
) -> None:
    """S9: details may quote a customer."""
    answers("POST", BUDGETS, json.dumps({"error": "e", "message": "No", "details": details}).encode(), status=422)

    with pytest.raises(RejectedError) as caught:
        gateway.create_invoice(REQUEST)

    assert caught.value.message == message


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": 7, "message": []}', b"\xff"], ids=repr)
def test_refusal_without_words_is_told_by_its_status(
    gateway: Gateway, answers: Callable[..., None], body: bytes
) -> None:
    """A proxy on the way does not speak Billoget's language."""
    answers("GET", f"{BUDGETS}/7", body, status=502)

    with pytest.raises(ProviderUnavailableError, match="HTTP status 502"):
        gateway.get_status("7")


@pytest.mark.parametrize(
    "status, effect",
    [(400, "none"), (401, "none"), (422, "none"), (409, "unknown"), (500, "unknown"), (504, "unknown")],
)
def test_refused_creation_says_what_may_have_happened(
    gateway: Gateway, answers: Callable[..., None], status: int, effect: str
) -> None:
    """The table of who may repeat what: there are no idempotency keys."""
    answers("POST", BUDGETS, b'{"error": "e", "message": "No"}', status=status)

    with pytest.raises(GatewayError) as caught:
        gateway.create_invoice(REQUEST)

    assert caught.value.effect == effect


def test_lost_answer_to_a_creation_is_unknown(gateway: Gateway, mocker: Any) -> None:
    """I3: it may have happened."""
    mocker.post(requests.compat.urljoin("https://api.billoget.com/v1/", BUDGETS), exc=requests.ReadTimeout)

    with pytest.raises(OutcomeUnknownError) as caught:
        gateway.create_invoice(REQUEST)

    assert caught.value.effect == "unknown"


def test_key_that_billoget_echoes_is_in_no_error(gateway: Gateway, answers: Callable[..., None]) -> None:
    """S1: whatever the provider says."""
    body = {"error": f"e_{KEY}", "message": f"Bearer {KEY} is wrong", "requestId": KEY}
    answers("GET", f"{BUDGETS}/7", json.dumps(body).encode(), status=401)

    with pytest.raises(AuthenticationError) as caught:
        gateway.get_status("7")

    told = "".join(traceback.format_exception(caught.value)) + str(caught.value.code) + str(caught.value.request_id)
    assert KEY[:20] not in told


@pytest.mark.parametrize("operation", ["list_payments", "cancel_invoice", "refund_payment"])
def test_operation_that_billoget_lacks_says_why(gateway: Gateway, operation: str) -> None:
    """There is no money in its API, and no deletion that is known to end a budget."""
    reason = gateway.info.unsupported[operation]

    calls: dict[str, Callable[[], Any]] = {
        "list_payments": lambda: list(gateway.list_payments()),
        "cancel_invoice": lambda: gateway.cancel_invoice("7"),
        "refund_payment": lambda: gateway.refund_payment(
            RefundRequest(refund_id="r-7", invoice_id="7", amount=Money("1", "USD"))
        ),
    }
    with pytest.raises(UnsupportedOperationError) as caught:
        calls[operation]()

    assert (gateway.supports(operation), reason in caught.value.message) == (False, True)


def test_list_of_payments_is_refused_by_the_hook_itself(gateway: Gateway) -> None:
    """Whoever calls it past the gateway is told the same, and gets no empty list."""
    with pytest.raises(UnsupportedOperationError, match="knows of no payments"):
        gateway.provider.list_payments(query=None)

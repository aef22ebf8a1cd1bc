"""What the plugin makes of answers that are not the sandbox's usual ones, faked at the HTTP boundary."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests_mock

from gateway_core import (
    CaptureRequest,
    CaptureStatus,
    Gateway,
    InvoiceRequest,
    Money,
    RefundRequest,
    RefundStatus,
    errors,
)
from gateway_core.transport import TransportSettings

_URL = "http://127.0.0.1:4010"
_KEY = "sk_sandbox_canary-1234567890"

_PAYMENT = {
    "id": "pay_1",
    "invoice_id": "inv_1",
    "amount": {"amount": "49.90", "currency": "EUR"},
    "status": "succeeded",
    "reference": "SBX-1",
    "created_at": "2026-11-21T08:00:00Z",
}
_REFUND = {
    "id": "re_1",
    "invoice_id": "inv_1",
    "amount": {"amount": "10.00", "currency": "EUR"},
    "reference": "r-1",
    "reason": "",
    "created_at": "2026-11-21T08:00:00Z",
    "status": "succeeded",
}

Operation = Callable[[Gateway], Any]


def _create(gateway: Gateway) -> Any:
    return gateway.create_invoice(InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR")))


def _read(gateway: Gateway) -> Any:
    return gateway.get_status("inv_1")


def _list(gateway: Gateway) -> Any:
    return list(gateway.list_payments())


def _find(gateway: Gateway) -> Any:
    return gateway.find_invoice("1042")


def _cancel(gateway: Gateway) -> Any:
    return gateway.cancel_invoice("inv_1")


def _refund(gateway: Gateway) -> Any:
    return gateway.refund_payment(
        RefundRequest(refund_id="r-1", invoice_id="inv_1", amount=Money("10", "EUR"), reason="late")
    )


def _check(gateway: Gateway) -> Any:
    return gateway.check_account()


def _capture(gateway: Gateway) -> Any:
    return gateway.capture_payment(CaptureRequest(capture_id="c-1", invoice_id="inv_1", amount=Money("10", "EUR")))


_OPERATIONS = [_create, _read, _list, _find, _cancel, _refund, _capture, _check]


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """Give a gateway whose HTTP is faked."""
    settings: dict[str, Any] = {"api_key": _KEY, "webhook_secret": "whsec_c2FuZGJveC1kZW1vLXNlY3JldA=="}
    with Gateway.connect("sandbox", transport=TransportSettings(attempts=1), base_url=_URL, **settings) as gateway:
        yield gateway


@pytest.fixture
def provider() -> Iterator[requests_mock.Mocker]:
    """Give the provider's side of HTTP."""
    with requests_mock.Mocker() as mocker:
        yield mocker


def _answer(provider: requests_mock.Mocker, **answer: Any) -> None:
    provider.register_uri(requests_mock.ANY, requests_mock.ANY, **answer)


@pytest.mark.parametrize(
    "operation,method,path,content",
    [
        (
            _create,
            "POST",
            "/v1/invoices",
            {
                "order_id": "1042",
                "amount": {"amount": "49.90", "currency": "EUR"},
                "description": "",
                "return_url": None,
                "expires_in": None,
                "metadata": {},
                "capture": "automatic",
            },
        ),
        (_read, "GET", "/v1/invoices/inv_1", None),
        (_list, "GET", "/v1/payments?limit=100", None),
        (_find, "GET", "/v1/invoices?order_id=1042&limit=2", None),
        (_cancel, "POST", "/v1/invoices/inv_1/cancel", {}),
        (
            _refund,
            "POST",
            "/v1/refunds",
            {
                "invoice_id": "inv_1",
                "amount": {"amount": "10.00", "currency": "EUR"},
                "reference": "r-1",
                "reason": "late",
            },
        ),
        (
            _capture,
            "POST",
            "/v1/captures",
            {"invoice_id": "inv_1", "amount": {"amount": "10.00", "currency": "EUR"}, "reference": "c-1"},
        ),
        (_check, "GET", "/v1/account", None),
    ],
)
def test_request_is_exactly_this(  # noqa: PLR0917  # pytest gives them by name
    gateway: Gateway, provider: requests_mock.Mocker, operation: Operation, method: str, path: str, content: Any
) -> None:
    """Each operation sends one request, with the key in its header and nowhere else."""
    _answer(provider, status_code=500)

    with pytest.raises(errors.ProviderUnavailableError):
        operation(gateway)

    (sent,) = provider.request_history
    assert (sent.method, sent.url) == (method, f"{_URL}{path}")
    assert sent.headers["Authorization"] == f"Bearer {_KEY}"
    assert (None if sent.body is None else json.loads(sent.body)) == content


@pytest.mark.parametrize("operation", [_create, _refund, _capture])
def test_same_request_has_the_same_key(gateway: Gateway, provider: requests_mock.Mocker, operation: Operation) -> None:
    """I3: what makes something is sent under a key made of the shop's own, the same in every process."""
    _answer(provider, status_code=500)

    for _ in range(2):
        with pytest.raises(errors.ProviderUnavailableError):
            operation(gateway)

    first, second = provider.request_history
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert first.body == second.body


def test_key_is_told_to_the_core(gateway: Gateway) -> None:
    """What makes something says under which key, so that the core knows that it may be sent again."""
    bill = gateway.provider.create_invoice(InvoiceRequest(order_id="1042", amount=Money(1, "EUR")))
    refund = gateway.provider.refund_payment(RefundRequest(refund_id="r-1", invoice_id="inv_1", amount=Money(1, "EUR")))
    requests = [next(bill), next(refund)]

    assert [sent.idempotency_key for sent in requests] == [sent.headers["Idempotency-Key"] for sent in requests]
    assert [next(gateway.provider.get_status("inv_1")).safe, *(sent.safe for sent in requests)] == [True, False, False]


def test_different_things_have_different_keys(gateway: Gateway, provider: requests_mock.Mocker) -> None:
    """An order and a refund of one name, or names that differ in anything, never share a key."""
    _answer(provider, status_code=500)
    names = ["1042", "1042 ", "r-1", "é", "e\u0301", "x" * 255]

    for name in names:
        for make in (
            lambda name: gateway.create_invoice(InvoiceRequest(order_id=name, amount=Money(1, "EUR"))),
            lambda name: gateway.refund_payment(
                RefundRequest(refund_id=name, invoice_id="inv_1", amount=Money(1, "EUR"))
            ),
        ):
            with pytest.raises(errors.GatewayError):
                make(name)

    keys = [sent.headers["Idempotency-Key"] for sent in provider.request_history]
    assert len(set(keys)) == len(keys) == 2 * (len(names) - 1)
    assert all(key.isascii() and key.isprintable() and len(key) <= 255 for key in keys)


@pytest.mark.parametrize(
    "status,expected",
    [
        (400, errors.RejectedError),
        (401, errors.AuthenticationError),
        (403, errors.PermissionDeniedError),
        (404, errors.NotFoundError),
        (405, errors.RejectedError),
        (408, errors.ProviderUnavailableError),
        (409, errors.RejectedError),
        (413, errors.RejectedError),
        (415, errors.RejectedError),
        (422, errors.RejectedError),
        (429, errors.RateLimitedError),
        (500, errors.ProviderUnavailableError),
        (503, errors.ProviderUnavailableError),
        (302, errors.UnexpectedResponseError),
        (304, errors.UnexpectedResponseError),
    ],
)
@pytest.mark.parametrize("operation", _OPERATIONS)
def test_refusal_is_our_error_with_its_context(
    gateway: Gateway,
    provider: requests_mock.Mocker,
    operation: Operation,
    status: int,
    expected: type[errors.ProviderError],
) -> None:
    """Every status outside 2xx is the error that it stands for, with the sandbox's own code, words and request id."""
    refusal = {"error": {"code": "some_code", "message": "Some words.", "field": "a.b"}}
    _answer(provider, status_code=status, json=refusal, headers={"X-Request-Id": "req_7", "Location": f"{_URL}/x"})

    with pytest.raises(expected) as caught:
        operation(gateway)

    error = caught.value
    assert type(error) is expected
    assert (error.http_status, error.code, error.request_id) == (status, "some_code", "req_7")
    assert "a.b: Some words." in error.message
    assert len(provider.request_history) == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>Bad gateway</html>", b"{}", b"[]", b'{"error": "no"}', b'{"error": {"code": 7}}', b"\xff", b"null"],
)
def test_refusal_without_an_explanation_is_still_a_refusal(
    gateway: Gateway, provider: requests_mock.Mocker, body: bytes
) -> None:
    """A proxy's page in place of the sandbox's JSON changes nothing about what the status means."""
    _answer(provider, status_code=502, content=body)

    with pytest.raises(errors.ProviderUnavailableError, match="HTTP 502") as caught:
        _create(gateway)

    assert caught.value.effect == "unknown"


@pytest.mark.parametrize(
    "page",
    [
        {"data": [_PAYMENT]},
        {"next_cursor": None},
        {"data": {}, "next_cursor": None},
        {"data": "", "next_cursor": None},
        {"data": None, "next_cursor": None},
        {"data": [None], "next_cursor": None},
        {"data": [{**_PAYMENT, "amount": "1"}], "next_cursor": None},
        {"data": [_PAYMENT], "next_cursor": 7},
    ],
    ids=lambda page: repr(page)[:40] + repr(page)[-40:],
)
def test_list_never_ends_early_in_silence(gateway: Gateway, provider: requests_mock.Mocker, page: Any) -> None:
    """R8: a page that does not fit fails the list; a missing cursor is no end."""
    _answer(provider, json=page)

    with pytest.raises(errors.UnexpectedResponseError):
        _list(gateway)


def test_list_that_goes_round_is_stopped(gateway: Gateway, provider: requests_mock.Mocker) -> None:
    """R8: the same page again is an error, not a loop."""
    _answer(provider, json={"data": [_PAYMENT], "next_cursor": "after-1"})

    with pytest.raises(errors.UnexpectedResponseError, match="does not advance"):
        _list(gateway)


def test_filters_are_written_with_their_zone(gateway: Gateway, provider: requests_mock.Mocker) -> None:
    """A time zone's plus sign survives the query."""
    _answer(provider, json={"data": [], "next_cursor": None})
    since = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)

    list(gateway.list_payments(since=since, invoice_id="inv 1&x"))

    assert provider.request_history[0].qs["created_gte"] == ["2026-11-21t08:00:00+00:00"]
    assert provider.request_history[0].qs["invoice_id"] == ["inv 1&x"]


@pytest.mark.parametrize("operation", _OPERATIONS)
def test_key_that_is_echoed_is_masked(gateway: Gateway, provider: requests_mock.Mocker, operation: Operation) -> None:
    """S2: a sandbox that repeats our key in its error does not get it into our texts."""
    fault = {"code": _KEY, "message": f"Bearer {_KEY} is not welcome\n", "field": _KEY}
    _answer(provider, status_code=401, json={"error": fault}, headers={"X-Request-Id": _KEY})

    with pytest.raises(errors.AuthenticationError) as caught:
        operation(gateway)

    texts = f"{caught.value} {caught.value!r} {caught.value.code} {caught.value.request_id}"
    assert "canary" not in texts
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("invoice_id", ["", ".", "..", "a\nb"])
def test_id_that_is_none_is_refused_before_anything_is_sent(
    gateway: Gateway, provider: requests_mock.Mocker, invoice_id: str
) -> None:
    """S8: what would lead to another address is no id."""
    for ask in (gateway.get_status, gateway.cancel_invoice):
        with pytest.raises(errors.InvalidRequestError):
            ask(invoice_id)

    assert provider.request_history == []


def test_id_stays_one_segment(gateway: Gateway, provider: requests_mock.Mocker) -> None:
    """S8: slashes, questions and fragments in an id stay in it."""
    _answer(provider, status_code=404)

    with pytest.raises(errors.NotFoundError):
        gateway.get_status("../../admin?x=1#y")

    assert provider.request_history[0].url == f"{_URL}/v1/invoices/..%2F..%2Fadmin%3Fx%3D1%23y"


@pytest.mark.parametrize(
    "word, status",
    [
        ("pending", RefundStatus.PENDING),
        ("succeeded", RefundStatus.DONE),
        ("failed", RefundStatus.FAILED),
        ("on_hold", RefundStatus.PENDING),
    ],
)
def test_refund_has_the_status_that_the_sandbox_says(
    gateway: Gateway, provider: requests_mock.Mocker, word: str, status: RefundStatus
) -> None:
    """Only "succeeded" has moved money; a word that nobody knows says neither."""
    _answer(provider, status_code=201, json={**_REFUND, "status": word})

    assert _refund(gateway).status is status


@pytest.mark.parametrize("word, status", [("succeeded", CaptureStatus.DONE), ("on_hold", CaptureStatus.PENDING)])
def test_capture_has_the_status_that_the_sandbox_says(
    gateway: Gateway, provider: requests_mock.Mocker, word: str, status: CaptureStatus
) -> None:
    """As above."""
    _answer(provider, status_code=201, json={**_REFUND, "id": "cap_1", "reference": "c-1", "status": word})

    assert _capture(gateway).status is status


@pytest.mark.parametrize(
    "change", [{"amount": {"amount": "1", "currency": "EUR"}}, {"invoice_id": "inv_2"}, {"reference": "c-2"}], ids=repr
)
def test_capture_of_something_else_is_refused(
    gateway: Gateway, provider: requests_mock.Mocker, change: dict[str, Any]
) -> None:
    """A capture that is not the one asked for may have happened, and is no success."""
    _answer(provider, status_code=201, json={**_REFUND, "id": "cap_1", "reference": "c-1", **change})

    with pytest.raises(errors.UnexpectedResponseError) as caught:
        _capture(gateway)

    assert caught.value.effect in ("unknown", "done")

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
    InvoiceStatus,
    Money,
    PaymentStatus,
    RefundRequest,
    RefundStatus,
    errors,
)
from gateway_core.transport import TransportSettings

_URL = "http://127.0.0.1:4010"
_KEY = "sk_sandbox_canary-1234567890"

_INVOICE = {
    "id": "inv_1",
    "order_id": "1042",
    "status": "open",
    "amount": {"amount": "49.90", "currency": "EUR"},
    "received": {"amount": "0.00", "currency": "EUR"},
    "refunded": {"amount": "0.00", "currency": "EUR"},
    "description": "",
    "return_url": None,
    "metadata": {},
    "checkout_url": "http://127.0.0.1:4010/pay/t",
    "created_at": "2026-11-21T08:00:00Z",
    "expires_at": "2026-11-21T09:00:00Z",
}
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
    "answer",
    [
        {"status_code": 200, "text": "<html>Welcome to the hotel's network</html>"},
        {"status_code": 204},
        {"status_code": 200, "content": b""},
        {"status_code": 200, "content": b"null"},
        {"status_code": 200, "content": b"[]"},
        {"status_code": 200, "content": b"{}"},
        {"status_code": 200, "content": b'"paid"'},
        {"status_code": 200, "content": b"\xff\xfe{\x00}\x00"},
        {"status_code": 200, "content": b"[" * 100_000},
        {"status_code": 200, "json": {"error": {"code": "x", "message": "y"}}},
    ],
    ids=lambda answer: repr(answer)[:60],
)
@pytest.mark.parametrize("operation", _OPERATIONS)
def test_success_that_cannot_be_read_is_no_success(
    gateway: Gateway, provider: requests_mock.Mocker, operation: Operation, answer: dict[str, Any]
) -> None:
    """I6: 2xx with an unusable body is UnexpectedResponseError with its status; a read leaves nothing unknown."""
    _answer(provider, **answer, headers={"X-Request-Id": "req_7"})

    with pytest.raises(errors.UnexpectedResponseError) as caught:
        operation(gateway)

    assert (caught.value.http_status, caught.value.request_id) == (answer["status_code"], "req_7")
    assert caught.value.effect == ("unknown" if operation in (_create, _cancel, _refund, _capture) else "none")


@pytest.mark.parametrize(
    "field", ["id", "order_id", "status", "amount", "received", "refunded", "checkout_url", "created_at", "expires_at"]
)
@pytest.mark.parametrize("value", [None, 7, [], {}, True, ...], ids=repr)
@pytest.mark.parametrize("operation", [_create, _read])
def test_field_that_is_missing_or_wrong_is_named(
    gateway: Gateway, provider: requests_mock.Mocker, operation: Operation, field: str, value: Any
) -> None:
    """A missing field or a wrong type is named, and nothing is guessed in its place."""
    invoice = {**_INVOICE, field: value}
    if value is ...:
        del invoice[field]
    _answer(provider, json=invoice)

    with pytest.raises(errors.UnexpectedResponseError, match=field):
        operation(gateway)


@pytest.mark.parametrize(
    "amount",
    [
        {"amount": 49.9, "currency": "EUR"},
        {"amount": 49, "currency": "EUR"},
        {"amount": "49.905", "currency": "EUR"},
        {"amount": "4,9", "currency": "EUR"},
        {"amount": "NaN", "currency": "EUR"},
        {"amount": "1e400", "currency": "EUR"},
        {"amount": "٤", "currency": "EUR"},
        {"amount": "1", "currency": "EURO"},
        {"amount": "1", "currency": "eur"},
        {"amount": "1", "currency": "USDT"},
        {"amount": "1", "currency": "EUR", "network": "tron"},
        {"amount": "1", "currency": "EUR", "network": 7},
        {"currency": "EUR"},
        "49.90 EUR",
    ],
    ids=repr,
)
@pytest.mark.parametrize("field", ["amount", "received", "refunded"])
def test_amount_that_is_not_exact_is_refused(
    gateway: Gateway, provider: requests_mock.Mocker, field: str, amount: Any
) -> None:
    """M1, M2: an amount is text in plain digits with a currency that is known; nothing is rounded or converted."""
    _answer(provider, json={**_INVOICE, field: amount})

    with pytest.raises(errors.UnexpectedResponseError) as caught:
        _read(gateway)

    assert caught.value.effect == "none"


@pytest.mark.parametrize(
    "change",
    [
        {"amount": {"amount": "4.99", "currency": "EUR"}},
        {"amount": {"amount": "49.90", "currency": "USD"}},
        {"amount": {"amount": "0.00", "currency": "EUR"}},
        {"order_id": "1043"},
        {"checkout_url": "javascript:alert(1)"},
        {"created_at": "2026-11-21T08:00:00"},
        {"received": "nothing"},
    ],
    ids=repr,
)
def test_invoice_that_was_made_otherwise_keeps_its_id(
    gateway: Gateway, provider: requests_mock.Mocker, change: dict[str, Any]
) -> None:
    """M6, I6: an answer that is not what was asked for bears the id, and does not say that nothing happened."""
    _answer(provider, status_code=201, json={**_INVOICE, **change})

    with pytest.raises(errors.UnexpectedResponseError) as caught:
        _create(gateway)

    assert caught.value.invoice_id == "inv_1"
    assert caught.value.effect in ("unknown", "done")


@pytest.mark.parametrize("operation", [_read, _cancel])
def test_answer_about_another_invoice_is_refused(
    gateway: Gateway, provider: requests_mock.Mocker, operation: Operation
) -> None:
    """What is said of another invoice is not believed of this one."""
    _answer(provider, json={**_INVOICE, "id": "inv_2"})

    with pytest.raises(errors.UnexpectedResponseError, match="another invoice"):
        operation(gateway)


def test_invoice_of_another_order_is_not_found(gateway: Gateway, provider: requests_mock.Mocker) -> None:
    """A sandbox that ignores the filter does not make another order's invoice ours."""
    _answer(provider, json={"data": [{**_INVOICE, "order_id": "1043"}], "next_cursor": None})

    with pytest.raises(errors.UnexpectedResponseError, match="another order"):
        _find(gateway)


def test_payment_of_another_invoice_is_refused(gateway: Gateway, provider: requests_mock.Mocker) -> None:
    """A sandbox that ignores the filter does not make another invoice's money ours."""
    _answer(provider, json={"data": [{**_PAYMENT, "invoice_id": "inv_2"}], "next_cursor": None})

    with pytest.raises(errors.UnexpectedResponseError, match="another invoice"):
        list(gateway.list_payments(invoice_id="inv_1"))


@pytest.mark.parametrize("invoice_id", ["inv_2", None])
def test_payment_without_a_filter_may_be_of_any_invoice(
    gateway: Gateway, provider: requests_mock.Mocker, invoice_id: str | None
) -> None:
    """Without a filter every payment is given, also one that belongs to no invoice."""
    _answer(provider, json={"data": [{**_PAYMENT, "invoice_id": invoice_id}], "next_cursor": None})

    (payment,) = gateway.list_payments()

    assert payment.invoice_id == invoice_id


@pytest.mark.parametrize(
    "change", [{"amount": {"amount": "1", "currency": "EUR"}}, {"invoice_id": "inv_2"}, {"reference": "r-2"}], ids=repr
)
def test_refund_of_something_else_is_refused(
    gateway: Gateway, provider: requests_mock.Mocker, change: dict[str, Any]
) -> None:
    """A refund that is not the one asked for may have happened, and is no success."""
    _answer(provider, status_code=201, json={**_REFUND, **change})

    with pytest.raises(errors.UnexpectedResponseError) as caught:
        _refund(gateway)

    assert caught.value.effect in ("unknown", "done")


def test_unknown_words_are_kept_and_are_no_success(gateway: Gateway, provider: requests_mock.Mocker) -> None:
    """A status that is not in the table is UNKNOWN with the word itself, in invoices and payments."""
    paid = {"amount": "49.90", "currency": "EUR"}
    provider.get(f"{_URL}/v1/invoices/inv_1", json={**_INVOICE, "status": "settled", "received": paid})
    provider.get(f"{_URL}/v1/payments", json={"data": [{**_PAYMENT, "status": "on_hold"}], "next_cursor": None})

    report, (payment,) = _read(gateway), _list(gateway)

    assert (report.status, report.provider_status) == (InvoiceStatus.UNKNOWN, "settled")
    assert (payment.status, payment.raw["status"]) == (PaymentStatus.UNKNOWN, "on_hold")


def test_new_fields_are_ignored_and_kept(gateway: Gateway, provider: requests_mock.Mocker) -> None:
    """A sandbox of tomorrow may say more; it is in the raw answer."""
    _answer(provider, json={**_INVOICE, "risk": {"score": 7}})

    assert _read(gateway).raw["risk"] == {"score": 7}


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

"""Answers that do not fit, or say something else than was asked for, faked at the HTTP boundary."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests_mock

from gateway_core import (
    CaptureRequest,
    Gateway,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    PaymentStatus,
    RefundRequest,
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

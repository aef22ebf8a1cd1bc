"""What Bitsby refuses, and answers that do not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway_core import Gateway, InvoiceRequest, InvoiceStatus, Money
from gateway_core.errors import (
    AuthenticationError,
    GatewayError,
    PermissionDeniedError,
    ProviderError,
    ProviderUnavailableError,
    RateLimitedError,
    RejectedError,
    UnexpectedResponseError,
)

INVOICE = "ade9550d-3dc7-4fd3-b94e-3b4c12aaaa0c"
PAYMENT = "7d1e2f30-4b5c-4d6e-8f70-a1b2c3d4e5f6"
REQUEST = InvoiceRequest(order_id="1042", amount=Money("12.00", "USD"))

#: Bodies that are no answer of Bitsby's, whatever the HTTP status.
NONSENSE = {
    "nothing": b"",
    "page": b"<!DOCTYPE html><title>502 Bad Gateway</title>",
    "not UTF-8": b'{"result":"success","data":"\xff"}',
    "list": b"[]",
    "text": b'"success"',
    "no result": b'{"data":{}}',
    "no data": b'{"result":"success"}',
    "other result": b'{"result":"pending","data":{}}',
    "result of another type": b'{"result":true,"data":{}}',
    "twice": b'{"result":"error","result":"success","data":{}}',
    "deep": b'{"result":"success","data":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "long number": b'{"result":"success","data":' + b"9" * 5000 + b"}",
    "NaN": b'{"result":"success","data":NaN}',
}


@pytest.mark.parametrize("text", ["Requests too frequent", "requests too frequent.", "REQUESTS TOO FREQUENT"])
@pytest.mark.parametrize("status", [200, 429, 400])
def test_too_frequent_is_known_by_its_text(
    gateway: Gateway, answers: Callable[..., None], text: str, status: int
) -> None:
    """R3: the one documented error comes inside of HTTP 200, and nothing was done."""
    answers("invoices/create", b'{"result":"error","data":"%s"}' % text.encode(), status=status)

    with pytest.raises(RateLimitedError) as caught:
        gateway.create_invoice(REQUEST)

    assert caught.value.effect == "none"


def test_other_error_is_told_in_bitsbys_words(gateway: Gateway, answers: Callable[..., None]) -> None:
    """No other text is documented, so none is guessed at."""
    answers("invoices/create", b'{"result":"error","data":"Project is blocked"}')

    with pytest.raises(RejectedError, match="Project is blocked") as caught:
        gateway.create_invoice(REQUEST)

    assert (caught.value.effect, caught.value.http_status) == ("none", 200)


@pytest.mark.parametrize("data", [b"null", b"{}", b"[]", b'""', b"7"])
def test_error_without_a_text_is_one_all_the_same(gateway: Gateway, answers: Callable[..., None], data: bytes) -> None:
    """`result` decides."""
    answers("invoices/create", b'{"result":"error","data":%s}' % data)

    with pytest.raises(RejectedError, match="without a reason"):
        gateway.create_invoice(REQUEST)


@pytest.mark.parametrize(
    "status, error",
    [
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (400, RejectedError),
        (422, RejectedError),
        (500, ProviderUnavailableError),
        (503, ProviderUnavailableError),
    ],
)
@pytest.mark.parametrize("body", [b'{"result":"error","data":"No."}', b"<html>No.</html>"], ids=["envelope", "page"])
def test_http_status_tells_more_of_an_error(
    gateway: Gateway, answers: Callable[..., None], status: int, error: type[GatewayError], body: bytes
) -> None:
    """Which status comes with an error is not documented; where one does, it is believed."""
    answers("billing/balances", body, status=status)

    with pytest.raises(error) as caught:
        gateway.check_account()

    assert type(caught.value) is error


@pytest.mark.parametrize("status", [400, 402, 409, 503])
def test_success_beside_an_error_status_is_none(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes], status: int
) -> None:
    """The documentation says to decide by `result`; where the status says otherwise, nothing is delivered by it."""
    answers("invoices/list", example("paid"), status=status)

    with pytest.raises(ProviderError) as caught:
        gateway.get_status(INVOICE)

    assert caught.value.http_status == status


@pytest.mark.parametrize("body", NONSENSE.values(), ids=list(NONSENSE))
def test_nonsense_after_a_creation_leaves_it_open(gateway: Gateway, answers: Callable[..., None], body: bytes) -> None:
    """I6: an answer that is neither success nor refusal says nothing, so the invoice may exist."""
    answers("invoices/create", body)

    with pytest.raises(UnexpectedResponseError) as caught:
        gateway.create_invoice(REQUEST)

    assert caught.value.effect == "unknown"


@pytest.mark.parametrize(
    "changes",
    [
        {"uid": None},
        {"createDatetime": "2024-02-29T15:20:24Z"},
        {"createDatetime": "2024-02-30 15:20:24"},
        {"timeToPayDatetime": 1709219424},
        {"timeToPayDatetime": "٢٠٢٤-03-01 03:20:24"},
        {"url": "javascript:alert(1)"},
        {"url": ["https://dash.bitsby.app/"]},
        {"id": "1042"},
    ],
    ids=str,
)
def test_created_invoice_that_does_not_fit_is_kept_by_its_id(
    gateway: Gateway,
    tells: Callable[..., None],
    data_of: Callable[[str], Any],
    changes: dict[str, Any],
) -> None:
    """I6: Bitsby said success, so the invoice exists, and its id is not lost."""
    data = data_of("created") | changes
    tells("invoices/create", data)

    with pytest.raises(UnexpectedResponseError) as caught:
        gateway.create_invoice(REQUEST)

    assert (caught.value.effect, caught.value.invoice_id) == ("done", data["id"])


@pytest.mark.parametrize("data", [None, [], "success", 7, {}, {"id": 7}], ids=str)
def test_success_without_an_invoice_is_no_success(gateway: Gateway, tells: Callable[..., None], data: Any) -> None:
    """I6: nothing is made up for what is missing."""
    tells("invoices/create", data)

    with pytest.raises(UnexpectedResponseError) as caught:
        gateway.create_invoice(REQUEST)

    assert (caught.value.effect, caught.value.invoice_id) == ("unknown", None)


@pytest.mark.parametrize(
    "changes",
    [
        {"amountFiat": "12.005"},
        {"amountFiat": "1e400"},
        {"amountFiat": "12,00"},
        {"amountFiat": None},
        {"currencyFiat": "usd"},
        {"currencyFiat": "GBP"},
        {"status": None},
        {"status": ["paid"]},
        {"id": 7},
        {"projectId": None},
        {"serviceData": {"order_id": "1042"}},
        {"payment": []},
        {"payment": {"id": PAYMENT}},
    ],
    ids=str,
)
def test_listed_invoice_that_does_not_fit_is_refused(
    gateway: Gateway, tells: Callable[..., None], data_of: Callable[[str], Any], changes: dict[str, Any]
) -> None:
    """A field of another type, or an amount that cannot be, is never worked around."""
    tells("invoices/list", [data_of("paid")[0] | changes])

    with pytest.raises(UnexpectedResponseError) as caught:
        gateway.get_status(INVOICE)

    assert caught.value.effect == "none"


@pytest.mark.parametrize("field", ["id", "projectId", "amountFiat", "currencyFiat", "status"])
def test_missing_field_is_named(
    gateway: Gateway, tells: Callable[..., None], data_of: Callable[[str], Any], field: str
) -> None:
    """An operator who asks Bitsby's support needs to know what was missing."""
    (item,) = data_of("paid")
    del item[field]
    tells("invoices/list", [item])

    with pytest.raises(UnexpectedResponseError, match=f"{field}: missing"):
        gateway.get_status(INVOICE)


@pytest.mark.parametrize("data", [{}, "", None, 7, [[]], ["text"], [None]], ids=str)
def test_what_is_no_list_of_invoices_is_refused(gateway: Gateway, tells: Callable[..., None], data: Any) -> None:
    """An answer of another shape is not taken for an empty list."""
    tells("invoices/list", data)

    with pytest.raises(UnexpectedResponseError):
        gateway.get_status(INVOICE)


def test_fields_that_nobody_knows_are_ignored(
    gateway: Gateway, tells: Callable[..., None], data_of: Callable[[str], Any]
) -> None:
    """W10: Bitsby has added fields before."""
    tells("invoices/list", [data_of("paid")[0] | {"loyaltyPoints": 7}])

    assert gateway.get_status(INVOICE).status is InvoiceStatus.PAID

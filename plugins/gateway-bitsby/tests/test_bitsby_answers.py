"""What is made of Bitsby's answers: the documented ones, and those that nobody should send."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway_bitsby import InvoiceQuery
from gateway_core import AmountVerdict, Gateway, Invoice, InvoiceRequest, InvoiceStatus, Money, StatusReport
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
)

KEY = "made-up-key-0123456789-abcdefghijklmnop"
INVOICE = "ade9550d-3dc7-4fd3-b94e-3b4c12aaaa0c"
PAYMENT = "7d1e2f30-4b5c-4d6e-8f70-a1b2c3d4e5f6"
REQUEST = InvoiceRequest(order_id="1042", amount=Money("12.00", "USD"))

each_generation = pytest.mark.parametrize("generation", ["", "-older"], ids=["newer", "older"])

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


@each_generation
def test_invoice_is_created(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes], generation: str
) -> None:
    """The answer names no amount and no status: they are those asked for, and PENDING."""
    answers("invoices/create", example(f"created{generation}"))

    actual = gateway.create_invoice(REQUEST)

    assert actual == Invoice(
        id=INVOICE,
        order_id="1042",
        attempt=1,
        status=InvoiceStatus.PENDING,
        amount=Money("12.00", "USD"),
        payment_url="https://dash.bitsby.app/invoices/pay/MXNj4m8HhcM4",
        created_at=datetime(2024, 2, 29, 15, 20, 24, tzinfo=UTC),
        expires_at=datetime(2024, 3, 1, 3, 20, 24, tzinfo=UTC),
    )


def test_answer_is_kept_as_it_came(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes], data_of: Callable[[str], Any]
) -> None:
    """What the models have no place for, such as the reserved amounts, stands in `raw`."""
    answers("invoices/create", example("created"))

    assert gateway.create_invoice(REQUEST).raw == data_of("created")


@each_generation
@pytest.mark.parametrize(
    "name, status", [("unpaid", InvoiceStatus.PENDING), ("paid", InvoiceStatus.PAID)], ids=["unpaid", "paid"]
)
def test_status_is_reported(  # noqa: PLR0917  # as many fixtures as it needs
    gateway: Gateway,
    answers: Callable[..., None],
    example: Callable[[str], bytes],
    generation: str,
    name: str,
    status: InvoiceStatus,
) -> None:
    """What came is known in crypto only, so it is not compared with the fiat amount that is expected."""
    answers("invoices/list", example(f"{name}{generation}"))

    actual = gateway.get_status(INVOICE)

    expected = StatusReport(
        invoice_id=INVOICE,
        order_id="1042",
        attempt=1,
        status=status,
        expected=Money("12.00", "USD"),
        provider_status=name,
    )
    assert (actual, actual.received, actual.verdict) == (expected, None, AmountVerdict.UNKNOWN)


@pytest.mark.parametrize(
    "word, status",
    [
        ("unpaid", InvoiceStatus.PENDING),
        ("paid", InvoiceStatus.PAID),
        ("canceled", InvoiceStatus.CANCELED),
        ("expired", InvoiceStatus.EXPIRED),
        ("refunded", InvoiceStatus.UNKNOWN),
        ("PAID", InvoiceStatus.UNKNOWN),
        ("", InvoiceStatus.UNKNOWN),
    ],
)
def test_word_becomes_a_status(
    gateway: Gateway, tells: Callable[..., None], data_of: Callable[[str], Any], word: str, status: InvoiceStatus
) -> None:
    """W10: a word that is not in the documented list is kept, and never counts as success or failure."""
    tells("invoices/list", [data_of("unpaid")[0] | {"status": word}])

    report = gateway.get_status(INVOICE)

    assert (report.status, report.provider_status) == (status, word)


@pytest.mark.parametrize(
    "service_data, order_id",
    [
        ('{"order_id": "1042", "metadata": {"a": "b"}}', "1042"),
        ('{"order_id": 1042}', None),
        ("1042", None),
        ("not JSON", None),
        ("", None),
        ("[" * 100_000, None),
        (None, None),
    ],
    ids=["ours", "number", "text", "not JSON", "empty", "deep", "none"],
)
def test_order_id_is_known_only_from_our_own_service_data(
    gateway: Gateway,
    tells: Callable[..., None],
    data_of: Callable[[str], Any],
    service_data: str | None,
    order_id: str | None,
) -> None:
    """Other programs of the merchant write what they like there."""
    tells("invoices/list", [data_of("unpaid")[0] | {"serviceData": service_data}])

    assert gateway.get_status(INVOICE).order_id == order_id


def test_empty_list_means_not_found(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes]
) -> None:
    """Bitsby has no endpoint for one invoice: it gives a list."""
    answers("invoices/list", example("empty"))

    with pytest.raises(NotFoundError):
        gateway.get_status(INVOICE)


def test_invoice_of_another_project_is_not_found(
    gateway: Gateway, tells: Callable[..., None], data_of: Callable[[str], Any]
) -> None:
    """A key opens the whole account, and a gateway is one project of it."""
    tells("invoices/list", [data_of("paid")[0] | {"projectId": PAYMENT}])

    with pytest.raises(NotFoundError):
        gateway.get_status(INVOICE)


def test_another_invoice_than_asked_for_is_refused(
    gateway: Gateway, tells: Callable[..., None], data_of: Callable[[str], Any]
) -> None:
    """A filter that Bitsby ignored must not make somebody else's invoice pay for this one."""
    (paid,) = data_of("paid")
    tells("invoices/list", [paid | {"id": PAYMENT}], [paid, paid])

    for _ in range(2):
        with pytest.raises(UnexpectedResponseError, match="another invoice"):
            gateway.get_status(INVOICE)


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


def test_result_counts_more_than_the_http_status(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes]
) -> None:
    """The documentation says to decide by `result`."""
    answers("invoices/list", example("paid"), status=400)

    assert gateway.get_status(INVOICE).status is InvoiceStatus.PAID


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


def test_canceled_invoice_is_read_again(
    gateway: Gateway,
    answers: Callable[..., None],
    tells: Callable[..., None],
    example: Callable[[str], bytes],
    data_of: Callable[[str], Any],
) -> None:
    """The answer to a cancellation is a sentence; what is true afterwards is asked for."""
    answers("invoices/cancel", example("canceled"))
    tells("invoices/list", [data_of("unpaid")[0] | {"status": "canceled"}])

    assert gateway.cancel_invoice(INVOICE).status is InvoiceStatus.CANCELED


def test_bound_payment_makes_an_invoice_paid(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes]
) -> None:
    """The invoice is read again after its payment was bound."""
    answers("invoices/bindPayment", example("bound"))
    answers("invoices/list", example("paid"))

    report = gateway.run(gateway.provider.bind_payment(INVOICE, PAYMENT))

    assert report.status is InvoiceStatus.PAID


@pytest.mark.parametrize("body", [b'{"result":"error","data":"Requests too frequent"}', b"<html>", b"{}"])
def test_change_that_cannot_be_read_again_was_made(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes], body: bytes
) -> None:
    """An error after a success must not read as if nothing had happened."""
    answers("invoices/cancel", example("canceled"))
    answers("invoices/list", body)

    with pytest.raises(GatewayError) as caught:
        gateway.cancel_invoice(INVOICE)

    assert caught.value.effect == "done"


def test_refused_change_changed_nothing(gateway: Gateway, answers: Callable[..., None]) -> None:
    """An invoice whose page was opened cannot be canceled."""
    answers("invoices/cancel", b'{"result":"error","data":"Invoice was viewed"}')

    with pytest.raises(RejectedError, match="Invoice was viewed") as caught:
        gateway.cancel_invoice(INVOICE)

    assert caught.value.effect == "none"


def test_invoices_are_listed(gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes]) -> None:
    """A list names no pay page: its address is made of the `uid`."""
    answers("invoices/list", example("paid"))

    page = gateway.run(gateway.provider.list_invoices(InvoiceQuery()))

    (actual,) = page.items
    assert (actual.id, actual.status, actual.amount, actual.payment_url, page.next_cursor) == (
        INVOICE,
        InvoiceStatus.PAID,
        Money("12.00", "USD"),
        "https://dash.bitsby.app/invoices/pay/MXNj4m8HhcM4",
        None,
    )


def test_invoices_of_other_projects_are_left_out(
    gateway: Gateway, tells: Callable[..., None], data_of: Callable[[str], Any]
) -> None:
    """Whatever Bitsby's own filter let through."""
    tells("invoices/list", [data_of("paid")[0] | {"projectId": PAYMENT}])

    assert gateway.run(gateway.provider.list_invoices(InvoiceQuery())).items == ()


@pytest.mark.parametrize(
    "query",
    [
        InvoiceQuery(status="unpaid"),
        InvoiceQuery(uid="another"),
        InvoiceQuery(invoice_id="00000000-0000-4000-8000-000000000000"),
        InvoiceQuery(since=datetime(2024, 2, 29, 15, 20, 25, tzinfo=UTC)),
        InvoiceQuery(until=datetime(2024, 2, 29, 15, 20, 24, tzinfo=UTC)),
    ],
    ids=["status", "uid", "id", "since", "until"],
)
def test_filters_are_kept_here_too(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes], query: InvoiceQuery
) -> None:
    """What Bitsby's filters let through is filtered once more."""
    answers("invoices/list", example("paid"))

    assert gateway.run(gateway.provider.list_invoices(query)).items == ()


@pytest.mark.parametrize(
    "body",
    [
        b'{"result":"error","data":"The key %s is wrong"}' % KEY.encode(),
        b'{"result":"error","data":"Authorization: Token %s"}' % KEY[5:].encode(),
    ],
    ids=["whole", "part"],
)
def test_key_that_bitsby_repeats_is_in_no_text(gateway: Gateway, answers: Callable[..., None], body: bytes) -> None:
    """S1: a provider's words are scrubbed of our key."""
    answers("invoices/list", body)

    with pytest.raises(RejectedError) as caught:
        gateway.get_status(INVOICE)

    text = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert [KEY[start : start + 12] for start in range(len(KEY) - 11) if KEY[start : start + 12] in text] == []


def test_network_failure_keeps_the_key_and_the_order_out_of_its_text(gateway: Gateway, mocker: Any) -> None:
    """S2: what the HTTP library says of a failed request is replaced."""
    mocker.post("https://api.bitsby.app/invoices/create", exc=ConnectionResetError(f"Token {KEY} order 1042"))

    with pytest.raises(OutcomeUnknownError) as caught:
        gateway.create_invoice(REQUEST)

    text = "".join(traceback.format_exception(caught.value))
    assert (KEY in text, "order 1042" in text, caught.value.effect) == (False, False, "unknown")

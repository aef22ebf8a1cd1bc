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
    GatewayError,
    NotFoundError,
    OutcomeUnknownError,
    RejectedError,
    UnexpectedResponseError,
)

KEY = "made-up-key-0123456789-abcdefghijklmnop"
INVOICE = "ade9550d-3dc7-4fd3-b94e-3b4c12aaaa0c"
PAYMENT = "7d1e2f30-4b5c-4d6e-8f70-a1b2c3d4e5f6"
REQUEST = InvoiceRequest(order_id="1042", amount=Money("12.00", "USD"))

each_generation = pytest.mark.parametrize("generation", ["", "-older"], ids=["newer", "older"])


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

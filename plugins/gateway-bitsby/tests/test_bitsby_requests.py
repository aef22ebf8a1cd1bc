"""What is sent to Bitsby, byte for byte where it matters, and what is refused before."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest

from gateway_bitsby import BitsbyOptions, InvoiceQuery
from gateway_core import Currency, Gateway, HttpRequest, InvoiceRequest, Money
from gateway_core.errors import ConfigurationError, InvalidRequestError, NotFoundError
from gateway_core.testing import fields_of

KEY = "made-up-key-0123456789-abcdefghijklmnop"
PROJECT = "1c48b092-9878-48f5-b441-07a8a48e7b54"
INVOICE = "ade9550d-3dc7-4fd3-b94e-3b4c12aaaa0c"
PAYMENT = "7d1e2f30-4b5c-4d6e-8f70-a1b2c3d4e5f6"

Sent = Callable[[], list[HttpRequest]]


@pytest.fixture(autouse=True)
def _everything_is_answered(answers: Callable[..., None], example: Callable[[str], bytes]) -> None:
    answers("invoices/create", example("created"))
    answers("invoices/list", example("paid"))
    answers("invoices/cancel", example("canceled"))
    answers("invoices/bindPayment", example("bound"))
    answers("payments/list", example("payments"))
    answers("billing/balances", example("balances"))


def request(**changes: Any) -> InvoiceRequest:
    """Return a request with no more than is needed."""
    return InvoiceRequest(**{"order_id": "1042", "amount": Money("12.00", "USD"), **changes})


def test_invoice_is_created_with_these_bytes(gateway: Gateway, sent: Sent) -> None:
    """A flow is deterministic, so the whole body can be written down: multipart, as in the documentation."""
    gateway.create_invoice(request(description="Käse", metadata={"cart": "7"}))

    (actual,) = sent()
    kind, _, boundary = actual.headers["Content-Type"].partition("; boundary=")
    service_data = '{"order_id": "1042", "metadata": {"cart": "7"}}'
    fields = {
        "projectId": PROJECT,
        "amountFiat": "12.00",
        "currencyFiat": "USD",
        "timeToPay": "12",
        "serviceData": service_data,
        "description": "Käse",
    }
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    assert (kind, actual.body.decode()) == ("multipart/form-data", f"{''.join(parts)}--{boundary}--\r\n")


@pytest.mark.parametrize(
    "call, path, fields",
    [
        (lambda gateway: gateway.get_status(INVOICE), "invoices/list", {"invoiceId": INVOICE, "limit": "1"}),
        (lambda gateway: list(gateway.list_payments()), "payments/list", {"offset": "0", "limit": "10"}),
        (lambda gateway: gateway.check_account(), "billing/balances", {}),
        (lambda gateway: gateway.cancel_invoice(INVOICE), "invoices/cancel", {"invoiceId": INVOICE}),
        (
            lambda gateway: gateway.run(gateway.provider.bind_payment(INVOICE, PAYMENT)),
            "invoices/bindPayment",
            {"invoiceId": INVOICE, "paymentId": PAYMENT},
        ),
        (
            lambda gateway: gateway.find_invoice("1042"),
            "invoices/list",
            {"projectId": PROJECT, "offset": "0", "limit": "10"},
        ),
        (
            lambda gateway: gateway.run(gateway.provider.list_invoices(InvoiceQuery(status="paid", page_size=5))),
            "invoices/list",
            {"projectId": PROJECT, "status": "paid", "offset": "0", "limit": "5"},
        ),
    ],
    ids=["get_status", "list_payments", "check_account", "cancel_invoice", "bind", "find_invoice", "list_invoices"],
)
def test_operation_asks_for(
    gateway: Gateway, sent: Sent, call: Callable[[Gateway], Any], path: str, fields: dict[str, str]
) -> None:
    """Every request is a POST with the key and the documented fields."""
    call(gateway)

    first = sent()[0]
    actual = (first.method, urlsplit(first.url).path, first.headers["Authorization"], fields_of(first))
    assert actual == ("POST", f"/{path}", f"Token {KEY}", fields)


def test_request_without_fields_has_no_body(gateway: Gateway, sent: Sent) -> None:
    """An empty form has nothing to be written as."""
    gateway.check_account()

    (actual,) = sent()
    assert ("Content-Type" in actual.headers, actual.body) == (False, b"")


@pytest.mark.parametrize(
    "call, expected",
    [
        (lambda provider: provider.create_invoice(request=request(options=BitsbyOptions())), False),
        (lambda provider: provider.cancel_invoice(INVOICE), False),
        (lambda provider: provider.bind_payment(INVOICE, PAYMENT), False),
        (lambda provider: provider.get_status(INVOICE), True),
        (lambda provider: provider.find_invoice("1042", 1, None), True),
        (lambda provider: provider.check_account(), True),
    ],
    ids=["create_invoice", "cancel_invoice", "bind_payment", "get_status", "find_invoice", "check_account"],
)
def test_only_reads_are_safe(gateway: Gateway, call: Callable[[Any], Any], expected: bool) -> None:
    """R3: every request is a POST, so what may be repeated has to be said."""
    assert next(call(gateway.provider)).safe is expected


@pytest.mark.parametrize(
    "amount, text",
    [
        (Money("0.01", "USD"), "0.01"),
        (Money("10.5", "EUR"), "10.50"),
        (Money(100, "RUB"), "100.00"),
        (Money("9999999999999.99", "USD"), "9999999999999.99"),
        (Money("12.0000", Currency("USD", 4)), "12.00"),
    ],
    ids=str,
)
def test_amount_is_written_in_plain_digits(gateway: Gateway, sent: Sent, amount: Money, text: str) -> None:
    """M5: two decimals and a dot, never a float's own idea of the number."""
    gateway.create_invoice(request(amount=amount))

    assert fields_of(sent()[0])["amountFiat"] == text


@pytest.mark.parametrize(
    "amount, reason",
    [
        (Money("1", "GBP"), "makes no invoice in GBP"),
        (Money("0.001", Currency("USD", 4)), "not a whole number"),
        (Money("90071992547409.93", "USD"), "floating-point"),
    ],
    ids=["currency", "a tenth of a cent", "not a double"],
)
def test_amount_that_bitsby_cannot_take_is_refused(gateway: Gateway, sent: Sent, amount: Money, reason: str) -> None:
    """M2, M5: nothing is rounded, here or at Bitsby, which reads a floating-point number."""
    with pytest.raises(InvalidRequestError, match=reason):
        gateway.create_invoice(request(amount=amount))

    assert sent() == []


@pytest.mark.parametrize(
    "settings, changes, expected",
    [
        ({}, {}, "12"),
        ({"time_to_pay": "0.5"}, {}, "0.5"),
        ({"time_to_pay": 3}, {}, "3"),
        ({}, {"options": {"time_to_pay": "6"}}, "6"),
        ({"time_to_pay": "3"}, {"options": {"time_to_pay": Decimal("0.5")}}, "0.5"),
        ({}, {"expires_in": timedelta(minutes=30)}, "0.5"),
        ({}, {"expires_in": timedelta(hours=6)}, "6"),
        ({}, {"expires_in": timedelta(hours=6), "options": {"time_to_pay": "6"}}, "6"),
    ],
)
def test_time_to_pay_is_one_of_bitsbys_words(
    connect: Callable[..., Gateway], sent: Sent, settings: dict[str, Any], changes: dict[str, Any], expected: str
) -> None:
    """The request's own time comes before the option, and the option before the setting."""
    connect(**settings).create_invoice(request(**changes))

    assert fields_of(sent()[0])["timeToPay"] == expected


@pytest.mark.parametrize(
    "changes, error",
    [
        ({"expires_in": timedelta(hours=2)}, InvalidRequestError),
        ({"expires_in": timedelta(hours=12, seconds=1)}, InvalidRequestError),
        ({"expires_in": timedelta(hours=1), "options": {"time_to_pay": "3"}}, InvalidRequestError),
        ({"options": {"time_to_pay": "2"}}, ConfigurationError),
        ({"options": {"timeToPay": "3"}}, ConfigurationError),
    ],
)
def test_time_to_pay_that_is_none_of_bitsbys_is_refused(
    gateway: Gateway, sent: Sent, changes: dict[str, Any], error: type[Exception]
) -> None:
    """A duration is never rounded to one that was not asked for."""
    with pytest.raises(error):
        gateway.create_invoice(request(**changes))

    assert sent() == []


@pytest.mark.parametrize("order_id", ["1042", 'a "quoted" \\ one', "заказ № 7", "{}"])
def test_order_id_is_kept_in_the_service_data(gateway: Gateway, sent: Sent, order_id: str) -> None:
    """I4: our reference stands where Bitsby gives it back, as JSON in plain ASCII."""
    gateway.create_invoice(request(order_id=order_id))

    kept = fields_of(sent()[0])["serviceData"]
    assert (kept.isascii(), json.loads(kept)) == (True, {"order_id": order_id})


def test_same_request_sends_the_same_bytes(gateway: Gateway, sent: Sent) -> None:
    """Nothing in a flow is random."""
    for _ in range(2):
        gateway.create_invoice(request(metadata={"b": "2", "a": "1"}))

    first, second = sent()
    assert (first.body, first.headers) == (second.body, second.headers)


def test_dates_are_widened_by_a_day(gateway: Gateway, sent: Sent) -> None:
    """In which zone Bitsby counts its days is unknown, so more is asked for than wanted."""
    hours = timedelta(hours=1)
    since, until = datetime(2030, 1, 1, tzinfo=UTC) + hours, datetime(2030, 1, 31, tzinfo=UTC) - hours

    list(gateway.list_payments(since=since, until=until))

    fields = fields_of(sent()[0])
    assert (fields["startDate"], fields["endDate"]) == ("2029-12-31", "2030-01-31")


def test_invoices_are_asked_for_with_every_documented_filter(gateway: Gateway, sent: Sent) -> None:
    """Bitsby filters first, and what it lets through is filtered exactly here."""
    query = InvoiceQuery(
        invoice_id=INVOICE,
        uid="MXNj4m8HhcM4",
        status="paid",
        since=datetime(2030, 1, 2, tzinfo=UTC),
        until=datetime(2030, 1, 30, tzinfo=UTC),
        page_size=7,
        cursor="14",
    )
    gateway.run(gateway.provider.list_invoices(query))

    assert fields_of(sent()[0]) == {
        "projectId": PROJECT,
        "invoiceId": INVOICE,
        "invoiceUid": "MXNj4m8HhcM4",
        "status": "paid",
        "startDate": "2030-01-01",
        "endDate": "2030-01-31",
        "offset": "14",
        "limit": "7",
    }


def test_dates_at_the_ends_of_the_calendar_are_left_out(gateway: Gateway, sent: Sent) -> None:
    """A filter that cannot be written is none: all is filtered here anyway."""
    list(gateway.list_payments(since=datetime.min.replace(tzinfo=UTC), until=datetime.max.replace(tzinfo=UTC)))

    assert {"startDate", "endDate"}.isdisjoint(fields_of(sent()[0]))


@pytest.mark.parametrize("invoice_id", ["1042", f"{INVOICE} ", f"{INVOICE}\r\n", "../create", "ade9550d"])
def test_what_is_no_id_of_bitsbys_is_not_sent(gateway: Gateway, sent: Sent, invoice_id: str) -> None:
    """S8: Bitsby's ids are UUIDs, so it cannot know any other."""
    with pytest.raises(NotFoundError):
        gateway.get_status(invoice_id)
    with pytest.raises(NotFoundError):
        gateway.cancel_invoice(invoice_id)
    with pytest.raises(NotFoundError):
        gateway.run(gateway.provider.bind_payment(invoice_id, PAYMENT))
    with pytest.raises(NotFoundError):
        gateway.run(gateway.provider.bind_payment(INVOICE, invoice_id))

    assert (list(gateway.list_payments(invoice_id="1042")), sent()) == ([], [])


@pytest.mark.parametrize(
    "wrong",
    [{"status": "open"}, {"since": datetime(2030, 1, 1)}, {"page_size": 0}, {"invoice_id": "1042"}],  # noqa: DTZ001  # without a zone on purpose
    ids=["status", "no zone", "page size", "id"],
)
def test_query_for_invoices_is_checked(wrong: dict[str, Any]) -> None:
    """What Bitsby could not understand is refused first."""
    with pytest.raises(InvalidRequestError):
        InvoiceQuery(**wrong)


@pytest.mark.parametrize("cursor", ["", "-1", "1.5", "x", "٣", "9" * 10])
def test_cursor_of_somebody_else_is_refused(gateway: Gateway, sent: Sent, cursor: str) -> None:
    """A cursor is opaque to applications, and checked all the same."""
    with pytest.raises(InvalidRequestError):
        gateway.run(gateway.provider.list_invoices(InvoiceQuery(cursor=cursor)))

    assert sent() == []

"""Every word of the documentation, and what becomes of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests_mock

from gateway_btcpay import mapping
from gateway_core import (
    Currency,
    Gateway,
    HttpRequest,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    PaymentStatus,
    RefundRequest,
    RefundStatus,
)
from gateway_core.errors import (
    AuthenticationError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RejectedError,
    UnexpectedResponseError,
)
from gateway_core.models import Address, AmountVerdict, Customer

STORE = "https://btcpay.example/api/v1/stores/S1"
INVOICE = f"{STORE}/invoices/Hx9AbCdEfGh"

Document = Callable[..., Any]
Sent = Callable[[], list[HttpRequest]]

#: The table of the provider's facts: both words, what was counted, which payments there are, and what we say.
TABLE = [
    ("New", "None", "0", None, InvoiceStatus.PENDING, AmountVerdict.NONE),
    ("New", "PaidPartial", "5.00", "Settled", InvoiceStatus.PARTIALLY_PAID, AmountVerdict.UNDER),
    ("New", "PaidPartial", "5.00", "Processing", InvoiceStatus.PENDING, AmountVerdict.NONE),
    ("Processing", "None", "12.50", None, InvoiceStatus.PENDING, AmountVerdict.UNKNOWN),
    ("Processing", "PaidOver", "15.00", None, InvoiceStatus.PENDING, AmountVerdict.UNKNOWN),
    ("Settled", "None", "12.50", None, InvoiceStatus.PAID, AmountVerdict.EXACT),
    ("Settled", "None", "12.50000000", None, InvoiceStatus.PAID, AmountVerdict.EXACT),
    ("Settled", "None", "12.40", None, InvoiceStatus.PARTIALLY_PAID, AmountVerdict.UNDER),
    ("Settled", "None", None, None, InvoiceStatus.PAID, AmountVerdict.UNKNOWN),
    ("Settled", "PaidOver", "15.00", None, InvoiceStatus.OVERPAID, AmountVerdict.OVER),
    ("Settled", "Marked", "0", None, InvoiceStatus.PAID, AmountVerdict.UNKNOWN),
    ("Settled", "Marked", "5.00", None, InvoiceStatus.PAID, AmountVerdict.UNKNOWN),
    ("Expired", "None", "0", None, InvoiceStatus.EXPIRED, AmountVerdict.NONE),
    ("Expired", "PaidPartial", "5.00", "Settled", InvoiceStatus.EXPIRED, AmountVerdict.UNDER),
    ("Expired", "PaidLate", "12.50", None, InvoiceStatus.EXPIRED, AmountVerdict.UNKNOWN),
    ("Invalid", "None", "12.50", None, InvoiceStatus.FAILED, AmountVerdict.UNKNOWN),
    ("Invalid", "PaidOver", "15.00", None, InvoiceStatus.FAILED, AmountVerdict.UNKNOWN),
    ("Invalid", "Marked", "0", None, InvoiceStatus.CANCELED, AmountVerdict.UNKNOWN),
    # Words that are documented and never seen together, or not documented at all.
    ("New", "Invalid", "0", None, InvoiceStatus.UNKNOWN, AmountVerdict.UNKNOWN),
    ("Settled", "Refunded", "12.50", None, InvoiceStatus.UNKNOWN, AmountVerdict.UNKNOWN),
    ("settled", "None", "12.50", None, InvoiceStatus.UNKNOWN, AmountVerdict.UNKNOWN),
    ("Complete", "None", "12.50", None, InvoiceStatus.UNKNOWN, AmountVerdict.UNKNOWN),
]


@pytest.mark.parametrize("status, additional, paid, payment, expected, verdict", TABLE)
def test_words_mean_what_the_table_says(
    *,
    status: str,
    additional: str,
    paid: str | None,
    payment: str | None,
    expected: InvoiceStatus,
    verdict: AmountVerdict,
    mocker: requests_mock.Mocker,
    gateway: Gateway,
    document: Document,
) -> None:
    """Money that may still fail has not come, and an amount stands against the word that says paid."""
    mocker.get(
        INVOICE, json=document("invoice", {"status": status, "additionalStatus": additional, "paidAmount": paid})
    )
    methods = document("payment-methods")
    methods[0]["payments"][0]["status"] = payment
    mocker.get(f"{INVOICE}/payment-methods?onlyAccountedPayments=true", json=methods)

    report = gateway.get_status("Hx9AbCdEfGh")

    assert (report.status, report.verdict, report.provider_status) == (expected, verdict, status)
    assert (report.order_id, report.attempt, report.expected) == ("order-1001", 1, Money("12.50", "EUR"))


def test_table_has_every_pair() -> None:
    """No pair of the mapping is left out of the table above."""
    assert set(mapping.STATUSES) <= {(status, additional) for status, additional, *_ in TABLE}


def test_part_with_payments_of_both_kinds_is_unknown(
    mocker: requests_mock.Mocker, gateway: Gateway, document: Document
) -> None:
    """One payment has settled and one may still fail: how much came is not said."""
    changes = {"additionalStatus": "PaidPartial", "paidAmount": "5.00"}
    mocker.get(INVOICE, json=document("invoice", changes))
    methods = document("payment-methods")
    methods[0]["payments"].append({**methods[0]["payments"][0], "id": "txid-1", "status": "Processing"})
    mocker.get(f"{INVOICE}/payment-methods", json=methods)

    report = gateway.get_status("Hx9AbCdEfGh")

    assert (report.status, report.received) == (InvoiceStatus.PENDING, None)


def test_creation_sends_what_the_shop_said(
    mocker: requests_mock.Mocker, gateway: Gateway, document: Document, sent: Sent
) -> None:
    """Every field that `info` honours has its place, and the shop's own texts cannot take that of the order."""
    mocker.post(f"{STORE}/invoices", json=document("invoice", {"metadata": {"orderId": "order-1001~2"}}))
    request = InvoiceRequest(
        order_id="order-1001",
        attempt=2,
        amount=Money("12.50", "EUR"),
        description="Two tickets",
        return_url="https://shop.example/back",
        locale="de-DE",
        expires_in=timedelta(minutes=30),
        metadata={"orderId": "another", "cart": "7"},
        customer=Customer(
            email="ada@example.com",
            name="Ada Lovelace",
            address=Address(line1="1 Main Street", city="Springfield", country="US", postal_code="01101"),
        ),
        options={"speed_policy": "LowSpeed", "payment_methods": ["BTC-CHAIN"]},
    )

    invoice = gateway.create_invoice(request)

    [asked] = sent()
    assert asked.method == "POST"
    assert asked.headers["Authorization"] == "token made-up-key-0123456789"
    assert json.loads(asked.body) == {
        "amount": "12.50",
        "currency": "EUR",
        "metadata": {
            "orderId": "order-1001~2",
            "itemDesc": "Two tickets",
            "buyerName": "Ada Lovelace",
            "buyerEmail": "ada@example.com",
            "buyerAddress1": "1 Main Street",
            "buyerCity": "Springfield",
            "buyerZip": "01101",
            "buyerCountry": "US",
            "shop": {"orderId": "another", "cart": "7"},
        },
        "checkout": {
            "expirationMinutes": 30,
            "redirectURL": "https://shop.example/back",
            "defaultLanguage": "de-DE",
            "speedPolicy": "LowSpeed",
            "paymentMethods": ["BTC-CHAIN"],
        },
    }
    assert (invoice.order_id, invoice.attempt) == ("order-1001", 2)
    assert invoice.payment_url == "https://pay.example.org/i/Hx9AbCdEfGh"
    assert invoice.expires_at == datetime(2030, 1, 1, 0, 15, tzinfo=UTC)


@pytest.mark.parametrize("seconds", [30, 61, 90])
def test_time_to_pay_is_whole_minutes(seconds: int, gateway: Gateway) -> None:
    """The server counts in minutes: a time that is none is refused, never rounded."""
    request = InvoiceRequest(order_id="1", amount=Money("12.50", "EUR"), expires_in=timedelta(seconds=seconds))

    with pytest.raises(InvalidRequestError):
        gateway.create_invoice(request)


@pytest.mark.parametrize(
    "amount, written",
    [
        (Money("0.00012345", "BTC"), "0.00012345"),
        (Money(12345, Currency("SATS", 0)), "12345"),
        (Money(1500, "JPY"), "1500"),
        (Money("1.234", "KWD"), "1.234"),
        (Money("99999999999999.99", "EUR"), "99999999999999.99"),
    ],
)
def test_amounts_arrive_and_come_back_exactly(
    *, amount: Money, written: str, mocker: requests_mock.Mocker, gateway: Gateway, document: Document, sent: Sent
) -> None:
    """Amounts are texts in both directions; satoshis are a currency of the server's own."""
    answer = document("invoice", {"amount": written, "currency": amount.currency, "metadata": {"orderId": "1"}})
    mocker.post(f"{STORE}/invoices", json=answer)
    mocker.get(INVOICE, json={**answer, "status": "Settled", "paidAmount": written})

    invoice = gateway.create_invoice(InvoiceRequest(order_id="1", amount=amount))
    report = gateway.get_status(invoice.id)

    assert f'"amount": "{written}"'.encode() in sent()[0].body
    assert (invoice.amount, report.received, report.status) == (amount, amount, InvoiceStatus.PAID)


def test_payments_of_an_invoice(mocker: requests_mock.Mocker, gateway: Gateway, document: Document) -> None:
    """Each payment is told in the currency that it was made in; the finest of Lightning is kept."""
    methods = document("payment-methods")
    one = methods[0]["payments"][0]
    methods.append(
        {
            **methods[0],
            "paymentMethodId": "BTC-LN",
            "payments": [{**one, "id": "hash-1", "value": "0.00000001234", "receivedDate": 1893456050}],
        }
    )
    methods[0]["payments"].append({**one, "id": "txid-1", "status": "Invalid", "receivedDate": 1893456200})
    mocker.get(f"{INVOICE}/payment-methods?onlyAccountedPayments=false", json=methods)

    payments = list(gateway.list_payments(invoice_id="Hx9AbCdEfGh"))

    assert [(each.id, each.status) for each in payments] == [
        ("hash-1", PaymentStatus.CONFIRMED),
        ("txid-0", PaymentStatus.CONFIRMED),
        ("txid-1", PaymentStatus.FAILED),
    ]
    assert payments[0].amount is not None
    assert payments[1].amount is not None
    assert f"{payments[0].amount.amount:f}" == "0.00000001234"
    assert payments[1].amount == Money("0.00025", "BTC")


def test_refund_is_a_page_to_claim(mocker: requests_mock.Mocker, gateway: Gateway, sent: Sent) -> None:
    """Nothing has gone back before the buyer claims it."""
    pull = {"id": "P1", "currency": "EUR", "amount": "5.00", "viewLink": f"{STORE}/p/P1", "startsAt": 1893456000}
    mocker.post(f"{INVOICE}/refund", json=pull)

    refund = gateway.refund_payment(
        RefundRequest(refund_id="r-1", invoice_id="Hx9AbCdEfGh", amount=Money("5", "EUR"), reason="One came back")
    )

    assert (refund.id, refund.status, refund.amount) == ("P1", RefundStatus.PENDING, Money("5.00", "EUR"))
    assert refund.references == {"claim_url": f"{STORE}/p/P1"}
    assert json.loads(sent()[0].body) == {
        "refundVariant": "Custom",
        "customAmount": "5.00",
        "customCurrency": "EUR",
        "name": "Refund r-1",
        "description": "One came back",
    }


def test_refund_of_another_amount_is_not_taken_for_ours(mocker: requests_mock.Mocker, gateway: Gateway) -> None:
    """The refund was made, so the error says that something may have happened."""
    pull = {"id": "P1", "currency": "EUR", "amount": "50.00", "viewLink": f"{STORE}/p/P1"}
    mocker.post(f"{INVOICE}/refund", json=pull)

    with pytest.raises(UnexpectedResponseError) as caught:
        gateway.refund_payment(RefundRequest(refund_id="r-1", invoice_id="Hx9AbCdEfGh", amount=Money("5", "EUR")))

    assert caught.value.effect == "unknown"


@pytest.mark.parametrize(
    "status, body, error, text",
    [
        (401, {"code": "unauthenticated", "message": "no key"}, AuthenticationError, "no key"),
        (404, {"code": "invoice-not-found", "message": "The invoice was not found"}, NotFoundError, "not found"),
        (
            422,
            [{"path": "Amount", "message": "too small"}, {"path": "Checkout.PaymentMethods[0]", "message": "unknown"}],
            RejectedError,
            "Amount: too small; Checkout.PaymentMethods[0]: unknown",
        ),
        (400, {"code": None, "message": "no wallet"}, RejectedError, "no wallet"),
        (400, {"message": "no rate"}, RejectedError, "no rate"),
        (403, {"code": "forbidden", "message": "blocked by a proxy"}, PermissionDeniedError, "proxy"),
        (403, {"code": "missing-permission", "message": "no", "missingPermission": "p"}, NotFoundError, "permission p"),
    ],
)
def test_refusals_are_told_in_the_servers_words(
    *,
    status: int,
    body: Any,
    error: type[Exception],
    text: str,
    mocker: requests_mock.Mocker,
    gateway: Gateway,
) -> None:
    """Both forms of a refusal are read; a permission that is missing for one invoice means that it is not there."""
    mocker.get(INVOICE, json=body, status_code=status)

    with pytest.raises(error, match=text.replace("[", r"\[").replace("]", r"\]")) as caught:
        gateway.get_status("Hx9AbCdEfGh")

    if isinstance(caught.value, NotFoundError):
        assert caught.value.gone, "the server deletes invoices: absence is no proof that there was none"


def test_key_without_rights_shows_in_a_list(mocker: requests_mock.Mocker, gateway: Gateway) -> None:
    """The check of the account lists, for there a missing permission means the key."""
    refusal = {"code": "missing-permission", "message": "no", "missingPermission": "btcpay.store.canviewinvoices"}
    mocker.get(f"{STORE}/invoices", json=refusal, status_code=403)

    with pytest.raises(PermissionDeniedError, match=r"btcpay\.store\.canviewinvoices"):
        gateway.check_account()


def test_answer_about_another_store_is_refused(
    mocker: requests_mock.Mocker, gateway: Gateway, document: Document
) -> None:
    """An invoice of another store is none of ours, whatever its id."""
    mocker.get(INVOICE, json=document("invoice", {"storeId": "S2"}))

    with pytest.raises(UnexpectedResponseError, match="another store"):
        gateway.get_status("Hx9AbCdEfGh")


def test_several_invoices_of_one_order_are_an_error(
    mocker: requests_mock.Mocker, gateway: Gateway, document: Document
) -> None:
    """The server does not keep two invoices from having one order: which one counts is not ours to choose."""
    mocker.get(f"{STORE}/invoices", json=[document("invoice"), document("invoice", {"id": "Another"})])

    with pytest.raises(UnexpectedResponseError, match="several invoices"):
        gateway.find_invoice("order-1001")


def test_invoice_of_another_order_is_not_found(
    mocker: requests_mock.Mocker, gateway: Gateway, document: Document
) -> None:
    """The filter is the server's; what it gives is compared all the same, letter by letter."""
    mocker.get(f"{STORE}/invoices", json=[document("invoice")])

    assert gateway.find_invoice("Order-1001") is None
    assert gateway.find_invoice("order-1001", attempt=2) is None
    found = gateway.find_invoice("order-1001")
    assert found is not None
    assert found.id == "Hx9AbCdEfGh"


def test_paid_invoice_is_not_canceled(mocker: requests_mock.Mocker, gateway: Gateway, document: Document) -> None:
    """The server would mark an invoice as invalid whose money is on its way."""
    mocker.get(INVOICE, json=document("invoice", {"status": "Processing"}))

    with pytest.raises(RejectedError, match="Processing"):
        gateway.cancel_invoice("Hx9AbCdEfGh")

    assert [each.method for each in mocker.request_history] == ["GET"]


def test_webhook_is_registered_with_its_secret(mocker: requests_mock.Mocker, gateway: Gateway, sent: Sent) -> None:
    """The secret that the server makes is told in this answer only, and printed nowhere."""
    url = "https://shop.example/webhooks/btcpay"
    mocker.post(f"{STORE}/webhooks", json={"id": "W1", "url": url, "enabled": True, "secret": "made-at-the-server"})

    registration = gateway.register_webhook(url)

    assert registration.secret is not None
    assert registration.secret.reveal() == "made-at-the-server"
    assert "made-at-the-server" not in repr(registration)
    assert b'"everything": true' in sent()[0].body

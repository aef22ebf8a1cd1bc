"""Every word of the documentation, and what becomes of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests_mock

from gateway_core import (
    CaptureRequest,
    CaptureStatus,
    Gateway,
    HttpRequest,
    InvoiceRequest,
    InvoiceStatus,
    LineItem,
    Money,
    PaymentStatus,
    RefundRequest,
    RefundStatus,
    Secret,
)
from gateway_core.errors import (
    AuthenticationError,
    ConfigurationError,
    GatewayError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    ProviderUnavailableError,
    RejectedError,
)
from gateway_paypal import PayPalSettings, mapping

API = "https://api-m.sandbox.paypal.com"
ORDERS = f"{API}/v2/checkout/orders"
ORDER_ID = "7AB12345CD678901E"
ORDER = f"{ORDERS}/{ORDER_ID}"
CAPTURE_ID = "3CP00000AA1111111"

Order = Callable[..., dict[str, Any]]
Sent = Callable[[], list[HttpRequest]]


def money(status: str, value: str = "12.30", number: str = CAPTURE_ID, **more: Any) -> dict[str, Any]:
    """Return a capture, an authorization or a refund."""
    return {"id": number, "status": status, "amount": {"currency_code": "EUR", "value": value}, **more}


def asked(**changes: Any) -> InvoiceRequest:
    """Return a request with changes."""
    return InvoiceRequest(**{"order_id": "shop-7781", "amount": Money("12.30", "EUR"), **changes})


#: An order's status and money, and what they mean: the status, what came, and the word that says so.
TABLE = [
    ("CREATED", {}, InvoiceStatus.PENDING, "0", "CREATED"),
    ("SAVED", {}, InvoiceStatus.PENDING, "0", "SAVED"),
    ("PAYER_ACTION_REQUIRED", {}, InvoiceStatus.PENDING, "0", "PAYER_ACTION_REQUIRED"),
    ("APPROVED", {}, InvoiceStatus.APPROVED, "0", "APPROVED"),
    ("VOIDED", {}, InvoiceStatus.CANCELED, "0", "VOIDED"),
    ("FINISHED", {}, InvoiceStatus.UNKNOWN, "0", "FINISHED"),
    ("COMPLETED", {}, InvoiceStatus.UNKNOWN, "0", "COMPLETED"),
    ("COMPLETED", {"captures": [money("COMPLETED")]}, InvoiceStatus.PAID, "12.30", "COMPLETED"),
    ("COMPLETED", {"captures": [money("PENDING")]}, InvoiceStatus.PENDING, "0", "PENDING"),
    ("COMPLETED", {"captures": [money("DECLINED")]}, InvoiceStatus.FAILED, "0", "DECLINED"),
    ("COMPLETED", {"captures": [money("FAILED")]}, InvoiceStatus.FAILED, "0", "FAILED"),
    ("COMPLETED", {"captures": [money("TAKEN")]}, InvoiceStatus.UNKNOWN, "0", "TAKEN"),
    (
        "COMPLETED",
        {"captures": [money("DECLINED"), money("COMPLETED", number="3CP00000AA2222222")]},
        InvoiceStatus.PAID,
        "12.30",
        "COMPLETED",
    ),
    (
        "COMPLETED",
        {"captures": [money("PARTIALLY_REFUNDED")], "refunds": [money("COMPLETED", "2.30", "1RF")]},
        InvoiceStatus.PARTIALLY_REFUNDED,
        "12.30",
        "PARTIALLY_REFUNDED",
    ),
    (
        "COMPLETED",
        {"captures": [money("COMPLETED")], "refunds": [money("PENDING", "2.30", "1RF")]},
        InvoiceStatus.PAID,
        "12.30",
        "COMPLETED",
    ),
    (
        "COMPLETED",
        {"captures": [money("REFUNDED")], "refunds": [money("COMPLETED", "12.30", "1RF")]},
        InvoiceStatus.REFUNDED,
        "12.30",
        "REFUNDED",
    ),
    ("COMPLETED", {"authorizations": [money("CREATED")]}, InvoiceStatus.AUTHORIZED, "0", "CREATED"),
    ("COMPLETED", {"authorizations": [money("PENDING")]}, InvoiceStatus.PENDING, "0", "PENDING"),
    ("COMPLETED", {"authorizations": [money("DENIED")]}, InvoiceStatus.FAILED, "0", "DENIED"),
    ("COMPLETED", {"authorizations": [money("VOIDED")]}, InvoiceStatus.CANCELED, "0", "VOIDED"),
    ("COMPLETED", {"authorizations": [money("HELD")]}, InvoiceStatus.UNKNOWN, "0", "HELD"),
    (
        "COMPLETED",
        {"authorizations": [money("CAPTURED")], "captures": [money("COMPLETED", "5.00")]},
        InvoiceStatus.PARTIALLY_PAID,
        "5.00",
        "COMPLETED",
    ),
]


@pytest.mark.parametrize("word, payments, status, received, told", TABLE)
def test_words_mean_what_the_table_says(
    *,
    word: str,
    payments: dict[str, Any],
    status: InvoiceStatus,
    received: str,
    told: str,
    mocker: requests_mock.Mocker,
    gateway: Gateway,
    order: Order,
) -> None:
    """A completed order says nothing of its money: the money's own status counts."""
    mocker.get(ORDER, json=order(word, **payments))

    report = gateway.get_status(ORDER_ID)

    assert (report.status, report.received, report.provider_status) == (status, Money(received, "EUR"), told)
    assert (report.order_id, report.attempt, report.expected) == ("shop-7781", 1, Money("12.30", "EUR"))


def test_creation_sends_what_the_shop_said(
    mocker: requests_mock.Mocker, gateway: Gateway, order: Order, sent: Sent
) -> None:
    """Every field that `info` honours has its place; a whole answer is asked for."""
    unit = {"custom_id": "shop-7781~2"}
    mocker.post(ORDERS, json=order("PAYER_ACTION_REQUIRED", unit=unit), status_code=201)
    request = asked(
        attempt=2,
        description="Two tickets",
        return_url="https://shop.test/ok",
        cancel_url="https://shop.test/no",
        locale="en-US",
        line_items=[LineItem(name="Ticket", quantity=2, unit_amount=Money("6.15", "EUR"))],
    )

    invoice = gateway.create_invoice(request)

    [post] = sent()
    total = {"currency_code": "EUR", "value": "12.30"}
    assert json.loads(post.body) == {
        "intent": "CAPTURE",
        "purchase_units": [
            {
                "custom_id": "shop-7781~2",
                "invoice_id": "shop-7781~2",
                "amount": {**total, "breakdown": {"item_total": total}},
                "description": "Two tickets",
                "items": [
                    {"name": "Ticket", "quantity": "2", "unit_amount": {"currency_code": "EUR", "value": "6.15"}}
                ],
            }
        ],
        "payment_source": {
            "paypal": {
                "experience_context": {
                    "return_url": "https://shop.test/ok",
                    "cancel_url": "https://shop.test/no",
                    "locale": "en-US",
                    "user_action": "PAY_NOW",
                    "shipping_preference": "NO_SHIPPING",
                }
            }
        },
    }
    assert (post.headers["Authorization"], post.headers["Prefer"]) == ("Bearer A21AA-token", "return=representation")
    assert len(post.headers["PayPal-Request-Id"]) == 64
    assert (invoice.order_id, invoice.attempt) == ("shop-7781", 2)
    assert invoice.payment_url == "https://www.sandbox.paypal.com/checkoutnow?token=7AB12345CD678901E"


def test_short_answer_is_of_the_order_that_was_asked_for(mocker: requests_mock.Mocker, gateway: Gateway) -> None:
    """The documented short answer has neither amount nor reference; its page is that of older accounts."""
    links = [{"href": "https://www.paypal.com/checkoutnow?token=X", "rel": "approve", "method": "GET"}]
    mocker.post(ORDERS, json={"id": ORDER_ID, "status": "CREATED", "links": links}, status_code=201)

    invoice = gateway.create_invoice(asked())

    assert (invoice.order_id, invoice.amount) == ("shop-7781", Money("12.30", "EUR"))
    assert (invoice.payment_url, invoice.replayed) == ("https://www.paypal.com/checkoutnow?token=X", False)


def test_repeated_creation_is_told(mocker: requests_mock.Mocker, gateway: Gateway, order: Order) -> None:
    """PayPal answers a repeated request with 200, and with the order as it stands now."""
    mocker.post(ORDERS, json=order("COMPLETED", captures=[money("COMPLETED")]), status_code=200)
    mocker.get(ORDER, json=order("COMPLETED", captures=[money("COMPLETED")]))

    invoice = gateway.create_invoice(asked())

    assert (invoice.status, invoice.replayed) == (InvoiceStatus.PAID, True)


@pytest.mark.parametrize(
    "amount, value",
    [
        (Money(1000, "HUF"), "1000"),
        (Money(1000, "TWD"), "1000"),
        (Money(1500, "JPY"), "1500"),
        (Money("0.05", "USD"), "0.05"),
        (Money("123456789012.30", "EUR"), "123456789012.30"),
    ],
)
def test_amounts_are_written_as_paypal_counts(
    *, amount: Money, value: str, mocker: requests_mock.Mocker, gateway: Gateway, order: Order, sent: Sent
) -> None:
    """Forint and Taiwan dollars have no decimals at PayPal, and two in ISO 4217."""
    told = {"currency_code": amount.currency, "value": value}
    mocker.post(ORDERS, json=order(unit={"amount": told}), status_code=201)

    assert gateway.create_invoice(asked(amount=amount)).amount == amount
    assert json.loads(sent()[0].body)["purchase_units"][0]["amount"] == told


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": Money("10.50", "HUF")},
        {"amount": Money("1", "RUB")},
        {"description": "x" * 128},
        {"order_id": "x" * 128},
        {"line_items": [LineItem(name="x" * 128, quantity=1, unit_amount=Money("12.30", "EUR"))]},
    ],
)
def test_what_paypal_cannot_take_is_refused_before_it_is_sent(
    changes: dict[str, Any], gateway: Gateway, sent: Sent
) -> None:
    """Nothing is cut, and nothing is found out after the request."""
    with pytest.raises(InvalidRequestError):
        gateway.create_invoice(asked(**changes))

    assert sent() == []


@pytest.mark.parametrize(
    "body",
    [
        {"name": "AUTHENTICATION_FAILURE", "message": "no", "details": [{"issue": "INVALID_ACCOUNT_STATUS"}]},
        {"error": "invalid_token", "error_description": "Access Token not found in cache"},
    ],
)
def test_token_that_is_not_taken_is_fetched_anew_once(
    body: dict[str, Any], mocker: requests_mock.Mocker, gateway: Gateway, order: Order, sent: Sent
) -> None:
    """Both forms of the refusal are known, and the repeated request has the same id."""
    mocker.post(
        f"{API}/v1/oauth2/token",
        [{"json": {"access_token": name, "expires_in": 32400}} for name in ("old", "new")],
    )
    mocker.post(ORDERS, [{"json": body, "status_code": 401}, {"json": order(), "status_code": 201}])

    gateway.create_invoice(asked())

    first, second = sent()
    assert (first.headers["Authorization"], second.headers["Authorization"]) == ("Bearer old", "Bearer new")
    assert first.headers["PayPal-Request-Id"] == second.headers["PayPal-Request-Id"]
    assert first.body == second.body


def test_two_refusals_are_the_end(mocker: requests_mock.Mocker, gateway: Gateway, sent: Sent) -> None:
    """A new token that is not taken either is told, and nothing goes round in circles."""
    mocker.get(ORDER, json={"error": "invalid_token"}, status_code=401)

    with pytest.raises(AuthenticationError):
        gateway.get_status(ORDER_ID)

    assert len(sent()) == 2


def test_client_that_is_not_known(mocker: requests_mock.Mocker, gateway: Gateway) -> None:
    """The OAuth server's words are told."""
    body = {"error": "invalid_client", "error_description": "Client Authentication failed"}
    mocker.post(f"{API}/v1/oauth2/token", json=body, status_code=401)

    with pytest.raises(AuthenticationError, match="Client Authentication failed"):
        gateway.check_account()


@pytest.mark.parametrize(
    "status, name, issue, error",
    [
        (400, "INVALID_REQUEST", "INVALID_PARAMETER_VALUE", RejectedError),
        (403, "NOT_AUTHORIZED", "PERMISSION_DENIED", PermissionDeniedError),
        (404, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID", NotFoundError),
        (409, "RESOURCE_CONFLICT", "PREVIOUS_REQUEST_IN_PROGRESS", RejectedError),
        (422, "UNPROCESSABLE_ENTITY", "DUPLICATE_INVOICE_ID", RejectedError),
        (500, "INTERNAL_SERVER_ERROR", "INTERNAL_SERVER_ERROR", ProviderUnavailableError),
    ],
)
def test_refusals_are_told_in_paypals_words(
    *, status: int, name: str, issue: str, error: type[GatewayError], mocker: requests_mock.Mocker, gateway: Gateway
) -> None:
    """The stable word, what people read, and the id for the support desk."""
    body = {
        "name": name,
        "message": "It did not work.",
        "debug_id": "f00d1234abcd",
        "details": [{"issue": issue, "description": "It is wrong.", "field": "/amount"}],
    }
    mocker.get(ORDER, json=body, status_code=status)

    with pytest.raises(error, match="/amount: It is wrong") as caught:
        gateway.get_status(ORDER_ID)

    assert getattr(caught.value, "code", None) == issue
    assert getattr(caught.value, "request_id", None) == "f00d1234abcd"
    assert not isinstance(caught.value, NotFoundError) or caught.value.gone


@pytest.mark.parametrize(
    "word, status",
    [
        ("COMPLETED", CaptureStatus.DONE),
        ("PENDING", CaptureStatus.PENDING),
        ("DECLINED", CaptureStatus.FAILED),
        ("FAILED", CaptureStatus.FAILED),
    ],
)
def test_capture_of_an_approved_order(
    *, word: str, status: CaptureStatus, mocker: requests_mock.Mocker, gateway: Gateway, order: Order, sent: Sent
) -> None:
    """A completed order with a pending capture is no money yet."""
    mocker.get(ORDER, json=order("APPROVED"))
    mocker.post(f"{ORDER}/capture", json=order("COMPLETED", captures=[money(word)]), status_code=201)

    capture = gateway.capture_payment(CaptureRequest(capture_id="c-1", invoice_id=ORDER_ID))

    assert (capture.id, capture.status, capture.amount) == (CAPTURE_ID, status, Money("12.30", "EUR"))
    post = sent()[-1]
    assert (post.body, post.headers["Content-Type"]) == (b"", "application/json")


def test_part_of_an_approved_order_is_not_captured(
    mocker: requests_mock.Mocker, gateway: Gateway, order: Order, sent: Sent
) -> None:
    """PayPal captures an order whole; a part is refused before anything is taken."""
    mocker.get(ORDER, json=order("APPROVED"))

    with pytest.raises(RejectedError, match="whole"):
        gateway.capture_payment(CaptureRequest(capture_id="c-1", invoice_id=ORDER_ID, amount=Money("5", "EUR")))

    assert [each.method for each in sent()] == ["GET"]


@pytest.mark.parametrize(
    "word, status",
    [
        ("COMPLETED", RefundStatus.DONE),
        ("PENDING", RefundStatus.PENDING),
        ("FAILED", RefundStatus.FAILED),
        ("CANCELLED", RefundStatus.FAILED),
    ],
)
def test_refund_is_of_the_capture(
    *, word: str, status: RefundStatus, mocker: requests_mock.Mocker, gateway: Gateway, order: Order, sent: Sent
) -> None:
    """The capture is looked up unless the caller hands it back."""
    mocker.get(ORDER, json=order("COMPLETED", captures=[money("COMPLETED")]))
    url = f"{API}/v2/payments/captures/{CAPTURE_ID}/refund"
    mocker.post(url, json=money(word, "5.00", "1RF00000AA1111111"), status_code=201)
    request = RefundRequest(refund_id="r-1", invoice_id=ORDER_ID, amount=Money("5", "EUR"), reason="One came back")

    looked_up = gateway.refund_payment(request)
    handed_back = gateway.refund_payment(
        RefundRequest(
            refund_id="r-1", invoice_id=ORDER_ID, amount=Money("5", "EUR"), references={"capture": CAPTURE_ID}
        )
    )

    assert (looked_up.status, looked_up.refund_id) == (status, "r-1")
    assert handed_back.id == looked_up.id
    posts = [each for each in sent() if each.method == "POST"]
    assert json.loads(posts[0].body) == {
        "amount": {"currency_code": "EUR", "value": "5.00"},
        "custom_id": "r-1",
        "note_to_payer": "One came back",
    }
    assert posts[0].headers["PayPal-Request-Id"] == posts[1].headers["PayPal-Request-Id"]


def test_nothing_captured_is_nothing_to_give_back(mocker: requests_mock.Mocker, gateway: Gateway, order: Order) -> None:
    """An approved order has no money."""
    mocker.get(ORDER, json=order("APPROVED"))

    with pytest.raises(RejectedError, match="captured"):
        gateway.refund_payment(RefundRequest(refund_id="r-1", invoice_id=ORDER_ID, amount=Money("5", "EUR")))


def test_payments_of_one_order_are_its_captures(mocker: requests_mock.Mocker, gateway: Gateway, order: Order) -> None:
    """They are there at once; the transaction search is hours late."""
    captures = [money("DECLINED", number="A1"), money("COMPLETED", number="A2", create_time="2030-01-01T10:05:00Z")]
    mocker.get(ORDER, json=order("COMPLETED", captures=captures))

    listed = list(gateway.list_payments(invoice_id=ORDER_ID))

    assert [(each.id, each.status, each.invoice_id) for each in listed] == [
        ("A1", PaymentStatus.FAILED, ORDER_ID),
        ("A2", PaymentStatus.CONFIRMED, ORDER_ID),
    ]


@pytest.mark.parametrize("word, status", mapping.TRANSACTION_STATUSES.items())
def test_transactions_are_payments_of_buyers(word: str, status: PaymentStatus) -> None:
    """Refunds, fees and withdrawals are in the list, too, and are no payments."""

    def line(code: str, value: str, **more: Any) -> dict[str, Any]:
        return {
            "transaction_info": {
                "transaction_id": "T1",
                "transaction_event_code": code,
                "transaction_initiation_date": "2030-01-01T10:00:00Z",
                "transaction_amount": {"currency_code": "EUR", "value": value},
                "transaction_status": word,
                **more,
            }
        }

    ours = {"paypal_reference_id": ORDER_ID, "paypal_reference_id_type": "ODR"}
    found = mapping.transactions(
        [
            line("T0006", "12.30", **ours),
            line("T0003", "5.00", paypal_reference_id="B-1", paypal_reference_id_type="PAP"),
            line("T1107", "-5.00"),
            line("T0400", "-100.00"),
            line("T0006", "-1.00"),
        ]
    )

    assert [(each.status, each.invoice_id) for each in found] == [(status, ORDER_ID), (status, None)]


@pytest.mark.parametrize(
    "settings, text",
    [
        ({"mode": "live", "base_url": "http://127.0.0.1:4010"}, "mode is live"),
        ({"base_url": "https://api-m.paypal.com"}, "other mode"),
        ({"mode": "test"}, "sandbox, live"),
        ({"intent": "SALE"}, "CAPTURE, AUTHORIZE"),
        ({"webhook_proof": "none"}, "certificate, postback"),
        ({"client_id": " "}, "client_id"),
    ],
)
def test_modes_cannot_be_mixed_up(settings: dict[str, Any], text: str) -> None:
    """What belongs to the other mode is refused at the start."""
    with pytest.raises(ConfigurationError, match=text):
        PayPalSettings(**{"client_id": "c", "client_secret": "made-up-secret-0123456789", **settings})


def test_live_mode_has_its_address() -> None:
    """Nobody has to write it."""
    settings = PayPalSettings(client_id="c", client_secret=Secret("made-up-secret-0123456789"), mode="live")

    assert settings.base_url == "https://api-m.paypal.com"

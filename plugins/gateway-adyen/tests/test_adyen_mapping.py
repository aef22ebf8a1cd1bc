"""Every word of the documentation, and what becomes of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests_mock

from gateway_adyen import AdyenSettings, mapping
from gateway_core import (
    Address,
    Customer,
    Gateway,
    HttpRequest,
    InvoiceRequest,
    InvoiceStatus,
    LineItem,
    Money,
    RefundRequest,
    RefundStatus,
    Secret,
)
from gateway_core.errors import (
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    ProviderUnavailableError,
    RejectedError,
    UnexpectedResponseError,
    UnsupportedOperationError,
)

API = "https://checkout-test.adyen.com/v72"
LINK_ID = "PL00AA11BB22CC33DD"
PSP = "AAAABBBBCCCC1111"
KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"

Link = Callable[..., dict[str, Any]]
Sent = Callable[[], list[HttpRequest]]


def asked(**changes: Any) -> InvoiceRequest:
    """Return a request with changes."""
    return InvoiceRequest(**{"order_id": "order-1001", "amount": Money("12.50", "EUR"), **changes})


@pytest.mark.parametrize(
    "word, manual, status",
    [
        ("active", None, InvoiceStatus.PENDING),
        ("paymentPending", None, InvoiceStatus.PENDING),
        ("completed", None, InvoiceStatus.PAID),
        ("completed", False, InvoiceStatus.PAID),
        ("completed", True, InvoiceStatus.AUTHORIZED),
        ("paid", None, InvoiceStatus.PAID),
        ("expired", None, InvoiceStatus.EXPIRED),
        ("expired", True, InvoiceStatus.EXPIRED),
        ("Completed", None, InvoiceStatus.UNKNOWN),
        ("refused", None, InvoiceStatus.UNKNOWN),
    ],
)
def test_words_mean_what_the_table_says(
    *, word: str, manual: bool | None, status: InvoiceStatus, mocker: requests_mock.Mocker, gateway: Gateway, link: Link
) -> None:
    """A completed link is paid, unless its money was only reserved."""
    mocker.get(f"{API}/paymentLinks/{LINK_ID}", json=link(status=word, manualCapture=manual))

    report = gateway.get_status(LINK_ID)

    assert (report.status, report.provider_status) == (status, word)
    assert (report.order_id, report.attempt, report.expected) == ("order-1001", 1, Money("12.50", "EUR"))


def test_account_that_captures_by_hand(
    mocker: requests_mock.Mocker, connect: Callable[..., Gateway], link: Link
) -> None:
    """What the link does not say, the setting does."""
    mocker.get(f"{API}/paymentLinks/{LINK_ID}", json=link(status="completed"))

    assert connect(manual_capture=True).get_status(LINK_ID).status is InvoiceStatus.AUTHORIZED


def test_creation_sends_what_the_shop_said(
    mocker: requests_mock.Mocker, gateway: Gateway, link: Link, sent: Sent
) -> None:
    """Every field that `info` honours has its place."""
    mocker.post(f"{API}/paymentLinks", json=link(reference="order-1001~2"), status_code=201)
    request = asked(
        attempt=2,
        description="Two tickets",
        return_url="https://shop.example/back",
        locale="de-DE",
        expires_in=timedelta(hours=2),
        requested_at=datetime(2030, 1, 1, 10, 0, 0, 7, tzinfo=UTC),
        metadata={"cart": "77"},
        line_items=[LineItem(name="Ticket", quantity=2, unit_amount=Money("6.25", "EUR"))],
        customer=Customer(
            email="ada@example.com",
            name="Ada King Lovelace",
            address=Address(line1="1 Main Street", city="Amsterdam", country="NL"),
        ),
        options={"allowed_payment_methods": ["ideal"], "manual_capture": True},
    )

    invoice = gateway.create_invoice(request)

    [post] = sent()
    assert json.loads(post.body) == {
        "merchantAccount": "DemoShop",
        "reference": "order-1001~2",
        "amount": {"currency": "EUR", "value": 1250},
        "description": "Two tickets",
        "returnUrl": "https://shop.example/back",
        "expiresAt": "2030-01-01T12:00:00+00:00",
        "shopperLocale": "de-DE",
        "countryCode": "NL",
        "shopperEmail": "ada@example.com",
        "shopperName": {"firstName": "Ada King", "lastName": "Lovelace"},
        "lineItems": [{"description": "Ticket", "quantity": 2, "amountIncludingTax": 625}],
        "metadata": {"cart": "77"},
        "allowedPaymentMethods": ["ideal"],
        "manualCapture": True,
    }
    assert post.headers["X-API-Key"] == "AQE-made-up-0123456789"
    assert len(post.headers["Idempotency-Key"]) == 64
    assert (invoice.order_id, invoice.attempt, invoice.payment_url) == (
        "order-1001",
        2,
        f"https://test.adyen.link/{LINK_ID}",
    )


def test_keys_differ_by_order_attempt_and_account(
    mocker: requests_mock.Mocker, connect: Callable[..., Gateway], link: Link, sent: Sent
) -> None:
    """A key is the company's: two accounts of one company share none."""
    requests = [asked(), asked(), asked(attempt=2), asked(order_id="order-1001~2")]
    for request in requests:
        mocker.post(f"{API}/paymentLinks", json=link(reference=request.reference), status_code=201)
        connect().create_invoice(request)
    mocker.post(f"{API}/paymentLinks", json=link(merchantAccount="Other"), status_code=201)
    connect(merchant_account="Other").create_invoice(asked())

    keys = [each.headers["Idempotency-Key"] for each in sent()]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 4


@pytest.mark.parametrize(
    "amount, value",
    [
        (Money(1000, "CLP"), 100000),
        (Money(1000, "IDR"), 1000),
        (Money(1000, "CVE"), 1000),
        (Money(1000, "ISK"), 100000),
        (Money(1500, "JPY"), 1500),
        (Money("1.234", "KWD"), 1234),
        (Money("999999999.99", "EUR"), 99999999999),
    ],
)
def test_amounts_are_counted_as_adyen_counts(
    *, amount: Money, value: int, mocker: requests_mock.Mocker, gateway: Gateway, link: Link, sent: Sent
) -> None:
    """Four currencies have other decimals at Adyen than in ISO 4217."""
    told = {"currency": amount.currency, "value": value}
    mocker.post(f"{API}/paymentLinks", json=link(amount=told), status_code=201)

    invoice = gateway.create_invoice(asked(amount=amount))

    assert json.loads(sent()[0].body)["amount"] == told
    assert invoice.amount == amount


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": Money("0.50", "IDR")},
        {"description": "x" * 281},
        {"metadata": {f"key{number}": "x" for number in range(21)}},
        {"metadata": {"k" * 21: "x"}},
        {"metadata": {"key": "x" * 81}},
        {"metadata": {"checkout.linkId": "x"}},
        {"order_id": "x" * 81},
        {"expires_in": timedelta(days=71)},
    ],
)
def test_what_adyen_cannot_take_is_refused_before_it_is_sent(
    changes: dict[str, Any], gateway: Gateway, sent: Sent
) -> None:
    """Nothing is cut, and nothing is found out after the request."""
    with pytest.raises(InvalidRequestError):
        gateway.create_invoice(asked(**changes))

    assert sent() == []


@pytest.mark.parametrize("options", [{"country": "Netherlands"}, {"manual_capture": "yes"}, {"colour": "red"}])
def test_options_are_checked(options: dict[str, Any], gateway: Gateway, sent: Sent) -> None:
    """Nothing that Adyen would not understand is sent."""
    with pytest.raises(ConfigurationError, match="options"):
        gateway.create_invoice(asked(options=options))

    assert sent() == []


def test_repeated_answer_is_read_as_it_stands_now(mocker: requests_mock.Mocker, gateway: Gateway, link: Link) -> None:
    """The first answer says active; the link has expired since."""
    mocker.post(f"{API}/paymentLinks", json=link(), status_code=201, headers={"idempotency-key": "the-key"})
    mocker.get(f"{API}/paymentLinks/{LINK_ID}", json=link(status="expired"))

    invoice = gateway.create_invoice(asked())

    assert (invoice.status, invoice.replayed) == (InvoiceStatus.EXPIRED, True)


@pytest.mark.parametrize(
    "status, code, error",
    [
        (400, "702", RejectedError),
        (401, "000", AuthenticationError),
        (403, "901", PermissionDeniedError),
        (422, "130", RejectedError),
        (422, "177", RejectedError),
        (500, "905", ProviderUnavailableError),
    ],
)
def test_refusals_are_told_in_adyens_words(
    *, status: int, code: str, error: type[Exception], mocker: requests_mock.Mocker, gateway: Gateway
) -> None:
    """The code, the words, and the pspReference for the support desk."""
    body = {"status": status, "errorCode": code, "message": "Reference Missing", "pspReference": PSP}
    mocker.post(f"{API}/paymentLinks", json=body, status_code=status)

    with pytest.raises(error, match="Reference Missing") as caught:
        gateway.create_invoice(asked())

    assert getattr(caught.value, "code", None) == code
    assert getattr(caught.value, "request_id", None) == PSP


@pytest.mark.parametrize("status", [404, 422])
def test_unknown_link_is_not_found(status: int, mocker: requests_mock.Mocker, gateway: Gateway) -> None:
    """What an unknown link is answered with is not documented: both are taken for it."""
    body = {"status": status, "errorCode": "000", "message": "Payment link not found"}
    mocker.get(f"{API}/paymentLinks/{LINK_ID}", json=body, status_code=status)

    with pytest.raises(NotFoundError):
        gateway.get_status(LINK_ID)


def test_id_of_another_form_is_not_asked_for(gateway: Gateway, sent: Sent) -> None:
    """An id that is no link's costs no request."""
    with pytest.raises(NotFoundError):
        gateway.get_status("7")

    assert sent() == []


def test_answer_about_another_account_is_refused(mocker: requests_mock.Mocker, gateway: Gateway, link: Link) -> None:
    """A company's key may read links of all its accounts."""
    mocker.get(f"{API}/paymentLinks/{LINK_ID}", json=link(merchantAccount="Other"))

    with pytest.raises(UnexpectedResponseError, match="another merchant account"):
        gateway.get_status(LINK_ID)


def test_refund_needs_the_payment(gateway: Gateway, sent: Sent) -> None:
    """A link does not tell its payment: without the webhook's references nothing is sent."""
    with pytest.raises(InvalidRequestError, match="references"):
        gateway.refund_payment(RefundRequest(refund_id="r-1", invoice_id=LINK_ID, amount=Money("5", "EUR")))

    assert sent() == []


def test_refund_is_received_only(mocker: requests_mock.Mocker, gateway: Gateway, sent: Sent) -> None:
    """It is PENDING, and bears the link's id in the reference that its webhook signs."""
    answer = {
        "merchantAccount": "DemoShop",
        "paymentPspReference": PSP,
        "pspReference": "AAAABBBBCCCC2222",
        "status": "received",
        "amount": {"currency": "EUR", "value": 500},
    }
    mocker.post(f"{API}/payments/{PSP}/refunds", json=answer, status_code=201)

    refund = gateway.refund_payment(
        RefundRequest(refund_id="r-1", invoice_id=LINK_ID, amount=Money("5", "EUR"), references={"payment": PSP})
    )

    assert (refund.id, refund.status) == ("AAAABBBBCCCC2222", RefundStatus.PENDING)
    assert json.loads(sent()[0].body) == {
        "merchantAccount": "DemoShop",
        "amount": {"currency": "EUR", "value": 500},
        "reference": f"{LINK_ID}/r-1",
    }


@pytest.mark.parametrize("key", ["r-1", "x" * 61, "x" * 62, "x" * 255, "sha256-" + "0" * 48, "a/b", "é"])
def test_reference_of_a_modification_names_its_link(key: str) -> None:
    """Whatever the shop's key is, the link is found again; the key, too, where there is room for it."""
    reference = mapping.modification_reference(LINK_ID, key)
    link_id, found = mapping.link_of_reference(reference)

    assert len(reference) <= 80
    assert link_id == LINK_ID
    assert found in (key, None)
    assert (found == key) is (len(key) <= 61 and not key.startswith("sha256-"))


def test_lists_say_that_there_are_none(gateway: Gateway) -> None:
    """Nothing pretends to be an empty list."""
    with pytest.raises(UnsupportedOperationError):
        list(gateway.list_payments())


@pytest.mark.parametrize(
    "settings, text",
    [
        ({"mode": "live"}, "live_prefix must be given"),
        ({"live_prefix": "1797a841fbb37ca7-AdyenDemo"}, "mode is test"),
        ({"base_url": "https://1797a841fbb37ca7-AdyenDemo-checkout-live.adyenpayments.com/checkout"}, "mode is test"),
        ({"mode": "live", "live_prefix": "https://x"}, "without the rest"),
        ({"mode": "live", "live_prefix": "x", "base_url": "https://pal-test.adyen.com"}, "test address"),
        ({"webhook_hmac_key": "44782DEF" * 7}, "64 hex digits"),
        ({"merchant_account": " "}, "merchant_account"),
    ],
)
def test_modes_cannot_be_mixed_up(settings: dict[str, Any], text: str) -> None:
    """What belongs to the other mode is refused at the start."""
    known = {"api_key": "AQE-made-up-0123456789", "merchant_account": "DemoShop", "webhook_hmac_key": KEY}

    with pytest.raises(ConfigurationError, match=text):
        AdyenSettings(**{**known, **settings})


def test_live_address_is_made_of_the_prefix() -> None:
    """Source: live endpoints of the Checkout API."""
    settings = AdyenSettings(
        api_key=Secret("AQE-made-up-0123456789"),
        merchant_account="DemoShop",
        webhook_hmac_key=(Secret(KEY),),
        mode="live",
        live_prefix="1797a841fbb37ca7-AdyenDemo",
    )

    assert settings.address == "https://1797a841fbb37ca7-AdyenDemo-checkout-live.adyenpayments.com/checkout/v72"

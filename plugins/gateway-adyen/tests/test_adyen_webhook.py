"""Webhooks: eight fields are signed, and nothing else decides."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
import requests_mock

from gateway_adyen import webhook
from gateway_core import Gateway, InvoiceStatus, Money, RefundStatus, WebhookDelivery, WebhookRequest
from gateway_core.errors import WebhookError, WebhookReason

KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
OTHER_KEY = "74F490DD33F7327BAECC88B2947C011FC02D014A473AAA33A8EC93E4DC069174"
LINK_ID = "PL00AA11BB22CC33DD"
API = f"https://checkout-test.adyen.com/v72/paymentLinks/{LINK_ID}"
PSP = "AAAABBBBCCCC1111"

Link = Callable[..., dict[str, Any]]

_TEXTS = ("pspReference", "originalReference", "merchantAccountCode", "merchantReference", "eventCode", "success")

#: Published with the official SDK (adyen-python-api-library 15.0.2, test/UtilTest.py); the last is our own.
VECTORS = [
    (KEY, "7914073381342284", "", "TestMerchant", "TestPayment-1407325143704", 1130, "AUTHORISATION", "true",
     "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="),
    (OTHER_KEY, "T7FD4VM4D3RZNN82", "", "AntoniStroinski", r"\\slashes are fun", 1000, "AUTHORISATION", "true",
     "nIgT81gaB5oJpn2jPXupDq68iRo2wUlBsuYjtYfwKqo="),
    (OTHER_KEY, "M8NB66SBZSGLNK82", "", "AntoniStroinski", ":slashes are fun", 1000, "AUTHORISATION", "true",
     "2EQYm7YJpKO4EtHSPu55SQTyWf8dkW5u2nD1tJFpViA="),
    (OTHER_KEY, "X3GWNS6KJ8NKGK82", "", "AntoniStroinski", "//slashes are fun", 1000, "AUTHORISATION", "true",
     "9Z0xdpG9Xi3zcmXv14t/BvMBut77O/Xq9D4CQXSDUi4="),
    (OTHER_KEY, "ZVWN7D3WSMK2WN82", "", "AntoniStroinski", r"\:/\/slashes are fun", 1000, "AUTHORISATION", "true",
     "CZErGCNQaSsxbaQfZaJlakqo7KPP+mIa8a+wx3yNs9A="),
    (KEY, "7914073381342284", "7914073381340000", "TestMerchant", "TestPayment-1407325143704", 500, "REFUND", "false",
     "ZmVJLSrHvY8qHitnA5Ndv0FQpM288BCl/nSWsedbbUE="),
]  # fmt: skip


def item(**changes: Any) -> dict[str, Any]:
    """Return the documented item, with changes, unsigned."""
    return {
        "eventCode": "AUTHORISATION",
        "success": "true",
        "eventDate": "2030-01-01T11:02:03+01:00",
        "pspReference": PSP,
        "merchantReference": "order-1001",
        "merchantAccountCode": "DemoShop",
        "amount": {"currency": "EUR", "value": 1250},
        "paymentMethod": "visa",
        "operations": ["CANCEL", "CAPTURE", "REFUND"],
        "reason": "012345:1111:03/2030",
        "additionalData": {"paymentLinkId": LINK_ID, "metadata.cart": "77"},
        **changes,
    }


def signed(each: dict[str, Any], key: str = KEY) -> dict[str, Any]:
    """Return an item with its signature."""
    extra = {**each.get("additionalData", {}), "hmacSignature": webhook.sign(each, key)}
    return {**each, "additionalData": extra}


def message(*items: dict[str, Any], live: str = "false") -> WebhookRequest:
    """Return a webhook with these items."""
    envelope = [{"NotificationRequestItem": each} for each in items]
    return WebhookRequest(body=json.dumps({"live": live, "notificationItems": envelope}).encode())


@pytest.fixture
def completed(mocker: requests_mock.Mocker, link: Link) -> None:
    """Let Adyen say that the link is completed."""
    mocker.get(API, json=link(status="completed"))


@pytest.mark.parametrize("key, psp, original, account, reference, value, code, success, signature", VECTORS)
def test_published_vectors(
    *, key: str, psp: str, original: str, account: str, reference: str, value: int, code: str, success: str,
    signature: str,
) -> None:  # fmt: skip
    """Nothing is escaped, whatever stands in a reference."""
    each = {
        "pspReference": psp,
        "merchantAccountCode": account,
        "merchantReference": reference,
        "amount": {"value": value, "currency": "EUR"},
        "eventCode": code,
        "success": success,
        **({"originalReference": original} if original else {}),
    }

    assert webhook.sign(each, key) == signature


@pytest.mark.usefixtures("completed")
def test_authorisation_pays_the_link(gateway: Gateway) -> None:
    """Amount and order are signed; the payment is told for later requests."""
    delivery = gateway.verify_webhook(message(signed(item())))

    [event] = delivery.events
    assert event.report is not None
    assert (event.id, event.kind, event.invoice_id) == (f"AUTHORISATION:{PSP}:true", "AUTHORISATION", LINK_ID)
    assert (event.report.status, event.report.received) == (InvoiceStatus.PAID, Money("12.50", "EUR"))
    assert event.report.references == {"payment": PSP}
    assert (delivery.verified_by, delivery.acknowledgement.body) == ("signature+callback", b"[accepted]")


EVENTS = [
    ("AUTHORISATION", "true", {}, InvoiceStatus.PAID),
    ("AUTHORISATION", "false", {"status": "active"}, InvoiceStatus.PENDING),
    ("AUTHORISATION", "true", {"manualCapture": True}, InvoiceStatus.AUTHORIZED),
    ("CAPTURE", "true", {"manualCapture": True}, InvoiceStatus.PAID),
    ("CAPTURE", "false", {"manualCapture": True}, InvoiceStatus.AUTHORIZED),
    ("CAPTURE_FAILED", "true", {}, InvoiceStatus.FAILED),
    ("CANCELLATION", "true", {"manualCapture": True}, InvoiceStatus.CANCELED),
    ("CANCELLATION", "false", {"manualCapture": True}, InvoiceStatus.AUTHORIZED),
    ("TECHNICAL_CANCEL", "true", {"manualCapture": True}, InvoiceStatus.CANCELED),
    ("CANCEL_OR_REFUND", "true", {}, InvoiceStatus.PAID),
    ("REFUND", "true", {}, InvoiceStatus.REFUNDED),
    ("REFUND", "false", {}, InvoiceStatus.PAID),
    ("REFUND_FAILED", "true", {}, InvoiceStatus.PAID),
    ("REFUNDED_REVERSED", "true", {}, InvoiceStatus.PAID),
    ("NOTIFICATION_OF_CHARGEBACK", "true", {}, InvoiceStatus.PAID),
    ("CHARGEBACK", "true", {}, InvoiceStatus.PAID),
    ("SECOND_CHARGEBACK", "true", {}, InvoiceStatus.PAID),
    ("CHARGEBACK_REVERSED", "true", {}, InvoiceStatus.PAID),
    ("EXPIRE", "true", {"manualCapture": True}, InvoiceStatus.AUTHORIZED),
    ("OFFER_CLOSED", "true", {"status": "active"}, InvoiceStatus.PENDING),
    ("SOMETHING_NEW", "true", {}, InvoiceStatus.PAID),
]


@pytest.mark.parametrize("code, success, told, status", EVENTS)
def test_every_event_code(
    *, code: str, success: str, told: dict[str, Any], status: InvoiceStatus, mocker: requests_mock.Mocker,
    gateway: Gateway, link: Link,
) -> None:  # fmt: skip
    """Money is told by what is signed; what an event does not say, the link says."""
    mocker.get(API, json=link(**{"status": "completed", **told}))
    each = item(eventCode=code, success=success, originalReference="AAAABBBBCCCC0000")

    [event] = gateway.verify_webhook(message(signed(each))).events

    assert event.report is not None
    assert event.report.status is status
    assert (event.report.disputed is not None) is ("CHARGEBACK" in code)


@pytest.mark.parametrize(
    "code, success, status",
    [
        ("REFUND", "true", RefundStatus.DONE),
        ("REFUND", "false", RefundStatus.FAILED),
        ("REFUND_FAILED", "true", RefundStatus.FAILED),
        ("REFUNDED_REVERSED", "true", RefundStatus.FAILED),
    ],
)
@pytest.mark.usefixtures("completed")
def test_outcome_of_a_refund_of_ours(*, code: str, success: str, status: RefundStatus, gateway: Gateway) -> None:
    """The link and the shop's key stand in the reference, which is signed: a wrong `paymentLinkId` changes nothing."""
    each = item(
        eventCode=code,
        success=success,
        originalReference=PSP,
        pspReference="AAAABBBBCCCC2222",
        merchantReference=f"{LINK_ID}/r-7",
        amount={"currency": "EUR", "value": 500},
        additionalData={"paymentLinkId": "PL9999999999999999"},
    )

    [event] = gateway.verify_webhook(message(signed(each))).events

    assert event.refund is not None
    assert (event.refund.id, event.refund.refund_id, event.refund.status) == ("AAAABBBBCCCC2222", "r-7", status)
    assert (event.refund.amount, event.invoice_id) == (Money("5", "EUR"), LINK_ID)


def test_link_with_another_reference_is_not_paid(mocker: requests_mock.Mocker, gateway: Gateway, link: Link) -> None:
    """A genuine item in which the unsigned link was exchanged: Adyen's own answer stands against it."""
    mocker.get(API, json=link(reference="another-order"))

    with pytest.raises(WebhookError) as caught:
        gateway.verify_webhook(message(signed(item())))

    assert caught.value.reason is WebhookReason.NOT_CONFIRMED


def test_item_without_its_link_takes_nobodys_place(gateway: Gateway) -> None:
    """The link's id was taken out of a copy: it is about no invoice, and is not the genuine event."""
    [event] = gateway.verify_webhook(message(signed(item(additionalData={})))).events

    assert (event.invoice_id, event.report) == (None, None)
    assert event.id != f"AUTHORISATION:{PSP}:true"


@pytest.mark.usefixtures("completed")
def test_batch_of_genuine_and_forged_items(gateway: Gateway) -> None:
    """Each is shown genuine by itself; a forged one does not block the others."""
    forged = signed(item())
    forged["amount"] = {"currency": "EUR", "value": 9999}

    delivery = gateway.verify_webhook(message(signed(item()), forged, signed(item(pspReference="AAAABBBBCCCC3333"))))

    assert len(delivery.events) == 2
    assert delivery.refused == (WebhookReason.WRONG_SIGNATURE,)
    assert gateway.verify_webhook(message()).events == ()


@pytest.mark.usefixtures("completed")
def test_mutants_of_what_is_signed(gateway: Gateway, mocker: requests_mock.Mocker) -> None:
    """Each signed field changed, missing, or of another kind: refused, and nothing is asked."""
    genuine = signed(item(originalReference="AAAABBBBCCCC0000"))
    signature, extra = genuine["additionalData"]["hmacSignature"], genuine["additionalData"]

    def resigned(other: Any) -> dict[str, Any]:
        return {**genuine, "additionalData": {**extra, "hmacSignature": other}}

    mutants: list[dict[str, Any]] = []
    for name in _TEXTS:
        text = genuine[name]
        others: list[Any] = [None, "", 7, True, [], f"{text} ", text.swapcase(), text[:-1]]
        mutants += [{**genuine, name: other} for other in others]
        mutants += [{key: value for key, value in genuine.items() if key != name}]
    values: list[Any] = [0, 1, 125, 1249, 12500, -1250, "1250", 1250.0, None, True, [1250]]
    mutants += [{**genuine, "amount": {**genuine["amount"], "value": value}} for value in values]
    codes: list[Any] = ["USD", "eur", "", None, 978, "EUR "]
    mutants += [{**genuine, "amount": {**genuine["amount"], "currency": code}} for code in codes]
    for place, char in enumerate(signature[:-1]):
        mutants += [resigned(signature[:place] + ("A" if char != "A" else "B") + signature[place + 1 :])]
    mutants += map(resigned, ("", None, 7, signature + "=", signature[:-1], signature.lower(), f"{signature} "))
    mutants += [{key: value for key, value in genuine.items() if key != "additionalData"}]

    for mutant in mutants:
        with pytest.raises(WebhookError):
            gateway.verify_webhook(message(copy.deepcopy(mutant)))

    assert len(mutants) > 120
    assert not mocker.request_history


@pytest.mark.usefixtures("completed")
def test_what_is_not_signed_decides_nothing(gateway: Gateway) -> None:
    """Each unsigned field changed: the same event, or a refusal."""
    truth = gateway.verify_webhook(message(signed(item()))).events[0]
    genuine = signed(item())
    changed: list[dict[str, Any]] = [
        {"reason": "Refused"},
        {"paymentMethod": "klarna"},
        {"operations": []},
        {"eventDate": "yesterday"},
        {"additionalData": {**genuine["additionalData"], "metadata.cart": "another"}},
    ]
    for changes in changed:
        [event] = gateway.verify_webhook(message({**genuine, **changes})).events
        assert (event.id, event.kind, event.invoice_id, event.report) == (
            truth.id,
            truth.kind,
            truth.invoice_id,
            truth.report,
        )


def test_webhook_of_the_other_mode_or_account_is_refused(gateway: Gateway) -> None:
    """A live message at a test address, and one for another account of the company."""
    for request in (message(signed(item()), live="true"), message(signed(item(merchantAccountCode="Other")))):
        with pytest.raises(WebhookError) as caught:
            gateway.verify_webhook(request)
        assert caught.value.reason is WebhookReason.WRONG_ACCOUNT


@pytest.mark.usefixtures("completed")
def test_two_keys_while_one_is_replaced(connect: Callable[..., Gateway]) -> None:
    """Items that the old key signed still come for a while."""
    both = connect(webhook_hmac_key=[OTHER_KEY, KEY])

    for key in (KEY, OTHER_KEY):
        assert isinstance(both.verify_webhook(message(signed(item(), key))), WebhookDelivery)
    with pytest.raises(WebhookError):
        connect(webhook_hmac_key=OTHER_KEY).verify_webhook(message(signed(item())))

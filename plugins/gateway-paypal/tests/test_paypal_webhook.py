"""Webhooks: PayPal's certificate signs, or PayPal is asked; and the order is asked for in any case."""

from __future__ import annotations

import json
import random
import zlib
from typing import Any

import attrs
import pytest

from gateway_core import (
    CaptureRequest,
    Gateway,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    RefundRequest,
    RefundStatus,
    WebhookRequest,
)
from gateway_core.errors import ConfigurationError, WebhookError, WebhookReason
from gateway_core.testing import EmulatedAccount
from gateway_paypal import webhook, wire
from gateway_paypal.emulator import PayPalEmulator

PRICE = Money("49.90", "EUR")


def paid(account: EmulatedAccount, order_id: str = "1042") -> str:
    """Let an order be approved and captured; return its id."""
    invoice = account.gateway.create_invoice(InvoiceRequest(order_id=order_id, amount=PRICE))
    account.pay(invoice.id)
    account.gateway.capture_payment(CaptureRequest(capture_id=order_id, invoice_id=invoice.id))
    return invoice.id


@pytest.fixture
def message(account: EmulatedAccount) -> WebhookRequest:
    """Give the webhook that a capture brings."""
    paid(account)
    return account.webhooks()[-1]


def test_signed_text_is_the_documented_one() -> None:
    """Ids and time as they came, and the checksum of the body in decimal digits."""
    body = b'{"id":"WH-1","event_type":"PAYMENT.CAPTURE.COMPLETED"}'
    sent = webhook.Transmission(
        auth_algo="SHA256withRSA",
        cert_url="https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
        transmission_id="t1",
        transmission_sig="",
        transmission_time="2030-01-01T00:00:00Z",
    )

    assert sent.signed_text("WID", body) == b"t1|2030-01-01T00:00:00Z|WID|2325436976"


def test_event_tells_what_paypal_says(account: EmulatedAccount, message: WebhookRequest) -> None:
    """Of a capture, the order is found, and asked for."""
    delivery = account.gateway.verify_webhook(message)

    [event] = delivery.events
    assert event.report is not None
    assert (event.kind, event.report.status) == ("PAYMENT.CAPTURE.COMPLETED", InvoiceStatus.PAID)
    assert event.id.startswith("WH-")
    assert delivery.verified_by == "signature+callback"


def test_body_with_the_same_checksum_tells_nothing_else(account: EmulatedAccount, message: WebhookRequest) -> None:
    """CRC-32 is no proof: whoever has seen one signature can write another body that fits. It gains nothing."""
    other = account.gateway.create_invoice(InvoiceRequest(order_id="unpaid", amount=PRICE))
    told = json.loads(message.body)
    told["resource"]["supplementary_data"]["related_ids"]["order_id"] = other.id
    forged = _with_checksum_of(message.body, json.dumps(told).encode())

    [event] = account.gateway.verify_webhook(attrs.evolve(message, body=forged)).events

    assert event.report is not None
    assert (event.invoice_id, event.report.status) == (other.id, InvoiceStatus.PENDING)


def _with_checksum_of(genuine: bytes, body: bytes) -> bytes:
    """Return a body with the CRC-32 of another, by four bytes in a text at its end."""
    head = body[:-1] + b', "x": "'
    want = zlib.crc32(genuine)
    # CRC-32 is linear: each of 32 bits in visible letters is tried by solving for it.
    tail = b'"}'
    length = 40
    base = zlib.crc32(head + b"A" * length + tail)
    columns = []
    for place in range(length):
        changed = bytearray(b"A" * length)
        changed[place] ^= 0x02
        columns.append((zlib.crc32(head + bytes(changed) + tail) ^ base, 1 << place))
    chosen = _solve(columns, base ^ want)
    text = bytes(0x41 ^ (0x02 if chosen >> place & 1 else 0) for place in range(length))
    forged = head + text + tail
    assert zlib.crc32(forged) == want
    return forged


def _solve(columns: list[tuple[int, int]], target: int) -> int:
    """Return which columns make the target by exclusive or (Gaussian elimination over two elements)."""
    basis: dict[int, tuple[int, int]] = {}
    for column in columns:
        value, mask = column
        while value and value.bit_length() in basis:
            known = basis[value.bit_length()]
            value, mask = value ^ known[0], mask ^ known[1]
        if value:
            basis[value.bit_length()] = (value, mask)
    chosen = 0
    while target:
        value, mask = basis[target.bit_length()]
        target, chosen = target ^ value, chosen ^ mask
    return chosen


def test_mutants_are_refused(account: EmulatedAccount, message: WebhookRequest) -> None:
    """Each header and the body with a byte changed: refused, and no order is asked for."""
    chance = random.Random(7)  # noqa: S311  # the same mutants each time
    mutants = []
    pairs = [pair for pair in message.headers.pairs if pair[0].upper() in webhook.HEADERS.values()]
    for name, value in pairs:
        for _ in range(30):
            place = chance.randrange(len(value))
            other = value[:place] + chance.choice("ABCxyz019") + value[place + 1 :]
            same = value.lower() if "URL" in name.upper() else value  # a host's letters count the same
            if (other.lower() if "URL" in name.upper() else other) != same:
                changed = [(each, other if each == name else old) for each, old in message.headers.pairs]
                mutants.append(attrs.evolve(message, headers=changed))
        mutants.append(attrs.evolve(message, headers=[pair for pair in message.headers.pairs if pair[0] != name]))
        mutants.append(attrs.evolve(message, headers=[*message.headers.pairs, (name, value)]))
    for _ in range(60):
        place = chance.randrange(len(message.body))
        body = message.body[:place] + bytes([message.body[place] ^ 1]) + message.body[place + 1 :]
        mutants.append(attrs.evolve(message, body=body))
    before = len(account.faults.exchanges)

    for mutant in mutants:
        with pytest.raises(WebhookError):
            account.gateway.verify_webhook(mutant)

    assert len(mutants) > 150
    asked = [each.request.url for each in account.faults.exchanges[before:]]
    assert not [url for url in asked if "orders" in url]


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v1/notifications/certs/CERT-1",
        "http://api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.sandbox.paypal.com:8443/v1/notifications/certs/CERT-1",
        "https://api.sandbox.paypal.com@evil.example/certs/CERT-1",
        "https://paypal.com.evil.example/certs/CERT-1",
        "file:///etc/passwd",
        "https://127.0.0.1/certs/CERT-1",
        "//api.sandbox.paypal.com/certs",
        "",
    ],
)
def test_certificate_is_fetched_from_paypal_only(url: str, account: EmulatedAccount, message: WebhookRequest) -> None:
    """The address is the sender's: nothing is asked anywhere else."""
    headers = {**dict(message.headers.pairs), "PAYPAL-CERT-URL": url}
    before = len(account.faults.exchanges)

    with pytest.raises(WebhookError):
        account.gateway.verify_webhook(attrs.evolve(message, headers=headers))

    assert len(account.faults.exchanges) == before


def test_other_algorithm_is_refused(account: EmulatedAccount, message: WebhookRequest) -> None:
    """No header chooses how it is checked."""
    for name in ("SHA1withRSA", "none", "sha256withrsa", "HmacSHA256"):
        headers = {**dict(message.headers.pairs), "PAYPAL-AUTH-ALGO": name}
        with pytest.raises(WebhookError) as caught:
            account.gateway.verify_webhook(attrs.evolve(message, headers=headers))
        assert caught.value.reason is WebhookReason.MALFORMED


def test_certificate_of_another_authority_is_refused(account: EmulatedAccount, message: WebhookRequest) -> None:
    """Without the emulator's authority, those that browsers trust count: none of them issued this one."""
    settings = {**account.settings, "webhook_roots": None}
    with Gateway.connect("paypal", transport=account.faults, **settings) as gateway, pytest.raises(WebhookError):
        gateway.verify_webhook(attrs.evolve(message, received_at=account.clock()))


def test_webhook_of_another_application_is_refused(account: EmulatedAccount, message: WebhookRequest) -> None:
    """The webhook's id is signed, so a genuine message of PayPal's to somebody else proves nothing here."""
    settings = {**account.settings, "webhook_id": "ANOTHER"}
    with Gateway.connect("paypal", transport=account.faults, **settings) as gateway, pytest.raises(WebhookError):
        gateway.verify_webhook(attrs.evolve(message, received_at=account.clock()))


def test_without_a_webhook_id_nothing_is_verified(account: EmulatedAccount, message: WebhookRequest) -> None:
    """It says what is missing, and does not skip the check."""
    settings = {**account.settings, "webhook_id": None}
    with (
        Gateway.connect("paypal", transport=account.faults, **settings) as gateway,
        pytest.raises(ConfigurationError, match="webhook_id"),
    ):
        gateway.verify_webhook(attrs.evolve(message, received_at=account.clock()))


def test_asking_back_decides_the_same(account: EmulatedAccount, message: WebhookRequest) -> None:
    """PayPal says whether it has sent this; the body goes to it byte by byte."""
    settings = {**account.settings, "webhook_proof": "postback"}
    stamped = attrs.evolve(message, received_at=account.clock())
    with Gateway.connect("paypal", transport=account.faults, **settings) as gateway:
        [event] = gateway.verify_webhook(stamped).events
        asked = account.faults.exchanges[-2].request
        for body in (message.body + b" ", message.body.replace(b"49.90", b"99.90"), b"{}", b"no json"):
            with pytest.raises(WebhookError) as caught:
                gateway.verify_webhook(attrs.evolve(stamped, body=body))
            assert caught.value.reason in (WebhookReason.NOT_CONFIRMED, WebhookReason.MALFORMED)

    assert event.report is not None
    assert event.report.status is InvoiceStatus.PAID
    assert message.body in asked.body


def test_refund_is_told_with_its_order(account: EmulatedAccount) -> None:
    """The resource is the refund, its link names the capture, and the capture names the order."""
    order_id = paid(account)
    account.webhooks()
    refund = account.gateway.refund_payment(
        RefundRequest(refund_id="r-1", invoice_id=order_id, amount=Money("10", "EUR"))
    )
    [message] = account.webhooks()

    [event] = account.gateway.verify_webhook(message).events

    assert event.refund is not None
    assert event.report is not None
    assert (event.kind, event.invoice_id) == ("PAYMENT.CAPTURE.REFUNDED", order_id)
    assert (event.refund.id, event.refund.refund_id, event.refund.status) == (refund.id, "r-1", RefundStatus.DONE)
    assert event.report.status is InvoiceStatus.PARTIALLY_REFUNDED


def test_dispute_is_told_and_undoes_nothing(account: EmulatedAccount, emulator: PayPalEmulator) -> None:
    """What was paid stays PAID; the report tells how much is disputed, and that it no longer is."""
    order_id = paid(account)
    account.webhooks()
    [payment] = account.gateway.list_payments(invoice_id=order_id)
    told = []
    for resolved in (False, True):
        emulator.dispute(payment.id, resolved=resolved)
        [message] = account.webhooks()
        [event] = account.gateway.verify_webhook(message).events
        assert event.report is not None
        told.append((event.kind, event.report.status, event.report.disputed))

    assert told == [
        ("CUSTOMER.DISPUTE.CREATED", InvoiceStatus.PAID, PRICE),
        ("CUSTOMER.DISPUTE.RESOLVED", InvoiceStatus.PAID, Money("0", "EUR")),
    ]


@pytest.mark.parametrize(
    "kind, resource, order_id, capture_id",
    [
        ("CHECKOUT.ORDER.APPROVED", {"id": "O1"}, "O1", None),
        ("CHECKOUT.PAYMENT-APPROVAL.REVERSED", {"order_id": "O1"}, "O1", None),
        (
            "PAYMENT.CAPTURE.DENIED",
            {"supplementary_data": {"related_ids": {"order_id": "O1"}}},
            "O1",
            None,
        ),
        (
            "PAYMENT.CAPTURE.COMPLETED",
            {"links": [{"rel": "up", "href": "https://api.paypal.com/v2/checkout/orders/O1"}]},
            "O1",
            None,
        ),
        (
            "PAYMENT.CAPTURE.REFUNDED",
            {"links": [{"rel": "up", "href": "https://api.paypal.com/v2/payments/captures/C1"}]},
            None,
            "C1",
        ),
        ("CUSTOMER.DISPUTE.CREATED", {"disputed_transactions": [{"seller_transaction_id": "C1"}]}, None, "C1"),
        ("CUSTOMER.DISPUTE.CREATED", {"disputed_transactions": "x"}, None, None),
        ("PAYMENT.CAPTURE.REVERSED", {"links": "x", "supplementary_data": 7}, None, None),
        ("BILLING.PLAN.CREATED", {"id": "P1"}, None, None),
    ],
)
def test_order_of_an_event(kind: str, resource: dict[str, Any], order_id: str | None, capture_id: str | None) -> None:
    """Every documented place is looked at, and what is not as documented is no crash."""
    event = wire.Event(id="WH-1", event_type=kind, resource=resource)

    assert (webhook.order_of(event), webhook.capture_of(event)) == (order_id, capture_id)

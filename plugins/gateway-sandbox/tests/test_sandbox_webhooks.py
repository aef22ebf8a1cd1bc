"""The sandbox's webhooks, judged by the Standard Webhooks library, and by our own verifier beside it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from gateway_core import (
    Gateway,
    HttpRequest,
    HttpResponse,
    InvoiceStatus,
    Money,
    WebhookEvent,
    WebhookRequest,
)
from gateway_core.errors import WebhookError, WebhookReason
from gateway_core.testing import EmulatorTransport, ManualClock, QueuedDelivery
from gateway_sandbox.emulator import SandboxEmulator

Call = Callable[..., HttpResponse]
Deliver = Callable[[], list[HttpRequest]]

_OTHER_SECRET = "whsec_b3RoZXItc2VjcmV0LW90aGVyLXNlY3JldA=="


def _bill(call: Call, amount: str = "50") -> tuple[str, str]:
    content = {"order_id": "1042", "amount": {"amount": amount, "currency": "EUR"}}
    made = json.loads(call("POST", "/v1/invoices", content).body)
    return made["id"], made["checkout_url"].rpartition("/")[2]


def _judge(emulator: SandboxEmulator, headers: dict[str, str], body: bytes) -> bool:
    """Ask the independent library, which refuses a bare signature with the error of a failed unpacking."""
    try:
        Webhook(emulator.credentials["webhook_secret"]).verify(body, headers)
    except (WebhookVerificationError, ValueError):
        return False
    return True


def _accepts(gateway: Gateway, headers: dict[str, str], body: bytes) -> bool:
    """Ask our own verifier."""
    try:
        gateway.verify_webhook(WebhookRequest(body=body, headers=headers))
    except WebhookError:
        return False
    return True


def _verify(gateway: Gateway, request: HttpRequest) -> WebhookEvent:
    (event,) = gateway.verify_webhook(WebhookRequest(body=request.body, headers=request.headers)).events
    return event


@pytest.fixture
def every_webhook(
    call: Call, emulator: SandboxEmulator, clock: ManualClock, webhooks: Deliver
) -> list[tuple[str, HttpRequest]]:
    """Give one webhook of each kind that the sandbox sends, with the status of its invoice."""
    for amounts in (["50"], ["20"], ["60"]):
        invoice_id, token = _bill(call)
        for amount in amounts:
            emulator.pay(token, Money(amount, "EUR"))
        for part in ("5", "45") if amounts == ["50"] else ():
            call("POST", "/v1/refunds", {"invoice_id": invoice_id, "amount": {"amount": part, "currency": "EUR"}})
    emulator.decline(_bill(call)[1])
    call("POST", f"/v1/invoices/{_bill(call)[0]}/cancel")
    content = {"order_id": "9", "amount": {"amount": "1", "currency": "EUR"}, "expires_in": 1}
    call("POST", "/v1/invoices", content)
    clock.move(timedelta(seconds=2))
    return [(json.loads(request.body)["data"]["invoice"]["status"], request) for request in webhooks()]


def test_every_kind_is_sent_accepted_and_understood(
    gateway: Gateway, emulator: SandboxEmulator, every_webhook: list[tuple[str, HttpRequest]]
) -> None:
    """The independent library accepts each webhook; ours reads the same invoice from it, with its amounts."""
    kinds = []
    for status, request in every_webhook:
        event = _verify(gateway, request)

        assert _judge(emulator, dict(request.headers.pairs), request.body)
        assert event.kind == f"invoice.{status}"
        assert event.report is not None
        assert event.report.status is InvoiceStatus(status)
        assert event.report.expected is not None
        kinds.append(event.kind)

    assert sorted(kinds) == [
        "invoice.canceled",
        "invoice.expired",
        "invoice.failed",
        "invoice.overpaid",
        "invoice.paid",
        "invoice.partially_paid",
        "invoice.partially_refunded",
        "invoice.refunded",
    ]


def test_webhook_has_its_documented_shape(
    call: Call, emulator: SandboxEmulator, clock: ManualClock, webhooks: Deliver
) -> None:
    """A webhook brings the invoice and the payment exactly as the API shows them."""
    invoice_id, token = _bill(call)
    emulator.pay(token)
    now = clock().isoformat().replace("+00:00", "Z")

    (request,) = webhooks()

    (payment,) = json.loads(call("GET", "/v1/payments").body)["data"]
    invoice = json.loads(call("GET", f"/v1/invoices/{invoice_id}").body)
    assert (request.method, request.url) == ("POST", emulator.webhook_url)
    assert request.headers["Content-Type"] == "application/json"
    assert json.loads(request.body) == {
        "id": request.headers["webhook-id"],
        "type": "invoice.paid",
        "created_at": now,
        "data": {"invoice": invoice, "payment": payment},
    }


@pytest.mark.parametrize(
    "headers,body",
    [
        ({}, lambda body: body.replace(b"50.00", b"90.00", 1)),
        ({}, lambda body: body + b" "),
        ({}, lambda body: b""),
        ({"webhook-id": "evt_other"}, None),
        ({"webhook-timestamp": "1"}, None),
        ({"webhook-timestamp": "99999999999"}, None),
        ({"webhook-timestamp": "now"}, None),
        ({"webhook-signature": ""}, None),
        ({"webhook-signature": "v1,"}, None),
        ({"webhook-signature": "v1,AAAA"}, None),
        ({"webhook-signature": "v2,{signature}"}, None),
        ({"webhook-signature": "v1a,{signature}"}, None),
        ({"webhook-signature": "{signature}"}, None),
        ({"webhook-id": None}, None),
        ({"webhook-timestamp": None}, None),
        ({"webhook-signature": None}, None),
    ],
    ids=[
        "another amount",
        "a blank more",
        "no body",
        "another id",
        "an old time",
        "a time to come",
        "no time",
        "an empty signature",
        "a signature of nothing",
        "a short signature",
        "an unknown version",
        "an asymmetric version",
        "a bare signature",
        "without id",
        "without time",
        "without signature",
    ],
)
def test_both_refuse_what_was_changed(  # noqa: PLR0917  # pytest gives them by name
    gateway: Gateway,
    emulator: SandboxEmulator,
    call: Call,
    webhooks: Deliver,
    headers: dict[str, str | None],
    body: Callable[[bytes], bytes] | None,
) -> None:
    """W1, W5, W7: whatever is changed of a webhook, both verifiers refuse it, and both accept the genuine one."""
    emulator.pay(_bill(call)[1])
    (request,) = webhooks()
    genuine = dict(request.headers.pairs)
    signature = genuine["webhook-signature"].removeprefix("v1,")
    changed = {name: value.replace("{signature}", signature) for name, value in headers.items() if value is not None}
    kept = {name: value for name, value in genuine.items() if name not in headers}
    tampered = (kept | changed, body(request.body) if body else request.body)

    assert (_judge(emulator, *tampered), _accepts(gateway, *tampered)) == (False, False)
    assert (_judge(emulator, genuine, request.body), _accepts(gateway, genuine, request.body)) == (True, True)


def test_every_changed_bit_is_refused(
    gateway: Gateway, emulator: SandboxEmulator, call: Call, webhooks: Deliver
) -> None:
    """W1: the signature covers every bit of the body, of the id and of the time."""
    emulator.pay(_bill(call)[1])
    (request,) = webhooks()
    genuine, body = dict(request.headers.pairs), request.body

    accepted = [changed for changed in _with_one_bit_changed(body) if _accepts(gateway, genuine, changed)]
    accepted += [
        changed
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
        for changed in _with_one_bit_changed(genuine[name].encode())
        if _accepts(gateway, {**genuine, name: changed.decode("latin-1")}, body)
    ]

    assert accepted == []


def _with_one_bit_changed(message: bytes) -> Iterator[bytes]:
    for position, bit in itertools.product(range(len(message)), range(8)):
        yield message[:position] + bytes([message[position] ^ 1 << bit]) + message[position + 1 :]


@pytest.mark.parametrize(
    "change",
    [
        lambda headers: {"headers": {name.upper(): value for name, value in headers.items()}},
        lambda headers: {"headers": {**headers, "Content-Type": "text/plain"}},
        lambda headers: {"headers": {**headers, "webhook-signature": f"v1,AAAA {headers['webhook-signature']}"}},
        lambda headers: {"headers": {**headers, "webhook-signature": f"{headers['webhook-signature']} v1a,AAAA x"}},
        lambda headers: {"headers": headers, "method": "PUT"},
        lambda headers: {"headers": headers, "url": "https://shop.example/elsewhere?id=inv_1"},
    ],
    ids=["case of the names", "another header", "another signature", "other versions", "method", "address"],
)
def test_whatever_lies_outside_of_the_signature_changes_nothing(
    gateway: Gateway,
    emulator: SandboxEmulator,
    call: Call,
    webhooks: Deliver,
    change: Callable[[dict[str, str]], dict[str, Any]],
) -> None:
    """W1, W9: the README lists these; each brings the same event, and everything else is refused."""
    emulator.pay(_bill(call)[1])
    (request,) = webhooks()

    changed = gateway.verify_webhook(WebhookRequest(body=request.body, **change(dict(request.headers.pairs))))

    assert changed == gateway.verify_webhook(WebhookRequest(body=request.body, headers=request.headers))


def test_tampered_delivery_is_refused_by_both(
    gateway: Gateway, emulator: SandboxEmulator, call: Call, webhooks: Deliver
) -> None:
    """What the dashboard's tamper button sends is genuine for nobody."""
    emulator.pay(_bill(call)[1])
    webhooks()
    ((_, delivery),) = emulator.ledger.select(QueuedDelivery)
    emulator.tamper(delivery.id)

    (request,) = webhooks()

    headers = dict(request.headers.pairs)
    assert (_judge(emulator, headers, request.body), _accepts(gateway, headers, request.body)) == (False, False)


def test_webhook_of_another_account_is_refused(call: Call, emulator: SandboxEmulator, webhooks: Deliver) -> None:
    """A webhook that is genuine for one account is not for another."""
    other = SandboxEmulator()
    stranger = Gateway.connect("sandbox", transport=EmulatorTransport(other), **other.settings("http://127.0.0.1:4010"))
    emulator.pay(_bill(call)[1])
    (request,) = webhooks()

    with pytest.raises(WebhookError) as caught:
        _verify(stranger, request)

    assert caught.value.reason is WebhookReason.WRONG_SIGNATURE


def test_any_active_secret_verifies_and_a_retired_one_does_not(
    call: Call, emulator: SandboxEmulator, webhooks: Deliver
) -> None:
    """W6: while a secret is replaced both verify; afterwards the old one does not."""
    settings: dict[str, Any] = emulator.settings("http://127.0.0.1:4010")
    current = settings.pop("webhook_secret")
    emulator.pay(_bill(call)[1])
    (request,) = webhooks()

    both = Gateway.connect("sandbox", webhook_secret=[_OTHER_SECRET, current], **settings)
    new_only = Gateway.connect("sandbox", webhook_secret=_OTHER_SECRET, **settings)

    assert _verify(both, request).kind == "invoice.paid"
    with pytest.raises(WebhookError):
        _verify(new_only, request)


def test_redelivery_has_the_same_id_and_a_new_time(emulator: SandboxEmulator, call: Call, clock: ManualClock) -> None:
    """The event's id is the message's id, in every attempt; the signature is of the time of the attempt."""
    emulator.pay(_bill(call)[1])
    sent: list[HttpRequest] = []

    def refuse(request: HttpRequest) -> int:
        sent.append(request)
        return 500

    for wait in (0, 5, 30, 120, 600, 3600, 21600, 86400, 86400):
        clock.move(timedelta(seconds=wait))
        emulator.deliver(refuse)

    assert len(sent) == 8
    assert len({request.headers["webhook-id"] for request in sent}) == 1
    assert len({request.headers["webhook-timestamp"] for request in sent}) == 8
    assert len({request.body for request in sent}) == 1


@pytest.mark.parametrize("age,genuine", [(-61, False), (-55, True), (55, True), (61, False)])
def test_tolerance_is_the_settings(
    emulator: SandboxEmulator, call: Call, webhooks: Deliver, age: int, genuine: bool
) -> None:
    """W7: the tolerance that is set holds on both sides."""
    settings: dict[str, Any] = emulator.settings("http://127.0.0.1:4010")
    gateway = Gateway.connect("sandbox", webhook_tolerance=timedelta(seconds=60), **settings)
    emulator.pay(_bill(call)[1])
    (request,) = webhooks()
    sent_at = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
    received = WebhookRequest(body=request.body, headers=request.headers, received_at=sent_at + timedelta(seconds=age))

    def verified() -> bool:
        try:
            gateway.verify_webhook(received)
        except WebhookError as error:
            assert error.reason is WebhookReason.STALE  # noqa: PT017  # the other outcome is no error
            return False
        return True

    assert verified() is genuine

"""Webhooks of both generations: no more of one is believed than which payment to ask for."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import requests_mock

from gateway_core import Gateway, InvoiceStatus, Money, RefundStatus, Secret, WebhookRequest
from gateway_core.errors import WebhookError, WebhookReason
from gateway_core.webhooks import sign
from gateway_mollie import webhook

Example = Callable[..., dict[str, Any]]
Tells = Callable[..., None]
Connect = Callable[..., Gateway]

ID = "tr_9xK2mQ"
SECRET = "a-secret-of-the-subscription"
RETIRED = "a-secret-that-was-replaced-0"
URL_SECRET = "url-secret-0123456789"


def classic(body: bytes = b"id=tr_9xK2mQ", url: str | None = None) -> WebhookRequest:
    """Return a classic webhook."""
    return WebhookRequest(body=body, headers={"Content-Type": "application/x-www-form-urlencoded"}, url=url)


def signed(body: bytes, *secrets: str) -> WebhookRequest:
    """Return a webhook of a subscription, with a header for each secret."""
    signatures = [sign(each.encode(), body).decode() for each in secrets]
    return WebhookRequest(body=body, headers=[("X-Mollie-Signature", f"sha256={each}") for each in signatures])


def refused(gateway: Gateway, message: WebhookRequest) -> WebhookError:
    """Return the error with which a webhook is refused."""
    with pytest.raises(WebhookError) as caught:
        gateway.verify_webhook(message)
    return caught.value


@pytest.fixture
def event(example: Example) -> Callable[..., bytes]:
    """Give a maker of events, with changes to the documented one."""
    return lambda **changes: json.dumps(example("event", **changes)).encode()


def test_classic_webhook_tells_what_mollie_says(gateway: Gateway, tells: Tells) -> None:
    """The event is made of the payment that was asked for."""
    tells("GET", f"payments/{ID}", "paid")

    delivery = gateway.verify_webhook(classic())

    (event,) = delivery.events
    assert event.report is not None
    assert (delivery.verified_by, event.kind, event.invoice_id, event.report.status, event.occurred_at) == (
        "callback",
        "paid",
        ID,
        InvoiceStatus.PAID,
        datetime(2026, 1, 6, 8, 30, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"id=",
        b"id=tr_",
        b"id=tr_1&id=tr_2",
        b"id=ord_1",
        b"id=pl_1",
        b"id=tr_../methods",
        b"id=tr_1%2F..",
        b"ID=tr_1",
        b"tr_1",
        b"id=tr_\xff",
        b"a=1&" * 20 + b"id=tr_1",
        b"id=tr_" + b"a" * 65,
        b"[]",
    ],
    ids=repr,
)
def test_classic_webhook_of_another_form_costs_no_request(
    gateway: Gateway, mocker: requests_mock.Mocker, body: bytes
) -> None:
    """W13: an id by a strict pattern, or nothing is asked."""
    error = refused(gateway, classic(body))

    assert (error.reason, error.retry, mocker.request_history) == (WebhookReason.MALFORMED, False, [])


def test_field_more_changes_nothing(gateway: Gateway, tells: Tells) -> None:
    """Mollie promises that there is one; a second would do no harm."""
    tells("GET", f"payments/{ID}", "paid")

    assert gateway.verify_webhook(classic(b"id=tr_9xK2mQ&test=1")).events[0].invoice_id == ID


def test_answer_about_another_payment_confirms_nothing(gateway: Gateway, tells: Tells) -> None:
    """A cache in between mixes answers up: what is paid is the other one."""
    tells("GET", f"payments/{ID}", "paid", id="tr_other")

    assert refused(gateway, classic()).reason is not WebhookReason.FAULTY_PLUGIN


@pytest.mark.parametrize("code", [401, 404, 410, 429, 500, 503])
def test_webhook_that_mollie_does_not_confirm_may_come_again(gateway: Gateway, tells: Tells, code: int) -> None:
    """It may be confirmed later, where Mollie cannot be asked now or does not know of its own payment yet."""
    tells("GET", f"payments/{ID}", "payment", code=code)

    assert refused(gateway, classic()).retry


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "failed"},
        {"captureMode": "manual", "amountCaptured": {"value": "5.00", "currency": "EUR"}},
        {"_embedded": {"refunds": ["refund"], "chargebacks": []}},
        {"_embedded": {"refunds": [], "chargebacks": ["chargeback"]}},
    ],
    ids=["status", "capture", "refund", "chargeback"],
)
def test_each_change_is_an_event_of_its_own(
    gateway: Gateway, tells: Tells, example: Example, changes: dict[str, Any]
) -> None:
    """A classic webhook has no id: what is known of the payment is the key, the same as long as nothing changes."""
    embedded = changes.get("_embedded", {})
    if embedded:
        changes = {"_embedded": {kind: [example(each) for each in names] for kind, names in embedded.items()}}

    ids = []
    for told in ({}, {}, changes, changes):
        tells("GET", f"payments/{ID}", "paid", **told)
        ids += [event.id for event in gateway.verify_webhook(classic()).events]

    assert (ids[0] == ids[1], ids[2] == ids[3], ids[0] == ids[2]) == (True, True, False)


def test_reversed_chargeback_is_an_event_of_its_own(gateway: Gateway, tells: Tells, example: Example) -> None:
    """It brings the payment back to where it was, and that has to be told, too."""
    reversed_ = example("chargeback", reversedAt="2026-02-20T09:00:00+00:00")
    ids = set()
    for chargebacks in ([], [example("chargeback")], [reversed_]):
        tells("GET", f"payments/{ID}", "paid", _embedded={"refunds": [], "chargebacks": chargebacks})
        ids |= {event.id for event in gateway.verify_webhook(classic()).events}

    assert len(ids) == 3


@pytest.mark.parametrize(
    "url, reason",
    [
        (f"https://shop.example/hook?key={URL_SECRET}", None),
        (f"https://shop.example/hook/{URL_SECRET}", None),
        ("https://shop.example/hook", WebhookReason.WRONG_SIGNATURE),
        (None, WebhookReason.MISSING_SIGNATURE),
    ],
)
def test_secret_in_the_address_is_asked_for_first(
    connect: Connect, tells: Tells, mocker: requests_mock.Mocker, url: str | None, reason: WebhookReason | None
) -> None:
    """A forger cannot spend the requests of the account."""
    tells("GET", f"payments/{ID}", "paid")
    gateway = connect(url_secret=URL_SECRET)

    if reason is None:
        assert gateway.verify_webhook(classic(url=url)).events
    else:
        assert (refused(gateway, classic(url=url)).reason, mocker.request_history) == (reason, [])


def test_signed_webhook_is_confirmed_all_the_same(connect: Connect, tells: Tells, event: Callable[..., bytes]) -> None:
    """Its own id is the key, and its payment is asked for."""
    tells("GET", f"payments/{ID}", "paid")

    delivery = connect(webhook_secrets=SECRET).verify_webhook(signed(event(), SECRET))

    (told,) = delivery.events
    assert told.report is not None
    assert (delivery.verified_by, told.id, told.kind, told.invoice_id, told.report.received, told.occurred_at) == (
        "signature+callback",
        "event_GvJ8WHrp5isUdRub9CJyH",
        "payment.paid",
        ID,
        Money("12.50", "EUR"),
        datetime(2026, 1, 6, 8, 30, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize("place", ["entity", "refund"])
def test_signed_webhook_of_a_refund_tells_the_refund(
    connect: Connect, tells: Tells, event: Callable[..., bytes], example: Example, place: str
) -> None:
    """The payment stands in what the event brings along; the refund is as Mollie tells it now."""
    refunds = [example("refund", id="re_other", status="failed"), example("refund", status="refunded")]
    tells("GET", f"payments/{ID}", "paid", _embedded={"refunds": refunds, "chargebacks": []})
    body = event(type="refund.refunded", entityId="re_4qqhO89gsT", _embedded={place: example("refund")})

    (told,) = connect(webhook_secrets=SECRET).verify_webhook(signed(body, SECRET)).events

    assert told.refund is not None
    assert told.report is not None
    assert (told.refund.status, told.refund.refund_id, told.report.status) == (
        RefundStatus.DONE,
        "r-1",
        InvoiceStatus.PARTIALLY_REFUNDED,
    )


def test_bare_payment_is_an_event_too(connect: Connect, tells: Tells, example: Example) -> None:
    """So one page of Mollie's documentation shows the signed webhook: what it says itself is not believed."""
    tells("GET", f"payments/{ID}", "payment")
    body = json.dumps(example("paid")).encode()

    delivery = connect(webhook_secrets=SECRET).verify_webhook(signed(body, SECRET))

    (told,) = delivery.events
    assert told.report is not None
    assert (delivery.verified_by, told.kind, told.report.status) == (
        "signature+callback",
        "open",
        InvoiceStatus.PENDING,
    )


def test_event_about_something_else_is_told_as_such(
    connect: Connect, mocker: requests_mock.Mocker, event: Callable[..., bytes]
) -> None:
    """It is genuine, and about no payment: nothing is asked."""
    body = event(type="payment-link.paid", entityId="pl_1")

    delivery = connect(webhook_secrets=SECRET).verify_webhook(signed(body, SECRET))

    (told,) = delivery.events
    assert (delivery.verified_by, told.kind, told.invoice_id, told.report, mocker.request_history) == (
        "signature",
        "payment-link.paid",
        None,
        None,
        [],
    )


@pytest.mark.parametrize(
    "active, used",
    [([SECRET], [SECRET]), ([RETIRED, SECRET], [SECRET]), ([SECRET], [RETIRED, SECRET])],
    ids=["one", "two active", "two headers"],
)
def test_any_active_secret_will_do(
    connect: Connect, tells: Tells, event: Callable[..., bytes], active: list[str], used: list[str]
) -> None:
    """W6: while a secret is replaced, Mollie signs under the old one and the new, in a header each."""
    tells("GET", f"payments/{ID}", "paid")

    assert connect(webhook_secrets=active).verify_webhook(signed(event(), *used)).events


@pytest.mark.parametrize(
    "active, used",
    [({"webhook_secrets": [SECRET]}, [RETIRED]), ({"webhook_secrets": [SECRET]}, []), ({}, [SECRET])],
    ids=["retired", "unsigned", "no secret"],
)
def test_signature_under_no_active_secret_costs_no_request(
    connect: Connect,
    mocker: requests_mock.Mocker,
    event: Callable[..., bytes],
    active: dict[str, list[str]],
    used: list[str],
) -> None:
    """W2, W3: it is refused for good, and nothing is asked."""
    error = refused(connect(**active), signed(event(), *used))

    assert (error.retry, mocker.request_history) == (False, [])


def test_signatures_may_share_a_header(connect: Connect, tells: Tells, event: Callable[..., bytes]) -> None:
    """A proxy joins headers of one name by commas."""
    tells("GET", f"payments/{ID}", "paid")
    body = event()
    joined = ", ".join(value for _, value in signed(body, RETIRED, SECRET).headers.pairs)
    message = WebhookRequest(body=body, headers={"x-mollie-signature": joined})

    assert connect(webhook_secrets=SECRET).verify_webhook(message).events


@pytest.mark.parametrize(
    "secret, digest",
    [
        ("test_webhook_secret", "e479a5e4aaa17db94cfc546071e10e91c0b37f21e464e751ebdd7d7ad2ffd146"),
        ("alternate_webhook_secret", "d9a3b662172fdc140ac73ce937f49edcb72552dfbb8dfeb1696118a2c18386ef"),
    ],
)
@pytest.mark.parametrize("prefix", ["sha256=", ""])
def test_published_example_is_found_genuine(secret: str, digest: str, prefix: str) -> None:
    """Payload and secrets: mollie/mollie-api-php, tests/Webhooks/SignatureValidatorTest.php; digests: openssl."""
    body = b'{"id":"tr_12345","event_type":"payment-link.paid"}'
    request = WebhookRequest(body=body, headers={"X-Mollie-Signature": f"{prefix}{digest}"})

    with pytest.raises(WebhookError) as genuine:  # which says no more than these
        webhook.read_signed(request, (Secret(secret),))
    with pytest.raises(WebhookError) as forged:
        webhook.read_signed(request, (Secret(f"{secret}2"),))

    assert (genuine.value.reason, forged.value.reason) == (WebhookReason.MALFORMED, WebhookReason.WRONG_SIGNATURE)


@pytest.mark.parametrize("body", [b"{}", b'{"resource": 1, "id": "x"}', b'{"resource": "event"', b'{"id": "\xff"}'])
def test_signed_webhook_that_cannot_be_read_is_malformed(connect: Connect, body: bytes) -> None:
    """It is genuine, and tells nothing."""
    assert refused(connect(webhook_secrets=SECRET), signed(body, SECRET)).reason is WebhookReason.MALFORMED

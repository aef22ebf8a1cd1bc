"""A webhook is bytes and headers until it is verified; then it is events and an answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway_core import (
    Acknowledgement,
    InvoiceStatus,
    Money,
    Refund,
    RefundStatus,
    Secret,
    StatusReport,
    WebhookDelivery,
    WebhookEvent,
    WebhookRegistration,
    WebhookRequest,
)
from gateway_core.errors import InvalidRequestError, WebhookReason

EVENT = WebhookEvent(id="e", kind="invoice.paid")
REPORT = StatusReport(invoice_id="7", status=InvoiceStatus.PAID)
REFUND = Refund(id="r", invoice_id="7", amount=Money(1, "EUR"), status=RefundStatus.FAILED)


@pytest.mark.parametrize(
    "body",
    ["{}", bytearray(b"{}"), memoryview(b"{}"), None, {"paid": True}],
    ids=["text", "bytearray", "memoryview", "None", "dict"],
)
def test_a_body_is_bytes(body: Any) -> None:
    """W1: what is verified is what was received: no text, and nothing that was parsed."""
    with pytest.raises(InvalidRequestError, match="body is bytes"):
        WebhookRequest(body=body)


def test_a_request_does_not_show_what_it_holds() -> None:
    """S9: neither body nor header values nor the address stand in a repr."""
    request = WebhookRequest(
        body=b"canary", headers={"X-Signature": "canary"}, url="https://shop.example/?token=canary"
    )

    actual = repr(request)

    assert actual == "WebhookRequest(body=<6 bytes>, headers=<Headers x-signature>, method='POST', received_at=None)"


def test_the_moment_has_a_time_zone() -> None:
    """W7: a time of receipt without a time zone cannot be compared."""
    with pytest.raises(InvalidRequestError, match="received_at"):
        WebhookRequest(body=b"", received_at=datetime(2030, 1, 1))  # noqa: DTZ001  # the mistake that is tested


@pytest.mark.parametrize(
    "changed",
    [
        {"id": ""},
        {"id": "a\nb"},
        {"kind": None},
        {"invoice_id": ""},
        {"invoice_id": 7},
        {"occurred_at": datetime(2030, 1, 1)},  # noqa: DTZ001  # the mistake that is tested
        {"report": REPORT},
        {"report": REPORT, "invoice_id": "8"},
        {"report": "paid", "invoice_id": "7"},
        {"refund": REFUND},
        {"refund": REFUND, "invoice_id": "8"},
        {"refund": REPORT, "invoice_id": "7"},
    ],
    ids=repr,
)
def test_malformed_events_are_refused(changed: dict[str, Any]) -> None:
    """An event has an id, and its report is about its own invoice."""
    with pytest.raises(InvalidRequestError):
        WebhookEvent(**({"id": "e", "kind": "invoice.paid"} | changed))


def test_an_event_tells_of_its_invoice() -> None:
    """A report and its event name the same invoice."""
    event = WebhookEvent(
        id="e", kind="invoice.paid", invoice_id="7", report=REPORT, occurred_at=datetime(2030, 1, 1, tzinfo=UTC)
    )

    actual = event.invoice_id, event.report

    assert actual == ("7", REPORT)


@pytest.mark.parametrize("verified_by", ["signature", "callback", "signature+callback"])
def test_a_delivery_says_how_it_was_verified(verified_by: Any) -> None:
    """A delivery carries events, and is answered with 200 unless the provider wants otherwise."""
    actual = WebhookDelivery(events=[EVENT], verified_by=verified_by)

    assert (actual.events, actual.verified_by, actual.acknowledgement) == ((EVENT,), verified_by, Acknowledgement())


@pytest.mark.parametrize(
    "changed",
    [
        {"verified_by": "nothing"},
        {"verified_by": None},
        {"verified_by": ["signature"]},
        {"events": EVENT},
        {"events": [REPORT]},
        {"refused": ["stale"]},
    ],
    ids=["nothing", "None", "list", "no list", "no events", "no reason"],
)
def test_malformed_deliveries_are_refused(changed: dict[str, Any]) -> None:
    """W1: a delivery that does not say how it was verified is none."""
    with pytest.raises(InvalidRequestError):
        WebhookDelivery(**({"events": [EVENT], "verified_by": "signature"} | changed))


def test_event_may_tell_of_a_refund() -> None:
    """A refund that failed later is told by its own event."""
    event = WebhookEvent(id="e", kind="refund.failed", invoice_id="7", refund=REFUND)

    actual = event.refund, event.report

    assert actual == (REFUND, None)


def test_batch_may_be_empty_or_refused_in_part() -> None:
    """What is not genuine is told to the operator, and does not block the provider's queue."""
    actual = WebhookDelivery(events=[], verified_by="signature", refused=[WebhookReason.WRONG_SIGNATURE])

    assert (actual.events, actual.refused) == ((), (WebhookReason.WRONG_SIGNATURE,))


def test_registration_shows_no_secret() -> None:
    """S9: the secret that a provider gives for a new address is printed nowhere."""
    made = WebhookRegistration(id="we_1", url="https://shop.example/webhooks", secret=Secret("whsec_canary"))

    actual = repr(made), made.events

    assert actual == ("WebhookRegistration(id='we_1', url='https://shop.example/webhooks', events=())", ())

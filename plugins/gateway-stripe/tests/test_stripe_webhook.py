"""Stripe's webhooks: published vectors, changed messages, and what each event tells."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway_core import Gateway, HttpRequest, InvoiceStatus, Money, RefundStatus, WebhookEvent, WebhookRequest
from gateway_core.errors import ConfigurationError, WebhookError, WebhookReason
from gateway_core.testing import query_of
from gateway_core.webhooks import sign

#: Of stripe-python's tests/test_webhook.py: payload and secret; the digests are those of the SDK's own function.
_SECRET = "whsec_test_secret"
_DIGESTS = {
    12345: "07b1ede164afb7b5de91267ffa656f568c65d6e0783ce0ac55ee094643578eda",
    1700000000: "3bfab77baf5f7b6991a46c9b53b6547d7afc56148b10468fcad9f35c1992ffbd",
}
_AT = 1700000000
_GENUINE = f"t={_AT},v1={_DIGESTS[_AT]}"


@pytest.fixture
def payload(request: pytest.FixtureRequest) -> bytes:
    """Give the body of the vectors."""
    body: bytes = (request.path.parent / "data" / "event-terminal-reader.txt").read_bytes()
    assert len(body) == 125
    return body


def _message(body: bytes, header: str | None, *, late: int = 0, at: int = _AT) -> WebhookRequest:
    headers = {} if header is None else {"Stripe-Signature": header}
    return WebhookRequest(body=body, headers=headers, received_at=datetime.fromtimestamp(at + late, UTC))


@pytest.mark.parametrize("at", _DIGESTS)
def test_vector_is_accepted(gateway: Gateway, payload: bytes, at: int) -> None:
    """The signature that Stripe's own function gives is right, and an event about something else tells so."""
    [event] = gateway.verify_webhook(_message(payload, f"t={at},v1={_DIGESTS[at]}", at=at)).events

    assert (event.id, event.kind, event.invoice_id, event.report) == ("evt_test_webhook", "", None, None)


@pytest.mark.parametrize(
    "header",
    [
        f"{_GENUINE},v1=bad_signature",
        f"t={_AT},v1=bad_signature,v1={_DIGESTS[_AT]}",
        f"v1={_DIGESTS[_AT]},t={_AT}",
        f"{_GENUINE},v0=abc",
        f"{_GENUINE},v9=abc",
    ],
)
def test_several_signatures(gateway: Gateway, payload: bytes, header: str) -> None:
    """While a secret is rolled there is a v1 for each; other schemes do not count."""
    assert gateway.verify_webhook(_message(payload, header)).verified_by == "signature"


@pytest.mark.parametrize(
    "header, reason",
    [
        (None, WebhookReason.MISSING_SIGNATURE),
        ("bad_header", WebhookReason.MALFORMED),
        (f"v1={_DIGESTS[_AT]}", WebhookReason.MALFORMED),
        (f"t={_AT}", WebhookReason.MISSING_SIGNATURE),
        (f"t={_AT},v0={_DIGESTS[_AT]}", WebhookReason.MISSING_SIGNATURE),
        (f"t={_AT},v1=bad_signature", WebhookReason.WRONG_SIGNATURE),
        (f"t={_AT},v1={_DIGESTS[_AT].upper()}", WebhookReason.WRONG_SIGNATURE),
        (f"t={_AT}, v1={_DIGESTS[_AT]}", WebhookReason.MISSING_SIGNATURE),
        (f"t={_AT},t={_AT},v1={_DIGESTS[_AT]}", WebhookReason.MALFORMED),
        (f"t={_AT + 1},v1={_DIGESTS[_AT]}", WebhookReason.WRONG_SIGNATURE),
        (f"t={_AT},v1={_DIGESTS[12345]}", WebhookReason.WRONG_SIGNATURE),
        (f"t={_AT}" + ",v1=0" * 11, WebhookReason.MALFORMED),
        (f"t=\u0661,v1={_DIGESTS[_AT]}", WebhookReason.WRONG_SIGNATURE),
    ],
)
def test_wrong_header_is_refused(gateway: Gateway, payload: bytes, header: str | None, reason: WebhookReason) -> None:
    """A header that Stripe does not write is refused, for a reason that the operator can read."""
    with pytest.raises(WebhookError) as told:
        gateway.verify_webhook(_message(payload, header))

    assert told.value.reason is reason


def _flipped(body: bytes) -> Iterator[bytes]:
    for position in range(len(body)):
        changed = bytearray(body)
        changed[position] ^= 1 << (position % 8)
        yield bytes(changed)


def test_every_changed_byte_is_refused(gateway: Gateway, payload: bytes) -> None:
    """Each of the body's 125 bytes is covered; parsed and written anew it is another body."""
    for body in (*_flipped(payload), payload + b"\n", payload[:-1], json.dumps(json.loads(payload)).encode()):
        with pytest.raises(WebhookError) as told:
            gateway.verify_webhook(_message(body, _GENUINE))
        assert told.value.reason is WebhookReason.WRONG_SIGNATURE


@pytest.mark.parametrize("late, accepted", [(0, True), (300, True), (301, False), (-300, True), (-301, False)])
def test_message_is_young(gateway: Gateway, payload: bytes, late: int, accepted: bool) -> None:
    """Five minutes on either side: a time far ahead would never grow old."""
    if accepted:
        gateway.verify_webhook(_message(payload, _GENUINE, late=late))
        return
    with pytest.raises(WebhookError) as told:
        gateway.verify_webhook(_message(payload, _GENUINE, late=late))
    assert told.value.reason is WebhookReason.STALE


def test_rolled_secret(connect: Callable[..., Gateway], payload: bytes) -> None:
    """Any of the active secrets will do, and no other."""
    connect(webhook_secret=["whsec_the_new_one", _SECRET]).verify_webhook(_message(payload, _GENUINE))

    with pytest.raises(WebhookError):
        connect(webhook_secret=["whsec_the_new_one", "whsec_another_one"]).verify_webhook(_message(payload, _GENUINE))


def test_secret_is_needed(connect: Callable[..., Gateway], payload: bytes) -> None:
    """Without a secret nothing is genuine, and the operator is told what is missing."""
    gateway = connect(webhook_secret=None)

    with pytest.raises(ConfigurationError, match="cannot be verified without a secret"):
        gateway.verify_webhook(_message(payload, _GENUINE))


@pytest.fixture
def told(connect: Callable[..., Gateway]) -> Callable[..., WebhookEvent]:
    """Give what signs an event about an object, and tells what the gateway makes of it."""

    def told(kind: str, about: Any, *, ours: str | None = None, **changes: Any) -> WebhookEvent:
        event = {
            "id": "evt_1",
            "object": "event",
            "type": kind,
            "created": _AT,
            "livemode": False,
            "data": {"object": about},
            **changes,
        }
        body = json.dumps(event).encode()
        signature = sign(_SECRET.encode(), f"{_AT}.".encode() + body).decode()
        [found] = connect(account=ours).verify_webhook(_message(body, f"t={_AT},v1={signature}")).events
        return found

    return told


@pytest.mark.parametrize(
    "kind, changes, expected",
    [
        ("completed", {"status": "complete", "payment_status": "paid"}, InvoiceStatus.PAID),
        ("completed", {"status": "complete", "payment_status": "unpaid"}, InvoiceStatus.PENDING),
        ("async_payment_succeeded", {"status": "complete", "payment_status": "paid"}, InvoiceStatus.PAID),
        ("async_payment_failed", {"status": "complete", "payment_status": "unpaid"}, InvoiceStatus.FAILED),
        ("async_payment_failed", {"status": "complete", "payment_status": "paid"}, InvoiceStatus.UNKNOWN),
        ("expired", {"status": "expired", "payment_intent": None}, InvoiceStatus.EXPIRED),
        (
            "expired",
            {"status": "expired", "payment_intent": None, "metadata": {"gateway_canceled": "true"}},
            InvoiceStatus.CANCELED,
        ),
        ("completed", {"status": "complete", "payment_status": "zorblax"}, InvoiceStatus.UNKNOWN),
        ("completed", {"status": "zorblax", "payment_status": "paid"}, InvoiceStatus.UNKNOWN),
        ("completed", {"status": "open", "payment_status": "paid"}, InvoiceStatus.UNKNOWN),
        ("expired", {"status": "expired", "payment_status": "paid"}, InvoiceStatus.UNKNOWN),
        (
            "completed",
            {"status": "complete", "payment_status": "no_payment_required", "amount_total": 0, "payment_intent": None},
            InvoiceStatus.PAID,
        ),
    ],
)
def test_session_tells_by_itself(  # noqa: PLR0917  # fixtures, and one row of the table
    told: Callable[..., WebhookEvent],
    example: Callable[[str], Any],
    sent: Callable[[], list[HttpRequest]],
    kind: str,
    changes: dict[str, Any],
    expected: InvoiceStatus,
) -> None:
    """What a session's own event says is believed without asking; complete and unpaid is not paid."""
    event = told(f"checkout.session.{kind}", example("session-open") | {"payment_intent": "pi_1"} | changes)

    assert event.report is not None
    assert (event.invoice_id, event.report.order_id) == ("cs_test_a1X", "A-1")
    assert event.report.status is expected
    assert event.occurred_at == datetime.fromtimestamp(_AT, UTC)
    assert sent() == []


def _charge() -> dict[str, Any]:
    refunds = {"object": "list", "data": [], "has_more": False}
    known = {"object": "charge", "created": _AT, "captured": True, "refunded": False, "disputed": False}
    return {"id": "ch_1", "payment_intent": "pi_1", "refunds": refunds, **known}


def _session(example: Callable[[str], Any], status: str = "succeeded", **changes: Any) -> dict[str, Any]:
    intent = {
        "id": "pi_1",
        "object": "payment_intent",
        "status": status,
        "amount": 1099,
        "amount_received": 1099 if status == "succeeded" else 0,
        "currency": "eur",
        "created": _AT,
        "latest_charge": _charge(),
    }
    session: dict[str, Any] = example("session-open")
    return session | {"status": "complete", "payment_intent": intent} | changes


def test_reserved_money_is_asked_for(
    told: Callable[..., WebhookEvent], example: Callable[[str], Any], answers: Callable[..., None]
) -> None:
    """Whatever a session says of a hold, the payment is asked: reserved is not paid."""
    mark = {"gateway_manual_capture": "true"}
    answers("checkout/sessions/cs_test_a1X", _session(example, "requires_capture"))
    about = example("session-open") | {"status": "complete", "payment_status": "paid", "metadata": mark}

    event = told("checkout.session.completed", about)

    assert event.report is not None
    assert (event.report.status, event.report.received) == (InvoiceStatus.AUTHORIZED, Money("0", "EUR"))


@pytest.mark.parametrize(
    "kind, about",
    [
        ("payment_intent.succeeded", {"id": "pi_1", "object": "payment_intent"}),
        ("charge.refunded", {"id": "ch_1", "object": "charge", "payment_intent": "pi_1"}),
        ("charge.dispute.created", {"id": "dp_1", "object": "dispute", "payment_intent": "pi_1"}),
    ],
)
def test_other_objects_are_asked_for(  # noqa: PLR0917  # fixtures, and one row of the table
    told: Callable[..., WebhookEvent],
    example: Callable[[str], Any],
    answers: Callable[..., None],
    sent: Callable[[], list[HttpRequest]],
    kind: str,
    about: dict[str, Any],
) -> None:
    """They name no session: the one of their payment is looked up, and told as it is now."""
    answers("checkout/sessions", {"object": "list", "data": [_session(example)], "has_more": False})

    event = told(kind, about)

    assert event.report is not None
    assert (event.invoice_id, event.report.status) == ("cs_test_a1X", InvoiceStatus.PAID)
    assert query_of(sent()[0])["payment_intent"] == "pi_1"


def test_refund_is_told_as_it_is_now(
    told: Callable[..., WebhookEvent], example: Callable[[str], Any], answers: Callable[..., None]
) -> None:
    """An old event about a refund that has meanwhile been done tells that it is done."""
    session = _session(example)
    done = example("refund") | {"metadata": {"refund_id": "r-7"}}
    session["payment_intent"]["latest_charge"]["refunds"]["data"] = [done]
    answers("checkout/sessions", {"object": "list", "data": [session], "has_more": False})

    event = told("refund.created", done | {"status": "pending"})

    assert event.refund is not None
    assert (event.refund.refund_id, event.refund.status) == ("r-7", RefundStatus.DONE)


def test_payment_of_no_session_is_somebody_elses(
    told: Callable[..., WebhookEvent], answers: Callable[..., None]
) -> None:
    """A payment that was made past Checkout Sessions belongs to no invoice."""
    answers("checkout/sessions", {"object": "list", "data": [], "has_more": False})

    event = told("payment_intent.succeeded", {"id": "pi_9", "object": "payment_intent"})

    assert (event.kind, event.invoice_id, event.report) == ("payment_intent.succeeded", None, None)


@pytest.mark.parametrize(
    "kind, about",
    [
        ("customer.created", {"id": "cus_1", "object": "customer"}),
        ("payment_intent.created", {"id": "pi_1", "object": "payment_intent"}),
        ("charge.refunded", {"id": "ch_1", "object": "charge", "payment_intent": None}),
        ("checkout.session.completed", {"id": "cs_test_b", "object": "checkout.session", "mode": "subscription"}),
    ],
)
def test_events_about_something_else_cost_nothing(
    told: Callable[..., WebhookEvent],
    example: Callable[[str], Any],
    sent: Callable[[], list[HttpRequest]],
    kind: str,
    about: dict[str, Any],
) -> None:
    """They are genuine, tell of no invoice, and nobody is asked."""
    session = example("session-open") if about["object"] == "checkout.session" else {}

    event = told(kind, session | about)

    assert (event.invoice_id, event.report, sent()) == (None, None, [])


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"livemode": True}, WebhookReason.WRONG_ACCOUNT),
        ({"object": "v2.core.event"}, WebhookReason.MALFORMED),
        ({"id": ""}, WebhookReason.MALFORMED),
        ({"data": {"object": []}}, WebhookReason.MALFORMED),
        ({"data": {"object": {"object": "checkout.session", "id": 7}}}, WebhookReason.MALFORMED),
    ],
)
def test_genuine_and_of_no_use(
    told: Callable[..., WebhookEvent], changes: dict[str, Any], reason: WebhookReason
) -> None:
    """Of the other mode, another account, without its object: refused though the signature is right."""
    with pytest.raises(WebhookError) as refused:
        told("checkout.session.completed", {"object": "checkout.session"}, **changes)

    assert refused.value.reason is reason


def test_event_of_the_connected_account(told: Callable[..., WebhookEvent]) -> None:
    """An endpoint for connected accounts names the account, which has to be that of the settings."""
    about = {"id": "cus_1", "object": "customer"}

    assert told("customer.created", about, ours="acct_2", account="acct_2").id == "evt_1"
    for ours, theirs in (("acct_2", "acct_3"), (None, "acct_3")):
        with pytest.raises(WebhookError) as refused:
            told("customer.created", about, ours=ours, account=theirs)
        assert refused.value.reason is WebhookReason.WRONG_ACCOUNT


def test_lost_question_wants_the_event_again(told: Callable[..., WebhookEvent], answers: Callable[..., None]) -> None:
    """Where Stripe cannot be asked, the event is not refused for good: it is to be sent again."""
    answers("checkout/sessions", {}, status=503)

    with pytest.raises(WebhookError) as refused:
        told("payment_intent.succeeded", {"id": "pi_1", "object": "payment_intent"})

    assert refused.value.http_status == 503


def test_tolerance_is_that_of_stripes_libraries() -> None:
    """Five minutes."""
    from gateway_stripe.webhook import TOLERANCE

    assert timedelta(seconds=300) == TOLERANCE

"""Unsigned webhooks: who sends them is nobody's word but Bitsby's own."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from gateway_core import (
    Gateway,
    HttpRequest,
    InvoiceStatus,
    Money,
    StatusReport,
    WebhookDelivery,
    WebhookEvent,
    WebhookRequest,
)
from gateway_core.errors import WebhookError, WebhookReason
from gateway_core.testing import fields_of

KEY = "made-up-key-0123456789-abcdefghijklmnop"
INVOICE = "ade9550d-3dc7-4fd3-b94e-3b4c12aaaa0c"
OTHER = "ade9550d-3dc7-4fd3-b94e-3b4c12aaaa0d"
PAYMENT = "7d1e2f30-4b5c-4d6e-8f70-a1b2c3d4e5f6"
SECRET = "url-secret-0123456789"
ADDRESS = "https://shop.example/webhooks/bitsby"

Sent = Callable[[], list[HttpRequest]]


@pytest.fixture
def told(example: Callable[[str], bytes]) -> Callable[..., bytes]:
    """Give a maker of webhooks: the documented one, with changes to its parts."""

    def told(**changes: dict[str, Any]) -> bytes:
        document = json.loads(example("webhook"))
        return json.dumps({part: fields | changes.get(part, {}) for part, fields in document.items()}).encode()

    return told


def refused(gateway: Gateway, body: bytes, **more: Any) -> WebhookError:
    """Return the error with which a webhook is refused."""
    with pytest.raises(WebhookError) as caught:
        gateway.verify_webhook(WebhookRequest(body=body, **more))
    return caught.value


@pytest.mark.parametrize("generation", ["", "-older"], ids=["newer", "older"])
def test_webhook_that_bitsby_confirms_is_genuine(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes], generation: str
) -> None:
    """W13: the event is made of Bitsby's answer, and known again by its payment."""
    answers("invoices/list", example(f"paid{generation}"))

    actual = gateway.verify_webhook(WebhookRequest(body=example(f"webhook{generation}")))

    report = StatusReport(
        invoice_id=INVOICE,
        order_id="1042",
        attempt=1,
        status=InvoiceStatus.PAID,
        expected=Money("12.00", "USD"),
        provider_status="paid",
    )
    event = WebhookEvent(
        id=PAYMENT,
        kind="paid",
        invoice_id=INVOICE,
        report=report,
        occurred_at=datetime(2024, 2, 29, 15, 31, 7, tzinfo=UTC),
    )
    assert actual == WebhookDelivery(events=[event], verified_by="callback")


def test_bitsby_is_asked_for_that_invoice_once(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes], sent: Sent
) -> None:
    """W13: one webhook costs one request of the one that is allowed each second."""
    answers("invoices/list", example("paid"))

    gateway.verify_webhook(WebhookRequest(body=example("webhook")))

    assert [fields_of(each) for each in sent()] == [{"invoiceId": INVOICE, "limit": "1"}]


def test_answer_to_a_genuine_webhook_is_200(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes]
) -> None:
    """Bitsby takes no other status for a delivery."""
    answers("invoices/list", example("paid"))

    delivery = gateway.verify_webhook(WebhookRequest(body=example("webhook")))

    assert delivery.acknowledgement.status == 200


def test_nothing_in_the_event_is_of_the_body(
    gateway: Gateway, answers: Callable[..., None], data_of: Callable[[str], Any], told: Callable[..., bytes]
) -> None:
    """W11: whoever knows a paid invoice's numbers still cannot say what it was for."""
    answers("invoices/list", json.dumps({"result": "success", "data": data_of("paid")}).encode())
    lies = {"serviceData": '{"order_id": "9999"}', "description": "lies", "calcAmountFiat": "9999.00"}

    (event,) = gateway.verify_webhook(WebhookRequest(body=told(invoice=lies))).events

    assert event.report is not None
    assert (event.report.order_id, event.raw) == ("1042", data_of("paid")[0])


@pytest.mark.parametrize(
    "part, changes",
    [
        ("invoice", {"amountFiat": "11.99"}),
        ("invoice", {"amountFiat": "1200"}),
        ("invoice", {"currencyFiat": "EUR"}),
        ("invoice", {"status": "canceled"}),
        ("invoice", {"status": "unpaid"}),
        ("payment", {"id": OTHER}),
    ],
    ids=str,
)
def test_webhook_that_bitsby_contradicts_is_refused(  # noqa: PLR0917  # as many fixtures as it needs
    gateway: Gateway,
    answers: Callable[..., None],
    example: Callable[[str], bytes],
    told: Callable[..., bytes],
    part: str,
    changes: dict[str, Any],
) -> None:
    """W11: a message that says something else than Bitsby did not come from there."""
    answers("invoices/list", example("paid"))

    error = refused(gateway, told(**{part: changes}))

    assert (error.reason, error.http_status) == (WebhookReason.NOT_CONFIRMED, 400)


def test_amount_is_compared_by_its_value(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes], told: Callable[..., bytes]
) -> None:
    """M4: 12 is 12.00."""
    answers("invoices/list", example("paid"))

    delivery = gateway.verify_webhook(WebhookRequest(body=told(invoice={"amountFiat": 12})))

    assert len(delivery.events) == 1


@pytest.mark.parametrize(
    "status, reason",
    [
        ("unpaid", WebhookReason.UNCONFIRMED),
        ("expired", WebhookReason.UNCONFIRMED),
        ("canceled", WebhookReason.NOT_CONFIRMED),
        ("refunded", WebhookReason.NOT_CONFIRMED),
    ],
)
def test_invoice_that_is_not_paid_is_not_believed_to_be(  # noqa: PLR0917  # as many fixtures as it needs
    gateway: Gateway,
    tells: Callable[..., None],
    data_of: Callable[[str], Any],
    told: Callable[..., bytes],
    status: str,
    reason: WebhookReason,
) -> None:
    """W1: a forger who knows an open invoice, such as the payer, cannot make it paid; nor by agreeing with Bitsby.

    An invoice that may still become paid is asked about again at the next delivery: Bitsby's list may lag.
    """
    tells("invoices/list", [data_of("paid")[0] | {"status": status}])

    reasons = {refused(gateway, told(invoice={"status": word})).reason for word in ("paid", status)}

    assert reasons == {reason}


def test_invoice_that_bitsby_does_not_know_is_refused(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes], told: Callable[..., bytes]
) -> None:
    """W13: an id that was made up leads nowhere."""
    answers("invoices/list", example("empty"))

    error = refused(gateway, told(invoice={"id": OTHER}))

    assert (error.reason, error.retry) == (WebhookReason.UNCONFIRMED, True)


def test_invoice_of_another_project_is_refused(
    gateway: Gateway, tells: Callable[..., None], data_of: Callable[[str], Any], example: Callable[[str], bytes]
) -> None:
    """W11: a payment to one shop of a merchant is none to another, whatever project the message names."""
    tells("invoices/list", [data_of("paid")[0] | {"projectId": OTHER}])

    assert refused(gateway, example("webhook")).reason is WebhookReason.UNCONFIRMED


def test_webhook_for_another_project_costs_no_request(gateway: Gateway, told: Callable[..., bytes], sent: Sent) -> None:
    """W11: it says itself that it is not for us."""
    error = refused(gateway, told(project={"id": OTHER}))

    assert (error.reason, sent()) == (WebhookReason.WRONG_ACCOUNT, [])


@pytest.mark.parametrize(
    "changes",
    [{"id": OTHER}, {"payment": None}],
    ids=["other invoice", "no payment"],
)
def test_answer_that_does_not_fit_confirms_nothing(
    gateway: Gateway,
    tells: Callable[..., None],
    data_of: Callable[[str], Any],
    example: Callable[[str], bytes],
    changes: dict[str, Any],
) -> None:
    """W13: what cannot be made sense of is asked for again, not believed."""
    tells("invoices/list", [data_of("paid")[0] | changes])

    error = refused(gateway, example("webhook"))

    assert (error.reason, error.http_status) == (WebhookReason.UNCONFIRMED, 503)


@pytest.mark.parametrize("payment_id", ["", " ", "x" * 256])
def test_payment_without_a_usable_id_confirms_nothing(
    gateway: Gateway,
    tells: Callable[..., None],
    data_of: Callable[[str], Any],
    told: Callable[..., bytes],
    payment_id: str,
) -> None:
    """W8: an event that could not be known again is not let in."""
    (paid,) = data_of("paid")
    tells("invoices/list", [paid | {"payment": paid["payment"] | {"id": payment_id}}])

    error = refused(gateway, told(payment={"id": payment_id}))

    assert error.reason is WebhookReason.UNCONFIRMED


@pytest.mark.parametrize(
    "body, status",
    [
        (b'{"result":"error","data":"Requests too frequent"}', 200),
        (b'{"result":"error","data":"No"}', 401),
        (b"<html>Bad Gateway</html>", 502),
        (b"{}", 200),
    ],
    ids=["too frequent", "key refused", "down", "nonsense"],
)
def test_webhook_waits_while_bitsby_cannot_be_asked(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes], body: bytes, status: int
) -> None:
    """W13: not accepted and not thrown away: Bitsby delivers again after five minutes."""
    answers("invoices/list", body, status=status)

    error = refused(gateway, example("webhook"))

    assert (error.reason, error.retry, error.http_status) == (WebhookReason.UNCONFIRMED, True, 503)


def test_webhook_waits_while_the_network_is_down(
    gateway: Gateway, mocker: Any, example: Callable[[str], bytes]
) -> None:
    """W13: no answer is no confirmation."""
    mocker.post("https://api.bitsby.app/invoices/list", exc=requests.ConnectionError("down"))

    assert refused(gateway, example("webhook")).retry


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"<xml/>",
        b"{",
        b'{"invoice":{}}',
        b'{"invoice":[],"project":{},"payment":{}}',
        b"[" * 100_000,
        b'{"invoice":' * 10_000,
        b'{"a":NaN}',
        b'{"a":' + b"9" * 10_000 + b"}",
        b'{"invoice":{},"invoice":{}}',
        b'{"a":"\\ud800"}',
    ],
    ids=lambda body: ascii(body[:30]),
)
def test_hostile_body_is_refused_without_a_request(gateway: Gateway, sent: Sent, body: bytes) -> None:
    """W10: strict JSON, bounded, and nothing is asked about what cannot be read."""
    error = refused(gateway, body)

    assert (error.reason, error.http_status, sent()) == (WebhookReason.MALFORMED, 400, [])


@pytest.mark.parametrize(
    "part, changes",
    [
        ("invoice", {"id": "1042"}),
        ("invoice", {"id": f"{INVOICE}\r\n--boundary"}),
        ("invoice", {"id": f"{INVOICE}' OR '1'='1"}),
        ("invoice", {"id": INVOICE.replace("a", "а")}),
        ("invoice", {"id": ""}),
        ("invoice", {"id": 7}),
        ("invoice", {"id": [INVOICE, OTHER]}),
        ("invoice", {"amountFiat": None}),
        ("invoice", {"amountFiat": "1e999"}),
        ("invoice", {"status": 1}),
        ("project", {"id": None}),
        ("payment", {"id": 7}),
    ],
    ids=ascii,
)
def test_id_of_another_form_is_never_asked_for(
    gateway: Gateway, told: Callable[..., bytes], sent: Sent, part: str, changes: dict[str, Any]
) -> None:
    """W13: an id is parsed by a strict pattern before it goes anywhere."""
    error = refused(gateway, told(**{part: changes}))

    assert (error.reason, sent()) == (WebhookReason.MALFORMED, [])


def test_body_that_is_too_large_is_refused(gateway: Gateway, example: Callable[[str], bytes], sent: Sent) -> None:
    """W10: a webhook is one or two kilobytes."""
    error = refused(gateway, example("webhook") + b" " * (1 << 20))

    assert (error.http_status, sent()) == (413, [])


@pytest.mark.parametrize("body", [b'{"customer":"Erika Mustermann', b'{"invoice":{"id":"Erika Mustermann"}}'])
def test_no_error_quotes_the_body_or_a_secret(connect: Callable[..., Gateway], body: bytes) -> None:
    """S1, S9: not in the text, and not in what it was raised from."""
    error = refused(connect(url_secret=SECRET), body, url=f"{ADDRESS}?secret={SECRET}")

    text = "".join(traceback.format_exception(error)) + repr(error)
    assert [word for word in ("Erika", SECRET, KEY) if word in text] == []


def test_no_refusal_has_the_body_in_its_chain(gateway: Gateway) -> None:
    """S9: what a crash report follows from the error leads to no body."""
    error = refused(gateway, b'{"customer":"Erika Mustermann')

    assert (error.__cause__, error.__context__) == (None, None)

"""Stripe's own SDK and the plugin judge the same webhooks: hundreds of changed ones, signed by either side."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import stripe

from gateway_core import Gateway, InvoiceRequest, Money, WebhookRequest
from gateway_core.errors import WebhookError
from gateway_stripe.emulator import StripeEmulator

_BODY = (
    '{\n  "id": "evt_1",\n  "object": "event",\n  "type": "ping",\n  "data": {"object": {"id": "x", "note": "Käse"}}\n}'
)


def _sdk_accepts(body: bytes, header: str, secret: str) -> bool:
    try:
        stripe.Webhook.construct_event(body, header, secret)
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        return False
    return True


def _plugin_accepts(served: Gateway, body: bytes, header: str) -> bool:
    request = WebhookRequest(body=body, headers={"Stripe-Signature": header}, received_at=datetime.now(UTC))
    try:
        served.verify_webhook(request)
    except WebhookError:
        return False
    return True


def _signed(secret: str, *, seconds: int = 0, body: str = _BODY) -> str:
    at = int((datetime.now(UTC) + timedelta(seconds=seconds)).timestamp())
    header: str = stripe.WebhookSignature.generate_signature_header(body, secret, at)
    return header


def _changed(secret: str) -> Iterator[tuple[str, bytes, str]]:
    """Yield messages with what was changed in them."""
    body, header = _BODY.encode("utf-8"), _signed(secret)
    time, _, signature = header.partition(",")
    digest = signature.removeprefix("v1=")
    for position in range(len(body)):
        flipped = bytearray(body)
        flipped[position] ^= 1
        yield f"bit of byte {position}", bytes(flipped), header
    for position, char in enumerate(digest):
        other = f"{digest[:position]}{'0' if char != '0' else '1'}{digest[position + 1 :]}"
        yield f"digit {position} of the signature", body, f"{time},v1={other}"
    other_time = f"t={int(time.removeprefix('t=')) - 1}"
    for words, changed in {
        "untouched": header,
        "another time": f"{other_time},v1={digest}",
        "no time": f"v1={digest}",
        "empty time": f"t=,v1={digest}",
        "time in words": f"t=now,v1={digest}",
        "no signature": time,
        "empty signature": f"{time},v1=",
        "v0 only": f"{time},v0={digest}",
        "v0 beside it": f"{time},v0={'0' * 64},v1={digest}",
        "a wrong one first": f"{time},v1={'0' * 64},v1={digest}",
        "a wrong one last": f"{time},v1={digest},v1=bad_signature",
        "two wrong ones": f"{time},v1={'0' * 64},v1={'1' * 64}",
        "the signature first": f"v1={digest},{time}",
        "upper case": f"{time},v1={digest.upper()}",
        "short": f"{time},v1={digest[:-1]}",
        "long": f"{time},v1={digest}0",
        "a blank after the comma": f"{time}, v1={digest}",
        "a blank after the sign": f"{time},v1= {digest}",
        "a semicolon": f"{time};v1={digest}",
        "an unknown key": f"{time},v1={digest},v2=abc",
        "a bad header": "bad_header",
        "a comma": ",",
        "V1 in capitals": f"{time},V1={digest}",
        "of another secret": _signed("whsec_another_one"),
        "of the secret without its prefix": _signed(secret.removeprefix("whsec_")),
        "of another body": _signed(secret, body=_BODY + " "),
        "299 seconds old": _signed(secret, seconds=-290),
        "301 seconds old": _signed(secret, seconds=-310),
        "a day old": _signed(secret, seconds=-86400),
        "a little in the future": _signed(secret, seconds=5),
    }.items():
        yield words, body, changed
    yield "body with a blank more", body + b" ", header
    yield "body without its end", body[:-1], header
    yield "no body", b"", header
    yield "written anew", json.dumps(json.loads(body)).encode(), header


def test_both_judge_changed_webhooks_alike(judged: StripeEmulator, direct: Gateway) -> None:
    """Of hundreds of changed messages each is accepted by both, or refused by both."""
    secret = judged.credentials["webhook_secret"]
    messages = list(_changed(secret))

    by_sdk = {words: _sdk_accepts(body, header, secret) for words, body, header in messages}
    by_plugin = {words: _plugin_accepts(direct, body, header) for words, body, header in messages}

    assert by_sdk == by_plugin
    assert len(messages) > 150
    assert sum(by_plugin.values()) == 8


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("t=0{time},v1={digest}", id="a zero before the time"),
        pytest.param("t=+{time},v1={digest}", id="a sign before the time"),
        pytest.param("t= {time},v1={digest}", id="a blank before the time"),
        pytest.param("t={time},t=1,v1={digest}", id="a second time"),
        pytest.param("t={time},v1={digest}=x", id="a second value"),
    ],
)
def test_plugin_is_stricter_about_what_stripe_never_writes(
    judged: StripeEmulator, direct: Gateway, written: str
) -> None:
    """Headers that the SDK reads leniently, and Stripe does not write, are refused here: known differences."""
    secret = judged.credentials["webhook_secret"]
    time, _, signature = _signed(secret).partition(",")
    header = written.format(time=time.removeprefix("t="), digest=signature.removeprefix("v1="))

    assert _sdk_accepts(_BODY.encode(), header, secret)
    assert not _plugin_accepts(direct, _BODY.encode(), header)


def test_plugin_refuses_what_comes_from_the_future(judged: StripeEmulator, direct: Gateway) -> None:
    """A time of sending an hour ahead passes the SDK, and never expires: another known difference."""
    secret = judged.credentials["webhook_secret"]
    header = _signed(secret, seconds=3600)

    assert _sdk_accepts(_BODY.encode(), header, secret)
    assert not _plugin_accepts(direct, _BODY.encode(), header)


def test_sdk_accepts_what_the_emulator_signs(judged: StripeEmulator, direct: Gateway) -> None:
    """Each webhook of a story is accepted by both, and refused by both once it is parsed and written anew."""
    secret = judged.credentials["webhook_secret"]
    asked = InvoiceRequest(order_id="A-1", amount=Money("49.90", "EUR"), metadata={"note": "Käse"})
    invoice = direct.create_invoice(asked)
    judged.decline(invoice.id.removeprefix("cs_test_"))
    judged.pay(invoice.id.removeprefix("cs_test_"))
    judged.dispute(invoice.id, inquiry=True)
    sent = [judged.webhook_request(delivery) for delivery in judged.waiting()]

    assert len(sent) == 4
    for request in sent:
        assert request is not None
        header = request.headers["Stripe-Signature"]
        event = stripe.Webhook.construct_event(request.body, header, secret)
        seen = WebhookRequest(body=request.body, headers=request.headers, received_at=datetime.now(UTC))
        [told] = direct.verify_webhook(seen).events
        assert (told.id, told.kind, told.invoice_id) == (event.id, event.type, invoice.id)
        anew = json.dumps(json.loads(request.body)).encode()
        assert not _sdk_accepts(anew, header, secret)
        assert not _plugin_accepts(direct, anew, header)

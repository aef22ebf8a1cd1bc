"""The signature check of ``mollie-api-py`` and ours agree on every webhook, genuine or not."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from gateway_core import InvoiceRequest, Money, Secret, WebhookRequest
from gateway_core.errors import WebhookError, WebhookReason
from gateway_core.testing import EmulatedAccount
from gateway_core.webhooks import sign
from gateway_mollie import webhook

SECRETS = ["a-secret-of-the-subscription", "a-secret-that-replaces-it-00"]
EVENT = {
    "resource": "event",
    "id": "event_GvJ8WHrp5isUdRub9CJyH",
    "type": "payment.paid",
    "entityId": "tr_9xK2mQ",
    "createdAt": "2026-01-06T08:30:01+00:00",
}
BODY = json.dumps(EVENT).encode()

#: A body, and the values of its signature headers.
Message = tuple[bytes, list[str]]


def signature(body: bytes, secret: str = SECRETS[0]) -> str:
    """Return what Mollie signs a body with."""
    return f"sha256={sign(secret.encode(), body).decode()}"


def they_accept(message: Message, secrets: list[str]) -> bool:
    """Return whether Mollie's own check finds a message genuine. Of one without a signature it says False."""
    from mollie.utils.webhooks import InvalidSignatureException, SignatureValidator

    body, signatures = message
    try:
        return bool(SignatureValidator.validate(body.decode(), secrets, signatures))
    except (InvalidSignatureException, TypeError):  # the latter for a signature outside of ASCII
        return False


def we_accept(message: Message, secrets: list[str]) -> bool:
    """Return whether our check finds a message genuine, whatever it says."""
    body, signatures = message
    request = WebhookRequest(body=body, headers=[("X-Mollie-Signature", each) for each in signatures])
    try:
        webhook.read_signed(request, tuple(map(Secret, secrets)))
    except WebhookError as error:
        return error.reason is WebhookReason.MALFORMED
    return True


def mutants() -> Iterator[tuple[str, Message]]:
    """Yield messages that somebody changed, and what was changed; the same ones in every run."""
    chance = random.Random(4711)  # noqa: S311  # what is the same each time is no secret
    good = signature(BODY)
    for number in range(60):
        place, other = chance.randrange(len(BODY)), bytearray(BODY)
        other[place] ^= 1 << chance.randrange(6)
        yield f"body {number}", (bytes(other), [good])
    for number in range(40):
        place, text = chance.randrange(7, len(good)), list(good)
        text[place] = chance.choice([each for each in "0123456789abcdefXYZ" if each != text[place]])
        yield f"signature {number}", (BODY, ["".join(text)])
    for name, signatures in {
        "none": [],
        "empty": [""],
        "prefix only": ["sha256="],
        "short": [good[:-1]],
        "long": [f"{good}0"],
        "capitals": [good.upper()],
        "capital digits": [f"sha256={good[7:].upper()}"],
        "no prefix": [good[7:]],
        "prefix twice": [f"sha256={good}"],
        "other prefix": [f"sha1={good[7:]}"],
        "other name": [good.replace("sha256", "SHA256")],
        "outside of ASCII": [good[:-1] + "ä"],
        "of another body": [signature(b"{}")],
        "of the body with a line's end": [signature(BODY + b"\n")],
        "under another secret": [signature(BODY, "another-secret-0123456789")],
        "under the new secret": [signature(BODY, SECRETS[1])],
        "wrong and right": [signature(b"{}"), good],
        "right and wrong": [good, signature(b"{}")],
        "both secrets": [good, signature(BODY, SECRETS[1])],
        "empty and right": ["", good],
    }.items():
        yield name, (BODY, signatures)
    for name, body in {
        "blank before": b" " + BODY,
        "line's end": BODY + b"\n",
        "nothing": b"",
        "written anew": json.dumps(EVENT, separators=(",", ":")).encode(),
        "other event": BODY.replace(b"paid", b"failed"),
        "other payment": BODY.replace(b"tr_9", b"tr_8"),
    }.items():
        yield f"{name}, as signed before", (body, [good])
        yield f"{name}, signed anew", (body, [signature(body)])


MUTANTS = dict(mutants())


def test_there_are_enough() -> None:
    """At least a hundred."""
    assert len(MUTANTS) >= 100


@pytest.mark.parametrize("secrets", [SECRETS[:1], SECRETS, SECRETS[::-1]], ids=["old", "old and new", "new and old"])
@pytest.mark.parametrize("name", MUTANTS)
def test_both_agree(name: str, secrets: list[str]) -> None:
    """What one accepts the other accepts, and what one refuses the other refuses."""
    assert we_accept(MUTANTS[name], secrets) is they_accept(MUTANTS[name], secrets)


def test_not_all_is_refused() -> None:
    """Else there would be nothing to agree on."""
    accepted = sum(they_accept(each, SECRETS) for each in MUTANTS.values())

    assert 5 < accepted < len(MUTANTS) - 50


def test_what_they_sign_we_accept() -> None:
    """Their own signature, with the prefix of the header."""
    from mollie.utils.webhooks import SignatureValidator

    signed: Any = SignatureValidator.create_signature(BODY.decode(), SECRETS[0])

    assert we_accept((BODY, [f"sha256={signed}"]), SECRETS[:1])


def test_what_the_emulator_signs_they_accept() -> None:
    """A webhook of a subscription, as it is sent."""
    token = "access_abcdefghij0123456789"  # made up
    with EmulatedAccount("mollie", settings={"api_key": token}) as account:
        account.emulator.credentials["api_key"] = token
        secret = account.gateway.register_webhook("https://shop.invalid/signed").secret
        invoice = account.gateway.create_invoice(InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR")))
        account.pay(invoice.id)
        (message,) = (each for each in account.webhooks() if "X-Mollie-Signature" in each.headers)

    assert secret is not None
    assert they_accept((message.body, list(message.headers.get_all("X-Mollie-Signature"))), [secret.reveal()])

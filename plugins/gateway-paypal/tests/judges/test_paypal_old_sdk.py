"""PayPal's older SDK has the published check of webhooks: what it signs over is what we sign over."""

from __future__ import annotations

import base64
import random
from typing import Any

import attrs
import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from gateway_core import InvoiceRequest, Money, WebhookRequest
from gateway_core.errors import WebhookError
from gateway_core.testing import EmulatedAccount
from gateway_paypal import webhook
from gateway_paypal.emulator import PayPalEmulator

notifications: Any = pytest.importorskip("paypalrestsdk.notifications", reason="comes with the dependency group judges")


def test_both_sign_over_the_same_text() -> None:
    """Ids, times and bodies of all kinds, 200 of them: one text."""
    chance = random.Random(7)  # noqa: S311  # the same each time
    for number in range(200):
        body = bytes(chance.randrange(32, 127) for _ in range(chance.randrange(300)))
        sent = webhook.Transmission(
            auth_algo=webhook.ALGORITHM,
            cert_url="https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
            transmission_id=f"t-{number}",
            transmission_sig="",
            transmission_time="2030-01-01T00:00:00Z",
        )
        theirs = notifications.WebhookEvent._get_expected_sig(
            sent.transmission_id, sent.transmission_time, "WID", body.decode()
        )
        assert sent.signed_text("WID", body) == theirs.encode()


def test_both_agree_on_every_webhook() -> None:
    """A genuine webhook, and 300 mutants of its headers and body: one verdict.

    Theirs is PayPal's published one: the text of its SDK, and RSA with SHA-256 under the key of the certificate. (The
    SDK's own call of RSA is of a pyOpenSSL that is gone.)
    """
    with EmulatedAccount("paypal") as account:
        invoice = account.gateway.create_invoice(InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR")))
        account.pay(invoice.id)
        [message] = account.webhooks()
        emulator = account.emulator
        assert isinstance(emulator, PayPalEmulator)
        certificate = x509.load_pem_x509_certificate(emulator.signing_key.certificate.encode())
        key = certificate.public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        chance = random.Random(7)  # noqa: S311  # the same mutants each time
        agreed = {True: 0, False: 0}
        for each in [message, *(_mutant(message, chance) for _ in range(300))]:
            ours = _accepts(account, each)
            assert ours is _accepted_by_theirs(each, emulator.credentials["webhook_id"], key), each.headers.pairs
            agreed[ours] += 1

    assert agreed[True] >= 1
    assert agreed[False] >= 250


def _mutant(message: WebhookRequest, chance: random.Random) -> WebhookRequest:
    """Return a webhook with one letter of a signed header, of the signature, or of the body changed."""
    names = ["PAYPAL-TRANSMISSION-ID", "PAYPAL-TRANSMISSION-TIME", "PAYPAL-TRANSMISSION-SIG", "body"]
    name = chance.choice(names)
    if name == "body":
        place = chance.randrange(len(message.body) - 1)
        changed = bytes([message.body[place] ^ 1 << chance.randrange(5)])
        return attrs.evolve(message, body=message.body[:place] + changed + message.body[place + 1 :])
    value = message.headers[name]
    place = chance.randrange(len(value) - 3)  # of a signature in base64 the last letters may stand for the same bytes
    other = value[:place] + chance.choice("ABCxyz0189") + value[place + 1 :]
    pairs = [(each, other if each.upper() == name else old) for each, old in message.headers.pairs]
    return attrs.evolve(message, headers=pairs)


def _accepts(account: EmulatedAccount, message: WebhookRequest) -> bool:
    try:
        account.gateway.verify_webhook(message)
    except WebhookError:
        return False
    return True


def _accepted_by_theirs(message: WebhookRequest, webhook_id: str, key: rsa.RSAPublicKey) -> bool:
    headers = message.headers
    text = notifications.WebhookEvent._get_expected_sig(
        headers["PAYPAL-TRANSMISSION-ID"],
        headers["PAYPAL-TRANSMISSION-TIME"],
        webhook_id,
        message.body.decode("latin-1"),
    )
    try:
        signature = base64.b64decode(headers["PAYPAL-TRANSMISSION-SIG"], validate=True)
        key.verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True

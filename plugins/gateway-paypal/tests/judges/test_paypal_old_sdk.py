"""PayPal's older SDK has the published check of webhooks: what it signs over is what we sign over."""

from __future__ import annotations

import random
import zlib
from typing import Any

import pytest

from gateway_core.testing import EmulatedAccount
from gateway_paypal import webhook

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


def test_emulator_signs_over_the_text_of_the_old_sdk() -> None:
    """Its webhooks would be accepted by PayPal's own check, with the emulator's certificate."""
    with EmulatedAccount("paypal") as account:
        from gateway_core import InvoiceRequest, Money

        invoice = account.gateway.create_invoice(InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR")))
        account.pay(invoice.id)
        [message] = account.webhooks()
    headers = message.headers
    theirs = notifications.WebhookEvent._get_expected_sig(
        headers["PAYPAL-TRANSMISSION-ID"],
        headers["PAYPAL-TRANSMISSION-TIME"],
        account.emulator.credentials["webhook_id"],
        message.body.decode(),
    )
    text = "|".join(
        (
            headers["PAYPAL-TRANSMISSION-ID"],
            headers["PAYPAL-TRANSMISSION-TIME"],
            account.emulator.credentials["webhook_id"],
            str(zlib.crc32(message.body)),
        )
    )

    assert theirs == text

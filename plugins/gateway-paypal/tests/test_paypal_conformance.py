"""PayPal, judged by the conformance kit."""

from __future__ import annotations

from gateway_conformance import ProviderSuite
from gateway_paypal.emulator import PayPalEmulator


class TestPayPal(ProviderSuite):
    """Every check of the kit."""

    backend = "paypal"
    emulator = PayPalEmulator
    webhook_secret_settings = ("webhook_id",)  # no secret, but what ties a signature to this account

"""Stripe, judged by the conformance kit."""

from __future__ import annotations

from gateway_conformance import ProviderSuite
from gateway_stripe.emulator import StripeEmulator


class TestStripe(ProviderSuite):
    """Every check of the kit."""

    backend = "stripe"
    emulator = StripeEmulator

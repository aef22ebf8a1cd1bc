"""Adyen, judged by the conformance kit."""

from __future__ import annotations

from gateway_adyen.emulator import AdyenEmulator
from gateway_conformance import ProviderSuite


class TestAdyen(ProviderSuite):
    """Every check of the kit."""

    backend = "adyen"
    emulator = AdyenEmulator

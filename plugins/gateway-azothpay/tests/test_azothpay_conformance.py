"""AzothPay, judged by the conformance kit."""

from __future__ import annotations

from typing import ClassVar

from gateway_azothpay.emulator import AzothPayEmulator
from gateway_conformance import ProviderSuite


class TestAzothPay(ProviderSuite):
    """Every check of the kit."""

    backend = "azothpay"
    emulator = AzothPayEmulator
    settings: ClassVar = {"period": "PerMonth"}
    currency_setting = "currency"

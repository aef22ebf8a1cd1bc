"""BTCPay Server, judged by the conformance kit."""

from __future__ import annotations

from gateway_btcpay.emulator import BTCPayEmulator
from gateway_conformance import ProviderSuite


class TestBTCPay(ProviderSuite):
    """Every check of the kit."""

    backend = "btcpay"
    emulator = BTCPayEmulator

"""Bitsby, judged by the conformance kit."""

from __future__ import annotations

from gateway_bitsby.emulator import BitsbyEmulator
from gateway_conformance import ProviderSuite


class TestBitsby(ProviderSuite):
    """Every check of the kit."""

    backend = "bitsby"
    emulator = BitsbyEmulator

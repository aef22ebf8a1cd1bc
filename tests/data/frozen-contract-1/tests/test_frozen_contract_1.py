"""The conformance kit, run on the frozen plugin."""

from __future__ import annotations

from gateway_conformance import ProviderSuite
from gateway_frozen_contract_1.emulator import FrozenEmulator


class TestFrozen(ProviderSuite):
    """Every check of the kit."""

    backend = "frozen-contract-1"
    emulator = FrozenEmulator

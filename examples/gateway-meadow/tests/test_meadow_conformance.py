"""Meadow, judged by the conformance kit."""

from __future__ import annotations

from gateway_core.testing.suite import ProviderSuite
from gateway_meadow import Meadow
from gateway_meadow.emulator import MeadowEmulator


class TestMeadow(ProviderSuite):
    """Every check of the kit."""

    provider_class = Meadow
    emulator = MeadowEmulator

"""The conformance kit, run on Meadow."""

from __future__ import annotations

from gateway_conformance import ProviderSuite

from gateway_meadow import Meadow
from gateway_meadow.emulator import MeadowEmulator


class TestMeadow(ProviderSuite):
    """Every check of the kit. The class is given, and not the backend's name, since an example is not installed."""

    provider_class = Meadow
    emulator = MeadowEmulator

"""Mollie, judged by the conformance kit."""

from __future__ import annotations

from typing import Any, ClassVar

from gateway_conformance import ProviderSuite
from gateway_mollie.emulator import MollieEmulator


class TestMollie(ProviderSuite):
    """Every check of the kit. Of the methods, only a bank transfer can be called off."""

    backend = "mollie"
    emulator = MollieEmulator
    options: ClassVar[dict[str, Any]] = {"method": "banktransfer"}

"""Sandbox, judged by the conformance kit."""

from __future__ import annotations

from gateway_conformance import ProviderSuite
from gateway_sandbox.emulator import SandboxEmulator


class TestSandbox(ProviderSuite):
    """Every check of the kit."""

    backend = "sandbox"
    emulator = SandboxEmulator

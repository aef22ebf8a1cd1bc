"""The sandbox itself: a small payment provider of our own."""

from gateway_sandbox.emulator.emulator import SandboxEmulator

__all__ = ["SandboxEmulator"]

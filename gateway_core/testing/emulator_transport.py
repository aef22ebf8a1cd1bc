"""A transport to an emulator in the same process."""

from __future__ import annotations

from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.testing.emulator import Emulator
from gateway_core.transport import Deadline


class EmulatorTransport:
    """A transport whose provider is an emulator in the same process: no socket, no waiting.

    Args:
        emulator: The emulator.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def send(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:  # noqa: ARG002  # nothing takes time here
        """Let the emulator answer."""
        return self._emulator.handle(request)

    def close(self) -> None:
        """Do nothing: there is no connection."""

"""A provider's rate limits kept without waiting: time is moved instead."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.provider import RateLimit
from gateway_core.testing.clock import ManualClock
from gateway_core.transport import Deadline, Transport


class PacedTransport:
    """A transport that moves a clock where the real one waits for its turn. It may be shared by threads.

    Args:
        inner: What sends.
        clock: The emulator's clock.
        limits: The provider's limits, all of which hold.
    """

    def __init__(self, inner: Transport, clock: ManualClock, limits: tuple[RateLimit, ...] = ()) -> None:
        self.limits = limits
        self._inner = inner
        self._clock = clock
        self._lock = threading.Lock()
        self._sent: list[datetime] = []

    def send(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        """Let the time pass until the limits allow a request, then send it.

        Raises:
            TransportError: As of what sends.
        """
        with self._lock:
            for limit in self.limits:
                if len(self._sent) >= limit.requests:
                    free = self._sent[-limit.requests] + timedelta(seconds=limit.seconds)
                    self._clock.move(max(timedelta(), free - self._clock()))
            self._sent.append(self._clock())
        return self._inner.send(request, deadline)

    def close(self) -> None:
        """Close what sends."""
        self._inner.close()

"""Rate limits that are kept by moving a clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway_core import HttpRequest, HttpResponse, RateLimit
from gateway_core.testing import ManualClock, PacedTransport
from gateway_core.transport import Deadline

_START = datetime(2026, 11, 21, 8, tzinfo=UTC)


class _Watch:
    """A provider that notes when it is asked."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.seconds: list[float] = []
        self.closed = False

    def send(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        self.seconds.append((self._clock() - _START).total_seconds())
        return HttpResponse(status=200)

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    "limits,expected",
    [
        ((), [0, 0, 0, 0, 0]),
        ((RateLimit(requests=1, seconds=1),), [0, 1, 2, 3, 4]),
        ((RateLimit(requests=2, seconds=10),), [0, 0, 10, 10, 20]),
        ((RateLimit(requests=1, seconds=1), RateLimit(requests=3, seconds=60)), [0, 1, 2, 60, 61]),
        ((RateLimit(requests=3, seconds=60), RateLimit(requests=1, seconds=1)), [0, 1, 2, 60, 61]),
    ],
)
def test_time_passes_until_the_limits_allow(limits: tuple[RateLimit, ...], expected: list[float]) -> None:
    """All limits hold on the provider's clock, and no more time passes than they need."""
    clock = ManualClock(_START)
    provider = _Watch(clock)
    transport = PacedTransport(provider, clock, limits)

    for _ in range(5):
        transport.send(HttpRequest(method="GET", url="https://a.invalid"), Deadline.after(30))

    assert provider.seconds == expected


def test_time_that_has_passed_anyway_counts() -> None:
    """A clock that was moved meanwhile is not moved again."""
    clock = ManualClock(_START)
    provider = _Watch(clock)
    transport = PacedTransport(provider, clock, (RateLimit(requests=1, seconds=1),))

    for _ in range(3):
        transport.send(HttpRequest(method="GET", url="https://a.invalid"), Deadline.after(30))
        clock.move(timedelta(seconds=5))

    assert provider.seconds == [0, 5, 10]


def test_closing_closes_the_transport_below() -> None:
    """Whoever closes the outer one closes all."""
    provider = _Watch(ManualClock(_START))

    PacedTransport(provider, ManualClock(_START)).close()

    assert provider.closed

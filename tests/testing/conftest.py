"""An emulator of the smallest provider, whose clock is moved by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway_core.testing import (
    ManualClock,
)
from tests.testing.shoestring import HOOK, Shoestring


@pytest.fixture
def clock() -> ManualClock:
    """Give a clock that stands at eight o'clock."""
    return ManualClock(datetime(2026, 11, 21, 8, 0, tzinfo=UTC))


@pytest.fixture
def emulator(clock: ManualClock) -> Shoestring:
    """Give an emulator whose shop receives webhooks."""
    return Shoestring(webhook_url=HOOK, clock=clock)

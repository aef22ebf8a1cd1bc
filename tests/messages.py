"""What the tests of signed messages share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from gateway_core.errors import WebhookError, WebhookReason

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
BODY = b'{"type": "invoice.paid", "amount": "49.90"}'


def flipped(data: bytes, bit: int) -> bytes:
    """Return bytes of which one bit is changed."""
    changed = bytearray(data)
    changed[bit // 8 % len(data)] ^= 1 << bit % 8
    return bytes(changed)


def refusal(check: Callable[[], object]) -> WebhookReason:
    """Return the reason for which a message is refused."""
    with pytest.raises(WebhookError) as caught:
        check()
    return caught.value.reason


SECONDS = int(NOW.timestamp())

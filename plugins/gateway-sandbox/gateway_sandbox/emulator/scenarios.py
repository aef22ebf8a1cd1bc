"""Amounts that make the sandbox behave badly on purpose, as test card numbers do.

They hold for the number, whatever its currency. A scenario that says "once" plays once for each order.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

import attrs


@attrs.frozen(kw_only=True)
class Scenario:
    """What happens to an invoice of a certain amount.

    Attributes:
        summary: What happens, for people.
        refuse_once: The HTTP status with which its creation is answered the first time; None creates it at once.
        created_all_the_same: Whether the invoice exists after that answer.
        retry_after: The header ``Retry-After`` of that answer, in seconds.
        expires_in: How long it may be paid, in seconds, whatever was asked for.
        declines: Whether every payment of it is declined.
    """

    summary: str
    refuse_once: int | None = None
    created_all_the_same: bool = False
    retry_after: int | None = None
    expires_in: int | None = None
    declines: bool = False


SCENARIOS: Mapping[Decimal, Scenario] = MappingProxyType(
    {
        Decimal("10.02"): Scenario(summary="every payment is declined", declines=True),
        Decimal("10.29"): Scenario(
            summary="the first request is answered with 429 and Retry-After: 1", refuse_once=429, retry_after=1
        ),
        Decimal("10.50"): Scenario(summary="the first request is answered with 500, and does nothing", refuse_once=500),
        Decimal("10.54"): Scenario(
            summary="the first request is answered with 504, and the invoice is there all the same",
            refuse_once=504,
            created_all_the_same=True,
        ),
        Decimal("10.99"): Scenario(summary="the invoice expires after one second", expires_in=1),
    }
)

_NONE = Scenario(summary="as usual")


def scenario_of(amount: str) -> Scenario:
    """Return what an amount, in plain digits, asks for; nothing special for most."""
    return SCENARIOS.get(Decimal(amount), _NONE)

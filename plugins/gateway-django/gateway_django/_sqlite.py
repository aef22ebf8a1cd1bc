"""Exact numbers in SQLite, which has none of its own: amounts stay text, and are compared and added by Python."""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import Any

#: Compares the texts of two numbers as numbers.
COLLATION = "gateway_amount"

#: Adds texts of numbers.
TOTAL = "gateway_total"

#: Adds exactly, or fails.
_EXACT = Context(prec=200, traps=[Inexact, InvalidOperation, Overflow])


class _Total:
    """Adds what it is given, exactly."""

    def __init__(self) -> None:
        self._total: Decimal | None = None

    def step(self, text: str | None) -> None:
        """Take one more."""
        if text is not None:
            self._total = _EXACT.add(self._total or Decimal(), Decimal(text))

    def finalize(self) -> str | None:
        """Return the text of the sum; None of nothing."""
        return None if self._total is None else f"{self._total:f}"


def _compare(left: str, right: str) -> int:
    one, other = Decimal(left), Decimal(right)
    return (one > other) - (one < other)


def prepare(connection: Any, **_: Any) -> None:
    """Teach a new connection of SQLite to count."""
    if connection.vendor == "sqlite":
        connection.connection.create_collation(COLLATION, _compare)
        connection.connection.create_aggregate(TOTAL, 1, _Total)

"""Amounts in any currency, and hosts that would round them."""

from __future__ import annotations

import decimal
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction

import iso4217
from hypothesis import strategies as st

from gateway_core import Currency, Money
from gateway_core.models.currency import ASSETS

HOSTILE_CONTEXTS = [
    decimal.Context(prec=1, rounding=decimal.ROUND_UP, Emin=0, Emax=0, traps=[]),
    decimal.Context(prec=1, rounding=decimal.ROUND_UP, Emin=0, Emax=0, traps=list(decimal.Context().flags)),
    decimal.Context(prec=2, rounding=decimal.ROUND_CEILING, Emin=-1, Emax=1, traps=[], capitals=0, clamp=1),
    decimal.Context(prec=28, rounding=decimal.ROUND_05UP, traps=[decimal.FloatOperation, decimal.Rounded]),
]
currencies = st.sampled_from(
    [Currency.find(each.code) for each in iso4217.Currency if each.exponent is not None]
    + [Currency.find(code, network) for code, networks in ASSETS.items() for network in networks]
    + [Currency("WIDG", 30, "widgetchain"), Currency("CLP", 2)]
)


@st.composite
def monies(draw: st.DrawFn, unit: Currency | None = None) -> Money:
    """Draw any amount in any currency."""
    unit = unit or draw(currencies)
    limit = 10**30 * 10**unit.exponent - 1
    return Money.from_minor(draw(st.integers(-limit, limit)), unit)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Money, Money]:
    """Draw two amounts in one currency whose sum is not too large."""
    unit = draw(currencies)
    limit = 10**30 * 10**unit.exponent // 2 - 1
    units = st.integers(-limit, limit)
    return Money.from_minor(draw(units), unit), Money.from_minor(draw(units), unit)


@contextmanager
def hostile(context: decimal.Context) -> Iterator[None]:
    """Make a context the host's own."""
    before = decimal.getcontext()
    decimal.setcontext(context.copy())
    try:
        yield
    finally:
        decimal.setcontext(before)


def exactly(money: Money) -> Fraction:
    """Return the amount as a fraction, which has no context."""
    return Fraction(*money.amount.as_integer_ratio())

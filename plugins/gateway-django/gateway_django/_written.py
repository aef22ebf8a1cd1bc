"""An amount as text in a column: ``49.90 EUR``, ``0.500000 USDT on tron``. Its decimals are those of its currency."""

from __future__ import annotations

import re
from decimal import Decimal

from gateway_core import Currency, Money
from gateway_core.errors import InvalidRequestError

#: The longest text: a sign, 30 digits, a dot and 30 decimals; a code of 12, " on " and a network of 32.
LENGTH = 120

_WRITTEN = re.compile(r"(?P<amount>-?[0-9]+(?:\.(?P<decimals>[0-9]+))?) (?P<unit>.+)")
_UNIT = re.compile(r"(?P<code>[^ /]+)(?:/(?P<exponent>[0-9]{1,2}))?(?: on (?P<network>[^ ]+))?")

#: The most decimals that a currency has.
_MOST = 30


def write(amount: Money) -> str:
    """Return the text of an amount. Its network stands there unless the code alone means it."""
    return f"{amount.amount:f} {name_of(amount.unit)}"


def name_of(unit: Currency) -> str:
    """Return a currency's code, and its network unless the code alone means it."""
    alone = Currency(unit.code, unit.exponent) == unit
    return unit.code if alone else f"{unit.code} on {unit.network}"


def read(text: str) -> Money:
    """Return the amount of a text that `write` made. Its currency need not be known: it is counted as it is written.

    Raises:
        InvalidRequestError: If it is no such text.
    """
    match = _matched(_WRITTEN, text)
    unit = _matched(_UNIT, match["unit"])
    return Money(match["amount"], Currency(unit["code"], len(match["decimals"] or ""), unit["network"]))


def describe(amount: Money) -> str:
    """Return an amount as a fixture has it: a currency that is counted in its own way says so, as ``1.659 EUR/3``."""
    unit = amount.unit
    try:
        usual = unit_of(name_of(unit)).exponent
    except InvalidRequestError:
        usual = None
    if unit.exponent == usual:
        return write(amount)
    code, on, network = name_of(unit).partition(" on ")
    return f"{amount.amount:f} {code}/{unit.exponent}{on}{network}"


def parse(text: object) -> Money:
    """Return the amount of a text as a person writes it, or `describe`.

    Raises:
        InvalidRequestError: If it is no such text, its currency is not known, or it has more decimals than that.
    """
    if not isinstance(text, str):
        raise InvalidRequestError(f"an amount is Money or its text, such as 49.90 EUR, not {type(text).__name__}")
    match = _matched(_WRITTEN, text)
    return Money(match["amount"], unit_of(match["unit"]))


def spellings(amount: Money) -> list[str]:
    """Return the texts that stand for an amount: it is the same however finely its currency is counted."""
    shortest = amount.amount.normalize()
    fewest = max(0, -int(shortest.as_tuple().exponent))
    name = name_of(amount.unit)
    return [f"{_with_decimals(amount.amount, decimals)} {name}" for decimals in range(fewest, _MOST + 1)]


def unit_of(currency: str | Currency) -> Currency:
    """Return a currency by its name, such as ``EUR``, ``USDT on tron`` or, counted in its own way, ``EUR/3``.

    Raises:
        InvalidRequestError: If nobody knows it.
    """
    if isinstance(currency, Currency):
        return currency
    match = _matched(_UNIT, currency)
    if match["exponent"] is None:
        return Currency.find(match["code"], match["network"])
    return Currency(match["code"], int(match["exponent"]), match["network"])


def _matched(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    match = pattern.fullmatch(text)
    if match is None:
        raise InvalidRequestError("an amount with its currency is written like 49.90 EUR or 0.5 USDT on tron")
    return match


def _with_decimals(amount: Decimal, decimals: int) -> str:
    whole, _, part = f"{amount:f}".partition(".")
    part = part.rstrip("0").ljust(decimals, "0") if decimals else ""
    return f"{whole}.{part}" if part else whole

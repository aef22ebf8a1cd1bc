"""Exact amounts of money."""

from __future__ import annotations

import functools
import re
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact, InvalidOperation, Overflow, localcontext
from typing import final

import attrs

from gateway_core.errors import InvalidRequestError
from gateway_core.models.currency import Currency, is_misleading, read_currency

#: Every amount, and every factor, is below it.
_LIMIT = 10**30

#: Arithmetic that is exact or fails; the host's decimal context has no say in it. 100 digits hold the largest product:
#: 30 digits and 30 decimals, times 30 digits.
EXACT = Context(prec=100, Emin=-200, Emax=200, traps=[Inexact, InvalidOperation, Overflow])

#: The smallest unit of a currency, by its number of decimals (0 to 30).
_SMALLEST = tuple(Decimal((0, (1,), -decimals)) for decimals in range(31))

#: What is shown is rounded as Python rounds, whatever the host's decimal context says.
_DISPLAY = Context(prec=100, rounding=ROUND_HALF_EVEN, traps=[])

#: What `Money.__str__` writes.
_WRITTEN = re.compile(r"(?P<amount>[-0-9.eE+]+) (?P<code>[A-Z0-9]+)(?: on (?P<network>[a-z0-9-]+))?")

#: ASCII digits with a dot; no blanks, underscores, separators or plus sign. An exponent of two digits is read because
#: Python writes ``str(Decimal("0.00000001"))`` with one.
_NUMBER = re.compile(r"-?[0-9]{1,31}(\.[0-9]{1,31})?(E[+-]?[0-9]{1,2})?", re.ASCII | re.IGNORECASE)


@final
@functools.total_ordering
@attrs.frozen(init=False, repr=False, order=False)
class Money:
    """An exact amount in the major units of a currency.

    >>> from gateway_core import Money
    >>> Money("49.90", "EUR") + Money("0.10", "EUR")
    Money('50.00', 'EUR')
    >>> Money("49.90", "EUR").to_minor()
    4990
    >>> Money("0.5", "USDT", network="tron")
    Money('0.500000', 'USDT', network='tron')
    >>> sum([Money(1, "EUR"), Money(2, "EUR")], start=Money(0, "EUR"))
    Money('3.00', 'EUR')

    Args:
        amount: Text in plain digits, an int or a `~decimal.Decimal`. A float is refused: it cannot hold most prices.
        currency: An ISO 4217 code, the code of a crypto asset, or a `Currency`.
        network: The chain of a crypto asset, needed where its decimals differ from chain to chain.

    Raises:
        InvalidRequestError: If the amount is a float, not finite, 10^30 or more, has more decimals than the currency
            has, or is text that is not written like ``-1234.56`` or ``1E-8``; or if the currency is unknown.

    Attributes:
        amount: The amount, with exactly as many decimals as the currency has.
        unit: The `Currency`.
    """

    amount: Decimal
    unit: Currency = attrs.field(alias="currency")  # `attrs.evolve` hands it to the constructor by that name

    def __init__(self, amount: str | int | Decimal, currency: str | Currency, *, network: str | None = None) -> None:
        unit = _unit(currency, network)
        self.__attrs_init__(_quantize(_decimal(amount), unit), unit)

    @classmethod
    def parse(cls, text: str) -> Money:
        """Read an amount as ``str`` writes it.

        >>> from gateway_core import Money
        >>> Money.parse("49.90 EUR"), Money.parse("0.5 USDT on tron")
        (Money('49.90', 'EUR'), Money('0.500000', 'USDT', network='tron'))

        Raises:
            InvalidRequestError: If it is written in any other way, or nothing tells what the currency stands for.
        """
        match = _WRITTEN.fullmatch(str(text))
        if match is None:
            raise InvalidRequestError("an amount with its currency is written like 49.90 EUR or 0.5 USDT on tron")
        return cls.read(match["amount"], match["code"], network=match["network"])

    @classmethod
    def from_minor(cls, units: int, currency: str | Currency, *, network: str | None = None) -> Money:
        """Return the amount that is `units` of the smallest unit, such as cents.

        Where a provider counts in other units than ISO 4217 does, give a `Currency` with the provider's exponent.

        >>> from gateway_core import Currency, Money
        >>> Money.from_minor(123400, Currency("CLP", 2)) == Money(1234, "CLP")
        True

        Raises:
            InvalidRequestError: If `units` is not an int, or stands for 10^30 or more; or if the currency is unknown.
        """
        unit = _unit(currency, network)
        if type(units) is not int:
            raise InvalidRequestError("minor units are an int")
        if abs(units) >= _LIMIT * 10**unit.exponent:
            raise InvalidRequestError("the amount is too large")
        return cls(EXACT.scaleb(Decimal(units), -unit.exponent), unit)

    @classmethod
    def read(
        cls, amount: str | int | Decimal, currency: str, *, network: str | None = None, asked: Money | None = None
    ) -> Money:
        """Return an amount in major units as a provider's answer tells it.

        Unlike `Money` itself it takes what was asked for as the unit, currencies that have left ISO 4217, and any asset
        on a network, counted as it is written.

        >>> from gateway_core import Currency, Money
        >>> Money.read("5.00", "BGN")
        Money('5.00', 'BGN')
        >>> Money.read("5.0", "DAI", network="ethereum", asked=Money(5, Currency("DAI", 18, "ethereum"))).unit.exponent
        18

        Args:
            amount: Text in plain digits, an int or a `~decimal.Decimal`.
            currency: The code in the answer.
            network: The chain in the answer; None if it names none.
            asked: The amount that was asked for, if this answers a request.

        Raises:
            InvalidRequestError: If the amount or the currency cannot be read.
        """
        value = _decimal(amount)
        unit = read_currency(currency, network, asked=None if asked is None else asked.unit, value=value)
        made = cls.__new__(cls)
        made.__attrs_init__(_quantize(value, unit), unit)  # `__init__` would check again what was just read
        return made

    def to_minor(self, exponent: int | None = None) -> int:
        """Return the amount in the smallest unit, such as cents.

        Args:
            exponent: The provider's number of decimals (0 to 30), where it differs from the currency's own.

        Raises:
            InvalidRequestError: If the amount is not a whole number of such units.
        """
        places = self.unit.exponent
        if exponent is not None and (exponent != places or type(exponent) is not int):
            places = attrs.evolve(self.unit, exponent=exponent).exponent
        scaled = EXACT.scaleb(self.amount, places)
        units = int(scaled)
        if units != scaled:
            raise InvalidRequestError(f"the amount is not a whole number of units of {places} decimals")
        return units

    @property
    def currency(self) -> str:
        """The currency's code."""
        return self.unit.code

    @property
    def network(self) -> str | None:
        """The chain of a crypto asset; None for a currency."""
        return self.unit.network

    def __str__(self) -> str:
        where = f" on {self.network}" if is_misleading(self.unit) else ""
        return f"{self.amount:f} {self.currency}{where}"

    def __format__(self, spec: str) -> str:
        """Write the number as `~decimal.Decimal` does, without the currency; all of it where nothing is asked for.

        >>> from gateway_core import Money
        >>> f"{Money('1234.5', 'EUR'):,.2f} €", f"{Money('1234.5', 'EUR')}"
        ('1,234.50 €', '1234.50 EUR')
        """
        if not spec:
            return str(self)
        try:
            with localcontext(_DISPLAY):
                return format(self.amount, spec)
        except ValueError:
            raise InvalidRequestError("an amount is formatted as a Decimal is, such as .2f") from None

    def __repr__(self) -> str:
        network = f", network={self.network!r}" if self.network else ""
        return f"Money('{self.amount:f}', {self.currency!r}{network})"

    def __add__(self, other: Money) -> Money:
        return Money(EXACT.add(self.amount, self._same(other)), self._finer(other))

    def __sub__(self, other: Money) -> Money:
        return Money(EXACT.subtract(self.amount, self._same(other)), self._finer(other))

    def __mul__(self, factor: int) -> Money:
        if type(factor) is not int:
            raise InvalidRequestError("money is multiplied by an int only: anything else would have to be rounded")
        if abs(factor) >= _LIMIT:
            raise InvalidRequestError("the factor is too large")
        return Money(EXACT.multiply(self.amount, Decimal(factor)), self.unit)

    __rmul__ = __mul__

    def __neg__(self) -> Money:
        return Money(self.amount.copy_negate(), self.unit)

    def __bool__(self) -> bool:
        return bool(self.amount)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other)

    def _same(self, other: object) -> Decimal:
        if not isinstance(other, Money):
            raise InvalidRequestError("money goes with money only: write Money(amount, currency)")
        if other.unit != self.unit:
            raise InvalidRequestError(f"{self.unit} and {other.unit} cannot be added or compared: convert one first")
        return other.amount

    def _finer(self, other: Money) -> Currency:
        return max(self.unit, other.unit, key=lambda unit: unit.exponent)


def parse_amount(text: str) -> Decimal:
    """Read a number written in plain ASCII digits, such as ``1234.56``.

    Raises:
        InvalidRequestError: If it is written in any other way.
    """
    if not _NUMBER.fullmatch(text):
        raise InvalidRequestError("an amount is written in plain digits with a dot, such as 1234.56")
    return Decimal(text)


def _unit(currency: str | Currency, network: str | None) -> Currency:
    if not isinstance(currency, Currency):
        return Currency.find(currency, network)
    if network is not None:
        raise InvalidRequestError("the network stands in the Currency: do not give it twice")
    return currency


def _decimal(amount: object) -> Decimal:
    if isinstance(amount, Decimal):
        value = amount
    elif isinstance(amount, str):
        value = parse_amount(amount)
    elif isinstance(amount, int) and not isinstance(amount, bool):
        if abs(amount) >= _LIMIT:
            raise InvalidRequestError("the amount is too large")
        value = Decimal(amount)
    else:
        raise InvalidRequestError(
            f"an amount is a str, an int or a Decimal, not a {type(amount).__name__}: write Money('49.90', 'EUR')"
        )
    if not value.is_finite():
        raise InvalidRequestError("an amount is a finite number")
    if value.adjusted() >= 30:
        raise InvalidRequestError("the amount is too large")
    return value


def _quantize(value: Decimal, unit: Currency) -> Decimal:
    try:
        quantized = EXACT.quantize(value, _SMALLEST[unit.exponent])
    except Inexact:
        raise InvalidRequestError(f"{unit} has {unit.exponent} decimals: round the amount first") from None
    return quantized or quantized.copy_abs()  # there is no minus zero

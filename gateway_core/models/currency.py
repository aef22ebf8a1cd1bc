"""Currencies and crypto assets, and how many decimals each one has."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from types import MappingProxyType

import attrs

from gateway_core.errors import InvalidRequestError

_CODE = re.compile(r"[A-Z0-9]{2,12}")
_NETWORK = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_MOST_DECIMALS = 30

#: Decimals of an asset on a network: a token's are set by its contract there, so one code may have several. Sources:
#: bitcoin.org/en/glossary/denomination; ethereum.org/en/glossary (wei); getmonero.org (atomic units); docs.solana.com
#: (lamports); the ``decimals()`` of each token's contract. The first network of a code is the one meant when none is
#: named, unless the networks differ.
ASSETS: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "BTC": {"bitcoin": 8},
        "LTC": {"litecoin": 8},
        "DOGE": {"dogecoin": 8},
        "XMR": {"monero": 12},
        "ETH": {"ethereum": 18, "base": 18, "arbitrum": 18},
        "BNB": {"bsc": 18},
        "TRX": {"tron": 6},
        "SOL": {"solana": 9},
        "TON": {"ton": 9},
        "USDT": {
            "ethereum": 6,
            "tron": 6,
            "bsc": 18,
            "polygon": 6,
            "arbitrum": 6,
            "solana": 6,
            "ton": 6,
            "avalanche": 6,
        },
        "USDC": {"ethereum": 6, "base": 6, "bsc": 18, "polygon": 6, "arbitrum": 6, "solana": 6, "avalanche": 6},
    }
)


@attrs.frozen
class Currency:
    """A currency by its ISO 4217 code, or a crypto asset by its code and network.

    Make one by hand for an asset that the library does not know, or for a provider that counts in other units:

    >>> from gateway_core import Currency, Money
    >>> Money("0.5", Currency("WIDG", 4, "widgetchain"))
    Money('0.5000', 'WIDG', network='widgetchain')
    >>> Money("1234", Currency("CLP", 2)).to_minor()
    123400

    Attributes:
        code: ``EUR``, ``BTC``.
        exponent: The number of decimals (0 to 30). Not compared: an amount is the same however finely it is counted.
        network: The chain that a crypto asset is on, such as ``tron``; None for a currency.

    Raises:
        InvalidRequestError: If one of them is not so, or a code of ISO 4217 is said to be on a network: anybody can
            make a token and call it ``EUR``.
    """

    code: str = attrs.field()
    exponent: int = attrs.field(eq=False)
    network: str | None = attrs.field(default=None)

    @code.validator
    def _check_code(self, _: object, value: object) -> None:
        if not isinstance(value, str) or not _CODE.fullmatch(value):
            raise InvalidRequestError("a currency code is 2 to 12 capital letters or digits, such as EUR")

    @exponent.validator
    def _check_exponent(self, _: object, value: object) -> None:
        if type(value) is not int or not 0 <= value <= _MOST_DECIMALS:
            raise InvalidRequestError(f"a currency has 0 to {_MOST_DECIMALS} decimals")

    @network.validator
    def _check_network(self, _: object, value: object) -> None:
        if value is None:
            return
        if not isinstance(value, str) or not _NETWORK.fullmatch(value):
            raise InvalidRequestError("a network is named in small letters, digits and hyphens, such as tron")
        if self.code not in ASSETS and self.code in _iso4217():
            raise InvalidRequestError(f"{self.code} is a currency of ISO 4217: it is on no network")

    def __str__(self) -> str:
        return f"{self.code} on {self.network}" if self.network else self.code

    @staticmethod
    def find(code: str, network: str | None = None) -> Currency:
        """Return the currency with this ISO 4217 code, or the crypto asset with this code on this network.

        Raises:
            InvalidRequestError: If the code is unknown, has no minor units in ISO 4217 (gold, for one), or is a crypto
                asset whose networks differ in decimals while none is named.
        """
        if not _is_text(code) or (network is not None and not _is_text(network)):
            raise InvalidRequestError("a currency is named by its code, such as EUR, and a network by its name")
        return _find(code, network)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


@functools.lru_cache(maxsize=512)
def _find(code: str, network: str | None) -> Currency:
    if code in ASSETS:
        return _asset(code, network)
    exponents = _iso4217()
    if code not in exponents:
        raise InvalidRequestError(
            f"unknown currency {code[:12]}: give an ISO 4217 code, or a Currency with its decimals and network"
        )
    if network is not None:
        raise InvalidRequestError(f"{code} is a currency of ISO 4217: it is on no network")
    exponent = exponents[code]
    if exponent is None:
        raise InvalidRequestError(f"{code} has no minor unit in ISO 4217: nothing can be paid in it")
    return Currency(code, exponent)


def _asset(code: str, network: str | None) -> Currency:
    networks = ASSETS[code]
    if network is None:
        if len(set(networks.values())) > 1:
            raise InvalidRequestError(f"{code} is not the same on every network: name one of {', '.join(networks)}")
        network = next(iter(networks))
    if network not in networks:
        raise InvalidRequestError(
            f"the decimals of {code} on this network are not known: give Currency({code!r}, decimals, network)"
        )
    return Currency(code, networks[network], network)


@functools.cache
def _iso4217() -> dict[str, int | None]:
    # Parsing the official table takes 25 ms, so it waits for the first amount.
    import iso4217

    return {currency.code: currency.exponent for currency in iso4217.Currency}

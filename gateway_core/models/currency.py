"""Currencies and crypto assets, and how many decimals each one has."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

import attrs

from gateway_core.errors import InvalidRequestError
from gateway_core.models._iso4217 import CURRENT, HISTORIC

_CODE = re.compile(r"[A-Z0-9]{2,12}")
_NETWORK = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
#: What a `Currency` can have.
MOST_DECIMALS = 30

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
        network: The chain that a crypto asset is on, such as ``tron``; None for a currency. Where it is left out of an
            asset that has one usual network, as in ``Currency("BTC", 8)``, it is that network, as `find` takes it; of
            another asset it stays None, for a provider where the payer chooses the network.

    Raises:
        InvalidRequestError: If one of them is not so, or a code of ISO 4217 is said to be on a network: anybody can
            make a token and call it ``EUR``.
    """

    code: str
    exponent: int = attrs.field(eq=False)
    network: str | None = None

    def __attrs_post_init__(self) -> None:
        _check_code(self.code)
        _check_exponent(self.exponent)
        if self.network is not None:
            _check_network(self.code, self.network)
        elif self.code in ASSETS:
            object.__setattr__(self, "network", _usual_network(self.code))  # what `find` takes it for

    def __str__(self) -> str:
        return f"{self.code} on {self.network}" if self.network else self.code

    @staticmethod
    def find(code: str, network: str | None = None) -> Currency:
        """Return the currency with this ISO 4217 code, or the crypto asset with this code on this network.

        Raises:
            InvalidRequestError: If the code is unknown, has no minor units in ISO 4217 (gold, for one), or is a crypto
                asset whose networks differ in decimals while none is named.
        """
        _check_names(code, network)
        return _find(code, network)


def read_currency(
    code: str, network: str | None = None, *, asked: Currency | None = None, value: Decimal | None = None
) -> Currency:
    """Return the currency that a provider's answer is in.

    Args:
        code: The code in the answer.
        network: The chain in the answer; None if it names none.
        asked: The currency that was asked for, if this answers a request.
        value: The amount, where it is written in major units: an asset that nobody knows is counted as it is written.

    Raises:
        InvalidRequestError: If nothing tells what the code stands for.
    """
    if asked is not None and code == asked.code and network in (None, asked.network):
        return asked
    _check_names(code, network)
    if network is None and is_historic(code):
        return Currency(code, HISTORIC[code])
    try:
        return _find(code, network)
    except InvalidRequestError:
        if network is None or value is None or (code in CURRENT and code not in ASSETS):
            raise
    decimals = max(0, -int(value.as_tuple().exponent))
    return Currency(code, min(decimals, MOST_DECIMALS), network)


def is_misleading(unit: Currency) -> bool:
    """Return whether an asset's code alone stands for another network."""
    return unit.code in ASSETS and _usual_network(unit.code) not in (None, unit.network)


def is_historic(code: str) -> bool:
    """Return whether a code has left ISO 4217."""
    return code in HISTORIC and code not in CURRENT


def is_payable(code: str) -> bool:
    """Return whether something can be paid in a currency: ISO 4217 has codes without a minor unit, as that of gold."""
    return CURRENT.get(code, 0) is not None


def _check_names(code: object, network: object) -> None:
    if not isinstance(code, str) or not (network is None or isinstance(network, str)):
        raise InvalidRequestError("a currency is named by its code, such as EUR, and a network by its name")


def _check_code(code: object) -> None:
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise InvalidRequestError("a currency code is 2 to 12 capital letters or digits, such as EUR")


def _check_exponent(exponent: object) -> None:
    if type(exponent) is not int or not 0 <= exponent <= MOST_DECIMALS:
        raise InvalidRequestError(f"a currency has 0 to {MOST_DECIMALS} decimals")


def _check_network(code: str, network: object) -> None:
    if not isinstance(network, str) or not _NETWORK.fullmatch(network):
        raise InvalidRequestError("a network is named in small letters, digits and hyphens, such as tron")
    if code not in ASSETS and code in CURRENT:
        raise InvalidRequestError(f"{code} is a currency of ISO 4217: it is on no network")


@functools.lru_cache(maxsize=512)
def _find(code: str, network: str | None) -> Currency:
    if code in ASSETS:
        return _asset(code, network)
    if code not in CURRENT:
        what = f"{code} has left ISO 4217" if code in HISTORIC else f"unknown currency {code[:12]}"
        raise InvalidRequestError(f"{what}: give an ISO 4217 code, or a Currency with its decimals and network")
    if network is not None:
        raise InvalidRequestError(f"{code} is a currency of ISO 4217: it is on no network")
    exponent = CURRENT[code]
    if exponent is None:
        raise InvalidRequestError(f"{code} has no minor unit in ISO 4217: nothing can be paid in it")
    return Currency(code, exponent)


def _asset(code: str, network: str | None) -> Currency:
    networks = ASSETS[code]
    if network is None:
        network = _usual_network(code)
    if network is None:
        raise InvalidRequestError(f"{code} is not the same on every network: name one of {', '.join(networks)}")
    if network not in networks:
        raise InvalidRequestError(
            f"the decimals of {code} on this network are not known: give Currency({code!r}, decimals, network)"
        )
    return Currency(code, networks[network], network)


def _usual_network(code: str) -> str | None:
    """Return the network that is meant where none is named; None if the asset's decimals differ among them."""
    networks = ASSETS[code]
    return next(iter(networks)) if len(set(networks.values())) == 1 else None

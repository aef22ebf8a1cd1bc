"""Currencies have the decimals of ISO 4217, crypto assets those of their network; a provider may count otherwise."""

from __future__ import annotations

import pickle
from decimal import Decimal
from typing import Any

import iso4217
import pytest

from gateway_core import Currency
from gateway_core.errors import InvalidRequestError
from gateway_core.models._iso4217 import CURRENT, HISTORIC, PUBLISHED
from gateway_core.models.currency import ASSETS, read_currency

#: List One of ISO 4217 as published on 2026-01-01: every code by its number of decimals.
OFFICIAL = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW"
        " CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF"
        " IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK"
        " MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP"
        " SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG"
        " YER ZAR ZMW ZWG"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
WITHOUT_MINOR_UNIT = ["XAG", "XAU", "XBA", "XBB", "XBC", "XBD", "XDR", "XPD", "XPT", "XSU", "XTS", "XUA", "XXX"]

each_official = pytest.mark.parametrize(
    "code, exponent", [(code, exponent) for exponent, codes in OFFICIAL.items() for code in codes.split()]
)


@each_official
def test_exponents_are_those_of_iso_4217(code: str, exponent: int) -> None:
    """M3: every currency has as many decimals as the official table says."""
    actual = Currency.find(code)

    assert (actual.code, actual.exponent, actual.network) == (code, exponent, None)


def test_the_official_table_is_known_whole() -> None:
    """M3: the installed table has no code that this one lacks, so a change of the standard is seen."""
    expected = {code for codes in OFFICIAL.values() for code in codes.split()} | set(WITHOUT_MINOR_UNIT)

    actual = {currency.code for currency in iso4217.Currency}

    assert actual >= expected


@pytest.mark.parametrize("code", WITHOUT_MINOR_UNIT)
def test_what_has_no_minor_unit_is_no_money(code: str) -> None:
    """M3: nothing is paid in gold, drawing rights or the code for tests."""
    with pytest.raises(InvalidRequestError, match="no minor unit"):
        Currency.find(code)


@pytest.mark.parametrize(
    "code, network, exponent",
    [
        ("BTC", "bitcoin", 8),
        ("LTC", "litecoin", 8),
        ("DOGE", "dogecoin", 8),
        ("XMR", "monero", 12),
        ("ETH", "ethereum", 18),
        ("ETH", "base", 18),
        ("ETH", "arbitrum", 18),
        ("BNB", "bsc", 18),
        ("TRX", "tron", 6),
        ("SOL", "solana", 9),
        ("TON", "ton", 9),
        ("USDT", "ethereum", 6),
        ("USDT", "tron", 6),
        ("USDT", "bsc", 18),
        ("USDT", "polygon", 6),
        ("USDT", "arbitrum", 6),
        ("USDT", "solana", 6),
        ("USDT", "ton", 6),
        ("USDT", "avalanche", 6),
        ("USDC", "ethereum", 6),
        ("USDC", "base", 6),
        ("USDC", "bsc", 18),
        ("USDC", "polygon", 6),
        ("USDC", "arbitrum", 6),
        ("USDC", "solana", 6),
        ("USDC", "avalanche", 6),
    ],
)
def test_crypto_exponents_belong_to_asset_and_network(code: str, network: str, exponent: int) -> None:
    """M3: a crypto asset has the decimals of its contract on that network."""
    actual = Currency.find(code, network)

    assert (actual.code, actual.exponent, actual.network) == (code, exponent, network)


def test_no_asset_hides_a_currency() -> None:
    """M4: no crypto asset has a code of ISO 4217."""
    actual = set(ASSETS) & {currency.code for currency in iso4217.Currency}

    assert actual == set()


@pytest.mark.parametrize("code, network", [("BTC", "bitcoin"), ("ETH", "ethereum"), ("TRX", "tron")])
def test_the_network_may_be_left_out_where_it_makes_no_difference(code: str, network: str) -> None:
    """An asset with the same decimals everywhere is meant on its own chain."""
    actual = Currency.find(code)

    assert actual == Currency.find(code, network)


@pytest.mark.parametrize("code", ["USDT", "USDC"])
def test_the_network_is_needed_where_decimals_differ(code: str) -> None:
    """M3: a stablecoin without its network is ambiguous by a factor of 10^12."""
    with pytest.raises(InvalidRequestError, match="name one of ethereum, "):
        Currency.find(code)


@pytest.mark.parametrize(
    "code, network, message",
    [
        ("EUR", "tron", "on no network"),
        ("USDT", "bitcoin", "not known: give Currency"),
        ("eur", None, "unknown currency"),
        ("Eur", None, "unknown currency"),
        (" EUR", None, "unknown currency"),
        ("EUR\n", None, "unknown currency"),
        ("ＥＵＲ", None, "unknown currency"),
        ("\u0415UR", None, "unknown currency"),
        ("DEM", None, "DEM has left ISO 4217"),
        ("", None, "unknown currency"),
        ("X" * 1000, None, "unknown currency XXXXXXXXXXXX:"),
        (978, None, "named by its code"),
        (None, None, "named by its code"),
        (["EUR"], None, "named by its code"),
        ("USDT", 6, "named by its code"),
        ("EUR", [], "named by its code"),
    ],
    ids=repr,
)
def test_unknown_currencies_are_refused(code: Any, network: Any, message: str) -> None:
    """Only exact codes are known, on networks that are known."""
    with pytest.raises(InvalidRequestError, match=message):
        Currency.find(code, network)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("E", 2), "code"),
        (("EURO-STABLE", 2), "code"),
        (("eur", 2), "code"),
        (("X" * 13, 2), "code"),
        (("EUR\n", 2), "code"),
        (("١٢٣", 2), "code"),
        ((None, 2), "code"),
        (("WIDG", -1), "decimals"),
        (("WIDG", 31), "decimals"),
        (("WIDG", 2.0), "decimals"),
        (("WIDG", True), "decimals"),
        (("WIDG", "2"), "decimals"),
        (("WIDG", 2, ""), "network"),
        (("WIDG", 2, "Tron"), "network"),
        (("WIDG", 2, "-tron"), "network"),
        (("WIDG", 2, "a" * 33), "network"),
        (("WIDG", 2, "tron\n"), "network"),
        (("WIDG", 2, 5), "network"),
    ],
    ids=repr,
)
def test_malformed_currencies_are_refused(arguments: tuple[Any, ...], message: str) -> None:
    """A currency made by hand has a plain code, 0 to 30 decimals and a plain network."""
    with pytest.raises(InvalidRequestError, match=message):
        Currency(*arguments)


@pytest.mark.parametrize("exponent", [0, 30])
def test_currencies_are_made_by_hand(exponent: int) -> None:
    """M3: an asset that the library does not know has 0 to 30 decimals."""
    actual = Currency("WIDG", exponent, "widgetchain")

    assert (actual.code, actual.exponent, actual.network) == ("WIDG", exponent, "widgetchain")


@pytest.mark.parametrize("code", ["EUR", "USD", "XAU"])
def test_no_token_takes_the_code_of_a_currency(code: str) -> None:
    """M4: anybody can make a token and call it EUR, so an asset on a network cannot have that code."""
    with pytest.raises(InvalidRequestError, match="on no network"):
        Currency(code, 2, "tron")


@pytest.mark.parametrize(
    "left, right, expected",
    [
        (Currency("CLP", 2), Currency.find("CLP"), True),
        (Currency("USDT", 6, "tron"), Currency.find("USDT", "tron"), True),
        (Currency.find("USDT", "bsc"), Currency.find("USDT", "tron"), False),
        (Currency("USDT", 6), Currency.find("USDT", "tron"), False),
        (Currency.find("USD"), Currency.find("EUR"), False),
    ],
)
def test_code_and_network_make_a_currency(left: Currency, right: Currency, expected: bool) -> None:
    """M4: currencies are equal by code and network; the exponent says only how finely somebody counts."""
    actual = left == right, hash(left) == hash(right)

    assert actual == (expected, expected)


@pytest.mark.parametrize(
    "currency, expected", [(Currency.find("EUR"), "EUR"), (Currency.find("USDT", "tron"), "USDT on tron")]
)
def test_text_names_code_and_network(currency: Currency, expected: str) -> None:
    """The text is for people."""
    actual = str(currency)

    assert actual == expected


def test_currencies_can_be_pickled() -> None:
    """A pickle keeps code, exponent and network."""
    currency = Currency("WIDG", 4, "widgetchain")

    actual = pickle.loads(pickle.dumps(currency))  # noqa: S301  # our own

    assert (actual, actual.exponent) == (currency, 4)


def test_table_is_the_official_one() -> None:
    """M3: the table is List One as the package has it, and says of which edition."""
    official = {currency.code: currency.exponent for currency in iso4217.Currency}

    assert (official, str(iso4217.__published__)) == (CURRENT, PUBLISHED)


def test_withdrawn_codes_are_not_those_of_today() -> None:
    """A code that comes back is one of today."""
    actual = set(HISTORIC) & set(CURRENT)

    assert actual == set()


@pytest.mark.parametrize(
    "currency, network",
    [
        (Currency("BTC", 8), "bitcoin"),
        (Currency("TON", 9), "ton"),
        (Currency("ETH", 18), "ethereum"),
        (Currency("BTC", 3), "bitcoin"),
        (Currency("USDT", 6), None),
        (Currency("WIDG", 6), None),
        (Currency("EUR", 2), None),
    ],
    ids=repr,
)
def test_network_of_a_known_asset_may_be_left_out(currency: Currency, network: str | None) -> None:
    """What is built from a stored code and number of decimals is the same asset as what is found by its code."""
    actual = currency.network

    assert actual == network


@pytest.mark.parametrize(
    "code, network, asked, expected",
    [
        ("EUR", None, None, Currency("EUR", 2)),
        ("BGN", None, None, Currency("BGN", 2)),
        ("HRK", None, None, Currency("HRK", 2)),
        ("BYR", None, None, Currency("BYR", 0)),
        ("BTC", None, None, Currency("BTC", 8, "bitcoin")),
        ("CLP", None, Currency("CLP", 2), Currency("CLP", 2)),
        ("EUR", None, Currency("CLP", 2), Currency("EUR", 2)),
        ("DAI", "ethereum", Currency("DAI", 18, "ethereum"), Currency("DAI", 18, "ethereum")),
        ("DAI", None, Currency("DAI", 18, "ethereum"), Currency("DAI", 18, "ethereum")),
        ("DAI", "ethereum", None, Currency("DAI", 3, "ethereum")),
        ("DAI", "polygon", Currency("DAI", 18, "ethereum"), Currency("DAI", 3, "polygon")),
        ("USDT", "zksync", None, Currency("USDT", 3, "zksync")),
        ("USDT", None, Currency("USDT", 6), Currency("USDT", 6)),
    ],
    ids=repr,
)
def test_answer_is_read_in_what_was_asked_for(
    code: str, network: str | None, asked: Currency | None, expected: Currency
) -> None:
    """M3: an answer is in the unit that was asked for, of today or before; an unknown asset is counted as written."""
    actual = read_currency(code, network, asked=asked, value=Decimal("1.234"))

    assert (actual, actual.exponent) == (expected, expected.exponent)


@pytest.mark.parametrize(
    "code, network",
    [("XYZ", None), ("EUR", "tron"), ("BGN", "Tron"), ("USDT", None), ("XAU", None), ("eur", None), (None, None)],
    ids=repr,
)
def test_answer_in_nothing_known_is_refused(code: Any, network: Any) -> None:
    """A word in place of a currency is no currency."""
    with pytest.raises(InvalidRequestError):
        read_currency(code, network, value=Decimal("1.23"))


def test_unknown_asset_in_minor_units_is_refused() -> None:
    """Without its decimals, nobody knows what so many units are."""
    with pytest.raises(InvalidRequestError, match="unknown currency DAI"):
        read_currency("DAI", "ethereum")

"""Money is exact, and what is not an amount is refused."""

from __future__ import annotations

import copy
import decimal
import locale
import pickle
import time
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_core import Currency, Money
from gateway_core.errors import InvalidRequestError
from gateway_core.models.money import parse_amount
from tests.models.amounts import HOSTILE_CONTEXTS, hostile, monies


def pickled(money: Money) -> Any:
    """Return an amount that went through a pickle."""
    return pickle.loads(pickle.dumps(money))  # noqa: S301  # our own


@given(monies())
def test_minor_units_round_trip(money: Money) -> None:
    """M1: an amount survives the way into minor units and back."""
    actual = Money.from_minor(money.to_minor(), money.unit)

    assert actual == money


@given(monies())
def test_text_round_trips(money: Money) -> None:
    """M1: an amount survives the way into text and back."""
    actual = Money(f"{money.amount:f}", money.unit)

    assert (actual, str(actual)) == (money, str(money))


@given(monies())
def test_decimals_are_the_currencys(money: Money) -> None:
    """An amount has exactly as many decimals as its currency."""
    actual = money.amount.as_tuple().exponent

    assert actual == -money.unit.exponent


@pytest.mark.parametrize("context", HOSTILE_CONTEXTS)
@pytest.mark.parametrize(
    "amount",
    ["0.001", "1e-99", "1e30", "9" * 31, "x", Decimal("1E-500"), Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity")],
)
def test_refusal_ignores_the_hosts_context(amount: str | Decimal, context: decimal.Context) -> None:
    """M5: what is refused is refused, with our error, whatever the host traps."""
    with hostile(context), pytest.raises(InvalidRequestError):
        Money(amount, "EUR")


@pytest.mark.parametrize("name", ["de_DE.UTF-8", "C.UTF-8"])
def test_locale_changes_nothing(name: str) -> None:
    """M5: no locale changes how an amount is read or written."""
    before = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(locale.LC_ALL, name)
    except locale.Error:
        pytest.skip(f"this machine has no locale {name}")

    try:
        actual = str(Money("1234567.89", "EUR"))
    finally:
        locale.setlocale(locale.LC_ALL, before)

    assert actual == "1234567.89 EUR"


@pytest.mark.parametrize(
    "amount",
    [
        0.1,
        float("nan"),
        True,
        None,
        b"1",
        Fraction(1, 2),
        1 + 0j,
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        Decimal("-Infinity"),
        Decimal("1E+1000000"),
        Decimal("1E-1000000"),
        Decimal("1E400"),
        Decimal("0.001"),
        Decimal("1e30"),
        10**30,
        -(10**30),
        "nan",
        "NaN",
        "sNaN",
        "inf",
        "Infinity",
        "-Infinity",
        "1e400",
        "1E+999999999",
        "1e-999999999",
        "0e100",
        "1e30",
        "1" + "0" * 30,
        "0.001",
        "1.999",
        "1_000",
        "1,000.00",
        "1.000,00",
        "1'000",
        "1 000",
        "1\u00a0000",
        " 1",
        "1 ",
        "1\n",
        "\t1",
        "",
        " ",
        "-",
        "+1",
        "--1",
        "1-",
        ".5",
        "5.",
        ".",
        "1.2.3",
        "0x10",
        "1e",
        "e5",
        "1e2.5",
        "€1",
        "1 EUR",
        "\u0661\u0662",
        "\u06f1",
        "\uff11",
        "\uff11.\uff10",
        "\u00b2",
        "\u22121",
        "\U0001d7cf",
        "1\u200b",
        "\ud800",
        "1\x00",
    ],
    ids=repr,
)
def test_what_is_not_an_amount_is_refused(amount: Any) -> None:
    """M1, M2: floats, bools, NaN, infinity, absurd exponents, other digits, blanks and separators are refused."""
    with pytest.raises(InvalidRequestError):
        Money(amount, "EUR")


@pytest.mark.parametrize(
    "amount, expected",
    [
        (0, "0.00"),
        ("-0", "0.00"),
        ("-0.00", "0.00"),
        (Decimal("-0"), "0.00"),
        (Decimal("-0E-1000"), "0.00"),
        ("7", "7.00"),
        ("007", "7.00"),
        ("49.9", "49.90"),
        ("-49.90", "-49.90"),
        ("49.900000", "49.90"),
        ("1e2", "100.00"),
        ("1E+2", "100.00"),
        ("5E-2", "0.05"),
        (Decimal("1E+2"), "100.00"),
        (10**30 - 1, "9" * 30 + ".00"),
        ("9" * 30 + ".99", "9" * 30 + ".99"),
    ],
)
def test_amounts_are_read(amount: str | int | Decimal, expected: str) -> None:
    """Text in plain digits, ints and Decimals are read exactly; there is no minus zero."""
    actual = str(Money(amount, "EUR").amount)

    assert actual == expected


@given(st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**9), max_value=10**9))
def test_what_python_writes_is_read(amount: Decimal) -> None:
    """The text of a Decimal is read, also where Python writes it with an exponent."""
    actual = Money(str(amount), "BTC").amount

    assert actual == amount


@given(st.text(max_size=12))
def test_any_text_is_read_as_decimal_reads_it_or_refused(text: str) -> None:
    """M2: no text gets another meaning, and none crashes."""
    try:
        actual = Money(text, "EUR").amount
    except InvalidRequestError:
        return

    assert (actual, text.isascii()) == (Decimal(text), True)


@pytest.mark.parametrize(
    "refused",
    [
        lambda: Money("9" * 10_000_000, "EUR"),
        lambda: Money("0." + "9" * 10_000_000, "EUR"),
        lambda: Money(1 << 40_000_000, "EUR"),
        lambda: Money.from_minor(1 << 40_000_000, "EUR"),
        lambda: Money(1, "EUR") * (1 << 40_000_000),
    ],
    ids=["digits", "decimals", "int", "minor units", "factor"],
)
def test_huge_numbers_are_refused_without_being_read(refused: Callable[[], Money]) -> None:
    """M2: a number of ten million digits costs no time that grows with the square of its length."""
    start = time.process_time()

    with pytest.raises(InvalidRequestError):
        refused()

    assert time.process_time() - start < 10


def test_errors_name_no_amount() -> None:
    """S9: the text of a refusal does not repeat what was given."""
    with pytest.raises(InvalidRequestError) as caught:
        Money("1234567.891", "EUR")

    assert str(caught.value) == "EUR has 2 decimals: round the amount first"


def test_refusal_is_a_value_error_and_a_type_error() -> None:
    """A constructor that refuses raises what Python's own would."""
    with pytest.raises(InvalidRequestError) as caught:
        Money(1.5, "EUR")  # type: ignore[arg-type]  # the mistake that is tested

    assert (isinstance(caught.value, ValueError), isinstance(caught.value, TypeError)) == (True, True)


@pytest.mark.parametrize(
    "amount, currency, exponent, expected",
    [
        ("10.05", "EUR", None, 1005),
        ("1000", "JPY", None, 1000),
        ("1.234", "BHD", None, 1234),
        ("12.3400", "CLF", None, 123400),
        ("1000", "CLP", None, 1000),
        ("1000", "CLP", 2, 100000),
        ("1000.00", "IDR", 0, 1000),
        ("-10.05", "EUR", None, -1005),
        ("1.23", "KWD", 2, 123),
        ("9" * 30, "EUR", 30, (10**30 - 1) * 10**30),
    ],
)
def test_minor_units(amount: str, currency: str, exponent: int | None, expected: int) -> None:
    """M3: minor units follow ISO 4217, or the provider's own exponent."""
    actual = Money(amount, currency).to_minor(exponent)

    assert (actual, type(actual)) == (expected, int)


@pytest.mark.parametrize("exponent", [0, 1])
def test_minor_units_are_never_rounded(exponent: int) -> None:
    """M2: an amount that is not a whole number of the provider's units is refused."""
    with pytest.raises(InvalidRequestError, match="whole number"):
        Money("10.05", "EUR").to_minor(exponent)


@pytest.mark.parametrize("exponent", [-1, 31, 2.0, True, "2", 10**9], ids=repr)
def test_exponents_are_small_ints(exponent: Any) -> None:
    """M3: an absurd exponent is refused before anything is scaled by it."""
    with pytest.raises(InvalidRequestError):
        Money(1, "EUR").to_minor(exponent)


@pytest.mark.parametrize("units", [1.0, True, "1", Decimal(1), None, 10**32, -(10**32)], ids=repr)
def test_minor_units_are_ints(units: Any) -> None:
    """M1: minor units are an int, below 10^30 of the major unit."""
    with pytest.raises(InvalidRequestError):
        Money.from_minor(units, "EUR")


def test_a_providers_exponent_comes_with_the_currency() -> None:
    """M3: a provider that counts the Chilean peso in hundredths is read and written exactly."""
    money = Money.from_minor(123450, Currency("CLP", 2))

    actual = str(money), money.to_minor()

    assert actual == ("1234.50 CLP", 123450)


@pytest.mark.parametrize("make", [Money, Money.from_minor])
def test_the_network_is_given_once(make: Callable[..., Money]) -> None:
    """A Currency has its network already."""
    with pytest.raises(InvalidRequestError, match="twice"):
        make(1, Currency.find("USDT", "tron"), network="tron")


@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy, pickled])
@pytest.mark.parametrize("money", [Money("1.50", "EUR"), Money("0.5", "USDT", network="tron")])
def test_clones_are_equal(clone: Callable[[Money], Money], money: Money) -> None:
    """Money can be copied and pickled."""
    actual = clone(money)

    assert (actual, repr(actual)) == (money, repr(money))


@pytest.mark.parametrize("text", ["Money('1.50', 'EUR')", "Money('-0.500000', 'USDT', network='tron')"])
def test_repr_is_what_one_writes(text: str) -> None:
    """The repr makes the amount again."""
    actual = repr(eval(text))  # noqa: S307  # the text is ours

    assert actual == text


def test_parts_have_names() -> None:
    """An amount tells its currency and its network."""
    money = Money("1.5", "USDT", network="tron")

    actual = money.currency, money.network, money.unit, str(money)

    assert actual == ("USDT", "tron", Currency("USDT", 6, "tron"), "1.500000 USDT")


@pytest.mark.parametrize("text", ["1234.56", "-0.5", "1E-8"])
def test_numbers_in_text_are_read(text: str) -> None:
    """Plain digits become the same Decimal."""
    actual = parse_amount(text)

    assert actual == Decimal(text)


@pytest.mark.parametrize(
    "amount, code, network, expected",
    [
        ("5.00", "BGN", None, Money("5.00", Currency("BGN", 2))),
        (Decimal("5.0"), "EUR", None, Money(5, "EUR")),
        ("0.00000001", "DAI", "ethereum", Money("0.00000001", Currency("DAI", 18, "ethereum"))),
        ("1E-8", "DAI", "ethereum", Money("0.00000001", Currency("DAI", 18, "ethereum"))),
        ("1E3", "DAI", "ethereum", Money(1000, Currency("DAI", 18, "ethereum"))),
    ],
)
def test_answers_are_read(amount: Any, code: str, network: str | None, expected: Money) -> None:
    """M3: an amount of an answer is read in a currency that was withdrawn, and in an asset that nobody knows."""
    actual = Money.read(amount, code, network=network)

    assert actual == expected


def test_answer_is_counted_as_what_was_asked_for() -> None:
    """M3: the unit that was asked for is that of the answer."""
    asked = Money(5, Currency("DAI", 18, "ethereum"))

    actual = Money.read("5", "DAI", asked=asked)

    assert (actual, actual.unit.exponent) == (asked, 18)


@pytest.mark.parametrize(
    "amount", ["", "5,00", 5.0, None, "NaN", Decimal("Infinity"), "1E99", "0." + "1" * 31], ids=repr
)
def test_what_is_no_amount_of_an_answer_is_refused(amount: Any) -> None:
    """A number that cannot be money is refused in our own words."""
    with pytest.raises(InvalidRequestError):
        Money.read(amount, "DAI", network="ethereum")

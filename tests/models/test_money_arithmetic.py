"""Arithmetic and order are exact, in one currency, and do not ask the host."""

from __future__ import annotations

import decimal
from collections.abc import Callable
from decimal import Decimal
from operator import add, ge, gt, le, lt, sub
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_core import Currency, Money
from gateway_core.errors import InvalidRequestError
from tests.models.amounts import HOSTILE_CONTEXTS, exactly, hostile, monies, pairs


@given(pairs(), st.sampled_from(HOSTILE_CONTEXTS))
def test_arithmetic_ignores_the_hosts_context(pair: tuple[Money, Money], context: decimal.Context) -> None:
    """M5: sums, differences, order, equality and texts are exact whatever the host's decimal context is."""
    left, right = pair
    expected = (
        exactly(left) + exactly(right),
        exactly(left) - exactly(right),
        exactly(left) < exactly(right),
        exactly(left) == exactly(right),
        -exactly(left),
        -exactly(left),
        left.to_minor(),
    )

    with hostile(context):
        total, difference, negated = left + right, left - right, -left
        again = Money(f"-{left}".replace("--", "").split()[0], left.unit)
        less, equal, units = left < right, left == right, Money.from_minor(left.to_minor(), left.unit).to_minor()

    assert (exactly(total), exactly(difference), less, equal, exactly(negated), exactly(again), units) == expected


@given(monies(), st.integers(-(10**30) + 1, 10**30 - 1), st.sampled_from(HOSTILE_CONTEXTS))
def test_products_are_exact_or_refused(money: Money, factor: int, context: decimal.Context) -> None:
    """M5: a product is exact, or an error of ours if it is too large."""
    expected = exactly(money) * factor

    with hostile(context):
        try:
            actual = exactly(money * factor)
        except InvalidRequestError:
            actual = None

    assert actual == (expected if abs(expected) < 10**30 else None)


@pytest.mark.parametrize("operation", [add, sub, lt, le, gt, ge])
@pytest.mark.parametrize(
    "other",
    [
        Money(1, "USD"),
        Money(1, "USDT", network="tron"),
        Money(1, Currency("EURX", 2)),
        1,
        Decimal(1),
        "1",
        None,
    ],
    ids=repr,
)
def test_arithmetic_and_order_need_one_currency(operation: Callable[[Any, Any], Any], other: object) -> None:
    """M4: nothing is added to or compared with another currency or a bare number."""
    with pytest.raises(InvalidRequestError):
        operation(Money(1, "EUR"), other)


@pytest.mark.parametrize(
    "left, right, expected",
    [
        (Money("1", "EUR"), Money("1.00", "EUR"), True),
        (Money("1", "EUR"), Money("1.01", "EUR"), False),
        (Money("1", "USD"), Money("1", "EUR"), False),
        (Money("1", "USD"), Money("1", "USDT", network="tron"), False),
        (Money("1", "USDT", network="bsc"), Money("1", "USDT", network="tron"), False),
        (Money("1", "CLP"), Money("1", Currency("CLP", 2)), True),
        (Money("1.000000000000000001", "ETH"), Money("1.000000000000000002", "ETH"), False),
        (Money("1", "EUR"), 1, False),
        (Money("1", "EUR"), "1.00 EUR", False),
    ],
)
def test_equality_needs_equal_currency_and_value(left: Money, right: object, expected: bool) -> None:
    """M4: amounts are equal if currency and value are, to the 18th decimal, however finely counted."""
    actual = left == right, hash(left) == hash(right)

    assert actual == (expected, expected)


@given(pairs())
def test_order_is_total(pair: tuple[Money, Money]) -> None:
    """Order agrees with the amounts' own."""
    left, right = pair
    expected = [operation(exactly(left), exactly(right)) for operation in (lt, le, gt, ge)]

    actual = [operation(left, right) for operation in (lt, le, gt, ge)]

    assert actual == expected


@pytest.mark.parametrize("operation, expected", [(add, "1.50"), (sub, "0.50")])
def test_the_finer_count_wins(operation: Callable[[Money, Money], Money], expected: str) -> None:
    """Amounts that two parties count with other exponents are added exactly, in either order."""
    coarse, fine = Money(1, "CLP"), Money("0.50", Currency("CLP", 2))

    actual = operation(coarse, fine).amount, abs(operation(fine, coarse).amount)

    assert actual == (Decimal(expected), Decimal(expected))


def test_sums_begin_with_an_amount() -> None:
    """An empty sum has a currency too, so it is given as the start."""
    prices = [Money("0.10", "EUR")] * 3

    actual = sum(prices, start=Money(0, "EUR"))

    assert actual == Money("0.30", "EUR")


@pytest.mark.parametrize("factor", [1.5, Decimal(2), True, "2", None, 10**30, -(10**30)], ids=repr)
def test_factors_are_ints(factor: Any) -> None:
    """M2: money is multiplied by an int that is not absurd, since anything else would have to be rounded."""
    with pytest.raises(InvalidRequestError):
        Money(0, "EUR") * factor


def test_factors_stand_on_either_side() -> None:
    """Two times three euros is three euros times two."""
    actual = 2 * Money(3, "EUR"), Money(3, "EUR") * 2

    assert actual == (Money(6, "EUR"), Money(6, "EUR"))


@pytest.mark.parametrize(
    "refused",
    [lambda: Money(10**30 - 1, "EUR") + Money(1, "EUR"), lambda: Money(10**29, "JPY") * 10],
    ids=["sum", "product"],
)
def test_results_are_bounded_too(refused: Callable[[], Money]) -> None:
    """M2: no sum or product reaches 10^30."""
    with pytest.raises(InvalidRequestError, match="too large"):
        refused()


@pytest.mark.parametrize("amount, expected", [("0", False), ("0.01", True), ("-0.01", True)])
def test_truth_is_not_zero(amount: str, expected: bool) -> None:
    """Money is true unless it is nothing."""
    actual = bool(Money(amount, "EUR"))

    assert actual is expected

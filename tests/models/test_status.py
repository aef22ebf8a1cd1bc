"""Which status may follow which, and how a status follows from amounts."""

from __future__ import annotations

from itertools import product

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_core import AmountVerdict, InvoiceStatus, Money, StatusReport
from gateway_core.models.status import LEGAL_MOVES, compare, derive

S = InvoiceStatus
V = AmountVerdict

#: Every pair: from the row to the column, in the order of the enum. ``=`` stays the same, ``y`` legal, ``-`` not.
MOVES = """
                    PEND APPR AUTH PART PAID OVER EXPI CANC FAIL PREF REFU UNKN
PENDING              =    y    y    y    y    y    y    y    y    y    y    y
APPROVED             -    =    y    y    y    y    y    y    y    y    y    y
AUTHORIZED           -    -    =    y    y    y    y    y    y    y    y    y
PARTIALLY_PAID       -    -    -    =    y    y    y    y    y    y    y    y
PAID                 -    -    -    -    =    y    -    -    -    y    y    y
OVERPAID             -    -    -    -    -    =    -    -    -    y    y    y
EXPIRED              -    -    -    y    y    y    =    y    -    y    y    y
CANCELED             -    -    -    y    y    y    -    =    -    y    y    y
FAILED               y    y    y    y    y    y    y    y    =    y    y    y
PARTIALLY_REFUNDED   -    -    -    -    -    -    -    -    -    =    y    y
REFUNDED             -    -    -    -    -    -    -    -    -    y    =    y
UNKNOWN              y    y    y    y    y    y    y    y    y    y    y    =
"""
ROWS = [line.split() for line in MOVES.strip().splitlines()[1:]]
PAIRS = [(InvoiceStatus[row[0]], other, mark) for row in ROWS for other, mark in zip(S, row[1:], strict=True)]

NOT_SUCCESS = {S.CANCELED, S.FAILED, S.UNKNOWN}


def eur(amount: str) -> Money:
    """Return an amount in euros."""
    return Money(amount, "EUR")


AMOUNTS = [None, *(Money(amount, currency) for amount in ("0", "49.99", "50", "50.01") for currency in ("EUR", "USD"))]
each_word = pytest.mark.parametrize("word", S)


@pytest.mark.parametrize("before, after, mark", PAIRS)
def test_legal_moves(before: InvoiceStatus, after: InvoiceStatus, mark: str) -> None:
    """The table of legal moves is this one, pair by pair; staying the same is legal and no move."""
    actual = before.can_become(after), after in LEGAL_MOVES[before]

    assert actual == (mark in {"y", "="}, mark == "y")


def test_every_pair_is_listed() -> None:
    """No status is missing from the table, nor from the list above."""
    actual = {(before, after) for before, after, _ in PAIRS}

    assert actual == set(product(S, S)) == {(before, after) for before in LEGAL_MOVES for after in S}


@pytest.mark.parametrize("before", [S.PAID, S.OVERPAID])
def test_success_is_left_by_refunds_only(before: InvoiceStatus) -> None:
    """W12: no failure that is told late ends an invoice that was paid."""
    actual = LEGAL_MOVES[before] - {S.OVERPAID}

    assert actual == {S.PARTIALLY_REFUNDED, S.REFUNDED, S.UNKNOWN}


@pytest.mark.parametrize(
    "before", [S.PENDING, S.APPROVED, S.AUTHORIZED, S.PARTIALLY_PAID, S.EXPIRED, S.CANCELED, S.FAILED]
)
def test_money_may_always_come(before: InvoiceStatus) -> None:
    """No end and no failure freezes an invoice: money that comes late counts."""
    actual = LEGAL_MOVES[before] | {before}

    assert actual >= {S.PARTIALLY_PAID, S.PAID, S.OVERPAID, S.PARTIALLY_REFUNDED, S.REFUNDED}


def test_the_table_cannot_be_changed() -> None:
    """The table is data, for every caller the same."""
    with pytest.raises(TypeError):
        LEGAL_MOVES[S.PAID] = frozenset(S)  # type: ignore[index]  # the mistake that is tested


@each_word
def test_is_paid(word: InvoiceStatus) -> None:
    """Paid is PAID or OVERPAID and nothing else."""
    actual = word.is_paid

    assert actual is (word in {S.PAID, S.OVERPAID})


@pytest.mark.parametrize(
    "expected, received, verdict",
    [
        (eur("50"), eur("50"), V.EXACT),
        (eur("50"), eur("49.99"), V.UNDER),
        (eur("50"), eur("50.01"), V.OVER),
        (eur("50"), eur("0"), V.NONE),
        (eur("50"), Money("0", "USD"), V.NONE),
        (eur("50"), Money("50", "USD"), V.WRONG_CURRENCY),
        (Money("1", "USDT", network="tron"), Money("1", "USDT", network="bsc"), V.WRONG_CURRENCY),
        (Money("50", "USD"), Money("50", "USDT", network="tron"), V.WRONG_CURRENCY),
        (Money("1", "ETH"), Money("0.999999999999999999", "ETH"), V.UNDER),
        (eur("50"), None, V.UNKNOWN),
        (None, eur("50"), V.UNKNOWN),
        (None, eur("0"), V.NONE),
        (None, None, V.UNKNOWN),
    ],
)
def test_verdicts(expected: Money | None, received: Money | None, verdict: AmountVerdict) -> None:
    """W11, M4: the verdict compares amount and currency exactly, and says so where it cannot."""
    actual = compare(expected, received)

    assert actual is verdict


@pytest.mark.parametrize(
    "word, received, refunded, status",
    [
        (S.PENDING, None, None, S.PENDING),
        (S.PENDING, "0", None, S.PENDING),
        (S.PENDING, "49.99", None, S.PARTIALLY_PAID),
        (S.PENDING, "50", None, S.PAID),
        (S.PENDING, "50.01", None, S.OVERPAID),
        (S.APPROVED, "0", None, S.APPROVED),
        (S.APPROVED, "50", None, S.PAID),
        (S.AUTHORIZED, "0", "0", S.AUTHORIZED),
        (S.AUTHORIZED, "10", None, S.PARTIALLY_PAID),
        (S.PAID, None, None, S.PAID),
        (S.PAID, "50", "0", S.PAID),
        (S.PAID, "49.99", None, S.PARTIALLY_PAID),
        (S.PAID, "0", None, S.UNKNOWN),
        (S.PAID, "50.01", None, S.OVERPAID),
        (S.OVERPAID, "50", None, S.PAID),
        (S.OVERPAID, "1", None, S.PARTIALLY_PAID),
        (S.OVERPAID, "0", None, S.UNKNOWN),
        (S.PARTIALLY_PAID, "0", None, S.UNKNOWN),
        (S.PARTIALLY_PAID, "50", None, S.PAID),
        (S.EXPIRED, None, None, S.EXPIRED),
        (S.EXPIRED, "0", None, S.EXPIRED),
        (S.EXPIRED, "10", None, S.EXPIRED),
        (S.EXPIRED, "50", None, S.PAID),
        (S.EXPIRED, "60", None, S.OVERPAID),
        (S.EXPIRED, "50", "50", S.REFUNDED),
        (S.CANCELED, "50", None, S.CANCELED),
        (S.CANCELED, "50", "50", S.CANCELED),
        (S.FAILED, "50", None, S.FAILED),
        (S.UNKNOWN, "50", None, S.UNKNOWN),
        (S.PAID, "50", "10", S.PARTIALLY_REFUNDED),
        (S.PAID, "50", "49.99", S.PARTIALLY_REFUNDED),
        (S.PAID, "50", "50", S.REFUNDED),
        (S.PAID, "60", "50", S.PARTIALLY_REFUNDED),
        (S.PAID, "60", "60", S.REFUNDED),
        (S.PAID, None, "10", S.PARTIALLY_REFUNDED),
        (S.PAID, None, "50", S.REFUNDED),
        (S.PENDING, "30", "30", S.REFUNDED),
        (S.PENDING, "80", "30", S.PARTIALLY_REFUNDED),
        (S.REFUNDED, None, None, S.REFUNDED),
        (S.REFUNDED, "50", "10", S.PARTIALLY_REFUNDED),
        (S.REFUNDED, "50", "0", S.REFUNDED),
        (S.PARTIALLY_REFUNDED, "50", None, S.PARTIALLY_REFUNDED),
        (S.PARTIALLY_REFUNDED, "50", "50", S.REFUNDED),
    ],
)
def test_amounts_decide(word: InvoiceStatus, received: str | None, refunded: str | None, status: InvoiceStatus) -> None:
    """Of 50 euros that were asked for, what came and what went back decides, not the provider's word."""
    amounts = (None if amount is None else eur(amount) for amount in (received, refunded))

    actual, _ = derive(word, eur("50"), *amounts)

    assert actual is status


@pytest.mark.parametrize(
    "refunded, status",
    [(Money("50", "USD"), S.PARTIALLY_REFUNDED), (eur("50"), S.PARTIALLY_REFUNDED), (eur("0"), S.PAID)],
)
def test_a_refund_of_an_unknown_whole_is_partial(refunded: Money, status: InvoiceStatus) -> None:
    """Nothing is called REFUNDED unless it is known that all of it went back."""
    actual, _ = derive(S.PAID, None, None, refunded)

    assert actual is status


def test_a_refund_in_another_currency_is_partial() -> None:
    """Fifty dollars are not fifty euros, on the way back either."""
    actual, _ = derive(S.PAID, eur("50"), eur("50"), Money("50", "USD"))

    assert actual is S.PARTIALLY_REFUNDED


@each_word
@pytest.mark.parametrize(
    "received", [Money("50", "USD"), Money("5000", "JPY"), Money("50", "USDT", network="tron")], ids=str
)
def test_the_wrong_currency_never_pays(word: InvoiceStatus, received: Money) -> None:
    """W11: another currency is never PAID, whatever the provider says."""
    actual, verdict = derive(word, eur("50"), received, None)

    assert (actual.is_paid, verdict) == (False, V.WRONG_CURRENCY)


@each_word
@pytest.mark.parametrize("received", ["0", "0.01", "49.99"])
def test_less_never_pays(word: InvoiceStatus, received: str) -> None:
    """W11: less than asked for is never PAID, whatever the provider says."""
    actual, _ = derive(word, eur("50"), eur(received), None)

    assert actual.is_paid is False


def test_failure_and_unknown_stay() -> None:
    """No amount makes a success of CANCELED, FAILED or UNKNOWN."""
    cases = product(NOT_SUCCESS, AMOUNTS, AMOUNTS)

    actual = [case for case in cases if derive(case[0], eur("50"), *case[1:])[0] is not case[0]]

    assert actual == []


@each_word
def test_success_comes_from_enough_money_or_a_word_for_it(word: InvoiceStatus) -> None:
    """PAID needs the money where the amounts are known, and a word for it where they are not."""
    derived = [derive(word, *amounts) for amounts in product(AMOUNTS, repeat=3)]

    actual = {verdict for status, verdict in derived if status.is_paid}

    assert actual <= ({V.EXACT, V.OVER, V.UNKNOWN} if word.is_paid else {V.EXACT, V.OVER})


@each_word
def test_deriving_twice_changes_nothing(word: InvoiceStatus) -> None:
    """A report that is copied with another order_id keeps its status and its verdict, whatever the amounts are."""
    reports = [
        StatusReport(invoice_id="7", status=word, expected=expected, received=received, refunded=refunded)
        for expected, received, refunded in product(AMOUNTS, repeat=3)
    ]

    actual = [attrs.evolve(report, order_id="1042") for report in reports]

    assert [(each.status, each.verdict) for each in actual] == [(each.status, each.verdict) for each in reports]


@given(
    st.sampled_from(sorted(S)),
    st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 6000)), min_size=2, max_size=2),
)
def test_growing_facts_move_legally(word: InvoiceStatus, growth: list[tuple[int, int]]) -> None:
    """Under one word, while more money comes and more goes back, every move is a legal one."""
    (received, refunded), (more, back) = growth
    refunded = min(refunded, received)
    later = received + more, min(refunded + back, received + more)
    amounts = [tuple(Money.from_minor(units, "EUR") for units in pair) for pair in ((received, refunded), later)]

    before, after = (derive(word, eur("50"), *pair)[0] for pair in amounts)

    assert before.can_become(after), f"{before} -> {after}"

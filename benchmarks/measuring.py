"""Two ways of doing the same work, measured side by side in one run.

The sides take turns, and who begins changes from round to round. So what a busy machine does to one it does to the
other, and the ratio of each round stands for itself: its median is what is told, with the quartiles as its spread.
"""

from __future__ import annotations

import gc
import operator
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Literal, TypeAlias

import attrs

#: One side of a comparison: does its work so many times, and returns what that took in the unit of its row.
Side: TypeAlias = Callable[[int], float]

#: How long one side of a round should last, in seconds: long beside a clock's step, short beside a machine's moods.
_LONG_ENOUGH = 0.1


class Absent(Exception):  # noqa: N818  # no error: the row says so
    """Something that a row needs is not installed."""


@attrs.frozen
class Pair:
    """What a row compares.

    Attributes:
        ours: Our side.
        reference: What it is held against.
    """

    ours: Side
    reference: Side


@attrs.frozen(kw_only=True)
class Row:
    """One comparison.

    Attributes:
        name: Its name, to choose it by.
        work: The work that both sides do.
        against: What we are held against.
        make: Makes the sides ready, for the share of the whole work that it is given, from 0 to 1.
        target: The most that the ratio should be; None where the ratio is for information.
        unit: ``s`` compares seconds as a ratio; ``MB`` compares memory as a difference.
        rounds: How many rounds at most.
    """

    name: str
    work: str
    against: str
    make: Callable[[float], AbstractContextManager[Pair]]
    target: float | None = None
    unit: Literal["s", "MB"] = "s"
    rounds: int = 15


@attrs.frozen(kw_only=True)
class Result:
    """What was measured for a row.

    Attributes:
        row: The row.
        ours: Our median for one piece of work, in the row's unit.
        reference: That of the reference.
        ratio: The median of the rounds' ratios, or of their differences where the unit is ``MB``; less is better.
        spread: Their lower and upper quartile.
    """

    row: Row
    ours: float
    reference: float
    ratio: float
    spread: tuple[float, float]

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None if there is none."""
        return None if self.row.target is None else self.ratio <= self.row.target


def timed(work: Callable[[], object]) -> Side:
    """Return a side that is measured by the clock."""

    def side(times: int) -> float:
        started = time.perf_counter()
        for _ in range(times):
            work()
        return time.perf_counter() - started

    return side


def measure(row: Row, rounds: int, share: float = 1.0) -> Result:
    """Measure a row.

    Args:
        row: The row.
        rounds: How many rounds, if the row takes that many.
        share: The share of the whole work; less than 1 is for trying whether a row runs.
    """
    with row.make(share) as pair:
        times = _times(pair) if row.unit == "s" and share == 1 else (1, 1)
        measured = list(_rounds(pair, times, min(rounds, row.rounds)))
    compare = operator.truediv if row.unit == "s" else operator.sub
    ratios = [compare(ours, reference) for ours, reference in measured]
    low, _, high = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    return Result(
        row=row,
        ours=statistics.median(ours for ours, _ in measured),
        reference=statistics.median(reference for _, reference in measured),
        ratio=statistics.median(ratios),
        spread=(low, high),
    )


def _times(pair: Pair) -> tuple[int, int]:
    """Return how often each side does its work in a round. This warms up too, so it is done in any case."""

    def enough(side: Side) -> int:
        times = 1
        while (took := side(times)) < _LONG_ENOUGH / 2:
            times = max(2 * times, int(times * _LONG_ENOUGH / max(took, 1e-6) / 2))
        return max(1, round(times * _LONG_ENOUGH / took))

    return enough(pair.ours), enough(pair.reference)


def _rounds(pair: Pair, times: tuple[int, int], rounds: int) -> Iterator[tuple[float, float]]:
    for number in range(rounds):
        sides = [(pair.ours, times[0]), (pair.reference, times[1])]
        found: dict[Side, float] = {}
        for side, often in sides if number % 2 else reversed(sides):
            gc.collect()  # nobody clears up after the other
            found[side] = side(often) / often
        yield found[pair.ours], found[pair.reference]

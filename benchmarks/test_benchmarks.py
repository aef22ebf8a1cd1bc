"""The benchmarks run, and tell what was measured. No test here looks at how long something took."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from benchmarks import __main__ as program
from benchmarks import growth
from benchmarks.bodies import PAGE, page, webhook
from benchmarks.growth import CURVES, Curve
from benchmarks.measuring import Absent, Pair, Result, Row, measure
from benchmarks.stripe_bodies import SESSION, SESSION_BODY


def scripted(ours: list[float], reference: list[float], **more: Any) -> tuple[Row, list[str]]:
    """Return a row whose sides take what is given, round by round, and the list of who had a turn."""
    turns: list[str] = []

    def side(name: str, takes: list[float]) -> Any:
        left = iter(takes)

        def work(times: int) -> float:
            turns.append(name)
            return next(left) * times

        return work

    @contextmanager
    def make(_: float) -> Iterator[Pair]:
        yield Pair(side("ours", ours), side("reference", reference))

    return Row(name="scripted", work="work", against="others", make=make, **more), turns


@pytest.mark.parametrize("row", program.ROWS, ids=lambda row: row.name)
def test_every_row_runs(row: Row) -> None:
    """A row that cannot be measured any more is found out by the tests, and not before a release."""
    try:
        result = measure(row, rounds=1, share=0.01)
    except Absent as reason:
        pytest.skip(str(reason))

    assert result.ours > 0
    assert result.reference > 0
    assert result.spread == (result.ratio, result.ratio)


def test_rows_have_names_of_their_own() -> None:
    """A name chooses one row."""
    names = Counter(row.name for row in program.ROWS)

    assert [name for name, count in names.items() if count > 1] == []


def test_ratio_is_the_median_of_the_rounds() -> None:
    """Each round is compared by itself: what slows both sides in one of them does not move the ratio."""
    row, _ = scripted([1.0, 20.0, 3.0], [2.0, 40.0, 4.0], target=0.5)

    result = measure(row, rounds=3, share=0.5)

    assert (result.ours, result.reference, result.ratio, result.spread) == (3.0, 4.0, 0.5, (0.5, 0.625))
    assert result.met


def test_memory_is_compared_as_a_difference() -> None:
    """What must not grow is told in megabytes."""
    row, _ = scripted([3.5], [1.0], unit="MB", target=2.0)

    result = measure(row, rounds=1)

    assert (result.ratio, result.met) == (2.5, False)


def test_sides_take_turns_to_begin() -> None:
    """Neither side has always the machine that the other has just left."""
    row, turns = scripted([1.0] * 3, [1.0] * 3)

    measure(row, rounds=3, share=0.5)

    assert turns == ["reference", "ours", "ours", "reference", "reference", "ours"]


def test_side_works_until_it_can_be_measured() -> None:
    """A round of something quick is many of it: its sides last about as long, whatever they do."""
    row, turns = scripted([1e-3] * 9, [1e-1] * 9)

    result = measure(row, rounds=1)

    assert [result.ours, result.reference] == pytest.approx([1e-3, 1e-1])
    assert turns[:3] == ["ours", "ours", "reference"]


def test_row_takes_no_more_rounds_than_it_says() -> None:
    """What takes long is measured fewer times."""
    row, turns = scripted([1.0] * 2, [1.0] * 2, rounds=2)

    measure(row, rounds=15, share=0.5)

    assert Counter(turns) == {"ours": 2, "reference": 2}


def test_rows_are_chosen_by_patterns() -> None:
    """A part of the rows is measured in the order of the whole."""
    assert [row.name for row in program.chosen(["import", "webhook-*-1"])] == [
        "webhook-stripe-1",
        "webhook-standard-1",
        "import",
    ]
    assert program.chosen([]) == program.ROWS


def test_pattern_without_a_row_is_refused() -> None:
    """A name that is misspelt measures nothing, and must not look like success."""
    with pytest.raises(ValueError, match="no row 'creat'"):
        program.chosen(["import", "creat"])


@pytest.mark.parametrize(
    "target,unit,expected",
    [
        (0.6, "s", "| scripted | work | others | 1.5 ms | 3 ms | 0.5 | 0.4 to 0.6 | ≤ 0.6 | met |"),
        (0.4, "s", "| scripted | work | others | 1.5 ms | 3 ms | 0.5 | 0.4 to 0.6 | ≤ 0.4 | missed |"),
        (None, "s", "| scripted | work | others | 1.5 ms | 3 ms | 0.5 | 0.4 to 0.6 |  |  |"),
        (2, "MB", "| scripted | work | others | 0.00 MB | 0.00 MB | 0.5 MB more | 0.4 to 0.6 | ≤ 2 MB more | met |"),
    ],
)
def test_line_tells_ratio_target_and_verdict(target: float | None, unit: Any, expected: str) -> None:
    """A line of the table says all that was measured, and whether it is good enough."""
    row, _ = scripted([], [], target=target, unit=unit)
    result = Result(row=row, ours=0.0015, reference=0.003, ratio=0.5, spread=(0.4, 0.6))

    actual = program.line(result)

    assert actual == expected


def test_program_prints_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Programs read the same numbers, with the versions of everybody involved."""
    row, _ = scripted([1.0] * 2, [2.0] * 2, target=0.6)
    monkeypatch.setattr(program, "ROWS", [row])
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--json", "--rounds", "1"])

    program.main()

    told = json.loads(capsys.readouterr().out)
    assert told["rows"] == [
        {
            "row": "scripted",
            "work": "work",
            "against": "others",
            "unit": "s",
            "ours": 1.0,
            "reference": 2.0,
            "ratio": 0.5,
            "spread": [0.5, 0.5],
            "target": 0.6,
            "met": True,
        }
    ]
    assert {"requests", "httpx", "stripe", "standardwebhooks"} <= set(told["versions"])


def test_pages_go_on_with_other_payments() -> None:
    """A list in which the same payments came again would be none."""
    first, second = (json.loads(page(number)) for number in (0, 1))

    assert len({payment["id"] for payment in first["data"] + second["data"]}) == 2 * PAGE
    assert first["next_cursor"] == first["data"][-1]["id"]


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("size", [1_000, 10_000])
def test_webhook_is_of_its_size(size: int, flat: bool) -> None:
    """What is called a webhook of 10 kB is one."""
    assert size <= len(webhook(size, flat=flat)) < 1.2 * size


def test_what_is_called_whole_has_what_theirs_have() -> None:
    """A benchmark on objects of a few fields would flatter whoever looks at few of them."""
    charge = json.loads(page(0, whole=True))["data"][0]

    assert len(SESSION) >= 60
    assert len(charge) >= 45
    assert len(SESSION_BODY) > 2_500
    assert len(page(0, whole=True)) > 200_000


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_every_curve_is_measured_and_drawn(curve: Curve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A curve that cannot be measured any more is found out, and what is drawn is a drawing with all its points."""
    monkeypatch.setattr(growth, "_TIMES", 1)

    points = curve.measure(curve.numbers[:2])

    drawn = ET.fromstring(growth.drawing(curve, points))  # noqa: S314  # our own
    assert [x for x, _ in points] == list(curve.numbers[:2])
    assert len(drawn.findall("{http://www.w3.org/2000/svg}circle")) == 2


def test_curve_begins_at_zero() -> None:
    """What costs twice as much is drawn twice as high above the line."""
    curve = Curve(name="a", title="cost < all", across="things", measure=lambda _: [], numbers=())

    drawn = growth.drawing(curve, [(0, 1.0), (2, 2.0)])

    heights = [230 - float(y) for y in re.findall(r'cy="([0-9.]+)"', drawn)]
    assert heights[1] == pytest.approx(2 * heights[0], abs=0.2)
    assert "cost &lt; all" in drawn


def test_drawings_of_the_page_are_there() -> None:
    """The curves that the documentation shows are those that the command writes."""
    folder = Path(__file__).parent.parent / "docs" / "explanation"

    assert {path.stem for path in folder.glob("growth-*.svg")} == {curve.name for curve in CURVES}

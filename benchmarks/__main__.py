"""``python -m benchmarks [ROW ...]``: measure, side by side with what others do, and print a table."""

from __future__ import annotations

import argparse
import fnmatch
import importlib.metadata
import json
import platform
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from benchmarks import calls, journal, reading, starting, together
from benchmarks.measuring import Absent, Result, Row, clock, measure

ROWS = [*calls.ROWS, *journal.ROWS, *reading.ROWS, *starting.ROWS, *together.ROWS]

#: Whose versions are told with the numbers.
_INVOLVED = ("gateway-core", "requests", "urllib3", "httpx", "stripe", "standardwebhooks", "cattrs", "attrs")

_HEAD = "| Row | Work | Against | Ours | Theirs | Ratio | Spread | Target | |\n|---|---|---|---|---|---|---|---|---|"


def chosen(patterns: Sequence[str]) -> list[Row]:
    """Return the rows that any of the patterns names; all rows for no pattern.

    Raises:
        ValueError: If a pattern names none.
    """
    for pattern in patterns:
        if not fnmatch.filter([row.name for row in ROWS], pattern):
            raise ValueError(f"no row {pattern!r}: there are {', '.join(row.name for row in ROWS)}")
    return [row for row in ROWS if not patterns or any(fnmatch.fnmatch(row.name, each) for each in patterns)]


def line(result: Result) -> str:
    """Return a result as a line of a Markdown table."""
    row, (low, high) = result.row, result.spread
    marks = {None: "", True: "met", False: "missed"}
    target = "" if row.target is None else f"≤ {row.target:.3g}{_sign(row)}"
    cells = [
        row.name,
        row.work,
        row.against,
        _amount(result.ours, row),
        _amount(result.reference, row),
        f"{result.ratio:.3g}{_sign(row)}",
        f"{low:.3g} to {high:.3g}",
        target,
        marks[result.met],
    ]
    return f"| {' | '.join(cells)} |"


def as_json(result: Result) -> dict[str, Any]:
    """Return a result for programs."""
    row = result.row
    return {
        "row": row.name,
        "work": row.work,
        "against": row.against,
        "unit": row.unit,
        "ours": result.ours,
        "reference": result.reference,
        "ratio": result.ratio,
        "spread": list(result.spread),
        "target": row.target,
        "met": result.met,
    }


def _sign(row: Row) -> str:
    return " MB more" if row.unit == "MB" else ""


def _amount(value: float, row: Row) -> str:
    if row.unit == "MB":
        return f"{value:.2f} MB"
    scale, unit = next(((scale, unit) for scale, unit in ((1, "s"), (1e-3, "ms")) if value >= scale), (1e-6, "µs"))
    return f"{value / scale:.3g} {unit}"


def _measured(rows: Sequence[Row], rounds: int) -> Iterator[Result]:
    for row in rows:
        print(row.name, end=" ... ", file=sys.stderr, flush=True)
        try:
            result = measure(row, rounds)
        except Absent as reason:
            print(f"not measured: {reason}", file=sys.stderr)
            continue
        print(f"{result.ratio:.3g}", file=sys.stderr)
        yield result


def main() -> None:
    """Measure what is asked for, and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Ratios, measured side by side.")
    parser.add_argument("rows", nargs="*", help="names of rows, or patterns such as 'create-*'; all if none is given")
    parser.add_argument("--rounds", type=int, default=15, help="rounds of each row at most (default: 15)")
    parser.add_argument("--json", action="store_true", help="print JSON in place of a table")
    parser.add_argument("--processor", action="store_true", help="time by the processor, on a machine that is busy")
    parser.add_argument("--list", action="store_true", help="print the names of the rows")
    arguments = parser.parse_args()
    try:
        rows = chosen(arguments.rows)
    except ValueError as error:
        parser.error(str(error))
    if arguments.list:
        print("\n".join(row.name for row in rows))
        return
    clock.of_processor = arguments.processor
    results = _measured(rows, arguments.rounds)
    versions = {name: importlib.metadata.version(name) for name in _INVOLVED}
    if arguments.json:
        told = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "python": platform.python_version(), "versions": versions}
        print(json.dumps({**told, "rows": [as_json(result) for result in results]}, indent=2))
        return
    by = "time of the processor; " if clock.of_processor else ""
    print(f"Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}; {by}medians; less is better.")
    print(", ".join(f"{name} {version}" for name, version in versions.items()), end="\n\n")
    print(_HEAD)
    for result in results:
        print(line(result), flush=True)


if __name__ == "__main__":
    main()

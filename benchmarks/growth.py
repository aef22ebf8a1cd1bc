"""How costs grow: ``python -m benchmarks.growth FOLDER`` measures curves and writes each as a drawing (SVG)."""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any
from unittest import mock

import attrs

from benchmarks import shop
from benchmarks.calls import Counter
from benchmarks.server import serving
from benchmarks.starting import pretend
from gateway_core import Gateway

#: How often each point is measured; the least of them is drawn, which a busy machine disturbs least. For the same
#: reason it is this process's own time on the processor that is drawn, but for the threads, which wait.
_TIMES = 15

#: The drawing's size, and the place of the curve in it: left, top, width and height.
_WIDTH, _HEIGHT = 480, 280
_LEFT, _TOP, _ACROSS, _DOWN = 60, 40, 400, 190

#: How far apart the numbers of two points are, at least.
_APART = 28

_TEXT = 'font-family="sans-serif" font-size="12" fill="#555"'

Points = list[tuple[float, float]]


@attrs.frozen(kw_only=True)
class Curve:
    """One cost over one number of things.

    Attributes:
        name: The file's name.
        title: What is drawn.
        across: What the numbers count.
        measure: Measures the points, for the numbers that it is given.
        numbers: The numbers.
    """

    name: str
    title: str
    across: str
    measure: Callable[[Sequence[int]], Points]
    numbers: tuple[int, ...]


def _least(work: Callable[[], object], times: int = 1, clock: Callable[[], float] = time.process_time) -> float:
    """Return the least time of one piece of work, in seconds, out of several tries."""

    def once() -> float:
        started = clock()
        for _ in range(times):
            work()
        return (clock() - started) / times

    once()
    return min(once() for _ in range(_TIMES))


def _plugins(numbers: Sequence[int]) -> Points:
    """Milliseconds to make a gateway among so many distributions, most of which are one scan of what is installed."""
    found: Points = []
    for number in numbers:
        with tempfile.TemporaryDirectory() as name:
            for each in range(number):
                pretend(Path(name), f"other-{each:04}")
            with mock.patch.object(sys, "path", [*sys.path, name]):
                found.append((number, 1e3 * _least(lambda: Gateway.connect("sandbox", **shop.SETTINGS).close())))
    return found


def _observers(numbers: Sequence[int]) -> Points:
    """Microseconds of a creation with so many observers that ask for every event."""
    found: Points = []
    with serving() as url:
        for number in numbers:
            with shop.gateway_at(url, observers=[Counter() for _ in range(number)]) as gateway:
                found.append((number, 1e6 * _least(lambda: gateway.create_invoice(shop.REQUEST), 100)))  # called here
    return found


def _pages(numbers: Sequence[int]) -> Points:
    """Milliseconds to list so many pages of 100 payments."""
    with serving() as url, shop.gateway_at(url) as gateway:
        return [
            (number, 1e3 * _least(lambda: sum(1 for _ in gateway.list_payments(limit=100 * number))))  # noqa: B023  # as above
            for number in numbers
        ]


def _threads(numbers: Sequence[int]) -> Points:
    """Creations in a second by so many threads that share a gateway, at a provider that takes 20 ms."""
    with serving() as url, shop.gateway_at(f"{url}/slow") as gateway:
        return [
            (number, number * 10 / _least(lambda: _in_threads(gateway, number), clock=time.perf_counter))  # noqa: B023  # as above
            for number in numbers
        ]


def _in_threads(gateway: Gateway, number: int) -> None:
    def create() -> None:
        for _ in range(10):
            gateway.create_invoice(shop.REQUEST)

    threads = [threading.Thread(target=create) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


CURVES = (
    Curve(
        name="growth-plugins",
        title="Making a gateway (ms of CPU)",
        across="distributions installed besides",
        measure=_plugins,
        numbers=(0, 100, 250, 500, 750, 1000),
    ),
    Curve(
        name="growth-observers",
        title="A creation (µs of CPU)",
        across="observers that ask for every event",
        measure=_observers,
        numbers=(0, 1, 2, 4, 6, 8),
    ),
    Curve(
        name="growth-pages",
        title="Listing payments (ms of CPU)",
        across="pages of 100 payments",
        measure=_pages,
        numbers=(1, 50, 100, 200, 400),
    ),
    Curve(
        name="growth-threads",
        title="Creations per second, the provider 20 ms away",
        across="threads that share a gateway",
        measure=_threads,
        numbers=(1, 2, 4, 8, 16, 32),
    ),
)


def drawing(curve: Curve, points: Points) -> str:
    """Return a curve as SVG, with zero as its origin: what is flat looks flat."""
    widest, highest = max(x for x, _ in points) or 1, 1.15 * max(y for _, y in points) or 1

    def place(x: float, y: float) -> str:
        return f"{_LEFT + _ACROSS * x / widest:.1f},{_TOP + _DOWN * (1 - max(y, 0) / highest):.1f}"

    line = " ".join(place(*point) for point in points)
    bottom, right = _TOP + _DOWN, _LEFT + _ACROSS
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" role="img">',
        f"<title>{escape(curve.title)}, by {escape(curve.across)}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="22" {_TEXT} font-weight="bold">{escape(curve.title)}</text>',
        f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" fill="none" stroke="#999"/>',
        f'<polyline points="{line}" fill="none" stroke="#0a6" stroke-width="2"/>',
        f'<text x="{right}" y="{bottom + 38}" {_TEXT} text-anchor="end">{escape(curve.across)}</text>',
    ]
    written = 0.0
    for x, y in points:
        left, top = place(x, y).split(",")
        parts.append(f'<circle cx="{left}" cy="{top}" r="3" fill="#0a6"/>')
        if float(left) - written < _APART:
            continue
        written = float(left)
        told = f"{y:.0f}" if y >= 100 else f"{y:.3g}"
        # Beside the axis, not on it.
        where = (
            f'x="{written + 6}" text-anchor="start"' if written < _LEFT + _APART else f'x="{left}" text-anchor="middle"'
        )
        parts += [
            f'<text {where} y="{float(top) - 8:.1f}" {_TEXT}>{told}</text>',
            f'<text x="{left}" y="{bottom + 18}" {_TEXT} text-anchor="middle">{x:g}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the curves and write them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description="How costs grow, as drawings.")
    parser.add_argument("folder", type=Path, help="where the drawings go")
    options: Any = parser.parse_args(arguments)
    for curve in CURVES:
        points = curve.measure(curve.numbers)
        print(curve.name, *(f"{x:g}: {y:.3g}" for x, y in points), sep="  ")
        (options.folder / f"{curve.name}.svg").write_text(drawing(curve, points), encoding="utf-8")


if __name__ == "__main__":
    main()

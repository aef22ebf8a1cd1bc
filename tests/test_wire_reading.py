"""The quick way to a plugin's classes takes nothing that the careful converter reads otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as some

from gateway_core.wire import UnixTime, camel_case, converter, named, structure
from gateway_core.wire._reading import reader


def small(value: int) -> int:
    """Refuse a number that is large."""
    if value > 100:
        raise ValueError(value)
    return value


@attrs.frozen(kw_only=True, field_transformer=camel_case)
class Part:
    """A part of an answer, with names and checks of its own."""

    part_id: str
    size: int = attrs.field(default=1, converter=small)
    links: dict[str, str] = named("_links", default=attrs.Factory(dict))


@attrs.frozen
class Answer:
    """A field of each type that the quick way knows."""

    id: str
    number: int
    flag: bool
    total: Decimal
    at: datetime
    seconds: UnixTime
    anything: Any
    part: Part
    maybe: str | None = None
    maybe_part: Part | None = None
    parts: list[Part] = attrs.field(factory=list)
    words: tuple[str, ...] = ()
    several: Sequence[int] = ()
    table: Mapping[str, Decimal] = attrs.field(factory=dict)
    plain: list[Any] = attrs.field(factory=list)
    within: list[Answer] = attrs.field(factory=list)
    _hidden: bool = False


PART: dict[str, Any] = {"partId": "p", "size": 3, "_links": {"self": "s"}, "new": 1}
ANSWER: dict[str, Any] = {
    "id": "7",
    "number": 5,
    "flag": True,
    "total": "10.10",
    "at": "2030-01-01T12:00:00Z",
    "seconds": 1893456000,
    "anything": [1, None],
    "part": PART,
    "maybe": None,
    "maybe_part": {"partId": "p"},
    "parts": [PART, {"partId": "q"}],
    "words": ["a", "b"],
    "several": [1, 2],
    "table": {"x": 1, "y": Decimal("1.5")},
    "plain": ["a", {}],
    "_hidden": True,
}
WHOLE = {**ANSWER, "within": [ANSWER, {**ANSWER, "within": [ANSWER]}]}


def outcome(read: Any, value: Any) -> tuple[Any, ...]:
    """Return what a value is read as, down to the types; nothing if it is refused."""
    try:
        return _typed(read(value))
    except Exception:  # noqa: BLE001  # the careful converter lets through whatever a class raises
        return ()


def _typed(value: Any) -> tuple[Any, ...]:
    if attrs.has(type(value)):
        return type(value), *(_typed(each) for each in attrs.astuple(value, recurse=False))
    if isinstance(value, dict):
        return dict, *((name, _typed(each)) for name, each in value.items())
    if isinstance(value, list | tuple):
        return type(value), *map(_typed, value)
    return type(value), value


def careful(value: Any) -> Any:
    """Read an answer by the careful converter."""
    return converter().structure(value, Answer)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return each container in a value with each of its keys or numbers."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, each in inner for found in ((value, key), *places(each))]


def copied(value: Any) -> Any:
    """Return a value with containers of its own."""
    if isinstance(value, dict):
        return {name: copied(each) for name, each in value.items()}
    return list(map(copied, value)) if isinstance(value, list) else value


JSON = some.recursive(
    some.none()
    | some.booleans()
    | some.integers(-(10**13), 10**13)
    | some.decimals(allow_nan=False, allow_infinity=False)
    | some.sampled_from(["", "a", "10.10", "-1", "1_0", "2030-01-01T12:00:00Z", "2030-01-01T12:00:00", "NaN"]),
    lambda inner: (
        some.lists(inner, max_size=3)
        | some.dictionaries(some.sampled_from(["partId", "size", "_links", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@pytest.mark.parametrize("value", [ANSWER, WHOLE], ids=["flat", "nested"])
def test_quick_way_reads_what_fits(value: Any) -> None:
    """It is no decoration: what fits is read by it, and as by the careful converter."""
    actual = reader(Answer)(copied(value))

    assert _typed(actual) == outcome(careful, value)


@given(some.data())
def test_quick_way_accepts_nothing_else(data: some.DataObject) -> None:
    """M1: an answer that was changed anywhere is refused by the quick way, or read as by the careful one."""
    value = copied(WHOLE)
    for _ in range(data.draw(some.integers(1, 3))):
        container, key = data.draw(some.sampled_from(places(value)))
        if isinstance(container, dict) and data.draw(some.booleans()):
            del container[key]
        else:
            container[key] = data.draw(JSON)

    quick = outcome(reader(Answer), copied(value))

    assert quick in ((), outcome(careful, copied(value)))
    assert outcome(lambda each: structure(each, Answer), copied(value)) == outcome(careful, copied(value))


@pytest.mark.parametrize(
    "kind", [float, bytes, set[str], str | int, list[float], dict[str, bytes], Answer | str], ids=str
)
def test_quick_way_leaves_what_is_rare(kind: Any) -> None:
    """What it has no code for is the careful converter's, an empty list of it included."""
    assert outcome(reader(kind), []) == outcome(reader(kind), {}) == outcome(reader(kind), 1) == ()

"""A provider's JSON fits the plugin's classes exactly, or the error names each field and no value."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, NewType

import attrs
import cattrs
import pytest

from gateway_core import InvoiceStatus, wire
from gateway_core.errors import PluginError, UnexpectedResponseError
from gateway_core.wire import (
    converter,
    decode,
    decode_or_none,
    loads,
    moment,
    moment_or_none,
    structure,
)

InvoiceId = NewType("InvoiceId", str)


@attrs.frozen
class Leaf:
    """A part of an answer."""

    x: int


@attrs.frozen
class Tree:
    """An answer that holds itself."""

    name: str
    children: list[Tree] = attrs.field(factory=list)


@attrs.frozen
class Chain:
    """An answer that may hold one like itself."""

    name: str
    below: Chain | None = None


def above_zero(_: object, field: attrs.Attribute[Any], value: int) -> None:
    """Refuse in the way of attrs: with the value in the text."""
    if value <= 0:
        raise ValueError(f"{field.name} is {value}")


def known(word: str) -> str:
    """Map a word by a table that does not have it."""
    return {"a": "b"}[word]


@attrs.frozen(kw_only=True)
class Checked:
    """An answer whose class refuses more than wrong types."""

    total: int = attrs.field(validator=above_zero)
    word: str = attrs.field(default="a", converter=known)


@attrs.frozen
class WithSet:
    """An answer with a field that JSON cannot hold."""

    words: set[str]


def fitting(kind: Any) -> Callable[[str], Any]:
    """Return a function that decodes the field `v` of an object as this kind."""
    made = attrs.make_class("Answer", {"v": attrs.field(type=kind)}, frozen=True)
    return lambda text: decode(f'{{"v": {text}}}'.encode(), made).v


@pytest.mark.parametrize(
    "kind, text, expected",
    [
        (str, '"a"', "a"),
        (str, '""', ""),
        (InvoiceId, '"7"', "7"),
        (int, "7", 7),
        (bool, "false", False),
        (Decimal, "10.10", Decimal("10.10")),
        (Decimal, "10", Decimal(10)),
        (Decimal, '"0.00329601"', Decimal("0.00329601")),
        (Decimal, "1e2", Decimal("1E+2")),
        (datetime, '"2030-01-01T12:00:00Z"', datetime(2030, 1, 1, 12, tzinfo=UTC)),
        (
            datetime,
            '"2030-01-01T12:00:00.5+02:00"',
            datetime(2030, 1, 1, 12, 0, 0, 500000, timezone(timedelta(hours=2))),
        ),
        (InvoiceStatus, '"paid"', InvoiceStatus.PAID),
        (Any, '{"a": [1.5, null]}', {"a": [Decimal("1.5"), None]}),
        (str | None, "null", None),
        (str | None, '"a"', "a"),
        (Decimal | None, "null", None),
        (Leaf, '{"x": 1, "new": 2}', Leaf(1)),
        (Leaf | None, "null", None),
        (Leaf | None, '{"x": 1}', Leaf(1)),
        (Tree, '{"name": "a", "children": [{"name": "b"}]}', Tree("a", [Tree("b")])),
        (Chain, '{"name": "a", "below": {"name": "b", "below": null}}', Chain("a", Chain("b"))),
        (list[Leaf], '[{"x": 1}, {"x": 2}]', [Leaf(1), Leaf(2)]),
        (list[Any], "[1, null]", [1, None]),
        (list, "[1, null]", [1, None]),
        (Sequence[int], "[1, 2]", [1, 2]),
        (tuple[int, ...], "[1, 2]", (1, 2)),
        (tuple[Leaf, ...], "[]", ()),
        (tuple, "[1]", (1,)),
        (dict[str, Leaf], '{"k": {"x": 1}}', {"k": Leaf(1)}),
        (dict[str, Any], '{"k": 1.5}', {"k": Decimal("1.5")}),
        (list[list[int]], "[[1], []]", [[1], []]),
    ],
    ids=range(31),
)
def test_what_fits_is_read(kind: Any, text: str, expected: object) -> None:
    """M1: values are taken as they are, numbers exactly, unknown fields ignored."""
    actual = fitting(kind)(text)

    assert (actual, type(actual)) == (expected, type(expected))


@pytest.mark.parametrize(
    "kind, text, fault",
    [
        (str, "7", "v: str expected, int found"),
        (str, "null", "v: str expected, null found"),
        (str, "true", "v: str expected, bool found"),
        (str, "[]", "v: str expected, array found"),
        (str, "{}", "v: str expected, object found"),
        (str, "1.5", "v: str expected, Decimal found"),
        (InvoiceId, "7", "v: str expected, int found"),
        (int, "true", "v: int expected, bool found"),
        (int, '"7"', "v: int expected, str found"),
        (int, "7.0", "v: int expected, Decimal found"),
        (bool, "1", "v: bool expected, int found"),
        (bool, '"true"', "v: bool expected, str found"),
        (float, "1.5", "v: float expected, Decimal found"),
        (float, "1", "v: float expected, int found"),
        (bytes, '"canary"', "v: bytes expected, str found"),
        (bytes, "10", "v: bytes expected, int found"),
        (Decimal, "true", "v: number expected, bool found"),
        (Decimal, "null", "v: number expected, null found"),
        (Decimal, "[]", "v: number expected, array found"),
        (Decimal, '"1_0"', "v: an amount is written in plain digits with a dot, such as 1234.56"),
        (Decimal, '" 1"', "v: an amount is written in plain digits with a dot, such as 1234.56"),
        (Decimal, '"NaN"', "v: an amount is written in plain digits with a dot, such as 1234.56"),
        (Decimal, '"\u0661"', "v: an amount is written in plain digits with a dot, such as 1234.56"),
        (datetime, '"2030-01-01T12:00:00"', "v: a date and time with its time zone expected"),
        (datetime, '"canary"', "v: a date and time with its time zone expected"),
        (datetime, "1893499200", "v: str expected, int found"),
        (str | None, "7", "v: str expected, int found"),
        (Leaf, "{}", "v.x: missing"),
        (Leaf, "[]", "v: object expected, array found"),
        (Leaf, '"canary"', "v: object expected, str found"),
        (Leaf, "null", "v: object expected, null found"),
        (list[Leaf], '[{"x": 1}, {"x": "canary"}]', "v[1].x: int expected, str found"),
        (list[Leaf], '{"x": 1}', "v: array expected, object found"),
        (list[str], '"canary"', "v: array expected, str found"),
        (list, '"canary"', "v: array expected, str found"),
        (Sequence[str], '"canary"', "v: array expected, str found"),
        (tuple[int, ...], '[1, "canary"]', "v[1]: int expected, str found"),
        (tuple[int, ...], '"canary"', "v: array expected, str found"),
        (dict[str, Leaf], '{"k": {"x": null}}', "v[k].x: int expected, null found"),
        (dict[str, Leaf], "[1]", "v: object expected, array found"),
        (Tree, '{"name": "a", "children": [{"name": 5}]}', "v.children[0].name: str expected, int found"),
        (Chain, '{"name": "a", "below": {"name": 5}}', "v.below.name: str expected, int found"),
        (InvoiceStatus, '"canary"', "v: not readable"),
        (Checked, '{"total": -5}', "v: not readable"),
        (Checked, '{"total": 5, "word": "canary"}', "v: not readable"),
    ],
    ids=range(45),
)
def test_what_does_not_fit_is_named(kind: Any, text: str, fault: str) -> None:
    """W10, S9: nothing is converted; the text names the field and both types, and neither it nor its causes a value."""
    with pytest.raises(UnexpectedResponseError) as caught:
        fitting(kind)(text)

    told = "".join(traceback.format_exception(caught.value))

    assert (caught.value.message, "canary" in told) == (f"the answer does not fit: {fault}", False)


@pytest.mark.parametrize(
    "kind, text", [(list[int], '["x"{}]'), (dict[str, int], '{{"k": "x"{}}}')], ids=["list", "dict"]
)
def test_only_the_first_faults_are_told(kind: Any, text: str) -> None:
    """W10: an answer of nothing but faults costs no more than one of a few."""
    more = ', "x"' * 5_000 if kind == list[int] else "".join(f', "k{n}": "x"' for n in range(5_000))

    with pytest.raises(UnexpectedResponseError) as caught:
        decode(text.format(more).encode(), kind)

    assert caught.value.message.count("int expected, str found") == 10


def test_every_fault_is_named() -> None:
    """One error tells all that is wrong with an answer."""
    body = b'{"name": 5, "children": [{"name": "a"}, 7, {"children": []}]}'

    with pytest.raises(UnexpectedResponseError) as caught:
        decode(body, Tree)

    assert caught.value.message == (
        "the answer does not fit: name: str expected, int found; children[1]: object expected, int found;"
        " children[2].name: missing"
    )


@pytest.mark.parametrize(
    "body, kind, fault",
    [
        (b"[]", Leaf, "the answer: object expected, array found"),
        (b"null", Leaf, "the answer: object expected, null found"),
        (b'[{"x": 1}, 2]', list[Leaf], "[1]: object expected, int found"),
        (b'{"x": "a"}', Leaf, "x: int expected, str found"),
    ],
)
def test_an_answer_may_be_wrong_as_a_whole(body: bytes, kind: Any, fault: str) -> None:
    """The path of a fault begins at the answer."""
    with pytest.raises(UnexpectedResponseError, match=r"^the answer does not fit: ") as caught:
        decode(body, kind)

    assert caught.value.message.removeprefix("the answer does not fit: ") == fault


def test_the_cause_is_the_error_group() -> None:
    """A plugin's author sees which class and which field, and there is no context that quotes more."""
    with pytest.raises(UnexpectedResponseError) as caught:
        decode(b'{"x": "canary"}', Leaf)

    cause = caught.value.__cause__

    assert (isinstance(cause, cattrs.ClassValidationError), str(cause), caught.value.__context__) == (
        True,
        "While structuring Leaf (1 sub-exception)",
        None,
    )


@pytest.mark.parametrize("kind", [WithSet, list[str | int], set[str], frozenset[str], str | int], ids=str)
def test_a_class_that_nothing_fits_is_the_plugins_fault(kind: Any) -> None:
    """No exception of cattrs comes out of a public function."""
    with pytest.raises(PluginError, match="nothing can be decoded into") as caught:
        structure({}, kind)

    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "body, message",
    [
        (b"<html>canary</html>", "the body is not JSON: Expecting value at character 0"),
        (b"", "the body is not JSON: Expecting value at character 0"),
        (b"\xff", "the body is not UTF-8"),
        (b'{"canary": NaN}', "the JSON is bad: NaN is no JSON"),
        (b'{"canary": 1, "canary": 1}', "the JSON is bad: a key is there twice"),
        (b"[" * 100_000, "the JSON is bad: nested too deep"),
    ],
    ids=range(6),
)
@pytest.mark.parametrize("read", [loads, lambda body: decode(body, Leaf)], ids=["loads", "decode"])
def test_what_is_no_json_is_unexpected(read: Callable[[bytes], Any], body: bytes, message: str) -> None:
    """W10: what the strict parser refuses is an error of ours that quotes nothing."""
    with pytest.raises(UnexpectedResponseError) as caught:
        read(body)

    assert (caught.value.message, caught.value.__cause__, caught.value.__context__) == (message, None, None)


@pytest.mark.parametrize(
    "text",
    ["", "2030-01-01", "2030-01-01 12:00:00", "12:00Z", "canary", "2030-13-01T00:00:00Z", "２０３０-01-01T00:00:00Z"],
)
def test_moments_name_their_time_zone(text: str) -> None:
    """A time without its zone is refused rather than taken for the server's own."""
    with pytest.raises(UnexpectedResponseError) as caught:
        moment(text)

    assert (caught.value.message, caught.value.__context__) == ("a date and time with its time zone expected", None)


def test_unknown_words_are_mapped_by_a_table() -> None:
    """W10: a new word of the provider's is UNKNOWN, and no unreadable answer."""
    words = {"open": InvoiceStatus.PENDING}
    answer = decode(b'{"name": "brand-new"}', Tree)

    actual = words.get(answer.name, InvoiceStatus.UNKNOWN)

    assert actual is InvoiceStatus.UNKNOWN


def test_the_converter_is_made_once() -> None:
    """Making it costs more than using it."""
    actual = converter()

    assert actual is converter()


def test_what_is_written_can_be_read() -> None:
    """Plugins and emulators write by the same strict rules."""
    actual = loads(wire.dumps({"total": Decimal("10.10")}))

    assert actual == {"total": Decimal("10.10")}


@pytest.mark.parametrize("body", [b"", b"<h1>Bad Gateway</h1>", b"[]", b'"text"', b'{"name": 7}', b"\xff"])
def test_what_need_not_fit_is_none(body: bytes) -> None:
    """A proxy's page in place of a refusal is no refusal, and no error of its own."""
    assert decode_or_none(body, Tree) is None


def test_what_fits_is_decoded() -> None:
    """A refusal in the provider's form is read like any answer."""
    assert decode_or_none(b'{"name": "a"}', Tree) == decode(b'{"name": "a"}', Tree)


@pytest.mark.parametrize("text", [None, "", "2030-01-01", "2030-01-01T12:00:00", "soon"])
def test_a_time_that_decides_nothing_may_be_unreadable(text: str | None) -> None:
    """A day, or a time without a zone, could be any moment."""
    assert moment_or_none(text) is None

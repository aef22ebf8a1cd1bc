"""JSON without its traps: exact, strict and bounded both ways."""

from __future__ import annotations

import decimal
import enum
import json
import sys
import time
from collections import ChainMap, OrderedDict
from collections.abc import Iterator
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_core import Money, Secret
from gateway_core._json import dumps, loads

numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**40), max_value=10**40, places=20)
texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**99), 10**99) | numbers | texts,
    lambda children: st.lists(children) | st.dictionaries(texts, children),
)


class Word(enum.StrEnum):
    """A word."""

    PAID = "paid"


class Number(enum.IntEnum):
    """A number."""

    ONE = 1


@pytest.fixture
def hostile_context() -> Iterator[None]:
    """Make the host's decimal context one that rounds everything and traps everything."""
    before = decimal.getcontext()
    decimal.setcontext(decimal.Context(prec=1, Emin=0, Emax=0, traps=list(decimal.Context().flags), capitals=0))
    yield
    decimal.setcontext(before)


@pytest.fixture
def deep_stack_allowed() -> Iterator[None]:
    """Make the host one that has moved Python's own bound on recursion up."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(10**6)
    yield
    sys.setrecursionlimit(before)


@given(values)
def test_what_is_written_is_read(value: Any) -> None:
    """M1: numbers, texts, lists and objects survive the way out and back exactly."""
    actual = loads(dumps(value))

    assert actual == value


@pytest.mark.parametrize(
    "body, expected",
    [
        (b"0.1", Decimal("0.1")),
        (b"12345678901234567.89", Decimal("12345678901234567.89")),
        (b"10.10", Decimal("10.10")),
        (b"1e2", Decimal("1E+2")),
        (b"-0.0", Decimal("-0.0")),
        (b"1E-18", Decimal("1E-18")),
        (b"9" * 100, 10**100 - 1),
        (b"-7", -7),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b' {"a" : [ true , false , null ] } \n', {"a": [True, False, None]}),
        (b'"\\u0041\\n\\/\\""', 'A\n/"'),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'"\\\\ud800"', "\\ud800"),
        ('"\U0001f600 Grüße"'.encode(), "\U0001f600 Grüße"),
        (b'{"a": {}, "A": []}', {"a": {}, "A": []}),
    ],
    ids=ascii,
)
def test_json_is_read_exactly(body: bytes, expected: object) -> None:
    """M1: no number is ever a float."""
    actual = loads(body)

    assert (actual, repr(actual)) == (expected, repr(expected))


@pytest.mark.usefixtures("hostile_context")
@pytest.mark.parametrize("number", ["1E9999999999999999999", "-1e-9999999999999999999"])
def test_the_hosts_context_makes_no_number_of_none(number: str) -> None:
    """M5: a context that traps nothing would make a NaN of a number that is too large for it."""
    with pytest.raises(ValueError, match="too large or too small"):
        loads(f"[{number}]".encode())


@pytest.mark.usefixtures("hostile_context")
@pytest.mark.parametrize("number", ["12345.678901", "0.000000000000000001", "-9999999999.99", "1e50"])
def test_the_hosts_context_changes_nothing(number: str) -> None:
    """M5: what the host's decimal context rounds or traps is read and written exactly."""
    value = loads(number.encode())

    actual = loads(dumps(value))

    assert repr(actual) == repr(value) if "e" not in number else actual == 10**50


@pytest.mark.parametrize(
    "body, message",
    [
        (b"NaN", "NaN is no JSON"),
        (b"[Infinity]", "Infinity is no JSON"),
        (b'{"a": -Infinity}', "-Infinity is no JSON"),
        (b"1e400", "too large or too small"),
        (b"-1e400", "too large or too small"),
        (b"1e-400", "too large or too small"),
        (b"1e999999999999999999", "too large or too small"),
        (b"1" * 5000, "too long"),
        (b"-" + b"1" * 101, "too long"),
        (b"1." + b"1" * 100, "too long"),
        (b"0." + b"1" * 100_000, "too long"),
        (b"1e" + b"0" * 100_000 + b"1", "too long"),
        (b'{"a": 1, "a": 1}', "a key is there twice"),
        (b'[{"b": {"a": 1, "\\u0061": 2}}]', "a key is there twice"),
        (b'"\\ud800"', "surrogate"),
        (b'"\\udc00"', "surrogate"),
        (b'"\\uD800\\uD800"', "surrogate"),
        (b'"\\udc00\\ud800"', "surrogate"),
        (b'"\\ud800x\\udc00"', "surrogate"),
        (b'"\\\\\\ud800"', "surrogate"),
        (b'{"\\ud800": 1}', "surrogate"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        (b'"\xff"', "not UTF-8"),
        (b'"\xc0\xaf"', "not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        ('{"a": 1}'.encode("utf-16-le"), "not JSON"),
        ('{"a": 1}'.encode("utf-32-be"), "not JSON"),
        (b'\xef\xbb\xbf\xef\xbb\xbf{"a": 1}', "not JSON"),
        (b'{"a": \xef\xbb\xbf1}', "not JSON"),
        (b"[1E9999999999999999999]", "too large or too small"),
        (b"[-1e-99999999999999999999]", "too large or too small"),
        (b"[0e9999999999999999999]", "too large or too small"),
        (b"", "not JSON"),
        (b" ", "not JSON"),
        (b"{} {}", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b"[1,]", "not JSON"),
        (b'{"a": 1,}', "not JSON"),
        (b"01", "not JSON"),
        (b"+1", "not JSON"),
        (b".5", "not JSON"),
        (b"1.", "not JSON"),
        (b"1_000", "not JSON"),
        ("\u0661".encode(), "not JSON"),
        ("\uff11".encode(), "not JSON"),
        (b'"a\nb"', "not JSON"),
        (b'"a', "not JSON"),
        (b'"\\x41"', "not JSON"),
        (b"nan", "not JSON"),
        (b"True", "not JSON"),
        (b"// x\n1", "not JSON"),
    ],
    ids=range(51),
)
def test_what_is_no_strict_json_is_refused(body: bytes, message: str) -> None:
    """W10: NaN, overflow, endless numbers, repeated keys, other encodings and half characters are refused."""
    with pytest.raises(ValueError, match=message) as caught:
        loads(body)

    assert (type(caught.value), caught.value.__cause__, caught.value.__context__) == (ValueError, None, None)


@pytest.mark.parametrize(
    "canary", [b"canary", b'{"canary', b'{"canary": 1, "canary": 1}', b'{"canary": NaN}', b'["canary" 5]']
)
def test_a_refusal_does_not_quote(canary: bytes) -> None:
    """S9: the text of a refusal holds nothing of the body."""
    with pytest.raises(ValueError) as caught:
        loads(canary)

    assert "canary" not in str(caught.value)


@given(st.binary())
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """W10: whatever comes in, either a value or a ValueError comes out."""
    try:
        actual = loads(body)
    except ValueError:
        return

    assert actual == json.loads(body, parse_float=Decimal)


@pytest.mark.usefixtures("deep_stack_allowed")
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'[{"a":' * 50_000,
        b'["]",' * 100_000,
        b'["\\"]",' * 100_000,
        b'["\\\\","]",' * 100_000,
        b'["\\n\\"]",' * 100_000,
        b'["",""' + b',["]"' * 100_000,
        b"[" * 501 + b"]" * 501,
        b"[" * 1_000_000,
    ],
    ids=range(11),
)
def test_deep_nesting_is_refused_at_once(body: bytes) -> None:
    """W10: brackets in strings hide no depth, and a host that allows any recursion does not crash."""
    start = time.process_time()

    with pytest.raises(ValueError, match="nested too deep"):
        loads(body)

    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    "body, depth",
    [
        (b"[" * 500 + b"]" * 500, 500),
        (b'["' + b"[" * 1000 + b'"]', 1),
        (b'["\\"' + b"[" * 1000 + b'"]', 1),
        (b"[" + b"[]," * 1000 + b"[]]", 2),
        (b'[{"a": "[[[{"},' + b'{"b": ["]"]},' * 600 + b"0]", 3),
    ],
    ids=range(5),
)
def test_wide_is_not_deep(body: bytes, depth: int) -> None:
    """W10: five hundred levels are read, however many brackets stand beside each other or in texts."""
    value, actual = loads(body), 0
    level = [value]
    while level:
        actual += 1
        level = [item for each in level for item in (each.values() if isinstance(each, dict) else each)]
        level = [each for each in level if isinstance(each, dict | list)]

    assert actual == depth


@pytest.mark.parametrize("pieces", [400, 450])
def test_a_deep_stack_of_the_host_is_no_crash(pieces: int) -> None:
    """W10: where Python's own bound comes first, it is the same refusal; from 3.12 on it does not count the parser."""

    def descend(levels: int) -> Any:
        return descend(levels - 1) if levels else loads(b"[" * pieces + b"]" * pieces)

    levels = sys.getrecursionlimit() - len(list(stack())) - 100
    if sys.version_info >= (3, 12):
        assert json.dumps(descend(levels)) == "[" * pieces + "]" * pieces
        return
    with pytest.raises(ValueError, match="nested too deep"):
        descend(levels)


def stack() -> Iterator[object]:
    """Yield the frames of the stack."""
    frame = sys._getframe()
    while frame is not None:
        yield frame
        frame = frame.f_back  # type: ignore[assignment]  # None at the end


@pytest.mark.parametrize(
    "value, expected",
    [
        (Decimal("10.10"), b"10.10"),
        (Decimal("1E+2"), b"100"),
        (Decimal("1E-18"), b"0.000000000000000001"),
        (Decimal("-0.00"), b"-0.00"),
        (Decimal("9" * 50 + "." + "9" * 50), b"9" * 50 + b"." + b"9" * 50),
        (10**100 - 1, b"9" * 100),
        (True, b"true"),
        (False, b"false"),
        (None, b"null"),
        (Number.ONE, b"1"),
        (Word.PAID, b'"paid"'),
        ({Word.PAID: Word.PAID}, b'{"paid": "paid"}'),
        ("ü\u2028\U0001f600\x00</script>", b'"\\u00fc\\u2028\\ud83d\\ude00\\u0000</script>"'),
        ([], b"[]"),
        ((), b"[]"),
        ({}, b"{}"),
        ([1, [2, []], {"a": {}}], b'[1, [2, []], {"a": {}}]'),
        (MappingProxyType({"a": 1, "b": (1, 2)}), b'{"a": 1, "b": [1, 2]}'),
        (OrderedDict(b=1, a=2), b'{"b": 1, "a": 2}'),
        (ChainMap({"a": 1}), b'{"a": 1}'),
    ],
    ids=range(20),
)
def test_json_is_written_exactly(value: Any, expected: bytes) -> None:
    """M5: plain digits, a dot, no exponent; keys in their order; ASCII only."""
    actual = dumps(value)

    assert actual == expected


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        float("nan"),
        [1, {"a": 0.1}],
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        Decimal("1E+1000000"),
        Decimal("1E-1000000"),
        Decimal("1." + "1" * 100),
        10**100,
        -(10**100),
        1 << 10_000_000,
        {1: "a"},
        {None: "a"},
        b"bytes",
        {1, 2},
        iter([1]),
        object(),
        Money(1, "EUR"),
        Secret("key"),
        "\ud800",
        ["ü\udfff"],
        {"\udfff": 1},
    ],
    ids=range(23),
)
def test_what_has_no_exact_form_is_refused(value: Any) -> None:
    """M1: no float, no NaN and no object that is written by guess."""
    with pytest.raises(ValueError):
        dumps(value)


@pytest.mark.parametrize(
    "value, message", [(object(), "object has no JSON form"), (1.5, "float has no JSON form"), (10**100, "at most 100")]
)
def test_a_refusal_says_what_to_do(value: Any, message: str) -> None:
    """M1: whoever writes a float is told what an amount is."""
    with pytest.raises(ValueError, match=message):
        dumps(value)


@pytest.mark.parametrize("levels", [502, 100_000])
def test_deep_values_are_refused(levels: int) -> None:
    """W10: what nobody could read is not written."""
    value: list[Any] = []
    for _ in range(levels):
        value = [value]

    with pytest.raises(ValueError, match="nested too deep"):
        dumps(value)


def test_circles_are_refused() -> None:
    """W10: a value that holds itself has no end."""
    value: dict[str, Any] = {}
    value["self"] = value

    with pytest.raises(ValueError, match="nested too deep"):
        dumps(value)


def test_the_hosts_recursion_is_no_crash() -> None:
    """W10: where Python's own bound comes before ours, the error is the same."""
    value: list[Any] = []
    for _ in range(400):
        value = [value]

    def descend(levels: int) -> bytes:
        return descend(levels - 1) if levels else dumps(value)

    with pytest.raises(ValueError, match="nested too deep"):
        descend(sys.getrecursionlimit() - len(list(stack())) - 200)

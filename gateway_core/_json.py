"""JSON without its traps: exact numbers both ways, no NaN, no repeated keys, proper Unicode only, bounded."""

from __future__ import annotations

import functools
import itertools
import json
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping
from decimal import Decimal
from json.encoder import encode_basestring_ascii
from typing import Any, NoReturn

#: A number of more digits is no amount, and reading an endless one costs time that grows with the square of its length.
_MOST_DIGITS = 100
_LIMIT = 10**_MOST_DIGITS
#: The longest text of such a number: a sign, zero, the dot, zeros and digits.
_LONGEST_NUMBER = 2 * _MOST_DIGITS + 3

#: Python's own bound is the host's to move, and a host that moved it up would crash in C instead.
_DEEPEST = 500

_NO_NUMBER = Decimal("NaN")

_UNMARKED = bytes(set(range(256)) - set(b'[]{}"'))
_QUOTED = re.compile(rb'"[^"]*+(?:"|\Z)')
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}

#: Group 1 takes part for half a surrogate pair only.
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]|(u[dD][89a-fA-F])|.)", re.DOTALL)


def loads(body: bytes) -> Any:
    """Parse strict JSON. A number with a fraction or an exponent becomes a `~decimal.Decimal`; a BOM is skipped.

    Raises:
        ValueError: If it is not JSON in UTF-8, holds NaN, Infinity, a repeated key, half a surrogate pair, a number of
            more than 100 digits, or is nested deeper than 500. The text says which, and holds nothing of the body.
    """
    try:
        _check_depth(body)
        return _quick_reader()(body)
    except Exception:  # noqa: BLE001, S110  # whatever it is, what follows tells what is wrong, or that nothing is
        pass
    return loads_carefully(body)


def loads_carefully(body: bytes) -> Any:
    """Parse strict JSON in Python alone, and say what is wrong with it; as `loads` but for the time that it takes."""
    try:
        text = body.removeprefix(BOM_UTF8).decode("utf-8")
        _check_depth(body)
        _check_escapes(text)
        return _DECODER.decode(text)
    except UnicodeDecodeError:
        reason = "not UTF-8"
    except json.JSONDecodeError as error:
        reason = f"not JSON: {error.msg} at character {error.pos}"
    except RecursionError:
        reason = "nested too deep"
    # Raised outside of the handlers: the errors caught there hold the body.
    raise ValueError(reason)


def dumps(value: Any) -> bytes:
    """Write JSON. A Decimal becomes a number in plain digits, so that no float is ever between.

    Raises:
        ValueError: If something in it is a float or has no JSON form, or it is nested deeper than 500.
    """
    parts: list[str] = []
    try:
        _write(value, parts, 0)
    except RecursionError:
        parts.clear()
    if not parts:
        raise ValueError("nested too deep")
    return "".join(parts).encode("ascii")


@functools.cache
def _quick_reader() -> Callable[[bytes], Any]:
    try:
        from gateway_core._quick_json import quick_reader  # takes time to import, and is compiled for CPython alone
    except ImportError:
        return loads_carefully
    return quick_reader(_decimal)


def _check_depth(body: bytes) -> None:
    if body.count(b"[") + body.count(b"{") <= _DEEPEST:
        return
    # What is left of a text is quotes and brackets, then brackets outside of quotes: all of it in C, and linear.
    marks = body.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _UNMARKED).replace(b'""', b"")
    brackets = _QUOTED.sub(b"", marks)
    if max(itertools.accumulate(map(_STEP.__getitem__, brackets)), default=0) > _DEEPEST:
        raise ValueError("nested too deep")


def _check_escapes(text: str) -> None:
    # Most bodies have no backslash at all, and one character is looked for many times as fast as two.
    if "\\" in text and "\\u" in text and any(match[1] for match in _ESCAPE.finditer(text)):
        raise ValueError("half a surrogate pair is no text")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key is there twice")
    return result


def _integer(text: str) -> int:
    if len(text) > _LONGEST_NUMBER or abs(number := int(text)) >= _LIMIT:
        raise ValueError("a number is too long")
    return number


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text) if len(text) <= _LONGEST_NUMBER else _NO_NUMBER
    except ArithmeticError:  # an exponent that is no number of the machine's
        number = _NO_NUMBER
    if not number.is_finite() or not _fits(number):
        raise ValueError("a number is too long, too large or too small")
    return number


def _fits(number: Decimal) -> bool:
    return abs(number.adjusted()) < _MOST_DIGITS and len(number.as_tuple().digits) <= _MOST_DIGITS


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_decimal, parse_int=_integer, parse_constant=_no_constant
)


def _write(value: Any, parts: list[str], depth: int) -> None:
    if depth > _DEEPEST:
        raise ValueError("nested too deep")
    if isinstance(value, str):
        parts.append(_text(value))
    elif isinstance(value, Mapping):
        for count, (key, each) in enumerate(value.items()):
            if not isinstance(key, str):
                raise ValueError("a JSON key is text")
            parts += (", " if count else "{", _text(key), ": ")
            _write(each, parts, depth + 1)
        parts.append("}" if value else "{}")
    elif isinstance(value, list | tuple):
        for count, each in enumerate(value):
            parts.append(", " if count else "[")
            _write(each, parts, depth + 1)
        parts.append("]" if value else "[]")
    else:
        parts.append(_scalar(value))


def _scalar(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int) and abs(value) < _LIMIT:
        return int.__repr__(value)
    if isinstance(value, Decimal) and value.is_finite() and _fits(value):
        return f"{value:f}"
    if isinstance(value, int | Decimal):
        raise ValueError("a JSON number is finite and has at most 100 digits")
    raise ValueError(f"{type(value).__name__} has no JSON form here (an amount is a Decimal or text, never a float)")


def _text(value: str) -> str:
    if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
        raise ValueError("half a surrogate pair is no text")
    return encode_basestring_ascii(value)

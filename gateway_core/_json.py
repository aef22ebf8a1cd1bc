"""JSON without its traps: exact numbers both ways, no NaN, no repeated keys, UTF-8 only, bounded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NoReturn

#: Longer numbers are no amounts; reading one costs time that grows with the square of its length.
_LONGEST_NUMBER = 64


def loads(body: bytes) -> Any:
    """Parse strict JSON. Numbers with a fraction or an exponent become `~decimal.Decimal`.

    Raises:
        ValueError: If it is not JSON in UTF-8, holds NaN, Infinity, a repeated key or a number of more than 64 characters,
            or is nested too deep. The text says which, and holds nothing of the body.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        reason = f"not JSON: {error.msg} at character {error.pos}"
    except RecursionError:
        reason = "nested too deep"
    raise ValueError(reason)


def dumps(value: Any) -> bytes:
    """Write JSON. A Decimal becomes a number in plain digits, so that no float is ever between.

    Raises:
        ValueError: If something in it is a float or has no JSON form.
    """
    return "".join(_write(value)).encode("utf-8")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key is there twice")
    return result


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise ValueError("a number is too long")
    return int(digits)


def _decimal(digits: str) -> Decimal:
    if len(digits) > _LONGEST_NUMBER:
        raise ValueError("a number is too long")
    _, _, exponent = digits.lower().partition("e")
    if len(exponent) > 5:
        raise ValueError("a number is too large")
    return Decimal(digits)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_decimal, parse_int=_integer, parse_constant=_no_constant
)


def _write(value: Any) -> list[str]:
    if value is None or isinstance(value, bool | str):
        return [json.dumps(value, ensure_ascii=True)]
    if isinstance(value, int):
        return [str(int(value))]
    if isinstance(value, Decimal) and value.is_finite():
        return [f"{value:f}"]
    parts: list[str] = []
    if isinstance(value, Mapping):
        for key, each in value.items():
            if not isinstance(key, str):
                raise ValueError("a JSON key is text")
            parts += [", " if parts else "{", json.dumps(key), ": ", *_write(each)]
        return [*parts, "}"] if parts else ["{}"]
    if isinstance(value, list | tuple):
        for each in value:
            parts += [", " if parts else "[", *_write(each)]
        return [*parts, "]"] if parts else ["[]"]
    raise ValueError(f"{type(value).__name__} has no JSON form here (an amount is a Decimal or text, never a float)")

"""What may stand for a value of each type: the one place that says how a setting is written."""

from __future__ import annotations

import enum
import math
import re
import typing
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

import attrs

from gateway_core.models.secret import Secret
from gateway_core.provider import RateLimit

_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


class Text(str):
    """A value from an environment variable or a file of its own, where a number is text like everything else."""

    __slots__ = ()


@attrs.frozen
class Broken:
    """Stands for a value that could not be fetched."""

    reason: str


@attrs.frozen
class Fault:
    """What is wrong with one value.

    Attributes:
        key: The key, with a dot before each one below it and ``[0]`` after a list; empty for the whole.
        reason: What is wrong, without the value.
        missing: Whether the value is required and not there.
    """

    key: str
    reason: str
    missing: bool = False

    def below(self, key: str) -> Fault:
        """Return the same fault, seen from the table above."""
        separator = "." if key and self.key and not self.key.startswith("[") else ""
        return attrs.evolve(self, key=f"{key}{separator}{self.key}")

    def __str__(self) -> str:
        return f"{self.key}: {self.reason}" if self.key else self.reason


class RefusedError(Exception):
    """Carries faults to `attempt`; never seen outside."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__()
        self.faults = faults


def refused(reason: str) -> RefusedError:
    """Return the refusal of a value as a whole."""
    return RefusedError([Fault("", reason)])


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise refused("must be text")
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise refused("must be text in UTF-8")
    return str(value)


def _read_secret(value: Any) -> Secret:
    if isinstance(value, Secret):
        return value
    text = _read_text(value)
    if text.startswith(("env://", "file://")):
        raise refused(
            "is a reference where the secret itself is needed: env://NAME and file:///path are for gateway.toml"
        )
    return Secret(text)


def _read_rate_limit(value: Any) -> RateLimit:
    return value if isinstance(value, RateLimit) else RateLimit.parse(_read_text(value))


def _read_truth(value: Any) -> bool:
    if isinstance(value, Text) and value.lower() in _TRUTH:
        return _TRUTH[value.lower()]
    if not isinstance(value, bool):
        raise refused("must be true or false")
    return value


def _read_integer(value: Any) -> int:
    if isinstance(value, Text) and _NUMBER.fullmatch(value) and "." not in value:
        return int(value)
    if type(value) is not int:
        raise refused("must be a whole number")
    return value


def _read_number(value: Any) -> Decimal:
    if isinstance(value, Text) and _NUMBER.fullmatch(value):
        return Decimal(value)
    number = value if isinstance(value, Decimal) else Decimal(value) if type(value) is int else None
    if number is None or not number.is_finite() or number.adjusted() > 30:
        raise refused("must be a number")
    return number


def _read_float(value: Any) -> float:
    number = value if type(value) is float else float(_read_number(value))
    if not math.isfinite(number):
        raise refused("must be a number")
    return number


def _read_decimal(value: Any) -> Decimal:
    if isinstance(value, float):
        raise refused("must be an exact number: give it as text, not as a float")
    return _read_number(Text(value) if isinstance(value, str) else value)


def _read_timedelta(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    seconds = Fraction(_read_number(value))
    if abs(seconds) > timedelta.max.total_seconds():
        raise refused("must be a number of seconds")
    return timedelta(microseconds=int(seconds * 1_000_000))


READERS: dict[type, Callable[[Any], Any]] = {
    str: _read_text,
    Secret: _read_secret,
    RateLimit: _read_rate_limit,
    bool: _read_truth,
    int: _read_integer,
    float: _read_float,
    Decimal: _read_decimal,
    timedelta: _read_timedelta,
}


def is_choice(kind: Any) -> bool:
    return typing.get_origin(kind) is Literal or (isinstance(kind, type) and issubclass(kind, enum.Enum))


def choice(kind: Any) -> Callable[[Any, Any], Any]:
    options = typing.get_args(kind) or tuple(kind)
    plain = [option.value if isinstance(option, enum.Enum) else option for option in options]

    def read(value: Any, _: Any) -> Any:
        for option, form in zip(options, plain, strict=True):
            same = str(form) == value if isinstance(value, Text) else type(value) is type(form) and value == form
            if same or value is option:
                return option
        raise refused(f"must be one of {', '.join(map(str, plain))}")

    return read

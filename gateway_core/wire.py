"""For plugin authors: from a provider's JSON to small attrs classes, strictly.

Describe what a provider sends as attrs classes, and decode into them:

>>> import attrs
>>> from decimal import Decimal
>>> @attrs.frozen
... class Answer:
...     id: str
...     total: Decimal
...     note: str | None = None
>>> decode(b'{"id": "7", "total": 10.10, "new": true}', Answer)
Answer(id='7', total=Decimal('10.10'), note=None)

Fields that the class does not name are ignored, a missing field with a default takes it, and a wrong type is an error that
names the field: nothing is converted on the way, and no number is ever a float.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

import cattrs
from cattrs.errors import ClassValidationError, IterableValidationError

from gateway_core import _json
from gateway_core._json import dumps
from gateway_core.errors import UnexpectedResponseError

__all__ = ["converter", "decode", "dumps", "loads", "moment", "structure"]

T = TypeVar("T")


def loads(body: bytes) -> Any:
    """Parse strict JSON: exact numbers, no NaN, no repeated keys, UTF-8 only, bounded depth.

    Raises:
        UnexpectedResponseError: If it is not.
    """
    try:
        return _json.loads(body)
    except ValueError as error:
        reason = str(error)
    raise UnexpectedResponseError(f"the body is {reason}" if reason.startswith("not") else f"the JSON is bad: {reason}")


def decode(body: bytes, kind: type[T]) -> T:
    """Parse strict JSON into an attrs class.

    Raises:
        UnexpectedResponseError: If it is no JSON, or does not fit; its text names each field, its cause is the error group.
    """
    return structure(loads(body), kind)


def structure(value: Any, kind: type[T]) -> T:
    """Fit a parsed value into an attrs class.

    Raises:
        UnexpectedResponseError: If it does not fit; its text names each field, its cause is the error group.
    """
    try:
        return converter().structure(value, kind)
    except (cattrs.BaseValidationError, ValueError, TypeError, KeyError) as error:
        raise UnexpectedResponseError(f"the answer does not fit: {'; '.join(faults(error))}") from error


def moment(value: str) -> datetime:
    """Read an ISO 8601 date and time that names its time zone."""
    parsed = datetime.fromisoformat(value)
    if parsed.utcoffset() is None:
        raise ValueError("a time without a time zone")
    return parsed


@functools.cache
def converter() -> cattrs.Converter:
    """Return the strict converter that `decode` uses. It is made once; do not change it, copy it."""
    made = cattrs.Converter()
    for kind in (str, int, bool):
        made.register_structure_hook(kind, _exactly(kind))
    made.register_structure_hook(Decimal, lambda value, _: _number(value))
    made.register_structure_hook(datetime, lambda value, _: moment(_exactly(str)(value, str)))
    return made


def faults(error: BaseException, path: str = "") -> list[str]:
    """Return one line for each fault in a structuring error, with the field's path and without its value."""
    found: list[str] = []
    if isinstance(error, ClassValidationError):
        for exception, note in error.group_exceptions()[0]:
            found += faults(exception, f"{path}.{note.name}" if path else note.name)
        found += [line for exception in error.group_exceptions()[1] for line in faults(exception, path)]
    elif isinstance(error, IterableValidationError):
        for exception, item in error.group_exceptions()[0]:
            found += faults(exception, f"{path}[{item.index}]")
        found += [line for exception in error.group_exceptions()[1] for line in faults(exception, path)]
    else:
        found.append(f"{path or 'the answer'}: {_reason(error)}")
    return found


def _reason(error: BaseException) -> str:
    if isinstance(error, KeyError):
        return "missing"
    if isinstance(error, _WrongTypeError):
        return str(error)
    return "not readable" if isinstance(error, ValueError) else "of the wrong type"


class _WrongTypeError(TypeError):
    """A value of another type than declared; the text names both types."""


def _exactly(kind: type) -> Callable[[Any, Any], Any]:
    def check(value: Any, _: Any) -> Any:
        if type(value) is not kind:
            raise _WrongTypeError(f"{kind.__name__} expected, {type(value).__name__} found")
        if kind is str and not value.isascii():
            value.encode("utf-8")  # raises for half a surrogate pair, which no later code could encode
        return value

    return check


def _number(value: Any) -> Decimal:
    """Read an amount from a JSON number, or from text in plain digits."""
    if isinstance(value, Decimal):
        return value
    if type(value) is int:
        return Decimal(value)
    if type(value) is str:
        from gateway_core.models.money import parse_amount

        return parse_amount(value)
    raise _WrongTypeError(f"a number expected, {type(value).__name__} found")



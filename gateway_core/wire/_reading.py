"""The quick way from parsed values to attrs classes: functions that are generated once, one for each class.

They take what fits beyond doubt, and raise for anything else, whatever it is: the careful converter then decides, and
says what is wrong. So nothing here explains, and what is rare in an answer has no place here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import attrs

from gateway_core.models.money import parse_amount
from gateway_core.wire._names import name_of
from gateway_core.wire._times import UnixTime, moment, unix

Reader = Callable[[Any], Any]


class DoubtError(Exception):
    """Whether something fits is not for the quick way to say."""


class FaultError(ValueError):
    """What is wrong with one value; its text holds no value."""


@functools.cache
def reader(kind: Any) -> Reader:
    """Return the function that makes a `kind` of what fits it beyond doubt, and raises for anything else."""
    try:
        return _reader(kind, ())
    except Exception:  # noqa: BLE001  # an annotation may be anything; the careful converter tells what is wrong with it
        return _doubt


def type_name(kind: type) -> str:
    """Return what JSON calls a type."""
    return {"dict": "object", "list": "array", "NoneType": "null"}.get(kind.__name__, kind.__name__)


def number(value: Any) -> Decimal:
    """Read an amount from a JSON number, or from text in plain digits.

    Raises:
        FaultError, InvalidRequestError: If it is neither.
    """
    if isinstance(value, Decimal):
        return value
    if type(value) is int:
        return Decimal(value)
    if type(value) is str:
        return parse_amount(value)
    raise FaultError(f"number expected, {type_name(type(value))} found")


def is_optional(kind: Any) -> bool:
    """Return whether a type is another one or None."""
    arguments = get_args(kind)
    return get_origin(kind) in (Union, UnionType) and len(arguments) == 2 and NoneType in arguments


def _doubt(_: object) -> Any:
    raise DoubtError


def _moment(value: Any) -> datetime:
    return moment(value) if type(value) is str else _doubt(value)


_SCALARS: dict[Any, Reader] = {Decimal: number, datetime: _moment, UnixTime: unix}


def _reader(kind: Any, above: tuple[Any, ...]) -> Reader:
    """Return the reader of a type that is part of those above it.

    Raises:
        DoubtError: If there is none.
    """
    if kind in above:  # a class that has itself in it
        return lambda value: reader(kind)(value)  # noqa: PLW0108  # it is not made yet
    origin, arguments = get_origin(kind) or kind, get_args(kind)
    if isinstance(kind, type) and attrs.has(kind):
        return _record(kind, above)
    if origin in (list, Sequence):
        return _array(list, (*arguments, Any)[0], above)
    if origin is tuple and arguments[1:] in ((), (...,)):
        return _array(tuple, (*arguments, Any)[0], above)
    if origin in (dict, Mapping):
        return _object((*arguments, Any, Any)[1], above)
    given: dict[str, Any] = {"DoubtError": DoubtError}
    return _function([*_steps(kind, "value", given, above), "return value"], given)


def _record(kind: Any, above: tuple[Any, ...]) -> Reader:
    attrs.resolve_types(kind)
    given: dict[str, Any] = {"DoubtError": DoubtError, "kind": kind}
    lines = ["if type(value) is not dict: raise DoubtError"]
    fields = [field for field in attrs.fields(kind) if field.init]
    for count, field in enumerate(fields):
        name, key = f"field_{count}", repr(name_of(field) or field.name)
        found = [f"{name} = value[{key}]", *_steps(field.type, name, given, (*above, kind))]
        if field.default is attrs.NOTHING:
            lines += found
            continue
        made, call = field.default, ""
        if isinstance(made, attrs.Factory):  # type: ignore[arg-type]  # attrs declares the class as a function
            if made.takes_self:
                raise DoubtError
            made, call = made.factory, "()"
        given[f"default_{count}"] = made
        lines += [f"if {key} in value:", *_indented(found), f"else: {name} = default_{count}{call}"]
    arguments = ", ".join(f"{field.alias}=field_{count}" for count, field in enumerate(fields))
    return _function([*lines, f"return kind({arguments})"], given)


def _array(make: Any, kind: Any, above: tuple[Any, ...]) -> Reader:
    each = None if kind is Any else _reader(kind, above)

    def read(value: Any) -> Any:
        if type(value) is not list:
            raise DoubtError
        return make(value) if each is None else make(map(each, value))

    return read


def _object(kind: Any, above: tuple[Any, ...]) -> Reader:
    each = None if kind is Any else _reader(kind, above)

    def read(value: Any) -> Any:
        if type(value) is not dict:
            raise DoubtError
        return dict(value) if each is None else dict(zip(value, map(each, value.values()), strict=True))

    return read


def _steps(kind: Any, name: str, given: dict[str, Any], above: tuple[Any, ...]) -> list[str]:
    """Return lines of code that check the variable `name`, and put what the class is to have in its place.

    Raises:
        DoubtError: If there are none for this type.
    """
    kind = getattr(kind, "__supertype__", kind)  # of a `NewType`
    if kind is Any:
        return []
    if kind in (str, int, bool):
        return [f"if type({name}) is not {kind.__name__}: raise DoubtError"]
    if is_optional(kind):
        [other] = set(get_args(kind)) - {NoneType}
        return [f"if {name} is not None:", *_indented(_steps(other, name, given, above) or ["pass"])]
    if kind in _SCALARS:
        read = _SCALARS[kind]
    elif get_origin(kind) or kind in above or kind in (list, tuple, dict) or attrs.has(kind):
        read = _reader(kind, above)
    else:
        raise DoubtError
    given[f"read_{name}"] = read
    return [f"{name} = read_{name}({name})"]


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _function(lines: list[str], given: dict[str, Any]) -> Reader:
    """Return the function of one argument, `value`, with these lines: code of ours and names of fields, no value."""
    exec("\n".join(["def read(value):", *_indented(lines)]), given)  # noqa: S102  # as attrs and cattrs make theirs
    read: Reader = given["read"]
    return read

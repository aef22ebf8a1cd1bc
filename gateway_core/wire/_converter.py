"""The converter that fits parsed values into attrs classes, and converts nothing on the way."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from types import NoneType
from typing import Any, get_args, get_origin

import attrs
import cattrs
from cattrs.cols import is_any_set, is_mapping, is_sequence
from cattrs.errors import IterableValidationError, IterableValidationNote
from cattrs.gen import make_dict_structure_fn, override

from gateway_core.wire._names import name_of
from gateway_core.wire._reading import FaultError, is_optional, number, type_name
from gateway_core.wire._times import UnixTime, moment, unix

#: How many items of one list are told to be wrong: a megabyte of them would become a gigabyte of errors.
_MOST_FAULTS = 10


@functools.cache
def converter() -> cattrs.Converter:
    """Return the strict converter that `decode` uses. It is made once; do not change it, copy it."""
    made = cattrs.Converter()
    for kind in (str, int, bool, float, bytes):  # JSON as it is read here has no float and no bytes: none ever fits
        made.register_structure_hook(kind, _exactly(kind))
    made.register_structure_hook(Decimal, lambda value, _: number(value))
    made.register_structure_hook(datetime, _checked(str, lambda value, _: moment(value)))
    made.register_structure_hook_func(lambda kind: kind == UnixTime, lambda value, _: unix(value))

    @made.register_structure_hook_factory(attrs.has)
    def record(kind: Any, made: cattrs.Converter) -> Callable[[Any, Any], Any]:
        attrs.resolve_types(get_origin(kind) or kind)
        renamed: Any = {
            field.name: override(rename=name) for field in attrs.fields(kind) if (name := name_of(field)) is not None
        }
        return _checked(dict, make_dict_structure_fn(kind, made, **renamed))

    @made.register_structure_hook_factory(is_optional)
    def optional(kind: Any, made: cattrs.Converter) -> Callable[[Any, Any], Any]:
        [other] = set(get_args(kind)) - {NoneType}
        then = _hook_of(other, made)
        return lambda value, _: None if value is None else then(value, other)

    @made.register_structure_hook_factory(is_mapping)
    def mapping(kind: Any, made: cattrs.Converter) -> Callable[[Any, Any], Any]:
        each = _each((*get_args(kind), Any, Any)[1], made)
        return _checked(dict, lambda value, _: dict(each(value.items())))

    @made.register_structure_hook_factory(is_sequence)
    def several(kind: Any, made: cattrs.Converter) -> Callable[[Any, Any], Any]:
        each = _each((*get_args(kind), Any)[0], made)
        make: Any = tuple if (get_origin(kind) or kind) is tuple else list
        return _checked(list, lambda value, _: make(item for _, item in each(enumerate(value))))

    @made.register_structure_hook_factory(is_any_set)
    def no_set(kind: Any) -> Callable[[Any, Any], Any]:
        raise cattrs.StructureHandlerNotFoundError(f"{kind} is no list", type_=kind)

    return made


def _each(kind: Any, made: cattrs.Converter) -> Callable[[Iterable[tuple[Any, Any]]], list[tuple[Any, Any]]]:
    """Return what structures each value beside its name or number, and gives up after the first few faults."""
    structure = _hook_of(kind, made)

    def each(pairs: Iterable[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
        found: list[tuple[Any, Any]] = []
        faults: list[Exception] = []
        for place, value in pairs:
            try:
                found.append((place, structure(value, kind)))
            except Exception as error:  # noqa: BLE001  # a field's converter or validator may raise anything
                error.add_note(IterableValidationNote(f"at {place}", place, kind))
                faults.append(error)
                if len(faults) == _MOST_FAULTS:
                    break
        if faults:
            raise IterableValidationError("some do not fit", faults, kind)
        return found

    return each


def _hook_of(kind: Any, made: cattrs.Converter) -> Callable[[Any, Any], Any]:
    try:
        return made.get_structure_hook(kind)
    except RecursionError:  # a class that has itself in it
        return made.structure


def _exactly(kind: type) -> Callable[[Any, Any], Any]:
    """Return a hook that takes values of exactly this type: a bool is no int here."""

    def hook(value: Any, target: Any) -> Any:
        if type(value) is not kind:
            raise _unfit(kind, value)
        # The target may be an enum that is a str or int, too: cattrs finds the same hook for it.
        return value if target is kind else target(value)

    return hook


def _checked(kind: type, then: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return a hook that takes values of exactly this type, and hands them on: no text is a list."""

    def hook(value: Any, target: Any) -> Any:
        if type(value) is not kind:
            raise _unfit(kind, value)
        return then(value, target)

    return hook


def _unfit(kind: type, value: Any) -> FaultError:
    return FaultError(f"{type_name(kind)} expected, {type_name(type(value))} found")

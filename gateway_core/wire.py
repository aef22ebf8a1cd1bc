"""For plugin authors: from a provider's JSON to small attrs classes, strictly.

Describe what a provider sends as attrs classes, and decode into them:

>>> import attrs
>>> from decimal import Decimal
>>> from gateway_core.wire import decode
>>> @attrs.frozen
... class Answer:
...     id: str
...     total: Decimal
...     state: str
...     note: str | None = None
>>> decode(b'{"id": "7", "total": 10.10, "state": "open", "new": true}', Answer)
Answer(id='7', total=Decimal('10.10'), state='open', note=None)
>>> decode(b'{"id": 7, "total": "ten"}', Answer)
Traceback (most recent call last):
gateway_core.errors.UnexpectedResponseError: the answer does not fit: id: str expected, int found; total: ...

Fields that the class does not name are ignored, a missing field with a default takes it, and a wrong type is an error
that names the field and no value: nothing is converted on the way, and no number is ever a float. A field is a str,
int, bool, Decimal, datetime or Any, one of these or None, an attrs class, or a list, tuple or dict of them. A word of
the provider's, such as a status, stays a str: map it by a table, ``WORDS.get(answer.state, InvoiceStatus.UNKNOWN)``. An
enum here would make every new word of theirs an unreadable answer.

A field has the name that the provider gives it, unless the class or the field says otherwise. A `UnixTime` is a
datetime that comes as Unix seconds:

>>> from gateway_core.wire import UnixTime, camel_case, named
>>> @attrs.frozen(kw_only=True, field_transformer=camel_case)
... class Session:
...     created_at: UnixTime
...     links: dict[str, str] = named("_links")
>>> decode(b'{"createdAt": 1893456000, "_links": {}}', Session)
Session(created_at=datetime.datetime(2030, 1, 1, 0, 0, tzinfo=datetime.timezone.utc), links={})
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import NoneType, UnionType
from typing import Annotated, Any, TypeAlias, TypeVar, Union, get_args, get_origin

import attrs
import cattrs
from cattrs.cols import is_any_set, is_mapping, is_sequence
from cattrs.errors import ClassValidationError, IterableValidationError, IterableValidationNote
from cattrs.gen import make_dict_structure_fn, override

from gateway_core import _json
from gateway_core._json import dumps
from gateway_core.errors import GatewayError, InvalidRequestError, PluginError, UnexpectedResponseError
from gateway_core.models.money import parse_amount

__all__ = [
    "UnixTime",
    "camel_case",
    "converter",
    "decode",
    "dumps",
    "loads",
    "moment",
    "named",
    "structure",
    "to_unix",
    "unix",
]

T = TypeVar("T")

#: The type of a field that comes as Unix seconds, and becomes a datetime in UTC.
UnixTime: TypeAlias = Annotated[datetime, "Unix seconds"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
#: Unix seconds from 1970 to the end of 9999. Milliseconds of this century are beyond.
_LAST_SECOND = 253_402_300_799

#: The key in an attrs field's metadata under which the provider's name of it stands.
_NAME = "gateway_core.wire.name"
_AFTER_UNDERSCORE = re.compile(r"(?<=[A-Za-z0-9])_([a-z0-9])")

#: How many items of one list are told to be wrong: a megabyte of them would become a gigabyte of errors.
_MOST_FAULTS = 10


def loads(body: bytes) -> Any:
    """Parse strict JSON: exact numbers, no NaN, no repeated keys, proper UTF-8 only, bounded depth.

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
        UnexpectedResponseError: If it is no JSON, or does not fit; its text names each field, its cause is the error
            group.
    """
    return structure(loads(body), kind)


def structure(value: Any, kind: type[T], *, using: cattrs.Converter | None = None) -> T:
    """Fit a parsed value into an attrs class.

    Args:
        value: What `loads` gives.
        kind: The class.
        using: A converter with hooks of your own, made of a copy of `converter`; None for that one.

    Raises:
        UnexpectedResponseError: If it does not fit; its text names each field, its cause is the error group.
        PluginError: If the class has a field of a kind that nothing can be fitted into.
    """
    failure: GatewayError
    try:
        return (using or converter()).structure(value, kind)
    except cattrs.StructureHandlerNotFoundError as error:
        cause: Exception | None = None
        failure = PluginError(f"nothing can be decoded into {kind}: {error.message}")
    except Exception as error:  # noqa: BLE001  # a field's converter or validator may raise anything
        cause = _without_values(error)
        failure = UnexpectedResponseError(f"the answer does not fit: {'; '.join(_faults(cause))}")
    # Raised outside of the handlers: the errors caught there quote the values.
    raise failure from cause


def moment(value: str) -> datetime:
    """Read an ISO 8601 date and time that names its time zone.

    >>> from gateway_core.wire import moment
    >>> moment("2030-01-01T12:00:00Z")
    datetime.datetime(2030, 1, 1, 12, 0, tzinfo=datetime.timezone.utc)

    Raises:
        UnexpectedResponseError: If it is anything else.
    """
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        parsed = None
    if parsed is None or parsed.utcoffset() is None:
        raise UnexpectedResponseError("a date and time with its time zone expected")
    return parsed


def unix(seconds: int) -> datetime:
    """Read a time in Unix seconds, as a datetime in UTC.

    >>> from gateway_core.wire import unix
    >>> unix(1893456000)
    datetime.datetime(2030, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)

    Raises:
        UnexpectedResponseError: If it is no int, before 1970 or after 9999, as milliseconds are.
    """
    if type(seconds) is not int or not 0 <= seconds <= _LAST_SECOND:
        raise UnexpectedResponseError("a whole number of Unix seconds expected")
    return _EPOCH + timedelta(seconds=seconds)


def to_unix(at: datetime, *, up: bool = False) -> int:
    """Write a time as Unix seconds.

    >>> from datetime import UTC, datetime
    >>> from gateway_core.wire import to_unix
    >>> to_unix(datetime(2030, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC))
    1893456000

    Args:
        at: The time, with a time zone.
        up: Whether a part of a second counts as a whole one, as the end of a range needs it; else it is cut off.

    Raises:
        InvalidRequestError: If it has no time zone.
    """
    if at.utcoffset() is None:
        raise InvalidRequestError("a time needs a time zone to be written as Unix seconds")
    return -((_EPOCH - at) // _SECOND) if up else (at - _EPOCH) // _SECOND


def named(name: str, *, default: Any = attrs.NOTHING) -> Any:
    """Return an attrs field that the provider calls by another name, such as ``_links`` or ``from``.

    Args:
        name: The provider's name of it.
        default: What it is where the provider leaves it out; without a default the field is required.
    """
    return attrs.field(default=default, metadata={_NAME: name})


def camel_case(_: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    """Read ``created_at`` from ``createdAt``, as the ``field_transformer`` of an attrs class.

    A `named` field keeps its name.
    """
    return [
        field if _NAME in field.metadata else field.evolve(metadata={**field.metadata, _NAME: _camel(field.name)})
        for field in fields
    ]


@functools.cache
def converter() -> cattrs.Converter:
    """Return the strict converter that `decode` uses. It is made once; do not change it, copy it."""
    made = cattrs.Converter()
    for kind in (str, int, bool, float, bytes):  # JSON as it is read here has no float and no bytes: none ever fits
        made.register_structure_hook(kind, _exactly(kind))
    made.register_structure_hook(Decimal, lambda value, _: _number(value))
    made.register_structure_hook(datetime, _checked(str, lambda value, _: moment(value)))
    made.register_structure_hook_func(lambda kind: kind == UnixTime, lambda value, _: unix(value))

    @made.register_structure_hook_factory(attrs.has)
    def record(kind: Any, made: cattrs.Converter) -> Callable[[Any, Any], Any]:
        attrs.resolve_types(get_origin(kind) or kind)
        renamed: Any = {
            field.name: override(rename=field.metadata[_NAME])
            for field in attrs.fields(kind)
            if _NAME in field.metadata
        }
        return _checked(dict, make_dict_structure_fn(kind, made, **renamed))

    @made.register_structure_hook_factory(_is_optional)
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


def _camel(name: str) -> str:
    return _AFTER_UNDERSCORE.sub(lambda match: match[1].upper(), name)


def _told_name(kind: Any, name: str) -> str:
    """Return a field's name as the provider has it."""
    field = getattr(attrs.fields(kind), name, None) if attrs.has(kind) else None
    return name if field is None else field.metadata.get(_NAME, name)


def _is_optional(kind: Any) -> bool:
    arguments = get_args(kind)
    return get_origin(kind) in (Union, UnionType) and len(arguments) == 2 and NoneType in arguments


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


def _unfit(kind: type, value: Any) -> _FaultError:
    return _FaultError(f"{_name(kind)} expected, {_name(type(value))} found")


def _name(kind: type) -> str:
    return {"dict": "object", "list": "array", "NoneType": "null"}.get(kind.__name__, kind.__name__)


def _number(value: Any) -> Decimal:
    """Read an amount from a JSON number, or from text in plain digits."""
    if isinstance(value, Decimal):
        return value
    if type(value) is int:
        return Decimal(value)
    if type(value) is str:
        return parse_amount(value)
    raise _FaultError(f"number expected, {_name(type(value))} found")


class _FaultError(ValueError):
    """What is wrong with one value; its text holds no value."""


def _without_values(error: Exception) -> Exception:
    """Copy an error group without the texts that quote a value, and without the frames that hold it."""
    clean: Exception
    if isinstance(error, cattrs.BaseValidationError):
        clean = error.derive([_without_values(each) for each in error.exceptions])
    elif isinstance(error, _FaultError):
        clean = _FaultError(str(error))
    elif isinstance(error, GatewayError):
        clean = _FaultError(error.message)
    else:
        # A key that is missing is noted with its field; any other comes out of the class's own converter.
        missing = isinstance(error, KeyError) and hasattr(error, "__notes__")
        clean = _FaultError("missing" if missing else "not readable")
    for note in getattr(error, "__notes__", ()):
        clean.add_note(note)
    return clean


def _faults(error: Exception, path: str = "") -> list[str]:
    """Return one line for each fault in an error group, with the field's path."""
    found: list[str] = []
    if isinstance(error, ClassValidationError):
        fields, others = error.group_exceptions()
        for each, note in fields:
            name = _told_name(error.cl, note.name)
            found += _faults(each, f"{path}.{name}" if path else name)
    elif isinstance(error, IterableValidationError):
        items, others = error.group_exceptions()
        found = [line for each, note in items for line in _faults(each, f"{path}[{note.index}]")]
    else:
        return [f"{path or 'the answer'}: {error}"]
    return found + [line for each in others for line in _faults(each, path)]

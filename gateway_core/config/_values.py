"""From plain values to settings classes, strictly: every fault is told at once, by its key and never by its value."""

from __future__ import annotations

import functools
import typing
from collections.abc import Callable, Collection, Iterable, Mapping
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from gateway_core._plugins.discovery import closest
from gateway_core._redaction import scrub
from gateway_core._tracebacks import without_locals
from gateway_core.config._references import mistaken_reference
from gateway_core.config._types import READERS, Broken, Fault, RefusedError, Text, choice, is_choice, refused
from gateway_core.errors import ConfigurationError, GatewayError, PluginError
from gateway_core.models.secret import SHORTEST_SIGNING_SECRET, Secret
from gateway_core.provider import RESERVED_SETTINGS, secrets_of
from gateway_core.wire._reading import is_optional

if TYPE_CHECKING:
    import cattrs

T = TypeVar("T")


@without_locals
def structure(cls: type[T], values: Mapping[str, Any], *, where: str) -> T:
    """Make a settings class from values that are given in code.

    A value has the field's type: text is not read as a number. Some types have a plain form too: a `Secret` is given
    as text, a `Decimal` as text or an int, a `timedelta` as its seconds (an int or a `Decimal`), an enum as its value,
    and a tuple of one as that one.

    Args:
        cls: An attrs class.
        values: Its fields' values by name.
        where: What they are, for the error's text.

    Raises:
        ConfigurationError: If a key is unknown or missing, or a value is wrong. It tells all faults, and no value.
        PluginError: If the class itself is at fault.
    """
    made, faults = attempt(cls, values)
    if made is None:
        raise ConfigurationError(f"{where}: {'; '.join(map(str, faults))}")
    return made


def attempt(cls: type[T], values: Any, *, others: Iterable[str] = ()) -> tuple[T | None, list[Fault]]:
    """Make a settings class, or return None and every fault.

    Args:
        cls: An attrs class.
        values: Its fields' values by name; what comes from a source that holds nothing but text as `Text`, and what
            could not be had as `Broken`.
        others: Keys that are known elsewhere, which a misspelt one may have meant.
    """
    try:
        return _record(cls, values, tuple(others)), []
    except RefusedError as refusal:
        return None, refusal.faults


@functools.cache
def fields_of(cls: type) -> Mapping[str, tuple[attrs.Attribute[Any], Any]]:
    """Return the fields of a settings class that can be given, with their types, by their keys.

    Raises:
        PluginError: If an annotation cannot be resolved.
    """
    try:
        hints = typing.get_type_hints(cls)
    except Exception as error:  # noqa: BLE001  # an annotation may name anything
        reason = f"{type(error).__name__}: {error}"
    else:
        return {str(each.alias): (each, hints.get(each.name, Any)) for each in attrs.fields(cls) if each.init}
    raise PluginError(f"the annotations of the class {cls.__name__} cannot be resolved ({reason})")


def record_in(kind: Any) -> type | None:
    """Return the attrs class that a type is, or is optionally."""
    for each in (kind, *typing.get_args(kind)):
        if isinstance(each, type) and attrs.has(each) and typing.get_origin(kind) is not tuple:
            return each
    return None


def suggest(key: str, known: Collection[str]) -> str:
    """Say which known key was meant, or which there are."""
    meant = closest(key, known)
    if meant is not None:
        return f"did you mean {meant}?"
    return f"known are {', '.join(known)}" if known else "there are none"


def _record(cls: type[T], values: Any, others: tuple[str, ...] = ()) -> T:
    if isinstance(values, cls):
        return values
    if not isinstance(values, Mapping):
        raise refused("must be a table of keys and values")
    kind: type = cls
    fields = fields_of(kind)
    known = [*fields, *others]
    faults = [Fault(str(key), f"unknown, {suggest(str(key), known)}") for key in values if key not in fields]
    made: dict[str, Any] = {}
    for key, (field, wanted) in fields.items():
        if key in values:
            try:
                made[key] = _value(field, wanted, values[key])
            except RefusedError as refusal:
                faults += [fault.below(key) for fault in refusal.faults]
        elif field.default is attrs.NOTHING:
            faults.append(Fault(key, "missing", missing=True))
    if faults:
        raise RefusedError(faults)
    try:
        return cls(**made)
    except Exception as error:  # noqa: BLE001  # whatever the class's own checks raise
        reason = _reason(error, made, f"refused by {cls.__name__}")
    raise refused(reason)


def _value(field: attrs.Attribute[Any], kind: Any, value: Any) -> Any:
    if isinstance(value, Broken):
        raise refused(value.reason)
    _check_references(field, kind, value)
    as_it_is = isinstance(kind, type) and kind not in READERS and isinstance(value, kind)
    made = value if as_it_is else _read(kind, value)
    # The class would stop at its first fault: each field's own checks run here as well, so that all faults are told.
    try:
        checked = _convert(field, made)
        if field.validator is not None:
            field.validator(None, field, checked)
    except AttributeError:
        return made  # a check that needs the whole instance; making it will tell
    except Exception as error:  # noqa: BLE001  # whatever the field's own checks raise
        reason = _reason(error, made, _rule(field.validator))
    else:
        return made
    raise refused(reason.removeprefix(f"{field.name} ").removeprefix(f"{field.name}: "))


def _check_references(field: attrs.Attribute[Any], kind: Any, value: Any) -> None:
    """Refuse what was meant as a reference and would be taken for the value itself."""
    # A limiter's address is a secret, and an address all the same.
    kinds = typing.get_args(kind) if is_optional(kind) else (kind,)
    secret = any(Secret in (each, *typing.get_args(each)) for each in kinds) and field.alias not in RESERVED_SETTINGS
    several = isinstance(value, list | tuple)
    for index, each in enumerate(value if several else (value,)):
        reason = mistaken_reference(each, secret=secret) if isinstance(each, str) else None
        if reason is not None:
            raise RefusedError([Fault(f"[{index}]" if several else "", reason)])


def _read(kind: Any, value: Any) -> Any:
    try:
        return _reader(kind)(value)
    except RefusedError:
        raise
    except Exception as error:  # noqa: BLE001  # cattrs lets through whatever a type's constructor raises
        faults = _faults_in(error) or [Fault("", _reason(error, (), f"cannot be read as {_type_name(kind)}"))]
    raise RefusedError(faults)


def _reader(kind: Any) -> Callable[[Any], Any]:
    """Return what reads a type; cattrs only for what is rare, because it takes long to import."""
    if kind in READERS:
        return READERS[kind]
    if is_choice(kind):
        return lambda value: choice(kind)(value, kind)
    if _is_homogeneous_tuple(kind):
        return functools.partial(_several, typing.get_args(kind)[0])
    if is_optional(kind):
        [other] = set(typing.get_args(kind)) - {NoneType}
        read = _reader(other)
        return lambda value: None if value is None else read(value)
    return lambda value: _converter().structure(value, kind)


def _faults_in(error: BaseException) -> list[Fault]:
    """Return what the readers here refused below a structure that cattrs reads itself, such as a dict."""
    if isinstance(error, RefusedError):
        return error.faults
    return [fault for each in getattr(error, "exceptions", ()) for fault in _faults_in(each)]


def _convert(field: attrs.Attribute[Any], value: Any) -> Any:
    convert: Any = field.converter  # attrs declares it as a plain callable only
    if convert is None:
        return value
    arguments = (value, None, field) if isinstance(convert, attrs.Converter) else (value,)
    return convert(*arguments)


def _reason(error: Exception, values: Any, otherwise: str) -> str:
    """Say why a value is refused. Only errors of ours are quoted: the text of any other may hold the value."""
    if isinstance(error, GatewayError):
        return scrub(error.message, secrets_of(values))
    return (
        otherwise
        if isinstance(error, ValueError | TypeError | ExceptionGroup)
        else f"{otherwise} ({type(error).__name__})"
    )


def _rule(validator: Any) -> str:
    """Say what a validator of attrs demands; its own text would hold the value."""
    validator = getattr(validator, "validator", validator)  # inside of optional()
    if hasattr(validator, "bound") and hasattr(validator, "compare_op"):
        return f"must be {validator.compare_op} {validator.bound}"
    if hasattr(validator, "options"):
        return f"must be one of {', '.join(map(str, validator.options))}"
    return "not allowed"


def _type_name(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "")


@functools.cache
def _converter() -> cattrs.Converter:
    import cattrs  # takes long, and most settings are of the types that are read here

    made = cattrs.Converter()
    for kind, read in READERS.items():
        made.register_structure_hook(kind, _hook(read))
    made.register_structure_hook_factory(attrs.has, lambda cls: lambda value, _: _record(cls, value))
    made.register_structure_hook_factory(is_choice, choice)
    made.register_structure_hook_factory(_is_homogeneous_tuple, _hook_of_several)
    return made


def _hook(read: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    # cattrs asks the hook of `str` for a `StrEnum` too, and that of `int` for an `IntEnum`.
    return lambda value, kind: choice(kind)(value, kind) if is_choice(kind) else read(value)


def _is_homogeneous_tuple(kind: Any) -> bool:
    return typing.get_origin(kind) is tuple and typing.get_args(kind)[1:] == (...,)


def _hook_of_several(kind: Any) -> Callable[[Any, Any], Any]:
    return lambda value, _: _reader(kind)(value)


def _several(kind: Any, value: Any) -> tuple[Any, ...]:
    if isinstance(value, Text):
        items: Iterable[Any] = map(Text, _secrets_in(value) if kind is Secret else value.split())
    elif isinstance(value, str | Secret):
        items = (value,)
    elif isinstance(value, list | tuple):
        items = value
    else:
        raise refused("must be a list")
    if kind is Secret and not value:
        raise refused("must hold at least one secret")
    made, faults = [], []
    for index, item in enumerate(items):
        try:
            made.append(_read(kind, item))
        except RefusedError as refusal:
            faults += [fault.below(f"[{index}]") for fault in refusal.faults]
    if faults:
        raise RefusedError(faults)
    return tuple(made)


def _secrets_in(text: str) -> list[str]:
    """Return the secrets in a text: one a line; or, on one line, those between blanks that could sign each by itself.

    A secret may have blanks in it, and then has parts that are too short.
    """
    lines = text.splitlines()
    words = text.split()
    return words if len(lines) < 2 and all(len(word) >= SHORTEST_SIGNING_SECRET for word in words) else lines

"""Checks shared by the models."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeGuard, TypeVar
from urllib.parse import urlsplit

import attrs

from gateway_core.errors import InvalidRequestError
from gateway_core.models.money import Money

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")

T = TypeVar("T")


class Frozen(Mapping[str, T]):
    """A mapping that nobody can change. Unlike `types.MappingProxyType` it can be copied, pickled and hashed."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, T]) -> None:
        self._items = dict(items)

    def __getitem__(self, key: str) -> T:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return repr(self._items)


def freeze(value: Any) -> Any:
    """Copy a mapping into one that nobody can change; other values pass unchanged, for the check that follows."""
    return Frozen(value) if isinstance(value, Mapping) else value


def tupled(values: Iterable[Any]) -> tuple[Any, ...]:
    """Copy several values into a tuple; a text is one value, and no several characters."""
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise InvalidRequestError(f"give several values as a tuple or list, not as {type(values).__name__}")
    return tuple(values)


def is_identifier(value: object) -> TypeGuard[str]:
    """Return whether a value can be an id, as `identifier` demands."""
    if not isinstance(value, str):
        return False
    # What is printable holds none of them, and is found out ten times as fast.
    return 0 < len(value) <= 255 and (value.isprintable() or not _CONTROL.search(value)) and value == value.strip()


def identifier(_: object, field: attrs.Attribute[Any], value: object) -> None:
    """An id of the shop or the provider: text of 1 to 255 characters, none of them a control character."""
    if not is_identifier(value):
        raise InvalidRequestError(f"{field.name} must be text of 1 to 255 characters without control characters")


def line(_: object, field: attrs.Attribute[Any], value: object) -> None:
    """Text for people, on one line."""
    if not isinstance(value, str) or len(value) > 1000 or _CONTROL.search(value):
        raise InvalidRequestError(f"{field.name} must be one line of text, of at most 1000 characters")


def text(_: object, field: attrs.Attribute[Any], value: object) -> None:
    """Text as the provider gave it: what it holds is not ours to judge."""
    if not isinstance(value, str):
        raise InvalidRequestError(f"{field.name} must be text, not {type(value).__name__}")


def one_of(kind: type) -> Callable[[object, attrs.Attribute[Any], object], None]:
    """Return the check that a value is a member of an enum: a word that is only spelt the same is none."""

    def check(_: object, field: attrs.Attribute[Any], value: object) -> None:
        if not isinstance(value, kind):
            raise InvalidRequestError(f"{field.name} must be of {kind.__name__}, not {type(value).__name__}")

    return check


def money(_: object, field: attrs.Attribute[Any], value: object) -> None:
    """An amount, zero or more."""
    if not isinstance(value, Money) or value.amount < 0:
        raise InvalidRequestError(f"{field.name} must be Money, zero or more")


def positive(_: object, field: attrs.Attribute[Any], value: object) -> None:
    """An amount that can be asked for."""
    if not isinstance(value, Money) or value.amount <= 0:
        raise InvalidRequestError(f"{field.name} must be Money above zero")


def aware(_: object, field: attrs.Attribute[Any], value: object) -> None:
    """A moment, with its time zone."""
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise InvalidRequestError(f"{field.name} must be a datetime with a time zone")


def web_address(_: object, field: attrs.Attribute[Any], value: object) -> None:
    """An http or https address to which a browser can be sent."""
    try:
        parts = urlsplit(value) if isinstance(value, str) and not _CONTROL.search(value) and " " not in value else None
        usable = parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise InvalidRequestError(f"{field.name} must be an http or https address")


def text_mapping(_: object, field: attrs.Attribute[Any], value: object) -> None:
    """Names and texts."""
    if not isinstance(value, Mapping) or not all(
        isinstance(part, str) and not _SURROGATE.search(part) for pair in value.items() for part in pair
    ):
        raise InvalidRequestError(f"{field.name} must map text to text")

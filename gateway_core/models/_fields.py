"""Checks shared by the models. Each takes a field's name and its value, and raises `InvalidRequestError`.

A record checks itself once, in `__attrs_post_init__`: a validator on each field takes twice as long.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
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


#: The one mapping with nothing in it.
EMPTY: Frozen[Any] = Frozen({})


def freeze(value: Any) -> Any:
    """Copy a mapping into one that nobody can change; other values pass unchanged, for the check that follows."""
    if type(value) is Frozen:
        return value
    return Frozen(value) if isinstance(value, Mapping) else value


def tupled(values: Iterable[Any]) -> tuple[Any, ...]:
    """Copy several values into a tuple; a text is one value, and no several characters."""
    if type(values) is tuple:
        return values
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise InvalidRequestError(f"give several values as a tuple or list, not as {type(values).__name__}")
    return tuple(values)


def frozen_field(*, repr: bool = True) -> Any:  # noqa: A002  # attrs' own name of it
    """Return an attrs field for a mapping that is empty unless it is given."""
    return attrs.field(default=EMPTY, converter=freeze, repr=repr)


def raw_field() -> Any:
    """Return an attrs field for the provider's own answer, which is neither shown nor compared."""
    return attrs.field(factory=dict, repr=False, eq=False)


def is_identifier(value: object) -> TypeGuard[str]:
    """Return whether a value can be an id, as `identifier` demands."""
    if not isinstance(value, str):
        return False
    # What is printable holds none of them, and is found out ten times as fast.
    return 0 < len(value) <= 255 and (value.isprintable() or not _CONTROL.search(value)) and value == value.strip()


def is_payment_page(value: object) -> bool:
    """Return whether a buyer can be sent to a value: a web address that hides nothing and that nobody reads along."""
    if not is_web_address(value):
        return False
    parts = urlsplit(str(value))
    return "@" not in parts.netloc and (parts.scheme == "https" or is_loopback_host(parts.hostname or ""))


def is_web_address(value: object) -> bool:
    """Return whether a browser can be sent to a value: an http or https address."""
    try:
        parts = urlsplit(value) if isinstance(value, str) and not _CONTROL.search(value) and " " not in value else None
        return parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def is_loopback_host(host: str) -> bool:
    """Return whether a host can be this machine only."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def identifier(name: str, value: object) -> None:
    """An id of the shop or the provider: text of 1 to 255 characters, none of them a control character."""
    if not is_identifier(value):
        raise InvalidRequestError(f"{name} must be text of 1 to 255 characters without control characters")


def identifier_or_none(name: str, value: object) -> None:
    """An id, or None."""
    if value is not None:
        identifier(name, value)


def line(name: str, value: object) -> None:
    """Text for people, on one line."""
    if not isinstance(value, str) or len(value) > 1000 or _CONTROL.search(value):
        raise InvalidRequestError(f"{name} must be one line of text, of at most 1000 characters")


def filled_line(name: str, value: object) -> None:
    """Text for people, on one line, that is not blank."""
    line(name, value)
    if not str(value).strip():
        raise InvalidRequestError(f"{name} must not be blank")


def filled_line_or_none(name: str, value: object) -> None:
    """Text for people, on one line, that is not blank, or None."""
    if value is not None:
        filled_line(name, value)


def text(name: str, value: object) -> None:
    """Text as the provider gave it: what it holds is not ours to judge."""
    if not isinstance(value, str):
        raise InvalidRequestError(f"{name} must be text, not {type(value).__name__}")


def text_or_none(name: str, value: object) -> None:
    """Text as the provider gave it, or None."""
    if value is not None:
        text(name, value)


def texts(name: str, value: object) -> None:
    """Texts by name."""
    if value is EMPTY:
        return
    if not isinstance(value, Mapping) or not all(
        isinstance(part, str) and not _SURROGATE.search(part) for pair in value.items() for part in pair
    ):
        raise InvalidRequestError(f"{name} must map text to text")


def mapping(name: str, value: object) -> None:
    """Something by name, such as a provider's own answer."""
    if type(value) is not dict and not isinstance(value, Mapping):  # which takes ten times as long
        raise InvalidRequestError(f"{name} must be a mapping, not {type(value).__name__}")


def bytes_(name: str, value: object) -> None:
    """Bytes."""
    if type(value) is not bytes:
        raise InvalidRequestError(f"{name} must be bytes, not {type(value).__name__}")


def status_code(name: str, value: object, least: int = 100, most: int = 999) -> None:
    """A status code of HTTP; servers send more than the standard has."""
    if not isinstance(value, int) or type(value) is bool or not least <= value <= most:  # `http.HTTPStatus` is one
        raise InvalidRequestError(f"{name} must be a status code, {least} to {most}")


def flag(name: str, value: object) -> None:
    """Yes or no."""
    if type(value) is not bool:
        raise InvalidRequestError(f"{name} must be True or False, not {type(value).__name__}")


def whole(name: str, value: object, most: int) -> None:
    """A number of things, 1 or more. A bool is none."""
    if type(value) is not int or not 1 <= value <= most:
        raise InvalidRequestError(f"{name} must be an int, 1 to {most}")


def instance(name: str, value: object, kind: type) -> None:
    """A record, or a member of an enum: a word that is only spelt the same is none."""
    if not isinstance(value, kind):
        raise InvalidRequestError(f"{name} must be of {kind.__name__}, not {type(value).__name__}")


def instance_or_none(name: str, value: object, kind: type) -> None:
    """A record, or None."""
    if value is not None:
        instance(name, value, kind)


def instances(name: str, values: tuple[object, ...], kind: type) -> None:
    """A tuple of values of one kind."""
    for each in values:
        if not isinstance(each, kind):
            raise InvalidRequestError(f"{name} holds {kind.__name__}, not {type(each).__name__}")


def money(name: str, value: object) -> None:
    """An amount, zero or more."""
    if not isinstance(value, Money) or value.amount < 0:
        raise InvalidRequestError(f"{name} must be Money, zero or more")


def money_or_none(name: str, value: object) -> None:
    """An amount, zero or more, or None."""
    if value is not None:
        money(name, value)


def positive(name: str, value: object) -> None:
    """An amount that can be asked for."""
    if not isinstance(value, Money) or value.amount <= 0:
        raise InvalidRequestError(f"{name} must be Money above zero")


def positive_or_none(name: str, value: object) -> None:
    """An amount that can be asked for, or None."""
    if value is not None:
        positive(name, value)


def aware(name: str, value: object) -> None:
    """A moment, with its time zone."""
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise InvalidRequestError(f"{name} must be a datetime with a time zone")


def aware_or_none(name: str, value: object) -> None:
    """A moment, with its time zone, or None."""
    if value is not None:
        aware(name, value)


def web_address(name: str, value: object) -> None:
    """An http or https address to which a browser can be sent."""
    if not is_web_address(value):
        raise InvalidRequestError(f"{name} must be an http or https address")


def payment_page_or_none(name: str, value: object) -> None:
    """The address of a page on which a buyer pays, or None: https, or http on the loopback range, without a user."""
    if value is not None and not is_payment_page(value):
        raise InvalidRequestError(
            f"{name} must be an https address without a user and a password (http on loopback only)"
        )


def web_address_or_none(name: str, value: object) -> None:
    """An http or https address, or None."""
    if value is not None:
        web_address(name, value)

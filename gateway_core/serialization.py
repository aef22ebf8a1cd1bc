"""Records as plain values that JSON can hold, and back.

>>> from gateway_core import Invoice, InvoiceStatus, Money
>>> from gateway_core.serialization import from_dict, to_dict
>>> to_dict(Money("49.90", "EUR"))
{'amount': '49.90', 'currency': 'EUR'}
>>> invoice = Invoice(id="inv_1", status=InvoiceStatus.PENDING, amount=Money("49.90", "EUR"))
>>> from_dict(Invoice, to_dict(invoice)) == invoice
True

The command line's ``--json`` writes the same. Every attribute stands under its own name:

- an amount as an object of ``amount`` (text, so that no reader makes a float of it) and ``currency``, with ``network``
  for a crypto asset, and with ``exponent`` where the code alone does not tell how it is counted;
- a time as text of ISO 8601 with its zone, a duration in seconds, a status as its word;
- a number with a fraction as text, in ``raw``, too; a `Secret` as ``***``, which is not read back.

``raw`` and a `Customer` hold people's data: keep them where you keep your customers' data, or leave them out.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from types import NoneType
from typing import Any, TypeVar, cast

import attrs
import cattrs

from gateway_core import wire
from gateway_core.errors import GatewayError, InvalidRequestError
from gateway_core.models import Currency, Headers, Money, Secret
from gateway_core.models.money import parse_amount

__all__ = ["converter", "from_dict", "to_dict"]

T = TypeVar("T")

_MICROSECOND = timedelta(microseconds=1)


def to_dict(record: Any) -> dict[str, Any]:
    """Return a record, such as an `Invoice` or `Money`, as plain values.

    Raises:
        InvalidRequestError: If it is no record.
    """
    if not attrs.has(type(record)):
        raise InvalidRequestError(f"give a record such as an Invoice, not {type(record).__name__}")
    return cast(dict[str, Any], to_plain(record))


def from_dict(kind: type[T], value: Mapping[str, Any]) -> T:
    """Return the record that `to_dict` made plain values of. What it has no attribute for is left out.

    Args:
        kind: Its class.
        value: The values, such as ``json.loads`` gives.

    Raises:
        InvalidRequestError: If they do not fit; the text names each field, and no value.
    """
    try:
        return wire.structure(value, kind, using=converter())
    except GatewayError as error:
        reason = error.message
    raise InvalidRequestError(reason.replace("the answer", kind.__name__))


@functools.singledispatch
def to_plain(value: Any) -> Any:
    """Return any value that a record may hold as a plain one."""
    if attrs.has(type(value)):
        return {field.name: to_plain(getattr(value, field.name)) for field in attrs.fields(type(value))}
    return str(value)


@to_plain.register(NoneType)
@to_plain.register(int)
@to_plain.register(str)
def _(value: Any) -> Any:
    return value


@to_plain.register(StrEnum)
@to_plain.register(Enum)
def _(value: Enum) -> Any:
    return to_plain(value.value)


@to_plain.register(list)
@to_plain.register(tuple)
def _(value: Any) -> Any:
    return [to_plain(each) for each in value]


@to_plain.register(Mapping)
def _(value: Mapping[Any, Any]) -> Any:
    return {str(key): to_plain(each) for key, each in value.items()}


@to_plain.register(Decimal)
def _(value: Decimal) -> Any:
    return f"{value:f}" if value.is_finite() else str(value)


@to_plain.register(bytes)
def _(value: bytes) -> Any:
    return value.decode("utf-8", "backslashreplace")


@to_plain.register(datetime)
def _(value: datetime) -> Any:
    return value.isoformat()


@to_plain.register(timedelta)
def _(value: timedelta) -> Any:
    seconds = Decimal(value // _MICROSECOND) / 1_000_000
    return int(seconds) if seconds == int(seconds) else to_plain(seconds)


@to_plain.register(Headers)
def _(value: Headers) -> Any:
    return [list(pair) for pair in value.pairs]


@to_plain.register(Money)
def _(value: Money) -> Any:
    plain: dict[str, Any] = {"amount": f"{value.amount:f}", "currency": value.currency}
    if value.network is not None:
        plain["network"] = value.network
    if not _is_readable(plain, value):
        plain["exponent"] = value.unit.exponent
    return plain


@functools.cache
def converter() -> cattrs.Converter:
    """Return the converter that reads and writes records. It is made once: copy it to add hooks of your own."""
    made = wire.converter().copy()
    made.register_structure_hook(Money, lambda value, _: _read_amount(value))
    made.register_structure_hook(timedelta, lambda value, _: _read_duration(value))
    made.register_structure_hook(Headers, lambda value, _: Headers(map(tuple, value)))
    made.register_structure_hook(bytes, lambda value, _: value.encode("utf-8") if isinstance(value, str) else value)
    made.register_structure_hook(Secret, lambda value, _: _no_secret(value))
    made.register_unstructure_hook_func(_is_ours, to_plain)
    return made


def _is_ours(kind: Any) -> bool:
    return kind in (Money, datetime, timedelta, Headers, Decimal) or getattr(kind, "__module__", "").startswith(
        "gateway_core."
    )


def _is_readable(plain: Mapping[str, Any], money: Money) -> bool:
    try:
        return _read_amount(plain) == money
    except InvalidRequestError:
        return False


def _read_amount(value: Any) -> Money:
    plain: _PlainMoney = wire.converter().structure(value, _PlainMoney)
    if plain.exponent is not None:
        return Money(plain.amount, Currency(plain.currency, plain.exponent, plain.network))
    return Money.read(plain.amount, plain.currency, network=plain.network)


def _read_duration(value: Any) -> timedelta:
    try:
        return int(parse_amount(str(value)) * 1_000_000) * _MICROSECOND
    except (InvalidRequestError, OverflowError):
        raise InvalidRequestError("a number of seconds expected") from None


def _no_secret(value: Any) -> Secret | None:
    if isinstance(value, Secret):
        return value
    raise InvalidRequestError("a secret is not kept in plain values")


@attrs.frozen(kw_only=True)
class _PlainMoney:
    amount: str
    currency: str
    network: str | None = None
    exponent: int | None = None

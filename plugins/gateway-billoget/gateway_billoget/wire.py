"""What Billoget sends: envelopes, errors, and the fields of each answer that are used, of every crawled generation.

The names are Billoget's own. What is not used is not demanded, and `raw` keeps all of it.
"""
# ruff: noqa: N815  # the attributes are named as Billoget names them

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any, TypeVar

import attrs

from gateway_core import HttpResponse
from gateway_core.errors import (
    AuthenticationError,
    PermissionDeniedError,
    ProviderError,
    RateLimitedError,
    UnexpectedResponseError,
    for_status,
)
from gateway_core.wire import loads, naming_invoice, structure

T = TypeVar("T")

#: The documented error codes. They decide, since the HTTP status of some is not documented.
_CODES: Mapping[str, type[ProviderError]] = MappingProxyType(
    {
        "unauthorized": AuthenticationError,
        "invalid_api_key": AuthenticationError,
        "insufficient_scope": PermissionDeniedError,
        "rate_limit_exceeded": RateLimitedError,
    }
)

_FIELD_NAME = re.compile(r"[A-Za-z0-9_.\[\]]{1,64}", re.ASCII)


def _to_id(value: Any, field: attrs.Attribute[Any]) -> str | None:
    """Read an id: text in G1, a number in G2 and G3."""
    if value is None and field.default is None:
        return None
    if type(value) is int and value >= 0:
        return str(value)
    if type(value) is str and value:
        return value
    raise UnexpectedResponseError(f"{field.name}: an id is text or a whole number")


def _check_word(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if value is not None and type(value) not in (str, int):
        raise UnexpectedResponseError(f"{field.name}: a status is text or a whole number")


def _id_field(**default: Any) -> Any:
    return attrs.field(converter=attrs.Converter(_to_id, takes_field=True), **default)


@attrs.frozen(kw_only=True)
class Item:
    """A line of a budget."""

    productId: Any = _id_field(default=None)
    packageId: Any = _id_field(default=None)
    description: str | None = None
    quantity: Decimal | None = None
    unitPrice: Decimal | None = None


@attrs.frozen(kw_only=True)
class Budget:
    """A budget, in the fields of G1 (`status`, `validUntil`, `notes`, `metadata`) and of G2 and G3 (the others)."""

    id: Any = _id_field()
    status: Any = attrs.field(default=None, validator=_check_word)
    state: Any = attrs.field(default=None, validator=_check_word)
    total: Decimal | None = None
    currency: str | None = None
    customerId: Any = _id_field(default=None)
    sellerId: Any = _id_field(default=None)
    validUntil: str | None = None
    expirationDate: str | None = None
    notes: str | None = None
    comments: str | None = None
    metadata: Any = None
    paymentUrl: str | None = None
    publicUrl: str | None = None
    publicToken: str | None = None
    createdAt: str | None = None
    items: list[Item] | None = None


@attrs.frozen(kw_only=True)
class PublicBudget:
    """The answer to a creation with a public link. It repeats neither amount nor status."""

    budgetId: Any = _id_field()
    success: bool | None = None
    message: str | None = None
    publicUrl: str | None = None
    publicToken: str | None = None


@attrs.frozen(kw_only=True)
class Decision:
    """The answer to a confirmation or rejection by token."""

    message: str | None = None
    budget: Any = None
    paymentUrl: str | None = None


@attrs.frozen(kw_only=True)
class Customer:
    """A customer: `name` and `phone` in G1, the others in G3."""

    id: Any = _id_field()
    name: str | None = None
    firstName: str | None = None
    lastName: str | None = None
    email: str | None = None
    phone: str | None = None
    phoneNumber: str | None = None


@attrs.frozen(kw_only=True)
class Product:
    """A product."""

    id: Any = _id_field()
    productCode: str | None = None
    description: str | None = None
    price: Decimal | None = None
    isActive: bool | None = None


@attrs.frozen(kw_only=True)
class WebhookTest:
    """The answer to a test of the webhook."""

    message: str | None = None


@attrs.frozen(kw_only=True)
class NotificationMetadata:
    """What a webhook says of itself."""

    delivery_id: str | None = None


@attrs.frozen(kw_only=True)
class Notification:
    """A webhook. Its `data` is read by what `event` says that it is."""

    event: str
    timestamp: str | None = None
    data: Any = None
    metadata: NotificationMetadata | None = None


@attrs.frozen(kw_only=True)
class _Pagination:
    """Where a page stands in its list, in G1."""

    page: int | None = None
    limit: int | None = None
    total: int | None = None
    hasMore: bool | None = None


@attrs.frozen(kw_only=True)
class _Meta:
    """Where a page stands in its list, in G2 and G3; in G1 a word about the answer."""

    timestamp: str | None = None
    totalPages: int | None = None
    currentPage: int | None = None


@attrs.frozen(kw_only=True)
class Answer:
    """An answer that is no refusal.

    Attributes:
        data: What is in its envelope; the whole where there is none.
        body: The whole.
        at: When Billoget gave it, by its own clock, as far as it says.
    """

    data: Any
    body: Any
    at: datetime | None


@attrs.frozen
class Listed:
    """A page of a list.

    Attributes:
        items: What is on it.
        more: Whether there is another page; None if the answer does not tell.
    """

    items: list[Any]
    more: bool | None


def read(response: HttpResponse) -> Answer:
    """Return an answer.

    Raises:
        ProviderError: By Billoget's error code, or else by the HTTP status, where it refuses.
        UnexpectedResponseError: If it is no JSON.
    """
    body, fault = None, ""
    if response.body.strip():
        try:
            body = loads(response.body)
        except UnexpectedResponseError as error:
            fault = error.message
    if not response.ok:
        raise _refusal(response, body)
    if fault:
        unreadable = UnexpectedResponseError(fault, http_status=response.status)
        for path in (("data", "budgetId"), ("data", "id"), ("id",)):
            with contextlib.suppress(UnexpectedResponseError), naming_invoice(response.body, *path):
                raise unreadable
        raise unreadable
    data = body["data"] if isinstance(body, Mapping) and "data" in body else body
    return Answer(data=data, body=body, at=_told_at(body) or _dated(response))


def one(answer: Answer, kind: type[T]) -> tuple[T, Mapping[str, Any]]:
    """Return the one thing that an answer holds, and the form in which Billoget sent it.

    Raises:
        UnexpectedResponseError: If it does not fit.
    """
    return structure(answer.data, kind), answer.data


def listed(answer: Answer) -> Listed:
    """Return a page of a list. The SDK wraps lists twice, the documentation once.

    Raises:
        UnexpectedResponseError: If it is no list, or what it says of its place does not fit.
    """
    items, around = answer.data, answer.body
    if isinstance(items, Mapping) and "data" in items:
        items, around = items["data"], items
    if not isinstance(items, list):
        raise UnexpectedResponseError("the answer does not fit: a list expected")
    place = around if isinstance(around, Mapping) else {}
    return Listed(items, _more(place))


def moment(text: str | None) -> datetime | None:
    """Read a time with its zone; None where a day or a time without a zone stands in its place: it could be any."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.utcoffset() is not None else None


def _more(place: Mapping[str, Any]) -> bool | None:
    if place.get("pagination") is not None:
        pagination = structure(place["pagination"], _Pagination)
        if pagination.hasMore is not None:
            return pagination.hasMore
        if pagination.page is not None and pagination.limit is not None and pagination.total is not None:
            return pagination.page * pagination.limit < pagination.total
    if place.get("meta") is not None:
        meta = structure(place["meta"], _Meta)
        if meta.currentPage is not None and meta.totalPages is not None:
            return meta.currentPage < meta.totalPages
    return None


def _told_at(body: Any) -> datetime | None:
    meta = body.get("meta") if isinstance(body, Mapping) else None
    text = meta.get("timestamp") if isinstance(meta, Mapping) else None
    return moment(text) if isinstance(text, str) else None


def _dated(response: HttpResponse) -> datetime | None:
    try:
        found = parsedate_to_datetime(response.headers.get("Date", ""))
    except (ValueError, TypeError, OverflowError):
        return None
    return found if found.utcoffset() is not None else found.replace(tzinfo=UTC)


def _refusal(response: HttpResponse, body: Any) -> ProviderError:
    """Return the error that an answer outside 2xx stands for. Its details may quote a customer: only a name is kept."""
    said: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
    code, request_id = _text(said.get("error")), _text(said.get("requestId"))
    message = _text(said.get("message")) or code or f"Billoget answered with HTTP status {response.status}"
    details = said.get("details")
    field = details.get("field") if isinstance(details, Mapping) else None
    if isinstance(field, str) and _FIELD_NAME.fullmatch(field):
        message = f"{message} (field {field})"
    kind = _CODES.get(code or "")
    if kind is not None and 400 <= response.status < 500:
        return kind(message, http_status=response.status, code=code, request_id=request_id)
    return for_status(response.status, message, code=code, request_id=request_id)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None

"""Reading a request as Mollie does, and refusing it as Mollie does.

The emulator knows Mollie from its documentation and not from the plugin's tables: what both read from one table, both
would read wrong in the same way, and no test would see it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from gateway_core import HttpRequest, HttpResponse, Money
from gateway_core.errors import UnexpectedResponseError
from gateway_core.wire import dumps, loads

_NO_DECIMALS = frozenset({"ISK", "JPY"})
_TWO_DECIMALS = frozenset(
    (
        *("AED", "AUD", "BRL", "CAD", "CHF", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "MXN", "MYR"),
        *("NOK", "NZD", "PHP", "PLN", "RON", "RUB", "SEK", "SGD", "THB", "TWD", "USD", "ZAR"),
    )
)
_VALUE = re.compile(r"[0-9]{1,30}(\.[0-9]{2})?", re.ASCII)

#: Every refusal says where errors are documented.
_DOCUMENTATION = {"href": "https://docs.mollie.com/reference/handling-errors", "type": "text/html"}
_TITLES = {401: "Unauthorized Request"}


class RefusedError(Exception):
    """The answer is a refusal.

    Args:
        status: The HTTP status.
        detail: What is wrong.
        field: Which field is wrong, with dots for nested ones.
        headers: More headers of the answer.
    """

    def __init__(
        self, status: int, detail: str, field: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        content: dict[str, Any] = {"status": status, "title": _TITLES.get(status, HTTPStatus(status).phrase)}
        content |= {"detail": detail} | ({} if field is None else {"field": field})
        content["_links"] = {"documentation": _DOCUMENTATION}
        self.answer = answer(content, status, headers)


def answer(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Return an answer of Mollie's."""
    sent = {"Content-Type": "application/hal+json", **(headers or {})}
    return HttpResponse(status=status, headers=sent, body=dumps(content))


def content_of(request: HttpRequest) -> dict[str, Any]:
    """Return the JSON object in a request; nothing if it has no body.

    Raises:
        RefusedError: If it is anything else.
    """
    if not request.body:
        return {}
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
        raise RefusedError(415, "Unsupported media type, use application/json")
    try:
        content = loads(request.body)
    except UnexpectedResponseError:
        content = None
    if not isinstance(content, dict):
        raise RefusedError(400, "The body is not a JSON object")
    return content


def text(content: Mapping[str, Any], field: str, *, needed: bool = False) -> str | None:
    """Return a text of a request; None if it is not there.

    Raises:
        RefusedError: If it is no text, or needed and not there.
    """
    value = content.get(field)
    if (value is None and not needed) or (isinstance(value, str) and (value or not needed)):
        return value
    raise RefusedError(422, f"The {field} is {'missing' if value is None else 'invalid'}", field)


def web_address(content: Mapping[str, Any], field: str, *, needed: bool = False) -> str | None:
    """Return an address of a request; None if it is not there.

    Raises:
        RefusedError: If it is none, or needed and not there.
    """
    value = text(content, field, needed=needed)
    try:
        parts = urlsplit(value or "")
    except ValueError:
        parts = urlsplit("")
    if value is not None and not (parts.scheme and parts.netloc):
        raise RefusedError(422, f"The {field} is invalid", field)
    return value


def money(content: Mapping[str, Any], field: str, path: str | None = None) -> Money:
    """Return an amount of a request, which has exactly as many decimals as its currency.

    Raises:
        RefusedError: If it is none.
    """
    where = path or field
    told = content.get(field)
    if not isinstance(told, dict):
        raise RefusedError(422, f"The {where} is missing", where)
    currency, value = told.get("currency"), told.get("value")
    if not isinstance(currency, str) or currency not in _NO_DECIMALS | _TWO_DECIMALS:
        raise RefusedError(422, "The amount contains an invalid currency", f"{where}.currency")
    match = _VALUE.fullmatch(value) if isinstance(value, str) else None
    if match is None or bool(match[1]) is not (currency in _TWO_DECIMALS):
        raise RefusedError(422, "The amount contains an invalid value", f"{where}.value")
    return Money(match[0], currency)


def lines(content: Mapping[str, Any], amount: Money) -> list[Any]:
    """Return the order lines of a request, which add up to its amount.

    Raises:
        RefusedError: If they do not, or one is none.
    """
    given = content.get("lines") or []
    if not isinstance(given, list):
        raise RefusedError(422, "The lines are invalid", "lines")
    total = amount - amount
    for number, item in enumerate(given):
        where = f"lines.{number}"
        if not isinstance(item, dict):
            raise RefusedError(422, "The line is invalid", where)
        text(item, "description", needed=True)
        price, sum_ = money(item, "unitPrice", f"{where}.unitPrice"), money(item, "totalAmount", f"{where}.totalAmount")
        count = item.get("quantity")
        if type(count) is not int or count < 1 or price.unit != amount.unit or sum_ != price * count:
            raise RefusedError(422, "The total amount of the line is invalid", f"{where}.totalAmount")
        total += sum_
    if given and total != amount:
        raise RefusedError(422, "The amount of the lines does not match the amount of the payment", "lines")
    return given

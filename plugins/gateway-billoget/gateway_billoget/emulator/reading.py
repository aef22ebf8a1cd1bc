"""What the emulator accepts: bodies and queries, read as a strict server would."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from gateway_billoget import wire
from gateway_billoget.emulator import documents
from gateway_billoget.settings import LARGEST_PAGE, Generation
from gateway_core import HttpRequest, Money
from gateway_core.errors import InvalidRequestError, UnexpectedResponseError
from gateway_core.testing import EmulatedInvoice
from gateway_core.wire import loads

_DEFAULT_LIMIT = 10
_COUNT = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,4})?", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)

#: What a new customer or product cannot be without, in Billoget's words.
NEEDED: Mapping[str, Mapping[Generation, tuple[str, ...]]] = {
    "customers": {"G1": ("name", "email"), "G3": ("firstName", "lastName")},
    "products": {
        "G1": ("productCode", "description", "category", "price"),
        "G3": ("productCode", "description", "category", "price"),
    },
}


class RefusedError(Exception):
    """The answer is an error.

    Args:
        status: The HTTP status.
        code: The machine's word.
        message: For people.
        details: What else there is to say.
        headers: Headers of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.headers = headers or {}


def wrong(field: str, rule: str) -> RefusedError:
    """Return the refusal of one field."""
    return RefusedError(422, "validation_error", f"{field} {rule}", {"field": field, "code": "invalid"})


def body_of(request: HttpRequest) -> dict[str, Any]:
    """Return the object that a request holds."""
    if not request.headers.get("Content-Type", "").startswith("application/json"):
        raise RefusedError(400, "bad_request", "Send JSON, and say so in Content-Type")
    try:
        found = loads(request.body)
    except UnexpectedResponseError:
        found = None
    if not isinstance(found, dict):
        raise RefusedError(400, "bad_request", "The body is no JSON object")
    return found


class Fields:
    """The fields of a body, in the generation that the emulator speaks."""

    def __init__(self, body: Mapping[str, Any], generation: Generation) -> None:
        self.body = body
        self.generation = generation

    def text(self, name: str) -> str | None:
        """Return a text that may be missing."""
        value = self.body.get(name)
        if value is not None and not isinstance(value, str):
            raise wrong(name, "must be text")
        return value

    def number(self, name: str) -> Decimal:
        """Return a number that must be there, zero or more."""
        value: Any = self.body.get(name)
        if type(value) not in (int, Decimal) or value < 0:
            raise wrong(name, "must be a number, zero or more")
        return Decimal(value)

    def money(self, name: str, currency: str) -> Money:
        """Return an amount that must be there."""
        try:
            return Money(self.number(name), currency)
        except InvalidRequestError:
            pass
        raise wrong(name, "must be an amount in the currency")

    def identifier(self, name: str) -> str | None:
        """Return an id that may be missing: text in G1, a number in G3."""
        value = self.body.get(name)
        if value is None:
            return None
        if type(value) is not (str if self.generation == "G1" else int):
            raise wrong(name, f"must be {'text' if self.generation == 'G1' else 'a number'}")
        return str(value)

    def moment(self, name: str, *, needed: bool) -> datetime | None:
        """Return a time."""
        text = self.text(name)
        found = wire.moment(text)
        if (found is None and text is not None) or (needed and text is None):
            raise wrong(name, "must be a time in ISO 8601")
        return found

    def items(self, currency: str) -> list[dict[str, Any]]:
        """Return the items, of which there must be one."""
        found = self.body.get("items")
        if not isinstance(found, list) or not found:
            raise wrong("items", "must hold at least one item")
        return [self._item(f"items[{index}]", item, currency) for index, item in enumerate(found)]

    def _item(self, where: str, item: Any, currency: str) -> dict[str, Any]:
        if not isinstance(item, dict):
            raise wrong(where, "must be an object")
        fields = Fields(item, self.generation)
        product, package = fields.identifier("productId"), fields.identifier("packageId")
        if (product is None) == (package is None):
            raise wrong(f"{where}.productId", "must be there, or else packageId")
        quantity = item.get("quantity")
        if type(quantity) is not int or quantity < 1:
            raise wrong(f"{where}.quantity", "must be a whole number above zero")
        price = fields.money("unitPrice", currency)
        return {
            "product": product,
            "package": package,
            "description": fields.text("description"),
            "quantity": quantity,
            "unit_price": f"{price.amount:f}",
        }


def page_of(query: Mapping[str, str]) -> tuple[int, int]:
    """Return the number of the page and its size."""
    found = []
    for name, default in (("page", 1), ("limit", _DEFAULT_LIMIT)):
        text = query.get(name, str(default))
        if not _COUNT.fullmatch(text):
            raise wrong(name, "must be a whole number above zero")
        found.append(int(text))
    return found[0], min(found[1], LARGEST_PAGE)


def is_listed(invoice: EmulatedInvoice, query: Mapping[str, str], generation: Generation) -> bool:
    """Return whether the filters let a budget through. `search` looks at the notes and the items, not at metadata."""
    data = invoice.data
    word = str(documents.STATES[invoice.status] if generation == "G3" else documents.STATUS_WORDS[invoice.status])
    if query.get("status", word) != word or query.get("customerId", data["customer"]) != data["customer"]:
        return False
    texts = [data["notes"] or "", *(item["description"] or "" for item in data["items"])]
    if not any(query.get("search", "").lower() in text.lower() for text in texts):
        return False
    first, last = _span(query, generation)
    if (first is not None and invoice.created_at < first) or (last is not None and invoice.created_at >= last):
        return False
    if generation == "G3":
        return True
    least, most = _amount(query, "minTotal"), _amount(query, "maxTotal")
    return (least is None or invoice.amount.amount >= least) and (most is None or invoice.amount.amount <= most)


def _span(query: Mapping[str, str], generation: Generation) -> tuple[datetime | None, datetime | None]:
    if generation == "G1":
        return _moment(query, "createdAfter"), _moment(query, "createdBefore")
    last = _day(query, "endDate")
    return _day(query, "startDate"), None if last is None else last + timedelta(days=1)


def _moment(query: Mapping[str, str], name: str) -> datetime | None:
    found = wire.moment(query.get(name))
    if found is None and name in query:
        raise wrong(name, "must be a time in ISO 8601")
    return found


def _day(query: Mapping[str, str], name: str) -> datetime | None:
    if name not in query:
        return None
    try:
        if _DAY.fullmatch(query[name]):
            return datetime.fromisoformat(query[name]).replace(tzinfo=UTC)
    except ValueError:
        pass
    raise wrong(name, "must be a day such as 2024-01-31")


def _amount(query: Mapping[str, str], name: str) -> Decimal | None:
    if name not in query:
        return None
    if not _AMOUNT.fullmatch(query[name]):
        raise wrong(name, "must be a number")
    return Decimal(query[name])

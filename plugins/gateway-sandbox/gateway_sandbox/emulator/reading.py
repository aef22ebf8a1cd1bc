"""Reading a request as a careful server does: strictly, and with an answer that names what is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from gateway_core import HttpRequest, Money
from gateway_core.errors import InvalidRequestError, UnexpectedResponseError
from gateway_core.wire import loads
from gateway_sandbox.emulator.answers import RefusedError

#: A request to this API is a few texts.
LARGEST_BODY = 64 * 1024

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CURSOR = re.compile(r"after-([0-9]{1,15})", re.ASCII)
_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_AMOUNT = re.compile(r"[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)


def body_of(request: HttpRequest) -> Any:
    """Return the parsed JSON body of a request.

    Raises:
        RefusedError: If it is too large, not declared as JSON, or no strict JSON.
    """
    if len(request.body) > LARGEST_BODY:
        raise RefusedError(413, "payload_too_large", f"A body is at most {LARGEST_BODY} bytes long.")
    content_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise RefusedError(415, "unsupported_media_type", "Send JSON, with Content-Type: application/json.")
    try:
        return loads(request.body)
    except UnexpectedResponseError as error:
        reason = error.message
    raise RefusedError(400, "invalid_json", f"The body cannot be read: {reason}.")


class Fields:
    """The fields of a JSON object or a query, taken out one by one. What is left at the end is unknown.

    Args:
        values: The fields.
        path: Where they stand in the request.
    """

    def __init__(self, values: Any, path: str = "") -> None:
        if not isinstance(values, Mapping):
            raise RefusedError(422, "invalid_field", "This must be a JSON object.", field=path or None)
        self._left = dict(values)
        self._path = path
        self._is_query = False

    @classmethod
    def of_query(cls, request: HttpRequest) -> Fields:
        """Return the fields of a request's query."""
        fields: dict[str, str] = {}
        for name, value in parse_qsl(urlsplit(request.url).query, keep_blank_values=True):
            if name in fields:
                raise RefusedError(422, "invalid_field", "This is there more than once.", field=name[:100])
            fields[name] = value
        query = cls(fields)
        query._is_query = True
        return query

    def done(self) -> None:
        """Refuse what nobody asked for."""
        for name in self._left:
            raise RefusedError(422, "unknown_field", "There is no such field.", field=self._where(name))

    def text(self, name: str, *, longest: int = 255) -> str | None:
        """Take a line of text; None if it is not there, null or empty."""
        value = self._left.pop(name, None)
        if value is None or value == "":
            return None
        if not isinstance(value, str) or len(value) > longest or _CONTROL.search(value):
            raise self.wrong(name, f"This must be one line of text, of at most {longest} characters.")
        return value

    def needed_text(self, name: str) -> str:
        """Take a line of text that must be there."""
        value = self.text(name)
        if value is None:
            raise self._missing(name)
        return value

    def whole_number(self, name: str, *, least: int, most: int) -> int | None:
        """Take a whole number, in a query as its digits; None if it is not there or null."""
        value = self._left.pop(name, None)
        if isinstance(value, str) and self._is_query and _NUMBER.fullmatch(value):
            value = int(value)
        if value is None or (type(value) is int and least <= value <= most):
            return value
        raise self.wrong(name, f"This must be a whole number from {least} to {most}.")

    def time(self, name: str) -> datetime | None:
        """Take a time with its zone, as RFC 3339 writes it; None if it is not there."""
        value = self._left.pop(name, None)
        if value is None:
            return None
        try:
            if isinstance(value, str) and _RFC3339.fullmatch(value):
                return datetime.fromisoformat(value.upper())
        except ValueError:
            pass
        raise self.wrong(name, "This must be a time with its zone, such as 2026-11-21T08:00:00Z.")

    def web_address(self, name: str) -> str | None:
        """Take an http or https address; None if it is not there or null."""
        value = self.text(name, longest=2000)
        try:
            parts = None if value is None else urlsplit(value)
        except ValueError:
            parts = urlsplit("")
        if parts is not None and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise self.wrong(name, "This must be an http or https address.")
        return value

    def one_of(self, name: str, words: tuple[str, ...]) -> str:
        """Take one of some words; the first if it is not there or null."""
        value = self._left.pop(name, None)
        if value is None:
            return words[0]
        if value not in words:
            raise self.wrong(name, f"This must be one of {', '.join(words)}.")
        return str(value)

    def texts(self, name: str, *, most: int, longest: int) -> dict[str, str]:
        """Take an object of texts; empty if it is not there or null."""
        value = self._left.pop(name, None)
        if value is None:
            return {}
        good = isinstance(value, Mapping) and len(value) <= most
        if good and all(isinstance(text, str) and len(text) <= longest for pair in value.items() for text in pair):
            return dict(value)
        raise self.wrong(name, f"This must be an object of at most {most} texts, of at most {longest} characters each.")

    def optional_money(self, name: str) -> Money | None:
        """Take an amount above zero; None if it is not there or null."""
        if self._left.get(name) is None:
            self._left.pop(name, None)
            return None
        return self.money(name)

    def money(self, name: str) -> Money:
        """Take an amount above zero."""
        if name not in self._left:
            raise self._missing(name)
        parts = Fields(self._left.pop(name), self._where(name))
        digits, code, network = parts.needed_text("amount"), parts.needed_text("currency"), parts.text("network")
        parts.done()
        if not _AMOUNT.fullmatch(digits):
            raise parts.wrong("amount", 'This must be text in plain digits, such as "49.90".')
        try:
            money = Money(digits, code, network=network)
        except InvalidRequestError as error:
            reason = error.message
        else:
            if money:
                return money
            reason = "it must be above zero"
        raise self.wrong(name, f"This is no amount that can be paid: {reason}.")

    def wrong(self, name: str, message: str) -> RefusedError:
        """Return the refusal of a field's value."""
        return RefusedError(422, "invalid_field", message, field=self._where(name))

    def _missing(self, name: str) -> RefusedError:
        return RefusedError(422, "missing_field", "This field is needed.", field=self._where(name))

    def _where(self, name: str) -> str:
        return (f"{self._path}.{name}" if self._path else name)[:200]


def page_of(fields: Fields) -> tuple[int, int]:
    """Read where a page starts and how many records it may hold, the last of the query's fields."""
    cursor = fields.text("cursor")
    limit = fields.whole_number("limit", least=1, most=100)
    fields.done()
    start = _CURSOR.fullmatch(cursor or "after-0")
    if start is None:
        raise fields.wrong("cursor", "Give the next_cursor of the page before, unchanged.")
    return int(start[1]), limit or 20

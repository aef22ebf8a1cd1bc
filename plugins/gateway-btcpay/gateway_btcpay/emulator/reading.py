"""Reading a request's body as the server does, field by field, and its two forms of a refusal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from gateway_btcpay.emulator import documents
from gateway_btcpay.emulator.documents import answer
from gateway_btcpay.settings import SPEED_POLICIES
from gateway_core import HttpRequest, Money
from gateway_core.errors import InvalidRequestError, UnexpectedResponseError
from gateway_core.testing import EmulatedInvoice
from gateway_core.wire import loads

_AMOUNT = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)
_MOST_MINUTES = 60 * 24 * 365


class RefusedError(Exception):
    """A request that is answered with an error.

    Args:
        status: The HTTP status.
        code: The error's name, for programs.
        message: The error, for people.
        more: Further fields of the answer.
    """

    def __init__(self, status: int, code: str, message: str, **more: str) -> None:
        super().__init__(message)
        self.answer = answer(status, {"code": code, "message": message, **more})

    @classmethod
    def of_field(cls, path: str, message: str) -> RefusedError:
        """Return the refusal of one field, by its name in the server's own code."""
        refused = cls(422, "", message)
        refused.answer = answer(422, [{"path": path, "message": message}])
        return refused


def body_of(request: HttpRequest) -> Mapping[str, Any]:
    """Return the object in a request's body."""
    try:
        found = loads(request.body)
    except UnexpectedResponseError:
        found = None
    if not isinstance(found, Mapping) or not (request.headers.get("Content-Type") or "").startswith("application/json"):
        raise RefusedError.of_field("", "A non-empty JSON object is required.")
    return found


class Body:
    """The fields of a request's body.

    Args:
        fields: The parsed object.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = fields
        self.faults: list[tuple[str, str]] = []

    def done(self) -> None:
        """Refuse the request if a field was wrong."""
        if self.faults:
            refused = RefusedError.of_field(*self.faults[0])
            refused.answer = answer(422, [{"path": path, "message": message} for path, message in self.faults])
            raise refused

    def text(self, name: str) -> str | None:
        """Return a text."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else None

    def web_address(self, name: str) -> str:
        """Return a web address, which is needed."""
        value = self.text(name)
        if value is None or not value.startswith(("http://", "https://")):
            raise RefusedError.of_field(name.capitalize(), "Invalid url")
        return value

    def amount(self) -> Money:
        """Return the amount and currency of an invoice."""
        return self._money("amount", "currency", "Amount")

    def refund_amount(self, invoice: EmulatedInvoice, paid: Money) -> Money:
        """Return what a refund gives back, by its variant."""
        variant = self.fields.get("refundVariant")
        custom = {"customAmount", "customCurrency"} & {name for name in self.fields if self.fields[name] is not None}
        if variant != "Custom" and custom:
            raise RefusedError.of_field("CustomAmount", "CustomAmount is only valid for the variant Custom")
        match variant:
            case "Custom":
                return self._money("customAmount", "customCurrency", "CustomAmount")
            case "Fiat":
                return invoice.amount
            case "RateThen" | "CurrentRate":
                return paid
            case "OverpaidAmount" if invoice.received > invoice.amount:
                return documents.in_bitcoin(invoice.received - invoice.amount)
        raise RefusedError.of_field("RefundVariant", "The refund variant is not valid")

    def metadata(self) -> dict[str, Any]:
        """Return the metadata."""
        found = self.fields.get("metadata")
        if found is not None and not isinstance(found, Mapping):
            self.faults.append(("Metadata", "Metadata must be an object"))
        return dict(found) if isinstance(found, Mapping) else {}

    def checkout(self, expiration: int, monitoring: int, speed: str, methods: Iterable[str]) -> dict[str, Any]:
        """Return the checkout's options, with the store's own where nothing is said."""
        given = self.fields.get("checkout") or {}
        if not isinstance(given, Mapping):
            raise RefusedError.of_field("Checkout", "Checkout must be an object")
        wanted = given.get("paymentMethods") or list(methods)
        for place, name in enumerate(wanted):
            if name not in methods:
                self.faults.append((f"Checkout.PaymentMethods[{place}]", "Invalid paymentMethodId"))
        policy = given.get("speedPolicy") or speed
        if policy not in SPEED_POLICIES:
            self.faults.append(("Checkout.SpeedPolicy", "Invalid speed policy"))
        return {
            "speedPolicy": policy,
            "paymentMethods": wanted,
            "defaultPaymentMethod": given.get("defaultPaymentMethod"),
            "expirationMinutes": self._minutes(given, "expirationMinutes", expiration),
            "monitoringMinutes": self._minutes(given, "monitoringMinutes", monitoring),
            "paymentTolerance": 0,
            "redirectURL": given.get("redirectURL"),
            "redirectAutomatically": bool(given.get("redirectAutomatically")),
            "defaultLanguage": given.get("defaultLanguage"),
        }

    def _minutes(self, given: Mapping[str, Any], name: str, usual: int) -> int:
        value = given.get(name)
        if value is None:
            return usual
        if type(value) is not int or not 1 <= value <= _MOST_MINUTES:
            self.faults.append((f"Checkout.{name[0].upper()}{name[1:]}", "A number of minutes above zero is expected"))
            return usual
        return value

    def _money(self, amount: str, currency: str, path: str) -> Money:
        value, code = self.fields.get(amount), str(self.fields.get(currency) or "").strip().upper()
        unit = documents.unit_of(code)
        if unit is None:
            raise RefusedError.of_field("Currency", "Invalid currency")
        digits = f"{value:f}" if isinstance(value, Decimal) else str(value)
        if not _AMOUNT.fullmatch(digits):
            raise RefusedError.of_field(path, "The amount should be 0 or more")
        try:
            return Money(digits, unit)
        except InvalidRequestError as error:
            refused = error.message
        raise RefusedError.of_field(path, refused)

"""Records as the journal keeps them: JSON of texts and numbers, without the provider's raw answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from gateway_core.models.capture import Capture, CaptureStatus
from gateway_core.models.currency import Currency
from gateway_core.models.invoice import Invoice, StatusReport
from gateway_core.models.money import Money
from gateway_core.models.refund import Refund, RefundStatus
from gateway_core.models.status import InvoiceStatus


def digest(content: Mapping[str, Any]) -> str:
    """Return what tells two requests from each other without keeping what is in them. 10 EUR and 10.00 EUR are one."""
    return hashlib.sha256(json.dumps(_canonical(content), sort_keys=True).encode()).hexdigest()


def _canonical(value: Any) -> Any:
    if isinstance(value, Money):
        return [f"{value.amount.normalize():f}", value.unit.code, value.unit.network]
    if isinstance(value, Mapping):
        return {str(key): _canonical(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(each) for each in value]
    if attrs.has(type(value)):
        return {field.name: _canonical(getattr(value, field.name)) for field in attrs.fields(type(value))}
    return plain(value)


def plain(value: Any) -> Any:
    """Return a value as JSON keeps it. An amount stands with the number of its decimals, to be read the same again."""
    match value:
        case Money():
            unit = value.unit
            return [f"{value.amount:f}", unit.code, unit.exponent, unit.network]
        case datetime():
            return value.isoformat()
        case Mapping():
            return {str(key): plain(each) for key, each in value.items()}
        case list() | tuple():
            return [plain(each) for each in value]
        case bool() | int() | None:
            return value
    if attrs.has(type(value)):
        return {field.name: plain(getattr(value, field.name)) for field in attrs.fields(type(value))}
    return str(value)


def money(kept: list[Any] | None) -> Money | None:
    """Read an amount."""
    return None if kept is None else Money(kept[0], Currency(kept[1], kept[2], kept[3]))


def moment(kept: str | None) -> datetime | None:
    """Read a moment."""
    return None if kept is None else datetime.fromisoformat(kept)


def of_invoice(invoice: Invoice) -> dict[str, Any]:
    """Return what is kept of an invoice."""
    return _without(invoice, "raw", "replayed")


def to_invoice(kept: Mapping[str, Any]) -> Invoice:
    """Read an invoice that was made before."""
    return Invoice(
        **{
            **kept,
            "status": InvoiceStatus(kept["status"]),
            "amount": money(kept["amount"]),
            "created_at": moment(kept["created_at"]),
            "expires_at": moment(kept["expires_at"]),
            "ignored": tuple(kept["ignored"]),
            "replayed": True,
        }
    )


def of_refund(refund: Refund) -> dict[str, Any]:
    """Return what is kept of a refund."""
    return _without(refund, "raw")


def to_refund(kept: Mapping[str, Any]) -> Refund:
    """Read a refund."""
    amount, created_at = money(kept["amount"]), moment(kept["created_at"])
    return Refund(**{**kept, "amount": amount, "status": RefundStatus(kept["status"]), "created_at": created_at})


def of_capture(capture: Capture) -> dict[str, Any]:
    """Return what is kept of a capture."""
    return _without(capture, "raw")


def to_capture(kept: Mapping[str, Any]) -> Capture:
    """Read a capture."""
    amount, created_at = money(kept["amount"]), moment(kept["created_at"])
    return Capture(**{**kept, "amount": amount, "status": CaptureStatus(kept["status"]), "created_at": created_at})


def of_report(report: StatusReport) -> dict[str, Any]:
    """Return what is kept of a report."""
    return _without(report, "raw", "verdict", "refunds") | {"refunds": [of_refund(each) for each in report.refunds]}


def to_report(kept: Mapping[str, Any]) -> StatusReport:
    """Read a report."""
    amounts = {name: money(kept[name]) for name in ("expected", "received", "refunded", "disputed")}
    refunds = tuple(to_refund(each) for each in kept["refunds"])
    return StatusReport(**{**kept, **amounts, "status": InvoiceStatus(kept["status"]), "refunds": refunds})


def _without(record: Any, *names: str) -> dict[str, Any]:
    kept: dict[str, Any] = plain(record)
    return {name: value for name, value in kept.items() if name not in names}

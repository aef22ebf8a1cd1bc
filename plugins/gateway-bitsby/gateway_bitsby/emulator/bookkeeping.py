"""What the emulator reckons from its ledger: statistics, balances, their history, and the project's tariff.

The documentation says what these answers look like, and little of what they count: the README lists what is assumed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from gateway_bitsby.emulator import documents
from gateway_core import InvoiceStatus
from gateway_core.testing import EmulatedInvoice, EmulatedPayment, Ledger

#: What every account has to begin with, as in the documented example.
OPENING_BALANCE = Decimal("100.00")

_WINDOW = timedelta(days=30)
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def statistics(invoices: Iterable[EmulatedInvoice], project_id: str) -> dict[str, Any]:
    """Return the answer about these invoices. Sums are JSON numbers, and each belongs to the day of the creation."""
    counted = list(invoices)
    paid = [invoice for invoice in reversed(counted) if invoice.status is InvoiceStatus.PAID]
    total = Decimal(0)
    currencies: dict[str, Decimal] = defaultdict(Decimal)
    months: dict[str, Decimal] = defaultdict(Decimal)
    days: dict[datetime, Decimal] = defaultdict(Decimal)
    for invoice in paid:
        dollars = documents.in_dollars(invoice.amount)
        day = invoice.created_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        total += dollars
        currencies[invoice.amount.currency] += invoice.amount.amount
        months[f"{_MONTHS[day.month - 1]}-{day.year}"] += dollars
        days[day] += dollars
    return {
        "invoicesTotalNum": len(counted),
        "invoicesPaidNum": len(paid),
        "invoicesTotalUSD": _number(total),
        "invoicesByProjects": {project_id: _number(total)} if paid else {},
        "invoicesByCurrencies": {name: _number(each) for name, each in currencies.items()},
        "invoicesByMonths": {name: _number(each) for name, each in months.items()},
        "invoicesByDate": {
            f"{day.date()}": {"date": int(day.timestamp()) * 1000, "value": _number(each)} for day, each in days.items()
        },
    }


def balances(ledger: Ledger, opened_at: datetime) -> dict[str, Any]:
    """Return what is left of the opening balance after the fees."""
    left = sum((amount for _, amount, _ in _changes(ledger, opened_at)), Decimal(0))
    return {"internal": documents.fiat_text(left), "partner": "0.00"}


def history(ledger: Ledger, opened_at: datetime) -> list[dict[str, Any]]:
    """Return what changed the balances, newest first."""
    return [
        {
            "datetime": documents.time_text(at),
            "event": "other",
            "target": "internal",
            "amount": documents.fiat_text(amount),
            "comment": comment,
        }
        for at, amount, comment in reversed(_changes(ledger, opened_at))
    ]


def tariff(ledger: Ledger, project_id: str, now: datetime) -> dict[str, Any]:
    """Return what the service costs for the one project."""
    paid = [invoice for at, invoice in _paid(ledger) if now - _WINDOW < at]
    turnover = sum((documents.in_dollars(invoice.amount) for invoice in paid), Decimal(0))
    return {
        "id": project_id,
        "name": documents.PROJECT_NAME,
        "30dPayments": f"{turnover.to_integral_value():f}",
        "payer": documents.FEE_PAYER,
        "rate": documents.fiat_text(Decimal(documents.FEE_PERCENT)),
    }


def _changes(ledger: Ledger, opened_at: datetime) -> list[tuple[datetime, Decimal, str]]:
    fees = [(at, -documents.fee(invoice), f"fee for invoice {invoice.token}") for at, invoice in _paid(ledger)]
    return [(opened_at, OPENING_BALANCE, "opening balance"), *fees]


def _paid(ledger: Ledger) -> list[tuple[datetime, EmulatedInvoice]]:
    """Return each paid invoice with the moment at which it became so, oldest first."""
    found = []
    for _, payment in ledger.select(EmulatedPayment):
        invoice = payment.invoice_id and ledger.get(EmulatedInvoice, payment.invoice_id)
        if invoice:
            bound_at = payment.data.get("boundAt")
            found.append((datetime.fromisoformat(bound_at) if bound_at else payment.paid_at, invoice))
    return sorted(found, key=lambda each: each[0])


def _number(amount: Decimal) -> Decimal | int:
    """Return an amount as the example writes it: a whole number has no decimals."""
    return int(amount) if amount == amount.to_integral_value() else amount

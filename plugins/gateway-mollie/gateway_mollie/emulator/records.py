"""What an emulated payment is, and how one record follows from another.

Of Mollie's own fields, `EmulatedInvoice.data` holds these: ``word``, its status; ``moments``, when it came to which;
``reserved``, what is refunded or will be. The others are as the request gave them, what is of free form as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from gateway_core import InvoiceStatus, Money
from gateway_core.models.status import derive
from gateway_core.testing import EmulatedInvoice
from gateway_core.wire import dumps

#: The ways to pay, with what the payer reads and how long it takes at most (docs.mollie.com, "Status changes").
METHODS: Mapping[str, tuple[str, timedelta]] = {
    "ideal": ("iDEAL", timedelta(minutes=15)),
    "creditcard": ("Card", timedelta(minutes=30)),
    "bancontact": ("Bancontact", timedelta(hours=1)),
    "paypal": ("PayPal", timedelta(hours=3)),
    "klarna": ("Klarna", timedelta(hours=48)),
    "banktransfer": ("Bank transfer", timedelta(days=12)),
}

#: The words in which a payment can still be paid.
UNPAID = frozenset({"open", "pending"})

_WORDS: Mapping[str, InvoiceStatus] = {
    "open": InvoiceStatus.PENDING,
    "pending": InvoiceStatus.PENDING,
    "authorized": InvoiceStatus.AUTHORIZED,
    "paid": InvoiceStatus.PAID,
    "canceled": InvoiceStatus.CANCELED,
    "expired": InvoiceStatus.EXPIRED,
    "failed": InvoiceStatus.FAILED,
}


def time_text(at: datetime) -> str:
    """Return a time as Mollie writes it."""
    return at.astimezone(UTC).isoformat(timespec="seconds")


def kept(value: Any) -> str:
    """Return what is of free form as a text to keep: numbers are exact in it."""
    return dumps(value).decode("utf-8")


def changed(invoice: EmulatedInvoice, **data: Any) -> EmulatedInvoice:
    """Return a payment with other values in its data."""
    return attrs.evolve(invoice, data={**invoice.data, **data})


def with_moment(invoice: EmulatedInvoice, name: str, at: datetime) -> EmulatedInvoice:
    """Return a payment with a moment more."""
    return changed(invoice, moments={**invoice.data["moments"], name: time_text(at)})


def derived(invoice: EmulatedInvoice) -> EmulatedInvoice:
    """Return a payment with the status that follows from Mollie's word and the amounts."""
    word = _WORDS[invoice.data["word"]]
    return attrs.evolve(invoice, status=derive(word, invoice.amount, invoice.received, invoice.refunded)[0])


def nothing(invoice: EmulatedInvoice) -> Money:
    """Return zero in a payment's currency."""
    return Money(0, invoice.amount.unit)


def reserved_of(invoice: EmulatedInvoice) -> Money:
    """Return what is refunded, or will be."""
    return Money(invoice.data["reserved"], invoice.amount.unit)


def charged_back_of(invoice: EmulatedInvoice) -> Money:
    """Return what the payer's bank has taken back and not returned."""
    kept = [each for each in invoice.data["chargebacks"] if each["reversedAt"] is None]
    return sum((Money(each["value"], invoice.amount.unit) for each in kept), nothing(invoice))


def is_cancelable(invoice: EmulatedInvoice) -> bool:
    """Return whether a payment can be canceled: an authorized one, or an unpaid one by bank transfer."""
    data = invoice.data
    return data["word"] == "authorized" or (data["word"] in UNPAID and data["method"] == "banktransfer")


def new_chargeback(own_id: str, amount: Money, at: datetime) -> dict[str, Any]:
    """Return a chargeback, as it is kept with its payment."""
    reason = {"code": "AC01", "description": "Account identifier incorrect"}
    return {
        "id": own_id,
        "value": f"{amount.amount:f}",
        "reason": reason,
        "createdAt": time_text(at),
        "reversedAt": None,
    }


def new_capture(own_id: str, amount: Money, at: datetime, description: str | None, metadata: Any) -> dict[str, Any]:
    """Return a capture that is not carried out yet, as it is kept with its payment."""
    return {
        "id": own_id,
        "value": f"{amount.amount:f}",
        "word": "pending",
        "description": description,
        "metadata": kept(metadata),
        "createdAt": time_text(at),
    }

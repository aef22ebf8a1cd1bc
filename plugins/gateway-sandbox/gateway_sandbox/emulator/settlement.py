"""What becomes of the money: authorizations, captures, refunds and disputes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import attrs

from gateway_core import InvoiceStatus, Money, PaymentStatus
from gateway_core.errors import RejectedError
from gateway_core.models import RefundStatus
from gateway_core.models.status import derive
from gateway_core.testing import EmulatedInvoice, EmulatedPayment, EmulatedRefund, Emulator, InvoiceAction
from gateway_sandbox.emulator.answers import WORDS, RefusedError, event_body, invoice_json, refund_json

#: How long a refund is pending whose amount asks for that.
REFUND_TIME = timedelta(seconds=5)

#: Refunds of these amounts are pending first, and become this in the end.
SLOW_REFUNDS = {Decimal("3.01"): RefundStatus.DONE, Decimal("3.02"): RefundStatus.FAILED}

#: An invoice in one of these can be called off.
CANCELABLE = frozenset({InvoiceStatus.PENDING, InvoiceStatus.AUTHORIZED, InvoiceStatus.FAILED})

_CAPTURE = InvoiceAction(
    id="capture", label="Capture", hint="Take the reserved money, or a part of it: the rest is released."
)
_CANCEL = InvoiceAction(id="cancel", label="Cancel", hint="Call the invoice off, and release reserved money.")
_REFUND = InvoiceAction(
    id="refund", label="Refund", hint="Give money back; 3.01 is pending first, and 3.02 fails in the end."
)
_DISPUTE = InvoiceAction(
    id="dispute", label="Dispute", hint="Have the payer's bank dispute the payment; the money stays for now."
)
_DECISIONS = (
    InvoiceAction(id="win", label="Win the dispute", hint="The shop keeps the money."),
    InvoiceAction(id="lose", label="Lose the dispute", hint="All of the money goes back to the payer."),
)


def is_manual(invoice: EmulatedInvoice) -> bool:
    """Return whether a payment of this invoice is authorized first, and captured by the shop."""
    return bool(invoice.data.get("capture") == "manual")


def authorize(emulator: Emulator, invoice: EmulatedInvoice, payment: EmulatedPayment) -> None:
    """Reserve the payer's money, and tell the shop.

    Raises:
        RejectedError: If it is not the whole amount.
    """
    if payment.amount != invoice.amount:
        raise RejectedError("an authorization is of the whole amount")
    held = attrs.evolve(payment, status=PaymentStatus.PENDING)
    emulator.ledger.save(held)
    reserved = attrs.evolve(invoice, status=InvoiceStatus.AUTHORIZED)
    emulator.ledger.save(reserved)
    emulator.on_change(reserved, held)


def capture(
    emulator: Emulator, invoice: EmulatedInvoice, amount: Money | None, reference: str | None
) -> EmulatedInvoice:
    """Take authorized money, once; what is not taken is released. Its record is in the invoice's data.

    Raises:
        RefusedError: If there is none to take, or not so much.
    """
    if invoice.status is not InvoiceStatus.AUTHORIZED:
        raise RefusedError(422, "not_capturable", "There is no authorized money to take.")
    taken = amount or invoice.amount
    _check_unit(invoice, taken)
    if taken > invoice.amount:
        raise RefusedError(422, "capture_too_large", f"At most {invoice.amount} can be taken.", field="amount.amount")
    payment = _held(emulator, invoice)
    emulator.ledger.save(attrs.evolve(payment, amount=taken, status=PaymentStatus.CONFIRMED))
    status, _ = derive(InvoiceStatus.PENDING, invoice.amount, taken, invoice.refunded)
    record = {
        "id": f"cap_{emulator.new_token(24)}",
        "reference": reference,
        "amount": f"{taken.amount:f}",
        "at": emulator.clock().isoformat(),
    }
    changed = attrs.evolve(invoice, received=taken, status=status, data={**invoice.data, "captured": record})
    emulator.ledger.save(changed)
    emulator.on_change(changed, payment)
    return changed


def cancel(emulator: Emulator, invoice: EmulatedInvoice) -> EmulatedInvoice:
    """Call an invoice off, and release authorized money.

    Raises:
        RefusedError: If money has come, or its time is over.
    """
    if invoice.status not in CANCELABLE:
        word = WORDS[invoice.status]
        raise RefusedError(422, "not_cancelable", f"This invoice is {word}: only an unpaid one can be canceled.")
    if invoice.status is InvoiceStatus.AUTHORIZED:
        emulator.ledger.save(attrs.evolve(_held(emulator, invoice), status=PaymentStatus.FAILED))
    canceled = attrs.evolve(invoice, status=InvoiceStatus.CANCELED)
    emulator.ledger.save(canceled)
    emulator.on_change(canceled, None)
    return canceled


def refund(
    emulator: Emulator, invoice: EmulatedInvoice, amount: Money, reference: str | None, reason: str
) -> EmulatedRefund:
    """Give money back, at once or in a while.

    Raises:
        RefusedError: If less has come, or the payer's bank disputes it.
    """
    _check_unit(invoice, amount)
    if invoice.data.get("dispute") in {"open", "lost"}:
        raise RefusedError(422, "disputed", "The payer's bank disputes this payment: it cannot be refunded.")
    left = refundable(emulator, invoice)
    if amount > left:
        raise RefusedError(422, "refund_too_large", f"At most {left} can be refunded.", field="amount.amount")
    slow = amount.amount in SLOW_REFUNDS
    made = EmulatedRefund(
        id=f"re_{emulator.new_token(24)}",
        refund_id=reference,
        invoice_id=invoice.id,
        amount=amount,
        created_at=emulator.clock(),
        status=RefundStatus.PENDING if slow else RefundStatus.DONE,
        due_at=emulator.clock() + REFUND_TIME if slow else None,
        data={"reason": reason},
    )
    emulator.ledger.save(made)
    if not slow:
        _give_back(emulator, invoice, amount, PaymentStatus.REFUNDED)
    return made


def finish_refunds(emulator: Emulator) -> None:
    """Carry out the refunds whose time has come, or have them fail."""
    for _, pending in emulator.ledger.select(EmulatedRefund, due=emulator.clock()):
        invoice = emulator.ledger.get(EmulatedInvoice, pending.invoice_id)
        assert invoice is not None  # noqa: S101  # a refund is of an invoice
        # A dispute that was lost meanwhile has taken the money.
        is_there = pending.amount <= invoice.received - invoice.refunded
        outcome = SLOW_REFUNDS[pending.amount.amount] if is_there else RefundStatus.FAILED
        ended = attrs.evolve(pending, status=outcome, due_at=None)
        emulator.ledger.save(ended)
        if outcome is RefundStatus.DONE:
            _give_back(emulator, invoice, pending.amount, PaymentStatus.REFUNDED)
        else:
            told = {"invoice": invoice_json(invoice, emulator.page_url(invoice)), "refund": refund_json(ended)}
            emulator.enqueue("refund.failed", invoice.id, event_body(emulator, "refund.failed", told))


def refundable(emulator: Emulator, invoice: EmulatedInvoice) -> Money:
    """Return how much can be given back now: what has come, less what is back or on its way."""
    left = invoice.received - invoice.refunded
    for _, each in emulator.ledger.select(EmulatedRefund, parent=invoice.id):
        if each.status is RefundStatus.PENDING:
            left -= each.amount
    return left


def actions(emulator: Emulator, invoice: EmulatedInvoice) -> tuple[InvoiceAction, ...]:
    """Return what the shop and the payer's bank can do to an invoice now."""
    dispute = invoice.data.get("dispute")
    if dispute == "open":
        return _DECISIONS
    found = []
    if invoice.status is InvoiceStatus.AUTHORIZED:
        found.append(attrs.evolve(_CAPTURE, amount=invoice.amount))
    if invoice.status in CANCELABLE:
        found.append(_CANCEL)
    if (left := refundable(emulator, invoice)) and dispute != "lost":
        found.append(attrs.evolve(_REFUND, amount=left))
    if invoice.received > invoice.refunded and dispute is None:
        found.append(_DISPUTE)
    return tuple(found)


def dispute(emulator: Emulator, invoice: EmulatedInvoice) -> EmulatedInvoice:
    """Have the payer's bank dispute what was paid. The money stays with the shop until it is decided.

    Raises:
        RejectedError: If nothing is with the shop, or it was disputed before.
    """
    if invoice.data.get("dispute") is not None:
        raise RejectedError("this invoice was disputed before")
    if invoice.received <= invoice.refunded:
        raise RejectedError("there is no money with the shop to dispute")
    return _disputed(emulator, invoice, "open", "invoice.disputed")


def close_dispute(emulator: Emulator, invoice: EmulatedInvoice, *, won: bool) -> EmulatedInvoice:
    """Decide a dispute: for the shop, or against it, so that all the money goes back.

    Raises:
        RejectedError: If there is no open one.
    """
    if invoice.data.get("dispute") != "open":
        raise RejectedError("there is no open dispute")
    if won:
        return _disputed(emulator, invoice, "won", "invoice.dispute_won")
    lost = attrs.evolve(invoice, data={**invoice.data, "dispute": "lost"})
    return _give_back(emulator, lost, lost.received - lost.refunded, PaymentStatus.FAILED)


def _disputed(emulator: Emulator, invoice: EmulatedInvoice, state: str, kind: str) -> EmulatedInvoice:
    changed = attrs.evolve(invoice, data={**invoice.data, "dispute": state})
    emulator.ledger.save(changed)
    emulator.announce(kind, changed)
    return changed


def _give_back(
    emulator: Emulator, invoice: EmulatedInvoice, amount: Money, word_for_all: PaymentStatus
) -> EmulatedInvoice:
    """Count money that went back, tell the shop, and say of its payments what happened once all is back."""
    refunded = invoice.refunded + amount
    whole = refunded == invoice.received
    status = InvoiceStatus.REFUNDED if whole else InvoiceStatus.PARTIALLY_REFUNDED
    changed = attrs.evolve(invoice, refunded=refunded, status=status)
    emulator.ledger.save(changed)
    if whole:
        for _, payment in emulator.ledger.select(EmulatedPayment, parent=invoice.id):
            emulator.ledger.save(attrs.evolve(payment, status=word_for_all))
    emulator.on_change(changed, None)
    return changed


def _held(emulator: Emulator, invoice: EmulatedInvoice) -> EmulatedPayment:
    ((_, payment),) = emulator.ledger.select(EmulatedPayment, parent=invoice.id)
    return payment


def _check_unit(invoice: EmulatedInvoice, amount: Money) -> None:
    if amount.unit != invoice.amount.unit:
        currency = invoice.amount.currency
        raise RefusedError(422, "invalid_field", f"This invoice is in {currency}.", field="amount.currency")

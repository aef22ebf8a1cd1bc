"""What the dashboard offers beside paying: what banks, time and the shop can do to an invoice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from gateway_core import Money
from gateway_core.testing import EmulatedInvoice, InvoiceAction
from gateway_stripe.emulator import changes, documents

if TYPE_CHECKING:
    from gateway_stripe.emulator.emulator import StripeEmulator

_SETTLE = InvoiceAction(id="settle", label="Settle the debit", hint="The bank debit comes in.")
_BOUNCE = InvoiceAction(id="bounce", label="Bounce the debit", hint="The bank debit comes back: nothing was paid.")
_CAPTURE = InvoiceAction(id="capture", label="Capture", hint="Take reserved money; the rest is released.")
_RELEASE = InvoiceAction(id="release", label="Release", hint="Cancel the payment whose money is reserved.")
_REFUND = InvoiceAction(id="refund", label="Refund", hint="Give money back, all or a part.")
_FINISH = InvoiceAction(id="refund-done", label="Finish the refund", hint="The refund that is pending succeeds.")
_FAIL = InvoiceAction(id="refund-fail", label="Fail the refund", hint="The newest refund fails, as late as it may.")
_DISPUTE = InvoiceAction(id="dispute", label="Dispute", hint="The payer's bank disputes the payment.")
_INQUIRE = InvoiceAction(id="inquire", label="Inquire", hint="The payer's bank asks; no money moves yet.")
_WIN = InvoiceAction(id="win", label="Win the dispute", hint="The shop keeps the money.")
_LOSE = InvoiceAction(id="lose", label="Lose the dispute", hint="The money goes back to the payer.")


def possible(invoice: EmulatedInvoice) -> tuple[InvoiceAction, ...]:
    """Return what can be done to an invoice as it stands now."""
    intent, refunds, disputes = (invoice.data[part] for part in ("intent", "refunds", "disputes"))
    match intent and intent["status"]:
        case "processing":
            return (_SETTLE, _BOUNCE)
        case "requires_capture":
            return (attrs.evolve(_CAPTURE, amount=invoice.amount), _RELEASE)
        case "succeeded":
            found: list[InvoiceAction] = []
            if disputes and disputes[-1]["status"] in changes.OPEN_DISPUTES:
                return (_WIN, _LOSE)
            left = changes.left(invoice)
            if left:
                amount = documents.money(left, intent["currency"])
                found += [attrs.evolve(_REFUND, amount=amount), attrs.evolve(_DISPUTE, amount=amount), _INQUIRE]
            if refunds and refunds[-1]["status"] == "pending":
                found.append(_FINISH)
            if refunds and refunds[-1]["status"] in ("pending", "succeeded"):
                found.append(_FAIL)
            return tuple(found)
    return ()


def perform(account: StripeEmulator, invoice: EmulatedInvoice, action: str, amount: Money | None) -> bool:
    """Do one of the possible things, and return whether it is one of them."""
    match action, amount:
        case "settle", _:
            account.settle_debit(invoice.id)
        case "bounce", _:
            account.fail_debit(invoice.id)
        case "capture", Money():
            account.capture(invoice, documents.units(amount))
        case "release", _:
            account.release(invoice, "requested_by_customer")
        case "refund", Money():
            account.refund(invoice, documents.units(amount), reason=None, metadata={})
        case (("refund-done" | "refund-fail"), _):
            status = "succeeded" if action == "refund-done" else "failed"
            account.finish_refund(invoice.data["refunds"][-1]["id"], status)
        case (("dispute" | "inquire"), _):
            account.dispute(invoice.id, inquiry=action == "inquire", amount=amount)
        case (("win" | "lose"), _):
            inquiry = invoice.data["disputes"][-1]["status"].startswith("warning")
            account.close_dispute(invoice.id, "lost" if action == "lose" else "warning_closed" if inquiry else "won")
        case _:
            return False
    return True

"""What else can become of a payment beside being paid: by its payer, the shop, and the payer's bank."""

from __future__ import annotations

import attrs

from gateway_core.testing import EmulatedInvoice, InvoiceAction
from gateway_mollie.emulator.records import UNPAID, charged_back_of, reserved_of

BEGIN = InvoiceAction(id="begin", label="Begin", hint="Begin to pay with a bank that takes its time.")
TURN_BACK = InvoiceAction(id="turn-back", label="Turn back", hint="Cancel, as the payer does.")
CAPTURE = InvoiceAction(id="capture", label="Capture", hint="Take all that is held, as the shop does.")
RELEASE = InvoiceAction(id="release", label="Release", hint="Give up what is held, as the shop does.")
REFUND = InvoiceAction(id="refund", label="Refund", hint="Give money back, as the shop does.")
CHARGE_BACK = InvoiceAction(id="charge-back", label="Charge back", hint="Take it back, as the payer's bank does.")
REVERSE = InvoiceAction(id="reverse", label="Reverse the chargeback", hint="Return what the payer's bank took.")


def offered(invoice: EmulatedInvoice) -> tuple[InvoiceAction, ...]:
    """Return what can be done to a payment as it stands now."""
    word, left = invoice.data["word"], invoice.received - reserved_of(invoice)
    possible = {
        BEGIN: word == "open",
        TURN_BACK: word in UNPAID,
        CAPTURE: word == "authorized",
        RELEASE: word == "authorized",
        attrs.evolve(REFUND, amount=left): word == "paid" and bool(left),
        CHARGE_BACK: word == "paid" and charged_back_of(invoice) < invoice.received,
        REVERSE: bool(charged_back_of(invoice)),
    }
    return tuple(action for action, now in possible.items() if now)

"""What the pages of an emulator offer: ways to pay an invoice, and what else can become of it."""

from __future__ import annotations

import attrs

from gateway_core.models.money import Money


@attrs.frozen(kw_only=True)
class WayToPay:
    """One way in which the payer can pay.

    Attributes:
        id: Its key.
        label: What the payer reads.
        amount: What is to be paid this way.
        address: Where to send the money, shown as text and QR code; None if the page's button is all there is.
    """

    id: str
    label: str
    amount: Money
    address: str | None = None


@attrs.frozen(kw_only=True)
class InvoiceAction:
    """Something that can be done to an invoice beside paying it: by the shop, by the payer's bank, or by time.

    Attributes:
        id: Its key.
        label: What its button says.
        hint: What it does, in a sentence.
        amount: The amount that is proposed, where it takes one; None where it takes none.
    """

    id: str
    label: str
    hint: str
    amount: Money | None = None


#: Open to every provider whose invoices come to their end by themselves.
EXPIRE = InvoiceAction(id="expire", label="Expire", hint="Let the time to pay be over now.")

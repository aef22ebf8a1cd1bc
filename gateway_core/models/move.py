"""What a verified event changes about an order, compared with what was known before."""

from __future__ import annotations

import enum

import attrs

from gateway_core.models import _fields as check
from gateway_core.models.status import InvoiceStatus


@attrs.frozen
class Move:
    """The step from what the shop was told of an invoice to what is told now. Only legal steps come out.

    Attributes:
        before: What the shop was told last.
        after: What it is told now; the same where amounts changed and the status did not.
    """

    before: InvoiceStatus
    after: InvoiceStatus

    def __attrs_post_init__(self) -> None:
        check.instance("before", self.before, InvoiceStatus)
        check.instance("after", self.after, InvoiceStatus)


class Review(enum.StrEnum):
    """Why a genuine event has no effect until somebody has looked at it."""

    WRONG_AMOUNT = "wrong amount"  #: It is about another amount than was asked for.
    WRONG_CURRENCY = "wrong currency"  #: The money that came is in another currency than was asked for.
    OTHER_ORDER = "other order"  #: The provider says that the invoice belongs to another order.
    UNKNOWN_INVOICE = "unknown invoice"  #: Nobody asked for this invoice through this journal.
    PAID_TWICE = "paid twice"  #: Another attempt of the same order was paid before.

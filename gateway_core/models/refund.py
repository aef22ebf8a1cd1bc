"""Money that goes back to the payer."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from gateway_core.models import _fields as check
from gateway_core.models.money import Money


class RefundStatus(enum.StrEnum):
    """The state of a refund."""

    PENDING = "pending"  #: Accepted, not yet carried out; it may still fail.
    DONE = "done"  #: The money went back.
    FAILED = "failed"  #: Refused or canceled, or the money came back to the shop.


@attrs.frozen(kw_only=True)
class RefundRequest:
    """Money to give back. An invoice may have several refunds, each with its own key.

    Attributes:
        refund_id: The shop's own key of this refund: 1 to 255 characters.
        invoice_id: The provider's id of the invoice.
        amount: The amount, above zero.
        reason: Why, on one line.
        references: What the provider's plugin gave as ``references`` of the invoice, its report or its payment.

    Raises:
        InvalidRequestError: If one of them is not so.
    """

    refund_id: str
    invoice_id: str
    amount: Money
    reason: str = attrs.field(default="", repr=False)
    references: Mapping[str, str] = check.frozen_field()

    def __attrs_post_init__(self) -> None:
        check.identifier("refund_id", self.refund_id)
        check.identifier("invoice_id", self.invoice_id)
        check.positive("amount", self.amount)
        check.line("reason", self.reason)
        check.texts("references", self.references)


@attrs.frozen(kw_only=True)
class Refund:
    """A refund that exists at the provider. Only one that is DONE has moved money.

    Attributes:
        id: The provider's id of the refund.
        refund_id: The shop's key, if the provider gives it back.
        invoice_id: The provider's id of the invoice.
        amount: The amount of this refund, above zero.
        status: Its status when the provider answered.
        created_at: When it was made, with a time zone; None if the provider does not tell.
        raw: The provider's own answer.
        references: Texts that a later request about it needs.

    Raises:
        InvalidRequestError: If one of them is not so.
    """

    id: str
    refund_id: str | None = None
    invoice_id: str
    amount: Money
    status: RefundStatus = RefundStatus.DONE
    created_at: datetime | None = None
    raw: Mapping[str, Any] = check.raw_field()
    references: Mapping[str, str] = check.frozen_field()

    def __attrs_post_init__(self) -> None:
        check.mapping("raw", self.raw)
        check.identifier("id", self.id)
        check.text_or_none("refund_id", self.refund_id)
        check.identifier("invoice_id", self.invoice_id)
        check.positive("amount", self.amount)
        check.instance("status", self.status, RefundStatus)
        check.aware_or_none("created_at", self.created_at)
        check.texts("references", self.references)

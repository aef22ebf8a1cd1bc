"""Money that the provider saw arriving, and how to ask for a list of it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar

import attrs

from gateway_core.errors import InvalidRequestError
from gateway_core.models import _fields as check
from gateway_core.models.money import Money

T = TypeVar("T")


class PaymentStatus(enum.StrEnum):
    """The state of a payment."""

    PENDING = "pending"  #: Seen, and it may still fail.
    CONFIRMED = "confirmed"  #: Here, by the provider's own rule.
    FAILED = "failed"  #: Refused, or taken back by the payer's bank.
    REFUNDED = "refunded"  #: Given back whole.
    UNKNOWN = "unknown"  #: The provider says something that we have no word for.


@attrs.frozen(kw_only=True)
class Payment:
    """Money that the provider saw arriving. It may belong to no invoice.

    Attributes:
        id: The provider's id of the payment.
        invoice_id: The provider's id of the invoice; None if it belongs to none, or if the provider does not tell.
        amount: What came, zero or more; None if the provider does not tell.
        status: Its status.
        paid_at: When it came, with a time zone.
        reference: What the payer's side calls it: a transaction hash, a bank reference.
        raw: The provider's own answer.
        unassigned: Whether it surely belongs to no invoice. Where it is False and ``invoice_id`` is None, the provider
            does not tell which invoice it belongs to.
        references: Texts that a later refund or capture needs, such as the id of a payment intent.

    Raises:
        InvalidRequestError: If one of them is not so.
    """

    id: str
    invoice_id: str | None = None
    amount: Money | None = None
    status: PaymentStatus
    paid_at: datetime | None = None
    reference: str | None = None
    raw: Mapping[str, Any] = check.raw_field()
    unassigned: bool = False
    references: Mapping[str, str] = check.frozen_field()

    def __attrs_post_init__(self) -> None:
        check.mapping("raw", self.raw)
        check.identifier("id", self.id)
        check.identifier_or_none("invoice_id", self.invoice_id)
        check.money_or_none("amount", self.amount)
        check.instance("status", self.status, PaymentStatus)
        check.aware_or_none("paid_at", self.paid_at)
        check.text_or_none("reference", self.reference)
        check.flag("unassigned", self.unassigned)
        check.texts("references", self.references)
        if self.unassigned and self.invoice_id is not None:
            raise InvalidRequestError("a payment that belongs to an invoice is not unassigned")


@attrs.frozen(kw_only=True)
class PaymentQuery:
    """Which payments to list. A provider's hook answers one page of it.

    Attributes:
        since: Payments that came at this moment or later, with a time zone.
        until: Payments that came before this moment, with a time zone.
        invoice_id: Payments of this invoice only.
        page_size: How many payments a page should hold, at least 1; None leaves it to the provider's plugin.
        cursor: Where the page starts: what the page before gave as `Page.next_cursor`, None for the first page.
    """

    since: datetime | None = None
    until: datetime | None = None
    invoice_id: str | None = None
    page_size: int | None = None
    cursor: str | None = None

    def __attrs_post_init__(self) -> None:
        check.aware_or_none("since", self.since)
        check.aware_or_none("until", self.until)
        check.identifier_or_none("invoice_id", self.invoice_id)
        check.text_or_none("cursor", self.cursor)
        if self.page_size is not None and (type(self.page_size) is not int or self.page_size < 1):
            raise InvalidRequestError("page_size must be an int above zero")
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise InvalidRequestError("since must be before until")


@attrs.frozen
class Page(Generic[T]):
    """One page of a list.

    Attributes:
        items: What is on it.
        next_cursor: Where the next page starts; None on the last page.
        sent: How many items the provider sent, where the plugin left some out: a list goes on over pages on which
            nothing fits the query, and is given up after many on which the provider sent nothing. None for as many as
            there are items.
    """

    items: tuple[T, ...] = attrs.field(converter=check.tupled)
    next_cursor: str | None = None
    sent: int | None = None

    def __attrs_post_init__(self) -> None:
        check.text_or_none("next_cursor", self.next_cursor)
        if self.sent is not None and (type(self.sent) is not int or self.sent < 0):
            raise InvalidRequestError("sent must be an int, zero or more")

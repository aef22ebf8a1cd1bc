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

_optional = attrs.validators.optional


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
        invoice_id: The provider's id of the invoice; None if it belongs to none.
        amount: What came, zero or more; None if the provider does not tell.
        status: Its status.
        paid_at: When it came, with a time zone.
        reference: What the payer's side calls it: a transaction hash, a bank reference.
        raw: The provider's own answer.
    """

    id: str = attrs.field(validator=check.identifier)
    invoice_id: str | None = attrs.field(default=None, validator=_optional(check.identifier))
    amount: Money | None = attrs.field(default=None, validator=_optional(check.money))
    status: PaymentStatus = attrs.field(validator=check.one_of(PaymentStatus))
    paid_at: datetime | None = attrs.field(default=None, validator=_optional(check.aware))
    reference: str | None = attrs.field(default=None, validator=_optional(check.text))
    raw: Mapping[str, Any] = attrs.field(factory=dict, repr=False, eq=False)


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

    since: datetime | None = attrs.field(default=None, validator=_optional(check.aware))
    until: datetime | None = attrs.field(default=None, validator=_optional(check.aware))
    invoice_id: str | None = attrs.field(default=None, validator=_optional(check.identifier))
    page_size: int | None = None
    cursor: str | None = attrs.field(default=None, validator=_optional(check.text))

    def __attrs_post_init__(self) -> None:
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
    next_cursor: str | None = attrs.field(default=None, validator=_optional(check.text))
    sent: int | None = None

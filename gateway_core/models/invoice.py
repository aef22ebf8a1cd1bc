"""What the shop asks to be paid, and what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs

from gateway_core.errors import InvalidRequestError
from gateway_core.models import _fields as check
from gateway_core.models.money import Money
from gateway_core.models.status import AmountVerdict, InvoiceStatus, derive

_optional = attrs.validators.optional


@attrs.frozen(kw_only=True)
class InvoiceRequest:
    """What the shop wants to be paid.

    >>> from gateway_core import InvoiceRequest, Money
    >>> request = InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR"), description="Two tickets")

    Attributes:
        order_id: The shop's own key of the order: 1 to 255 characters. Two invoices for one order are a mistake.
        amount: The amount, above zero.
        description: What the payer reads, on one line.
        return_url: Where the payer's browser goes afterwards, if the provider can do that.
        expires_in: How long the invoice may be paid; None leaves it to the provider's settings.
        metadata: Texts that the provider stores and gives back, where it can. They never decide what was paid.
        options: The provider's own options for this one invoice, checked against its declaration
            (`ProviderInfo.options`). A provider's hook sees them as an instance of the declared class.
        requested_at: When the request was made, with a time zone. Stamped by the gateway.

    Raises:
        InvalidRequestError: If one of them is not so.
    """

    order_id: str = attrs.field(validator=check.identifier)
    amount: Money = attrs.field(validator=check.positive)
    description: str = attrs.field(default="", validator=check.line, repr=False)
    return_url: str | None = attrs.field(default=None, validator=_optional(check.web_address))
    expires_in: timedelta | None = attrs.field(default=None)
    metadata: Mapping[str, str] = attrs.field(
        factory=dict, converter=check.freeze, validator=check.text_mapping, repr=False
    )
    options: Any = attrs.field(factory=dict, converter=check.freeze, repr=False, hash=False)
    requested_at: datetime | None = attrs.field(default=None, validator=_optional(check.aware))

    @expires_in.validator
    def _is_positive(self, _: object, value: object) -> None:
        if value is not None and (not isinstance(value, timedelta) or value <= timedelta(0)):
            raise InvalidRequestError("expires_in must be a timedelta above zero")


@attrs.frozen(kw_only=True)
class Invoice:
    """An invoice that exists at the provider.

    Attributes:
        id: The provider's id.
        order_id: The shop's key, if the provider gives it back.
        status: Its status when the provider answered.
        amount: The amount asked for, in major units.
        payment_url: The page on which the payer pays; None if the provider has none.
        created_at: When it was made, with a time zone.
        expires_at: Until when it can be paid.
        raw: The provider's own answer.
    """

    id: str = attrs.field(validator=check.identifier)
    order_id: str | None = attrs.field(default=None, validator=_optional(check.text))
    status: InvoiceStatus = attrs.field(validator=check.one_of(InvoiceStatus))
    amount: Money = attrs.field(validator=check.positive)
    payment_url: str | None = attrs.field(default=None, validator=_optional(check.web_address))
    created_at: datetime | None = attrs.field(default=None, validator=_optional(check.aware))
    expires_at: datetime | None = attrs.field(default=None, validator=_optional(check.aware))
    raw: Mapping[str, Any] = attrs.field(factory=dict, repr=False, eq=False)


@attrs.frozen(kw_only=True)
class StatusReport:
    """What is known of an invoice now, in absolute and cumulative facts: never a difference to an earlier report.

    A provider gives its life-cycle word as `status`. Where the amounts are known the final status is derived from them,
    and the verdict always is:

    >>> from gateway_core import InvoiceStatus, Money, StatusReport
    >>> report = StatusReport(
    ...     invoice_id="7", status=InvoiceStatus.PENDING, expected=Money("50", "EUR"), received=Money("49", "EUR")
    ... )
    >>> report.status, report.verdict
    (<InvoiceStatus.PARTIALLY_PAID: 'partially_paid'>, <AmountVerdict.UNDER: 'under'>)

    Attributes:
        invoice_id: The provider's id.
        order_id: The shop's key, if the provider gives it back.
        status: The status.
        expected: The amount asked for.
        received: All that has come so far, before refunds, in the currency that was asked for where the provider
            converts; None if it does not tell. Money that may still fail has not come yet.
        refunded: All that has gone back so far; None if the provider does not tell.
        provider_status: The provider's own word.
        verdict: How `received` compares with `expected`.
        raw: The provider's own answer.
    """

    invoice_id: str = attrs.field(validator=check.identifier)
    order_id: str | None = attrs.field(default=None, validator=_optional(check.text))
    status: InvoiceStatus = attrs.field(validator=check.one_of(InvoiceStatus))
    expected: Money | None = attrs.field(default=None, validator=_optional(check.money))
    received: Money | None = attrs.field(default=None, validator=_optional(check.money))
    refunded: Money | None = attrs.field(default=None, validator=_optional(check.money))
    provider_status: str | None = attrs.field(default=None, validator=_optional(check.text))
    raw: Mapping[str, Any] = attrs.field(factory=dict, repr=False, eq=False)
    verdict: AmountVerdict = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        status, verdict = derive(self.status, self.expected, self.received, self.refunded)
        object.__setattr__(self, "status", status)
        object.__setattr__(self, "verdict", verdict)


@attrs.frozen(kw_only=True)
class RefundRequest:
    """Money to give back.

    Attributes:
        refund_id: The shop's own key of this refund: 1 to 255 characters.
        invoice_id: The provider's id of the invoice.
        amount: The amount, above zero.
        reason: Why, on one line.
    """

    refund_id: str = attrs.field(validator=check.identifier)
    invoice_id: str = attrs.field(validator=check.identifier)
    amount: Money = attrs.field(validator=check.positive)
    reason: str = attrs.field(default="", validator=check.line, repr=False)


@attrs.frozen(kw_only=True)
class Refund:
    """Money that went back.

    Attributes:
        id: The provider's id of the refund.
        refund_id: The shop's key, if the provider gives it back.
        invoice_id: The provider's id of the invoice.
        amount: The amount of this refund.
        created_at: When, with a time zone.
        raw: The provider's own answer.
    """

    id: str = attrs.field(validator=check.identifier)
    refund_id: str | None = attrs.field(default=None, validator=_optional(check.text))
    invoice_id: str = attrs.field(validator=check.identifier)
    amount: Money = attrs.field(validator=check.positive)
    created_at: datetime | None = attrs.field(default=None, validator=_optional(check.aware))
    raw: Mapping[str, Any] = attrs.field(factory=dict, repr=False, eq=False)

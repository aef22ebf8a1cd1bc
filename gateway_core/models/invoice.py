"""What the shop asks to be paid, and what is known of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs

from gateway_core.errors import InvalidRequestError
from gateway_core.models import _fields as check
from gateway_core.models.customer import Customer
from gateway_core.models.line_item import LineItem, check_line_items
from gateway_core.models.money import Money
from gateway_core.models.reference import check_attempt, check_attempt_or_none, order_reference
from gateway_core.models.refund import Refund
from gateway_core.models.status import AmountVerdict, InvoiceStatus, derive

#: A language tag of BCP 47 (RFC 5646): a language, and what narrows it.
_LOCALE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,8}")


@attrs.frozen(kw_only=True)
class InvoiceRequest:
    """What the shop wants to be paid.

    >>> from gateway_core import InvoiceRequest, Money
    >>> request = InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR"), description="Two tickets")

    Attributes:
        order_id: The shop's own key of the order: 1 to 255 characters.
        amount: The amount, above zero.
        attempt: Which attempt to have the order paid, 1 or more. A repeated request has the number of the first one,
            so that no order has two invoices by mistake; after an invoice that is dead (expired, canceled, failed) the
            next number makes a new one.
        description: What the payer reads, on one line.
        customer: Who buys.
        line_items: What is bought. Their sum is exactly the amount.
        return_url: Where the payer's browser goes afterwards.
        cancel_url: Where the payer's browser goes when the payer turns back.
        webhook_url: Where the provider sends the webhooks of this invoice, where its API takes that.
        locale: The language of the payment page, as a BCP 47 tag such as ``de`` or ``pt-BR``.
        expires_in: How long the invoice may be paid; None leaves it to the provider's settings.
        metadata: Texts that the provider stores and gives back, where it can. They never decide what was paid.
        options: The provider's own options for this one invoice, checked against its declaration
            (`ProviderInfo.options`). A provider's hook sees them as an instance of the declared class.
        requested_at: When the request was made, with a time zone. Stamped by the gateway unless it is given: whoever
            repeats a request gives the moment of the first one, so that ``expires_in`` ends at the same moment.

    What of these a provider takes stands in `ProviderInfo.honours`. Of what it does not take the `Invoice` says so in
    ``ignored``; an ``expires_in`` that it does not take is refused.

    Raises:
        InvalidRequestError: If one of them is not so.
    """

    order_id: str
    amount: Money
    attempt: int = 1
    description: str = attrs.field(default="", repr=False)
    customer: Customer | None = attrs.field(default=None, repr=False)
    line_items: tuple[LineItem, ...] = attrs.field(default=(), converter=check.tupled)
    return_url: str | None = None
    cancel_url: str | None = None
    webhook_url: str | None = attrs.field(default=None, repr=False)  # it may hold a secret
    locale: str | None = None
    expires_in: timedelta | None = None
    metadata: Mapping[str, str] = attrs.field(default=check.EMPTY, converter=check.freeze, repr=False)
    options: Any = attrs.field(default=check.EMPTY, converter=check.freeze, repr=False, hash=False)
    requested_at: datetime | None = None

    def __attrs_post_init__(self) -> None:
        check.identifier("order_id", self.order_id)
        check.positive("amount", self.amount)
        check.line("description", self.description)
        check.web_address_or_none("return_url", self.return_url)
        check.web_address_or_none("cancel_url", self.cancel_url)
        check.web_address_or_none("webhook_url", self.webhook_url)
        check.texts("metadata", self.metadata)
        check.aware_or_none("requested_at", self.requested_at)
        check_attempt(self.attempt)
        check.instance_or_none("customer", self.customer, Customer)
        if self.line_items:
            check_line_items(self.line_items, self.amount)
        _check_locale(self.locale)
        _check_time_to_pay(self.expires_in)

    @property
    def reference(self) -> str:
        """The text that names the order and the attempt at the provider, as `order_reference` writes it."""
        return order_reference(self.order_id, self.attempt)


@attrs.frozen(kw_only=True)
class Invoice:
    """An invoice that exists at the provider.

    Attributes:
        id: The provider's id.
        order_id: The shop's key, if the provider gives it back.
        attempt: Which attempt of the order it is, if the provider gives it back.
        status: Its status when the provider answered.
        amount: The amount asked for, in major units, above zero.
        payment_url: The page on which the payer pays, by https (or http on the loopback range) and without a user and
            a password in its address; None if the provider has none.
        created_at: When it was made, with a time zone; None if the provider does not tell.
        expires_at: Until when it can be paid, with a time zone; None if the provider does not tell.
        raw: The provider's own answer.
        references: Texts that a later refund, capture or cancellation needs, such as the id of a payment intent.
        ignored: Names of the request's fields that were given and that the provider cannot honour. Set by the gateway;
            a plugin names those that only some accounts can honour.
        replayed: Whether the provider repeated an earlier answer: the invoice was made before. This tells of the
            answer, not of the invoice, so it does not count when two invoices are compared.
        account: The name of the account that it was made at, where `Gateways` has chosen one. It does not count either.

    Raises:
        InvalidRequestError: If one of them is not so.
    """

    id: str
    order_id: str | None = None
    attempt: int | None = None
    status: InvoiceStatus
    amount: Money
    payment_url: str | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    raw: Mapping[str, Any] = check.raw_field()
    references: Mapping[str, str] = check.frozen_field()
    ignored: tuple[str, ...] = attrs.field(default=(), converter=check.tupled)
    replayed: bool = attrs.field(default=False, eq=False)
    account: str | None = attrs.field(default=None, eq=False)

    def __attrs_post_init__(self) -> None:
        check.mapping("raw", self.raw)
        check.identifier("id", self.id)
        check.text_or_none("order_id", self.order_id)
        check.instance("status", self.status, InvoiceStatus)
        check.positive("amount", self.amount)
        check.payment_page_or_none("payment_url", self.payment_url)
        check.aware_or_none("created_at", self.created_at)
        check.aware_or_none("expires_at", self.expires_at)
        check.instances("ignored", self.ignored, str)
        check.flag("replayed", self.replayed)
        if self.account is not None:
            check.text_or_none("account", self.account)
        check.texts("references", self.references)
        check_attempt_or_none(self.attempt)


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
        attempt: Which attempt of the order it is, if the provider gives it back.
        status: The status.
        expected: The amount asked for.
        received: All that has come so far, before refunds, in the currency that was asked for where the provider
            converts; None if it does not tell. Money that may still fail has not come yet.
        refunded: All that has gone back so far, refunds that are DONE only; None if the provider does not tell.
        disputed: All that the payer's bank disputes or has charged back now; None if the provider does not tell. It
            never changes the status: what was paid stays PAID.
        refunds: Each refund of the invoice with its own status, where the provider tells them.
        provider_status: The provider's own word.
        verdict: How `received` compares with `expected`.
        raw: The provider's own answer.
        references: Texts that a later refund, capture or cancellation needs, such as the id of a payment intent.

    Raises:
        InvalidRequestError: If one of them is not so.
    """

    invoice_id: str
    order_id: str | None = None
    attempt: int | None = None
    status: InvoiceStatus
    expected: Money | None = None
    received: Money | None = None
    refunded: Money | None = None
    disputed: Money | None = None
    refunds: tuple[Refund, ...] = attrs.field(default=(), converter=check.tupled)
    provider_status: str | None = None
    raw: Mapping[str, Any] = check.raw_field()
    references: Mapping[str, str] = check.frozen_field()
    verdict: AmountVerdict = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        check.mapping("raw", self.raw)
        check.identifier("invoice_id", self.invoice_id)
        check.text_or_none("order_id", self.order_id)
        check.instance("status", self.status, InvoiceStatus)
        check.money_or_none("expected", self.expected)
        check.money_or_none("received", self.received)
        check.money_or_none("refunded", self.refunded)
        check.money_or_none("disputed", self.disputed)
        check.instances("refunds", self.refunds, Refund)
        check.text_or_none("provider_status", self.provider_status)
        check.texts("references", self.references)
        check_attempt_or_none(self.attempt)
        if any(refund.invoice_id != self.invoice_id for refund in self.refunds):
            raise InvalidRequestError("the refunds of a report are refunds of its own invoice")
        status, verdict = derive(self.status, self.expected, self.received, self.refunded)
        object.__setattr__(self, "status", status)
        object.__setattr__(self, "verdict", verdict)


def _check_locale(value: object) -> None:
    if value is not None and not (isinstance(value, str) and _LOCALE.fullmatch(value)):
        raise InvalidRequestError("locale must be a language tag, such as de or pt-BR")


def _check_time_to_pay(value: object) -> None:
    if value is not None and (not isinstance(value, timedelta) or value <= timedelta(0)):
        raise InvalidRequestError("expires_in must be a timedelta above zero")

"""What Mollie sends: the fields of each answer that are used, under Mollie's own names.

Source: the API description that Mollie publishes (github.com/mollie/openapi), and docs.mollie.com.
"""
# ruff: noqa: N815  # the attributes are named as Mollie names them

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import attrs

from gateway_core import HttpResponse
from gateway_core.errors import ProviderError, UnexpectedResponseError, for_status
from gateway_core.provider import RetryAdvice
from gateway_core.wire import decode, loads, structure

T = TypeVar("T")

_PAYMENT_ID = re.compile(r"tr_[A-Za-z0-9]{1,64}", re.ASCII)

#: What the texts of these refusals begin with: there are no error codes (github.com/mollie/mollie-api-python, tests).
_KEY_IN_USE = "another request with this idempotency-key"
_DUPLICATE_REFUND = "a duplicate refund has been detected"


def is_payment_id(text: str) -> bool:
    """Return whether a text has the form of a payment's id."""
    return _PAYMENT_ID.fullmatch(text) is not None


@attrs.frozen
class Amount:
    """An amount: its value is text, with exactly the decimals of its currency."""

    value: Decimal
    currency: str


@attrs.frozen
class Link:
    """An address."""

    href: str


@attrs.frozen
class PaymentLinks:
    """The addresses of a payment; `checkout` is there while it can be paid."""

    checkout: Link | None = None


@attrs.frozen
class Refund:
    """A refund."""

    id: str
    amount: Amount
    status: str
    paymentId: str
    metadata: Any = None
    createdAt: datetime | None = None


@attrs.frozen
class Capture:
    """A capture; without an amount it is over all that was authorized."""

    id: str
    status: str
    paymentId: str
    amount: Amount | None = None
    createdAt: datetime | None = None


@attrs.frozen
class Chargeback:
    """Money that the payer's bank took back. It has no status: one that was reversed has a moment when."""

    id: str
    amount: Amount
    reversedAt: datetime | None = None


@attrs.frozen
class Embedded:
    """What a payment was asked to bring along."""

    refunds: list[Refund] | None = None
    chargebacks: list[Chargeback] | None = None


@attrs.frozen
class Payment:
    """A payment. Of the moments only those are there that were reached."""

    id: str
    mode: str
    status: str
    amount: Amount
    createdAt: datetime
    profileId: str
    metadata: Any = None
    details: Any = None
    captureMode: str | None = None
    amountRefunded: Amount | None = None
    amountCaptured: Amount | None = None
    amountChargedBack: Amount | None = None
    expiresAt: datetime | None = None
    authorizedAt: datetime | None = None
    paidAt: datetime | None = None
    canceledAt: datetime | None = None
    expiredAt: datetime | None = None
    failedAt: datetime | None = None
    _links: PaymentLinks | None = None
    _embedded: Embedded = Embedded()

    @property
    def checkout(self) -> str | None:
        """The address of the page where it is paid."""
        return None if self._links is None or self._links.checkout is None else self._links.checkout.href

    @property
    def refunds(self) -> list[Refund] | None:
        """Its refunds; None if they were not told."""
        return self._embedded.refunds

    @property
    def chargebacks(self) -> list[Chargeback]:
        """Its chargebacks, as far as they were told."""
        return self._embedded.chargebacks or []


@attrs.frozen
class ListedPayments:
    """What a list of payments holds."""

    payments: list[Any]


@attrs.frozen
class ListLinks:
    """The addresses of a list; `next` is null on its last page."""

    next: Link | None


@attrs.frozen
class PaymentList:
    """One page of payments, newest first."""

    _embedded: ListedPayments
    _links: ListLinks

    @property
    def payments(self) -> list[tuple[Payment, Mapping[str, Any]]]:
        """The payments on this page, each with the form in which Mollie sent it.

        Raises:
            UnexpectedResponseError: If one does not fit.
        """
        return [(structure(item, Payment), item) for item in self._embedded.payments]

    @property
    def next_id(self) -> str | None:
        """The id of the payment that the next page begins with; None on the last page.

        Only the id is taken of the address: where requests go is for the settings to say.

        Raises:
            UnexpectedResponseError: If the address of the next page holds none.
        """
        if self._links.next is None:
            return None
        try:
            found = parse_qs(urlsplit(self._links.next.href).query).get("from", [])
        except ValueError:
            found = []
        if len(found) != 1 or not is_payment_id(found[0]):
            raise UnexpectedResponseError("the address of the next page does not say where it begins")
        return found[0]


@attrs.frozen
class Subscription:
    """A webhook subscription, as it is when it was just made: its secret is told this once."""

    id: str
    url: str
    webhookSecret: str


@attrs.frozen
class Entity:
    """What an event is about, as far as it is the same for all."""

    id: str
    paymentId: str | None = None


@attrs.frozen
class EmbeddedEntity:
    """What a webhook brings along, in the full form of its payload."""

    entity: Entity | None = None


@attrs.frozen
class Event:
    """A signed webhook: an event, or (so one page of the documentation) the payment itself, which has no type."""

    resource: str
    id: str
    type: str | None = None
    entityId: str | None = None
    createdAt: datetime | None = None
    _embedded: EmbeddedEntity = EmbeddedEntity()

    @property
    def payment_id(self) -> str | None:
        """The payment that it tells of; None if it tells of none, or does not say which."""
        entity = self._embedded.entity
        of_entity = None if entity is None else entity.paymentId
        named = (self.id if self.resource == "payment" else None, self.entityId, of_entity)
        return next((each for each in named if each is not None and is_payment_id(each)), None)


@attrs.frozen
class Refusal:
    """An error: there is no code beside the HTTP status, and `field` where one field is at fault."""

    detail: str
    title: str | None = None
    field: str | None = None


def read(response: HttpResponse) -> Any:
    """Return what an answer holds.

    Raises:
        ProviderError: If Mollie refused.
        UnexpectedResponseError: If it is no JSON.
    """
    if not response.ok:
        raise _refusal(response)
    try:
        return loads(response.body)
    except UnexpectedResponseError as error:
        error.http_status = response.status
        raise


def fit(data: Any, kind: type[T]) -> T:
    """Fit an answer to something that was to be made; one that does not fit bears the id of what was made.

    Raises:
        UnexpectedResponseError: If it does not fit.
    """
    try:
        return structure(data, kind)
    except UnexpectedResponseError as error:
        found = data.get("id") if isinstance(data, Mapping) else None
        error.invoice_id = found if isinstance(found, str) and is_payment_id(found) else None
        error.effect = "unknown" if error.invoice_id is None else "done"
        raise


def advice(response: HttpResponse) -> RetryAdvice | None:
    """Return what an answer says about repeating the request.

    Sources: docs.mollie.com, "API idempotency" and "Handling errors" (503: not performed, repeat it).
    """
    if response.status == 503:
        return RetryAdvice.RETRY
    if response.status == 400:
        return RetryAdvice.DO_NOT_RETRY
    if response.status == 409:
        detail = _refusal(response).message.lower()
        if detail.startswith(_KEY_IN_USE):
            return RetryAdvice.IN_PROGRESS
        return RetryAdvice.DO_NOT_RETRY if detail.startswith(_DUPLICATE_REFUND) else None
    return None


def _refusal(response: HttpResponse) -> ProviderError:
    try:
        told = decode(response.body, Refusal)
    except UnexpectedResponseError:
        return for_status(response.status, f"Mollie answered with HTTP status {response.status}")
    where = f" (field {told.field})" if told.field else ""
    return for_status(response.status, f"{told.detail.strip() or 'refused without a reason'}{where}", code=told.title)

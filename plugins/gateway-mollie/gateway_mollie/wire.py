"""What Mollie sends: the fields of each answer that are used.

Source: the API description that Mollie publishes (github.com/mollie/openapi), and docs.mollie.com.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs

from gateway_core import HttpResponse
from gateway_core.errors import ProviderError, UnexpectedResponseError, for_status
from gateway_core.listing import read_each
from gateway_core.provider import RetryAdvice
from gateway_core.wire import camel_case, decode_or_none, loads, named, structure

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
class Links:
    """Addresses: of the page where a payment is paid, while it can be, and of the next page of a list."""

    checkout: Link | None = None
    next: Link | None = None


@attrs.frozen(kw_only=True, field_transformer=camel_case)
class Refund:
    """A refund."""

    id: str
    amount: Amount
    status: str
    payment_id: str
    metadata: Any = None
    created_at: datetime | None = None


@attrs.frozen(kw_only=True, field_transformer=camel_case)
class Capture:
    """A capture; without an amount it is over all that was authorized."""

    id: str
    status: str
    payment_id: str
    amount: Amount | None = None
    created_at: datetime | None = None


@attrs.frozen(kw_only=True, field_transformer=camel_case)
class Chargeback:
    """Money that the payer's bank took back. It has no status: one that was reversed has a moment when."""

    id: str
    amount: Amount
    reversed_at: datetime | None = None


@attrs.frozen
class Embedded:
    """What something brings along; None for what is not told."""

    payments: list[Any] | None = None
    refunds: list[Refund] | None = None
    chargebacks: list[Chargeback] | None = None


@attrs.frozen(kw_only=True, field_transformer=camel_case)
class Payment:
    """A payment. Of the moments only those are there that were reached."""

    id: str
    mode: str
    status: str
    amount: Amount
    created_at: datetime
    profile_id: str
    metadata: Any = None
    details: Any = None
    capture_mode: str | None = None
    amount_captured: Amount | None = None
    amount_refunded: Amount | None = None
    amount_charged_back: Amount | None = None
    expires_at: datetime | None = None
    authorized_at: datetime | None = None
    paid_at: datetime | None = None
    canceled_at: datetime | None = None
    expired_at: datetime | None = None
    failed_at: datetime | None = None
    links: Links = named("_links", default=Links())
    embedded: Embedded = named("_embedded", default=Embedded())


@attrs.frozen(kw_only=True)
class PaymentList:
    """One page of payments, newest first."""

    embedded: Embedded = named("_embedded")
    links: Links = named("_links")

    @property
    def payments(self) -> tuple[tuple[Payment, Mapping[str, Any]], ...]:
        """The payments on this page, each with the form in which Mollie sent it.

        Raises:
            UnexpectedResponseError: If there is no list of them, or one does not fit.
        """
        if self.embedded.payments is None:
            raise UnexpectedResponseError("the list of payments holds none, not even an empty one")
        return read_each(self.embedded.payments, lambda item: (structure(item, Payment), item))

    @property
    def next_id(self) -> str | None:
        """The id of the payment that the next page begins with; None on the last page.

        Only the id is taken of the address: where requests go is for the settings to say.

        Raises:
            UnexpectedResponseError: If the address of the next page holds none.
        """
        if self.links.next is None:
            return None
        try:
            found = parse_qs(urlsplit(self.links.next.href).query).get("from", [])
        except ValueError:
            found = []
        if len(found) != 1 or not is_payment_id(found[0]):
            raise UnexpectedResponseError("the address of the next page does not say where it begins")
        return found[0]


@attrs.frozen(kw_only=True, field_transformer=camel_case)
class Subscription:
    """A webhook subscription, as it is when it was just made: its secret is told this once."""

    id: str
    url: str
    webhook_secret: str


@attrs.frozen(kw_only=True, field_transformer=camel_case)
class Event:
    """A signed webhook: an event, or (so one page of the documentation) the payment itself, which has no type."""

    resource: str
    id: str
    type: str | None = None
    entity_id: str | None = None
    created_at: datetime | None = None
    embedded: dict[str, Any] = named("_embedded", default={})

    @property
    def payment_id(self) -> str | None:
        """The payment that it tells of; None if it tells of none, or does not say which.

        What an event brings along stands under ``entity``, or (so github.com/mollie/mollie-api-php,
        tests/Fixtures/Webhooks) under its own kind.
        """
        own = self.id if self.resource == "payment" else None
        brought = [each.get("paymentId") for each in self.embedded.values() if isinstance(each, Mapping)]
        places = (own, self.entity_id, *brought)
        return next((each for each in places if isinstance(each, str) and is_payment_id(each)), None)


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
    return loads(response.body)


def advice(response: HttpResponse) -> RetryAdvice | None:
    """Return what an answer says about repeating the request.

    Sources: docs.mollie.com, "API idempotency" and "Handling errors" (503: not performed, repeat it).
    """
    match response.status:
        case 503:
            return RetryAdvice.RETRY
        case 400:
            return RetryAdvice.DO_NOT_RETRY
        case 409:
            detail = _refusal(response).message.lower()
            if detail.startswith(_KEY_IN_USE):
                return RetryAdvice.IN_PROGRESS
            return RetryAdvice.DO_NOT_RETRY if detail.startswith(_DUPLICATE_REFUND) else None
    return None


def _refusal(response: HttpResponse) -> ProviderError:
    told = decode_or_none(response.body, Refusal)
    if told is None:
        return for_status(response.status, f"Mollie answered with HTTP status {response.status}")
    where = f" (field {told.field})" if told.field else ""
    return for_status(response.status, f"{told.detail.strip() or 'refused without a reason'}{where}", code=told.title)

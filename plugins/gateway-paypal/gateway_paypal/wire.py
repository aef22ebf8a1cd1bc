"""What PayPal sends: the fields of each answer and webhook that are used."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import attrs

from gateway_core import HttpResponse
from gateway_core.errors import (
    AuthenticationError,
    NotFoundError,
    ProviderError,
    UnexpectedResponseError,
    for_status,
)
from gateway_core.provider import RetryAdvice
from gateway_core.wire import decode_or_none, loads

#: The issue that says that the first request with this id is still under way.
_IN_PROGRESS = "PREVIOUS_REQUEST_IN_PROGRESS"

#: Codes that say more than the status.
ERRORS: Mapping[str, type[ProviderError]] = MappingProxyType({"invalid_client": AuthenticationError})


@attrs.frozen(kw_only=True)
class Token:
    """An access token, and for how many seconds it is good."""

    access_token: str
    expires_in: int


@attrs.frozen(kw_only=True)
class Amount:
    """An amount in major units, as text."""

    currency_code: str
    value: Decimal


@attrs.frozen(kw_only=True)
class HateoasLink:
    """What can be done next, and where."""

    href: str
    rel: str


@attrs.frozen(kw_only=True)
class RelatedIds:
    """What a capture or authorization belongs to."""

    order_id: str | None = None
    capture_id: str | None = None


@attrs.frozen(kw_only=True)
class SupplementaryData:
    """What stands beside a capture."""

    related_ids: RelatedIds | None = None


@attrs.frozen(kw_only=True)
class Money:
    """A capture, an authorization or a refund: money with a status of its own."""

    id: str
    status: str
    amount: Amount | None = None
    custom_id: str | None = None
    create_time: datetime | None = None
    supplementary_data: SupplementaryData | None = None
    links: list[HateoasLink] = attrs.field(factory=list)


@attrs.frozen(kw_only=True)
class Payments:
    """What has happened with an order's money."""

    authorizations: list[Money] = attrs.field(factory=list)
    captures: list[Money] = attrs.field(factory=list)
    refunds: list[Money] = attrs.field(factory=list)


@attrs.frozen(kw_only=True)
class PurchaseUnit:
    """What is bought."""

    amount: Amount | None = None
    custom_id: str | None = None
    payments: Payments | None = None


@attrs.frozen(kw_only=True)
class Order:
    """An order: the invoice. A short answer has no `purchase_units`."""

    id: str
    status: str
    intent: str | None = None
    purchase_units: list[PurchaseUnit] = attrs.field(factory=list)
    create_time: datetime | None = None
    links: list[HateoasLink] = attrs.field(factory=list)

    @property
    def unit(self) -> PurchaseUnit:
        """The one thing that is bought.

        Raises:
            UnexpectedResponseError: If there is another number of them.
        """
        if len(self.purchase_units) != 1:
            raise UnexpectedResponseError("the answer does not fit: an order of one purchase unit expected")
        return self.purchase_units[0]

    @property
    def payments(self) -> Payments:
        """What has happened with its money."""
        return self.unit.payments or Payments()


@attrs.frozen(kw_only=True)
class TransactionInfo:
    """One line of the transaction search."""

    transaction_id: str
    transaction_event_code: str
    transaction_initiation_date: datetime
    transaction_status: str
    transaction_amount: Amount
    paypal_reference_id: str | None = None
    paypal_reference_id_type: str | None = None


@attrs.frozen(kw_only=True)
class Transactions:
    """One page of the transaction search."""

    transaction_details: list[dict[str, Any]]
    total_pages: int


@attrs.frozen(kw_only=True)
class Event:
    """A webhook."""

    id: str
    event_type: str
    resource: dict[str, Any]
    create_time: str | None = None


@attrs.frozen(kw_only=True)
class Dispute:
    """A dispute of the payer's."""

    dispute_id: str
    status: str
    dispute_amount: Amount | None = None


@attrs.frozen(kw_only=True)
class Webhook:
    """A registered webhook."""

    id: str
    url: str


@attrs.frozen(kw_only=True)
class Verification:
    """The answer to the question whether PayPal has sent a webhook."""

    verification_status: str


@attrs.frozen(kw_only=True)
class _Detail:
    issue: str | None = None
    description: str | None = None
    field: str | None = None


@attrs.frozen(kw_only=True)
class _Refusal:
    """A refusal of the API, or one of its OAuth server, which has other names."""

    name: str | None = None
    message: str | None = None
    debug_id: str | None = None
    details: list[_Detail] = attrs.field(factory=list)
    error: str | None = None
    error_description: str | None = None


def read(response: HttpResponse) -> Any:
    """Return what an answer holds.

    Raises:
        ProviderError: If it is a refusal, in PayPal's own words, or no JSON.
    """
    if not response.ok:
        raise _refusal(response)
    return loads(response.body)


def lifetime(response: HttpResponse) -> float | None:
    """Return for how many seconds a token may be used: until shortly before its end; None if it tells none."""
    token = decode_or_none(response.body, Token)
    return None if token is None else max(token.expires_in - 60, 0)


def advice(response: HttpResponse) -> RetryAdvice | None:
    """Return what PayPal says about repeating a request (source: Payments v2, PREVIOUS_REQUEST_IN_PROGRESS)."""
    if response.ok:
        return None
    return RetryAdvice.IN_PROGRESS if _issue(_read_refusal(response)) == _IN_PROGRESS else None


def _refusal(response: HttpResponse) -> ProviderError:
    refusal = _read_refusal(response)
    told = "; ".join(
        f"{each.field}: {each.description or each.issue}" if each.field else str(each.description or each.issue)
        for each in refusal.details
        if each.description or each.issue
    )
    text = told or refusal.message or refusal.error_description
    error = for_status(
        response.status,
        text or f"PayPal answered HTTP {response.status} without an explanation",
        code=_issue(refusal),
        request_id=refusal.debug_id or response.headers.get("Paypal-Debug-Id"),
        codes=ERRORS,
    )
    if isinstance(error, NotFoundError):
        error.gone = True  # an order that was not paid is forgotten after some hours
    return error


def _issue(refusal: _Refusal) -> str | None:
    """Return the stable word for what is wrong: the first detail's issue, or else the name."""
    return next((each.issue for each in refusal.details if each.issue), None) or refusal.name or refusal.error


def _read_refusal(response: HttpResponse) -> _Refusal:
    return decode_or_none(response.body, _Refusal) or _Refusal()

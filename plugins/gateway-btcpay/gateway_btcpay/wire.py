"""What BTCPay Server sends: the fields of each answer that are used. The names are its own."""
# ruff: noqa: N815  # the attributes are named as the API names them

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import attrs

from gateway_core import HttpResponse
from gateway_core.errors import (
    AuthenticationError,
    PermissionDeniedError,
    ProviderError,
    UnexpectedResponseError,
    for_status,
)
from gateway_core.wire import loads, structure


@attrs.frozen
class Metadata:
    """What the shop stored with an invoice; others may store anything, so nothing in it is demanded."""

    orderId: Any = None


@attrs.frozen
class Invoice:
    """An invoice. `amount` is null in a top-up invoice, `paidAmount` is missing before version 2.2."""

    id: str
    storeId: str
    currency: str
    checkoutLink: str
    createdTime: int
    expirationTime: int
    status: str
    additionalStatus: str
    amount: Decimal | None = None
    paidAmount: Decimal | None = None
    metadata: Metadata | None = None


@attrs.frozen
class Payment:
    """A payment of one invoice, by one method; `value` is in the method's currency."""

    id: str
    receivedDate: int
    value: Decimal
    status: str


@attrs.frozen
class PaymentMethod:
    """One way to pay an invoice, with the payments that came this way."""

    currency: str
    payments: list[Payment]
    paymentMethodId: str = ""


@attrs.frozen
class PullPayment:
    """What a refund is: a page on which the buyer claims the money."""

    id: str
    currency: str
    amount: Decimal
    viewLink: str
    startsAt: int | None = None


@attrs.frozen
class Event:
    """What every webhook has; `invoiceId` is missing in those about something else."""

    originalDeliveryId: str
    type: str
    timestamp: int
    storeId: str
    invoiceId: str | None = None


@attrs.frozen
class Webhook:
    """A registered webhook; its secret is told in the answer to the registration only."""

    id: str
    url: str
    secret: str | None = None


@attrs.frozen
class _Refusal:
    code: str | None = None
    message: str | None = None
    missingPermission: str | None = None


@attrs.frozen
class _FieldFault:
    path: str
    message: str


#: The codes of the errors that the HTTP status does not tell apart.
_BY_CODE: Mapping[str, type[ProviderError]] = MappingProxyType(
    {"unauthenticated": AuthenticationError, "missing-permission": PermissionDeniedError}
)


def read(response: HttpResponse) -> Any:
    """Return what an answer holds.

    Raises:
        ProviderError: If it is a refusal, in the server's own words, or no JSON.
    """
    if not response.ok:
        raise _refusal(response)
    try:
        return loads(response.body)
    except UnexpectedResponseError as error:
        error.http_status = response.status
        raise


def _refusal(response: HttpResponse) -> ProviderError:
    """Read both forms of a refusal: an object with a code, or an array of the fields that are wrong."""
    try:
        answer = loads(response.body)
        if isinstance(answer, list):
            faults = structure(answer, list[_FieldFault])
            text = "; ".join(f"{fault.path}: {fault.message}" for fault in faults)
            return for_status(response.status, text or "refused without a reason", code="validation")
        refusal = structure(answer, _Refusal)
    except UnexpectedResponseError:
        return for_status(response.status, f"BTCPay Server answered HTTP {response.status} without an explanation")
    text = refusal.message or "refused without a reason"
    if refusal.missingPermission:
        text = f"{text} (the permission {refusal.missingPermission} is missing)"
    kind = _BY_CODE.get(refusal.code or "")
    if kind is not None and response.status in (401, 403):
        return kind(text, http_status=response.status, code=refusal.code)
    return for_status(response.status, text, code=refusal.code)

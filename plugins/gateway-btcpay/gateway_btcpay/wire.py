"""What BTCPay Server sends: the fields of each answer that are used. Its names are in camel case."""

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
    for_status,
)
from gateway_core.wire import UnixTime, camel_case, decode_or_none, loads


@attrs.frozen(kw_only=True, field_transformer=camel_case)
class Metadata:
    """What the shop stored with an invoice; others may store anything, so nothing in it is demanded."""

    order_id: Any = None


@attrs.frozen(kw_only=True, field_transformer=camel_case)
class Invoice:
    """An invoice. `amount` is null in a top-up invoice, `paid_amount` is missing before version 2.2."""

    id: str
    store_id: str
    currency: str
    checkout_link: str
    created_time: UnixTime
    expiration_time: UnixTime
    status: str
    additional_status: str
    amount: Decimal | None = None
    paid_amount: Decimal | None = None
    metadata: Metadata | None = None


@attrs.frozen(kw_only=True, field_transformer=camel_case)
class Payment:
    """A payment of one invoice, by one method; `value` is in the method's currency."""

    id: str
    received_date: UnixTime
    value: Decimal
    status: str


@attrs.frozen(kw_only=True, field_transformer=camel_case)
class PaymentMethod:
    """One way to pay an invoice, with the payments that came this way, as they were sent."""

    currency: str
    payments: list[dict[str, Any]]
    payment_method_id: str = ""


@attrs.frozen(kw_only=True, field_transformer=camel_case)
class PullPayment:
    """What a refund is: a page on which the buyer claims the money."""

    id: str
    currency: str
    amount: Decimal
    view_link: str
    starts_at: UnixTime | None = None


@attrs.frozen(kw_only=True, field_transformer=camel_case)
class Event:
    """What every webhook has; `invoice_id` is missing in those about something else."""

    original_delivery_id: str
    type: str
    timestamp: UnixTime
    store_id: str
    invoice_id: str | None = None


@attrs.frozen(kw_only=True, field_transformer=camel_case)
class Webhook:
    """A registered webhook; its secret is told in the answer to the registration only."""

    id: str
    url: str
    secret: str | None = None


@attrs.frozen(kw_only=True, field_transformer=camel_case)
class _Refusal:
    code: str | None = None
    message: str | None = None
    missing_permission: str | None = None


@attrs.frozen(kw_only=True, field_transformer=camel_case)
class _FieldFault:
    path: str
    message: str


MISSING_PERMISSION = "missing-permission"

#: The codes of the errors that the HTTP status does not tell apart.
ERRORS: Mapping[str, type[ProviderError]] = MappingProxyType(
    {"unauthenticated": AuthenticationError, MISSING_PERMISSION: PermissionDeniedError}
)


def read(response: HttpResponse) -> Any:
    """Return what an answer holds.

    Raises:
        ProviderError: If it is a refusal, in the server's own words, or no JSON.
    """
    if not response.ok:
        raise _refusal(response)
    return loads(response.body)


def _refusal(response: HttpResponse) -> ProviderError:
    """Read both forms of a refusal: an object with a code, or an array of the fields that are wrong."""
    faults = decode_or_none(response.body, list[_FieldFault])
    if faults is not None:
        text = "; ".join(f"{fault.path}: {fault.message}" for fault in faults)
        return for_status(response.status, text or "refused without a reason", code="validation")
    refusal = decode_or_none(response.body, _Refusal) or _Refusal()
    text = refusal.message or f"BTCPay Server answered HTTP {response.status} without an explanation"
    if refusal.missing_permission:
        text = f"{text} (the permission {refusal.missing_permission} is missing)"
    return for_status(response.status, text, code=refusal.code, codes=ERRORS)

"""What Adyen sends: the fields of each answer and webhook that are used."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs

from gateway_core import HttpResponse
from gateway_core.errors import ProviderError, for_status
from gateway_core.provider import RetryAdvice
from gateway_core.wire import camel_case, decode_or_none, loads

#: The error that says that the first request with this key is still under way (source: API idempotency).
_IN_PROGRESS = "704"


@attrs.frozen(kw_only=True)
class Amount:
    """An amount in Adyen's minor units."""

    currency: str
    value: int


@attrs.frozen(kw_only=True, field_transformer=camel_case)
class Link:
    """A payment link: the invoice."""

    id: str
    url: str
    status: str
    reference: str
    merchant_account: str
    amount: Amount
    expires_at: datetime | None = None
    manual_capture: bool | None = None


@attrs.frozen(kw_only=True, field_transformer=camel_case)
class Modification:
    """The answer to a capture, a cancellation or a refund: it was received, and the outcome comes by webhook."""

    psp_reference: str
    status: str
    merchant_account: str
    payment_psp_reference: str | None = None
    reference: str | None = None
    amount: Amount | None = None


@attrs.frozen(kw_only=True, field_transformer=camel_case)
class PaymentMethods:
    """What an account offers; which methods these are is not looked at."""

    payment_methods: list[Any]


@attrs.frozen(kw_only=True, field_transformer=camel_case)
class Item:
    """One event of a webhook."""

    event_code: str
    success: str
    psp_reference: str
    merchant_account_code: str
    amount: Amount
    merchant_reference: str = ""
    original_reference: str = ""
    event_date: str | None = None
    additional_data: dict[str, Any] | None = None


@attrs.frozen(kw_only=True)
class Envelope:
    """One item of a webhook, in its envelope."""

    NotificationRequestItem: dict[str, Any]


@attrs.frozen(kw_only=True, field_transformer=camel_case)
class Notification:
    """A webhook: one item or more. `live` is a word, and outside of every signature."""

    live: str
    notification_items: list[Envelope]


@attrs.frozen(kw_only=True, field_transformer=camel_case)
class _Refusal:
    error_code: str | None = None
    message: str | None = None
    psp_reference: str | None = None


def read(response: HttpResponse) -> Any:
    """Return what an answer holds.

    Raises:
        ProviderError: If it is a refusal, in Adyen's own words, or no JSON.
    """
    if not response.ok:
        raise _refusal(response)
    return loads(response.body)


def advice(response: HttpResponse) -> RetryAdvice | None:
    """Return what Adyen says about repeating a request (source: API idempotency, transient-error)."""
    if response.ok:
        return None
    if response.status in (409, 422) and _read_refusal(response).error_code == _IN_PROGRESS:
        return RetryAdvice.IN_PROGRESS
    if (response.headers.get("transient-error") or "").lower() == "true":
        return RetryAdvice.RETRY
    return None


def is_replayed(response: HttpResponse) -> bool:
    """Return whether the first answer to this key was given again: the answer then bears the key."""
    return "idempotency-key" in response.headers


def _refusal(response: HttpResponse) -> ProviderError:
    refusal = _read_refusal(response)
    text = refusal.message or f"Adyen answered HTTP {response.status} without an explanation"
    return for_status(response.status, text, code=refusal.error_code, request_id=refusal.psp_reference)


def _read_refusal(response: HttpResponse) -> _Refusal:
    return decode_or_none(response.body, _Refusal) or _Refusal()

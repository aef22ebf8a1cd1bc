"""What Stripe sends: the fields that are used of each object, and its errors. Names and words are Stripe's own."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import attrs

from gateway_core import HttpResponse
from gateway_core.errors import (
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    ProviderUnavailableError,
    RateLimitedError,
    UnexpectedResponseError,
    for_status,
)
from gateway_core.provider import RetryAdvice
from gateway_core.wire import UnixTime, decode_or_none, loads, structure

T = TypeVar("T")

#: Codes that say more than the status (docs.stripe.com/error-codes); all others are what their status says.
ERRORS: Mapping[str, type[ProviderError]] = MappingProxyType(
    {
        "rate_limit": RateLimitedError,
        "lock_timeout": RateLimitedError,
        "api_key_expired": AuthenticationError,
        "secret_key_required": AuthenticationError,
        "account_invalid": PermissionDeniedError,
    }
)

_ADVICE = {"true": RetryAdvice.RETRY, "false": RetryAdvice.DO_NOT_RETRY}

#: How Stripe refuses an id that has not the form of its ids: with status 400.
_MALFORMED_ID = "Invalid checkout.session id"


@attrs.frozen(kw_only=True)
class List:
    """A page of a list."""

    data: list[Any]
    has_more: bool


@attrs.frozen(kw_only=True)
class Refund:
    """A refund."""

    id: str
    amount: int
    currency: str
    created: UnixTime
    status: str | None = None
    reason: str | None = None
    metadata: dict[str, str] | None = None


@attrs.frozen(kw_only=True)
class Dispute:
    """A dispute of a charge."""

    amount: int
    currency: str
    status: str


@attrs.frozen(kw_only=True)
class Charge:
    """One try to take the money; `refunds` is there where it was asked for, with the ten newest."""

    id: str
    created: UnixTime
    captured: bool
    refunded: bool
    disputed: bool
    refunds: List | None = None


@attrs.frozen(kw_only=True)
class Intent:
    """A PaymentIntent: the payment of a session, through all its tries. `latest_charge` is an id, or the charge."""

    id: str
    status: str
    amount: int
    currency: str
    created: UnixTime
    amount_received: int = 0
    cancellation_reason: str | None = None
    latest_charge: Any = None

    @property
    def charge(self) -> Charge | None:
        """The current charge, where it was asked for and there is one."""
        return _whole(self.latest_charge, Charge)


@attrs.frozen(kw_only=True)
class Session:
    """A Checkout Session. `payment_intent` is None until the payer confirms; then an id, or the intent.

    Status, currency and amount may be missing in modes other than ``payment``.
    """

    id: str
    mode: str
    created: UnixTime
    expires_at: UnixTime
    payment_status: str
    status: str | None = None
    amount_total: int | None = None
    currency: str | None = None
    livemode: bool | None = None
    client_reference_id: str | None = None
    url: str | None = None
    metadata: dict[str, str] | None = None
    payment_intent: Any = None

    @property
    def intent(self) -> Intent | None:
        """The payment, where it was asked for and there is one."""
        return _whole(self.payment_intent, Intent)

    @property
    def intent_id(self) -> str | None:
        """The id of the payment, if there is one."""
        return id_of(self.payment_intent)


@attrs.frozen(kw_only=True)
class Endpoint:
    """A webhook endpoint; its secret is told once, in the answer to its creation."""

    id: str
    url: str
    enabled_events: list[str]
    secret: str | None = None


@attrs.frozen(kw_only=True)
class EventData:
    """What an event is about, as it was then."""

    object: dict[str, Any]


@attrs.frozen(kw_only=True)
class Event:
    """A webhook's body. `account` is there for events of connected accounts only."""

    id: str
    object: str
    data: EventData
    type: str = ""
    created: UnixTime | None = None
    livemode: bool | None = None
    account: str | None = None


@attrs.frozen
class _Refusal:
    error: dict[str, Any]


def id_of(value: Any) -> str | None:
    """Return the id of an object that is there whole, or by its id only; None if it is not there."""
    found = value.get("id") if isinstance(value, Mapping) else value
    return found if isinstance(found, str) else None


def _whole(value: Any, kind: type[T]) -> T | None:
    return structure(value, kind) if isinstance(value, Mapping) else None


def unwrap(response: HttpResponse) -> Mapping[str, Any]:
    """Return the object that Stripe answers with.

    Raises:
        ProviderError: If Stripe refuses.
        UnexpectedResponseError: If the answer is no object.
    """
    if not response.ok:
        raise _refusal(response)
    data = loads(response.body)
    if not isinstance(data, Mapping):
        raise UnexpectedResponseError("the answer is no object")
    return data


def retry_advice(response: HttpResponse) -> RetryAdvice | None:
    """Return what an answer says about repeating the request: by its header, before its status."""
    told = response.headers.get("Stripe-Should-Retry")
    if told in _ADVICE:
        return _ADVICE[told]
    if response.status == 409 and _error_of(response).get("code") == "idempotency_key_in_use":
        return RetryAdvice.IN_PROGRESS
    if response.status >= 500 and response.headers.get("Idempotent-Replayed") == "true":
        return RetryAdvice.DO_NOT_RETRY  # the failure is stored for the key
    return None


def says_too_many(response: HttpResponse) -> bool:
    """Return whether a refusal with status 400 means that there were too many requests."""
    return response.status == 400 and _error_of(response).get("code") == "rate_limit"


def _refusal(response: HttpResponse) -> ProviderError:
    error = _error_of(response)
    message = error.get("message") or f"HTTP status {response.status} without an explanation"
    code = error.get("code") or error.get("type")
    detail = error.get("decline_code") or response.headers.get("Stripe-Rate-Limited-Reason")
    text = f"{message} ({detail})" if detail else message
    kind: type[ProviderError] | None = None
    if response.status == 424:
        kind = ProviderUnavailableError  # what Stripe depends on has failed
    elif response.status == 400 and message.startswith(_MALFORMED_ID):
        kind = NotFoundError
    request_id = response.headers.get("Request-Id")
    if kind is not None:
        return kind(text, http_status=response.status, code=code, request_id=request_id)
    return for_status(response.status, text, code=code, request_id=request_id, codes=ERRORS)


def _error_of(response: HttpResponse) -> dict[str, str]:
    """Return the texts of the error in an answer; none if it holds no error of Stripe's form."""
    answer = decode_or_none(response.body, _Refusal)
    return {} if answer is None else {name: value for name, value in answer.error.items() if isinstance(value, str)}

"""Frozen's API, as flows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

import attrs

from gateway_core import (
    Flow,
    HttpRequest,
    HttpResponse,
    Invoice,
    InvoiceRequest,
    Page,
    Payment,
    PaymentQuery,
    ProviderInfo,
    RateLimit,
    Refund,
    RefundRequest,
    StatusReport,
    WebhookDelivery,
    WebhookRequest,
    hookimpl,
)
from gateway_core.errors import InvalidRequestError, ProviderError, UnexpectedResponseError, WebhookError, for_status
from gateway_core.http import endpoint
from gateway_core.provider import Idempotency, WebhookAuthentication
from gateway_core.webhooks import check_signature, check_timestamp, parse, single_header
from gateway_core.wire import decode, loads, naming_invoice, structure
from gateway_frozen_contract_1 import mapping
from gateway_frozen_contract_1.settings import BASE_URL, FrozenOptions, FrozenSettings
from gateway_frozen_contract_1.wire import WireAccount, WireRefusal

T = TypeVar("T")

_TOLERANCE = timedelta(minutes=5)
_LARGEST_PAGE = 100


@attrs.frozen
class Frozen:
    """One Frozen account.

    Args:
        settings: The account's settings.
    """

    settings: FrozenSettings

    info = ProviderInfo(
        title="Frozen",
        base_url=BASE_URL,
        currencies=tuple(mapping.CURRENCIES),
        exponents={"ISK": 2},
        rate_limits=[RateLimit(requests=10, seconds=1)],
        account_settings=["api_key"],
        webhook_authentication=WebhookAuthentication.SIGNATURE,
        webhook_timestamps=True,
        webhook_covers="the time of sending and every byte of the body",
        list_guarantee="every payment once, the oldest first; one that arrives meanwhile is on a later page",
        idempotency=Idempotency(scope="account", life=timedelta(hours=24)),
        options=FrozenOptions,
    )

    @hookimpl
    def create_invoice(self, request: InvoiceRequest) -> Flow[Invoice]:
        content = {
            "reference": request.order_id,
            "amount": mapping.units(request.amount),
            "currency": request.amount.currency,
            "description": request.description,
            "locale": request.options.locale,
            "return_url": request.return_url,
            "expires_in": request.expires_in and request.expires_in // timedelta(seconds=1),
            "metadata": dict(request.metadata),
        }
        # Always the same for one order, so that an order that is asked for twice has one invoice.
        key = hashlib.sha256(request.order_id.encode("utf-8")).hexdigest()
        headers = {**self._headers(), "Idempotency-Key": key}
        url = endpoint(self.settings.base_url, "v1", "invoices")
        ask = HttpRequest.json("POST", url, content, headers=headers, idempotency_key=key)
        response = yield ask
        with naming_invoice(response.body, "id"):
            return _read(response, mapping.invoice)

    @hookimpl
    def get_status(self, invoice_id: str) -> Flow[StatusReport]:
        return _read((yield self._get("invoices", invoice_id)), mapping.report)

    @hookimpl
    def find_invoice(self, order_id: str) -> Flow[Invoice | None]:
        response = yield self._get("invoices", reference=order_id)
        return _read(response, mapping.only_invoice)

    @hookimpl
    def cancel_invoice(self, invoice_id: str) -> Flow[StatusReport]:
        url = endpoint(self.settings.base_url, "v1", "invoices", invoice_id, "cancel")
        return _read((yield HttpRequest.json("POST", url, {}, headers=self._headers())), mapping.report)

    @hookimpl
    def refund_payment(self, request: RefundRequest) -> Flow[Refund]:
        content = {
            "reference": request.refund_id,
            "invoice": request.invoice_id,
            "amount": mapping.units(request.amount),
            "currency": request.amount.currency,
            "reason": request.reason,
        }
        key = hashlib.sha256(f"refund {request.refund_id}".encode()).hexdigest()
        headers = {**self._headers(), "Idempotency-Key": key}
        url = endpoint(self.settings.base_url, "v1", "refunds")
        ask = HttpRequest.json("POST", url, content, headers=headers, idempotency_key=key)
        return _read((yield ask), mapping.refund)

    @hookimpl
    def list_payments(self, query: PaymentQuery) -> Flow[Page[Payment]]:
        response = yield self._get(
            "payments",
            since=_text(query.since),
            until=_text(query.until),
            invoice=query.invoice_id,
            limit=min(query.page_size or _LARGEST_PAGE, _LARGEST_PAGE),
            cursor=query.cursor,
        )
        return _read(response, mapping.payments)

    @hookimpl
    def verify_webhook(self, request: WebhookRequest) -> WebhookDelivery:
        self._check_signature(request)
        event = parse(lambda body: mapping.event(loads(body)), request.body)
        return WebhookDelivery(events=[event], verified_by="signature")

    @hookimpl
    def check_account(self) -> Flow[None]:
        _read((yield self._get("account")), lambda answer: structure(answer, WireAccount))

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.settings.api_key.reveal()}"}

    def _get(self, *path: str, **query: str | int | None) -> HttpRequest:
        url = endpoint(self.settings.base_url, "v1", *path, query=query)
        return HttpRequest(method="GET", url=url, headers=self._headers())

    def _check_signature(self, request: WebhookRequest) -> None:
        if request.received_at is None:
            raise InvalidRequestError("received_at is missing: a gateway stamps it")
        header = single_header(request, "Frozen-Signature")
        fields = [part.partition("=") for part in header.split(",")]
        times = [value for name, _, value in fields if name == "t"]
        if len(times) != 1:
            raise WebhookError("its signature has no time, or several")
        check_timestamp(times[0], request.received_at, _TOLERANCE)
        signed = f"{times[0]}.".encode("ascii") + request.body
        keys = [secret.reveal().encode("utf-8") for secret in self.settings.webhook_secret]
        check_signature(signed, [value for name, _, value in fields if name == "v1"], keys)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _read(response: HttpResponse, read: Callable[[Any], T]) -> T:
    """Return what Frozen answered; raise what it refused with."""
    if not response.ok:
        raise _refusal(response)
    return read(loads(response.body))


def _refusal(response: HttpResponse) -> ProviderError:
    try:
        fault = decode(response.body, WireRefusal).error
        code, message = fault.code, fault.message
    except UnexpectedResponseError:
        code, message = None, f"HTTP {response.status} without an explanation"
    return for_status(response.status, message, code=code, request_id=response.headers.get("X-Request-Id"))

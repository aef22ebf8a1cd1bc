"""The API of Meadow, as flows.

A hook yields its requests, is sent the answers, and returns a record.
Nothing here opens a socket, reads a clock or is random: the core sends, waits, limits and tries again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    order_reference,
)
from gateway_core.errors import (
    InvalidRequestError,
    ProviderError,
    RejectedError,
    UnexpectedResponseError,
    WebhookError,
    for_status,
)
from gateway_core.http import bracketed, endpoint, idempotency_key
from gateway_core.provider import Idempotency, WebhookAuthentication
from gateway_core.webhooks import check_signature, check_timestamp, parse, single_header
from gateway_core.wire import decode, loads, naming_invoice, structure, to_unix

from gateway_meadow import mapping
from gateway_meadow.settings import BASE_URL, MeadowSettings
from gateway_meadow.wire import WireAccount, WireRefusal

T = TypeVar("T")

_TOLERANCE = timedelta(minutes=5)
_LARGEST_PAGE = 100


@attrs.frozen
class Meadow:
    """One account at Meadow.

    Args:
        settings: The account's settings.
    """

    settings: MeadowSettings

    info = ProviderInfo(
        title="Meadow",
        base_url=BASE_URL,
        currencies=tuple(mapping.CURRENCIES),
        exponents={"ISK": 2},
        honours=["description", "return_url", "expires_in", "metadata"],
        rate_limits=[RateLimit(requests=10, seconds=1)],
        account_settings=["api_key"],
        webhook_authentication=WebhookAuthentication.SIGNATURE,
        webhook_timestamps=True,
        webhook_covers="the time of sending and every byte of the body",
        list_guarantee="every payment once, the oldest first; one that arrives meanwhile is on a later page",
        idempotency=Idempotency(scope="account", life=timedelta(hours=24)),
        unsupported={"cancel_invoice": "Meadow does that in its dashboard only"},
    )

    @hookimpl
    def create_invoice(self, request: InvoiceRequest) -> Flow[Invoice]:
        fields = {
            "reference": request.reference,
            "amount": mapping.units(request.amount),
            "currency": request.amount.currency,
            "description": request.description,
            "return_url": request.return_url,
            "expires_in": request.expires_in and request.expires_in // timedelta(seconds=1),
            "metadata": request.metadata,
        }
        response = yield self._post("invoices", fields, idempotency_key("create", request.reference))
        with naming_invoice(response.body, "id"):
            return _read(response, mapping.invoice)

    @hookimpl
    def get_status(self, invoice_id: str) -> Flow[StatusReport]:
        return _read((yield self._get("invoices", invoice_id)), mapping.report)

    @hookimpl
    def list_payments(self, query: PaymentQuery) -> Flow[Page[Payment]]:
        response = yield self._get(
            "payments",
            since=_seconds(query.since),
            until=_seconds(query.until),
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

    def _check_signature(self, request: WebhookRequest) -> None:
        if request.received_at is None:
            raise InvalidRequestError("received_at is missing: a gateway stamps it")
        header = single_header(request, "Meadow-Signature")
        fields = [part.partition("=") for part in header.split(",")]
        times = [value for name, _, value in fields if name == "t"]
        if len(times) != 1:
            raise WebhookError("its signature has no time, or several")
        check_timestamp(times[0], request.received_at, _TOLERANCE)
        signed = f"{times[0]}.".encode("ascii") + request.body
        keys = [secret.reveal().encode("utf-8") for secret in self.settings.webhook_secret]
        check_signature(signed, [value for name, _, value in fields if name == "v1"], keys)

    @hookimpl
    def find_invoice(self, order_id: str, attempt: int) -> Flow[Invoice | None]:
        response = yield self._get("invoices", reference=order_reference(order_id, attempt))
        return _read(response, mapping.only_invoice)

    @hookimpl
    def refund_payment(self, request: RefundRequest) -> Flow[Refund]:
        charge = _read((yield self._get("invoices", request.invoice_id)), mapping.charge)
        if charge is None:
            raise RejectedError("nothing was paid that could go back")
        fields = {
            "charge": charge,
            "amount": mapping.units(request.amount),
            "currency": request.amount.currency,
            "reference": request.refund_id,
            "reason": request.reason,
        }
        response = yield self._post("refunds", fields, idempotency_key("refund", request.refund_id))
        return _read(response, mapping.refund)

    @hookimpl
    def check_account(self) -> Flow[None]:
        _read((yield self._get("account")), lambda answer: structure(answer, WireAccount))

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.settings.api_key.reveal()}"}

    def _get(self, *path: str, **query: str | int | None) -> HttpRequest:
        url = endpoint(self.settings.base_url, "v1", *path, query=query)
        return HttpRequest(method="GET", url=url, headers=self._headers())

    def _post(self, path: str, fields: Mapping[str, Any], key: str) -> HttpRequest:
        headers = {**self._headers(), "Idempotency-Key": key}
        url = endpoint(self.settings.base_url, "v1", path)
        return HttpRequest.form("POST", url, bracketed(fields), headers=headers, idempotency_key=key)


def _read(response: HttpResponse, read: Callable[[Any], T]) -> T:
    """Return what was answered; raise what was refused with."""
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


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else to_unix(moment, up=True)

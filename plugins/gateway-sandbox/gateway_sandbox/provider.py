"""The sandbox's API, as flows."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

import attrs

from gateway_core import (
    Capture,
    CaptureRequest,
    Flow,
    HttpRequest,
    HttpResponse,
    Invoice,
    InvoiceRequest,
    Page,
    Payment,
    PaymentQuery,
    ProviderInfo,
    Refund,
    RefundRequest,
    StatusReport,
    WebhookDelivery,
    WebhookRequest,
    hookimpl,
)
from gateway_core.errors import (
    InvalidRequestError,
    ProviderError,
    RejectedError,
    UnexpectedResponseError,
    for_status,
)
from gateway_core.http import endpoint, idempotency_key
from gateway_core.models import order_reference
from gateway_core.provider import Expiry, Idempotency, ListFilter, WebhookAuthentication
from gateway_core.webhooks import check_standard, parse
from gateway_core.wire import decode, loads, naming_invoice, structure
from gateway_sandbox import mapping
from gateway_sandbox.settings import BASE_URL, SandboxOptions, SandboxSettings
from gateway_sandbox.wire import WireAccount, WireRefusal

T = TypeVar("T")

#: The most that the sandbox puts on a page.
_LARGEST_PAGE = 100


@attrs.frozen
class Sandbox:
    """One account at a sandbox.

    Args:
        settings: The account's settings.
    """

    settings: SandboxSettings

    info = ProviderInfo(
        title="Sandbox",
        base_url=BASE_URL,
        options=SandboxOptions,
        honours=("description", "return_url", "expires_in", "metadata"),
        expiry=Expiry(minimum=timedelta(seconds=1), maximum=timedelta(days=365)),
        list_filter=ListFilter(by="payment"),
        webhook_authentication=WebhookAuthentication.SIGNATURE,
        webhook_covers="the event's id, the time of sending and every byte of the body (Standard Webhooks, v1)",
        webhook_timestamps=True,
        list_guarantee=(
            "every payment once, in the order of arrival; one that arrives while the list is read is on a later page,"
            " or missing if the last page was given before it came"
        ),
        idempotency=Idempotency(scope="account", life=None, replay_header="Idempotent-Replayed"),
        account_settings=("api_key",),
        notes=(
            "No real money moves.",
            "A declined payment may be tried again until the invoice's time is over: FAILED can still become PAID.",
            "A disputed payment stays PAID until it is lost: then it is REFUNDED.",
            "An idempotency key is remembered for as long as the sandbox's state file is kept.",
        ),
    )

    @hookimpl
    def create_invoice(self, request: InvoiceRequest) -> Flow[Invoice]:
        options: SandboxOptions = request.options or SandboxOptions()
        content = {
            "order_id": request.reference,
            "amount": mapping.amount_to_wire(request.amount),
            "description": request.description,
            "return_url": request.return_url,
            "expires_in": _whole_seconds(request.expires_in),
            "metadata": dict(request.metadata),
            "capture": options.capture,
        }
        response = yield self._post(content, "invoices", key=idempotency_key("invoice", request.reference))
        with naming_invoice(response.body, "id"):
            return _read(response, mapping.invoice)

    @hookimpl
    def get_status(self, invoice_id: str) -> Flow[StatusReport]:
        response = yield self._get("invoices", invoice_id)
        return _read(response, mapping.report)

    @hookimpl
    def list_payments(self, query: PaymentQuery) -> Flow[Page[Payment]]:
        response = yield self._get(
            "payments",
            query={
                "invoice_id": query.invoice_id,
                "created_gte": _moment(query.since),
                "created_lt": _moment(query.until),
                "limit": min(query.page_size or _LARGEST_PAGE, _LARGEST_PAGE),
                "cursor": query.cursor,
            },
        )
        return _read(response, lambda answer: mapping.payments(answer, query.invoice_id))

    @hookimpl
    def verify_webhook(self, request: WebhookRequest) -> WebhookDelivery:
        event_id = check_standard(request, self.settings.webhook_secret, self.settings.webhook_tolerance)
        event = parse(lambda body: mapping.event(loads(body), event_id), request.body)
        return WebhookDelivery(events=(event,), verified_by="signature")

    @hookimpl
    def find_invoice(self, order_id: str, attempt: int) -> Flow[Invoice | None]:
        response = yield self._get("invoices", query={"order_id": order_reference(order_id, attempt), "limit": 2})
        return _read(response, mapping.only_invoice)

    @hookimpl
    def cancel_invoice(self, invoice_id: str) -> Flow[StatusReport]:
        response = yield self._post({}, "invoices", invoice_id, "cancel")
        return _read(response, mapping.report)

    @hookimpl
    def refund_payment(self, request: RefundRequest) -> Flow[Refund]:
        content = {
            "invoice_id": request.invoice_id,
            "amount": mapping.amount_to_wire(request.amount),
            "reference": request.refund_id,
            "reason": request.reason,
        }
        response = yield self._post(content, "refunds", key=idempotency_key("refund", request.refund_id))
        return _read(response, lambda answer: mapping.refund(answer, request.refund_id))

    @hookimpl
    def capture_payment(self, request: CaptureRequest) -> Flow[Capture]:
        content = {
            "invoice_id": request.invoice_id,
            "amount": None if request.amount is None else mapping.amount_to_wire(request.amount),
            "reference": request.capture_id,
        }
        response = yield self._post(content, "captures", key=idempotency_key("capture", request.capture_id))
        return _read(response, lambda answer: mapping.capture(answer, request.capture_id))

    def get_refund(self, refund_id: str) -> Flow[Refund]:
        """Return a refund as it stands now, such as one that was PENDING. Run it with `Gateway.run`.

        Args:
            refund_id: The sandbox's id of it, `Refund.id`.

        Raises:
            NotFoundError: If there is none.
        """
        response = yield self._get("refunds", refund_id)
        return _read(response, mapping.refund)

    @hookimpl
    def check_account(self) -> Flow[None]:
        response = yield self._get("account")
        _read(response, lambda answer: structure(answer, WireAccount))

    def _get(self, *path: str, query: Mapping[str, str | int | None] | None = None) -> HttpRequest:
        url = endpoint(self.settings.base_url, "v1", *path, query=query)
        return HttpRequest(method="GET", url=url, headers=self._headers())

    def _post(self, content: Mapping[str, Any], *path: str, key: str | None = None) -> HttpRequest:
        url = endpoint(self.settings.base_url, "v1", *path)
        headers = self._headers() if key is None else {**self._headers(), "Idempotency-Key": key}
        return HttpRequest.json("POST", url, content, headers=headers, idempotency_key=key)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.settings.api_key.reveal()}", "Accept": "application/json"}


def _whole_seconds(time: timedelta | None) -> int | None:
    if time is None:
        return None
    seconds, rest = divmod(time, timedelta(seconds=1))
    if rest:
        raise InvalidRequestError("expires_in must be a whole number of seconds")
    return seconds


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _read(response: HttpResponse, read: Callable[[Any], T]) -> T:
    """Return what the sandbox answered; raise what it refused with."""
    if not response.ok:
        raise _refusal(response)
    try:
        return read(loads(response.body))
    except UnexpectedResponseError as error:
        error.http_status = response.status
        error.request_id = response.headers.get("X-Request-Id")
        raise


def _refusal(response: HttpResponse) -> ProviderError:
    explain = functools.partial(for_status, response.status, request_id=response.headers.get("X-Request-Id"))
    try:
        fault = decode(response.body, WireRefusal).error
    except UnexpectedResponseError:
        return explain(f"HTTP {response.status} without an explanation that can be read")
    if fault.code == "idempotency_conflict":
        return RejectedError(
            "the same id was used before, with other content: give a new one, or the content of the first request",
            http_status=response.status,
            code=fault.code,
            request_id=response.headers.get("X-Request-Id"),
        )
    return explain(f"{fault.field}: {fault.message}" if fault.field else fault.message, code=fault.code)

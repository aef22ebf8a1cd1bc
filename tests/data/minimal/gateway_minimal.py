"""A provider with the required hooks and nothing else: the control for the broken ones."""

from __future__ import annotations

from decimal import Decimal

import attrs

from gateway_core import (
    Flow,
    HttpRequest,
    Invoice,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    Page,
    Payment,
    PaymentQuery,
    PaymentStatus,
    ProviderInfo,
    Secret,
    StatusReport,
    WebhookDelivery,
    WebhookEvent,
    WebhookRequest,
    hookimpl,
)
from gateway_core.http import endpoint
from gateway_core.provider import WebhookAuthentication, base_url_field, secret_field
from gateway_core.webhooks import check_signature, single_header
from gateway_core.wire import decode


@attrs.frozen(kw_only=True)
class Settings:
    """One account."""

    api_key: Secret = secret_field()
    base_url: str = base_url_field("https://minimal.example.com")


@attrs.frozen(kw_only=True)
class Bill:
    """An invoice on the wire."""

    id: str
    total: Decimal
    currency: str
    paid: Decimal


@attrs.frozen
class Minimal:
    """One account at a provider that exists in tests only."""

    settings: Settings
    info = ProviderInfo(
        title="Minimal",
        contract_version=1,
        base_url="https://minimal.example.com",
        webhook_authentication=WebhookAuthentication.SIGNATURE,
    )

    @hookimpl
    def create_invoice(self, request: InvoiceRequest) -> Flow[Invoice]:
        body = {"order": request.order_id, "total": request.amount.amount, "currency": request.amount.currency}
        response = yield HttpRequest.json("POST", self._url("bills"), body, headers=self._headers())
        bill = decode(response.body, Bill)
        return Invoice(
            id=bill.id,
            order_id=request.order_id,
            status=InvoiceStatus.PENDING,
            amount=Money(bill.total, bill.currency),
            payment_url=self._url("pay", bill.id),
        )

    @hookimpl
    def get_status(self, invoice_id: str) -> Flow[StatusReport]:
        response = yield HttpRequest(method="GET", url=self._url("bills", invoice_id), headers=self._headers())
        return _report(decode(response.body, Bill))

    @hookimpl
    def list_payments(self, query: PaymentQuery) -> Flow[Page[Payment]]:
        response = yield HttpRequest(method="GET", url=self._url("bills"), headers=self._headers())
        return Page([_payment(bill) for bill in decode(response.body, list[Bill]) if bill.paid])

    @hookimpl
    def verify_webhook(self, request: WebhookRequest) -> WebhookDelivery:
        key = self.settings.api_key.reveal().encode()
        check_signature(request.body, [single_header(request, "X-Signature")], [key])
        bill = decode(request.body, Bill)
        event = WebhookEvent(id=f"{bill.id}:{bill.paid}", kind="bill", invoice_id=bill.id, report=_report(bill))
        return WebhookDelivery(events=(event,), verified_by="signature")

    def _url(self, *segments: str) -> str:
        return endpoint(self.settings.base_url, *segments)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.settings.api_key.reveal()}"}


def _report(bill: Bill) -> StatusReport:
    return StatusReport(
        invoice_id=bill.id,
        status=InvoiceStatus.PENDING,
        expected=Money(bill.total, bill.currency),
        received=Money(bill.paid, bill.currency),
    )


def _payment(bill: Bill) -> Payment:
    amount = Money(bill.paid, bill.currency)
    return Payment(id=f"p-{bill.id}", invoice_id=bill.id, amount=amount, status=PaymentStatus.CONFIRMED)

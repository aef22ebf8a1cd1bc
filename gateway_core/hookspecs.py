"""The hooks that a provider plugin implements.

A hook implementation is a flow: it yields an `HttpRequest`, is sent the `HttpResponse`, and returns the result. One
that needs no request returns its result directly. The core gives time as data, and nothing in a flow is random. A whole
provider, of a company that signs its webhooks and answers in JSON:

>>> from decimal import Decimal
>>> import attrs
>>> from gateway_core import (
...     Flow, HttpRequest, Invoice, InvoiceRequest, InvoiceStatus, Money, Page, Payment, PaymentQuery, PaymentStatus,
...     ProviderInfo, Secret, StatusReport, WebhookDelivery, WebhookEvent, WebhookRequest, hookimpl,
... )
>>> from gateway_core import errors, webhooks, wire
>>> from gateway_core.http import endpoint
>>> from gateway_core.provider import base_url_field, secret_field
>>> WORDS = {"open": InvoiceStatus.PENDING, "settled": InvoiceStatus.PAID, "void": InvoiceStatus.CANCELED}
>>> @attrs.frozen(kw_only=True)
... class TinySettings:
...     api_key: Secret = secret_field()
...     webhook_secret: Secret = secret_field()
...     base_url: str = base_url_field("https://api.tiny.example/v1")
>>> @attrs.frozen
... class TinyInvoice:
...     id: str
...     state: str
...     total: Decimal
...     currency: str
...     page: str | None = None
>>> @attrs.frozen
... class Tiny:
...     settings: TinySettings
...     info = ProviderInfo(title="Tiny", base_url="https://api.tiny.example/v1", webhook_covers="the body")
...
...     @hookimpl
...     def create_invoice(self, request: InvoiceRequest) -> Flow[Invoice]:
...         body = {"total": request.amount.amount, "currency": request.amount.currency, "ref": request.reference}
...         found = yield from self._ask(HttpRequest.json("POST", self._url(), body, headers=self._headers))
...         amount = Money(found.total, found.currency)
...         status = WORDS.get(found.state, InvoiceStatus.UNKNOWN)
...         return Invoice(id=found.id, order_id=request.order_id, status=status, amount=amount, payment_url=found.page)
...
...     @hookimpl
...     def get_status(self, invoice_id: str) -> Flow[StatusReport]:
...         request = HttpRequest(method="GET", url=self._url(invoice_id), headers=self._headers)
...         return self._report((yield from self._ask(request)))
...
...     @hookimpl
...     def list_payments(self, query: PaymentQuery) -> Flow[Page[Payment]]:
...         raise errors.UnsupportedOperationError("Tiny lists no payments")
...         yield
...
...     @hookimpl
...     def verify_webhook(self, request: WebhookRequest) -> WebhookDelivery:
...         signature = webhooks.single_header(request, "Tiny-Signature")
...         webhooks.check_signature(request.body, [signature], [self.settings.webhook_secret.reveal().encode()])
...         found = webhooks.parse(lambda body: wire.decode(body, TinyInvoice), request.body)
...         event = WebhookEvent(
...             id=f"{found.id}:{found.state}", kind=found.state, invoice_id=found.id, report=self._report(found)
...         )
...         return WebhookDelivery(events=[event], verified_by="signature")
...
...     @property
...     def _headers(self) -> dict[str, str]:
...         return {"Authorization": f"Bearer {self.settings.api_key.reveal()}"}
...
...     def _url(self, *segments: str) -> str:
...         return endpoint(self.settings.base_url, "invoices", *segments)
...
...     def _ask(self, request: HttpRequest) -> Flow[TinyInvoice]:
...         response = yield request
...         if not response.ok:
...             raise errors.for_status(response.status, "Tiny refused")
...         return wire.decode(response.body, TinyInvoice)
...
...     def _report(self, found: TinyInvoice) -> StatusReport:
...         status = WORDS.get(found.state, InvoiceStatus.UNKNOWN)
...         expected = Money(found.total, found.currency)
...         return StatusReport(invoice_id=found.id, status=status, expected=expected, provider_status=found.state)

Nothing of it needs a network to be tried:

>>> tiny = Tiny(TinySettings(api_key="key", webhook_secret="whsec"))
>>> flow = tiny.create_invoice(InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR")))
>>> next(flow).body
b'{"total": 49.90, "currency": "EUR", "ref": "1042"}'
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypeAlias, TypeVar

from gateway_core._markers import hookspec
from gateway_core.http import Flow
from gateway_core.models.capture import Capture, CaptureRequest
from gateway_core.models.invoice import Invoice, InvoiceRequest, StatusReport
from gateway_core.models.payment import Page, Payment, PaymentQuery
from gateway_core.models.refund import Refund, RefundRequest
from gateway_core.models.webhook import WebhookDelivery, WebhookRegistration, WebhookRequest

T = TypeVar("T")

#: What an implementation gives, a flow, or the result itself where nothing has to be asked.
Outcome: TypeAlias = Flow[T] | T

#: The hooks that every provider implements.
REQUIRED = ("create_invoice", "get_status", "list_payments", "verify_webhook")
#: The hooks that a provider implements where its API can.
OPTIONAL = (
    "find_invoice",
    "cancel_invoice",
    "refund_payment",
    "capture_payment",
    "check_account",
    "register_webhook",
)


@hookspec(firstresult=True)
def create_invoice(request: InvoiceRequest) -> Outcome[Invoice]:  # type: ignore[empty-body]  # a declaration
    """Create an invoice.

    Put ``request.reference``, which names the order and the attempt, where the provider stores the order's key, and
    into the idempotency key. Give every field that `ProviderInfo.honours` names to the provider.

    The core has checked the currency, the amount, the options and the fields against `ProviderInfo`, and stamped
    ``request.requested_at``.
    """


@hookspec(firstresult=True)
def get_status(invoice_id: str) -> Outcome[StatusReport]:  # type: ignore[empty-body]  # a declaration
    """Report what is known of an invoice now.

    Give the life-cycle word as ``status``, a word that is not in your table as UNKNOWN, the provider's own word, one
    word of its answer, as ``provider_status``, and the amounts where the provider tells them: the core derives the
    rest. What a later refund, capture or cancellation needs goes into ``references``: a plugin keeps nothing.
    """


@hookspec(firstresult=True)
def list_payments(query: PaymentQuery) -> Outcome[Page[Payment]]:  # type: ignore[empty-body]  # a declaration
    """Return one page of the payments, and the cursor of the next. The core iterates."""


@hookspec(firstresult=True)
def verify_webhook(request: WebhookRequest) -> Outcome[WebhookDelivery]:  # type: ignore[empty-body]  # a declaration
    """Verify a webhook, before anything in it is parsed; raise `WebhookError` for whatever is not genuine.

    Where the provider does not sign, read no more than an id, ask the provider for that object, and believe its answer
    only. Nothing is changed at the provider: the core refuses a request that is not ``safe``.
    """


@hookspec(firstresult=True)
def find_invoice(order_id: str, attempt: int, since: datetime | None) -> Outcome[Invoice | None]:
    """Look an invoice up by the shop's key: how a lost answer is found again.

    None if there surely is none, within `ProviderInfo.find_reach`; where that cannot be said, raise `OutOfReachError`.
    The reference to look for is ``order_reference(order_id, attempt)``; ``since`` is a moment before which the invoice
    was surely not made. An implementation takes the arguments that it uses; one without ``attempt`` is asked for first
    attempts only.
    """


@hookspec(firstresult=True)
def cancel_invoice(  # type: ignore[empty-body]  # a declaration
    invoice_id: str, references: Mapping[str, str]
) -> Outcome[StatusReport]:
    """Call an unpaid invoice off, or void an authorization. It ends as CANCELED, or EXPIRED where that is its word.

    ``references`` is what the plugin gave as ``references`` of the invoice or its report, if the caller kept it.
    """


@hookspec(firstresult=True)
def refund_payment(request: RefundRequest) -> Outcome[Refund]:  # type: ignore[empty-body]  # a declaration
    """Give money back: a part, a further part, or the rest. The idempotency key is made of ``request.refund_id``.

    A refund that the provider has accepted and not yet carried out is PENDING.
    """


@hookspec(firstresult=True)
def capture_payment(request: CaptureRequest) -> Outcome[Capture]:  # type: ignore[empty-body]  # a declaration
    """Take authorized money, the whole or a part. The idempotency key is made of ``request.capture_id``."""


@hookspec(firstresult=True)
def check_account() -> Outcome[None]:
    """Make one harmless read with the real credentials; raise if they do not work."""


@hookspec(firstresult=True)
def register_webhook(url: str) -> Outcome[WebhookRegistration]:  # type: ignore[empty-body]  # a declaration
    """Register the shop's webhook address at the provider, for every event that the plugin reads."""

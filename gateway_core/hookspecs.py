"""The hooks that a provider plugin implements.

A hook implementation is a flow: it yields an `HttpRequest`, is sent the `HttpResponse`, and returns the result. One that
needs no request returns its result directly. The core gives time as data, and nothing in a flow is random.
"""

from __future__ import annotations

import pluggy

from gateway_core.http import Flow
from gateway_core.models.invoice import Invoice, InvoiceRequest, Refund, RefundRequest, StatusReport
from gateway_core.models.payment import Page, Payment, PaymentQuery
from gateway_core.models.webhook import WebhookDelivery, WebhookRequest

PROJECT = "gateway_core"

#: Marks a method as the implementation of a hook.
hookimpl = pluggy.HookimplMarker(PROJECT)
_hookspec = pluggy.HookspecMarker(PROJECT)

#: The hooks that every provider implements.
REQUIRED = ("create_invoice", "get_status", "list_payments", "verify_webhook")
#: The hooks that a provider implements where its API can.
OPTIONAL = ("find_invoice", "cancel_invoice", "refund_payment", "check_account")


@_hookspec(firstresult=True)
def create_invoice(request: InvoiceRequest) -> Flow[Invoice] | Invoice:  # type: ignore[empty-body]  # a declaration
    """Create an invoice.

    The core has checked the currency and the options against `ProviderInfo`, and stamped ``request.requested_at``.
    """


@_hookspec(firstresult=True)
def get_status(invoice_id: str) -> Flow[StatusReport] | StatusReport:  # type: ignore[empty-body]  # a declaration
    """Report what is known of an invoice now.

    Give the life-cycle word as ``status``, a word that is not in your table as UNKNOWN, the provider's own word as
    ``provider_status``, and the amounts where the provider tells them: the core derives the rest.
    """


@_hookspec(firstresult=True)
def list_payments(query: PaymentQuery) -> Flow[Page[Payment]] | Page[Payment]:  # type: ignore[empty-body]  # a declaration
    """Return one page of the payments, and the cursor of the next. The core iterates."""


@_hookspec(firstresult=True)
def verify_webhook(request: WebhookRequest) -> Flow[WebhookDelivery] | WebhookDelivery:  # type: ignore[empty-body]  # a declaration
    """Verify a webhook, before anything in it is parsed; raise `WebhookError` for whatever is not genuine.

    Where the provider does not sign, read no more than an id, ask the provider for that object, and believe its answer only.
    """


@_hookspec(firstresult=True)
def find_invoice(order_id: str) -> Flow[Invoice | None] | Invoice | None:
    """Look an invoice up by the shop's key: how a lost answer is found again. None if there surely is none."""


@_hookspec(firstresult=True)
def cancel_invoice(invoice_id: str) -> Flow[StatusReport] | StatusReport:  # type: ignore[empty-body]  # a declaration
    """Call an unpaid invoice off."""


@_hookspec(firstresult=True)
def refund_payment(request: RefundRequest) -> Flow[Refund] | Refund:  # type: ignore[empty-body]  # a declaration
    """Give money back."""


@_hookspec(firstresult=True)
def check_account() -> Flow[None] | None:
    """Make one harmless read with the real credentials; raise if they do not work."""

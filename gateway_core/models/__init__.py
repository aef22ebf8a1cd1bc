"""What an application sees: immutable records, without any knowledge of providers or HTTP."""

from gateway_core.models.currency import Currency
from gateway_core.models.headers import Headers
from gateway_core.models.invoice import Invoice, InvoiceRequest, Refund, RefundRequest, StatusReport
from gateway_core.models.money import Money
from gateway_core.models.payment import Page, Payment, PaymentQuery, PaymentStatus
from gateway_core.models.secret import Secret
from gateway_core.models.status import LEGAL_MOVES, AmountVerdict, InvoiceStatus
from gateway_core.models.webhook import Acknowledgement, WebhookDelivery, WebhookEvent, WebhookRequest

__all__ = [
    "LEGAL_MOVES",
    "Acknowledgement",
    "AmountVerdict",
    "Currency",
    "Headers",
    "Invoice",
    "InvoiceRequest",
    "InvoiceStatus",
    "Money",
    "Page",
    "Payment",
    "PaymentQuery",
    "PaymentStatus",
    "Refund",
    "RefundRequest",
    "Secret",
    "StatusReport",
    "WebhookDelivery",
    "WebhookEvent",
    "WebhookRequest",
]

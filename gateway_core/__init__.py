"""A payment gateway abstraction with pluggable providers."""

from gateway_core import errors
from gateway_core._markers import hookimpl
from gateway_core.async_gateway import AsyncGateway
from gateway_core.gateway import Gateway
from gateway_core.http import Flow, HttpRequest, HttpResponse
from gateway_core.models import (
    Acknowledgement,
    AmountVerdict,
    Currency,
    Invoice,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    Page,
    Payment,
    PaymentQuery,
    PaymentStatus,
    Refund,
    RefundRequest,
    Secret,
    StatusReport,
    WebhookDelivery,
    WebhookEvent,
    WebhookRequest,
)
from gateway_core.provider import ProviderInfo, RateLimit

__all__ = [
    "Acknowledgement",
    "AmountVerdict",
    "AsyncGateway",
    "Currency",
    "Flow",
    "Gateway",
    "HttpRequest",
    "HttpResponse",
    "Invoice",
    "InvoiceRequest",
    "InvoiceStatus",
    "Money",
    "Page",
    "Payment",
    "PaymentQuery",
    "PaymentStatus",
    "ProviderInfo",
    "RateLimit",
    "Refund",
    "RefundRequest",
    "Secret",
    "StatusReport",
    "WebhookDelivery",
    "WebhookEvent",
    "WebhookRequest",
    "errors",
    "hookimpl",
]

"""A payment gateway abstraction with pluggable providers."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway_core import errors
    from gateway_core._markers import hookimpl
    from gateway_core.async_gateway import AsyncGateway
    from gateway_core.gateway import Gateway
    from gateway_core.gateways import AsyncGateways, Gateways
    from gateway_core.http import Flow, HttpRequest, HttpResponse
    from gateway_core.models import (
        Acknowledgement,
        Address,
        AmountVerdict,
        Capture,
        CaptureRequest,
        CaptureStatus,
        Currency,
        Customer,
        Invoice,
        InvoiceRequest,
        InvoiceStatus,
        LineItem,
        Money,
        Move,
        Page,
        Payment,
        PaymentQuery,
        PaymentStatus,
        Refund,
        RefundRequest,
        RefundStatus,
        Review,
        Secret,
        StatusReport,
        WebhookDelivery,
        WebhookEvent,
        WebhookRegistration,
        WebhookRequest,
        order_reference,
        parse_reference,
    )
    from gateway_core.provider import ProviderInfo, RateLimit
else:
    from gateway_core._lazy import importing

    __getattr__ = importing(
        __name__,
        {
            "_markers": "hookimpl",
            "async_gateway": "AsyncGateway",
            "gateway": "Gateway",
            "gateways": "AsyncGateways Gateways",
            "http": "Flow HttpRequest HttpResponse",
            "models": (
                "Acknowledgement Address AmountVerdict Capture CaptureRequest CaptureStatus Currency Customer Invoice "
                "InvoiceRequest InvoiceStatus LineItem Money Move Page Payment PaymentQuery PaymentStatus Refund "
                "RefundRequest RefundStatus Review Secret StatusReport WebhookDelivery WebhookEvent "
                "WebhookRegistration WebhookRequest order_reference parse_reference"
            ),
            "provider": "ProviderInfo RateLimit",
            "": "async_gateway gateway gateways hookspecs http models observers provider transport errors",
        },
    )

__all__ = [
    "Acknowledgement",
    "Address",
    "AmountVerdict",
    "AsyncGateway",
    "AsyncGateways",
    "Capture",
    "CaptureRequest",
    "CaptureStatus",
    "Currency",
    "Customer",
    "Flow",
    "Gateway",
    "Gateways",
    "HttpRequest",
    "HttpResponse",
    "Invoice",
    "InvoiceRequest",
    "InvoiceStatus",
    "LineItem",
    "Money",
    "Move",
    "Page",
    "Payment",
    "PaymentQuery",
    "PaymentStatus",
    "ProviderInfo",
    "RateLimit",
    "Refund",
    "RefundRequest",
    "RefundStatus",
    "Review",
    "Secret",
    "StatusReport",
    "WebhookDelivery",
    "WebhookEvent",
    "WebhookRegistration",
    "WebhookRequest",
    "errors",
    "hookimpl",
    "order_reference",
    "parse_reference",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

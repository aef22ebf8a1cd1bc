"""What an application sees: immutable records, without any knowledge of providers or HTTP."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway_core.models.capture import Capture, CaptureRequest, CaptureStatus
    from gateway_core.models.currency import Currency
    from gateway_core.models.customer import Address, Customer
    from gateway_core.models.headers import Headers
    from gateway_core.models.invoice import Invoice, InvoiceRequest, StatusReport
    from gateway_core.models.line_item import LineItem
    from gateway_core.models.money import Money
    from gateway_core.models.move import Move, Review
    from gateway_core.models.payment import Page, Payment, PaymentQuery, PaymentStatus
    from gateway_core.models.reference import order_reference, parse_reference
    from gateway_core.models.refund import Refund, RefundRequest, RefundStatus
    from gateway_core.models.secret import Secret
    from gateway_core.models.status import LEGAL_MOVES, AmountVerdict, InvoiceStatus
    from gateway_core.models.webhook import (
        Acknowledgement,
        WebhookDelivery,
        WebhookEvent,
        WebhookRegistration,
        WebhookRequest,
    )
else:
    from gateway_core._lazy import importing

    __getattr__ = importing(
        __name__,
        {
            "capture": "Capture CaptureRequest CaptureStatus",
            "currency": "Currency",
            "customer": "Address Customer",
            "headers": "Headers",
            "invoice": "Invoice InvoiceRequest StatusReport",
            "line_item": "LineItem",
            "money": "Money",
            "move": "Move Review",
            "payment": "Page Payment PaymentQuery PaymentStatus",
            "reference": "order_reference parse_reference",
            "refund": "Refund RefundRequest RefundStatus",
            "secret": "Secret",
            "status": "LEGAL_MOVES AmountVerdict InvoiceStatus",
            "webhook": "Acknowledgement WebhookDelivery WebhookEvent WebhookRegistration WebhookRequest",
        },
    )

__all__ = [
    "LEGAL_MOVES",
    "Acknowledgement",
    "Address",
    "AmountVerdict",
    "Capture",
    "CaptureRequest",
    "CaptureStatus",
    "Currency",
    "Customer",
    "Headers",
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
    "order_reference",
    "parse_reference",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

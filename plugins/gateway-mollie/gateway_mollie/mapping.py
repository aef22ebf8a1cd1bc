"""From Mollie's words to the core's models, and back: one table or rule for each."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from gateway_core import (
    Capture,
    CaptureStatus,
    Customer,
    Invoice,
    InvoiceRequest,
    InvoiceStatus,
    LineItem,
    Money,
    Payment,
    PaymentStatus,
    Refund,
    RefundStatus,
    StatusReport,
)
from gateway_core.errors import InvalidRequestError
from gateway_core.http import idempotency_key
from gateway_core.models import parse_reference
from gateway_core.wire import dumps
from gateway_mollie import wire
from gateway_mollie.info import INFO

#: The complete list of the API description (payment-status): what each word makes of an invoice, and of a payment in a
#: list, None where no money is in it. A word that is not here is UNKNOWN.
STATUSES: Mapping[str, tuple[InvoiceStatus, PaymentStatus | None]] = MappingProxyType(
    {
        "open": (InvoiceStatus.PENDING, None),
        "pending": (InvoiceStatus.PENDING, PaymentStatus.PENDING),
        "authorized": (InvoiceStatus.AUTHORIZED, PaymentStatus.PENDING),
        "paid": (InvoiceStatus.PAID, PaymentStatus.CONFIRMED),
        "canceled": (InvoiceStatus.CANCELED, None),
        "expired": (InvoiceStatus.EXPIRED, None),
        "failed": (InvoiceStatus.FAILED, None),
    }
)

#: The complete list of the API description (refund-status). A word that is not here may still fail.
REFUND_STATUSES = MappingProxyType(
    {
        "queued": RefundStatus.PENDING,
        "pending": RefundStatus.PENDING,
        "processing": RefundStatus.PENDING,
        "refunded": RefundStatus.DONE,
        "failed": RefundStatus.FAILED,
        "canceled": RefundStatus.FAILED,
    }
)

#: The complete list of the API description (capture-status). A word that is not here may still fail.
CAPTURE_STATUSES = MappingProxyType(
    {"pending": CaptureStatus.PENDING, "succeeded": CaptureStatus.DONE, "failed": CaptureStatus.FAILED}
)

#: The languages of the payment page (API description, locale); the first of a language serves its other regions.
LOCALES = (
    *("ca_ES", "cs_CZ", "da_DK", "de_DE", "de_AT", "de_CH", "de_LU", "en_US", "en_BE", "en_GB", "en_NL", "es_ES"),
    *("fi_FI", "fr_FR", "fr_BE", "fr_LU", "hu_HU", "is_IS", "it_IT", "lt_LT", "lv_LV", "nb_NO", "nl_NL", "nl_BE"),
    *("pl_PL", "pt_PT", "sk_SK", "sv_SE"),
)

#: How many bytes of metadata Mollie keeps: "about 1 kB", and what becomes of more is not documented.
MOST_METADATA = 1024


def uuid_key(operation: str, *names: str) -> str:
    """Return the idempotency key of one thing of the shop's, in the form that Mollie wants, a UUID v4."""
    return str(uuid.UUID(idempotency_key(operation, *names)[:32], version=4))


def amount(money: Money) -> dict[str, str]:
    """Return an amount as Mollie takes it: text with exactly the currency's decimals."""
    return {"currency": money.currency, "value": INFO.to_text(money)}


def money(told: wire.Amount) -> Money:
    """Return an amount as Mollie tells it."""
    return Money.read(told.value, told.currency)


def metadata(request: InvoiceRequest) -> dict[str, Any]:
    """Return what Mollie keeps for us with a payment: the order's reference and the shop's own metadata.

    Raises:
        InvalidRequestError: If it is more than Mollie keeps.
    """
    kept: dict[str, Any] = {"order_id": request.reference}
    if request.metadata:
        kept["metadata"] = dict(request.metadata)
    if len(dumps(kept)) > MOST_METADATA:
        raise InvalidRequestError(f"order id and metadata are more than the {MOST_METADATA} bytes that Mollie keeps")
    return kept


def locale(tag: str) -> str | None:
    """Return the language of the payment page for a BCP 47 tag; None if Mollie has none like it."""
    language, *rest = tag.lower().split("-")
    language = {"no": "nb", "nn": "nb"}.get(language, language)
    wanted = next((f"{language}_{part.upper()}" for part in rest if len(part) == 2), "")
    same = [each for each in LOCALES if each.startswith(f"{language}_")]
    return wanted if wanted in same else next(iter(same), None)


def address(customer: Customer) -> dict[str, str]:
    """Return a customer as a billing address. Of a full name, the last word is the family name."""
    given, _, family = (customer.name or "").rpartition(" ")
    told: dict[str, str | None] = {"givenName": given, "familyName": family, "email": customer.email}
    if customer.address is not None:
        told |= {
            "streetAndNumber": customer.address.line1,
            "streetAdditional": customer.address.line2,
            "postalCode": customer.address.postal_code,
            "city": customer.address.city,
            "region": customer.address.state,
            "country": customer.address.country,
        }
    return {name: value for name, value in told.items() if value}


def line(item: LineItem) -> dict[str, Any]:
    """Return a position of an invoice as an order line."""
    return {
        "description": item.name,
        "quantity": item.quantity,
        "unitPrice": amount(item.unit_amount),
        "totalAmount": amount(item.total),
    }


def invoice(payment: wire.Payment, raw: Mapping[str, Any]) -> Invoice:
    """Map a payment to the invoice that it is."""
    order_id, attempt = parse_reference(_text_in(payment.metadata, "order_id"))
    return Invoice(
        id=payment.id,
        order_id=order_id,
        attempt=attempt,
        status=_status(payment),
        amount=money(payment.amount),
        payment_url=None if payment.links.checkout is None else payment.links.checkout.href,
        created_at=payment.created_at,
        expires_at=payment.expires_at,
        raw=raw,
    )


def report(payment: wire.Payment, raw: Mapping[str, Any]) -> StatusReport:
    """Map a payment to what is known of its invoice.

    Mollie has no word for what went back: a payment stays ``paid``, and its refunds and chargebacks tell the rest.
    """
    order_id, attempt = parse_reference(_text_in(payment.metadata, "order_id"))
    expected = money(payment.amount)
    zero = expected - expected
    refunds = tuple(refund(each, {}) for each in payment.embedded.refunds or ())
    return StatusReport(
        invoice_id=payment.id,
        order_id=order_id,
        attempt=attempt,
        status=_status(payment),
        expected=expected,
        received=_received(payment, zero),
        refunded=_refunded(payment, refunds, zero),
        disputed=_disputed(payment, zero),
        refunds=refunds,
        provider_status=payment.status,
        raw=raw,
    )


def listed(payment: wire.Payment, raw: Mapping[str, Any]) -> Payment | None:
    """Map a payment of a list; None if there is no money in it."""
    _, status = STATUSES.get(payment.status, (None, PaymentStatus.UNKNOWN))
    if status is None:
        return None
    if payment.amount_charged_back is not None and payment.amount_charged_back.value >= payment.amount.value:
        status = PaymentStatus.FAILED
    return Payment(
        id=payment.id,
        invoice_id=payment.id,
        amount=_taken(payment),
        status=status,
        paid_at=payment.paid_at,
        reference=_text_in(payment.details, "transferReference"),
        raw=raw,
    )


def refund(told: wire.Refund, raw: Mapping[str, Any]) -> Refund:
    """Map a refund."""
    return Refund(
        id=told.id,
        refund_id=_text_in(told.metadata, "refund_id"),
        invoice_id=told.payment_id,
        amount=money(told.amount),
        status=REFUND_STATUSES.get(told.status, RefundStatus.PENDING),
        created_at=told.created_at,
        raw=raw,
    )


def capture(told: wire.Capture, raw: Mapping[str, Any], capture_id: str) -> Capture:
    """Map a capture."""
    return Capture(
        id=told.id,
        capture_id=capture_id,
        invoice_id=told.payment_id,
        amount=None if told.amount is None else money(told.amount),
        status=CAPTURE_STATUSES.get(told.status, CaptureStatus.PENDING),
        created_at=told.created_at,
        raw=raw,
    )


def changed_at(payment: wire.Payment) -> datetime | None:
    """Return when a payment came to its status; None if Mollie does not tell."""
    moment: datetime | None = getattr(payment, f"{payment.status}_at", None) if payment.status in STATUSES else None
    return moment


def state_key(payment: wire.Payment) -> str:
    """Return a text that is the same as long as nothing has happened to a payment: by it an event is known again."""
    captured = payment.amount_captured and f"{payment.amount_captured.value.normalize():f}"
    refunds = sorted(f"{each.id} {each.status}" for each in payment.embedded.refunds or ())
    chargebacks = sorted(f"{each.id} {each.reversed_at is None}" for each in payment.embedded.chargebacks or ())
    state = dumps([payment.status, captured, refunds, chargebacks])
    return f"{payment.id}:{hashlib.sha256(state).hexdigest()[:32]}"


def _status(payment: wire.Payment) -> InvoiceStatus:
    return STATUSES.get(payment.status, (InvoiceStatus.UNKNOWN, None))[0]


def _taken(payment: wire.Payment) -> Money:
    """Return what a payment is over: of one that was captured by hand, the part that was."""
    by_hand = payment.status == "paid" and payment.capture_mode == "manual"
    return money((by_hand and payment.amount_captured) or payment.amount)


def _received(payment: wire.Payment, zero: Money) -> Money | None:
    """Return what has come: of an authorized payment what was captured, of an unknown word nobody knows."""
    if payment.status not in STATUSES:
        return None
    if payment.status == "paid":
        return _taken(payment)
    if payment.status == "authorized" and payment.amount_captured is not None:
        return money(payment.amount_captured)
    return zero


def _refunded(payment: wire.Payment, refunds: tuple[Refund, ...], zero: Money) -> Money | None:
    """Return what has gone back. `amountRefunded` does not tell: it may count what is under way."""
    if payment.embedded.refunds is None and payment.amount_refunded is not None:
        return None
    return sum((each.amount for each in refunds if each.status is RefundStatus.DONE), zero)


def _disputed(payment: wire.Payment, zero: Money) -> Money:
    if payment.embedded.chargebacks is None:
        return zero if payment.amount_charged_back is None else money(payment.amount_charged_back)
    return sum((money(each.amount) for each in payment.embedded.chargebacks if each.reversed_at is None), zero)


def _text_in(told: Any, name: str) -> str | None:
    """Return a text in something of free form, such as metadata; None if it is not there."""
    found = told.get(name) if isinstance(told, Mapping) else None
    return found if isinstance(found, str) and found else None

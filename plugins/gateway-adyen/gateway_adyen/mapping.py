"""From Adyen's words to the core's models: tables, and one function for each record."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from gateway_adyen import wire
from gateway_adyen.settings import AdyenSettings
from gateway_core import (
    Capture,
    CaptureRequest,
    CaptureStatus,
    Invoice,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    ProviderInfo,
    Refund,
    RefundRequest,
    RefundStatus,
    StatusReport,
    parse_reference,
)
from gateway_core.errors import InvalidRequestError, UnexpectedResponseError
from gateway_core.http import present
from gateway_core.wire import structure

#: The name under which a report keeps the payment's pspReference, which every modification is asked by.
PAYMENT = "payment"

#: Where Adyen counts other decimals than ISO 4217 (source: docs.adyen.com, currency codes).
EXPONENTS: Mapping[str, int] = MappingProxyType({"CLP": 2, "CVE": 0, "IDR": 0, "ISK": 2})
_COUNTS = ProviderInfo(title="Adyen", exponents=EXPONENTS)

#: The status of a link under automatic capture (source: CheckoutService, PaymentLinkResponse.status). A word that is
#: not here is UNKNOWN. A refused attempt leaves a link active.
STATUSES: Mapping[str, InvoiceStatus] = MappingProxyType(
    {
        "active": InvoiceStatus.PENDING,
        "paymentPending": InvoiceStatus.PENDING,
        "completed": InvoiceStatus.PAID,
        "paid": InvoiceStatus.PAID,
        "expired": InvoiceStatus.EXPIRED,
    }
)

_LINK_ID = re.compile(r"PL[0-9A-F]{16}")
_PSP_REFERENCE = re.compile(r"[0-9A-Za-z]{16}")
_LONGEST_REFERENCE = 80
_MOST_PAIRS, _LONGEST_KEY, _LONGEST_VALUE = 20, 20, 80
_LONGEST_DESCRIPTION = 280


def amount(money: Money) -> dict[str, Any]:
    """Return an amount as Adyen takes it.

    Raises:
        InvalidRequestError: If it is not a whole number of the minor units that Adyen counts.
    """
    return {"currency": money.currency, "value": _COUNTS.to_minor(money)}


def money(told: wire.Amount, asked: Money | None = None) -> Money:
    """Read an amount of Adyen's."""
    return _COUNTS.from_minor(told.value, told.currency, asked=asked)


def link_body(request: InvoiceRequest, settings: AdyenSettings) -> dict[str, Any]:
    """Return the body that creates a payment link.

    Raises:
        InvalidRequestError: If a text or the metadata is longer than Adyen takes.
    """
    if len(request.description) > _LONGEST_DESCRIPTION:
        raise InvalidRequestError(f"description has {_LONGEST_DESCRIPTION} characters at Adyen, at most")
    _check_metadata(request.metadata)
    options, customer = request.options, request.customer
    address = customer and customer.address
    expires_at = None
    if request.expires_in is not None and request.requested_at is not None:
        expires_at = (request.requested_at + request.expires_in).isoformat(timespec="seconds")
    fields = {
        "merchantAccount": settings.merchant_account,
        "reference": request.reference,
        "amount": amount(request.amount),
        "description": request.description or None,
        "returnUrl": request.return_url,
        "expiresAt": expires_at,
        "shopperLocale": request.locale,
        "countryCode": options.country or (address.country if address else None),
        "shopperEmail": customer.email if customer else None,
        "shopperName": _name(customer.name) if customer and customer.name else None,
        "lineItems": [
            {
                "description": item.name,
                "quantity": item.quantity,
                "amountIncludingTax": _COUNTS.to_minor(item.unit_amount),
            }
            for item in request.line_items
        ]
        or None,
        "metadata": dict(request.metadata) or None,
        "allowedPaymentMethods": list(options.allowed_payment_methods) or None,
        "manualCapture": options.manual_capture,
    }
    return present(fields)


def invoice(raw: Any, settings: AdyenSettings, asked: Money | None = None, *, replayed: bool = False) -> Invoice:
    """Read a payment link of this account.

    Raises:
        UnexpectedResponseError: If it does not fit.
    """
    item = link(raw, settings)
    order_id, attempt = parse_reference(item.reference)
    return Invoice(
        id=item.id,
        order_id=order_id,
        attempt=attempt,
        status=status(item, settings),
        amount=money(item.amount, asked),
        payment_url=item.url,
        expires_at=item.expires_at,
        raw=raw,
        replayed=replayed,
    )


def link(raw: Any, settings: AdyenSettings) -> wire.Link:
    """Return the fields of a payment link that are used.

    Raises:
        UnexpectedResponseError: If it does not fit, or is another account's.
    """
    item = structure(raw, wire.Link)
    if item.merchant_account != settings.merchant_account:
        raise UnexpectedResponseError("the answer is about another merchant account")
    return item


def status(item: wire.Link, settings: AdyenSettings) -> InvoiceStatus:
    """Return what a link's status means: where money is captured by hand, a completed link has reserved it only."""
    word = STATUSES.get(item.status, InvoiceStatus.UNKNOWN)
    manual = settings.manual_capture if item.manual_capture is None else item.manual_capture
    return InvoiceStatus.AUTHORIZED if manual and word is InvoiceStatus.PAID else word


def report(item: wire.Link, raw: Any, settings: AdyenSettings, **more: Any) -> StatusReport:
    """Map a link to what is known of it, with what a webhook has shown besides.

    Raises:
        UnexpectedResponseError: If it does not fit.
    """
    order_id, attempt = parse_reference(item.reference)
    expected = money(item.amount)
    fields: dict[str, Any] = {"status": status(item, settings), "received": None, **more}
    if fields["status"] in (InvoiceStatus.PENDING, InvoiceStatus.EXPIRED, InvoiceStatus.AUTHORIZED):
        fields["received"] = expected - expected
    return StatusReport(
        invoice_id=item.id,
        order_id=order_id,
        attempt=attempt,
        expected=expected,
        provider_status=item.status,
        raw=raw,
        **fields,
    )


def payment_reference(references: Mapping[str, str]) -> str:
    """Return the pspReference of the payment that a modification is asked for.

    Raises:
        InvalidRequestError: If the caller did not hand it back.
    """
    found = references.get(PAYMENT)
    if found is None:
        raise InvalidRequestError(
            "Adyen modifies a payment by its pspReference, which the AUTHORISATION webhook tells: give the "
            "`references` of that event's report (the journal keeps them)"
        )
    if not _PSP_REFERENCE.fullmatch(found):
        raise InvalidRequestError("references: a pspReference is 16 letters and digits")
    return found


def modification_reference(link_id: str, key: str) -> str:
    """Return what a modification is called: its webhook bears it under the signature, so the link is known by it.

    A key of the shop's that is too long, or could be taken for a hash, stands there as its hash.
    """
    room = _LONGEST_REFERENCE - len(link_id) - 1
    fits = len(key) <= room and not key.startswith("sha256-")
    return f"{link_id}/{key if fits else 'sha256-' + hashlib.sha256(key.encode('utf-8')).hexdigest()[:48]}"


def link_of_reference(reference: str) -> tuple[str | None, str | None]:
    """Return the link's id and the shop's key of a modification of ours; None for what is none, or was hashed."""
    link_id, _, key = reference.partition("/")
    if not key or not _LINK_ID.fullmatch(link_id):
        return None, None
    return link_id, None if key.startswith("sha256-") else key


def is_link_id(text: object) -> bool:
    """Return whether a text is of the form of a link's id."""
    return isinstance(text, str) and _LINK_ID.fullmatch(text) is not None


def refund(raw: Any, request: RefundRequest, settings: AdyenSettings) -> Refund:
    """Map the answer to a refund: it was received, and its outcome comes by webhook.

    Raises:
        UnexpectedResponseError: If it does not fit, or is about another amount.
    """
    item = _received(raw, settings)
    told = request.amount if item.amount is None else money(item.amount, request.amount)
    if told != request.amount:
        raise UnexpectedResponseError("the answer is about a refund of another amount")
    return Refund(
        id=item.psp_reference,
        refund_id=request.refund_id,
        invoice_id=request.invoice_id,
        amount=told,
        status=RefundStatus.PENDING,
        raw=raw,
    )


def capture(raw: Any, request: CaptureRequest, settings: AdyenSettings) -> Capture:
    """Map the answer to a capture: it was received, and its outcome comes by webhook.

    Raises:
        UnexpectedResponseError: If it does not fit.
    """
    item = _received(raw, settings)
    return Capture(
        id=item.psp_reference,
        capture_id=request.capture_id,
        invoice_id=request.invoice_id,
        amount=request.amount if item.amount is None else money(item.amount, request.amount),
        status=CaptureStatus.PENDING,
        raw=raw,
    )


def check_received(raw: Any, settings: AdyenSettings) -> None:
    """Refuse an answer that does not say that a modification was received.

    Raises:
        UnexpectedResponseError: If it does not.
    """
    _received(raw, settings)


def _received(raw: Any, settings: AdyenSettings) -> wire.Modification:
    item = structure(raw, wire.Modification)
    if item.status != "received":
        raise UnexpectedResponseError("the answer does not say that the modification was received")
    if item.merchant_account != settings.merchant_account:
        raise UnexpectedResponseError("the answer is about another merchant account")
    return item


def _check_metadata(metadata: Mapping[str, str]) -> None:
    if len(metadata) > _MOST_PAIRS:
        raise InvalidRequestError(f"metadata has {_MOST_PAIRS} pairs at Adyen, at most")
    for key, value in metadata.items():
        if len(key) > _LONGEST_KEY or len(value) > _LONGEST_VALUE:
            raise InvalidRequestError(
                f"metadata: a key has {_LONGEST_KEY} and a value {_LONGEST_VALUE} characters at Adyen, at most"
            )
        if key == "checkout.linkId":
            raise InvalidRequestError("metadata: Adyen keeps the key checkout.linkId for itself")


def _name(name: str) -> dict[str, str] | None:
    """Return a name in the two parts that Adyen demands; None for one that has no two."""
    first, _, last = name.strip().rpartition(" ")
    return {"firstName": first, "lastName": last} if first else None

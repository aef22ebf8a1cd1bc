"""From Stripe's words to the core's models, and back: one table or rule for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from gateway_core import (
    Capture,
    CaptureRequest,
    CaptureStatus,
    Invoice,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    Payment,
    PaymentStatus,
    Refund,
    RefundStatus,
    StatusReport,
    parse_reference,
)
from gateway_core.errors import InvalidRequestError, UnexpectedResponseError
from gateway_core.wire import to_unix
from gateway_stripe import wire
from gateway_stripe.info import INFO
from gateway_stripe.settings import StripeOptions

#: The marks that we leave in a session's metadata: that the shop called it off, which Stripe has no word for, and that
#: the money is to be reserved only, which a session does not tell.
CANCELED_MARK = "gateway_canceled"
MANUAL_MARK = "gateway_manual_capture"
_MARKS = (CANCELED_MARK, MANUAL_MARK)

_S = InvoiceStatus

#: What an invoice is, by the status of its session and that of its PaymentIntent; None where there is no intent yet.
#: What is not here is UNKNOWN. (docs.stripe.com/payments/paymentintents/lifecycle, /checkout/fulfillment)
STATUSES: Mapping[tuple[str, str | None], InvoiceStatus] = MappingProxyType(
    {
        ("open", None): _S.PENDING,
        ("open", "requires_payment_method"): _S.PENDING,  # nothing tried yet, or declined: the payer may try again
        ("open", "requires_confirmation"): _S.PENDING,
        ("open", "requires_action"): _S.PENDING,
        ("open", "processing"): _S.PENDING,
        ("complete", "requires_payment_method"): _S.FAILED,  # a bank debit that came back, days later
        ("complete", "requires_confirmation"): _S.PENDING,
        ("complete", "requires_action"): _S.PENDING,
        ("complete", "processing"): _S.PENDING,
        ("complete", "requires_capture"): _S.AUTHORIZED,
        ("complete", "succeeded"): _S.PAID,
        ("complete", "canceled"): _S.CANCELED,
        ("expired", None): _S.EXPIRED,
        ("expired", "requires_payment_method"): _S.EXPIRED,
        ("expired", "requires_confirmation"): _S.EXPIRED,
        ("expired", "requires_action"): _S.EXPIRED,
        ("expired", "canceled"): _S.EXPIRED,
    }
)

#: What nobody can pay any more, and nobody has to call off.
ENDED = (_S.CANCELED, _S.EXPIRED, _S.FAILED)

#: The words of `payment_status`: whether the money is there. The intent tells more, where it is known.
PAYMENT_STATUSES = ("paid", "unpaid", "no_payment_required")

#: Reasons for which Stripe itself cancels an intent: a hold that nobody captured in time.
_LAPSED = ("automatic", "expired")

#: What a payment is, by its intent's status.
PAYMENTS: Mapping[str, PaymentStatus] = MappingProxyType(
    {
        "requires_payment_method": PaymentStatus.FAILED,
        "requires_confirmation": PaymentStatus.PENDING,
        "requires_action": PaymentStatus.PENDING,
        "processing": PaymentStatus.PENDING,
        "requires_capture": PaymentStatus.PENDING,
        "succeeded": PaymentStatus.CONFIRMED,
        "canceled": PaymentStatus.FAILED,
    }
)

#: What a capture is, by the status of its intent afterwards.
CAPTURES: Mapping[str, CaptureStatus] = MappingProxyType(
    {
        "requires_capture": CaptureStatus.PENDING,
        "processing": CaptureStatus.PENDING,
        "succeeded": CaptureStatus.DONE,
        "canceled": CaptureStatus.FAILED,
        "requires_payment_method": CaptureStatus.FAILED,
    }
)

#: What a refund is. A new word is PENDING: what is neither done nor failed may still become either.
REFUNDS: Mapping[str, RefundStatus] = MappingProxyType(
    {
        "pending": RefundStatus.PENDING,
        "requires_action": RefundStatus.PENDING,
        "succeeded": RefundStatus.DONE,
        "failed": RefundStatus.FAILED,
        "canceled": RefundStatus.FAILED,
    }
)

#: The reason of a refund that is none: a hold lapsed, and no money had been taken.
RELEASED_HOLD = "expired_uncaptured_charge"

#: Disputes that are over without loss. All others count, those with a new word too.
SETTLED_DISPUTES = ("won", "prevented", "warning_closed")

#: The reasons for a refund that Stripe knows; any other text is kept in the metadata.
REFUND_REASONS = ("duplicate", "fraudulent", "requested_by_customer")

#: The languages of the payment page (stripe-python 16.1.0, params/checkout/_session_create_params.py).
LOCALES = MappingProxyType(
    {
        tag.lower(): tag
        for tag in (
            *("bg", "cs", "da", "de", "el", "en", "en-GB", "es", "es-419", "et", "fi", "fil", "fr", "fr-CA", "hi-IN"),
            *("hr", "hu", "id", "it", "ja", "ko", "lt", "lv", "ms", "mt", "nb", "nl", "pl", "pt", "pt-BR", "ro", "ru"),
            *("sk", "sl", "sv", "th", "tr", "vi", "zh", "zh-HK", "zh-TW"),
        )
    }
)

_MOST_ITEMS = 100
_MOST_METADATA = 50
_LONGEST_KEY = 40
_LONGEST_VALUE = 500


def create_fields(request: InvoiceRequest, default_return_url: str | None) -> dict[str, Any]:
    """Return what a session is made of, as nested fields.

    Raises:
        InvalidRequestError: If Stripe could not make one of it.
    """
    options: StripeOptions = request.options
    if request.amount.network is not None:
        raise InvalidRequestError("Stripe takes no crypto assets")
    return_url = request.return_url or default_return_url
    if return_url is None:
        raise InvalidRequestError("Stripe makes no session without return_url: give it here or in the settings")
    metadata = _metadata(request.metadata)
    manual = options.capture_method == "manual"
    fields: dict[str, Any] = {
        "mode": "payment",
        "client_reference_id": request.reference,
        "success_url": return_url,
        "cancel_url": request.cancel_url,
        "customer_email": request.customer and request.customer.email,
        "locale": locale_of(request.locale),
        "line_items": _line_items(request),
        "metadata": {**metadata, **({MANUAL_MARK: "true"} if manual else {})},
        "payment_intent_data": {
            "capture_method": options.capture_method,
            "description": request.description.strip() or None,
            "metadata": metadata,
        },
    }
    if request.expires_in is not None and request.requested_at is not None:
        fields["expires_at"] = to_unix(request.requested_at + request.expires_in)
    return fields


def locale_of(tag: str | None) -> str | None:
    """Return the payment page's language that comes closest to a tag; None leaves it to the payer's browser."""
    if tag is None:
        return None
    wanted = tag.lower()
    if wanted.startswith("zh-hant"):
        return "zh-TW"
    language = wanted.partition("-")[0]
    return LOCALES.get(wanted) or LOCALES.get({"no": "nb", "nn": "nb"}.get(language, language))


def _line_items(request: InvoiceRequest) -> list[dict[str, Any]]:
    if not request.line_items:
        return [_line_item(request.description.strip() or f"Order {request.order_id}", 1, request.amount)]
    if len(request.line_items) > _MOST_ITEMS:
        raise InvalidRequestError(f"Stripe takes {_MOST_ITEMS} line items at most")
    return [_line_item(item.name, item.quantity, item.unit_amount) for item in request.line_items]


def _line_item(name: str, quantity: int, unit_amount: Money) -> dict[str, Any]:
    price = {"currency": unit_amount.currency.lower(), "unit_amount": INFO.to_minor(unit_amount)}
    return {"quantity": quantity, "price_data": {**price, "product_data": {"name": name}}}


def _metadata(given: Mapping[str, str]) -> dict[str, str]:
    if len(given) > _MOST_METADATA - len(_MARKS):
        raise InvalidRequestError(f"Stripe keeps {_MOST_METADATA - len(_MARKS)} metadata besides the gateway's own")
    for name, value in given.items():
        fits = 0 < len(name) <= _LONGEST_KEY and not {"[", "]"} & set(name) and len(value) <= _LONGEST_VALUE
        if not fits or name in _MARKS:
            raise InvalidRequestError(
                f"metadata at Stripe have names of 1 to {_LONGEST_KEY} characters without brackets, other than "
                f"{' and '.join(_MARKS)}, and {_LONGEST_VALUE} characters at most"
            )
    return dict(given)


def invoice(session: wire.Session, raw: Mapping[str, Any], asked: Money | None = None) -> Invoice:
    """Map a session to an invoice.

    Raises:
        UnexpectedResponseError: If it asks for no amount.
    """
    order_id, attempt = parse_reference(session.client_reference_id)
    return Invoice(
        id=session.id,
        order_id=order_id,
        attempt=attempt,
        status=status_of(session, session.intent),
        amount=amount_of(session, asked),
        payment_url=session.url,
        created_at=session.created,
        expires_at=session.expires_at,
        raw=raw,
        references=references_of(session),
    )


def report(
    session: wire.Session, raw: Mapping[str, Any], refunds: Sequence[Refund], disputes: Iterable[wire.Dispute]
) -> StatusReport:
    """Map a session that was read with its intent and charge.

    Args:
        session: The session.
        raw: As it came.
        refunds: All its refunds.
        disputes: All its disputes.
    """
    intent = session.intent
    expected = amount_of(session)
    nothing = expected - expected
    if intent is not None:
        received: Money | None = money(intent.amount_received, intent.currency)
    else:
        # What costs nothing is paid without any money; the core takes "nothing came" for unpaid.
        received = None if session.payment_status == "no_payment_required" else nothing
    return _report(
        session,
        raw,
        status=status_of(session, intent),
        provider_status=(session.status or "") if intent is None else intent.status,
        received=received,
        refunded=_sum([refund.amount for refund in refunds if refund.status is RefundStatus.DONE], nothing),
        disputed=_sum(
            [money(each.amount, each.currency) for each in disputes if each.status not in SETTLED_DISPUTES], nothing
        ),
        refunds=tuple(refunds),
    )


def snapshot(session: wire.Session, raw: Mapping[str, Any], *, failed: bool) -> StatusReport:
    """Map a session of an event, which names its payment by the id only: `payment_status` tells whether money came.

    Args:
        session: The session. The hold of a manual capture is not told by it.
        raw: As it came.
        failed: Whether the event says that the payment failed.
    """
    expected = amount_of(session)
    word = session.payment_status
    contradictory = word == "paid" and (failed or session.status != "complete")
    if word not in PAYMENT_STATUSES or contradictory:
        status = _S.UNKNOWN
    elif session.status == "complete":
        status = _S.PAID if word != "unpaid" else _S.FAILED if failed else _S.PENDING
    else:
        status, word = status_of(session, None), session.status or ""
    received = {"paid": expected, "no_payment_required": None}.get(word, expected - expected)
    return _report(session, raw, status=status, provider_status=word, received=received)


def status_of(session: wire.Session, intent: wire.Intent | None) -> InvoiceStatus:
    """Return what an invoice is. The intent is trusted where there is one; what is not in the table is UNKNOWN."""
    if session.payment_status not in PAYMENT_STATUSES:
        return _S.UNKNOWN
    if intent is None and session.status == "complete" and session.payment_status == "no_payment_required":
        return _S.PAID
    status = STATUSES.get((session.status or "", None if intent is None else intent.status), _S.UNKNOWN)
    if status is _S.CANCELED and intent is not None and intent.cancellation_reason in _LAPSED:
        return _S.EXPIRED
    if status is _S.EXPIRED and (session.metadata or {}).get(CANCELED_MARK):
        return _S.CANCELED
    return status


def payment(session: wire.Session, intent: wire.Intent, raw: Mapping[str, Any]) -> Payment:
    """Map the payment of a session that was read with its intent and charge."""
    charge = intent.charge
    status = PAYMENTS.get(intent.status, PaymentStatus.UNKNOWN)
    if status is PaymentStatus.CONFIRMED and charge is not None and charge.captured and charge.refunded:
        status = PaymentStatus.REFUNDED
    came = intent.amount_received if intent.status == "succeeded" else intent.amount
    return Payment(
        id=intent.id,
        invoice_id=session.id,
        amount=money(came, intent.currency),
        status=status,
        paid_at=intent.created if charge is None else charge.created,
        reference=None if charge is None else charge.id,
        raw=raw,
        references=references_of(session),
    )


def refund(invoice_id: str, found: wire.Refund, raw: Mapping[str, Any]) -> Refund:
    """Map a refund."""
    return Refund(
        id=found.id,
        refund_id=(found.metadata or {}).get("refund_id"),
        invoice_id=invoice_id,
        amount=money(found.amount, found.currency),
        status=REFUNDS.get(found.status or "", RefundStatus.PENDING),
        created_at=found.created,
        raw=raw,
    )


def capture(request: CaptureRequest, intent: wire.Intent, raw: Mapping[str, Any]) -> Capture:
    """Map the answer to a capture, which is the intent: Stripe has no object of its own for it."""
    status = CAPTURES.get(intent.status, CaptureStatus.PENDING)
    taken = money(intent.amount_received, intent.currency) if status is CaptureStatus.DONE else None
    return Capture(
        id=wire.id_of(intent.latest_charge) or intent.id,
        capture_id=request.capture_id,
        invoice_id=request.invoice_id,
        amount=taken,
        status=status,
        raw=raw,
        references={"payment_intent": intent.id},
    )


def amount_of(session: wire.Session, asked: Money | None = None) -> Money:
    """Return what a session asks for.

    Raises:
        UnexpectedResponseError: If it does not say.
    """
    if session.amount_total is None or session.currency is None:
        raise UnexpectedResponseError("the answer does not fit: a session in payment mode has an amount and a currency")
    return INFO.from_minor(session.amount_total, session.currency.upper(), asked=asked)


def money(units: int, currency: str) -> Money:
    """Return an amount as Stripe counts it."""
    return INFO.from_minor(units, currency.upper())


def references_of(session: wire.Session) -> dict[str, str]:
    """Return the ids that a later refund or capture needs."""
    intent, charge = session.intent_id, session.intent and wire.id_of(session.intent.latest_charge)
    return {name: found for name, found in (("payment_intent", intent), ("charge", charge)) if found}


def _report(session: wire.Session, raw: Mapping[str, Any], **told: Any) -> StatusReport:
    order_id, attempt = parse_reference(session.client_reference_id)
    return StatusReport(
        invoice_id=session.id,
        order_id=order_id,
        attempt=attempt,
        expected=amount_of(session),
        raw=raw,
        references=references_of(session),
        **told,
    )


def _sum(amounts: Sequence[Money], nothing: Money) -> Money | None:
    """Return the sum of amounts; None if they are in several currencies, which cannot be added."""
    start = amounts[0] - amounts[0] if amounts else nothing
    return None if any(each.unit != start.unit for each in amounts) else sum(amounts, start=start)

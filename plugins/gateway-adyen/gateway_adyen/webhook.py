"""Adyen's webhooks: each item bears a signature over eight of its fields, and what may be made of it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import attrs

from gateway_adyen import mapping, wire
from gateway_adyen.settings import AdyenSettings
from gateway_core import InvoiceStatus, Refund, RefundStatus, StatusReport, WebhookEvent, WebhookRequest
from gateway_core.errors import WebhookError, WebhookReason
from gateway_core.webhooks import check_signature, parse
from gateway_core.wire import decode, moment_or_none, structure

#: What the signature covers, in its order; what is missing counts as empty, and nothing is escaped (source: the
#: official SDK, Adyen.util.generate_notification_sig, and its published vectors).
SIGNED = (
    *("pspReference", "originalReference", "merchantAccountCode", "merchantReference"),
    *("amount.value", "amount.currency", "eventCode", "success"),
)
#: What it does not cover. None of it decides anything.
UNSIGNED = ("live", "eventDate", "reason", "paymentMethod", "operations", "additionalData")

_MOST_ITEMS = 100

#: What an event tells of a refund of ours: once it was carried out, and where it was not, or the money came back.
REFUNDS: Mapping[tuple[str, bool], RefundStatus] = MappingProxyType(
    {
        ("REFUND", True): RefundStatus.DONE,
        ("REFUND", False): RefundStatus.FAILED,
        ("REFUND_FAILED", True): RefundStatus.FAILED,
        ("REFUNDED_REVERSED", True): RefundStatus.FAILED,
    }
)


@attrs.frozen(kw_only=True)
class Told:
    """One genuine item.

    Attributes:
        item: The fields that are used.
        raw: The item as it was sent.
        link_id: The link that it is about; None if it does not say.
        key: The shop's key of the modification, where it is one of ours.
        is_proven: Whether the signature covers which link it is about.
    """

    item: wire.Item
    raw: Mapping[str, Any]
    link_id: str | None
    key: str | None
    is_proven: bool

    @property
    def succeeded(self) -> bool:
        """Whether the item says ``true``, under the signature."""
        return self.item.success == "true"


def read(request: WebhookRequest, settings: AdyenSettings) -> tuple[list[Told], list[WebhookReason]]:
    """Read the genuine items of a webhook, and why others are none.

    The signatures stand inside of the body, so it is parsed before they are checked, and nothing in it is believed
    until then.

    Raises:
        WebhookError: If the body is no webhook of this mode, or has one item only and that is not genuine.
    """
    found = parse(lambda body: decode(body, wire.Notification), request.body)
    if found.live not in ("true", "false"):
        raise WebhookError("it says neither live nor test", reason=WebhookReason.MALFORMED)
    if (found.live == "true") is not (settings.mode == "live"):
        raise WebhookError(f"it is not of {settings.mode} mode", reason=WebhookReason.WRONG_ACCOUNT)
    if len(found.notification_items) > _MOST_ITEMS:
        raise WebhookError("it has too many items", reason=WebhookReason.MALFORMED)
    genuine: list[Told] = []
    refused: list[WebhookError] = []
    for each in found.notification_items:
        try:
            genuine.append(_genuine(each.NotificationRequestItem, settings))
        except WebhookError as error:
            refused.append(error)
    if refused and not genuine:
        raise refused[0]
    return genuine, [error.reason for error in refused]


def signed_text(item: Mapping[str, Any]) -> bytes:
    """Return what the signature of an item is made over.

    Raises:
        WebhookError: If a field that it covers is no text, or the value no whole number.
    """
    amount = item.get("amount")
    flat = {
        **item,
        **({f"amount.{name}": value for name, value in amount.items()} if isinstance(amount, Mapping) else {}),
    }
    return ":".join(_covered(flat.get(name), name) for name in SIGNED).encode("utf-8", "surrogatepass")


def sign(item: Mapping[str, Any], key: str) -> str:
    """Return the signature of an item under a key of 64 hex digits."""
    digest = hmac.new(bytes.fromhex(key), signed_text(item), hashlib.sha256).digest()
    return base64.b64encode(digest).decode("ascii")


def event(told: Told, report: StatusReport | None) -> WebhookEvent:
    """Return the event of a genuine item. Its id is made of what is signed, and of whether its link is known.

    Which link it is about is not signed: a copy from which that was taken must not stand for the genuine one.
    """
    item = told.item
    outcome = REFUNDS.get((item.event_code, told.succeeded))
    refund = None
    if outcome is not None and told.link_id is not None and report is not None:
        refund = parse(lambda _: _refund(told, outcome, report.invoice_id), b"")
    return WebhookEvent(
        id=":".join((item.event_code, item.psp_reference, item.success, *(() if report else ("no link",)))),
        kind=item.event_code,
        invoice_id=None if report is None else report.invoice_id,
        report=report,
        occurred_at=moment_or_none(item.event_date),  # it is not signed
        raw=told.raw,
        refund=refund,
    )


def report(told: Told, link: wire.Link, raw: Any, settings: AdyenSettings) -> StatusReport:
    """Return what an item and the link it is about tell together; what decides is signed, or Adyen's own answer."""
    item, status = told.item, mapping.status(link, settings)
    manual = settings.manual_capture if link.manual_capture is None else link.manual_capture
    amount = mapping.money(item.amount)
    psp_reference = item.original_reference or item.psp_reference
    more: dict[str, Any] = {"references": {mapping.PAYMENT: psp_reference}}
    match (item.event_code, told.succeeded):
        case ("AUTHORISATION", True) if manual:
            more |= {"status": InvoiceStatus.AUTHORIZED}
        case ("AUTHORISATION" | "CAPTURE", True):
            more |= {"status": InvoiceStatus.PAID, "received": amount}
        case ("AUTHORISATION", False):
            more = {}  # an attempt failed: its payment is not the invoice's
        case ("CAPTURE_FAILED", True):
            more |= {"status": InvoiceStatus.FAILED, "received": amount - amount}
        case ("CANCELLATION" | "TECHNICAL_CANCEL", True):
            more |= {"status": InvoiceStatus.CANCELED}
        case ("REFUND", True):
            whole = amount >= mapping.money(link.amount)
            more |= {"status": InvoiceStatus.REFUNDED if whole else InvoiceStatus.PARTIALLY_REFUNDED}
        case ("CHARGEBACK" | "SECOND_CHARGEBACK" | "NOTIFICATION_OF_CHARGEBACK", True):
            more |= {"disputed": amount}
        case ("CHARGEBACK_REVERSED", True):
            more |= {"disputed": amount - amount}
    return mapping.report(link, raw, settings, **{"status": status, **more})


def _genuine(raw: Mapping[str, Any], settings: AdyenSettings) -> Told:
    extra = raw.get("additionalData")
    signature = extra.get("hmacSignature") if isinstance(extra, Mapping) else None
    if not isinstance(signature, str) or not signature:
        raise WebhookError("it bears no signature", reason=WebhookReason.MISSING_SIGNATURE)
    keys = [bytes.fromhex(secret.reveal()) for secret in settings.webhook_hmac_key]
    check_signature(signed_text(raw), [_canonical(signature)], keys, "base64")
    item = parse(lambda _: structure(raw, wire.Item), b"")
    if item.success not in ("true", "false"):
        raise WebhookError("it tells neither success nor failure", reason=WebhookReason.MALFORMED)
    if item.merchant_account_code != settings.merchant_account:
        raise WebhookError("it is for another merchant account", reason=WebhookReason.WRONG_ACCOUNT)
    link_id, key = (
        mapping.link_of_reference(item.merchant_reference) if item.event_code != "AUTHORISATION" else (None, None)
    )
    if link_id is not None:
        return Told(item=item, raw=raw, link_id=link_id, key=key, is_proven=True)
    named = (item.additional_data or {}).get("paymentLinkId")
    return Told(item=item, raw=raw, link_id=named if mapping.is_link_id(named) else None, key=None, is_proven=False)


def _canonical(signature: str) -> str:
    """Return base64 in its one form: other spellings of the same bytes are no signature of Adyen's."""
    try:
        decoded = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return signature
    return signature if base64.b64encode(decoded).decode("ascii") == signature else ""


def _covered(value: object, name: str) -> str:
    if value is None:
        return ""
    if name == "amount.value":
        if type(value) is int:
            return str(value)
    elif isinstance(value, str):
        return value
    raise WebhookError(f"{name} is of another kind than Adyen signs", reason=WebhookReason.MALFORMED)


def _refund(told: Told, outcome: RefundStatus, invoice_id: str) -> Refund:
    return Refund(
        id=told.item.psp_reference,
        refund_id=told.key,
        invoice_id=invoice_id,
        amount=mapping.money(told.item.amount),
        status=outcome,
        raw=told.raw,
    )

"""PayPal's webhooks: what is signed, and which order an event is about."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import attrs

from gateway_core import WebhookRequest
from gateway_core.errors import UnexpectedResponseError, WebhookError, WebhookReason
from gateway_core.webhooks import parse, single_header
from gateway_core.wire import dumps, loads, structure
from gateway_paypal import wire

#: The only algorithm there is. No header chooses another.
ALGORITHM = "SHA256withRSA"

#: What signs a webhook, by the names of the question that asks PayPal about it.
HEADERS: Mapping[str, str] = {
    "auth_algo": "PAYPAL-AUTH-ALGO",
    "cert_url": "PAYPAL-CERT-URL",
    "transmission_id": "PAYPAL-TRANSMISSION-ID",
    "transmission_sig": "PAYPAL-TRANSMISSION-SIG",
    "transmission_time": "PAYPAL-TRANSMISSION-TIME",
}


@attrs.frozen(kw_only=True)
class Transmission:
    """The headers of a webhook."""

    auth_algo: str
    cert_url: str
    transmission_id: str
    transmission_sig: str
    transmission_time: str

    @classmethod
    def of(cls, request: WebhookRequest) -> Transmission:
        """Read the headers.

        Raises:
            WebhookError: If one is missing or doubled, or names another algorithm.
        """
        found = cls(**{field: single_header(request, name) for field, name in HEADERS.items()})
        if found.auth_algo != ALGORITHM:
            raise WebhookError("its signature is of another kind", reason=WebhookReason.MALFORMED)
        return found

    def signed_text(self, webhook_id: str, body: bytes) -> bytes:
        """Return what is signed (source: PayPal's webhook integration guide): of the body, only its CRC-32."""
        parts = (self.transmission_id, self.transmission_time, webhook_id, str(zlib.crc32(body)))
        return "|".join(parts).encode("utf-8", "surrogatepass")

    def question(self, webhook_id: str, body: bytes) -> bytes:
        """Return the body that asks PayPal whether it sent this: the event stands in it byte by byte.

        Raises:
            WebhookError: If the body is no JSON, which would make another question of it.
        """
        parse(loads, body)
        fields = dumps({**attrs.asdict(self), "webhook_id": webhook_id})
        return fields[:-1] + b', "webhook_event": ' + body + b"}"


def read(body: bytes) -> tuple[wire.Event, Any]:
    """Read an event that is known to be genuine.

    Raises:
        WebhookError: If it does not fit.
    """
    raw = parse(loads, body)
    event = parse(lambda _: structure(raw, wire.Event), body)
    if not event.id:
        raise WebhookError("it names no event", reason=WebhookReason.MALFORMED)
    return event, raw


def order_of(event: wire.Event) -> str | None:
    """Return the id of the order that an event is about; None if it names none."""
    resource = event.resource
    if event.event_type.startswith("CHECKOUT.ORDER."):
        return _text(resource.get("id"))
    related = _related(resource)
    if related.order_id is not None:
        return related.order_id
    if event.event_type.startswith("CHECKOUT."):
        return _text(resource.get("order_id"))
    return _last_segment(resource, "up", "/v2/checkout/orders/")


def capture_of(event: wire.Event) -> str | None:
    """Return the id of the capture that a refund or a dispute is about; None if it names none."""
    if event.event_type.startswith("CUSTOMER.DISPUTE."):
        disputed = event.resource.get("disputed_transactions")
        first = disputed[0] if isinstance(disputed, list) and disputed else None
        return _text(first.get("seller_transaction_id")) if isinstance(first, Mapping) else None
    if not event.event_type.startswith("PAYMENT."):
        return None
    return _related(event.resource).capture_id or _last_segment(event.resource, "up", "/v2/payments/captures/")


def _related(resource: Mapping[str, Any]) -> wire.RelatedIds:
    try:
        data = structure(resource.get("supplementary_data") or {}, wire.SupplementaryData)
    except UnexpectedResponseError:
        return wire.RelatedIds()
    return data.related_ids or wire.RelatedIds()


def _last_segment(resource: Mapping[str, Any], rel: str, path: str) -> str | None:
    """Return the id at the end of a link; the link itself is never called."""
    links = resource.get("links")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, Mapping) and link.get("rel") == rel and isinstance(link.get("href"), str):
            found = urlsplit(link["href"]).path
            if found.startswith(path):
                return unquote(found.removeprefix(path)) or None
    return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None

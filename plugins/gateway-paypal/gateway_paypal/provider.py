"""One application at PayPal, as flows."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar

import attrs

from gateway_core import (
    Capture,
    CaptureRequest,
    Flow,
    HttpRequest,
    HttpResponse,
    Invoice,
    InvoiceRequest,
    InvoiceStatus,
    Page,
    Payment,
    PaymentQuery,
    ProviderInfo,
    Refund,
    RefundRequest,
    StatusReport,
    WebhookDelivery,
    WebhookEvent,
    WebhookRegistration,
    WebhookRequest,
    hookimpl,
)
from gateway_core.errors import (
    ConfigurationError,
    InvalidRequestError,
    NotFoundError,
    RejectedError,
    UnexpectedResponseError,
    WebhookError,
    WebhookReason,
)
from gateway_core.http import endpoint, idempotency_key
from gateway_core.listing import matching
from gateway_core.wire import moment, moment_or_none, naming_invoice, structure
from gateway_paypal import mapping, webhook, wire
from gateway_paypal.info import FARTHEST_BACK, INFO, LARGEST_PAGE, LONGEST_RANGE
from gateway_paypal.settings import PayPalSettings

_SECOND = timedelta(seconds=1)
_ORDER_ID = re.compile(r"[A-Z0-9]{1,36}", re.ASCII)
_LONGEST_KEY = 127

#: How long a certificate is kept, in seconds: each has an address of its own.
_CERTIFICATE_KEPT = 3600.0


@attrs.frozen
class PayPal:
    """One REST application of a PayPal account. An invoice is an order of Orders v2.

    Attributes:
        settings: Its settings.
    """

    settings: PayPalSettings
    info: ClassVar[ProviderInfo] = INFO

    @hookimpl
    def create_invoice(self, request: InvoiceRequest) -> Flow[Invoice]:
        """Create an order. A repeated request is answered with the order as it stands now."""
        body = mapping.order_body(request, self.settings)
        key = idempotency_key("create_invoice", request.reference)
        response = yield from self._post(body, "v2", "checkout", "orders", key=key)
        with naming_invoice(response.body, "id"):
            return mapping.invoice(wire.read(response), request, replayed=response.status == 200)

    @hookimpl
    def get_status(self, invoice_id: str) -> Flow[StatusReport]:
        """Report how an order and its money stand."""
        return mapping.report((yield from self._order(invoice_id)))

    @hookimpl
    def list_payments(self, query: PaymentQuery) -> Flow[Page[Payment]]:
        """Return the captures of one order, or one page of the transaction search."""
        if query.invoice_id is not None:
            found = mapping.payments_of((yield from self._order(query.invoice_id)))
            return Page(matching(found, query))
        cursor = _Cursor.read(query.cursor) if query.cursor else (yield from self._first(query))
        size = min(query.page_size or LARGEST_PAGE, LARGEST_PAGE)
        while True:  # a window in which nothing was paid is no page
            page = structure((yield from self._search(cursor, size)), wire.Transactions)
            following = cursor.after(page.total_pages)
            if page.transaction_details or following is None:
                break
            cursor = following
        items = mapping.transactions(page.transaction_details)
        return Page(
            matching(items, query), None if following is None else following.text(), len(page.transaction_details)
        )

    @hookimpl
    def verify_webhook(self, request: WebhookRequest) -> Flow[WebhookDelivery]:
        """Check the signature by PayPal's certificate, or ask PayPal; then ask for the order that it is about."""
        webhook_id = self.settings.webhook_id
        if webhook_id is None:
            raise ConfigurationError("webhook_id is needed to verify webhooks: it is part of what PayPal signs")
        sent = webhook.Transmission.of(request)
        self.settings.check_certificate_url(sent.cert_url)
        if self.settings.webhook_proof == "postback":
            yield from self._ask_back(sent, webhook_id, request.body)
        else:
            yield from self._check_certificate(sent, webhook_id, request)
        told, raw = webhook.read(request.body)
        report = yield from self._report_of(told)
        refunds = {each.id: each for each in (report.refunds if report else ())}
        event = WebhookEvent(
            id=told.id,
            kind=told.event_type,
            invoice_id=None if report is None else report.invoice_id,
            report=report,
            occurred_at=moment_or_none(told.create_time),
            raw=raw,
            refund=refunds.get(str(told.resource.get("id"))),
        )
        return WebhookDelivery(events=[event], verified_by="signature+callback")

    @hookimpl
    def capture_payment(self, request: CaptureRequest) -> Flow[Capture]:
        """Take the money of an approved order, or of an authorization: the whole, or of an authorization a part."""
        raw = yield from self._order(request.invoice_id)
        order = structure(raw, wire.Order)
        authorization = next((each for each in order.payments.authorizations if each.status != "VOIDED"), None)
        key = idempotency_key("capture_payment", order.id, request.capture_id)
        if authorization is not None:
            body = {"final_capture": True} if request.amount is None else {"amount": mapping.amount(request.amount)}
            path = ("v2", "payments", "authorizations", authorization.id, "capture")
            made = wire.read((yield from self._post(body, *path, key=key)))
            return mapping.capture(structure(made, wire.Money), request.capture_id, order.id, made)
        if order.intent == "AUTHORIZE":
            raise RejectedError("this order is to be authorized first: run `authorize`")
        expected = order.unit.amount
        if request.amount is not None and expected is not None and mapping.money(expected) != request.amount:
            raise RejectedError("an approved order is captured whole: authorize it, to capture a part")
        made = wire.read((yield from self._post(None, "v2", "checkout", "orders", order.id, "capture", key=key)))
        captured = structure(made, wire.Order)
        if captured.id != order.id or not captured.payments.captures:
            raise UnexpectedResponseError("the answer tells no capture of this order")
        return mapping.capture(captured.payments.captures[-1], request.capture_id, order.id, made)

    @hookimpl
    def refund_payment(self, request: RefundRequest) -> Flow[Refund]:
        """Give money of an order's capture back."""
        capture_id = request.references.get("capture")
        if capture_id is None:
            capture_id = mapping.report((yield from self._order(request.invoice_id))).references.get("capture")
        if capture_id is None:
            raise RejectedError("nothing of this order was captured, so there is nothing to give back")
        body: dict[str, Any] = {"amount": mapping.amount(request.amount)}
        if len(request.refund_id) <= _LONGEST_KEY:
            body["custom_id"] = request.refund_id
        if request.reason:
            body["note_to_payer"] = request.reason[:255]
        key = idempotency_key("refund_payment", capture_id, request.refund_id)
        raw = wire.read((yield from self._post(body, "v2", "payments", "captures", capture_id, "refund", key=key)))
        made = mapping.refund(structure(raw, wire.Money), request.invoice_id, raw)
        if made.amount != request.amount:
            raise UnexpectedResponseError("the answer is about a refund of another amount")
        return attrs.evolve(made, refund_id=request.refund_id)

    @hookimpl
    def check_account(self) -> Flow[None]:
        """Get a new token, and look at the webhook if there is one."""
        yield from self._token(fresh=True)
        if self.settings.webhook_id is not None:
            raw = wire.read((yield from self._get("v1", "notifications", "webhooks", self.settings.webhook_id)))
            structure(raw, wire.Webhook)

    @hookimpl
    def register_webhook(self, url: str) -> Flow[WebhookRegistration]:
        """Register the shop's address for all events; the id that comes back belongs into `webhook_id`."""
        body = {"url": url, "event_types": [{"name": "*"}]}
        response = yield from self._post(body, "v1", "notifications", "webhooks")
        made = structure(wire.read(response), wire.Webhook)
        return WebhookRegistration(id=made.id, url=made.url, events=("*",))

    def authorize(self, order_id: str) -> Flow[StatusReport]:
        """Reserve the money of an approved order whose intent is ``AUTHORIZE``. Run it with `Gateway.run`.

        Raises:
            RejectedError: If the order is not approved, or of the other intent.
        """
        key = idempotency_key("authorize", order_id)
        path = ("v2", "checkout", "orders", _known(order_id), "authorize")
        wire.read((yield from self._post(None, *path, key=key)))
        return mapping.report((yield from self._order(order_id)))

    def void(self, order_id: str) -> Flow[StatusReport]:
        """Give the reserved money of an order free. Run it with `Gateway.run`.

        Raises:
            RejectedError: If nothing is reserved.
        """
        before = mapping.report((yield from self._order(order_id)))
        authorization = before.references.get("authorization")
        if authorization is None or before.status is not InvoiceStatus.AUTHORIZED:
            raise RejectedError("nothing is reserved for this order")
        response = yield from self._post(None, "v2", "payments", "authorizations", authorization, "void")
        if response.status != 204:  # without a body
            wire.read(response)
        return mapping.report((yield from self._order(order_id)))

    # What PayPal is asked for.

    def _order(self, order_id: str) -> Flow[Any]:
        raw = wire.read((yield from self._get("v2", "checkout", "orders", _known(order_id))))
        if structure(raw, wire.Order).id != order_id:
            raise UnexpectedResponseError("PayPal answered about another order than the one asked for")
        return raw

    def _report_of(self, told: wire.Event) -> Flow[StatusReport | None]:
        order_id, capture_id = webhook.order_of(told), webhook.capture_of(told)
        if order_id is None and capture_id is not None:
            raw = wire.read((yield from self._get("v2", "payments", "captures", capture_id)))
            related = structure(raw, wire.Money).supplementary_data
            order_id = related.related_ids.order_id if related and related.related_ids else None
        if order_id is None or not _ORDER_ID.fullmatch(order_id):
            return None
        order = yield from self._order(order_id)
        dispute_id = told.resource.get("dispute_id")
        if not told.event_type.startswith("CUSTOMER.DISPUTE.") or not isinstance(dispute_id, str):
            return mapping.report(order)
        raw = wire.read((yield from self._get("v1", "customer", "disputes", dispute_id)))
        dispute = structure(raw, wire.Dispute)
        disputed = None if dispute.dispute_amount is None else mapping.money(dispute.dispute_amount)
        if disputed is not None and dispute.status == "RESOLVED":
            disputed -= disputed
        return mapping.report(order, disputed=disputed)

    def _check_certificate(self, sent: webhook.Transmission, webhook_id: str, request: WebhookRequest) -> Flow[None]:
        if request.received_at is None:
            raise InvalidRequestError("received_at is missing: a gateway stamps it")
        question = HttpRequest(method="GET", url=sent.cert_url, keep=lambda _: _CERTIFICATE_KEPT)
        response = yield question
        if not response.ok:
            raise WebhookError("its certificate could not be fetched", reason=WebhookReason.UNCONFIRMED)
        text = sent.signed_text(webhook_id, request.body)
        self.settings.certificates.check_signature(text, sent.transmission_sig, response.body, request.received_at)

    def _ask_back(self, sent: webhook.Transmission, webhook_id: str, body: bytes) -> Flow[None]:
        question = sent.question(webhook_id, body)
        url = endpoint(self.settings.base_url, "v1", "notifications", "verify-webhook-signature")

        def ask(headers: Mapping[str, str]) -> HttpRequest:
            typed = {**headers, "Content-Type": "application/json"}
            return HttpRequest(method="POST", url=url, headers=typed, body=question, safe=True)

        answer = structure(wire.read((yield from self._send(ask))), wire.Verification)
        if answer.verification_status != "SUCCESS":
            raise WebhookError("PayPal says that it has not sent this", reason=WebhookReason.NOT_CONFIRMED)

    def _search(self, cursor: _Cursor, size: int) -> Flow[Any]:
        query: dict[str, str | int | None] = {
            "start_date": cursor.start.isoformat(timespec="seconds"),
            # PayPal counts whole seconds: what came within the last one is in the list, too, and filtered here.
            "end_date": (cursor.window_end + _SECOND).isoformat(timespec="seconds"),
            "fields": "transaction_info",
            "page_size": size,
            "page": cursor.page,
        }
        return wire.read((yield from self._get("v1", "reporting", "transactions", query=query)))

    def _first(self, query: PaymentQuery) -> Flow[_Cursor]:
        """Return where a list begins; where no end is asked for, it is the time of PayPal's own clock."""
        until = query.until or (yield from self._now())
        return _Cursor(start=query.since or until - FARTHEST_BACK, end=until)

    def _now(self) -> Flow[datetime]:
        response = yield from self._get("v1", "notifications", "webhooks")
        wire.read(response)
        try:
            return parsedate_to_datetime(response.headers.get("Date") or "").astimezone(UTC) + _SECOND
        except ValueError:
            pass
        raise UnexpectedResponseError("the answer bears no Date: give `until`", http_status=response.status)

    # How it is asked.

    def _token(self, *, fresh: bool = False) -> Flow[str]:
        known = f"{self.settings.client_id}:{self.settings.client_secret.reveal()}".encode()
        request = HttpRequest.form(
            "POST",
            endpoint(self.settings.base_url, "v1", "oauth2", "token"),
            {"grant_type": "client_credentials"},
            headers={"Authorization": f"Basic {base64.b64encode(known).decode('ascii')}", "Accept": "application/json"},
            safe=True,
            keep=wire.lifetime,
            fresh=fresh,
        )
        return structure(wire.read((yield request)), wire.Token).access_token

    def _send(self, make: Callable[[Mapping[str, str]], HttpRequest]) -> Flow[HttpResponse]:
        """Send a request with the token; with a new one, once, if PayPal does not take the one that was kept."""
        response = HttpResponse(status=401)
        for fresh in (False, True):
            token = yield from self._token(fresh=fresh)
            headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
            response = yield make(headers)
            if response.status != 401:
                break
        return response

    def _get(self, *path: str, query: Mapping[str, str | int | None] | None = None) -> Flow[HttpResponse]:
        url = endpoint(self.settings.base_url, *path, query=query)
        return (yield from self._send(lambda headers: HttpRequest(method="GET", url=url, headers=headers)))

    def _post(self, body: Mapping[str, Any] | None, *path: str, key: str | None = None) -> Flow[HttpResponse]:
        url = endpoint(self.settings.base_url, *path)

        def make(headers: Mapping[str, str]) -> HttpRequest:
            more = {**headers, "Prefer": "return=representation"}
            if key is not None:
                more["PayPal-Request-Id"] = key
            if body is not None:
                return HttpRequest.json("POST", url, body, headers=more, idempotency_key=key)
            typed = {**more, "Content-Type": "application/json"}  # as PayPal's own SDK sends what has no body
            return HttpRequest(method="POST", url=url, headers=typed, idempotency_key=key)

        return (yield from self._send(make))


@attrs.frozen(kw_only=True)
class _Cursor:
    """A page of the transaction search: windows of 31 days, one after the other."""

    start: datetime
    end: datetime
    page: int = 1

    @property
    def window_end(self) -> datetime:
        """Where the window ends."""
        return min(self.start + LONGEST_RANGE - _SECOND, self.end)

    @classmethod
    def read(cls, text: str) -> _Cursor:
        """Read what `text` wrote.

        Raises:
            InvalidRequestError: If it is anything else.
        """
        try:
            start, end, page = text.split(" ")
            found = cls(start=moment(start), end=moment(end), page=int(page))
        except (ValueError, UnexpectedResponseError):
            found = None
        if found is None or found.page < 1 or found.start >= found.end:
            raise InvalidRequestError("this cursor comes from no page of this list")
        return found

    def text(self) -> str:
        """Write it, for `read`."""
        return f"{self.start.isoformat()} {self.end.isoformat()} {self.page}"

    def after(self, pages: int) -> _Cursor | None:
        """Return the next page, of this window or the one after it."""
        if self.page < pages:
            return attrs.evolve(self, page=self.page + 1)
        return _Cursor(start=self.window_end, end=self.end) if self.window_end < self.end else None


def _known(order_id: str) -> str:
    if not _ORDER_ID.fullmatch(order_id):
        raise NotFoundError("PayPal has no order with this id: its ids are capital letters and digits")
    return order_id

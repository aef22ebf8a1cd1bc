"""One profile of one organization at Mollie, as flows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal, TypeAlias

import attrs

from gateway_core import (
    Capture,
    CaptureRequest,
    Flow,
    HttpRequest,
    HttpResponse,
    Invoice,
    InvoiceRequest,
    Page,
    Payment,
    PaymentQuery,
    ProviderInfo,
    Refund,
    RefundRequest,
    Secret,
    StatusReport,
    WebhookDelivery,
    WebhookRegistration,
    WebhookRequest,
    hookimpl,
)
from gateway_core.errors import (
    InvalidRequestError,
    NotFoundError,
    UnexpectedResponseError,
    UnsupportedOperationError,
)
from gateway_core.http import endpoint, present
from gateway_core.listing import find_one, matching
from gateway_core.webhooks import check_url_secret
from gateway_core.wire import naming_invoice, structure
from gateway_mollie import mapping, webhook, wire
from gateway_mollie.info import INFO, LARGEST_PAGE, LONGEST_TO_PAY, SEARCH_PAGES
from gateway_mollie.settings import MollieOptions, MollieSettings

#: How far Mollie's clock and the shop's may differ.
_SKEW = timedelta(minutes=5)

#: A payment, and the form in which Mollie sent it.
_Told: TypeAlias = tuple[wire.Payment, Mapping[str, Any]]


@attrs.frozen
class Mollie:
    """One profile of one organization at Mollie. An invoice is a payment of the Payments API v2.

    Attributes:
        settings: Its settings.
    """

    settings: MollieSettings
    info: ClassVar[ProviderInfo] = INFO

    @hookimpl
    def create_invoice(self, request: InvoiceRequest) -> Flow[Invoice]:
        """Create a payment. The order's reference is in its metadata, and the idempotency key is made of it."""
        options: MollieOptions = request.options
        redirect = request.return_url or self.settings.return_url
        if redirect is None:
            raise InvalidRequestError("Mollie makes no payment without return_url: give it, or set it for the account")
        methods = options.method
        content = {
            "amount": mapping.amount(request.amount),
            "description": request.description or request.reference,
            "redirectUrl": redirect,
            "cancelUrl": request.cancel_url,
            "webhookUrl": request.webhook_url or self.settings.webhook_url,
            "metadata": mapping.metadata(request),
            "locale": request.locale and mapping.locale(request.locale),
            "billingAddress": request.customer and mapping.address(request.customer),
            "lines": [mapping.line(item) for item in request.line_items] or None,
            "method": methods[0] if len(methods) == 1 else list(methods) or None,
            "captureMode": options.capture_mode,
            "profileId": self._profile_sent,
        }
        key = mapping.uuid_key("create_invoice", request.reference)
        response = yield from self._send("POST", "payments", content=content, key=key)
        with naming_invoice(response.body, "id"):
            raw = wire.read(response)
            return mapping.invoice(self._own(structure(raw, wire.Payment)), raw)

    @hookimpl
    def get_status(self, invoice_id: str) -> Flow[StatusReport]:
        """Report on one payment, its refunds and its chargebacks."""
        return mapping.report(*(yield from self._read(invoice_id)))

    @hookimpl
    def list_payments(self, query: PaymentQuery) -> Flow[Page[Payment]]:
        """Return one page of the profile's payments, filtered here; of one invoice, the payment itself."""
        if query.invoice_id is not None:
            known = wire.is_payment_id(query.invoice_id)
            return Page(_matching([(yield from self._read(query.invoice_id))] if known else [], query))
        if query.cursor is not None and not wire.is_payment_id(query.cursor):
            raise InvalidRequestError("this cursor is none of Mollie's pages")
        page = yield from self._page(query.cursor, query.since, LONGEST_TO_PAY, query.page_size)
        return Page(_matching(page.items, query), page.next_cursor, page.sent)

    @hookimpl
    def verify_webhook(self, request: WebhookRequest) -> Flow[WebhookDelivery]:
        """Ask Mollie for the payment that a webhook names: no more of it is believed, signed or not."""
        if not webhook.is_signed_kind(request.body):
            check_url_secret(request, self.settings.url_secret)
            event = webhook.event(*(yield from self._read(webhook.read_classic(request.body))))
            return WebhookDelivery(events=[event], verified_by="callback")
        told, raw = webhook.read_signed(request, self.settings.webhook_secrets)
        found = None if told.payment_id is None else (yield from self._read(told.payment_id))
        event = webhook.signed_event(told, raw, found)
        return WebhookDelivery(events=[event], verified_by="signature+callback" if found else "signature")

    @hookimpl
    def find_invoice(self, order_id: str, attempt: int, since: datetime | None) -> Flow[Invoice | None]:
        """Look for an order among the newest 1000 payments, since Mollie cannot search.

        Raises:
            OutOfReachError: If it is not among them, and there are more that could be it.
            UnexpectedResponseError: If several payments have its reference.
        """

        def read(cursor: str | None) -> Flow[Page[Invoice]]:
            page = yield from self._page(cursor, since, _SKEW)
            return Page([mapping.invoice(*told) for told in page.items], page.next_cursor)

        def is_wanted(invoice: Invoice) -> bool:
            return (invoice.order_id, invoice.attempt) == (order_id, attempt)

        return (yield from find_one(read, is_wanted, pages=SEARCH_PAGES, read_all=True))

    @hookimpl
    def cancel_invoice(self, invoice_id: str) -> Flow[StatusReport]:
        """Cancel an open payment whose method allows that, or void an authorized one."""
        raw = wire.read((yield from self._send("DELETE", "payments", _known(invoice_id))))
        return mapping.report(self._own(structure(raw, wire.Payment), invoice_id), raw)

    @hookimpl
    def refund_payment(self, request: RefundRequest) -> Flow[Refund]:
        """Give money back. Mollie carries it out about two hours later: until then it is PENDING.

        Mollie knows an idempotency key for an hour. Later, the refunds in a report tell by their `refund_id` whether
        one was made.
        """
        content = {
            "amount": mapping.amount(request.amount),
            "description": request.reason or None,
            "metadata": {"refund_id": request.refund_id},
        }
        key = mapping.uuid_key("refund_payment", request.invoice_id, request.refund_id)
        path = ("payments", _known(request.invoice_id), "refunds")
        raw = wire.read((yield from self._send("POST", *path, content=content, key=key)))
        return mapping.refund(structure(raw, wire.Refund), raw)

    @hookimpl
    def capture_payment(self, request: CaptureRequest) -> Flow[Capture]:
        """Take the money of an authorized payment, the whole or a part."""
        content = {
            "amount": None if request.amount is None else mapping.amount(request.amount),
            "metadata": {"capture_id": request.capture_id},
        }
        key = mapping.uuid_key("capture_payment", request.invoice_id, request.capture_id)
        path = ("payments", _known(request.invoice_id), "captures")
        raw = wire.read((yield from self._send("POST", *path, content=content, key=key)))
        return mapping.capture(structure(raw, wire.Capture), raw, request.capture_id)

    @hookimpl
    def check_account(self) -> Flow[None]:
        """Ask for one payment, which tells whether the key works, and of which mode and profile it is."""
        page = yield from self._page(size=1)
        for payment, _ in page.items:
            self._own(payment)

    @hookimpl
    def register_webhook(self, url: str) -> Flow[WebhookRegistration]:
        """Subscribe to the events of payments, refunds, chargebacks and captures, which are signed.

        Raises:
            UnsupportedOperationError: With an API key: Mollie wants an organization's access token.
        """
        if not self.settings.is_token:
            raise UnsupportedOperationError(
                "Mollie subscribes webhooks with an access token (access_...) only: set webhook_url instead"
            )
        content = {"name": "gateway-core", "url": url, "eventTypes": list(webhook.EVENT_TYPES)}
        key = mapping.uuid_key("register_webhook", url)
        raw = wire.read((yield from self._send("POST", "webhooks", content=content, key=key)))
        made = structure(raw, wire.Subscription)
        return WebhookRegistration(
            id=made.id, url=made.url, secret=Secret(made.webhook_secret), events=webhook.EVENT_TYPES
        )

    def _read(self, payment_id: str) -> Flow[_Told]:
        query = {"embed": "refunds,chargebacks"}
        raw = wire.read((yield from self._send("GET", "payments", _known(payment_id), query=query)))
        return self._own(structure(raw, wire.Payment), payment_id), raw

    def _page(
        self,
        cursor: str | None = None,
        since: datetime | None = None,
        margin: timedelta = timedelta(0),
        size: int | None = None,
    ) -> Flow[Page[_Told]]:
        """Return one page of the profile's payments; the last one is that with a payment made before `since`."""
        asked = {"from": cursor, "limit": min(size or LARGEST_PAGE, LARGEST_PAGE), "profileId": self._profile_sent}
        page = structure(wire.read((yield from self._send("GET", "payments", query=asked))), wire.PaymentList)
        payments = page.payments
        over = since is not None and bool(payments) and since - payments[-1][0].created_at > margin
        mine = [told for told in payments if self.settings.profile_id in (None, told[0].profile_id)]
        return Page(mine, None if over else page.next_id, len(payments))

    def _send(
        self,
        method: Literal["GET", "POST", "DELETE"],
        *path: str,
        query: Mapping[str, str | int | None] | None = None,
        content: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> Flow[HttpResponse]:
        """Send one request and return the answer. With an access token, the mode is said each time."""
        headers = {"Authorization": f"Bearer {self.settings.api_key.reveal()}", "Accept": "application/hal+json"}
        testing = self.settings.is_token and self.settings.mode == "test"
        if method == "GET":
            query = {**(query or {}), "testmode": "true" if testing else None}
        url = endpoint(self.settings.base_url, "v2", *path, query=query)
        body = present({**(content or {}), "testmode": testing or None})
        if method == "GET" or not body:
            request = HttpRequest(method=method, url=url, headers=headers)
        else:
            headers |= {} if key is None else {"Idempotency-Key": key}
            request = HttpRequest.json(method, url, body, headers=headers, idempotency_key=key)
        return (yield request)

    @property
    def _profile_sent(self) -> str | None:
        """The profile, where the key does not tell it."""
        return self.settings.profile_id if self.settings.is_token else None

    def _own(self, payment: wire.Payment, payment_id: str | None = None) -> wire.Payment:
        """Return a payment that is of this account, and the one that was asked for.

        Raises:
            UnexpectedResponseError: If it is of the other mode, or another one, or was made for another profile.
            NotFoundError: If the one that was asked for is of another profile.
        """
        if payment_id not in (None, payment.id):
            raise UnexpectedResponseError("Mollie answered about another payment than the one asked for")
        if payment.mode != self.settings.mode:
            raise UnexpectedResponseError(f"Mollie answered about a payment that is not of {self.settings.mode} mode")
        if self.settings.profile_id not in (None, payment.profile_id):
            kind = UnexpectedResponseError if payment_id is None else NotFoundError
            raise kind("this payment belongs to another profile")
        return payment


def _known(payment_id: str) -> str:
    """Return an id that Mollie could know.

    Raises:
        NotFoundError: If it is none.
    """
    if not wire.is_payment_id(payment_id):
        raise NotFoundError("Mollie has no payment with this id: its ids begin with tr_")
    return payment_id


def _matching(found: Iterable[_Told], query: PaymentQuery) -> list[Payment]:
    """Return what is money of the payments found, within the time that is asked for."""
    mapped = (mapping.listed(*told) for told in found)
    return matching((each for each in mapped if each is not None), query)

"""One profile of one organization at Mollie, as flows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import attrs

from gateway_core import (
    Capture,
    CaptureRequest,
    Flow,
    HttpRequest,
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
    GatewayError,
    InvalidRequestError,
    NotFoundError,
    OutOfReachError,
    UnexpectedResponseError,
    UnsupportedOperationError,
)
from gateway_core.http import endpoint
from gateway_core.models import order_reference
from gateway_core.provider import Declines, FindReach, Idempotency, ListFilter, WebhookAuthentication
from gateway_core.wire import structure
from gateway_mollie import mapping, webhook, wire
from gateway_mollie.settings import MollieOptions, MollieSettings

#: The most payments that Mollie gives on one page (API description, GET /v2/payments).
LARGEST_PAGE = 250

#: How many pages `find_invoice` reads, since Mollie cannot search.
SEARCH_PAGES = 4

#: How long after its creation a payment can still be paid: a bank transfer's due date is 100 days ahead at most and
#: moves on to a business day, and the bank takes some days.
LONGEST_TO_PAY = timedelta(days=120)

#: How far Mollie's clock and the shop's may differ.
_SKEW = timedelta(minutes=5)

#: The events that the plugin reads (API description, webhook-event-types).
EVENT_TYPES = (
    *("payment.paid", "payment.authorized", "payment.failed", "payment.canceled", "payment.expired", "payment.pending"),
    *("refund.queued", "refund.pending", "refund.processing", "refund.refunded", "refund.failed", "refund.canceled"),
    *("chargeback.received", "chargeback.reversed", "capture.succeeded", "capture.failed"),
)

_KEPT = Idempotency(scope="API key", life=timedelta(hours=1), replay_header="Idempotent-Replayed")


@attrs.frozen
class Mollie:
    """One profile of one organization at Mollie. An invoice is a payment of the Payments API v2.

    Attributes:
        settings: Its settings.
    """

    settings: MollieSettings
    info = ProviderInfo(
        title="Mollie",
        docs_url="https://docs.mollie.com/reference/payments-api",
        base_url="https://api.mollie.com",
        currencies=mapping.CURRENCIES,
        options=MollieOptions,
        honours=(
            *("description", "return_url", "cancel_url", "metadata"),
            *("customer", "line_items", "locale", "webhook_url"),
        ),
        account_settings=("api_key", "profile_id", "mode"),
        retry_advice=wire.advice,
        webhook_authentication=WebhookAuthentication.CALLBACK,
        webhook_covers=(
            "A classic webhook is unsigned and holds a payment's id only; the event is made of what Mollie, asked over "
            "TLS with the account's key, says of that payment. A webhook of a subscription is signed over every byte "
            "of its body besides, and its payment is asked for all the same."
        ),
        list_guarantee=(
            "Every payment of the profile that is paid, pending or authorized, once, the latest creation first. Mollie "
            "cannot filter: the whole list is read, with `since` down to payments created 120 days before it."
        ),
        list_filter=ListFilter(by="payment", scan=True),
        find_reach=FindReach(items=LARGEST_PAGE * SEARCH_PAGES),
        idempotency=dict.fromkeys(("create_invoice", "refund_payment", "capture_payment", "register_webhook"), _KEPT),
        crypto_assets=False,
        partial_payments=False,
        overpayments=False,
        declines=Declines.FINAL,
        notes=(
            "Mollie chooses how long a payment is payable: 15 minutes unless the payer chooses a slower method.",
            "AUTHORIZED is not paid: capture the payment before it lapses.",
            "A payment stays PAID after a chargeback: the report's `disputed` tells it.",
            "An open payment can be canceled only with some methods, such as a bank transfer.",
            "UNKNOWN: whether a key's scope is the API key or the organization, and whether errors are kept with it.",
            "UNKNOWN: the rate limits, which are counted by the second; after HTTP 429 requests wait.",
            "UNKNOWN: what becomes of more than 1 kB of metadata: it is refused before anything is sent.",
            "UNKNOWN: whether one payment can be captured twice: left to Mollie.",
            "UNKNOWN: whether `amountRefunded` counts refunds that are under way: refunds are counted one by one.",
        ),
    )

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
            "profileId": self.settings.profile_id if self.settings.is_token else None,
        }
        key = mapping.idempotency_key("create_invoice", request.reference)
        raw = yield from self._send("POST", "payments", content=content, key=key)
        payment = wire.fit(raw, wire.Payment)
        try:
            self._check_account(payment)
            return mapping.invoice(payment, raw)
        except GatewayError as error:
            error.invoice_id, error.effect = payment.id, "done"
            raise

    @hookimpl
    def get_status(self, invoice_id: str) -> Flow[StatusReport]:
        """Report on one payment and its refunds."""
        return mapping.report(*(yield from self._read(invoice_id)))

    @hookimpl
    def list_payments(self, query: PaymentQuery) -> Flow[Page[Payment]]:
        """Return one page of the profile's payments, filtered here; of one invoice, the payment itself."""
        if query.invoice_id is not None:
            if not wire.is_payment_id(query.invoice_id):
                return Page(())
            found = [(yield from self._read(query.invoice_id))]
            return Page(_matching(found, query))
        if query.cursor is not None and not wire.is_payment_id(query.cursor):
            raise InvalidRequestError("this cursor is none of Mollie's pages")
        page = yield from self._page(query.cursor, min(query.page_size or LARGEST_PAGE, LARGEST_PAGE))
        oldest = None if query.since is None else _before(query.since, LONGEST_TO_PAY)
        over = oldest is not None and bool(page.items) and page.items[-1][0].createdAt < oldest
        return Page(_matching(page.items, query), None if over else page.next_cursor, page.sent)

    @hookimpl
    def verify_webhook(self, request: WebhookRequest) -> Flow[WebhookDelivery]:
        """Ask Mollie for the payment that a webhook names: no more of it is believed, signed or not."""
        if not webhook.is_signed_kind(request.body):
            payment, raw = yield from self._read(webhook.read_classic(request.body))
            return WebhookDelivery(events=[webhook.event(payment, raw)], verified_by="callback")
        told, told_raw = webhook.read_signed(request, self.settings.webhook_secrets)
        found = None if told.payment_id is None else (yield from self._read(told.payment_id))
        event = webhook.signed_event(told, told_raw, found)
        return WebhookDelivery(events=[event], verified_by="signature+callback" if found else "signature")

    @hookimpl
    def find_invoice(self, order_id: str, attempt: int, since: datetime | None) -> Flow[Invoice | None]:
        """Look for an order among the newest 1000 payments, since Mollie cannot search.

        Raises:
            OutOfReachError: If it is not among them, and there are more that could be it.
            UnexpectedResponseError: If several payments have its reference.
        """
        reference = order_reference(order_id, attempt)
        oldest = None if since is None else _before(since, _SKEW)
        hits: list[Invoice] = []
        cursor = None
        for _ in range(SEARCH_PAGES):
            page = yield from self._page(cursor, LARGEST_PAGE)
            hits += [
                mapping.invoice(payment, raw)
                for payment, raw in page.items
                if mapping.reference_of(payment) == reference
            ]
            over = oldest is not None and bool(page.items) and page.items[-1][0].createdAt < oldest
            cursor = None if over else page.next_cursor
            if cursor is None:
                break
        if len({hit.id for hit in hits}) > 1:
            found = ", ".join(f"{hit.id} ({hit.status.value})" for hit in hits)
            raise UnexpectedResponseError(f"several payments are for the order {reference}: {found}")
        if not hits and cursor is not None:
            raise OutOfReachError(f"the order is not among the {LARGEST_PAGE * SEARCH_PAGES} newest payments")
        return next(iter(hits), None)

    @hookimpl
    def cancel_invoice(self, invoice_id: str) -> Flow[StatusReport]:
        """Cancel an open payment whose method allows that, or void an authorized one."""
        _check_id(invoice_id)
        raw = yield from self._send("DELETE", "payments", invoice_id)
        try:
            payment = self._checked(wire.fit(raw, wire.Payment), invoice_id)
            return mapping.report(payment, raw)
        except GatewayError as error:
            error.effect = "done"
            raise

    @hookimpl
    def refund_payment(self, request: RefundRequest) -> Flow[Refund]:
        """Give money back. Mollie carries it out about two hours later: until then it is PENDING.

        Mollie knows an idempotency key for an hour only, so the refunds that are there are looked through first.
        """
        payment, known = yield from self._read(request.invoice_id)
        for refund, sent in zip(payment.refunds or (), known.get("_embedded", {}).get("refunds", ()), strict=False):
            made = mapping.refund(refund, sent)
            if made.refund_id == request.refund_id:
                return made
        content = {
            "amount": mapping.amount(request.amount),
            "description": request.reason or None,
            "metadata": {"refund_id": request.refund_id},
        }
        key = mapping.idempotency_key("refund_payment", request.invoice_id, request.refund_id)
        raw = yield from self._send("POST", "payments", request.invoice_id, "refunds", content=content, key=key)
        return mapping.refund(structure(raw, wire.Refund), raw)

    @hookimpl
    def capture_payment(self, request: CaptureRequest) -> Flow[Capture]:
        """Take the money of an authorized payment, the whole or a part."""
        _check_id(request.invoice_id)
        content = {
            "amount": None if request.amount is None else mapping.amount(request.amount),
            "metadata": {"capture_id": request.capture_id},
        }
        key = mapping.idempotency_key("capture_payment", request.invoice_id, request.capture_id)
        raw = yield from self._send("POST", "payments", request.invoice_id, "captures", content=content, key=key)
        return mapping.capture(structure(raw, wire.Capture), raw, request.capture_id)

    @hookimpl
    def check_account(self) -> Flow[None]:
        """Ask for one payment, which tells whether the key works, and of which mode and profile it is."""
        page = yield from self._page(None, 1)
        for payment, _ in page.items:
            self._check_account(payment)

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
        content = {"name": "gateway-core", "url": url, "eventTypes": list(EVENT_TYPES)}
        key = mapping.idempotency_key("register_webhook", url)
        made = structure((yield from self._send("POST", "webhooks", content=content, key=key)), wire.Subscription)
        return WebhookRegistration(id=made.id, url=made.url, secret=Secret(made.webhookSecret), events=EVENT_TYPES)

    def _read(self, payment_id: str) -> Flow[tuple[wire.Payment, Mapping[str, Any]]]:
        _check_id(payment_id)
        raw = yield from self._send("GET", "payments", payment_id, query={"embed": "refunds,chargebacks"})
        return self._checked(structure(raw, wire.Payment), payment_id), raw

    def _page(self, cursor: str | None, size: int) -> Flow[Page[tuple[wire.Payment, Mapping[str, Any]]]]:
        """Return one page of the payments of the profile; `sent` tells how many Mollie sent."""
        profile = self.settings.profile_id
        query = {"from": cursor, "limit": size, "profileId": profile if self.settings.is_token else None}
        page = structure((yield from self._send("GET", "payments", query=query)), wire.PaymentList)
        mine = [item for item in page.payments if profile in (None, item[0].profileId)]
        return Page(mine, page.next_id, len(page.payments))

    def _send(
        self,
        method: Literal["GET", "POST", "DELETE"],
        *path: str,
        query: Mapping[str, str | int | None] | None = None,
        content: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> Flow[Any]:
        """Send one request and return what the answer holds. With an access token, the mode is said each time."""
        headers = {"Authorization": f"Bearer {self.settings.api_key.reveal()}", "Accept": "application/hal+json"}
        testing = self.settings.is_token and self.settings.mode == "test"
        if method == "GET":
            asked = {**(query or {}), "testmode": "true" if testing else None}
            request = HttpRequest(method="GET", url=self._url(*path, query=asked), headers=headers)
        else:
            given = {**(content or {}), "testmode": testing or None}
            body = {name: value for name, value in given.items() if value is not None}
            headers |= {} if key is None else {"Idempotency-Key": key}
            request = (
                HttpRequest.json(method, self._url(*path), body, headers=headers, idempotency_key=key)
                if body
                else HttpRequest(method=method, url=self._url(*path), headers=headers)
            )
        return wire.read((yield request))

    def _url(self, *path: str, query: Mapping[str, str | int | None] | None = None) -> str:
        return endpoint(self.settings.base_url, "v2", *path, query=query)

    def _checked(self, payment: wire.Payment, payment_id: str) -> wire.Payment:
        if payment.id != payment_id:
            raise UnexpectedResponseError("Mollie answered about another payment than the one asked for")
        self._check_account(payment)
        return payment

    def _check_account(self, payment: wire.Payment) -> None:
        if payment.mode != self.settings.mode:
            raise UnexpectedResponseError(f"Mollie answered about a payment that is not of {self.settings.mode} mode")
        if self.settings.profile_id not in (None, payment.profileId):
            raise NotFoundError("this payment belongs to another profile")


def _check_id(payment_id: str) -> None:
    if not wire.is_payment_id(payment_id):
        raise NotFoundError("Mollie has no payment with this id: its ids begin with tr_")


def _before(moment: datetime, time: timedelta) -> datetime | None:
    try:
        return moment - time
    except OverflowError:
        return None


def _matching(
    found: list[tuple[wire.Payment, Mapping[str, Any]]] | tuple[tuple[wire.Payment, Mapping[str, Any]], ...],
    query: PaymentQuery,
) -> list[Payment]:
    """Return what is money of the payments found, within the time that is asked for."""
    mapped = (mapping.listed(payment, raw) for payment, raw in found)
    return [each for each in mapped if each is not None and _within(each.paid_at, query.since, query.until)]


def _within(at: datetime | None, since: datetime | None, until: datetime | None) -> bool:
    if since is None and until is None:
        return True
    return at is not None and (since is None or at >= since) and (until is None or at < until)

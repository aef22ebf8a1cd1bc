"""One account at Stripe, as flows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

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
    Refund,
    RefundRequest,
    Secret,
    StatusReport,
    WebhookDelivery,
    WebhookEvent,
    WebhookRegistration,
    WebhookRequest,
    hookimpl,
    order_reference,
)
from gateway_core.errors import RejectedError, UnexpectedResponseError
from gateway_core.http import bracketed, endpoint, idempotency_key
from gateway_core.listing import find_one, matching, read_each
from gateway_core.webhooks import parse
from gateway_core.wire import naming_invoice, structure, to_unix
from gateway_stripe import mapping, webhook, wire
from gateway_stripe.info import API_VERSION, INFO, LARGEST_PAGE
from gateway_stripe.settings import StripeSettings

#: What a session is read with: its payment, the charge and its refunds. What is on the way to it comes too.
_WHOLE = "payment_intent.latest_charge.refunds"

#: A session is paid within a day of its creation: filters by its creation begin so much earlier.
_LONGEST_LIFE = timedelta(hours=25)

#: How far the shop's clock may be ahead of Stripe's.
_SKEW = timedelta(minutes=5)

#: The longest text that metadata hold.
_LONGEST_NOTE = 500


@attrs.frozen
class Stripe:
    """One account at Stripe.

    Attributes:
        settings: Its settings.
    """

    settings: StripeSettings
    info = INFO

    @hookimpl
    def create_invoice(self, request: InvoiceRequest) -> Flow[Invoice]:
        """Create a Checkout Session. Asked for again within a day, it is the same one."""
        fields = mapping.create_fields(request, self.settings.return_url)
        response = yield self._post(("create", request.reference), "checkout", "sessions", fields=fields)
        with naming_invoice(response.body, "id"):
            raw = wire.unwrap(response)
            return mapping.invoice(self._read_session(raw), raw, request.amount)

    @hookimpl
    def get_status(self, invoice_id: str) -> Flow[StatusReport]:
        """Report on a session with its payment, refunds and disputes."""
        session, raw = yield from self._session(invoice_id)
        return (yield from self._report(session, raw))

    @hookimpl
    def list_payments(self, query: PaymentQuery) -> Flow[Page[Payment]]:
        """Return the payments of one page of completed sessions, filtered exactly by when they were made."""
        if query.invoice_id is not None:
            found = [(yield from self._session(query.invoice_id))]
            return Page(_payments(found, query))
        until = None if query.until is None else max(0, to_unix(query.until, up=True))
        created = {"gte": _before(query.since, _LONGEST_LIFE), "lt": until}
        filters = {"status": "complete", "created": created, "expand": ["data.payment_intent.latest_charge"]}
        page = yield from self._sessions(filters, query.cursor, query.page_size)
        return Page(_payments(page.items, query), page.next_cursor, page.sent)

    @hookimpl
    def verify_webhook(self, request: WebhookRequest) -> Flow[WebhookDelivery]:
        """Verify the signature, and tell what the event says of its invoice.

        A session's own events say it; of other objects, which name no session, and of a session whose money is to be
        reserved only, Stripe is asked.
        """
        event = webhook.read(request, self.settings)
        about = event.data.object
        report: StatusReport | None = None
        if about.get("object") == "checkout.session":
            session = parse(lambda _: structure(about, wire.Session), request.body)
            if session.mode == "payment":
                if mapping.MANUAL_MARK in (session.metadata or {}):
                    report = yield from self.get_status(session.id)
                else:
                    failed = event.type == webhook.PAYMENT_FAILED
                    report = parse(lambda _: mapping.snapshot(session, about, failed=failed), request.body)
        elif (intent_id := webhook.intent_id_of(event)) is not None:
            report = yield from self._report_of_payment(intent_id)
        told = WebhookEvent(
            id=event.id,
            kind=event.type,
            invoice_id=None if report is None else report.invoice_id,
            report=report,
            occurred_at=event.created,
            raw=about,
            refund=None if report is None else _refund_of(event, report),
        )
        return WebhookDelivery(events=[told], verified_by="signature")

    @hookimpl
    def find_invoice(self, order_id: str, attempt: int, since: datetime | None) -> Flow[Invoice | None]:
        """Look through the account's sessions, the newest first: Stripe searches for no reference of theirs.

        Raises:
            OutOfReachError: If it is not among the newest, `search_pages` pages of 100.
            UnexpectedResponseError: If several sessions have this reference.
        """
        reference = order_reference(order_id, attempt)
        filters = {"created": {"gte": _before(since, _SKEW)}, "expand": ["data.payment_intent"]}
        found = yield from find_one(
            lambda cursor: self._sessions(filters, cursor),
            lambda item: item[0].client_reference_id == reference,
            pages=self.settings.search_pages,
            read_all=True,
            key=lambda item: item[0].id,
        )
        return None if found is None else mapping.invoice(*found)

    @hookimpl
    def cancel_invoice(self, invoice_id: str) -> Flow[StatusReport]:
        """Expire an open session, or cancel the payment whose money is reserved."""
        session, raw = yield from self._session(invoice_id)
        intent = session.intent
        if session.status == "open":
            # The mark goes first, while the session can surely be changed: it counts only once the session has expired.
            place = ("checkout", "sessions", invoice_id)
            mark = {"metadata": {mapping.CANCELED_MARK: "true"}}
            wire.unwrap((yield self._post(("mark", invoice_id), *place, fields=mark)))
            wire.unwrap((yield self._post(("expire", invoice_id), *place, "expire")))
        elif session.status == "complete" and intent is not None and intent.status == "requires_capture":
            wire.unwrap((yield self._post(("void", invoice_id), "payment_intents", intent.id, "cancel")))
        elif mapping.status_of(session, intent) in mapping.ENDED:
            return (yield from self._report(session, raw))
        else:
            raise RejectedError("the payer has paid, or is about to: refund the payment instead of canceling it")
        return (yield from self.get_status(invoice_id))

    @hookimpl
    def refund_payment(self, request: RefundRequest) -> Flow[Refund]:
        """Refund a part or all, once for each `refund_id`: Stripe forgets keys after a day, and metadata never."""
        intent_id = yield from self._intent_id(request.invoice_id, request.references)
        for raw in (yield from self._all("refunds", intent_id)):
            refund = mapping.refund(request.invoice_id, structure(raw, wire.Refund), raw)
            if refund.refund_id == request.refund_id:
                if refund.amount != request.amount:
                    raise RejectedError(f"there is a refund with this refund_id already, over {refund.amount}")
                return refund
        fields: dict[str, Any] = {
            "payment_intent": intent_id,
            "amount": INFO.to_minor(request.amount),
            "metadata": {"refund_id": request.refund_id},
        }
        if request.reason in mapping.REFUND_REASONS:
            fields["reason"] = request.reason
        elif request.reason:
            fields["metadata"]["reason"] = request.reason[:_LONGEST_NOTE]
        key = ("refund", request.invoice_id, request.refund_id)
        made = wire.unwrap((yield self._post(key, "refunds", fields=fields)))
        return mapping.refund(request.invoice_id, structure(made, wire.Refund), made)

    @hookimpl
    def capture_payment(self, request: CaptureRequest) -> Flow[Capture]:
        """Take reserved money, all or a part; what is left is released."""
        intent_id = yield from self._intent_id(request.invoice_id, request.references)
        taken = None if request.amount is None else INFO.to_minor(request.amount)
        key = ("capture", request.invoice_id, request.capture_id)
        path = ("payment_intents", intent_id, "capture")
        made = wire.unwrap((yield self._post(key, *path, fields={"amount_to_capture": taken})))
        return mapping.capture(request, structure(made, wire.Intent), made)

    @hookimpl
    def check_account(self) -> Flow[None]:
        """Ask for the newest session, which a restricted key must be allowed to read too."""
        yield from self._sessions({}, None, 1)

    @hookimpl
    def register_webhook(self, url: str) -> Flow[WebhookRegistration]:
        """Add a webhook endpoint for every event that says something of a payment."""
        fields = {"url": url, "enabled_events": webhook.EVENTS, "api_version": API_VERSION}
        made = wire.unwrap((yield self._post(("webhook", url), "webhook_endpoints", fields=fields)))
        added = structure(made, wire.Endpoint)
        secret = None if added.secret is None else Secret(added.secret)
        return WebhookRegistration(id=added.id, url=added.url, secret=secret, events=added.enabled_events)

    def _report(self, session: wire.Session, raw: Mapping[str, Any]) -> Flow[StatusReport]:
        """Return the report on a session that was read whole; its disputes, and many refunds, are asked for."""
        intent = session.intent
        charge = None if intent is None else intent.charge
        disputes: list[wire.Dispute] = []
        refunds: list[Refund] = []
        if intent is not None and charge is not None:
            if charge.disputed:
                disputes = [structure(each, wire.Dispute) for each in (yield from self._all("disputes", intent.id))]
            told = charge.refunds
            for item in (yield from self._all("refunds", intent.id)) if told is None or told.has_more else told.data:
                found = structure(item, wire.Refund)
                if found.reason != mapping.RELEASED_HOLD:
                    refunds.append(mapping.refund(session.id, found, item))
        return mapping.report(session, raw, refunds, disputes)

    def _report_of_payment(self, intent_id: str) -> Flow[StatusReport | None]:
        """Return the report on the session whose payment this is; None if it is of no session in payment mode."""
        filters = {"payment_intent": intent_id, "expand": [f"data.{_WHOLE}"]}
        page = yield from self._sessions(filters, None, 1)
        for session, raw in page.items:
            if session.intent_id != intent_id:
                raise UnexpectedResponseError("Stripe answered about another payment than the one asked for")
            return (yield from self._report(session, raw))
        return None

    def _session(self, invoice_id: str) -> Flow[tuple[wire.Session, Mapping[str, Any]]]:
        raw = yield from self._get("checkout", "sessions", invoice_id, query={"expand": [_WHOLE]})
        session = self._read_session(raw)
        if session.id != invoice_id:
            raise UnexpectedResponseError("Stripe answered about another session than the one asked for")
        return session, raw

    def _read_session(self, raw: Mapping[str, Any]) -> wire.Session:
        session = structure(raw, wire.Session)
        if session.livemode not in (None, self.settings.live):
            raise UnexpectedResponseError("Stripe answered about a session of the other mode, test or live")
        if session.mode != "payment":
            raise UnexpectedResponseError("the session is not in payment mode: it is no invoice")
        return session

    def _read_item(self, raw: Mapping[str, Any]) -> tuple[wire.Session, Mapping[str, Any]]:
        session = self._read_session(raw)
        _ = session.intent  # read here, so that the error of one that cannot be read names its session
        return session, raw

    def _sessions(
        self, filters: Mapping[str, Any], cursor: str | None, size: int | None = None
    ) -> Flow[Page[tuple[wire.Session, Mapping[str, Any]]]]:
        """Return a page of sessions in payment mode: others are of no concern here, and have no amount."""
        data = yield from self._page("checkout", "sessions", filters=filters, cursor=cursor, size=size)
        paying = [raw for raw in data.items if raw.get("mode") == "payment"]
        mine = read_each(paying, self._read_item)
        return Page(mine, data.next_cursor, len(data.items))

    def _all(self, kind: str, intent_id: str) -> Flow[list[Mapping[str, Any]]]:
        """Return all refunds or disputes of a payment: a handful, and sometimes more than a page."""
        found: dict[str | None, Mapping[str, Any]] = {}
        cursor: str | None = None
        while True:
            page = yield from self._page(kind, filters={"payment_intent": intent_id}, cursor=cursor)
            new = {wire.id_of(each): each for each in page.items if wire.id_of(each) not in found}
            found |= new
            cursor = page.next_cursor
            if cursor is None:
                return list(found.values())
            if not new:
                raise UnexpectedResponseError("Stripe's list does not advance: the same page came again")

    def _page(
        self, *path: str, filters: Mapping[str, Any], cursor: str | None = None, size: int | None = None
    ) -> Flow[Page[Mapping[str, Any]]]:
        limit = min(size or LARGEST_PAGE, LARGEST_PAGE)
        query = {**filters, "limit": limit, "starting_after": cursor}
        found = structure((yield from self._get(*path, query=query)), wire.List)
        if not all(isinstance(each, Mapping) and wire.id_of(each) for each in found.data):
            raise UnexpectedResponseError("the answer does not fit: data: objects with an id expected")
        more = found.has_more and bool(found.data)
        return Page(found.data, wire.id_of(found.data[-1]) if more else None)

    def _intent_id(self, invoice_id: str, references: Mapping[str, str]) -> Flow[str]:
        known = references.get("payment_intent")
        if known:
            return known
        session, _ = yield from self._session(invoice_id)
        if session.intent_id is None:
            raise RejectedError("nobody has paid this invoice")
        return session.intent_id

    def _get(self, *path: str, query: Mapping[str, Any]) -> Flow[Mapping[str, Any]]:
        url = endpoint(self.settings.base_url, "v1", *path, query=bracketed(query))
        return wire.unwrap((yield HttpRequest(method="GET", url=url, headers=self._headers())))

    def _post(self, key: tuple[str, ...], *path: str, fields: Mapping[str, Any] | None = None) -> HttpRequest:
        """Return a request that changes something, under a key made of the names of what it is for."""
        made = idempotency_key(*key)
        headers = {**self._headers(), "Idempotency-Key": made}
        url = endpoint(self.settings.base_url, "v1", *path)
        return HttpRequest.form("POST", url, bracketed(fields or {}), headers=headers, idempotency_key=made)

    def _headers(self) -> dict[str, str]:
        key, account = self.settings.api_key.reveal(), self.settings.account
        headers = {"Authorization": f"Bearer {key}", "Stripe-Version": API_VERSION}
        return headers if account is None else {**headers, "Stripe-Account": account}


def _payments(found: Iterable[tuple[wire.Session, Mapping[str, Any]]], query: PaymentQuery) -> list[Payment]:
    payments = [
        mapping.payment(session, intent, raw)
        for session, raw in found
        if session.status == "complete" and (intent := session.intent) is not None
    ]
    return matching(payments, query)


def _refund_of(event: wire.Event, report: StatusReport) -> Refund | None:
    """Return the refund that an event is about, as it is now: events come late, and in any order."""
    about = event.data.object
    if about.get("object") != "refund":
        return None
    return next((refund for refund in report.refunds if refund.id == about.get("id")), None)


def _before(since: datetime | None, earlier: timedelta) -> int | None:
    """Return a moment so much earlier, as Stripe's filters take it."""
    return None if since is None else max(0, to_unix(since) - earlier // timedelta(seconds=1))

"""One project of one account at Bitsby, as flows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import attrs

from gateway_bitsby import mapping, webhook, wire
from gateway_bitsby.query import InvoiceQuery, day_filters
from gateway_bitsby.records import BalanceChange, Balances, InvoiceStatistics, ProjectTariff
from gateway_bitsby.settings import (
    DEFAULT_PAGE_SIZE,
    DEFAULT_SEARCH_PAGES,
    DURATIONS,
    TIMES_TO_PAY,
    BitsbyOptions,
    BitsbySettings,
    is_uuid,
)
from gateway_core import (
    Flow,
    HttpRequest,
    Invoice,
    InvoiceRequest,
    Page,
    Payment,
    PaymentQuery,
    ProviderInfo,
    RateLimit,
    StatusReport,
    WebhookDelivery,
    WebhookRequest,
    hookimpl,
)
from gateway_core.errors import (
    GatewayError,
    InvalidRequestError,
    NotFoundError,
    OutOfReachError,
    UnexpectedResponseError,
    WebhookError,
    WebhookReason,
)
from gateway_core.http import endpoint
from gateway_core.listing import cursor_number, is_within
from gateway_core.provider import Declines, Expiry, FindReach, ListFilter, WebhookAuthentication
from gateway_core.webhooks import check_url_secret


@attrs.frozen
class Bitsby:
    """One project of one account at Bitsby.

    Attributes:
        settings: Its settings.
    """

    settings: BitsbySettings
    info = ProviderInfo(
        title="Bitsby",
        docs_url="https://docs.bitsby.app",
        base_url="https://api.bitsby.app",
        currencies=mapping.CURRENCIES,
        options=BitsbyOptions,
        honours=("description", "expires_in", "metadata"),
        expiry=Expiry(minimum=min(DURATIONS), maximum=max(DURATIONS)),
        rate_limits=(RateLimit(requests=1, seconds=1),),
        says_too_many=wire.says_too_many,
        account_settings=("api_key",),
        webhook_authentication=WebhookAuthentication.CALLBACK,
        webhook_covers=(
            "Webhooks are unsigned. One is accepted only after Bitsby, asked over TLS with the account's key, has said "
            "that the invoice is paid, and its project, amount, currency and payment agree; the event is made of that "
            "answer alone. There is one event: an invoice became paid."
        ),
        list_guarantee=(
            "Every payment that Bitsby bound to an invoice of the project, and every one of the account that is bound "
            "to none, in the order in which Bitsby sends them. Bitsby pages by offset: where the list grows meanwhile, "
            "an item may come twice. It watches wallets only while invoices are open: a wallet's history is more."
        ),
        list_filter=ListFilter(by="payment"),
        find_reach=FindReach(items=DEFAULT_PAGE_SIZE * DEFAULT_SEARCH_PAGES),
        unsupported={"refund_payment": "the money is in the merchant's wallet: send it back from there"},
        declines=Declines.NONE,
        notes=(
            "The answer to a creation does not repeat the amount: it is taken to be the one asked for.",
            "What was received is known in crypto only: a report's `received` is None, its verdict UNKNOWN.",
            "PAID means that exactly the reserved amount came, or that the merchant bound another payment by hand.",
            "An unpaid invoice can be canceled until the payer has opened its page.",
            "There is no return address and no test mode.",
            "find_invoice sees as many invoices as page_size and search_pages give, 250 by default.",
            "Bitsby has statistics of payments, too, at an address that is not known: there is no flow for them.",
            "Assumed, since it is not documented: a bad key is told by HTTP status 401 or 403.",
            "Assumed, since it is not documented: the list of an unknown invoice is empty.",
            "Assumed, since it is not documented: the limit of one request a second holds for each key.",
        ),
    )

    @hookimpl
    def create_invoice(self, request: InvoiceRequest) -> Flow[Invoice]:
        """Create an invoice. Bitsby has no idempotency keys: a second request makes a second invoice."""
        fields = {
            "projectId": self.settings.project_id,
            "amountFiat": mapping.amount_text(request.amount),
            "currencyFiat": request.amount.currency,
            "timeToPay": TIMES_TO_PAY[self._time_to_pay(request)],
            "serviceData": mapping.service_data(request),
        }
        if request.description:
            fields["description"] = request.description
        data = yield from self._call("invoices", "create", fields, safe=False)
        try:
            return mapping.created(data, request)
        except UnexpectedResponseError as error:
            error.invoice_id = wire.invoice_id(data)
            error.effect = "unknown" if error.invoice_id is None else "done"
            raise

    @hookimpl
    def get_status(self, invoice_id: str) -> Flow[StatusReport]:
        """Report on one invoice, which Bitsby gives as a list of one."""
        item, raw = yield from self._read(invoice_id)
        return mapping.report(item, raw)

    @hookimpl
    def list_payments(self, query: PaymentQuery, wallet_id: str | None = None) -> Flow[Page[Payment]]:
        """Return one page of payments, filtered exactly here: Bitsby's filters count in days of an unknown zone.

        Args:
            query: Which payments.
            wallet_id: Those to this wallet only, by its id at Bitsby, and those of which Bitsby tells no wallet.
        """
        if any(each is not None and not is_uuid(each) for each in (query.invoice_id, wallet_id)):
            return Page(())
        filters = {
            "invoiceId": query.invoice_id,
            "walletId": wallet_id,
            "startDate": mapping.day(query.since, -1),
            "endDate": mapping.day(query.until, +1),
        }
        page = yield from self._page("payments", wire.ListedPayment, filters, query)
        payments = [
            mapping.payment(item, raw)
            for item, raw in page.items
            if self._is_ours(item) and _came_to(wallet_id, item.wallet)
        ]
        kept = [payment for payment in payments if _matches(payment, query)]
        return Page(kept, page.next_cursor, len(page.items))

    @hookimpl
    def verify_webhook(self, request: WebhookRequest) -> Flow[WebhookDelivery]:
        """Believe nothing but the id in an unsigned webhook, and that only as a question to Bitsby."""
        check_url_secret(request, self.settings.url_secret)
        told = webhook.read(request.body)
        if told.project.id.lower() != self.settings.project_id:
            raise WebhookError("it is about another project", reason=WebhookReason.WRONG_ACCOUNT)
        item, raw = yield from self._read(told.invoice.id)
        return WebhookDelivery(events=[webhook.confirm(told, item, raw)], verified_by="callback")

    @hookimpl
    def find_invoice(self, order_id: str, attempt: int, since: datetime | None) -> Flow[Invoice | None]:
        """Look through the project's invoices for the one that was created for an order.

        Bitsby cannot search, so its list is read: at most `search_pages` pages. All of them are read even after a hit,
        since a second hit is an error. None means that the whole list was read.

        Args:
            order_id: The shop's key.
            attempt: Which attempt to have it paid.
            since: Look at invoices created at this moment or later only, for lists that are longer than can be read.

        Raises:
            OutOfReachError: If nothing was found in as many pages as are read, and there are more.
            UnexpectedResponseError: If several invoices are of this attempt.
        """
        seen: set[str] = set()
        hits: dict[str, Invoice] = {}
        query = InvoiceQuery(since=since)
        for _ in range(self.settings.search_pages):
            page = yield from self._listed(query)
            new = {item.id: (item, raw) for item, raw in page.items if item.id not in seen}
            if page.items and not new:
                raise UnexpectedResponseError("Bitsby's list does not advance: the same page came again")
            seen.update(new)
            for item, raw in new.values():
                if mapping.order_of(item.serviceData) == (order_id, attempt) and self._in_project(item.projectId):
                    hits[item.id] = mapping.invoice(item, raw, self.settings.checkout_url)
            query = attrs.evolve(query, cursor=page.next_cursor)
            if query.cursor is None:
                break
        if len(hits) > 1:
            found = ", ".join(f"{hit.id} ({hit.status.value})" for hit in hits.values())
            raise UnexpectedResponseError(f"several invoices have the order id {order_id}: {found}")
        if not hits and query.cursor is not None:
            raise OutOfReachError(
                f"the order is not among the {len(seen)} invoices looked through, and there are more: set search_pages "
                "or page_size higher, or look only at those since a moment"
            )
        return next(iter(hits.values()), None)

    @hookimpl
    def cancel_invoice(self, invoice_id: str) -> Flow[StatusReport]:
        """Call off an unpaid invoice whose page nobody has opened."""
        return (yield from self._change("cancel", {"invoiceId": invoice_id}))

    @hookimpl
    def check_account(self) -> Flow[None]:
        """Ask for the account's balances."""
        yield from self.balances()

    def bind_payment(self, invoice_id: str, payment_id: str) -> Flow[StatusReport]:
        """Bind a payment that matched no invoice to one, which makes that invoice paid. Run it with `Gateway.run`.

        Args:
            invoice_id: The id of the invoice.
            payment_id: The id of the payment, such as one that `list_payments` gave with no `invoice_id`.

        Raises:
            NotFoundError: If one of the ids is none that Bitsby could know.
            RejectedError: If Bitsby refuses.
        """
        if not is_uuid(payment_id):
            raise NotFoundError("Bitsby has no payment with this id: its ids are UUIDs")
        return (yield from self._change("bindPayment", {"invoiceId": invoice_id, "paymentId": payment_id}))

    def list_invoices(self, query: InvoiceQuery) -> Flow[Page[Invoice]]:
        """Return one page of the project's invoices. Run it with `Gateway.run`."""
        page = yield from self._listed(query)
        mine = [
            mapping.invoice(item, raw, self.settings.checkout_url)
            for item, raw in page.items
            if self._in_project(item.projectId)
        ]
        kept = [invoice for invoice in mine if _is_asked_for(invoice, query)]
        return Page(kept, page.next_cursor, len(page.items))

    def invoice_statistics(
        self, first_day: date | None = None, last_day: date | None = None
    ) -> Flow[InvoiceStatistics]:
        """Return the account's invoices in numbers. Run it with `Gateway.run`.

        Args:
            first_day: Count invoices created on this day or later. In which zone Bitsby's days count is not documented.
            last_day: Count invoices created on this day or earlier; whether it counts itself is not documented.

        Raises:
            InvalidRequestError: If one of them is a `datetime`, or they are in the wrong order.
        """
        data = yield from self._call("statistics", "invoices", day_filters(first_day, last_day), safe=True)
        return mapping.statistics(data)

    def balances(self) -> Flow[Balances]:
        """Return the account's balances. Run it with `Gateway.run`."""
        data = yield from self._call("billing", "balances", {}, safe=True)
        return mapping.balances(data)

    def balance_history(self, *, page_size: int | None = None, cursor: str | None = None) -> Flow[Page[BalanceChange]]:
        """Return one page of what changed the account's balances. Run it with `Gateway.run`.

        Args:
            page_size: Changes on a page, at least 1; None for that of the settings.
            cursor: Where the page starts: `Page.next_cursor` of the page before; None for the first.
        """
        query = PaymentQuery(page_size=page_size, cursor=cursor)
        page = yield from self._page("billing", wire.BalanceChange, {}, query, action="history")
        return Page([mapping.balance_change(item, raw) for item, raw in page.items], page.next_cursor)

    def project_tariffs(self) -> Flow[tuple[ProjectTariff, ...]]:
        """Return what the service costs for each of the account's projects. Run it with `Gateway.run`."""
        data = yield from self._call("billing", "tarrifs", {}, safe=True)  # spelt as Bitsby spells it
        return tuple(mapping.tariff(item, raw) for item, raw in wire.items(wire.billed(data), wire.Tariff))

    def _listed(self, query: InvoiceQuery) -> Flow[Page[tuple[wire.ListedInvoice, Mapping[str, Any]]]]:
        filters = {
            "projectId": self.settings.project_id,
            "invoiceId": query.invoice_id,
            "invoiceUid": query.uid,
            "status": query.status,
            "startDate": mapping.day(query.since, -1),
            "endDate": mapping.day(query.until, +1),
        }
        return (yield from self._page("invoices", wire.ListedInvoice, filters, query))

    def _page(
        self,
        area: str,
        kind: type[wire.Item],
        filters: Mapping[str, str | None],
        query: PaymentQuery | InvoiceQuery,
        action: str = "list",
    ) -> Flow[Page[tuple[wire.Item, Mapping[str, Any]]]]:
        offset = cursor_number(query.cursor)
        size = query.page_size or self.settings.page_size
        given = {name: value for name, value in filters.items() if value is not None}
        data = yield from self._call(area, action, {**given, "offset": str(offset), "limit": str(size)}, safe=True)
        found = wire.items(wire.billed(data) if area == "billing" else data, kind)
        # Bitsby may cut a page to its own, unknown limit, so a short page is the last one only if it was not asked for
        # more than Bitsby gives by default.
        last = not found or (size <= DEFAULT_PAGE_SIZE and len(found) < size)
        return Page(found, None if last else str(offset + len(found)))

    def _read(self, invoice_id: str) -> Flow[tuple[wire.ListedInvoice, Mapping[str, Any]]]:
        _check_invoice_id(invoice_id)
        data = yield from self._call("invoices", "list", {"invoiceId": invoice_id, "limit": "1"}, safe=True)
        found = wire.items(data, wire.ListedInvoice)
        if not found:
            raise NotFoundError("Bitsby has no invoice with this id")
        item, raw = found[0]
        if len(found) > 1 or item.id != invoice_id:
            raise UnexpectedResponseError("Bitsby answered about another invoice than the one asked for")
        if not self._in_project(item.projectId):
            raise NotFoundError("this invoice belongs to another project of the account")
        return item, raw

    def _change(self, action: str, fields: Mapping[str, str]) -> Flow[StatusReport]:
        """Change an invoice and read it again, since the answer to a change says no more than that it was made."""
        _check_invoice_id(fields["invoiceId"])
        yield from self._call("invoices", action, fields, safe=False)
        try:
            return (yield from self.get_status(fields["invoiceId"]))
        except GatewayError as error:
            error.effect = "done"
            raise

    def _call(self, area: str, action: str, fields: Mapping[str, str], *, safe: bool) -> Flow[Any]:
        """Send one request and return the answer's `data`. Every request is a POST, those that only read too."""
        url = endpoint(self.settings.base_url, area, action)
        headers = {"Authorization": f"Token {self.settings.api_key.reveal()}", "Accept": "application/json"}
        if fields:
            request = HttpRequest.multipart("POST", url, fields, headers=headers, safe=safe)
        else:
            request = HttpRequest(method="POST", url=url, headers=headers, safe=safe)
        return wire.unwrap((yield request))

    def _time_to_pay(self, request: InvoiceRequest) -> Decimal:
        chosen: Decimal | None = request.options.time_to_pay
        if request.expires_in is None:
            return chosen or self.settings.time_to_pay
        hours = DURATIONS.get(request.expires_in)
        if hours is None:
            raise InvalidRequestError(f"expires_in must be one of {', '.join(TIMES_TO_PAY.values())} hours at Bitsby")
        if chosen not in (None, hours):
            raise InvalidRequestError("expires_in and the option time_to_pay differ: give one of them")
        return hours

    def _is_ours(self, item: wire.ListedPayment) -> bool:
        return item.invoice is None or self._in_project(item.invoice.projectId)

    def _in_project(self, project_id: str) -> bool:
        return project_id.lower() == self.settings.project_id


def _check_invoice_id(invoice_id: str) -> None:
    if not is_uuid(invoice_id):
        raise NotFoundError("Bitsby has no invoice with this id: its ids are UUIDs")


def _matches(payment: Payment, query: PaymentQuery) -> bool:
    return query.invoice_id in (None, payment.invoice_id) and is_within(
        payment.paid_at, since=query.since, until=query.until
    )


def _came_to(wallet_id: str | None, wallet: wire.Wallet | None) -> bool:
    """Return whether a payment is kept: Bitsby filtered by the wallet, but does not tell it of every payment."""
    known = None if wallet is None else wallet.id
    return known is None or _same_id(wallet_id, known)


def _same_id(wanted: str | None, known: str) -> bool:
    return wanted is None or wanted.lower() == known.lower()


def _is_asked_for(invoice: Invoice, query: InvoiceQuery) -> bool:
    word, uid = invoice.raw["status"], invoice.raw["uid"]
    known = query.status in (None, word) and query.uid in (None, uid) and _same_id(query.invoice_id, invoice.id)
    return known and is_within(invoice.created_at, since=query.since, until=query.until)

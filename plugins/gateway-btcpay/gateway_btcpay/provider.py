"""One store at one BTCPay Server, as flows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import attrs

from gateway_btcpay import mapping, webhook, wire
from gateway_btcpay.settings import BTCPayOptions, BTCPaySettings
from gateway_core import (
    Flow,
    HttpRequest,
    Invoice,
    InvoiceRequest,
    InvoiceStatus,
    Page,
    Payment,
    PaymentQuery,
    ProviderInfo,
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
from gateway_core.errors import (
    NotFoundError,
    PermissionDeniedError,
    RejectedError,
    UnexpectedResponseError,
)
from gateway_core.http import endpoint
from gateway_core.listing import cursor_number, matching
from gateway_core.provider import Declines, Expiry, FindReach, ListFilter, WebhookAuthentication
from gateway_core.wire import naming_invoice, structure, to_unix

#: When the server deletes invoices that expired with nothing paid (source: its "Invoice Cleanup", 2.4.1).
_KEPT = timedelta(days=180)


@attrs.frozen
class BTCPay:
    """One store at one BTCPay Server.

    Attributes:
        settings: Its settings.
    """

    settings: BTCPaySettings
    info = ProviderInfo(
        title="BTCPay Server",
        docs_url="https://docs.btcpayserver.org/API/Greenfield/v1/",
        exponents={"SATS": 0},
        options=BTCPayOptions,
        honours=("description", "return_url", "expires_in", "metadata", "customer", "locale"),
        expiry=Expiry(minimum=timedelta(minutes=1)),
        account_settings=("base_url", "store_id"),
        webhook_authentication=WebhookAuthentication.SIGNATURE_AND_CALLBACK,
        webhook_covers=(
            "The signature covers every byte of the body, which names the event, the store and the invoice, and "
            "neither a status nor an amount: the server is asked for the invoice, and a report is made of its answer."
        ),
        list_guarantee=(
            "Every payment of every invoice for which the server counts money, invoice by invoice, newest invoice "
            "first; payments that were replaced or double spent are told too. The API lists invoices by offset: where "
            "the list grows meanwhile, a payment may come twice."
        ),
        list_filter=ListFilter(by="payment", scan=True),
        find_reach=FindReach(within=_KEPT),
        declines=Declines.NONE,
        notes=(
            "There are no idempotency keys: a lost answer to a creation is looked up by the order; a refund's is not.",
            "A refund makes a page where the buyer claims the money (`claim_url` in its references): it stays PENDING.",
            "EXPIRED with a verdict other than NONE: money came late, or too little. Mark the invoice at the server.",
            "An invoice that was marked as settled by hand is PAID, and what was received is unknown.",
            "A payment tolerance set in the store ends in PARTIALLY_PAID: what came is compared exactly.",
            "An invoice that is unknown, deleted or another store's is answered with 403 by some versions.",
            "Expired invoices without any payment are deleted by the server after six months.",
            "There are no test keys: a server of your own on testnet or regtest is the place for tests.",
        ),
    )

    @hookimpl
    def create_invoice(self, request: InvoiceRequest) -> Flow[Invoice]:
        """Create an invoice. There are no idempotency keys: a second request makes a second invoice."""
        response = yield self._post(mapping.create_body(request), "invoices")
        with naming_invoice(response.body, "id"):
            return mapping.invoice(wire.read(response), self.settings.store_id, request.amount)

    @hookimpl
    def get_status(self, invoice_id: str) -> Flow[StatusReport]:
        """Report how an invoice stands; one that is paid in part costs a second request, for its payments."""
        item, raw = yield from self._invoice(invoice_id)
        return (yield from self._report(item, raw))

    @hookimpl
    def list_payments(self, query: PaymentQuery) -> Flow[Page[Payment]]:
        """Return the payments of one invoice, or of one page of invoices."""
        offset = cursor_number(query.cursor)
        if query.invoice_id is not None:
            payments = yield from self._payments(query.invoice_id)
            return Page(matching(payments, query), None, len(payments))
        size = query.page_size or self.settings.page_size
        # An invoice is made before it is paid, so a later one has no payment that is wanted.
        latest = None if query.until is None else to_unix(query.until, up=True)
        listed = yield from self._list(skip=offset, take=size, endDate=latest, includeArchived="true")
        found: list[Payment] = []
        for raw in listed:
            item = mapping.invoice_item(raw, self.settings.store_id)
            if mapping.may_have_payments(item):
                found += yield from self._payments(item.id)
        following = str(offset + len(listed)) if len(listed) >= size else None
        return Page(matching(found, query), following, len(listed))

    @hookimpl
    def verify_webhook(self, request: WebhookRequest) -> Flow[WebhookDelivery]:
        """Check the signature, and ask the server how the invoice stands."""
        told, raw = webhook.verify(request, self.settings.webhook_secret, self.settings.store_id)
        report = None
        if told.type in webhook.INVOICE_EVENTS and told.invoice_id is not None:
            item, answer = yield from self._invoice(told.invoice_id)
            report = yield from self._report(item, answer)
        event = WebhookEvent(
            # A redelivery has a new deliveryId.
            id=told.original_delivery_id,
            kind=told.type,
            invoice_id=told.invoice_id if report is not None else None,
            report=report,
            occurred_at=told.timestamp,
            raw=raw,
        )
        return WebhookDelivery(events=[event], verified_by="signature+callback" if report else "signature")

    @hookimpl
    def find_invoice(self, order_id: str, attempt: int) -> Flow[Invoice | None]:
        """Look an invoice up by its order, archived ones too.

        Raises:
            UnexpectedResponseError: If there are several: nothing at the server keeps two from having one order.
        """
        reference = order_reference(order_id, attempt)
        listed = yield from self._list(order_id=reference, includeArchived="true")
        found = [mapping.invoice(raw, self.settings.store_id) for raw in listed]
        exact = [each for each in found if (each.order_id, each.attempt) == (order_id, attempt)]
        if len(exact) > 1:
            raise UnexpectedResponseError(
                "there are several invoices of this order: look at them, and archive all but one"
            )
        return exact[0] if exact else None

    @hookimpl
    def cancel_invoice(self, invoice_id: str) -> Flow[StatusReport]:
        """Mark an invoice as invalid, if nothing has come for it.

        Raises:
            RejectedError: If money has come, or its time is over.
        """
        item, raw = yield from self._invoice(invoice_id)
        before = mapping.report(item, raw)
        if before.status is InvoiceStatus.CANCELED:
            return before
        if (item.status, item.additional_status) != ("New", "None"):
            raise RejectedError(
                f"this invoice is {item.status} ({item.additional_status}): only an unpaid one is canceled"
            )
        answer = wire.read((yield self._post({"status": "Invalid"}, "invoices", invoice_id, "status")))
        return mapping.report(self._same(answer, invoice_id), answer)

    @hookimpl
    def refund_payment(self, request: RefundRequest) -> Flow[Refund]:
        """Make a pull payment: a page on which the buyer claims the amount."""
        body: dict[str, Any] = {
            "refundVariant": "Custom",
            "customAmount": f"{request.amount.amount:f}",
            "customCurrency": request.amount.currency,
            "name": f"Refund {request.refund_id}",
        }
        if request.reason:
            body["description"] = request.reason
        answer = wire.read((yield self._post(body, "invoices", request.invoice_id, "refund")))
        return mapping.refund(answer, request)

    @hookimpl
    def check_account(self) -> Flow[None]:
        """List one invoice: that fails with a bad key, and with one that may not see this store."""
        yield from self._list(take=1)

    @hookimpl
    def register_webhook(self, url: str) -> Flow[WebhookRegistration]:
        """Register the shop's address for all events of the store; the server makes the secret."""
        body = {
            "url": url,
            "enabled": True,
            "automaticRedelivery": True,
            "authorizedEvents": {"everything": True, "specificEvents": []},
        }
        answer = structure(wire.read((yield self._post(body, "webhooks"))), wire.Webhook)
        secret = None if answer.secret is None else Secret(answer.secret)
        return WebhookRegistration(id=answer.id, url=answer.url, secret=secret, events=sorted(webhook.INVOICE_EVENTS))

    def _report(self, item: wire.Invoice, raw: Any) -> Flow[StatusReport]:
        if not mapping.is_paid_in_part(item):
            return mapping.report(item, raw)
        methods = yield from self._methods(item.id, accounted="true")
        return mapping.report(item, raw, methods)

    def _payments(self, invoice_id: str) -> Flow[list[Payment]]:
        methods = yield from self._methods(invoice_id, accounted="false")
        return mapping.payments(methods, invoice_id)

    def _methods(self, invoice_id: str, accounted: str) -> Flow[list[wire.PaymentMethod]]:
        query = {"onlyAccountedPayments": accounted}
        answer = yield from self._of_one("invoices", invoice_id, "payment-methods", query=query)
        return structure(answer, list[wire.PaymentMethod])

    def _invoice(self, invoice_id: str) -> Flow[tuple[wire.Invoice, Any]]:
        answer = yield from self._of_one("invoices", invoice_id)
        return self._same(answer, invoice_id), answer

    def _same(self, answer: Any, invoice_id: str) -> wire.Invoice:
        item = mapping.invoice_item(answer, self.settings.store_id)
        if item.id != invoice_id:
            raise UnexpectedResponseError("the answer is about another invoice than was asked for")
        return item

    def _of_one(self, *path: str, query: Mapping[str, str] | None = None) -> Flow[Any]:
        """Ask about one invoice.

        Raises:
            NotFoundError: If the server does not know it, or another store has it.
        """
        try:
            return wire.read((yield self._get(*path, query=query)))
        except PermissionDeniedError as error:
            # The permission of an invoice that is unknown cannot be checked, so it fails (source: the server's
            # BuiltInPermissionScopeProvider, 2.4.1). That a key is bad shows in a list.
            if error.code != wire.MISSING_PERMISSION:
                raise
            refused = error.message
        except NotFoundError as error:
            error.gone = True  # the server deletes what expired unpaid
            raise
        raise NotFoundError(
            f"this store has no such invoice, or the key may not see it: {refused}", gone=True, http_status=403
        )

    def _list(self, **query: str | int | None) -> Flow[list[Any]]:
        answer = wire.read((yield self._get("invoices", query=query)))
        if not isinstance(answer, list):
            raise UnexpectedResponseError("the answer does not fit: a list expected")
        return answer

    def _get(self, *path: str, query: Mapping[str, str | int | None] | None = None) -> HttpRequest:
        return HttpRequest(method="GET", url=self._url(*path, query=query), headers=self._headers)

    def _post(self, body: Mapping[str, Any], *path: str) -> HttpRequest:
        return HttpRequest.json("POST", self._url(*path), body, headers=self._headers)

    def _url(self, *path: str, query: Mapping[str, str | int | None] | None = None) -> str:
        return endpoint(self.settings.base_url, "api", "v1", "stores", self.settings.store_id, *path, query=query)

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"token {self.settings.api_key.reveal()}", "Accept": "application/json"}

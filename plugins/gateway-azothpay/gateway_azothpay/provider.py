"""One app of one merchant at AzothPay, as flows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from gateway_azothpay import mapping, webhook, wire
from gateway_azothpay.settings import DECIMALS, PERIODS, AzothPayOptions, AzothPaySettings
from gateway_azothpay.subscription import Subscription
from gateway_core import (
    Flow,
    HttpRequest,
    Invoice,
    InvoiceRequest,
    Page,
    Payment,
    PaymentQuery,
    ProviderInfo,
    StatusReport,
    WebhookDelivery,
    WebhookRequest,
    hookimpl,
)
from gateway_core.errors import (
    InvalidRequestError,
    NotFoundError,
    UnexpectedResponseError,
    UnsupportedOperationError,
)
from gateway_core.http import endpoint
from gateway_core.listing import cursor_number, is_within
from gateway_core.provider import Declines, ListFilter, WebhookAuthentication
from gateway_core.wire import naming_invoice, structure


@attrs.frozen
class AzothPay:
    """One app that was registered in AzothPay's Telegram bot.

    Attributes:
        settings: Its settings.
    """

    settings: AzothPaySettings
    info = ProviderInfo(
        title="AzothPay",
        docs_url="https://docs.azothpay.com/invoice/api-reference",
        currencies=tuple(DECIMALS),
        exponents={code: places for code, places in DECIMALS.items() if code != "USD"},
        options=AzothPayOptions,
        honours=("description", "metadata"),
        account_settings=("api_key",),
        webhook_authentication=WebhookAuthentication.SIGNATURE_AND_CALLBACK,
        webhook_covers=(
            "The signature covers the update's id, which is the transaction's hash, and nothing else. So AzothPay is "
            "asked for the invoice, over TLS with the app's key: a webhook is accepted only if that says isPaid, and "
            "the whole event is made of that answer. So there is one event for each invoice, stream_created. That a "
            "stream was revoked shows nowhere in the answer: such a message brings the same event once more."
        ),
        webhook_unsigned=("updateType", "requestDate", "payload"),
        list_guarantee=(
            "Each item is a subscription that was started, not a payment of one period: AzothPay keeps no list of "
            "payments. It has no amount and no invoice, for AzothPay tells neither, and cannot be asked for by "
            "invoice. All pages are read, and filtered by time here. AzothPay pages by number, in an order that is "
            "not documented: where the list grows meanwhile, an item may come twice or be missed."
        ),
        unsupported={
            "find_invoice": "it has no list of invoices, and none can be looked up by the order",
            "cancel_invoice": "it can end neither an invoice nor a subscription: only the payer can, in the wallet",
            "refund_payment": "the money is in the merchant's wallet: send it back from there",
        },
        list_filter=ListFilter(by="payment", scan=True),
        partial_payments=False,
        overpayments=False,
        declines=Declines.NONE,
        expires=False,
        notes=(
            "Every invoice is recurring: paying one starts a stream. One-off payments do not exist.",
            "How often an invoice is charged must be chosen, by option or setting `period`, or it is refused.",
            "PAID means that somebody subscribed once. It stays PAID when the subscription ends.",
            "What was received is not told: a report's `received` is None, its verdict UNKNOWN.",
            "An invoice names no token and no chain: amounts are in the setting `currency`, USD by default.",
            "There is no time to pay, so that `expires_in` is refused, and no return address.",
            "There are no idempotency keys, and a lost answer cannot be looked up.",
            "The base address is not documented: it is a setting without a default.",
            "Assumed from the sister product Papaya: the periods' words, the webhooks' header and formula.",
            "Assumed, since it is not documented: a list's items are in `items`, in `data`, or in the only array.",
            "Assumed, since it is not documented: a time without its zone is in UTC.",
            "Assumed, since it is not documented: there is no rate limit to keep.",
        ),
    )

    @hookimpl
    def create_invoice(self, request: InvoiceRequest) -> Flow[Invoice]:
        """Create a recurring invoice. AzothPay has no idempotency keys: a second request makes a second invoice."""
        body: dict[str, Any] = {
            "rate": mapping.rate(request.amount, self.settings.currency),
            "period": self._period(request),
            "metadata": mapping.metadata(request),
        }
        if request.description:
            body["message"] = request.description
        url = endpoint(self.settings.base_url, "api", "invoice")
        response = yield HttpRequest.json("POST", url, body, headers=self._headers)
        try:
            with naming_invoice(response.body, "id"):
                return mapping.created(wire.read(response), request, self.settings)
        except UnexpectedResponseError as error:
            error.invoice_id = error.invoice_id if mapping.is_id(error.invoice_id or "") else None
            error.effect = "unknown" if error.invoice_id is None else "done"
            raise

    @hookimpl
    def get_status(self, invoice_id: str) -> Flow[StatusReport]:
        """Report whether anybody has subscribed to an invoice: that is all that AzothPay tells."""
        item, raw = yield from self._read(invoice_id)
        return mapping.report(item, raw, self.settings.currency)

    @hookimpl
    def list_payments(self, query: PaymentQuery) -> Flow[Page[Payment]]:
        """Return one page of subscriptions as the payments that started them, filtered by time here."""
        if query.invoice_id is not None:
            raise UnsupportedOperationError(
                "AzothPay does not tell which invoice a subscription belongs to: list all, and match `reference` with "
                "the transactions that the stream_created webhooks told of"
            )
        page = yield from self._page(query.cursor, query.page_size)
        payments = [mapping.payment(item, raw) for item, raw in page.items]
        return Page(
            [payment for payment in payments if is_within(payment.paid_at, since=query.since, until=query.until)],
            page.next_cursor,
            len(page.items),
        )

    @hookimpl
    def verify_webhook(self, request: WebhookRequest) -> Flow[WebhookDelivery]:
        """Check the signature, which covers the update's id only, and ask AzothPay for everything else."""
        told, invoice_id = webhook.verify(request, self.settings)
        item, raw = yield from self._read(invoice_id)
        event = webhook.confirm(told, item, raw, self.settings.currency)
        return WebhookDelivery(events=[event], verified_by="signature+callback")

    @hookimpl
    def check_account(self) -> Flow[None]:
        """Ask for one subscription."""
        yield from self._page(None, 1)

    def list_subscriptions(self, cursor: str | None = None, page_size: int | None = None) -> Flow[Page[Subscription]]:
        """Return one page of the app's subscriptions. Run it with `Gateway.run`.

        Args:
            cursor: Where the page starts: `Page.next_cursor` of the page before; None for the first.
            page_size: Subscriptions on a page, at least 1; None for that of the settings.

        Raises:
            InvalidRequestError: If the cursor or the size is none.
        """
        if page_size is not None and (type(page_size) is not int or page_size < 1):
            raise InvalidRequestError("page_size must be an int above zero")
        page = yield from self._page(cursor, page_size)
        return Page([mapping.subscription(item, raw) for item, raw in page.items], page.next_cursor)

    def get_subscription(self, subscription_id: str) -> Flow[Subscription]:
        """Return one subscription. Run it with `Gateway.run`.

        Raises:
            NotFoundError: If AzothPay does not know it.
        """
        answer = yield from self._one("subscriptions", subscription_id)
        item = structure(answer, wire.Subscription)
        _check_same(subscription_id, item.id)
        return mapping.subscription(item, answer)

    def _read(self, invoice_id: str) -> Flow[tuple[wire.Invoice, Mapping[str, Any]]]:
        answer = yield from self._one("invoice", invoice_id)
        item = structure(answer, wire.Invoice)
        _check_same(invoice_id, item.id)
        return item, answer

    def _one(self, what: str, number: str) -> Flow[Any]:
        if not mapping.is_id(number):
            raise NotFoundError("AzothPay has nothing with this id: its ids are whole numbers")
        url = endpoint(self.settings.base_url, "api", what, number)
        return wire.read((yield HttpRequest(method="GET", url=url, headers=self._headers)))

    def _page(self, cursor: str | None, size: int | None) -> Flow[Page[tuple[wire.Subscription, Mapping[str, Any]]]]:
        number = cursor_number(cursor, first=1)
        query = {"page": number, "limit": size or self.settings.page_size}
        url = endpoint(self.settings.base_url, "api", "subscriptions", query=query)
        answer = wire.read((yield HttpRequest(method="GET", url=url, headers=self._headers)))
        page, items = wire.subscriptions(answer)
        if page.page != number:
            raise UnexpectedResponseError("AzothPay answered with another page than the one asked for")
        return Page(items, None if number >= page.totalPages else str(number + 1))

    def _period(self, request: InvoiceRequest) -> str:
        period: str | None = request.options.period or self.settings.period
        if period is None:
            raise InvalidRequestError(
                "paying an invoice at AzothPay starts a recurring stream, and there are no one-off payments: choose "
                f"how often it is charged by the option `period` or the setting `period` ({', '.join(PERIODS)})"
            )
        return period

    @property
    def _headers(self) -> dict[str, str]:
        return {"X-API-Key": self.settings.api_key.reveal(), "Accept": "application/json"}


def _check_same(asked: str, answered: int) -> None:
    if asked != str(answered):
        raise UnexpectedResponseError("AzothPay answered about something else than was asked for")

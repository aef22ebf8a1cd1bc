"""One account at Billoget, as flows."""

from __future__ import annotations

import attrs

from gateway_billoget import api, budgets, catalogue, mapping, webhook, wire, writing
from gateway_billoget.records import Budget, BudgetQuery
from gateway_billoget.settings import BillogetOptions, BillogetSettings
from gateway_core import (
    Flow,
    Invoice,
    InvoiceRequest,
    Page,
    Payment,
    PaymentQuery,
    ProviderInfo,
    RateLimit,
    StatusReport,
    WebhookDelivery,
    WebhookEvent,
    WebhookRequest,
    hookimpl,
)
from gateway_core.errors import (
    NotFoundError,
    OutOfReachError,
    UnexpectedResponseError,
    UnsupportedOperationError,
)
from gateway_core.models import order_reference
from gateway_core.provider import RateLimitHeaders, WebhookAuthentication

_NO_PAYMENTS = "Billoget makes budgets (quotes) and knows of no payments: look at your bank or payment provider"
_NO_REFUNDS = "Billoget takes no payments, so that there is nothing to give back"
_NO_CANCELING = (
    "a deletion keeps the budget, and whether the customer can still approve it is not documented: run delete_budget, "
    "or reject_budget in the customer's name, where you mean that"
)


@attrs.frozen
class Billoget:
    """One account at Billoget: an invoice is a budget (quote), which is approved or rejected, and never PAID.

    Attributes:
        settings: Its settings.
    """

    settings: BillogetSettings
    info = ProviderInfo(
        title="Billoget",
        docs_url="https://developers.billoget.com/docs/getting-started/overview",
        base_url="https://api.billoget.com/v1",
        options=BillogetOptions,
        honours=("description", "expires_in", "metadata"),
        rate_limits=(RateLimit(requests=1000, seconds=3600),),
        rate_limit_headers=RateLimitHeaders(remaining="X-RateLimit-Remaining", reset="X-RateLimit-Reset"),
        account_settings=("api_key",),
        webhook_authentication=WebhookAuthentication.SIGNATURE,
        webhook_covers=(
            "HMAC-SHA256 of the body, byte by byte, under a shared secret. Header, encoding and prefix are settings. "
            "Nothing is known to protect from a replay: deduplicate by the event's id. With confirm_webhooks, the "
            "budget is fetched as well, and only that answer is believed."
        ),
        list_guarantee="There is no list: Billoget knows of no payments.",
        unsupported={
            "list_payments": _NO_PAYMENTS,
            "cancel_invoice": _NO_CANCELING,
            "refund_payment": _NO_REFUNDS,
        },
        crypto_assets=False,
        partial_payments=False,
        overpayments=False,
        notes=(
            "Billoget processes no payments: what a customer has approved is APPROVED, never PAID.",
            "create_mode `budgets` yields no link for the customer; `public` does, in the field names of G3.",
            "Which of two families of field names is live is not documented: both are read, one is written.",
            "G3 has no word for an expired budget: a pending one is EXPIRED by the time that the answer itself gives.",
            "G1 keeps the order in the metadata; G3 in the last line of the comments, which the customer may see.",
            "G3 has no metadata: there they are named in Invoice.ignored. Only G1 keeps them.",
            "There are no idempotency keys: a second request makes a second budget.",
            "The rate limit is that of a standard key. Beside it, webhook tests are limited to ten a minute.",
            "Assumed, since it is not documented: signatures are written in hex, with or without `sha256=`.",
            "Assumed, since it is not documented: iva is an amount contained in the total, no percentage.",
            "Assumed, since two are documented: the address ends in /v1; public budgets are at /api/budgets/public.",
            "Not documented: which secret signs webhooks, and what a test key does. Ask Billoget's support.",
            "Not documented: what `search` looks at. Where it finds nothing, find_invoice reads the whole list.",
        ),
    )

    @hookimpl
    def create_invoice(self, request: InvoiceRequest) -> Flow[Invoice]:
        """Make a budget of one item. Billoget has no idempotency keys: a second request makes a second budget."""
        public = self.settings.create_mode == "public"
        draft = writing.draft_of(request, self.settings, "G3" if public else self.settings.generation)
        create = budgets.create_public_budget if public else budgets.create_budget
        made = yield from create(self, draft)
        kept_in_g1_only = ("metadata",) if request.metadata and not draft.metadata else ()
        try:
            return attrs.evolve(mapping.invoice(made), ignored=kept_in_g1_only)
        except UnexpectedResponseError as error:
            error.effect = "done"
            raise

    @hookimpl
    def get_status(self, invoice_id: str) -> Flow[StatusReport]:
        """Report how a budget stands, which says nothing about money."""
        return mapping.report((yield from budgets.get_budget(self, invoice_id)))

    @hookimpl
    def list_payments(self, query: PaymentQuery) -> Flow[Page[Payment]]:  # noqa: ARG002  # whatever is asked for
        """Raise an `UnsupportedOperationError`: there is nothing to list."""
        raise UnsupportedOperationError(_NO_PAYMENTS)

    @hookimpl
    def verify_webhook(self, request: WebhookRequest) -> Flow[WebhookDelivery]:
        """Check the signature, then read what the event says; fetch the budget too where the settings want it."""
        webhook.check(request, self.settings)
        told, raw = webhook.read(request, self.settings)
        key, at = webhook.key_of(told, request.body), wire.moment(told.timestamp)
        if not told.event.startswith("budget."):
            event = WebhookEvent(id=key, kind=told.event, occurred_at=at, raw=raw)
            return WebhookDelivery(events=[event], verified_by="signature")
        found = mapping.budget(told.data, at, self.settings.currency)
        report: StatusReport | None = mapping.report(found, mapping.told(told.event, found))
        fetch = self.settings.confirm_webhooks
        if told.event == "budget.deleted":
            # It can be fetched no more, and how it stood before says nothing about it now.
            report, fetch = None, False
        if fetch:
            report = mapping.report((yield from budgets.get_budget(self, found.id)))
        event = WebhookEvent(id=key, kind=told.event, invoice_id=found.id, report=report, occurred_at=at, raw=raw)
        return WebhookDelivery(events=[event], verified_by="signature+callback" if fetch else "signature")

    @hookimpl
    def find_invoice(self, order_id: str, attempt: int) -> Flow[Invoice | None]:
        """Look for the budget that was made for an order: by Billoget's search, then by reading the whole list.

        What the search looks at is not documented, so finding nothing by it says nothing. None means that the whole
        list was read.

        Raises:
            OutOfReachError: If nothing was found in as many requests as are allowed, and there is more.
            UnexpectedResponseError: If several budgets carry the order.
        """
        left = self.settings.search_requests
        hits: dict[str, Budget] = {}
        for search in (order_reference(order_id, attempt), None):
            left = yield from self._look((order_id, attempt), search, left, hits)
            if hits or left < 0:
                break
        if len(hits) > 1:
            found = ", ".join(f"{hit.id} ({hit.status.value})" for hit in hits.values())
            raise UnexpectedResponseError(f"several budgets carry the order {order_id}: {found}")
        if not hits and left < 0:
            raise OutOfReachError(
                f"the order is not in what {self.settings.search_requests} requests show, and there is more: set "
                "search_requests higher, or look with list_budgets"
            )
        return next((mapping.invoice(hit) for hit in hits.values()), None)

    @hookimpl
    def check_account(self) -> Flow[None]:
        """Ask for one budget, which needs the scope READ_BUDGETS."""
        yield from budgets.list_budgets(self, BudgetQuery(page_size=1))

    # What Billoget has beyond the common operations. Each is a flow for `Gateway.run`.
    list_budgets = budgets.list_budgets
    get_budget = budgets.get_budget
    get_public_budget = budgets.get_public_budget
    get_budget_by_token = budgets.get_budget_by_token
    create_budget = budgets.create_budget
    create_public_budget = budgets.create_public_budget
    update_budget = budgets.update_budget
    delete_budget = budgets.delete_budget
    confirm_budget = budgets.confirm_budget
    reject_budget = budgets.reject_budget
    test_webhook = budgets.send_test_webhook
    list_customers = catalogue.list_customers
    get_customer = catalogue.get_customer
    create_customer = catalogue.create_customer
    update_customer = catalogue.update_customer
    delete_customer = catalogue.delete_customer
    list_products = catalogue.list_products
    get_product = catalogue.get_product
    create_product = catalogue.create_product
    update_product = catalogue.update_product
    delete_product = catalogue.delete_product
    ask = api.ask

    def _look(self, order: tuple[str, int], search: str | None, left: int, hits: dict[str, Budget]) -> Flow[int]:
        """Add the budgets of a list that carry an order to the hits; return how many requests are left.

        It is -1 if more were needed. Budgets that are shown without the field that carries the order are fetched.
        """
        seen: set[str] = set()
        query: BudgetQuery | None = BudgetQuery(search=search)
        while query is not None:
            if left < 1:
                return -1
            left -= 1
            page = yield from budgets.list_budgets(self, query)
            new = {each.id: each for each in page.items if each.id not in seen}
            if page.items and not new:
                raise UnexpectedResponseError("Billoget's list does not advance: the same page came again")
            seen.update(new)
            for shown in new.values():
                budget: Budget | None = shown
                if not mapping.carries_reference(shown):
                    if left < 1:
                        return -1
                    left -= 1
                    budget = yield from self._get_if_there(shown.id)
                if budget is not None and (budget.order_id, budget.attempt) == order:
                    hits[budget.id] = budget
            query = None if page.next_cursor is None else attrs.evolve(query, cursor=page.next_cursor)
        return left

    def _get_if_there(self, budget_id: str) -> Flow[Budget | None]:
        try:
            return (yield from budgets.get_budget(self, budget_id))
        except NotFoundError:
            return None  # deleted since it was listed

"""Budgets (quotes), as flows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

from gateway_billoget import mapping, wire, writing
from gateway_billoget.api import expect_id
from gateway_billoget.catalogue import Catalogue
from gateway_billoget.records import Budget, BudgetChanges, BudgetDraft, BudgetQuery, Decision, WebhookTest
from gateway_core import Flow, InvoiceStatus, Page
from gateway_core.errors import GatewayError, InvalidRequestError, RejectedError, UnexpectedResponseError
from gateway_core.wire import structure

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)

#: What the SDK sends to see whether its key works.
CONNECTION_TEST = "connection_test"


@attrs.frozen
class Budgets(Catalogue):
    """Everything that Billoget does with budgets. Each method is a flow for `Gateway.run`."""

    def list_budgets(self, query: BudgetQuery | None = None) -> Flow[Page[Budget]]:
        """Return one page of the budgets that a query asks for.

        What Billoget makes of a filter is checked: a page may hold fewer budgets than asked for, and be empty with more
        pages to come.

        Raises:
            InvalidRequestError: If the generation that is written has no such filter.
        """
        wanted = query or BudgetQuery()
        page = yield from self._page(
            "budgets",
            self._budget,
            cursor=wanted.cursor,
            page_size=wanted.page_size,
            filters=writing.filters(wanted, self._generation),
        )
        kept = [each for each in page.items if writing.is_asked_for(each.status, each.created_at, wanted)]
        return Page(kept, page.next_cursor, len(page.items))

    def get_budget(self, budget_id: str) -> Flow[Budget]:
        """Return one budget.

        Raises:
            NotFoundError: If Billoget does not know it, or it was deleted.
        """
        answer = yield from self._send("GET", ("api", "public", "budgets", budget_id))
        found = self._budget(answer.data, answer)
        expect_id(budget_id, found.id)
        return found

    def get_public_budget(self, budget_id: str) -> Flow[Budget]:
        """Return one budget as everybody may see it."""
        answer = yield from self._send("GET", ("api", "public", "budgets", "public", budget_id))
        found = self._budget(answer.data, answer)
        expect_id(budget_id, found.id)
        return found

    def get_budget_by_token(self, token: str) -> Flow[Budget]:
        """Return the budget with a public token.

        Raises:
            InvalidRequestError: If it is not of the form of a token.
        """
        answer = yield from self._send("GET", ("api", "public", "budgets", "token", _checked(token)))
        return self._budget(answer.data, answer)

    def create_budget(self, draft: BudgetDraft) -> Flow[Budget]:
        """Make a budget of any number of items by ``POST /api/public/budgets``.

        Billoget has no idempotency keys: a second request makes a second budget.

        Raises:
            ConfigurationError: If something is missing that Billoget needs.
            InvalidRequestError: If something cannot be sent in the generation that is written.
        """
        body = writing.budget(draft, self._generation, self.settings.currency)
        answer = yield from self._send("POST", ("api", "public", "budgets"), body=body)
        return self._made(answer.data, answer)

    def create_public_budget(self, draft: BudgetDraft) -> Flow[Budget]:
        """Make a budget with a public link, in the fields of G3. The answer repeats no amounts: they are the draft's.

        Raises:
            ConfigurationError: If something is missing that Billoget needs.
            RejectedError: If Billoget says that it made none.
        """
        body = writing.budget(draft, "G3", self.settings.currency)
        answer = yield from self._send("POST", tuple(self.settings.public_path.split("/")), body=body)
        return _made_public(answer.data, draft)

    def update_budget(self, budget_id: str, changes: BudgetChanges) -> Flow[Budget]:
        """Change a budget. Whether Billoget keeps the fields that are not given is not documented.

        In G3 the order stands in the comments, so that they are read first where they are to change.

        Raises:
            InvalidRequestError: If there is nothing to change, or it cannot be sent in the generation that is written.
        """
        writing.changes(changes, self._generation, None)  # refuses before anything is sent
        order_id = None
        if changes.notes is not None and self._generation == "G3":
            order_id = (yield from self.get_budget(budget_id)).order_id
        body = writing.changes(changes, self._generation, order_id)
        answer = yield from self._send("PUT", ("api", "public", "budgets", budget_id), body=body)
        found = self._budget(answer.data, answer)
        expect_id(budget_id, found.id)
        return found

    def delete_budget(self, budget_id: str) -> Flow[None]:
        """Delete a budget, softly: Billoget keeps it. What becomes of its public link is not documented."""
        yield from self._send("DELETE", ("api", "public", "budgets", budget_id))

    def confirm_budget(self, token: str) -> Flow[Decision]:
        """Approve a budget in the customer's name. That is no payment: the answer may say where to pay."""
        return (yield from self._decide(token, "confirm"))

    def reject_budget(self, token: str) -> Flow[Decision]:
        """Reject a budget in the customer's name."""
        return (yield from self._decide(token, "reject"))

    def test_webhook(self, event: str = CONNECTION_TEST, data: Mapping[str, Any] | None = None) -> Flow[WebhookTest]:
        """Let Billoget test the webhook, at most ten times a minute. Whether it delivers one is not documented.

        Args:
            event: The event's name.
            data: What it is about.
        """
        body = {"event": event, "data": data or {}}
        answer = yield from self._send("POST", ("api", "public", "webhooks", "test"), body=body)
        found, raw = wire.one(answer, wire.WebhookTest)
        return WebhookTest(message=found.message, raw=raw)

    def _decide(self, token: str, what: str) -> Flow[Decision]:
        path = ("api", "public", "budgets", "token", _checked(token), what)
        answer = yield from self._send("POST", path, body={})
        found, raw = wire.one(answer, wire.Decision)
        budget = None if found.budget is None else self._budget(found.budget, answer)
        return Decision(message=found.message, budget=budget, payment_url=found.paymentUrl, raw=raw)

    def _budget(self, data: Any, answer: wire.Answer) -> Budget:
        return mapping.budget(data, answer.at, self.settings.currency)

    def _made(self, data: Any, answer: wire.Answer) -> Budget:
        try:
            return self._budget(data, answer)
        except GatewayError as error:
            message = error.message
        raise _unreadable(message, data, "id")


def _made_public(data: Any, draft: BudgetDraft) -> Budget:
    if isinstance(data, Mapping) and data.get("success") is False and data.get("budgetId") is None:
        message = data.get("message")
        raise RejectedError(message if isinstance(message, str) else "refused without a reason", http_status=200)
    try:
        found = structure(data, wire.PublicBudget)
    except UnexpectedResponseError as error:
        message = error.message
    else:
        if found.success is not False:
            return Budget(
                id=found.budgetId,
                status=InvoiceStatus.PENDING,
                total=draft.total,
                order_id=draft.order_id,
                customer_id=draft.customer_id,
                seller_id=draft.seller_id,
                payment_url=found.publicUrl,
                public_token=found.publicToken,
                notes=draft.notes or None,
                expires_at=draft.expires_at,
                raw=data,
            )
        message = "Billoget says that it failed, and names a budget that it made"
    raise _unreadable(message, data, "budgetId")


def _unreadable(message: str, data: Any, key: str) -> UnexpectedResponseError:
    """Return the error for an answer that says that a budget was made, and which cannot be used."""
    known = data.get(key) if isinstance(data, Mapping) else None
    invoice_id = str(known) if type(known) is int else known if isinstance(known, str) else None
    return UnexpectedResponseError(message, effect="done", invoice_id=invoice_id)


def _checked(token: str) -> str:
    if not _TOKEN.fullmatch(token):
        raise InvalidRequestError("a token is 1 to 100 letters, digits, hyphens and underscores")
    return token

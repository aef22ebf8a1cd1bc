"""Budgets (quotes), as flows."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from gateway_billoget import api, mapping, wire, writing
from gateway_billoget.api import Account, expect_id
from gateway_billoget.records import Budget, BudgetChanges, BudgetDraft, BudgetQuery, Decision, WebhookTest
from gateway_core import Flow, InvoiceStatus, Page
from gateway_core.errors import GatewayError, InvalidRequestError, RejectedError, UnexpectedResponseError
from gateway_core.models import order_reference
from gateway_core.wire import structure

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)

#: What the SDK sends to see whether its key works.
CONNECTION_TEST = "connection_test"


def list_budgets(account: Account, query: BudgetQuery | None = None) -> Flow[Page[Budget]]:
    """Return one page of the budgets that a query asks for.

    What Billoget makes of a filter is checked: a page may hold fewer budgets than asked for, and be empty with more
    pages to come.

    Raises:
        InvalidRequestError: If the generation that is written has no such filter.
    """
    wanted = query or BudgetQuery()
    page = yield from api.page(
        account,
        "budgets",
        functools.partial(_budget, account),
        cursor=wanted.cursor,
        page_size=wanted.page_size,
        filters=writing.filters(wanted, account.settings.generation),
    )
    kept = [each for each in page.items if writing.is_asked_for(each.status, each.created_at, wanted)]
    return Page(kept, page.next_cursor, len(page.items))


def get_budget(account: Account, budget_id: str) -> Flow[Budget]:
    """Return one budget.

    Raises:
        NotFoundError: If Billoget does not know it, or it was deleted.
    """
    answer = yield from api.send(account, "GET", ("api", "public", "budgets", budget_id))
    found = _budget(account, answer.data, answer)
    expect_id(budget_id, found.id)
    return found


def get_public_budget(account: Account, budget_id: str) -> Flow[Budget]:
    """Return one budget as everybody may see it."""
    answer = yield from api.send(account, "GET", ("api", "public", "budgets", "public", budget_id))
    found = _budget(account, answer.data, answer)
    expect_id(budget_id, found.id)
    return found


def get_budget_by_token(account: Account, token: str) -> Flow[Budget]:
    """Return the budget with a public token.

    Raises:
        InvalidRequestError: If it is not of the form of a token.
    """
    answer = yield from api.send(account, "GET", ("api", "public", "budgets", "token", _checked(token)))
    return _budget(account, answer.data, answer)


def create_budget(account: Account, draft: BudgetDraft) -> Flow[Budget]:
    """Make a budget of any number of items by ``POST /api/public/budgets``.

    Billoget has no idempotency keys: a second request makes a second budget.

    Raises:
        ConfigurationError: If something is missing that Billoget needs.
        InvalidRequestError: If something cannot be sent in the generation that is written.
    """
    body = writing.budget(draft, account.settings.generation, account.settings.currency)
    answer = yield from api.send(account, "POST", ("api", "public", "budgets"), body=body)
    return _made(account, answer.data, answer)


def create_public_budget(account: Account, draft: BudgetDraft) -> Flow[Budget]:
    """Make a budget with a public link, in the fields of G3. The answer repeats no amounts: they are the draft's.

    Raises:
        ConfigurationError: If something is missing that Billoget needs.
        RejectedError: If Billoget says that it made none.
    """
    body = writing.budget(draft, "G3", account.settings.currency)
    answer = yield from api.send(account, "POST", tuple(account.settings.public_path.split("/")), body=body)
    return _made_public(answer.data, draft)


def update_budget(account: Account, budget_id: str, changes: BudgetChanges) -> Flow[Budget]:
    """Change a budget. Whether Billoget keeps the fields that are not given is not documented.

    In G3 the order stands in the comments, so that they are read first where they are to change.

    Raises:
        InvalidRequestError: If there is nothing to change, or it cannot be sent in the generation that is written.
    """
    writing.changes(changes, account.settings.generation, None)  # refuses before anything is sent
    reference = None
    if changes.notes is not None and account.settings.generation == "G3":
        found = yield from get_budget(account, budget_id)
        reference = None if found.order_id is None else order_reference(found.order_id, found.attempt or 1)
    body = writing.changes(changes, account.settings.generation, reference)
    answer = yield from api.send(account, "PUT", ("api", "public", "budgets", budget_id), body=body)
    changed = _budget(account, answer.data, answer)
    expect_id(budget_id, changed.id)
    return changed


def delete_budget(account: Account, budget_id: str) -> Flow[None]:
    """Delete a budget, softly: Billoget keeps it. What becomes of its public link is not documented."""
    yield from api.send(account, "DELETE", ("api", "public", "budgets", budget_id))


def confirm_budget(account: Account, token: str) -> Flow[Decision]:
    """Approve a budget in the customer's name. That is no payment: the answer may say where to pay."""
    return (yield from _decide(account, token, "confirm"))


def reject_budget(account: Account, token: str) -> Flow[Decision]:
    """Reject a budget in the customer's name."""
    return (yield from _decide(account, token, "reject"))


def send_test_webhook(
    account: Account, event: str = CONNECTION_TEST, data: Mapping[str, Any] | None = None
) -> Flow[WebhookTest]:
    """Let Billoget test the webhook, at most ten times a minute. Whether it delivers one is not documented.

    Args:
        account: Whose webhook.
        event: The event's name.
        data: What it is about.
    """
    body = {"event": event, "data": data or {}}
    answer = yield from api.send(account, "POST", ("api", "public", "webhooks", "test"), body=body)
    found, raw = wire.one(answer, wire.WebhookTest)
    return WebhookTest(message=found.message, raw=raw)


def _decide(account: Account, token: str, what: str) -> Flow[Decision]:
    path = ("api", "public", "budgets", "token", _checked(token), what)
    answer = yield from api.send(account, "POST", path, body={})
    found, raw = wire.one(answer, wire.Decision)
    budget = None if found.budget is None else _budget(account, found.budget, answer)
    return Decision(message=found.message, budget=budget, payment_url=found.paymentUrl, raw=raw)


def _budget(account: Account, data: Any, answer: wire.Answer) -> Budget:
    return mapping.budget(data, answer.at, account.settings.currency)


def _made(account: Account, data: Any, answer: wire.Answer) -> Budget:
    try:
        return _budget(account, data, answer)
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
                attempt=draft.attempt,
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
    """Return the error for a 2xx answer to a creation that cannot be used: only an id in it shows that one was made."""
    known = data.get(key) if isinstance(data, Mapping) else None
    invoice_id = str(known) if type(known) is int else known if isinstance(known, str) and known else None
    return UnexpectedResponseError(message, effect="unknown" if invoice_id is None else "done", invoice_id=invoice_id)


def _checked(token: str) -> str:
    if not _TOKEN.fullmatch(token):
        raise InvalidRequestError("a token is 1 to 100 letters, digits, hyphens and underscores")
    return token

"""The operations of an account with a journal. They are actions, so they serve blocking and async code alike."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias, TypeVar

import attrs
from sqlalchemy import RowMapping

from gateway_core.errors import ConflictError, GatewayError, InvalidRequestError, WebhookError, WebhookReason
from gateway_core.journal import _records, _unsigned
from gateway_core.journal._account_journal import AccountJournal
from gateway_core.journal._inbox import Claimed, Inbox
from gateway_core.journal._intents import Intent, Intents
from gateway_core.journal._once import SETTLE, look, once
from gateway_core.journal._plans import DEAD, Ask, Plans
from gateway_core.journal._reconciling import Reconciler
from gateway_core.journal._schema import IntentState
from gateway_core.journal._store import Store, own_connection
from gateway_core.models import _fields as check
from gateway_core.models.capture import Capture, CaptureRequest
from gateway_core.models.invoice import Invoice, InvoiceRequest, StatusReport
from gateway_core.models.reference import TEST_ORDER
from gateway_core.models.refund import Refund, RefundRequest
from gateway_core.models.status import InvoiceStatus
from gateway_core.models.webhook import WebhookDelivery, WebhookEvent, WebhookRequest
from gateway_core.provider import ProviderInfo, WebhookAuthentication
from gateway_core.transport import Deadline
from gateway_core.transport._actions import Actions, RunBlocking

#: In what an event comes that no webhook brought: the provider was asked.
_FOUND_OUT = WebhookDelivery(events=(), verified_by="callback")

#: Finds out something that may be new.
Look: TypeAlias = Callable[[Ask], Actions[tuple[WebhookDelivery, tuple[WebhookEvent, ...]]]]

_Request = TypeVar("_Request", RefundRequest, CaptureRequest)


class Recorder:
    """What an account does with its journal.

    Args:
        store: Where the journal is kept.
        account: The account.
        info: What is true of its provider.
        supports: Tells whether the provider has an operation.
        settle: How long after a request its absence proves nothing, at least.
    """

    def __init__(
        self,
        store: Store,
        account: str,
        info: ProviderInfo,
        supports: Callable[[str], bool],
        settle: timedelta = SETTLE,
    ) -> None:
        self.store = store
        self.account = account
        self.intents = Intents(store, account)
        self.inbox = Inbox(store, account)
        self.journal = AccountJournal(store, account)
        self._invoices = self.inbox.invoices
        self._signs = info.webhook_authentication is not WebhookAuthentication.CALLBACK
        self._plans = Plans(store, account, info, can_search=supports("find_invoice"), settle=settle)

    def create_invoice(
        self, ask: Ask, deadline: Deadline, request: InvoiceRequest, others: tuple[str, ...] = ()
    ) -> Actions[Invoice]:
        """Create the invoice of an order once; after one that is dead, that of its next attempt.

        Raises:
            ElsewhereError: If one of the other accounts has the order.
        """
        if not isinstance(request, InvoiceRequest):
            raise InvalidRequestError(f"give InvoiceRequest, not {type(request).__name__}")
        if request.order_id == TEST_ORDER:
            raise InvalidRequestError(f"no order is called {TEST_ORDER}: webhooks that try an address are about it")
        while True:
            invoice, made = yield from once(self.intents, self._plans.creation(ask, request, others), deadline)
            invoice = attrs.evolve(invoice, order_id=request.order_id, attempt=request.attempt)
            if made:
                return invoice
            invoice = yield from self._as_it_is_now(ask, invoice)
            if invoice.status not in DEAD:
                return invoice
            request = attrs.evolve(request, attempt=request.attempt + 1, requested_at=None)

    def refund_payment(self, ask: Ask, deadline: Deadline, request: RefundRequest) -> Actions[Refund]:
        """Give money back once."""
        if not isinstance(request, RefundRequest):
            raise InvalidRequestError(f"give RefundRequest, not {type(request).__name__}")
        row = yield from self._row(request.invoice_id)
        plan = self._plans.refund(ask, _with_references(request, row), **_order(row))
        refund, _ = yield from once(self.intents, plan, deadline)
        return refund

    def capture_payment(self, ask: Ask, deadline: Deadline, request: CaptureRequest) -> Actions[Capture]:
        """Take authorized money once."""
        if not isinstance(request, CaptureRequest):
            raise InvalidRequestError(f"give CaptureRequest, not {type(request).__name__}")
        row = yield from self._row(request.invoice_id)
        plan = self._plans.capture(ask, _with_references(request, row), **_order(row))
        capture, _ = yield from once(self.intents, plan, deadline)
        return capture

    def cancel_invoice(
        self, ask: Ask, deadline: Deadline, invoice_id: str, references: Mapping[str, str] | None = None
    ) -> Actions[StatusReport]:
        """Call an invoice off once."""
        row = yield from self._row(invoice_id)
        if references is None and row is not None:
            references = row["refs"]
        plan = self._plans.cancellation(ask, invoice_id, references, **_order(row))
        report, _ = yield from once(self.intents, plan, deadline)
        return report

    def reconciler(self, since: datetime, until: datetime | None, **more: Any) -> Reconciler:
        """Return a comparison of the journal with the provider, to be fed."""
        check.aware("since", since)
        check.aware_or_none("until", until)
        return Reconciler(self.store, self.account, since, until, **more)

    def take(self, number: int) -> Actions[Intent]:
        """Take an open intent over from whoever has left it."""
        intent: Intent = yield RunBlocking(lambda: self.journal.take(number))
        return intent

    def resolve(self, ask: Ask, intent: Intent, invoice_id: str | None = None) -> Actions[Intent]:
        """Find out what has become of an intent that was taken over, and write it down.

        Args:
            ask: Asks the provider.
            intent: The intent, taken over.
            invoice_id: The invoice that a person has found; None to search for what was asked for.

        Raises:
            ConflictError: If the provider has something else.
            InvalidRequestError: If nothing at the provider tells of it.
            OutcomeUnknownError: If it cannot be found out now.
        """
        try:
            plan = self._plans.again(ask, intent)
            if invoice_id is not None:
                found: Any = yield from _invoice_of(ask, intent, invoice_id)
            elif intent.state is IntentState.NEW:
                found = None
            else:  # nothing is sent here, so that the provider would know a key does not help
                found = yield from look(attrs.evolve(plan, idempotency=None), intent)
        except GatewayError:
            yield RunBlocking(lambda: self.intents.end(intent, intent.state))
            raise
        if found is None:
            ended: Intent = yield RunBlocking(lambda: self.intents.end(intent, IntentState.FAILED, error="not there"))
            return ended
        yield RunBlocking(lambda: plan.done(self.intents, intent, found, plan.keep(found)))
        known = found.id if isinstance(found, Invoice) else intent.invoice_id
        return attrs.evolve(intent, state=IntentState.DONE, invoice_id=known)

    def verify(self, ask: Ask, request: WebhookRequest) -> Actions[tuple[WebhookDelivery, tuple[WebhookEvent, ...]]]:
        """Verify a webhook. Return it, and its events with what is known of their invoices now.

        Raises:
            WebhookError: If it is not genuine, or the provider does not sign and it names nothing that we know.
        """
        if not self._signs and isinstance(request, WebhookRequest):
            texts = _unsigned.texts(request)
            if not (yield RunBlocking(lambda: self._invoices.knows_any(texts))):
                raise WebhookError(
                    "it names no invoice of this journal, so the provider was not asked",
                    reason=WebhookReason.UNCONFIRMED,
                    operation="verify_webhook",
                )
        delivery: WebhookDelivery = yield from ask("verify_webhook", request)
        return delivery, (yield from self._with_reports(ask, delivery.events))

    def due(self, order_id: str | None, limit: int) -> Actions[list[Look]]:
        """Return what to look at: events that were not handled, and invoices whose time has come."""
        left = yield RunBlocking(lambda: self.inbox.log.left(limit, order_id))
        ids = yield RunBlocking(lambda: self._invoices.due(limit, order_id))
        asked: list[Look] = [functools.partial(self._look, invoice_id=invoice_id) for invoice_id in ids]
        return [functools.partial(_told_before, event=event) for event in left] + asked

    def claim(self, told: tuple[WebhookEvent, ...], lease: timedelta, connection: Any = None) -> Actions[Claimed]:
        """Claim what is new in events, in the application's own transaction if one is given."""
        claimed: Claimed = yield RunBlocking(lambda: self.inbox.claim(told, lease, own_connection(connection)))
        return claimed

    def finish(self, claimed: Claimed, connection: Any = None) -> Actions[None]:
        """Note that the shop was told."""
        yield RunBlocking(lambda: self.inbox.finish(claimed, own_connection(connection)))

    def release(self, claimed: Claimed) -> Actions[None]:
        """Note that it was not."""
        yield RunBlocking(lambda: self.inbox.release(claimed))

    def _look(self, ask: Ask, *, invoice_id: str) -> Actions[tuple[WebhookDelivery, tuple[WebhookEvent, ...]]]:
        """Ask about an invoice."""
        # Before it is asked about, so that one that cannot be read does not stand before all others.
        yield RunBlocking(lambda: self._invoices.checked(invoice_id))
        report: StatusReport = yield from ask("get_status", invoice_id)
        facts = json.dumps(_records.of_report(report), sort_keys=True)
        number = hashlib.sha256(facts.encode()).hexdigest()[:40]
        return _FOUND_OUT, (WebhookEvent(id=f"poll:{number}", kind="poll", invoice_id=invoice_id, report=report),)

    def _as_it_is_now(self, ask: Ask, invoice: Invoice) -> Actions[Invoice]:
        """Return an invoice of before with its status of now: as the shop was told, or as the provider says if late."""
        row = yield from self._row(invoice.id)
        status = invoice.status if row is None else InvoiceStatus(row["status"])
        if status is InvoiceStatus.PENDING:
            status = invoice.status
        if invoice.expires_at is not None and status in (InvoiceStatus.PENDING, InvoiceStatus.APPROVED):
            now: datetime = yield RunBlocking(self._now)
            if invoice.expires_at <= now:
                report: StatusReport = yield from ask("get_status", invoice.id)
                status = report.status
        return attrs.evolve(invoice, status=status)

    def _now(self) -> datetime:
        with self.store.reading() as connection:
            return self.store.now(connection)

    def _row(self, invoice_id: str) -> Actions[RowMapping | None]:
        row: RowMapping | None = yield RunBlocking(lambda: self._invoices.find(invoice_id))
        return row

    def _with_reports(self, ask: Ask, told: tuple[WebhookEvent, ...]) -> Actions[tuple[WebhookEvent, ...]]:
        """Ask about invoices of which an event says that something changed, but not what."""
        ready = []
        for event in told:
            if event.invoice_id is not None and event.report is None and event.refund is None:
                row = yield from self._row(event.invoice_id)
                if row is not None:
                    ready.append(attrs.evolve(event, report=(yield from ask("get_status", event.invoice_id))))
                    continue
            ready.append(event)
        return tuple(ready)


def _told_before(_: Ask, *, event: WebhookEvent) -> Actions[tuple[WebhookDelivery, tuple[WebhookEvent, ...]]]:
    yield from ()
    return _FOUND_OUT, (event,)


def _with_references(request: _Request, row: RowMapping | None) -> _Request:
    """Give the references back that the provider gave with the invoice, unless the caller does."""
    return request if request.references or row is None else attrs.evolve(request, references=row["refs"])


def _order(row: RowMapping | None) -> dict[str, Any]:
    return {} if row is None else {"order_id": row["order_id"], "attempt": row["attempt"]}


def _invoice_of(ask: Ask, intent: Intent, invoice_id: str) -> Actions[Invoice]:
    """Return the invoice that a person says a creation has made, as the provider tells of it."""
    if intent.operation != "create_invoice" or intent.amount is None:
        raise InvalidRequestError(f"intent {intent.id} makes no invoice")
    report: StatusReport = yield from ask("get_status", invoice_id)
    if report.expected not in (None, intent.amount) or report.order_id not in (None, intent.order_id):
        raise ConflictError("that invoice is about another amount or order", invoice_id=invoice_id)
    return Invoice(id=invoice_id, status=report.status, amount=intent.amount, references=report.references)

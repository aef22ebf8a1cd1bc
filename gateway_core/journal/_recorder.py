"""The operations of an account with a journal. They are actions, so they serve blocking and async code alike."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeAlias
from urllib.parse import parse_qsl, urlsplit

import attrs

from gateway_core import _json
from gateway_core.errors import ConflictError, GatewayError, InvalidRequestError, WebhookError, WebhookReason
from gateway_core.journal import _records
from gateway_core.journal._account_journal import AccountJournal
from gateway_core.journal._event_log import EventLog
from gateway_core.journal._inbox import Claimed, Inbox
from gateway_core.journal._intents import Asked, Intent, Intents, IntentState
from gateway_core.journal._once import SETTLE, Plan, look, once
from gateway_core.journal._reconciling import Reconciler
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

#: After these an order may have another invoice.
DEAD = (InvoiceStatus.EXPIRED, InvoiceStatus.CANCELED, InvoiceStatus.FAILED)

#: How far the provider's clock may be from ours, for a search by time.
_SKEW = timedelta(minutes=5)

#: In what an event comes that no webhook brought: the provider was asked.
_FOUND_OUT = WebhookDelivery(events=(), verified_by="callback")

#: Of so many texts in a webhook one may name its invoice.
_MOST_TEXTS = 200


class Ask(Protocol):
    """Calls an operation of the provider, by its name."""

    def __call__(self, operation: str, *arguments: Any) -> Actions[Any]:
        """Return the call's actions."""


#: Finds out something that may be new.
Look: TypeAlias = Callable[[Ask], Actions[tuple[WebhookDelivery, tuple[WebhookEvent, ...]]]]


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
        self, store: Store, account: str, info: ProviderInfo, supports: Any, settle: timedelta = SETTLE
    ) -> None:
        self.store = store
        self.account = account
        self.intents = Intents(store, account)
        self.inbox = Inbox(store, account)
        self.events = EventLog(store, account)
        self.journal = AccountJournal(store, account)
        self._info = info
        self._supports = supports
        self._settle = settle if info.find_reach is None else max(settle, info.find_reach.settle)

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
            invoice, made = yield from once(self.intents, self._creation(ask, request, others), deadline)
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
        ready = yield from self._with_references(request)

        def find(_: Intent) -> Actions[Refund | None]:
            report: StatusReport = yield from ask("get_status", ready.invoice_id)
            return next((each for each in report.refunds if each.refund_id == ready.refund_id), None)

        plan = self._plan(
            Asked(
                operation="refund_payment",
                key=ready.refund_id,
                content=_records.digest({"invoice": ready.invoice_id, "amount": ready.amount}),
                invoice_id=ready.invoice_id,
                amount=ready.amount,
            ),
            send=lambda _: ask("refund_payment", ready),
            find=find,
            keep=_records.of_refund,
            read=_records.to_refund,
        )
        refund: Refund
        refund, _ = yield from once(self.intents, plan, deadline)
        return refund

    def capture_payment(self, ask: Ask, deadline: Deadline, request: CaptureRequest) -> Actions[Capture]:
        """Take authorized money once."""
        if not isinstance(request, CaptureRequest):
            raise InvalidRequestError(f"give CaptureRequest, not {type(request).__name__}")
        ready = yield from self._with_references(request)
        plan = self._plan(
            Asked(
                operation="capture_payment",
                key=ready.capture_id,
                content=_records.digest({"invoice": ready.invoice_id, "amount": ready.amount}),
                invoice_id=ready.invoice_id,
                amount=ready.amount,
            ),
            send=lambda _: ask("capture_payment", ready),
            find=None,
            keep=_records.of_capture,
            read=_records.to_capture,
        )
        capture: Capture
        capture, _ = yield from once(self.intents, plan, deadline)
        return capture

    def cancel_invoice(
        self, ask: Ask, deadline: Deadline, invoice_id: str, references: Mapping[str, str] | None = None
    ) -> Actions[StatusReport]:
        """Call an invoice off once."""
        if references is None:
            row = yield RunBlocking(lambda: self.inbox.invoice(invoice_id))
            references = None if row is None else row["refs"]

        def find(_: Intent) -> Actions[StatusReport | None]:
            report: StatusReport = yield from ask("get_status", invoice_id)
            return report if report.status in DEAD else None

        plan = self._plan(
            Asked(operation="cancel_invoice", key=invoice_id, content="", invoice_id=invoice_id),
            send=lambda _: ask("cancel_invoice", invoice_id, references),
            find=find,
            keep=_records.of_report,
            read=_records.to_report,
        )
        # Calling off what is called off changes nothing, so it may be tried again at once.
        report: StatusReport
        report, _ = yield from once(self.intents, attrs.evolve(plan, settle=timedelta(0)), deadline)
        return report

    def reconciler(
        self, since: datetime, until: datetime | None, progress: Callable[[int, int], object] | None
    ) -> Reconciler:
        """Return a comparison of the journal with the provider, to be fed."""
        check.aware("since", since)
        check.aware_or_none("until", until)
        return Reconciler(self.store, self.account, since, until, progress)

    def take(self, number: int) -> Actions[Intent]:
        """Take an open intent over from whoever has left it."""
        intent: Intent = yield RunBlocking(lambda: self.journal.take(number))
        return intent

    def resolve(self, ask: Ask, intent: Intent, invoice_id: str | None = None) -> Actions[Intent]:
        """Find out what has become of a creation that was taken over, and write it down.

        Args:
            ask: Asks the provider.
            intent: The intent, taken over.
            invoice_id: The invoice that a person has found; None to search for it.

        Raises:
            ConflictError: If the provider has something else.
            OutcomeUnknownError: If it cannot be found out now.
        """
        try:
            found = yield from self._found(ask, intent, invoice_id)
        except GatewayError:
            yield RunBlocking(lambda: self.intents.end(intent, intent.state))
            raise
        if found is None:
            ended: Intent = yield RunBlocking(lambda: self.intents.end(intent, IntentState.FAILED, error="not there"))
            return ended
        yield RunBlocking(lambda: self._made(self.intents, intent, found, _records.of_invoice(found)))
        return attrs.evolve(intent, state=IntentState.DONE, invoice_id=found.id)

    def _found(self, ask: Ask, intent: Intent, invoice_id: str | None) -> Actions[Invoice | None]:
        """Return the invoice of a creation; None if there surely is none."""
        amount, order_id = intent.amount, intent.order_id
        if intent.operation != "create_invoice" or amount is None or order_id is None:
            raise InvalidRequestError("what has become of it only the provider's own pages tell: look there")
        if invoice_id is not None:
            report: StatusReport = yield from ask("get_status", invoice_id)
            if report.expected not in (None, amount) or report.order_id not in (None, order_id):
                raise ConflictError("that invoice is about another amount or order", invoice_id=invoice_id)
            return Invoice(id=invoice_id, status=report.status, amount=amount, references=report.references)
        if intent.state is IntentState.NEW:
            return None
        plan = self._creation(ask, InvoiceRequest(order_id=order_id, amount=amount, attempt=intent.attempt or 1))
        found: Invoice | None = yield from look(attrs.evolve(plan, idempotency=None), intent)
        return found

    def verify(self, ask: Ask, request: WebhookRequest) -> Actions[tuple[WebhookDelivery, tuple[WebhookEvent, ...]]]:
        """Verify a webhook. Return it, and its events with what is known of their invoices now.

        Raises:
            WebhookError: If it is not genuine, or the provider does not sign and it names nothing that we know.
        """
        if self._info.webhook_authentication is WebhookAuthentication.CALLBACK and isinstance(request, WebhookRequest):
            texts = _texts(request)
            if not (yield RunBlocking(lambda: self.inbox.knows_any(texts))):
                raise WebhookError(
                    "it names no invoice of this journal, so the provider was not asked",
                    reason=WebhookReason.UNCONFIRMED,
                    operation="verify_webhook",
                )
        delivery: WebhookDelivery = yield from ask("verify_webhook", request)
        return delivery, (yield from self._with_reports(ask, delivery.events))

    def due(self, order_id: str | None, limit: int) -> Actions[list[Look]]:
        """Return what to look at: events that were not handled, and invoices whose time has come."""
        left = yield RunBlocking(lambda: self.events.left(limit, order_id))
        ids = yield RunBlocking(lambda: self.inbox.due(limit, order_id))
        asked: list[Look] = [functools.partial(self._look, invoice_id=invoice_id) for invoice_id in ids]
        return [functools.partial(_told_before, event=event) for event in left] + asked

    def _look(self, ask: Ask, *, invoice_id: str) -> Actions[tuple[WebhookDelivery, tuple[WebhookEvent, ...]]]:
        """Ask about an invoice."""
        # Before it is asked about, so that one that cannot be read does not stand before all others.
        yield RunBlocking(lambda: self.inbox.checked(invoice_id))
        report: StatusReport = yield from ask("get_status", invoice_id)
        facts = json.dumps(_records.of_report(report), sort_keys=True)
        number = hashlib.sha256(facts.encode()).hexdigest()[:40]
        return _FOUND_OUT, (WebhookEvent(id=f"poll:{number}", kind="poll", invoice_id=invoice_id, report=report),)

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

    def _creation(self, ask: Ask, request: InvoiceRequest, others: tuple[str, ...] = ()) -> Plan[Invoice]:
        content = {
            field.name: getattr(request, field.name)
            for field in attrs.fields(InvoiceRequest)
            if field.name not in ("order_id", "attempt", "requested_at")
        }

        def find(intent: Intent) -> Actions[Invoice | None]:
            since = (intent.sent_at or intent.requested_at) - _SKEW
            found: Invoice | None = yield from ask("find_invoice", request.order_id, request.attempt, since)
            if found is not None and found.amount != request.amount:
                raise ConflictError(
                    "the provider has an invoice of this order with another amount: nothing is chosen silently",
                    effect="done",
                    invoice_id=found.id,
                )
            return found

        return attrs.evolve(
            self._plan(
                Asked(
                    operation="create_invoice",
                    key=request.reference,
                    content=_records.digest(content),
                    order_id=request.order_id,
                    attempt=request.attempt,
                    amount=request.amount,
                    requested_at=request.requested_at,
                    others=others,
                ),
                send=lambda at: ask("create_invoice", attrs.evolve(request, requested_at=at)),
                find=find if self._supports("find_invoice") else None,
                keep=_records.of_invoice,
                read=_records.to_invoice,
            ),
            done=self._made,
        )

    def _plan(self, asked: Asked, **more: Any) -> Plan[Any]:
        idempotency = self._info.idempotency_of(asked.operation)
        return Plan(asked=asked, settle=self._settle, idempotency=idempotency, done=_done, **more)

    def _made(self, intents: Intents, intent: Intent, invoice: Invoice, kept: Mapping[str, Any]) -> None:
        with self.store.transaction() as connection:
            intents.end(intent, IntentState.DONE, connection, invoice_id=invoice.id, result=kept, error=None)
            order_id, attempt = str(intent.order_id), intent.attempt or 1
            self.inbox.record(invoice, order_id, attempt, connection, self.store.now(connection))

    def _as_it_is_now(self, ask: Ask, invoice: Invoice) -> Actions[Invoice]:
        """Return an invoice of before with its status of now: as the shop was told, or as the provider says if late."""
        row = yield RunBlocking(lambda: self.inbox.invoice(invoice.id))
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

    def _with_references(self, request: Any) -> Actions[Any]:
        """Give the references back that the provider gave with the invoice, unless the caller does."""
        if request.references:
            return request
        row = yield RunBlocking(lambda: self.inbox.invoice(request.invoice_id))
        return request if row is None else attrs.evolve(request, references=row["refs"])

    def _with_reports(self, ask: Ask, told: tuple[WebhookEvent, ...]) -> Actions[tuple[WebhookEvent, ...]]:
        """Ask about invoices of which an event says that something changed, but not what."""
        ready = []
        for event in told:
            if event.invoice_id is not None and event.report is None and event.refund is None:
                row = yield RunBlocking(functools.partial(self.inbox.invoice, event.invoice_id))
                if row is not None:
                    ready.append(attrs.evolve(event, report=(yield from ask("get_status", event.invoice_id))))
                    continue
            ready.append(event)
        return tuple(ready)


def _told_before(_: Ask, *, event: WebhookEvent) -> Actions[tuple[WebhookDelivery, tuple[WebhookEvent, ...]]]:
    yield from ()
    return _FOUND_OUT, (event,)


def _done(intents: Intents, intent: Intent, _: object, kept: Mapping[str, Any]) -> None:
    intents.end(intent, IntentState.DONE, result=kept, error=None)


def _texts(request: WebhookRequest) -> tuple[str, ...]:
    """Return the texts and whole numbers in a webhook, of which one may be an id. Nothing in it is believed."""
    try:
        body: Any = _json.loads(request.body)
    except ValueError:
        body = dict(parse_qsl(request.body.decode("utf-8", "replace"), max_num_fields=None))
    found = list(_leaves(body))
    found += [value for _, value in parse_qsl(urlsplit(request.url or "").query)]
    found += urlsplit(request.url or "").path.split("/")
    return tuple(dict.fromkeys(text for text in found if 0 < len(text) <= 255))[:_MOST_TEXTS]


def _leaves(value: Any) -> Iterator[str]:
    stack = [value]
    while stack:
        match stack.pop():
            case str() as text:
                yield text
            case int() as number if type(number) is int:
                yield str(number)
            case Mapping() as mapping:
                stack.extend(mapping.values())
            case list() as items:
                stack.extend(items)

"""How each operation is done once at one provider: what is written down of it, how it is sent, and how it is found."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Protocol

import attrs

from gateway_core.errors import ConflictError, InvalidRequestError
from gateway_core.journal import _records
from gateway_core.journal._intents import Asked, Intent, Intents
from gateway_core.journal._invoices import Invoices
from gateway_core.journal._once import SETTLE, Plan
from gateway_core.journal._schema import IntentState
from gateway_core.journal._store import Store
from gateway_core.models.capture import Capture, CaptureRequest
from gateway_core.models.invoice import Invoice, InvoiceRequest, StatusReport
from gateway_core.models.refund import Refund, RefundRequest
from gateway_core.models.status import InvoiceStatus
from gateway_core.provider import ProviderInfo
from gateway_core.transport._actions import Actions

#: After these an order may have another invoice.
DEAD = (InvoiceStatus.EXPIRED, InvoiceStatus.CANCELED, InvoiceStatus.FAILED)

#: How far the provider's clock may be from ours, for a search by time.
_SKEW = timedelta(minutes=5)


class Ask(Protocol):
    """Calls an operation of the provider, by its name."""

    def __call__(self, operation: str, *arguments: Any) -> Actions[Any]:
        """Return the call's actions."""


class Plans:
    """The plans of one account.

    Args:
        store: Where the journal is kept.
        account: The account.
        info: What is true of its provider.
        can_search: Whether the provider has ``find_invoice``.
        settle: How long after a request its absence proves nothing, at least.
    """

    def __init__(
        self, store: Store, account: str, info: ProviderInfo, *, can_search: bool, settle: timedelta = SETTLE
    ) -> None:
        self._store = store
        self._invoices = Invoices(store, account)
        self._info = info
        self._can_search = can_search
        self._settle = settle if info.find_reach is None else max(settle, info.find_reach.settle)

    def creation(self, ask: Ask, request: InvoiceRequest, others: tuple[str, ...] = ()) -> Plan[Invoice]:
        """Return how an order's invoice is made; the provider is searched by the order's reference."""
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

        return self._plan(
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
            find=find if self._can_search else None,
            keep=_records.of_invoice,
            read=_records.to_invoice,
            done=self.made,
        )

    def refund(self, ask: Ask, request: RefundRequest, **order: Any) -> Plan[Refund]:
        """Return how money is given back; a report of the invoice is searched for the shop's key of the refund."""

        def find(_: Intent) -> Actions[Refund | None]:
            report: StatusReport = yield from ask("get_status", request.invoice_id)
            return next((each for each in report.refunds if each.refund_id == request.refund_id), None)

        return self._plan(
            Asked(
                operation="refund_payment",
                key=request.refund_id,
                content=_content(request),
                invoice_id=request.invoice_id,
                amount=request.amount,
                **order,
            ),
            send=lambda _: ask("refund_payment", request),
            find=find,
            absence_proves=self._info.lists_refunds,
            keep=_records.of_refund,
            read=_records.to_refund,
        )

    def capture(self, ask: Ask, request: CaptureRequest, **order: Any) -> Plan[Capture]:
        """Return how authorized money is taken; nothing tells later whether it was."""
        return self._plan(
            Asked(
                operation="capture_payment",
                key=request.capture_id,
                content=_content(request),
                invoice_id=request.invoice_id,
                amount=request.amount,
                **order,
            ),
            send=lambda _: ask("capture_payment", request),
            find=None,
            keep=_records.of_capture,
            read=_records.to_capture,
        )

    def cancellation(
        self, ask: Ask, invoice_id: str, references: Mapping[str, str] | None, **order: Any
    ) -> Plan[StatusReport]:
        """Return how an invoice is called off. Doing that again changes nothing, so it may be sent again at once."""

        def find(_: Intent) -> Actions[StatusReport | None]:
            report: StatusReport = yield from ask("get_status", invoice_id)
            return report if report.status in DEAD else None

        plan = self._plan(
            Asked(operation="cancel_invoice", key=invoice_id, content="", invoice_id=invoice_id, **order),
            send=lambda _: ask("cancel_invoice", invoice_id, references),
            find=find,
            keep=_records.of_report,
            read=_records.to_report,
        )
        return attrs.evolve(plan, settle=timedelta(0))

    def again(self, ask: Ask, intent: Intent) -> Plan[Any]:
        """Return the plan of an intent, to find out what has become of it: what it asked for is enough for that.

        Raises:
            InvalidRequestError: If nothing at the provider tells of such an operation.
        """
        amount, order_id, invoice_id = intent.amount, intent.order_id, intent.invoice_id
        if intent.operation == "create_invoice" and amount is not None and order_id is not None:
            return self.creation(ask, InvoiceRequest(order_id=order_id, amount=amount, attempt=intent.attempt or 1))
        if intent.operation == "refund_payment" and amount is not None and invoice_id is not None:
            return self.refund(ask, RefundRequest(refund_id=intent.key, invoice_id=invoice_id, amount=amount))
        if intent.operation == "cancel_invoice":
            return self.cancellation(ask, intent.key, None)
        raise InvalidRequestError(
            "what has become of it only the provider's own pages tell: look there, then say so with"
            " `gateway journal resolve`"
        )

    def made(self, intents: Intents, intent: Intent, invoice: Invoice, kept: Mapping[str, Any]) -> None:
        """Write an invoice down, in one transaction with the end of its intent."""
        with self._store.transaction() as connection:
            intents.end(intent, IntentState.DONE, connection, invoice_id=invoice.id, result=kept, error=None)
            order_id, attempt = str(intent.order_id), intent.attempt or 1
            self._invoices.record(invoice, order_id, attempt, connection, self._store.now(connection))

    def _plan(self, asked: Asked, **more: Any) -> Plan[Any]:
        idempotency = self._info.idempotency_of(asked.operation)
        return Plan(**{"asked": asked, "settle": self._settle, "idempotency": idempotency, "done": _done, **more})


def _done(intents: Intents, intent: Intent, _: object, kept: Mapping[str, Any]) -> None:
    intents.end(intent, IntentState.DONE, result=kept, error=None)


def _content(request: RefundRequest | CaptureRequest) -> str:
    return _records.digest({"invoice": request.invoice_id, "amount": request.amount})

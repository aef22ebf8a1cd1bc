"""Comparing the journal with the provider: what was missed, what is unknown, what differs, what is open."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs
from sqlalchemy import RowMapping, select

from gateway_core.journal import _records
from gateway_core.journal._checkpoint import Checkpoint, to_payment
from gateway_core.journal._event_log import EventLog
from gateway_core.journal._intents import Intents
from gateway_core.journal._judging import Known, judge
from gateway_core.journal._schema import invoices
from gateway_core.journal._store import Store
from gateway_core.models.invoice import StatusReport
from gateway_core.models.money import Money
from gateway_core.models.payment import Payment, PaymentQuery, PaymentStatus
from gateway_core.models.status import InvoiceStatus
from gateway_core.models.webhook import WebhookEvent

#: The columns of a table of findings.
COLUMNS = (
    "difference",
    "invoice_id",
    "order_id",
    "attempt",
    "amount",
    "currency",
    "journal",
    "provider",
    "text",
)

#: So many ids stand in one question to the database, and so many rows of its answer are held at a time.
_MOST_IDS = 500
_MOST_ROWS = 1000


class Difference(enum.StrEnum):
    """How the journal and the provider differ."""

    MISSED = "missed"  #: The provider knows more than the shop was told, since a webhook was missed.
    REVIEW = "review"  #: The provider tells of another amount, currency or order than was asked for.
    UNKNOWN_INVOICE = "unknown invoice"  #: Money came for an invoice that the journal does not know.
    UNASSIGNED = "unassigned"  #: Money came that belongs to no invoice.
    NOT_FOUND = "not found"  #: The provider does not know an invoice of the journal.
    OPEN_INTENT = "open intent"  #: Something was asked for, and nobody knows what became of it.


@attrs.frozen(kw_only=True)
class Finding:
    """One difference.

    Attributes:
        difference: What kind it is.
        invoice_id: The provider's id of the invoice, if it is about one.
        order_id: The shop's key, if it is known.
        attempt: The attempt, if it is known.
        amount: What was asked for, or what came.
        journal: What the shop was told: a status.
        provider: What the provider says now: a status.
        text: What else is to be said.
    """

    difference: Difference
    invoice_id: str | None = None
    order_id: str | None = None
    attempt: int | None = None
    amount: Money | None = None
    journal: str | None = None
    provider: str | None = None
    text: str = ""


@attrs.frozen(kw_only=True)
class Reconciliation:
    """What a comparison has found.

    Attributes:
        since: From when on.
        until: Until when; None for now.
        findings: The differences.
        payments: How many payments the provider listed.
        invoices: How many invoices of the journal were compared.
        asked: About how many of them the provider was asked.
        days: What came by day and status of the payment: the number and the sum, by currency.
        applied: Whether what was missed will come out with the next `poll`.
    """

    since: datetime
    until: datetime | None
    findings: tuple[Finding, ...]
    payments: int
    invoices: int
    asked: int
    days: Mapping[tuple[str, str, str], Money]
    applied: bool


class Reconciler:
    """One comparison. First it is given all pages of payments, then it says about which invoices to ask.

    Args:
        store: Where the journal is kept.
        account: The account.
        since: Invoices and payments of this moment or later.
        until: Those before this moment; None for all.
        progress: Told how many payments were taken, about how many invoices was asked, and about how many it will be.
        resume: Where to note how far it is, and to go on from if something is noted there; None for nowhere.

    Attributes:
        query: Which page of payments to ask for next; None when all have been taken.

    Raises:
        InvalidRequestError: If another comparison is noted there.
    """

    def __init__(  # noqa: PLR0913  # the last two by name
        self,
        store: Store,
        account: str,
        since: datetime,
        until: datetime | None,
        *,
        progress: Callable[[int, int, int], object] | None = None,
        resume: Path | None = None,
    ) -> None:
        self._store = store
        self._account = account
        self._since, self._until = since, until
        self._came: dict[str, Money | None] = {}
        self._unclear: set[str] = set()  # what came in all cannot be told from the list
        self._days: dict[tuple[str, str, str], Money] = {}
        self._doubtful: dict[str, Known] = {}
        self._findings: list[Finding] = []
        self._missed: list[WebhookEvent] = []
        self._payments = self._invoices = self._asked = 0
        self._progress = progress
        self._last_page: frozenset[str] = frozenset()
        self._answers: dict[str, StatusReport | None] = {}
        self.query: PaymentQuery | None = PaymentQuery(since=since, until=until)
        self._checkpoint: Checkpoint | None = None
        if resume is not None:
            moments = [None if each is None else each.isoformat() for each in (since, until)]
            self._checkpoint = Checkpoint(resume, [account, *moments])
            for noted in self._checkpoint.noted:
                self._take_up(noted)

    def take_page(self, payments: Sequence[Payment], following: PaymentQuery | None) -> None:
        """Take a page of the provider's list.

        Args:
            payments: What is on it.
            following: Which page to ask for next; None after the last one.
        """
        new = [each for each in payments if each.id not in self._last_page]  # a list that moves shows one again
        if self._checkpoint is not None:
            self._checkpoint.note_page(new, None if following is None else following.cursor)
        self._add(new, following)

    def _take_up(self, noted: Mapping[str, Any]) -> None:
        """Take what was noted before the comparison was cut off."""
        if "payments" not in noted:
            report = noted["report"]
            self._answers[noted["invoice_id"]] = None if report is None else _records.to_report(report)
        elif self.query is not None:
            cursor = noted["cursor"]
            following = None if cursor is None else attrs.evolve(self.query, cursor=cursor)
            self._add([to_payment(each) for each in noted["payments"]], following)

    def _add(self, payments: Sequence[Payment], following: PaymentQuery | None) -> None:
        for payment in payments:
            self._count(payment)
        self._last_page = frozenset(payment.id for payment in payments) or self._last_page
        self.query = following
        self._tell()

    def _count(self, payment: Payment) -> None:
        self._payments += 1
        amount = payment.amount
        if amount is not None and payment.paid_at is not None:
            day = payment.paid_at.date().isoformat(), payment.status.value, str(amount.unit)
            self._days[day] = self._days[day] + amount if day in self._days else amount
        if payment.unassigned:
            self._findings.append(
                Finding(difference=Difference.UNASSIGNED, amount=amount, text=f"payment {payment.id}")
            )
        elif payment.invoice_id is not None and payment.status is not PaymentStatus.FAILED:
            if payment.invoice_id in self._came:
                before = self._came[payment.invoice_id]
                if before is not None and amount is not None and before.unit == amount.unit:
                    amount = before + amount
                else:
                    self._unclear.add(payment.invoice_id)
            self._came[payment.invoice_id] = amount

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self._payments, self._asked, len(self._doubtful))

    def questions(self) -> tuple[str, ...]:
        """Return about which invoices to ask: those whose payments are not what the shop was told, and open ones."""
        for row in self._rows():
            invoice_id, known = row["invoice_id"], Known.of(row)
            self._invoices += 1
            came = invoice_id in self._came
            doubtful = _is_doubtful(known, self._came.pop(invoice_id, None), came=came)
            if doubtful or invoice_id in self._unclear:
                self._doubtful[invoice_id] = known
        for invoice_id, amount in self._came.items():
            self._findings.append(Finding(difference=Difference.UNKNOWN_INVOICE, invoice_id=invoice_id, amount=amount))
        for invoice_id in self._doubtful:
            if invoice_id in self._answers:
                self._compare(invoice_id, self._answers[invoice_id])
        return tuple(invoice_id for invoice_id in self._doubtful if invoice_id not in self._answers)

    def _rows(self) -> Iterator[RowMapping]:
        """Give the invoices of the time, and then those of which money came that are older or newer."""
        mine = select(invoices).where(invoices.c.account == self._account).execution_options(yield_per=_MOST_ROWS)
        recorded = mine.where(invoices.c.recorded_at >= self._since)
        if self._until is not None:
            recorded = recorded.where(invoices.c.recorded_at < self._until)
        with self._store.reading() as connection:
            yield from connection.execute(recorded).mappings()
            left = list(self._came)
            for start in range(0, len(left), _MOST_IDS):
                some = mine.where(invoices.c.invoice_id.in_(left[start : start + _MOST_IDS]))
                yield from connection.execute(some).mappings()

    def answer(self, invoice_id: str, report: StatusReport | None) -> None:
        """Take what the provider says of an invoice; None if it does not know it."""
        if self._checkpoint is not None:
            self._checkpoint.note_answer(invoice_id, None if report is None else _records.of_report(report))
        self._compare(invoice_id, report)

    def _compare(self, invoice_id: str, report: StatusReport | None) -> None:
        self._asked += 1
        self._tell()
        known = self._doubtful[invoice_id]
        finding = Finding(
            difference=Difference.NOT_FOUND,
            invoice_id=invoice_id,
            order_id=known.order_id,
            attempt=known.attempt,
            amount=known.amount,
            journal=known.status.value,
        )
        if report is None:
            self._findings.append(finding)
            return
        event = WebhookEvent(id=f"reconcile:{invoice_id}"[:255], kind="reconcile", invoice_id=invoice_id, report=report)
        judged = judge(known, event, other_was_paid=False)
        if judged is None:
            return
        self._missed.append(event)
        kind = Difference.MISSED if judged.review is None else Difference.REVIEW
        text = "" if judged.review is None else judged.review.value
        self._findings.append(attrs.evolve(finding, difference=kind, provider=report.status.value, text=text))

    def finish(self, *, apply: bool) -> Reconciliation:
        """Return what was found.

        Args:
            apply: Let what was missed come out with the next `poll`.
        """
        for intent in Intents(self._store, self._account).list():
            self._findings.append(
                Finding(
                    difference=Difference.OPEN_INTENT,
                    invoice_id=intent.invoice_id,
                    order_id=intent.order_id,
                    attempt=intent.attempt,
                    amount=intent.amount,
                    journal=intent.state.value,
                    text=intent.operation,
                )
            )
        if apply and self._missed:
            log = EventLog(self._store, self._account)
            with self._store.transaction() as connection:
                now = self._store.now(connection)
                for event in self._missed:
                    log.note(connection, event, self._doubtful[str(event.invoice_id)], "open", now)
        if self._checkpoint is not None:
            self._checkpoint.remove()
        return Reconciliation(
            since=self._since,
            until=self._until,
            findings=tuple(self._findings),
            payments=self._payments,
            invoices=self._invoices,
            asked=self._asked,
            days=self._days,
            applied=apply,
        )

    def close(self) -> None:
        """Close the file; what is noted in it stays, unless the comparison is complete."""
        if self._checkpoint is not None:
            self._checkpoint.close()


def _is_doubtful(known: Known, amount: Money | None, *, came: bool) -> bool:
    """Return whether the list of payments does not already tell that the journal is right.

    Args:
        known: What the journal says.
        amount: What came, if the list says how much.
        came: Whether anything came.
    """
    if not came:
        return not known.status.is_paid and known.received is None and known.status.can_become(InvoiceStatus.PAID)
    if amount is None:
        return not known.status.is_paid
    return amount != (known.received or (known.amount if known.status.is_paid else None))


def rows(findings: Sequence[Finding]) -> list[dict[str, str]]:
    """Return findings as a table has them: an amount is split into its number and its currency."""
    return [
        dict(
            zip(
                COLUMNS,
                (
                    each.difference.value,
                    each.invoice_id or "",
                    each.order_id or "",
                    "" if each.attempt is None else str(each.attempt),
                    "" if each.amount is None else f"{each.amount.amount:f}",
                    "" if each.amount is None else str(each.amount.unit),
                    each.journal or "",
                    each.provider or "",
                    each.text,
                ),
                strict=True,
            )
        )
        for each in findings
    ]

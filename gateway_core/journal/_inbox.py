"""The inbox: what a provider tells is compared with what was asked for, and each effect is given out once.

Who handles an order holds a claim on it, written by one conditional statement. What the shop was told of an invoice
changes as the claim is finished, so an effect that failed comes out again, and one that is done never does.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import attrs
from sqlalchemy import Connection, RowMapping, select, update

from gateway_core.errors import JournalError
from gateway_core.journal import _records
from gateway_core.journal._event_log import EventLog
from gateway_core.journal._intents import amount_of, insert
from gateway_core.journal._invoices import Invoices
from gateway_core.journal._judging import Known, judge
from gateway_core.journal._schema import IntentState, claims, events, intents
from gateway_core.journal._store import Store
from gateway_core.models.invoice import Invoice
from gateway_core.models.move import Review
from gateway_core.models.reference import TEST_ORDER, order_reference
from gateway_core.models.status import InvoiceStatus
from gateway_core.models.webhook import WebhookEvent

#: How long an event may come before its invoice is in the journal, until somebody has to look at it.
GRACE = timedelta(minutes=10)

#: The statuses in which an attempt has the order's money.
_HAS_MONEY = (InvoiceStatus.PAID, InvoiceStatus.OVERPAID, InvoiceStatus.PARTIALLY_REFUNDED)


@attrs.frozen(kw_only=True)
class Claim:
    """The right to handle one order, or one event that belongs to none.

    Attributes:
        subject: What is claimed.
        fence: The claim's number.
        known: What the shop will have been told of the order's invoices, by id.
        changed: The ids of those that it was told something new of.
        rows: The numbers of the event's rows, and the state that each ends in.
    """

    subject: str
    fence: int
    known: dict[str, Known] = attrs.field(factory=dict)
    changed: set[str] = attrs.field(factory=set)
    rows: dict[int, str] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Claimed:
    """What one delivery gives to the shop.

    Attributes:
        events: What has an effect.
        reviews: What has none until somebody has looked at it.
        again: Whether something of it has to come again, since it is being handled elsewhere, or too early.
        taken: The rights to handle them.
    """

    events: tuple[WebhookEvent, ...] = ()
    reviews: tuple[WebhookEvent, ...] = ()
    again: bool = False
    taken: tuple[Claim, ...] = ()


class Inbox:
    """What was told to one account, and who handles it.

    Args:
        store: Where it is kept.
        account: The account.

    Attributes:
        invoices: What exists at the provider.
        log: The events.
    """

    def __init__(self, store: Store, account: str) -> None:
        self._store = store
        self._account = account
        self.invoices = Invoices(store, account)
        self.log = EventLog(store, account)

    def claim(
        self,
        told: Iterable[WebhookEvent],
        lease: timedelta,
        connection: Connection | None = None,
    ) -> Claimed:
        """Compare events with what was asked for, and claim what follows from them.

        Args:
            told: Verified events.
            lease: How long the caller may take to handle them.
            connection: The application's own transaction, if the effect is to be in it.
        """
        with self._store.transaction(connection) as given:
            now = self._store.now(given)
            told = tuple(told)
            rows = self.invoices.rows(given, [event.invoice_id for event in told if event.invoice_id])
            for event in told:
                if event.invoice_id and event.invoice_id not in rows:
                    rows |= self._adopted(given, event, now)
            by_subject: dict[str, list[WebhookEvent]] = {}
            for event in told:
                if event.invoice_id not in rows and event.report is not None and event.report.order_id == TEST_ORDER:
                    continue  # somebody tries the address: it is genuine, and about nothing
                row = rows.get(event.invoice_id or "")
                by_subject.setdefault(f"order:{row['order_id']}" if row else f"event:{event.id}", []).append(event)
            out: list[WebhookEvent] = []
            taken = []
            again = False
            for subject in sorted(by_subject):  # in one order, so that no two wait for each other
                fence = self._take(given, subject, now, lease)
                if fence is None:
                    again = True
                    continue
                claim = Claim(subject=subject, fence=fence)
                taken.append(claim)
                for event in by_subject[subject]:
                    if event.invoice_id in rows:
                        out += self._about_order(given, claim, event, now)
                    else:
                        early, given_out = self._about_nothing_known(given, claim, event, now)
                        again |= early
                        out += given_out
            return Claimed(
                events=tuple(event for event in out if event.review is None),
                reviews=tuple(event for event in out if event.review is not None),
                again=again,
                taken=tuple(taken),
            )

    def finish(self, claimed: Claimed, connection: Connection | None = None) -> None:
        """Write down that the shop was told.

        Raises:
            JournalError: If the claim was over, and somebody else may have handled it meanwhile.
        """
        with self._store.transaction(connection) as given:
            now = self._store.now(given)
            for claim in claimed.taken:
                if not self._give_back(given, claim, now):
                    raise JournalError("the claim on the webhook ended before it was handled: it may be handled again")
                for invoice_id in claim.changed:
                    self.invoices.told(given, invoice_id, claim.known[invoice_id], now)
                for number, state in claim.rows.items():
                    given.execute(update(events).where(events.c.id == number).values(state=state, done_at=now))

    def release(self, claimed: Claimed) -> None:
        """Give the claims back, so that the events come out again."""
        with self._store.transaction() as connection:
            now = self._store.now(connection)
            for claim in claimed.taken:
                self._give_back(connection, claim, now)

    def _take(self, connection: Connection, subject: str, now: datetime, lease: timedelta) -> int | None:
        """Claim a subject by one conditional write; None if somebody else has it."""
        statement = insert(connection, claims).values(
            account=self._account, subject=subject, fence=1, claimed_until=now + lease
        )
        fence: int | None = connection.execute(
            statement.on_conflict_do_update(
                index_elements=["account", "subject"],
                set_={"fence": claims.c.fence + 1, "claimed_until": now + lease},
                where=claims.c.claimed_until <= now,
            ).returning(claims.c.fence)
        ).scalar()
        return fence

    def _give_back(self, connection: Connection, claim: Claim, now: datetime) -> bool:
        given = connection.execute(
            update(claims)
            .where(claims.c.account == self._account, claims.c.subject == claim.subject, claims.c.fence == claim.fence)
            .values(claimed_until=now)
        )
        return bool(given.rowcount)

    def _about_order(
        self, connection: Connection, claim: Claim, event: WebhookEvent, now: datetime
    ) -> list[WebhookEvent]:
        """Return the event if it says something new of its invoice."""
        invoice_id = str(event.invoice_id)
        if not claim.known:  # read under the claim: nobody else changes it now
            claim.known.update(self.invoices.of_order(connection, claim.subject.removeprefix("order:")))
        known = claim.known[invoice_id]
        judged = judge(known, event, other_was_paid=self._other_was_paid(connection, claim, invoice_id))
        has_effect = judged is not None and judged.move is not None
        if judged is not None and not has_effect and self.log.reviewed(connection, judged):
            judged = None  # somebody is to look at it already
        number, _ = self.log.note(connection, judged or event, known, "ignored" if judged is None else "open", now)
        if judged is None:
            return []
        if has_effect:
            known.learn(judged)
            claim.changed.add(invoice_id)
        claim.rows[number] = "done" if judged.review is None else "review"
        return [judged]

    def _other_was_paid(self, connection: Connection, claim: Claim, invoice_id: str) -> bool:
        """Return whether the goods of the order have left for another attempt already."""
        others = {other_id: known for other_id, known in claim.known.items() if other_id != invoice_id}
        return any(known.status in _HAS_MONEY for known in others.values()) or (
            bool(others) and self.log.told_paid(connection, others)
        )

    def _about_nothing_known(
        self, connection: Connection, claim: Claim, event: WebhookEvent, now: datetime
    ) -> tuple[bool, list[WebhookEvent]]:
        """Return whether the event came too early, and the event if it is to be given out."""
        if event.invoice_id is None:
            number, before = self.log.note(connection, event, None, "open", now, keep=("done",))
            if before == "done":
                return False, []
            claim.rows[number] = "done"
            return False, [event]
        number, before = self.log.note(connection, event, None, "kept", now, keep=("review", "done"))
        if before in ("review", "done"):
            return False, []
        since = connection.execute(select(events.c.received_at).where(events.c.id == number)).scalar_one()
        if now - since < GRACE:
            return True, []
        odd = attrs.evolve(event, review=Review.UNKNOWN_INVOICE)
        self.log.note(connection, odd, None, "open", now)
        claim.rows[number] = "review"
        return False, [odd]

    def _adopted(self, connection: Connection, event: WebhookEvent, now: datetime) -> dict[str, RowMapping]:
        """Take up an invoice whose creation was never answered, if a verified event names its order and its amount."""
        report = event.report
        if report is None or report.order_id is None or report.expected is None:
            return {}
        key = order_reference(report.order_id, report.attempt or 1)
        row = (
            connection.execute(
                select(intents)
                .where(
                    intents.c.account == self._account,
                    intents.c.operation == "create_invoice",
                    intents.c.key == key,
                    intents.c.state.in_((IntentState.SENDING, IntentState.UNKNOWN)),
                    intents.c.leased_until <= now,
                )
                .with_for_update()
            )
            .mappings()
            .first()
        )
        if row is None or amount_of(row) != report.expected:
            return {}
        invoice = Invoice(
            id=report.invoice_id,
            order_id=row["order_id"],
            attempt=row["attempt"],
            status=report.status,
            amount=report.expected,
            references=report.references,
        )
        connection.execute(
            update(intents)
            .where(intents.c.id == row["id"])
            .values(
                state=IntentState.DONE,
                fence=intents.c.fence + 1,
                invoice_id=invoice.id,
                result=_records.of_invoice(invoice),
                updated_at=now,
            )
        )
        self.invoices.record(invoice, row["order_id"], row["attempt"], connection, now)
        return self.invoices.rows(connection, [invoice.id])

"""Comparing an event with what was asked for, and with what the shop was told before."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs
from sqlalchemy import RowMapping

from gateway_core.journal._intents import amount_of
from gateway_core.models.invoice import StatusReport
from gateway_core.models.money import Money
from gateway_core.models.move import Move, Review
from gateway_core.models.refund import Refund, RefundStatus
from gateway_core.models.status import AmountVerdict, InvoiceStatus, compare, derive
from gateway_core.models.webhook import WebhookEvent

#: Which status of a refund is news after which: one that is told late is none.
_RANK = {RefundStatus.PENDING: 0, RefundStatus.DONE: 1, RefundStatus.FAILED: 2}

#: The amounts of a report that only grow.
_GROWING = ("received", "refunded", "disputed")


@attrs.define(kw_only=True)
class Known:
    """What was asked for with an invoice, and what the shop was told of it.

    Attributes:
        order_id: The shop's key of the order.
        attempt: The attempt.
        amount: What was asked for.
        status: The last status that was told.
        received: As `StatusReport.received`, the highest that was told.
        refunded: The same of what went back.
        disputed: The same of what the payer's bank wants back.
        refunds: The status of each refund that was told, by the provider's id.
        references: What a later refund or capture needs.
        recorded_at: When the invoice was written down.
    """

    order_id: str
    attempt: int
    amount: Money
    status: InvoiceStatus
    received: Money | None = None
    refunded: Money | None = None
    disputed: Money | None = None
    refunds: dict[str, str] = attrs.field(factory=dict)
    references: dict[str, str] = attrs.field(factory=dict)
    recorded_at: datetime

    @classmethod
    def of(cls, row: RowMapping) -> Known:
        """Read it from the invoice's row."""
        amount = amount_of(row)
        assert amount is not None  # noqa: S101  # the column takes no NULL
        told = {name: None if row[name] is None else Money(row[name], amount.unit) for name in _GROWING}
        return cls(
            order_id=row["order_id"],
            attempt=row["attempt"],
            amount=amount,
            status=InvoiceStatus(row["status"]),
            refunds=dict(row["refunds"]),
            references=dict(row["refs"]),
            recorded_at=row["recorded_at"],
            **told,
        )

    def columns(self) -> dict[str, Any]:
        """Return what changes in the invoice's row."""
        told = {name: getattr(self, name) for name in _GROWING}
        return {
            "status": self.status,
            "refunds": self.refunds,
            "refs": self.references,
            **{name: None if each is None else f"{each.amount:f}" for name, each in told.items()},
        }

    def learn(self, event: WebhookEvent) -> None:
        """Take over what an event tells."""
        if event.move is not None:
            self.status = event.move.after
        if event.report is not None:
            for name in self.grown(event.report):
                setattr(self, name, getattr(event.report, name))
            self.references |= event.report.references
        for refund in refunds_of(event):
            if self.is_news(refund):
                self.refunds[refund.id] = refund.status

    def grown(self, report: StatusReport) -> list[str]:
        """Return the names of the amounts that are higher than the shop was told."""
        return [name for name in _GROWING if _is_more(getattr(report, name), getattr(self, name), self.amount)]

    def is_news(self, refund: Refund) -> bool:
        """Return whether a refund is new, or has gone on."""
        told = self.refunds.get(refund.id)
        return told is None or _RANK[refund.status] > _RANK[RefundStatus(told)]


def judge(known: Known, event: WebhookEvent, *, other_was_paid: bool) -> WebhookEvent | None:
    """Return the event as the shop is to see it; None if it says nothing new.

    Args:
        known: What was asked for and told before.
        event: A verified event about this invoice.
        other_was_paid: Whether another attempt of the order was paid.
    """
    named = attrs.evolve(event, order_id=known.order_id, attempt=known.attempt)
    report = event.report
    if report is None:
        news = [refund for refund in refunds_of(event) if known.is_news(refund)]
        return attrs.evolve(named, move=Move(known.status, known.status)) if news else None
    review = _mismatch(known, report)
    if review is not None:
        return attrs.evolve(named, review=review)
    status, _ = derive(report.status, known.amount, report.received, report.refunded)
    after = status
    if status is InvoiceStatus.UNKNOWN or not known.status.can_become(status):
        after = known.status
    move = Move(known.status, after)
    grown = known.grown(report)
    if after is known.status and not grown and not any(known.is_news(refund) for refund in refunds_of(event)):
        return None
    told = attrs.evolve(named, report=attrs.evolve(report, status=after, expected=known.amount), move=move)
    pays = move.after.is_paid and not move.before.is_paid
    return attrs.evolve(told, review=Review.PAID_TWICE) if pays and other_was_paid else told


def refunds_of(event: WebhookEvent) -> tuple[Refund, ...]:
    """Return the refunds that an event tells of."""
    own = () if event.refund is None else (event.refund,)
    return own if event.report is None else (*event.report.refunds, *own)


def _mismatch(known: Known, report: StatusReport) -> Review | None:
    """Return what of the report is not what was asked for: that a provider sent it does not make it ours."""
    if report.order_id not in (None, known.order_id) or report.attempt not in (None, known.attempt):
        return Review.OTHER_ORDER
    if report.expected is not None and report.expected != known.amount:
        same_unit = report.expected.unit == known.amount.unit
        return Review.WRONG_AMOUNT if same_unit else Review.WRONG_CURRENCY
    if compare(known.amount, report.received) is AmountVerdict.WRONG_CURRENCY:
        return Review.WRONG_CURRENCY
    return None


def _is_more(told: Money | None, before: Money | None, asked: Money) -> bool:
    return told is not None and bool(told) and told.unit == asked.unit and (before is None or told > before)

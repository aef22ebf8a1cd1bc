"""Checks of what is told of an invoice, in facts that only ever add up."""

from __future__ import annotations

import string

from gateway_conformance.base import Checks
from gateway_conformance.check import check, describe, fail, require
from gateway_conformance.harness import Harness
from gateway_core.errors import GatewayError, NotFoundError, UnexpectedResponseError
from gateway_core.http import HttpResponse
from gateway_core.models.invoice import StatusReport
from gateway_core.models.status import AmountVerdict, InvoiceStatus
from gateway_core.provider import Declines
from gateway_core.testing import EmulatedInvoice

#: What may stand in place of a letter or digit of an id; hexadecimal ones stay hexadecimal.
_ALTERNATIVES = {"digit": string.digits, "lower": "abcdef", "upper": "ABCDEF"}
_SUCCESS = frozenset({InvoiceStatus.PAID, InvoiceStatus.OVERPAID, InvoiceStatus.AUTHORIZED, InvoiceStatus.APPROVED})
_MORE = frozenset({AmountVerdict.OVER, AmountVerdict.UNKNOWN})
_FAILURE = frozenset({InvoiceStatus.FAILED, InvoiceStatus.CANCELED, InvoiceStatus.EXPIRED})
_OPEN = frozenset({InvoiceStatus.PENDING})


class StatusChecks(Checks):
    """A status follows from what happened at the provider."""

    @check
    def test_status_after_creation_agrees(self, harness: Harness) -> None:
        """`get_status` right after `create_invoice` tells the same invoice, order, amount and status.

        Why: Two readings of one answer that differ mean that one of them is wrong.
        """
        request = harness.request()
        invoice = harness.create(request)
        report = harness.gateway.get_status(invoice.id)
        require(report.invoice_id == invoice.id, f"it tells of {report.invoice_id!r}, and {invoice.id!r} was created")
        require(report.order_id in (None, request.order_id), f"it tells of order {report.order_id!r}")
        require(
            report.expected in (None, request.amount), f"it expects {report.expected}, and {request.amount} was asked"
        )
        require(report.status is invoice.status, f"it says {report.status.value}, the creation {invoice.status.value}")

    @check
    def test_nothing_is_received_before_anybody_paid(self, harness: Harness) -> None:
        """A new invoice has received and refunded nothing, or the provider does not tell.

        Why: What is counted before it came is delivered before it is paid.
        """
        report = harness.gateway.get_status(harness.create().id)
        require(not report.received, f"it says that {report.received} came")
        require(not report.refunded, f"it says that {report.refunded} went back")

    @check
    def test_paid_invoice_is_told_as_paid(self, harness: Harness) -> None:
        """An invoice that was paid is told as paid, or approved where the provider takes no payments.

        Why: The order is delivered by this word, and by no other.
        """
        invoice = harness.paid()
        report = harness.gateway.get_status(invoice.id)
        require(report.status in _SUCCESS, f"get_status says {report.status.value} ({report.provider_status!r})")
        self._agrees(harness, invoice.id, report)

    @check
    def test_declined_invoice_is_not_told_as_paid(self, harness: Harness) -> None:
        """An invoice whose payment was declined is told as failed or canceled, or as `info.declines` says as open.

        Why: A failure that reads as a success is delivered and never paid.
        """
        self._ends(harness, InvoiceStatus.FAILED)

    @check
    def test_expired_invoice_is_told_as_expired(self, harness: Harness) -> None:
        """An invoice whose time to pay is over is told as expired.

        Why: A shop that still waits for it keeps the goods, and one that believes it paid loses them.
        """
        self._ends(harness, InvoiceStatus.EXPIRED)

    @check
    def test_part_of_the_amount_is_not_told_as_paid(self, harness: Harness) -> None:
        """An invoice of which a part was paid is not told as paid.

        Why: An order of fifty is not delivered for one.
        """
        invoice = harness.create()
        harness.reach(invoice, InvoiceStatus.PARTIALLY_PAID)
        report = harness.gateway.get_status(invoice.id)
        whole = report.received is not None and report.received == report.expected
        require(report.status not in _SUCCESS or whole, f"get_status says {report.status.value}")
        self._agrees(harness, invoice.id, report)

    @check
    def test_surplus_is_told(self, harness: Harness) -> None:
        """Of an invoice for which more came than was asked for, all that came is told.

        Why: The surplus is the customer's money, and somebody has to give it back.
        """
        invoice = harness.create(harness.request(harness.amount(4990)))
        harness.reach(invoice, InvoiceStatus.OVERPAID)
        report = harness.gateway.get_status(invoice.id)
        if harness.emulator is None:
            require(report.verdict in _MORE, f"the verdict on what came is {report.verdict.value}")
            return
        known = harness.emulated(invoice).received
        require(
            report.received in (None, known), f"it says that {report.received} came, and at the provider {known} did"
        )
        self._agrees(harness, invoice.id, report)

    @check
    def test_facts_are_cumulative(self, harness: Harness) -> None:
        """`received` is all that ever came: it grows with each payment, and reading it changes nothing.

        Why: A difference that is read twice, or after a lost message, is counted twice, or never.
        """
        invoice = harness.create()
        told = []
        several = harness.info.partial_payments and harness.emulator is not None
        for minor in (1000, 2000) if several else ():
            harness.reach(invoice, InvoiceStatus.PARTIALLY_PAID, harness.amount(minor))
            told.append(harness.gateway.get_status(invoice.id).received)
        again = harness.gateway.get_status(invoice.id)
        require(again == harness.gateway.get_status(invoice.id), "the same question, asked twice, has two answers")
        if len(told) == 2 and None not in told and harness.emulator is not None:
            known = harness.emulated(invoice).received
            require(
                told[1] == known, f"after two payments it says {told[0]}, then {told[1]}; at the provider {known} came"
            )

    @check
    def test_status_of_one_invoice_is_not_that_of_another(self, harness: Harness) -> None:
        """Of two invoices, the paid one is told as paid and the open one as open.

        Why: Statuses that are mixed up deliver one customer's goods to another.
        """
        first, second = harness.create(), harness.create()
        require(first.id != second.id, f"two orders have one invoice, {first.id!r}")
        if not harness.move(second, InvoiceStatus.PAID):
            fail("an invoice cannot be paid")
        status = harness.gateway.get_status(first.id).status
        require(status in _OPEN, f"after the other was paid, the open one is told as {status.value}")

    @check
    def test_answer_about_another_invoice_is_refused(self, harness: Harness) -> None:
        """An answer that is about another invoice than the one asked for is `UnexpectedResponseError`.

        Why: A cache or a proxy in between mixes answers up; what is paid must be read in the answer itself.
        """
        wanted, other = harness.create(), harness.paid()
        with harness.transport.recording() as asked:
            harness.gateway.get_status(other.id)
        kept = harness.transport.answers[-len(asked) :]
        with harness.transport.answering(lambda number, *_: kept[min(number, len(kept) - 1)]):
            try:
                report = harness.gateway.get_status(wanted.id)
            except (UnexpectedResponseError, NotFoundError):
                return
        fail(f"asked for {wanted.id!r} and answered about {other.id!r}, it says {report}")

    @check
    def test_unknown_invoice_is_not_found(self, harness: Harness) -> None:
        """An invoice that the provider does not know is `NotFoundError`.

        Why: Anything else looks like an invoice that is merely not paid yet, or like a failure to be tried again.
        """
        invoice = harness.create()
        unknown = other_id(harness, invoice.id)
        if harness.emulator is None:
            with harness.transport.answering(HttpResponse(status=404, body=b"{}")):
                self._is_not_found(harness, unknown)
        else:
            self._is_not_found(harness, unknown)

    def _ends(self, harness: Harness, status: InvoiceStatus) -> None:
        invoice = harness.create()
        harness.reach(invoice, status)
        report = harness.gateway.get_status(invoice.id)
        if status is InvoiceStatus.FAILED and harness.info.declines is Declines.RETRYABLE:
            require(report.status in _OPEN, f"get_status says {report.status.value}, and the payer may try again")
            self._agrees(harness, invoice.id, report)
            return
        require(report.status in _FAILURE, f"get_status says {report.status.value} ({report.provider_status!r})")
        if harness.emulator is None:
            require(report.status is status, f"get_status says {report.status.value}")
        self._agrees(harness, invoice.id, report)

    def _agrees(self, harness: Harness, invoice_id: str, report: StatusReport) -> None:
        if harness.emulator is None:
            return
        known = harness.emulator.ledger.get(EmulatedInvoice, invoice_id)
        require(known is not None, f"the emulator has no invoice {invoice_id!r}")
        truth = None if known is None else known.status
        require(report.status is truth, f"get_status says {report.status.value}, and at the provider it is {truth}")

    def _is_not_found(self, harness: Harness, invoice_id: str) -> None:
        try:
            report = harness.gateway.get_status(invoice_id)
        except NotFoundError:
            return
        except GatewayError as error:
            fail(f"{invoice_id!r} is told by {describe(error)}")
        fail(f"{invoice_id!r}, which nobody made, is told as {report.status.value}")


def other_id(harness: Harness, identifier: str) -> str:
    """Return an id of the same form that nobody has: one letter or digit of it is another."""
    for position in reversed(range(len(identifier))):
        for new in _ALTERNATIVES.get(_kind(identifier[position]), ""):
            other = identifier[:position] + new + identifier[position + 1 :]
            taken = harness.emulator is not None and harness.emulator.ledger.get(EmulatedInvoice, other)
            if other != identifier and not taken:
                return other
    return f"{identifier}0"


def _kind(char: str) -> str:
    if not char.isascii() or not char.isalnum():
        return ""
    return "digit" if char.isdigit() else "lower" if char.islower() else "upper"

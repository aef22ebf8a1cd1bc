"""Checks of what is told of an invoice: in words of one table, and in facts that only ever add up."""

from __future__ import annotations

import json
import re
import string
from datetime import timedelta

import attrs

from gateway_conformance.base import Checks
from gateway_conformance.check import check, describe, fail, require
from gateway_conformance.harness import Harness
from gateway_core.errors import GatewayError, InvalidRequestError, NotFoundError, UnexpectedResponseError
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.models.invoice import StatusReport
from gateway_core.models.status import AmountVerdict, InvoiceStatus
from gateway_core.provider import Declines
from gateway_core.testing import EmulatedInvoice

_NEW_WORD = "zorblax"
#: What may stand in place of a letter or digit of an id; hexadecimal ones stay hexadecimal.
_ALTERNATIVES = {"digit": string.digits, "lower": "abcdef", "upper": "ABCDEF"}
_SUCCESS = frozenset({InvoiceStatus.PAID, InvoiceStatus.OVERPAID, InvoiceStatus.AUTHORIZED, InvoiceStatus.APPROVED})
_MORE = frozenset({AmountVerdict.OVER, AmountVerdict.UNKNOWN})
_FAILURE = frozenset({InvoiceStatus.FAILED, InvoiceStatus.CANCELED, InvoiceStatus.EXPIRED})
_OPEN = frozenset({InvoiceStatus.PENDING})


class StatusChecks(Checks):
    """A status is what the provider said, and nothing else."""

    @check
    def test_new_invoice_is_open(self, harness: Harness) -> None:
        """An invoice that was just created is PENDING, by the answer to its creation.

        Why: An order that is delivered when its invoice is made is never paid.
        """
        status = harness.create().status
        require(status in _OPEN, f"create_invoice says {status.value}")

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

    @check
    def test_provider_status_is_the_providers_own_word(self, harness: Harness) -> None:
        """`provider_status` is the provider's word for the status, as it stands in the answer.

        Why: Its support desk knows no other, and a word that we do not know yet is only there.
        """
        invoice = harness.create()
        report = harness.gateway.get_status(invoice.id)
        require(report.provider_status, "it is missing")
        body = harness.transport.answers[-1].body
        word = str(report.provider_status).rpartition(": ")[2]
        require(word.encode() in body, f"it is {report.provider_status!r}, which the answer does not hold")

    @check
    def test_unknown_word_is_unknown(self, harness: Harness) -> None:
        """A status that is not in the plugin's table is UNKNOWN, and never a success or a failure.

        Why: Providers add words without notice. A guess delivers for nothing, or calls a paid order off.
        """
        report = self._with_new_word(harness)
        if isinstance(report, StatusReport):
            require(report.status is InvoiceStatus.UNKNOWN, f"an unknown word is told as {report.status.value}")

    @check
    def test_unknown_word_is_kept(self, harness: Harness) -> None:
        """A status that is not in the plugin's table is kept as it is in `provider_status`.

        Why: An operator has to see it to know what happened, and what to add.
        """
        report = self._with_new_word(harness)
        if isinstance(report, StatusReport):
            require(
                _NEW_WORD in (report.provider_status or "") or "98765" in (report.provider_status or ""), f"{report}"
            )

    @check
    def test_word_in_other_letters_is_no_other_status(self, harness: Harness) -> None:
        """A status word with letters more is not taken for the word that is within it.

        Why: A table that is matched by parts of words takes `unpaid` for `paid`.
        """
        invoice = harness.paid()
        usual = harness.gateway.get_status(invoice.id)
        report = self._with_word(harness, invoice.id, f"zz{_word_of(usual)}zz")
        require(
            not isinstance(report, StatusReport) or report.status is InvoiceStatus.UNKNOWN,
            f"{report} for the word zz{_word_of(usual)}zz",
        )

    @check
    def test_order_id_comes_back_unchanged(self, harness: Harness) -> None:
        """The shop's key comes back as it was given, whatever letters it has, or is refused before sending.

        Why: By this key an invoice is found again after a lost answer.
        """
        for order_id in ("1042", "2026/11-21#7", "Bestellung äöü ß 東京", 'a"b\\c&d=e+f%20<g>', "x" * 200):
            request = harness.request(order_id=order_id)
            with harness.transport.recording() as asked:
                try:
                    invoice = harness.create(request)
                except InvalidRequestError:
                    invoice = None
            if invoice is None:
                require(not asked, f"{order_id!r} was refused after {len(asked)} requests")
                continue
            known = {invoice.order_id, harness.gateway.get_status(invoice.id).order_id} - {None, order_id}
            require(not known, f"{order_id!r} came back as {known}")

    @check
    def test_payment_page_is_a_web_address(self, harness: Harness) -> None:
        """`payment_url` is https, or on the loopback range, or None.

        Why: The customer is sent there to pay.
        """
        from gateway_core.http import is_loopback

        url = harness.create().payment_url
        require(url is None or url.startswith("https://") or is_loopback(url), f"it is {url}")

    @check
    def test_times_have_a_zone_and_an_order(self, harness: Harness) -> None:
        """`created_at` and `expires_at` have a time zone, and an invoice expires after it was created.

        Why: A time without a zone is off by up to a day.
        """
        invoice = harness.create()
        for name in ("created_at", "expires_at"):
            at = getattr(invoice, name)
            require(at is None or at.utcoffset() is not None, f"{name} is {at}")
        if invoice.created_at is not None and harness.emulator is not None:
            off = abs(invoice.created_at - harness.clock())
            require(off < timedelta(hours=1), f"created at {harness.clock()}, it is told as {invoice.created_at}")
        if None not in (invoice.created_at, invoice.expires_at):
            require(invoice.expires_at > invoice.created_at, f"{invoice.expires_at} is before {invoice.created_at}")  # type: ignore[operator]  # neither is None

    @check
    def test_description_reaches_the_provider(self, harness: Harness) -> None:
        """What the payer is to read reaches the provider.

        Why: A customer who does not recognise what is to be paid does not pay, or has the payment taken back.
        """
        request = harness.request()
        with harness.transport.recording() as asked:
            invoice = harness.create(request)
        sent = b"".join(each.body + each.url.encode() for each in asked)
        words = request.description.encode().split()
        known = request.description if harness.emulator is None else harness.emulated(invoice).description
        require(all(word in sent for word in words), f"no request holds {request.description!r}")
        require(request.description in known, f"at the provider it is {known!r}")

    @check
    def test_time_to_pay_is_kept_or_refused(self, harness: Harness) -> None:
        """`expires_in` is how long the invoice can be paid, or is refused before anything is sent.

        Why: A seat that is held for an hour is sold again after it, and must not be paid for then.
        """
        request = harness.request(expires_in=timedelta(minutes=90))
        with harness.transport.recording() as asked:
            try:
                invoice = harness.create(request)
            except InvalidRequestError:
                invoice = None
        if invoice is None:
            require(not asked, f"it was refused after {len(asked)} requests")
            return
        until = invoice.expires_at if harness.emulator is None else harness.emulated(invoice).expires_at
        off = None if until is None else abs(until - harness.clock() - timedelta(minutes=90))
        require(off is not None and off < timedelta(minutes=2), f"asked for 90 minutes from now, it is until {until}")

    @check
    def test_answers_are_kept_in_raw(self, harness: Harness) -> None:
        """The provider's own answer is kept in `raw` of an invoice and of a status report.

        Why: What has no field of ours is looked up there, on the day when it matters.
        """
        invoice = harness.create()
        require(invoice.raw, "Invoice.raw is empty")
        require(harness.gateway.get_status(invoice.id).raw, "StatusReport.raw is empty")

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

    def _with_new_word(self, harness: Harness) -> StatusReport | GatewayError:
        # Of a paid one: the core lets no word stand that says "paid" of an invoice for which nothing came.
        return self._with_word(harness, harness.paid().id, _NEW_WORD)

    def _with_word(self, harness: Harness, invoice_id: str, word: str) -> StatusReport | GatewayError:
        """Return what is told when the provider's word is another; an error where that word has no place to stand."""
        old = _word_of(harness.gateway.get_status(invoice_id))
        replaced: list[bytes] = []

        def other(_: int, __: HttpRequest, genuine: object) -> HttpResponse:
            answer: HttpResponse = genuine()  # type: ignore[operator]  # gives the provider's own answer
            body = _with_other_word(answer.body, old, word)
            if body != answer.body:
                replaced.append(body)
            return attrs.evolve(answer, body=body)

        with harness.transport.answering(other):
            try:
                report = harness.gateway.get_status(invoice_id)
            except UnexpectedResponseError as error:
                require(replaced and not _is_text(replaced[0], word), f"an unknown word is refused: {describe(error)}")
                return error
        require(replaced, f"provider_status is {old!r}, and no value of the answer is")
        return report


def _word_of(report: StatusReport) -> str:
    """Return the provider's word; of ``name: value``, which tells a status that is no word, the value."""
    return (report.provider_status or "").rpartition(": ")[2]


def _with_other_word(body: bytes, old: str, new: str) -> bytes:
    """Return a body in which a word, or a number or truth value that stands for one, is another."""
    quoted = json.dumps(old).encode()
    if quoted in body:
        return body.replace(quoted, json.dumps(new).encode())
    bare = rb"(:\s*)" + re.escape(old.encode()) + rb"(?=\s*[,}\]])"
    return re.sub(bare, rb"\g<1>98765", body)


def _is_text(body: bytes, word: str) -> bool:
    return json.dumps(word).encode() in body


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

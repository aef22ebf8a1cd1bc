"""Checks of refunds: the right amount, each of them once, and done only if it was done."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import timedelta

import attrs

from gateway_conformance import json_values
from gateway_conformance.base import Checks
from gateway_conformance.check import check, describe, fail, not_applicable, require
from gateway_conformance.harness import Harness
from gateway_core.errors import GatewayError, InvalidRequestError, RejectedError
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.models.invoice import Invoice
from gateway_core.models.money import Money
from gateway_core.models.refund import Refund, RefundRequest, RefundStatus
from gateway_core.models.status import InvoiceStatus
from gateway_core.testing import EmulatedRefund

#: How long after each other refunds are made, so that none passes for a repetition by its time.
_APART = timedelta(hours=2)
_NEW_WORD = "zorblax"
#: An id begins with a word of few letters, or has letters large and small.
_ID = re.compile(r"[a-z]{1,5}_[A-Za-z]*[A-Z]|[A-Z]*[a-z]+[A-Z]+[a-z]*[A-Z]")


class RefundChecks(Checks):
    """Money goes back once, and as much as was asked for."""

    @check
    def test_refund_payment_gives_the_money_back(self, harness: Harness) -> None:
        """`refund_payment` gives back exactly what was asked for, and the status says how much in all.

        Why: A refund that is lost, or made twice, or of another amount, is somebody's money.
        """
        _needs_refunds(harness)
        invoice, part = harness.paid(), harness.amount(1234)
        request = harness.refund_of(invoice, "refund-1", part)
        if harness.emulator is None:
            self.given_refunded(harness.mocker, request)
        refund = harness.gateway.refund_payment(request)
        require(
            (refund.amount, refund.invoice_id) == (part, invoice.id), f"it gave {refund.amount} of {refund.invoice_id}"
        )
        if harness.emulator is not None:
            known, went = _given_back(harness, invoice), harness.emulated(invoice).refunded
            require(known == part, f"at the provider {known} goes back, and {part} was asked for")
            report = harness.gateway.get_status(invoice.id)
            require(report.refunded in (None, went), f"get_status says that {report.refunded} went back, not {went}")
            if report.refunded is not None or refund.status is RefundStatus.DONE:
                refunded = report.status in (InvoiceStatus.PARTIALLY_REFUNDED, InvoiceStatus.UNKNOWN)
                require(refunded is bool(went), f"get_status says {report.status.value}, and {went} went back")

    @check
    def test_refund_is_made_once(self, harness: Harness) -> None:
        """A refund that is asked for twice under one `refund_id` is made once, or refused the second time.

        Why: A refund is repeated after a lost answer. The second time it must not cost the shop anything.
        """
        _needs_refunds(harness)
        if harness.info.idempotency is None:
            not_applicable("info.idempotency is None: the provider knows no keys")
        invoice = harness.paid()
        request = harness.refund_of(invoice, "refund-1", harness.amount(1000))
        if harness.emulator is None:
            self.given_refunded(harness.mocker, request)
        with harness.transport.recording() as asked:
            harness.gateway.refund_payment(request)
            harness.gateway.refund_payment(request)
        keys = {each.idempotency_key for each in asked if not each.safe}
        require(len(keys) == 1 and None not in keys, f"the two requests bear the keys {sorted(map(str, keys))}")
        if harness.emulator is not None:
            known = _given_back(harness, invoice)
            require(known == request.amount, f"at the provider {known} went back in all")

    @check
    def test_refunds_of_one_invoice_are_refunds_of_their_own(self, harness: Harness) -> None:
        """Two equal refunds of one invoice under two keys, and one of the rest, are three refunds.

        Why: A second refund that passes for a repetition of the first is never made, and the customer is told it was.
        """
        _needs_refunds(harness)
        harness.needs_emulator("a scenario does not add up")
        invoice, part = harness.paid(), harness.amount(1000)
        first = harness.refund_of(invoice, "part-1", part)
        made: list[Refund] = []
        keys: list[str] = []

        def give_back(refund_id: str, amount: Money) -> None:
            harness.clock.move(_APART)
            before = len(harness.transport.requests)
            try:
                made.append(harness.gateway.refund_payment(attrs.evolve(first, refund_id=refund_id, amount=amount)))
            finally:
                sent = harness.transport.requests[before:]
                keys.extend({each.idempotency_key for each in sent if each.idempotency_key is not None})

        give_back("part-1", part)
        try:
            give_back("part-2", part)
        except RejectedError:
            give_back("part-3", harness.amount(1100))  # the provider takes an equal one for a mistake, and says so
        give_back("rest", invoice.amount - made[0].amount - made[1].amount)
        known = _given_back(harness, invoice)
        require(known == invoice.amount, f"at the provider {known} of {invoice.amount} goes back")
        require(len({each.id for each in made}) == 3, f"their ids are {[each.id for each in made]}")
        require(len(set(keys)) == len(keys), f"their idempotency keys are {keys}")
        report = harness.gateway.get_status(invoice.id)
        if report.refunded or made[-1].status is RefundStatus.DONE:
            wanted = (InvoiceStatus.REFUNDED, InvoiceStatus.UNKNOWN)
            require(report.status in wanted, f"after all of it went back, get_status says {report.status.value}")

    @check
    def test_refund_key_is_no_key_of_an_order(self, harness: Harness) -> None:
        """A refund whose key is spelt like an order's has another idempotency key than that order.

        Why: The provider answers with the invoice, or refuses, where money was to go back.
        """
        _needs_refunds(harness)
        if harness.info.idempotency is None:
            not_applicable("info.idempotency is None: the provider knows no keys")
        harness.needs_emulator("a scenario keeps no keys")
        with harness.transport.recording() as sent:
            invoice = harness.paid()
        orders = {each.idempotency_key for each in sent} - {None}
        request = harness.refund_of(invoice, invoice.order_id or "order-1", harness.amount(1000))
        with harness.transport.recording() as sent:
            _refund(harness, request)
        shared = {each.idempotency_key for each in sent} & orders
        require(not shared, f"order and refund bear the key {shared}")

    @check
    def test_refund_in_a_currency_of_no_decimals(self, harness: Harness) -> None:
        """A refund in a currency of no decimals, such as JPY, gives back what was asked for.

        Why: The amount of a refund is written in another place than that of the invoice, and multiplied there.
        """
        _needs_refunds(harness)
        harness.needs_emulator("a scenario does not tell what it understood")
        codes = [code for code in harness.info.currencies or ("JPY",) if _decimals(harness, code) == 0]
        if not codes or self.currency_setting is not None:
            not_applicable("info.currencies claims none of no decimals, or the account counts in one currency")
        amount = Money.from_minor(5000, harness.currency_of(codes[0]))
        invoice = self._paid(harness, amount)
        part = Money.from_minor(1200, amount.unit)
        _refund(harness, harness.refund_of(invoice, "refund-1", part))
        known = _given_back(harness, invoice)
        require(known == part, f"{part} was to go back, and at the provider {known} does")

    @check
    def test_refund_whose_status_is_not_known_is_not_done(self, harness: Harness) -> None:
        """A refund whose status is a word that is in no table is not told as DONE.

        Why: What is pending may fail, and what failed never arrives. The customer is told that the money is on its way.
        """
        _needs_refunds(harness)
        harness.needs_emulator("a scenario gives one answer")
        words: list[str] = []
        while len(words) < 20:
            invoice = harness.paid()
            request = harness.refund_of(invoice, f"refund-{len(words)}", harness.amount(1000))
            replaced, told = self._with_another_word(harness, request, len(words))
            if replaced is None:
                break
            words.append(replaced)
            if told is not RefundStatus.DONE:
                return
        if not words:
            not_applicable("the provider's answer holds no word: a refund has no status there")
        fail(f"each of {', '.join(words)} was another word, and the refund was told as done")

    def _with_another_word(
        self, harness: Harness, request: RefundRequest, number: int
    ) -> tuple[str | None, RefundStatus | None]:
        """Refund with the n-th word of the answer replaced; return its place, and what was told if not an error."""
        replaced: list[str] = []
        ids = {request.invoice_id, request.refund_id, *request.references.values()}

        def other(_: int, asked: HttpRequest, genuine: object) -> HttpResponse:
            answer: HttpResponse = genuine()  # type: ignore[operator]  # gives the provider's own answer
            value = json_values.parsed(answer.body)
            paths = [path for path in json_values.leaves(value) if _is_status(json_values.at(value, path), ids)]
            if asked.safe or number >= len(paths):
                return answer
            replaced.append("/".join(map(str, paths[number])))
            return attrs.evolve(answer, body=json_values.written(json_values.changed(value, paths[number], _NEW_WORD)))

        with harness.transport.answering(other):
            try:
                told = harness.gateway.refund_payment(request).status
            except GatewayError:
                told = None
        return (replaced[-1] if replaced else None), told

    def _paid(self, harness: Harness, amount: Money) -> Invoice:
        try:
            invoice = harness.create(harness.request(amount))
        except InvalidRequestError as error:
            fail(f"info admits {amount}, and it is refused: {describe(error)}")
        harness.move(invoice, InvoiceStatus.PAID)
        return invoice


def _is_status(value: object, ids: Collection[str]) -> bool:
    """Return whether a value may be a word for a status: an id may have no digit in it, and is longer."""
    return json_values.is_word(value) and value not in ids and not _ID.match(str(value))


def _needs_refunds(harness: Harness) -> None:
    if not harness.supports("refund_payment"):
        not_applicable("refund_payment is not implemented")


def _refund(harness: Harness, request: RefundRequest) -> Refund:
    try:
        return harness.gateway.refund_payment(request)
    except GatewayError as error:
        return fail(f"refund {request.refund_id} of {request.amount} is {describe(error)}")


def _decimals(harness: Harness, code: str) -> int | None:
    try:
        return harness.currency_of(code).exponent
    except InvalidRequestError:
        return None


def _given_back(harness: Harness, invoice: Invoice) -> Money:
    """Return what went back at the emulator, or is on its way: a refund may be carried out later."""
    known = harness.emulated(invoice).refunded
    emulator = harness.needs_emulator("a scenario does not add up")
    refunds = [refund for _, refund in emulator.ledger.select(EmulatedRefund, parent=invoice.id)]
    return known or sum((each.amount for each in refunds if each.status is not RefundStatus.FAILED), known)

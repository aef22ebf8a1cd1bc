"""Checks of lists: nothing lost, nothing twice, and always an end."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import attrs

from gateway_conformance import json_values
from gateway_conformance.base import Checks
from gateway_conformance.check import check, describe, fail, not_applicable, require
from gateway_conformance.harness import Harness
from gateway_core.errors import (
    GatewayError,
    InvalidRequestError,
    NotFoundError,
    NotSentError,
    ProviderUnavailableError,
    UnexpectedResponseError,
    UnsupportedOperationError,
)
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.models.payment import Payment, PaymentQuery, PaymentStatus
from gateway_core.models.status import InvoiceStatus
from gateway_core.testing.ledger import EmulatedPayment

#: No list of a handful of payments has more pages than this.
_MOST_PAGES = 50


class PaymentListChecks(Checks):
    """A list of payments is whole, or an error."""

    @check
    def test_list_of_nothing_is_empty(self, harness: Harness) -> None:
        """A list of no payments is empty, and no error.

        Why: Every shop's first day is such a list.
        """
        self._needs_list(harness)
        if harness.emulator is None:
            self.given_payments(harness.mocker, 0)
        found = list(harness.gateway.list_payments())
        require(not found, f"it holds {found}")

    @check
    def test_list_of_one_page_is_whole(self, harness: Harness) -> None:
        """A list that fits on one page shows each payment once.

        Why: What is not in the list is never matched with its order.
        """
        self._needs_list(harness)
        wanted = harness.payments(3)
        _same(wanted, [payment.id for payment in harness.gateway.list_payments()])

    @check
    def test_list_of_many_pages_is_whole(self, harness: Harness) -> None:
        """A list of many small pages shows each payment once, however its pages are cut.

        Why: Payments are lost, or counted twice, where one page ends and the next begins.
        """
        self._needs_list(harness)
        wanted = harness.payments(7)
        for size in (1, 2, 3, 7, 8):
            found = [each.id for page in _pages(harness, PaymentQuery(page_size=size)) for each in page]
            _same(wanted, found, f"with pages of {size}: ")

    @check
    def test_list_ends_where_the_last_page_is_full(self, harness: Harness) -> None:
        """A list whose last page is full ends after it, or after one empty page.

        Why: A list that starts over is read for ever.
        """
        self._needs_list(harness)
        wanted = harness.payments(4)
        found = [each.id for page in _pages(harness, PaymentQuery(page_size=2)) for each in page]
        _same(wanted, found)

    @check
    def test_page_that_does_not_advance_is_an_error(self, harness: Harness) -> None:
        """Where the provider gives the same full page again and again, the list ends with an error.

        Why: A list that goes in circles never ends, and one that is cut off silently is short.
        """
        self._needs_list(harness)
        harness.payments(5)
        first: list[HttpResponse] = []

        def same(number: int, _: HttpRequest, genuine: Callable[[], HttpResponse]) -> HttpResponse:
            if not first:
                first.append(genuine())
            if number > _MOST_PAGES:
                fail(f"after {number} requests it still reads the same page")
            return first[0]

        with harness.transport.answering(same) as asked:
            try:
                seen = [each.id for page in _pages(harness, PaymentQuery(page_size=2)) for each in page]
            except UnexpectedResponseError:
                return
        require(len(asked) == 1, f"the same page came {len(asked)} times, and the list ended with {len(seen)} payments")

    @check
    def test_payments_that_come_while_paging_push_none_out(self, harness: Harness) -> None:
        """Payments that come while a list is read do not hide those that were there before.

        Why: A busy shop's list always grows. What slips between two pages is never seen.
        """
        self._needs_list(harness)
        harness.needs_emulator("the answers of a scenario do not grow")
        wanted = harness.payments(6)
        found: list[str] = []
        for number, page in enumerate(_pages(harness, PaymentQuery(page_size=2))):
            found += [payment.id for payment in page]
            if number < 3:
                harness.paid()
        missing = wanted - set(found)
        require(not missing, f"{len(missing)} of {len(wanted)} payments that were there before are missing")

    @check
    def test_failed_page_fails_the_list(self, harness: Harness) -> None:
        """A list of which a page cannot be read ends with that page's error.

        Why: A list that is silently short says that the missing payments never came.
        """
        self._needs_list(harness)
        harness.payments(5)
        query = PaymentQuery(page_size=2)
        with harness.transport.recording() as asked:
            usual = [payment for page in _pages(harness, query) for payment in page]
        for broken, kind in itertools.product(range(len(asked)), (ProviderUnavailableError, NotSentError)):

            def answer(
                number: int,
                _: HttpRequest,
                genuine: Callable[[], HttpResponse],
                broken: int = broken,
                kind: type[GatewayError] = kind,
            ) -> HttpResponse:
                if number < broken:
                    return genuine()
                if kind is NotSentError:
                    raise NotSentError("no connection")
                return HttpResponse(status=503)

            with harness.transport.answering(answer):
                try:
                    found = [payment for page in _pages(harness, query) for payment in page]
                except GatewayError as error:
                    require(
                        isinstance(error, kind), f"request {broken + 1} failed, and the list with {describe(error)}"
                    )
                    continue
            fail(f"request {broken + 1} failed, and the list ended with {len(found)} of {len(usual)} payments")

    @check
    def test_payments_are_told_as_they_came(self, harness: Harness) -> None:
        """A payment in the list has the amount, time and invoice that it has at the provider, where these are told.

        Why: The books are made of this list.
        """
        self._needs_list(harness)
        harness.payments(3)
        for payment in harness.gateway.list_payments():
            require(payment.status in set(PaymentStatus), f"its status is {payment.status!r}")
            if harness.emulator is not None:
                _check_payment(payment, harness.emulator.ledger.get(EmulatedPayment, payment.id))

    @check
    def test_confirmed_payments_are_told_as_confirmed(self, harness: Harness) -> None:
        """A payment that has come for good is CONFIRMED in the list.

        Why: What stays PENDING or UNKNOWN in the books is never matched.
        """
        self._needs_list(harness)
        harness.payments(2)
        for payment in harness.gateway.list_payments():
            require(payment.status is PaymentStatus.CONFIRMED, f"payment {payment.id} is {payment.status.value}")

    @check
    def test_payments_that_did_not_come_are_not_confirmed(self, harness: Harness) -> None:
        """A payment that failed or is pending at the provider is not CONFIRMED in the list.

        Why: It is counted as income, and the order that it belongs to as paid.
        """
        self._needs_list(harness)
        emulator = harness.needs_emulator("a scenario lists what came")
        for status in (PaymentStatus.FAILED, PaymentStatus.PENDING):
            invoice = harness.paid()
            usual = {payment.id: payment for payment in harness.gateway.list_payments()}
            own = [each for _, each in emulator.ledger.select(EmulatedPayment, parent=invoice.id)]
            shown = [each for each in own if each.id in usual]
            with harness.transport.recording() as asked:
                list(harness.gateway.list_payments())
            before = [answer.body for answer in harness.transport.answers[-len(asked) :]]
            for each in shown:
                emulator.ledger.save(attrs.evolve(each, status=status))
            with harness.transport.recording() as asked:
                found = {payment.id: payment for payment in harness.gateway.list_payments()}
            if [answer.body for answer in harness.transport.answers[-len(asked) :]] == before:
                not_applicable("the provider's list does not tell of a payment's status")
            wrong = [each.id for each in shown if each.id in found and found[each.id].status is PaymentStatus.CONFIRMED]
            require(not wrong, f"{status.value} at the provider, and told as confirmed: {wrong}")

    @check
    def test_payment_is_told_with_its_own_time(self, harness: Harness) -> None:
        """The time of a payment is when it came, and not when its invoice was made or the list was read.

        Why: A payment of the next day is in the next day's books, whenever the order was placed.
        """
        self._needs_list(harness)
        emulator = harness.needs_emulator("a scenario says what time it likes")
        invoice = harness.create()
        harness.clock.move(timedelta(minutes=25))
        if not harness.move(invoice, InvoiceStatus.PAID):
            fail("an invoice cannot be paid after 25 minutes")
        harness.clock.move(timedelta(hours=7))
        for payment in harness.gateway.list_payments():
            _check_payment(payment, emulator.ledger.get(EmulatedPayment, payment.id))

    @check
    def test_payment_that_cannot_be_read_is_named(self, harness: Harness) -> None:
        """Where one payment of a page cannot be read, the error names it by its id.

        Why: Nobody finds it among a hundred others, and until it is found there is no list at all.
        """
        self._needs_list(harness)
        harness.needs_emulator("a scenario answers with what the author wrote")
        wanted = harness.payments(3)
        with harness.transport.recording() as asked:
            list(harness.gateway.list_payments())
        answers = harness.transport.answers[-len(asked) :]
        spoilt = {number: _with_one_spoilt(answer.body, wanted) for number, answer in enumerate(answers)}
        at, changed = next(((number, each) for number, each in spoilt.items() if each is not None), (0, None))
        if changed is None:
            not_applicable("no answer has the ids of payments in it")
        body, known = changed

        def spoil(number: int, _: HttpRequest, genuine: Callable[[], HttpResponse]) -> HttpResponse:
            return attrs.evolve(genuine(), body=body) if number == at else genuine()

        with harness.transport.answering(spoil):
            try:
                found = list(harness.gateway.list_payments())
            except GatewayError as error:
                named = any(each in str(error) for each in known)
                require(named, f"payment {known[0]} cannot be read, and the error is {describe(error)}")
                return
        require(
            len(found) == len(wanted), f"payment {known[0]} cannot be read, and the list has the {len(found)} others"
        )

    @check
    def test_list_of_one_invoice_is_of_that_invoice(self, harness: Harness) -> None:
        """A list asked for by invoice shows payments of that invoice only, or is refused before any request.

        Why: Another customer's payment that is shown for this order pays it.
        """
        self._needs_list(harness)
        first = harness.paid()
        harness.paid()
        if harness.emulator is None:
            self.given_payments(harness.mocker, 2)
        with harness.transport.recording() as asked:
            try:
                found = list(harness.gateway.list_payments(invoice_id=first.id))
            except UnsupportedOperationError:
                found = None
            except UnexpectedResponseError:
                if harness.emulator is None:
                    return  # a scenario answers with all that there is, and that is refused
                raise
        if found is None:
            require(not asked, f"it was refused after {len(asked)} requests")
            return
        strange = [payment.invoice_id for payment in found if payment.invoice_id != first.id]
        require(not strange, f"asked for {first.id!r}, it shows payments of {strange}")
        require(harness.emulator is None or found, "the invoice's own payment is missing")

    @check
    def test_list_keeps_to_its_time(self, harness: Harness) -> None:
        """A list has what came at `since` or later and before `until`, to the moment.

        Why: Lists of one day after the other must neither miss a payment at midnight nor show it twice.
        """
        self._needs_list(harness)
        harness.needs_emulator("the answers of a scenario do not filter")
        for _ in range(3):
            harness.paid()
            harness.clock.move(timedelta(hours=1))
        moments = sorted(payment.paid_at for payment in harness.gateway.list_payments() if payment.paid_at is not None)
        if not moments:
            fail("no payment has a time")
        middle = moments[1]
        ranges: dict[str, tuple[dict[str, Any], list[datetime]]] = {
            "since the second": ({"since": middle}, moments[1:]),
            "until the second": ({"until": middle}, moments[:1]),
            "from the second to the third": ({"since": middle, "until": moments[2]}, moments[1:2]),
            "in the future": ({"since": moments[2] + timedelta(seconds=1)}, []),
            "in the past": ({"until": moments[0]}, []),
        }
        for words, (limits, wanted) in ranges.items():
            found = sorted(payment.paid_at for payment in harness.gateway.list_payments(**limits) if payment.paid_at)
            require(found == wanted, f"{words}: it shows {len(found)} payments of {len(wanted)}")

    @check
    def test_list_of_an_unknown_invoice_is_empty_or_refused(self, harness: Harness) -> None:
        """A list asked for by an invoice that was never made is empty, or refused.

        Why: A filter that is ignored where it finds nothing shows everybody's payments.
        """
        self._needs_list(harness)
        harness.needs_emulator("the answers of a scenario do not filter")
        harness.payments(2)
        unknown = attrs.evolve(PaymentQuery(), invoice_id="no-such-invoice")
        try:
            found = [payment for page in _pages(harness, unknown) for payment in page]
        except (UnsupportedOperationError, NotFoundError, InvalidRequestError):
            return
        require(not found, f"it shows {len(found)} payments")

    @check
    def test_foreign_cursor_is_refused_or_harmless(self, harness: Harness) -> None:
        """A cursor that the provider never gave is refused with a documented error, or shows payments.

        Why: Cursors are kept by applications, and come back old, cut short or from another account.
        """
        self._needs_list(harness)
        harness.payments(2)
        for cursor in ("no-such-cursor", "../../x", "0", "-1", "9" * 40, "a&b=c", "\u0661"):
            try:
                harness.page(PaymentQuery(cursor=cursor, page_size=2))
            except GatewayError as error:
                require(type(error).__name__ != "PluginError", f"{cursor!r}: {describe(error)}")

    def _needs_list(self, harness: Harness) -> None:
        if not harness.supports("list_payments"):
            not_applicable("info.unsupported names list_payments")


def _pages(harness: Harness, query: PaymentQuery) -> Iterator[tuple[Payment, ...]]:
    for number, page in enumerate(harness.listed(query)):
        if number > _MOST_PAGES:
            fail(f"the list has no end: {_MOST_PAGES} pages, and still more")
        yield page


def _same(wanted: set[str], found: list[str], where: str = "") -> None:
    twice = sorted({each for each in found if found.count(each) > 1})
    require(not twice, f"{where}shown more than once: {twice}")
    missing, strange = wanted - set(found), set(found) - wanted
    require(not missing, f"{where}{len(missing)} of {len(wanted)} payments are missing")
    require(not strange, f"{where}shown, though nobody made them: {sorted(strange)}")


def _with_one_spoilt(body: bytes, ids: set[str]) -> tuple[bytes, list[str]] | None:
    """Return a body in which one payment has a wrong type wherever it may, and its id with those of what it is in."""
    value = json_values.parsed(body)
    for path in json_values.every_leaf(value):
        known = json_values.at(value, path)
        if not isinstance(known, str) or known not in ids or len(path) < 2:
            continue
        item = json_values.at(value, path[:-1])
        spoilt = {name: each if name == path[-1] else {"zorblax": []} for name, each in item.items()}
        around = [json_values.at(value, path[:depth]) for depth in range(1, len(path) - 1)]
        outer = [each["id"] for each in around if isinstance(each, dict) and isinstance(each.get("id"), str)]
        return json_values.written(json_values.changed(value, path[:-1], spoilt)), [known, *outer]
    return None


def _check_payment(payment: Payment, known: EmulatedPayment | None) -> None:
    if known is None:
        fail(f"the emulator has no payment {payment.id!r}")
    require(payment.amount in (None, known.amount), f"{known.amount} came, and the list says {payment.amount}")
    require(
        payment.invoice_id in (None, known.invoice_id),
        f"it is told of {payment.invoice_id!r}, not {known.invoice_id!r}",
    )
    off = abs(payment.paid_at - known.paid_at) if payment.paid_at else timedelta()
    require(off < timedelta(seconds=1), f"it came at {known.paid_at}, and is told of {payment.paid_at}")

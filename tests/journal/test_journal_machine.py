"""Whatever happens in whatever order: an effect once, and only for the right money."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from gateway_core import (
    Gateway,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    RefundRequest,
    StatusReport,
    WebhookEvent,
    WebhookRequest,
    errors,
)
from gateway_core._engine.base import CLAIM
from gateway_core.journal import Journal
from gateway_core.testing import Answer, AnswerLost, EmulatedAccount, EmulatedInvoice, RequestLost, changing

PRICE = Money("49.90", "EUR")
_Trouble = contextlib.suppress(errors.GatewayError)


class ShopMachine(RuleBasedStateMachine):
    """Two workers of one shop, with one journal, at one provider."""

    invoices = Bundle("invoices")
    requests = Bundle("requests")
    reports = Bundle("reports")

    @initialize(target=invoices)
    def begin(self) -> Any:
        """Open the shop, and take an order."""
        self.account = EmulatedAccount("sandbox")
        self.journal = Journal("sqlite://", clock=self.account.clock)
        self.workers = [self.account.connect(journal=self.journal) for _ in range(2)]
        self.delivered: list[str | None] = []
        self.told: list[WebhookEvent] = []
        self.made_up = 0
        return self.workers[0].create_invoice(InvoiceRequest(order_id="a", amount=PRICE)).id

    def teardown(self) -> None:
        """Let all that is due arrive, look whether anything was lost, and close."""
        if not hasattr(self, "account"):
            return
        for _ in range(4):
            self.account.advance(minutes=20)
            self.account.deliver(lambda request: self.receive(self.workers[0], request))
            for order in ("a", "b"):
                with _Trouble:
                    self.workers[0].poll(self.handle, order_id=order)
            with _Trouble:
                self.workers[0].poll(self.handle)
        self.nothing_is_lost()
        self.only_the_right_money()
        for worker in self.workers:
            worker.close()
        self.journal.close()
        self.account.close()

    def handle(self, event: WebhookEvent) -> None:
        """Do what an event says."""
        self.told.append(event)
        if event.pays:
            self.delivered.append(event.order_id)

    def receive(self, worker: Gateway, request: WebhookRequest) -> int:
        """Take a webhook."""
        try:
            with worker.receive_webhook(request) as delivery:
                for event in delivery.events:
                    self.handle(event)
        except errors.WebhookError as error:
            return error.http_status
        return delivery.acknowledgement.status

    @rule(
        target=invoices,
        worker=st.integers(0, 1),
        order=st.sampled_from("aab"),
        fault=st.sampled_from([None, None, AnswerLost(), RequestLost(), Answer(503, carried_out=True), Answer(503)]),
    )
    def create(self, worker: int, order: str, fault: Any) -> Any:
        """Ask for the invoice of an order, whatever becomes of the request."""
        if fault is not None:
            self.account.faults.script(fault, where=changing)
        with contextlib.suppress(errors.GatewayError):
            return self.workers[worker].create_invoice(InvoiceRequest(order_id=order, amount=PRICE)).id
        return None

    @rule(invoice=invoices, amount=st.sampled_from([None, None, "10", "39.90", "60"]))
    def pay(self, invoice: str | None, amount: str | None) -> None:
        """Pay, a part, all or too much."""
        if invoice is not None:
            with _Trouble:
                self.account.pay(invoice, None if amount is None else Money(amount, "EUR"))

    @rule(invoice=invoices)
    def decline(self, invoice: str | None) -> None:
        """Refuse to pay."""
        if invoice is not None:
            with _Trouble:
                self.account.decline(invoice)

    @rule(invoice=invoices, amount=st.sampled_from(["5", "49.90", "49.90"]), number=st.integers(0, 1))
    def refund(self, invoice: str | None, amount: str, number: int) -> None:
        """Give money back."""
        if invoice is not None:
            asked = RefundRequest(refund_id=f"r{number}", invoice_id=invoice, amount=Money(amount, "EUR"))
            with _Trouble:
                self.workers[0].refund_payment(asked)

    @rule(invoice=invoices, action=st.sampled_from(["dispute", "win", "lose"]))
    def dispute(self, invoice: str | None, action: str) -> None:
        """Let the payer's bank ask for the money, and decide."""
        if invoice is not None:
            with _Trouble:
                self.account.act(invoice, action)

    @rule(seconds=st.sampled_from([-90, -2, 2]))
    def set_clock(self, seconds: int) -> None:
        """Let somebody set the clock."""
        self.account.clock.move(timedelta(seconds=seconds))

    @rule(target=requests)
    def arrive(self) -> Any:
        """Take the webhooks that are due, to be handled whenever."""
        return tuple(self.account.webhooks())

    @rule(requests=requests, worker=st.integers(0, 1), turned=st.booleans())
    def handle_some(self, requests: tuple[WebhookRequest, ...], worker: int, turned: bool) -> None:
        """Handle webhooks, again and in any order."""
        for request in reversed(requests) if turned else requests:
            self.receive(self.workers[worker], request)

    @rule(requests=consumes(requests))
    def drop(self, requests: tuple[WebhookRequest, ...]) -> None:
        """Lose webhooks; the provider takes them for accepted."""

    @rule(target=reports, invoice=invoices)
    def remember(self, invoice: str | None) -> Any:
        """Keep what is true of an invoice now."""
        return None if invoice is None else self.account.connect().get_status(invoice)

    @rule(report=reports)
    def tell_late(self, report: StatusReport | None) -> None:
        """Tell what was true once, under an id of its own."""
        if report is not None:
            self.tell(report)

    @rule(report=reports)
    def handle_at_the_same_moment(self, report: StatusReport | None) -> None:
        """Let two workers, and the page to which the buyer comes back, handle the same at once."""
        if report is not None:
            recorder = self.workers[0]._recorder
            assert recorder is not None
            claimed = recorder.inbox.claim((self.event(report),), CLAIM)
            self.tell(report)
            with _Trouble:
                self.workers[1].poll(self.handle, order_id="a")
            for event in claimed.events:
                self.handle(event)
            recorder.inbox.finish(claimed)

    @rule(requests=requests)
    def die_while_handling(self, requests: tuple[WebhookRequest, ...]) -> None:
        """Lose a worker that has claimed a webhook, before its effect."""
        for request in requests[:1]:
            recorder = self.workers[1]._recorder
            assert recorder is not None
            with _Trouble:
                told = self.workers[1].verify_webhook(request).events
                recorder.inbox.claim(told, CLAIM)

    @rule(worker=st.integers(0, 1))
    def fail_while_handling(self, worker: int) -> None:
        """Let the effect of the next webhooks fail."""
        for request in self.account.webhooks():
            with (
                contextlib.suppress(errors.WebhookError, ZeroDivisionError),
                self.workers[worker].receive_webhook(request),
            ):
                raise ZeroDivisionError

    @rule(worker=st.integers(0, 1), order=st.sampled_from(["a", "b", None]))
    def poll(self, worker: int, order: str | None) -> None:
        """Ask about open invoices."""
        with _Trouble:
            self.workers[worker].poll(self.handle, order_id=order)

    @rule(minutes=st.sampled_from([1, 5, 61]))
    def wait(self, minutes: int) -> None:
        """Let time pass, past the time to pay as well."""
        self.account.advance(minutes=minutes)

    @rule(worker=st.integers(0, 1))
    def restart(self, worker: int) -> None:
        """Start a worker anew, with what is in the journal."""
        self.workers[worker].close()
        self.workers[worker] = self.account.connect(journal=self.journal)

    @rule(invoice=invoices, change=st.sampled_from(["amount", "currency", "order"]))
    def lie(self, invoice: str | None, change: str) -> None:
        """Let the provider say in earnest that another amount, currency or order was paid."""
        if invoice is None:
            return
        amount = {"amount": Money("1", "EUR"), "currency": Money("49.90", "USD")}.get(change, PRICE)
        report = StatusReport(
            invoice_id=invoice,
            order_id="z" if change == "order" else None,
            status=InvoiceStatus.PAID,
            expected=amount,
            received=amount,
        )
        self.tell(report)

    def event(self, report: StatusReport) -> WebhookEvent:
        """Return a verified event of its own with a report."""
        self.made_up += 1
        return WebhookEvent(id=f"e{self.made_up}", kind="made up", invoice_id=report.invoice_id, report=report)

    def tell(self, report: StatusReport) -> None:
        """Tell a worker a report."""
        recorder = self.workers[0]._recorder
        assert recorder is not None
        claimed = recorder.inbox.claim((self.event(report),), CLAIM)
        for each in claimed.events:
            self.handle(each)
        recorder.inbox.finish(claimed)

    @invariant()
    def each_effect_once(self) -> None:
        """No order is delivered twice."""
        if hasattr(self, "account"):
            assert len(set(self.delivered)) == len(self.delivered)

    @invariant()
    def only_legal_moves(self) -> None:
        """The moves of an invoice are a way through the table of legal moves, each where the last one ended."""
        if not hasattr(self, "account"):
            return
        last: dict[str | None, InvoiceStatus] = {}
        for event in self.told:
            assert event.move is not None
            assert event.move.before is last.get(event.invoice_id, InvoiceStatus.PENDING)
            assert event.move.before.can_become(event.move.after)
            last[event.invoice_id] = event.move.after

    def only_the_right_money(self) -> None:
        """Who got the goods has paid for them at some time."""
        for event in self.told:
            if event.pays:
                invoice = self.account.invoice(str(event.invoice_id))
                assert invoice.received >= PRICE
                assert str(invoice.order_id).partition("~")[0] == event.order_id

    def nothing_is_lost(self) -> None:
        """Of each order of which an invoice is paid now, the goods have left, or somebody is to look at it."""
        for _, found in self.account.emulator.ledger.select(EmulatedInvoice):
            invoice = self.account.invoice(found.id)
            order = str(invoice.order_id).partition("~")[0]
            if invoice.status.is_paid and not invoice.refunded:
                assert self.workers[0].journal is not None
                known = self.workers[0].journal.order(order)["invoices"]
                assert order in self.delivered or invoice.id not in [row["invoice_id"] for row in known]


ShopMachine.TestCase.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestShopMachine = ShopMachine.TestCase

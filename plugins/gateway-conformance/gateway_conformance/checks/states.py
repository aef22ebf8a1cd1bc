"""Checks of every state that an invoice can get to at the provider: money decides, and the books tell what came."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from gateway_conformance import json_values
from gateway_conformance.base import Checks
from gateway_conformance.check import check, fail, not_applicable, require
from gateway_conformance.harness import Harness
from gateway_conformance.webhook_messages import accepted
from gateway_core.errors import GatewayError, NotFoundError
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.models.invoice import Invoice, StatusReport
from gateway_core.models.status import InvoiceStatus
from gateway_core.testing import EmulatedInvoice, Emulator

_PAID = frozenset({InvoiceStatus.PAID, InvoiceStatus.OVERPAID})
_SUCCESS = _PAID | {InvoiceStatus.AUTHORIZED, InvoiceStatus.APPROVED}
_NEW_WORD = "zorblax"
#: How many steps, one after the other, lead away from a new invoice.
_DEEPEST = 3
_MOST_STATES = 60


@attrs.frozen
class State:
    """What became of an invoice at the provider.

    Attributes:
        steps: What was done to it, in this order.
        truth: The invoice there.
        reports: What is told of it, by where it is told.
    """

    steps: tuple[str, ...]
    truth: EmulatedInvoice
    reports: Mapping[str, StatusReport]


class StateChecks(Checks):
    """Whatever the emulator can do to an invoice is told as it is."""

    @check
    def test_every_state_is_paid_only_by_money(self, harness: Harness) -> None:
        """In every state that the emulator can be in, an invoice is PAID, by status and webhook, only if money came.

        Why: `complete` and unpaid, reserved and not taken, pending at a bank: each of them reads like a success.
        """
        for state in _states(harness):
            for where, report in state.reports.items():
                fine = report.status not in _PAID or state.truth.received >= state.truth.amount
                require(
                    fine,
                    f"after {_in_words(state.steps)}, {where} says {report.status.value} ({report.provider_status!r}), "
                    f"and {state.truth.received} of {state.truth.amount} came",
                )

    @check
    def test_every_state_tells_the_money_of_the_books(self, harness: Harness) -> None:
        """In every state that the emulator can be in, `received` and `refunded` are what came and went there, or None.

        Why: Of an invoice that failed nothing came. Who is told otherwise delivers, or gives back what nobody paid.
        """
        for state in _states(harness):
            for where, report in state.reports.items():
                told = (report.received, report.refunded)
                known = (state.truth.received, state.truth.refunded)
                wrong = [each for each in zip(told, known, strict=True) if each[0] not in (None, each[1])]
                for one, other in wrong:
                    fail(f"after {_in_words(state.steps)}, {where} says {one}, and at the provider it is {other}")

    @check
    def test_every_word_that_decides_is_read(self, harness: Harness) -> None:
        """Where words of the answer differ between an open and a paid invoice, an unknown one is no success.

        Why: A provider says it in two words, such as `complete` and `unpaid`. Who reads one of them delivers for the
        other.
        """
        opened, paid = harness.create(), harness.paid()
        before, after = _answers(harness, opened), _answers(harness, paid)
        if harness.emulator is None:
            not_applicable("this needs an emulator: a scenario has one answer at a time")
        for number, path in _deciding(before, after):
            report = _with_word(harness, paid.id, number, path)
            require(
                report is None or report.status not in _SUCCESS,
                f"{'/'.join(map(str, path))} is a word that nobody knows, and it says {report and report.status.value}",
            )


def _states(harness: Harness) -> Iterator[State]:
    """Yield each state that the payer, the provider and time can bring an invoice to, in a few steps."""
    emulator = harness.needs_emulator("a scenario knows the states that it gives only")
    pending: list[tuple[str, ...]] = [()]
    seen: set[tuple[object, ...]] = set()
    while pending and len(seen) < _MOST_STATES:
        steps = pending.pop(0)
        invoice, done = harness.create(), True
        for step in steps:
            done = done and _step(harness, emulator, invoice, step)
        if not done:
            continue
        truth = harness.emulated(invoice)
        known = (truth.status, truth.received.amount, truth.refunded.amount, steps[-1:])
        if known in seen:
            continue
        seen.add(known)
        yield State(steps, truth, dict(_reports(harness, invoice)))
        if len(steps) < _DEEPEST:
            offered = [f"action {each.id}" for each in emulator.actions(harness.emulated(invoice))]
            pending += [(*steps, step) for step in ("payment", "part payment", "decline", *offered)]


def _step(harness: Harness, emulator: Emulator, invoice: Invoice, step: str) -> bool:
    """Let something happen to an invoice; return whether it did."""
    token = harness.emulated(invoice).token
    try:
        if step == "payment":
            emulator.pay(token)
        elif step == "part payment":
            emulator.pay(token, harness.amount(100))
        elif step == "decline":
            emulator.decline(token)
        else:
            emulator.act(token, step.removeprefix("action "))
    except GatewayError:
        return False
    return True


def _reports(harness: Harness, invoice: Invoice) -> Iterator[tuple[str, StatusReport]]:
    messages = harness.delivered() if harness.info.webhook_authentication != "none" else []
    for message in messages[-1:]:
        for event in accepted(harness, message).events:
            if event.report is not None and event.report.invoice_id == invoice.id:
                yield "the last webhook", event.report
    with contextlib.suppress(NotFoundError):  # a provider may forget, or delete, an invoice that is over
        yield "get_status", harness.gateway.get_status(invoice.id)


def _in_words(steps: tuple[str, ...]) -> str:
    return ", then ".join(steps) or "its creation"


def _answers(harness: Harness, invoice: Invoice) -> list[Any]:
    with harness.transport.recording() as asked:
        harness.gateway.get_status(invoice.id)
    return [json_values.parsed(answer.body) for answer in harness.transport.answers[-len(asked) :]]


def _deciding(before: list[Any], after: list[Any]) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Yield where the answers about a paid invoice have another word than those about an open one."""
    for number, (one, other) in enumerate(zip(before, after, strict=False)):
        places = set(json_values.leaves(one))
        for path in json_values.leaves(other):
            if path not in places:
                continue
            words = json_values.at(one, path), json_values.at(other, path)
            if all(map(json_values.is_word, words)) and words[0] != words[1]:
                yield number, path


def _with_word(harness: Harness, invoice_id: str, number: int, path: tuple[Any, ...]) -> StatusReport | None:
    """Return what is told when one word of one answer is unknown; None for an error."""

    def other(at: int, _: HttpRequest, genuine: Any) -> HttpResponse:
        answer: HttpResponse = genuine()
        if at != number:
            return answer
        value = json_values.changed(json_values.parsed(answer.body), path, _NEW_WORD)
        return attrs.evolve(answer, body=json_values.written(value))

    with harness.transport.answering(other):
        try:
            return harness.gateway.get_status(invoice_id)
        except GatewayError:
            return None

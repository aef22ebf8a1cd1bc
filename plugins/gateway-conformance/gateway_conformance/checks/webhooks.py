"""Checks of genuine webhooks: each is accepted, and tells what the provider tells."""

from __future__ import annotations

import contextlib
from datetime import timedelta

from gateway_conformance.base import Checks
from gateway_conformance.check import check, not_applicable, require
from gateway_conformance.harness import Harness
from gateway_conformance.webhook_messages import accepted, genuine_ones, ids_of, in_words, needs_webhooks
from gateway_core.errors import GatewayError, UnsupportedOperationError, WebhookError
from gateway_core.models.invoice import Invoice
from gateway_core.models.refund import RefundRequest
from gateway_core.models.status import InvoiceStatus
from gateway_core.models.webhook import WebhookDelivery, WebhookEvent, WebhookRequest
from gateway_core.provider import WebhookAuthentication
from gateway_core.testing import Emulator, QueuedDelivery


class WebhookChecks(Checks):
    """What is genuine is told, once."""

    @check
    def test_genuine_webhook_is_accepted(self, harness: Harness) -> None:
        """A genuine webhook is accepted, and tells at least one event.

        Why: A shop that refuses them learns of no payment.
        """
        for message in genuine_ones(harness):
            seen = harness.verify(message)
            require(isinstance(seen, WebhookDelivery), f"it is refused: {in_words(seen)}")
            require(isinstance(seen, WebhookDelivery) and seen.events, "it tells no event")

    @check
    def test_webhook_tells_what_get_status_tells(self, harness: Harness) -> None:
        """What a webhook reports of an invoice is what `get_status` reports of it.

        Why: Both decide on delivery. Where they differ, the one that came last wins, by chance.
        """
        message = genuine_ones(harness)[-1]
        for event in accepted(harness, message).events:
            if event.report is None:
                continue
            report = harness.gateway.get_status(event.report.invoice_id)
            told = (event.report.status, event.report.expected)
            require(
                told == (report.status, report.expected or told[1]), f"it tells {event.report}, get_status {report}"
            )

    @check
    def test_webhook_names_its_invoice(self, harness: Harness) -> None:
        """A webhook about an invoice names that invoice, by the id that `create_invoice` gave.

        Why: It is by this id that the order is found.
        """
        if harness.emulator is None:
            invoice = harness.paid()
            messages = [harness.stamped(self.given_webhook(harness.mocker, invoice.id))]
        else:
            needs_webhooks(harness)
            invoice = harness.paid()
            messages = harness.delivered()
        ids = {event.invoice_id for message in messages for event in accepted(harness, message).events}
        require(invoice.id in ids, f"the invoice is {invoice.id!r}, and it names {ids}")

    @check
    def test_webhook_is_verified_as_declared(self, harness: Harness) -> None:
        """`verified_by` is what `info.webhook_authentication` says.

        Why: An application decides by it how far to trust a message.
        """
        message = genuine_ones(harness)[-1]
        seen = accepted(harness, message).verified_by
        require(
            seen == harness.info.webhook_authentication.value,
            f"it is {seen!r}, declared is {harness.info.webhook_authentication}",
        )

    @check
    def test_webhook_is_acknowledged_as_the_provider_wants(self, harness: Harness) -> None:
        """The acknowledgement of a genuine webhook is one that the provider takes for a success.

        Why: Otherwise it sends the message again, for days, and then gives the address up.
        """
        status = accepted(harness, genuine_ones(harness)[-1]).acknowledgement.status
        fine = 200 <= status < 300 if harness.emulator is None else harness.emulator.webhook_accepted(status)
        require(fine, f"it is status {status}")

    @check
    def test_provider_without_webhooks_says_so(self, harness: Harness) -> None:
        """A provider that sends no webhooks raises `UnsupportedOperationError`, whatever comes.

        Why: A message that is accepted from nobody was written by anybody.
        """
        if harness.info.webhook_authentication is not WebhookAuthentication.NONE:
            not_applicable(f"info.webhook_authentication is {harness.info.webhook_authentication.value}")
        for body in (b"", b"{}", b'{"status": "paid"}'):
            seen = harness.verify(WebhookRequest(body=body, received_at=harness.clock()))
            require(isinstance(seen, UnsupportedOperationError | WebhookError), f"{body!r}: {in_words(seen)}")
        for message in harness.webhooks() if harness.emulator is not None else ():
            seen = harness.verify(message)
            require(isinstance(seen, UnsupportedOperationError | WebhookError), f"a genuine one: {in_words(seen)}")

    @check
    def test_replayed_webhook_is_the_same_event(self, harness: Harness) -> None:
        """A message that comes again tells events with the same ids.

        Why: By these the application knows that it has handled them. Every provider sends some messages twice.
        """
        message = genuine_ones(harness)[-1]
        first, again = ids_of(accepted(harness, message)), ids_of(accepted(harness, message))
        require(first == again, f"first {first}, then {again}")

    @check
    def test_redelivered_event_has_the_same_id(self, harness: Harness) -> None:
        """An event that is delivered again in another message has the id that it had.

        Why: A new id for the same payment is a second payment.
        """
        emulator = harness.needs_emulator("a scenario does not deliver again")
        first = genuine_ones(harness)[-1]
        queued = emulator.ledger.select(QueuedDelivery)[-1][1]
        harness.clock.move(timedelta(seconds=30))
        emulator.duplicate(queued.id)
        again = harness.delivered()[-1]
        one, other = ids_of(accepted(harness, first)), ids_of(accepted(harness, again))
        require(one == other, f"first {one}, then {other}")

    @check
    def test_different_events_have_different_ids(self, harness: Harness) -> None:
        """Events of two invoices have two ids.

        Why: The second of two events with one id is thrown away as known, and its order is never delivered.
        """
        one = ids_of(accepted(harness, genuine_ones(harness)[-1]))
        other = ids_of(accepted(harness, genuine_ones(harness)[-1]))
        require(not set(one) & set(other), f"both are {one}")

    @check
    def test_every_event_of_an_invoice_has_an_id_of_its_own(self, harness: Harness) -> None:
        """Whatever happens to an invoice, such as two refunds, is told by events with different ids.

        Why: What bears the id of an earlier event is thrown away as known: a second refund, or a late payment.
        """
        needs_webhooks(harness)
        emulator = harness.needs_emulator("one webhook is all that a scenario gives")
        for steps in (("pay", "refund", "refund", "act"), ("decline", "pay"), ("act",)):
            invoice = harness.create()
            seen = _events(harness)
            for number, step in enumerate(steps):
                with contextlib.suppress(GatewayError):
                    _happen(harness, emulator, invoice, f"{step} {number}")
                told = _events(harness)
                # What tells nothing new may pass for a repetition.
                lost = [each.id for each in told.values() if each.id in seen and each.report != seen[each.id].report]
                require(not lost, f"{step} is told by the id of an earlier event, {lost}")
                seen |= told

    @check
    def test_webhook_of_another_account_is_refused(self, harness: Harness) -> None:
        """A webhook that is genuine for another account of the provider is refused.

        Why: Anybody can open an account there, pay one cent to himself, and have the webhook sent to this shop.
        """
        needs_webhooks(harness)
        harness.needs_emulator("a scenario has one account")
        other = Harness(self, emulator=harness.another_account())
        try:
            if set(other.secrets()) == set(harness.secrets()):
                not_applicable("the author's settings are those of every account")
            invoice = other.paid()
            for message in other.delivered():
                seen = harness.verify(message)
                told = [event.invoice_id for event in seen.events] if isinstance(seen, WebhookDelivery) else []
                require(not told, f"the other account's invoice {invoice.id!r} is told here: {in_words(seen)}")
        finally:
            other.close()

    @check
    def test_two_events_of_one_invoice_have_different_ids(self, harness: Harness) -> None:
        """Events that tell two things of one invoice have two ids.

        Why: What is paid in two parts is told twice. The second is thrown away as known if it bears the first one's id.
        """
        needs_webhooks(harness)
        harness.needs_emulator("one webhook is all that a scenario gives")
        invoice = harness.create()
        harness.reach(invoice, InvoiceStatus.PARTIALLY_PAID)
        first = [each for message in harness.delivered() for each in ids_of(accepted(harness, message))]
        harness.move(invoice, InvoiceStatus.PAID)
        second = [each for message in harness.delivered() for each in ids_of(accepted(harness, message))]
        require(not set(first) & set(second), f"first {first}, then {second}")


def _events(harness: Harness) -> dict[str, WebhookEvent]:
    """Return the events that are delivered now, by their ids."""
    return {event.id: event for message in harness.delivered() for event in accepted(harness, message).events}


def _happen(harness: Harness, emulator: Emulator, invoice: Invoice, step: str) -> None:
    """Let something happen to an invoice, if it can."""
    known = harness.emulated(invoice)
    offered = emulator.actions(known)
    if step.startswith("decline"):
        emulator.decline(known.token)
    elif step.startswith("pay"):
        emulator.pay(known.token)
    elif step.startswith("act") and offered:
        emulator.act(known.token, offered[0].id)
    elif step.startswith("refund") and harness.supports("refund_payment"):
        part = RefundRequest(refund_id=f"{invoice.id} {step}", invoice_id=invoice.id, amount=harness.amount(500))
        harness.gateway.refund_payment(part)

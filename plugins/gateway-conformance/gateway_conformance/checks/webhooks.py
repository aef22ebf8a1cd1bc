"""Checks of genuine webhooks: each is accepted, and tells what the provider tells."""

from __future__ import annotations

from datetime import timedelta

from gateway_conformance.base import Checks
from gateway_conformance.check import check, not_applicable, require
from gateway_conformance.harness import Harness
from gateway_conformance.webhook_messages import accepted, genuine_ones, ids_of, in_words, needs_webhooks
from gateway_core.errors import (
    UnsupportedOperationError,
    WebhookError,
)
from gateway_core.models.status import InvoiceStatus
from gateway_core.models.webhook import WebhookDelivery, WebhookRequest
from gateway_core.provider import WebhookAuthentication
from gateway_core.testing import QueuedDelivery


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

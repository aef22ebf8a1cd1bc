"""Checks of genuine webhooks: each is accepted, and tells what the provider tells."""

from __future__ import annotations

from datetime import timedelta

from gateway_core.errors import (
    UnsupportedOperationError,
    WebhookError,
)
from gateway_core.models.status import InvoiceStatus
from gateway_core.models.webhook import WebhookDelivery, WebhookRequest
from gateway_core.provider import WebhookAuthentication
from gateway_core.testing.suite._base import Described
from gateway_core.testing.suite._checks import check, not_applicable, see
from gateway_core.testing.suite._stage import Stage
from gateway_core.testing.suite._webhook_tools import accepted, genuine_ones, ids_of, in_words, needs_webhooks


class WebhookChecks(Described):
    """What is genuine is told, once."""

    @check
    def test_genuine_webhook_is_accepted(self, stage: Stage) -> None:
        """A genuine webhook is accepted, and tells at least one event.

        Why: A shop that refuses them learns of no payment.
        """
        for message in genuine_ones(stage):
            seen = stage.verify(message)
            see(isinstance(seen, WebhookDelivery), f"it is refused: {in_words(seen)}")
            see(isinstance(seen, WebhookDelivery) and seen.events, "it tells no event")

    @check
    def test_webhook_tells_what_get_status_tells(self, stage: Stage) -> None:
        """What a webhook reports of an invoice is what `get_status` reports of it.

        Why: Both decide on delivery. Where they differ, the one that came last wins, by chance.
        """
        message = genuine_ones(stage)[-1]
        for event in accepted(stage, message).events:
            if event.report is None:
                continue
            report = stage.gateway.get_status(event.report.invoice_id)
            told = (event.report.status, event.report.expected)
            see(told == (report.status, report.expected or told[1]), f"it tells {event.report}, get_status {report}")

    @check
    def test_webhook_names_its_invoice(self, stage: Stage) -> None:
        """A webhook about an invoice names that invoice, by the id that `create_invoice` gave.

        Why: It is by this id that the order is found.
        """
        if stage.emulator is None:
            invoice = stage.paid()
            messages = [stage.stamped(self.given_webhook(stage.mocker, invoice.id))]
        else:
            needs_webhooks(stage)
            invoice = stage.paid()
            messages = stage.delivered()
        ids = {event.invoice_id for message in messages for event in accepted(stage, message).events}
        see(invoice.id in ids, f"the invoice is {invoice.id!r}, and it names {ids}")

    @check
    def test_webhook_is_verified_as_declared(self, stage: Stage) -> None:
        """`verified_by` is what `info.webhook_authentication` says.

        Why: An application decides by it how far to trust a message.
        """
        message = genuine_ones(stage)[-1]
        seen = accepted(stage, message).verified_by
        see(
            seen == stage.info.webhook_authentication.value,
            f"it is {seen!r}, declared is {stage.info.webhook_authentication}",
        )

    @check
    def test_webhook_is_acknowledged_as_the_provider_wants(self, stage: Stage) -> None:
        """The acknowledgement of a genuine webhook is one that the provider takes for a success.

        Why: Otherwise it sends the message again, for days, and then gives the address up.
        """
        status = accepted(stage, genuine_ones(stage)[-1]).acknowledgement.status
        fine = 200 <= status < 300 if stage.emulator is None else stage.emulator.webhook_accepted(status)
        see(fine, f"it is status {status}")

    @check
    def test_provider_without_webhooks_says_so(self, stage: Stage) -> None:
        """A provider that sends no webhooks raises `UnsupportedOperationError`, whatever comes.

        Why: A message that is accepted from nobody was written by anybody.
        """
        if stage.info.webhook_authentication is not WebhookAuthentication.NONE:
            not_applicable(f"info.webhook_authentication is {stage.info.webhook_authentication.value}")
        for body in (b"", b"{}", b'{"status": "paid"}'):
            seen = stage.verify(WebhookRequest(body=body, received_at=stage.clock()))
            see(isinstance(seen, UnsupportedOperationError | WebhookError), f"{body!r}: {in_words(seen)}")
        for message in stage.webhooks() if stage.emulator is not None else ():
            seen = stage.verify(message)
            see(isinstance(seen, UnsupportedOperationError | WebhookError), f"a genuine one: {in_words(seen)}")

    @check
    def test_replayed_webhook_is_the_same_event(self, stage: Stage) -> None:
        """A message that comes again tells events with the same ids.

        Why: By these the application knows that it has handled them. Every provider sends some messages twice.
        """
        message = genuine_ones(stage)[-1]
        first, again = ids_of(accepted(stage, message)), ids_of(accepted(stage, message))
        see(first == again, f"first {first}, then {again}")

    @check
    def test_redelivered_event_has_the_same_id(self, stage: Stage) -> None:
        """An event that is delivered again in another message has the id that it had.

        Why: A new id for the same payment is a second payment.
        """
        if stage.emulator is None:
            not_applicable("info does not tell how a message is delivered again: the emulator would")
        from gateway_core.testing.ledger import QueuedDelivery

        first = genuine_ones(stage)[-1]
        queued = stage.emulator.ledger.select(QueuedDelivery)[-1][1]
        stage.clock.move(timedelta(seconds=30))
        stage.emulator.duplicate(queued.id)
        again = stage.delivered()[-1]
        one, other = ids_of(accepted(stage, first)), ids_of(accepted(stage, again))
        see(one == other, f"first {one}, then {other}")

    @check
    def test_different_events_have_different_ids(self, stage: Stage) -> None:
        """Events of two invoices have two ids.

        Why: The second of two events with one id is thrown away as known, and its order is never delivered.
        """
        one = ids_of(accepted(stage, genuine_ones(stage)[-1]))
        other = ids_of(accepted(stage, genuine_ones(stage)[-1]))
        see(not set(one) & set(other), f"both are {one}")

    @check
    def test_two_events_of_one_invoice_have_different_ids(self, stage: Stage) -> None:
        """Events that tell two things of one invoice have two ids.

        Why: What is paid in two parts is told twice. The second is thrown away as known if it bears the first one's id.
        """
        needs_webhooks(stage)
        invoice = stage.create()
        if stage.emulator is None or not stage.move(invoice, InvoiceStatus.PARTIALLY_PAID, stage.amount(100)):
            not_applicable("the provider's side takes no part of an amount")
        first = [each for message in stage.delivered() for each in ids_of(accepted(stage, message))]
        stage.move(invoice, InvoiceStatus.PAID)
        second = [each for message in stage.delivered() for each in ids_of(accepted(stage, message))]
        see(not set(first) & set(second), f"first {first}, then {second}")

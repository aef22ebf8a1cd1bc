"""Checks of webhooks that are confirmed by asking the provider."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from gateway_conformance.base import Checks
from gateway_conformance.check import check, require
from gateway_conformance.harness import Harness
from gateway_conformance.webhook_messages import accepted, genuine_ones, in_words, needs_callback
from gateway_core.errors import (
    NotSentError,
    WebhookError,
)
from gateway_core.http import HttpResponse
from gateway_core.models.status import InvoiceStatus
from gateway_core.models.webhook import WebhookDelivery


class WebhookCallbackChecks(Checks):
    """W13: what the provider does not confirm is refused."""

    @check
    def test_forged_webhook_tells_only_what_the_provider_confirms(self, harness: Harness) -> None:
        """W13: A message about an invoice that is not paid is refused, or tells that it is not paid.

        Why: An unsigned message can be written by anybody who knows an invoice's id, such as its customer.
        """
        needs_callback(harness)
        message = genuine_ones(harness)[-1]
        paid = next(event.invoice_id for event in accepted(harness, message).events if event.invoice_id)
        unpaid = harness.create()
        forged = message.body.replace(paid.encode(), unpaid.id.encode())
        for sent in (harness.signed(forged), attrs.evolve(message, body=forged)):
            seen = None if sent is None else harness.verify(sent)
            for event in seen.events if isinstance(seen, WebhookDelivery) else ():
                wrong = event.invoice_id == unpaid.id and (
                    event.report is None or event.report.status is not InvoiceStatus.PENDING
                )
                require(not wrong, f"of an invoice that nobody paid it tells {event.report}")

    @check
    def test_webhook_that_nobody_confirms_is_refused(self, harness: Harness) -> None:
        """W13: Where the provider does not know what a message tells of, it is refused.

        Why: Silence is no confirmation.
        """
        needs_callback(harness)
        message = genuine_ones(harness)[-1]
        for status, body in ((404, b"{}"), (200, b"[]"), (200, b"{}"), (200, b"null"), (401, b"{}"), (302, b"")):
            with harness.transport.answering(HttpResponse(status=status, body=body)) as asked:
                seen = harness.verify(message)
            require(isinstance(seen, WebhookError), f"answered with {status} {body!r}, it is {in_words(seen)}")
            require(asked, "the provider was not asked")

    @check
    def test_webhook_that_cannot_be_confirmed_now_may_come_again(self, harness: Harness) -> None:
        """W13: Where the provider cannot be asked, the refusal asks for the message to be sent again.

        Why: A message that is refused for good while the provider is down is lost, and so is its payment.
        """
        needs_callback(harness)
        message = genuine_ones(harness)[-1]

        def refuse(*_: object) -> HttpResponse:
            raise NotSentError("no connection")

        answers: list[HttpResponse | Callable[..., HttpResponse]] = [refuse, HttpResponse(status=503)]
        answers += [HttpResponse(status=429), HttpResponse(status=500)]
        for answer in answers:
            with harness.transport.answering(answer):
                seen = harness.verify(message)
            require(isinstance(seen, WebhookError), f"it is {in_words(seen)}")
            require(isinstance(seen, WebhookError) and seen.retry, f"it is refused for good: {in_words(seen)}")

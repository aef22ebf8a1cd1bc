"""Checks of webhooks that are confirmed by asking the provider."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from gateway_core.errors import (
    NotSentError,
    WebhookError,
)
from gateway_core.http import HttpResponse
from gateway_core.models.status import InvoiceStatus
from gateway_core.models.webhook import WebhookDelivery
from gateway_core.testing.suite._base import Described
from gateway_core.testing.suite._checks import check, see
from gateway_core.testing.suite._stage import Stage
from gateway_core.testing.suite._webhook_tools import accepted, genuine_ones, in_words, needs_callback


class CallbackChecks(Described):
    """W13: what the provider does not confirm is refused."""

    @check
    def test_forged_webhook_tells_only_what_the_provider_confirms(self, stage: Stage) -> None:
        """W13: A message about an invoice that is not paid is refused, or tells that it is not paid.

        Why: An unsigned message can be written by anybody who knows an invoice's id, such as its customer.
        """
        needs_callback(stage)
        message = genuine_ones(stage)[-1]
        paid = next(event.invoice_id for event in accepted(stage, message).events if event.invoice_id)
        unpaid = stage.create()
        forged = message.body.replace(paid.encode(), unpaid.id.encode())
        for sent in (stage.signed(forged), attrs.evolve(message, body=forged)):
            seen = None if sent is None else stage.verify(sent)
            for event in seen.events if isinstance(seen, WebhookDelivery) else ():
                wrong = event.invoice_id == unpaid.id and (
                    event.report is None or event.report.status is not InvoiceStatus.PENDING
                )
                see(not wrong, f"of an invoice that nobody paid it tells {event.report}")

    @check
    def test_webhook_that_nobody_confirms_is_refused(self, stage: Stage) -> None:
        """W13: Where the provider does not know what a message tells of, it is refused.

        Why: Silence is no confirmation.
        """
        needs_callback(stage)
        message = genuine_ones(stage)[-1]
        for status, body in ((404, b"{}"), (200, b"[]"), (200, b"{}"), (200, b"null"), (401, b"{}"), (302, b"")):
            with stage.wire.answering(HttpResponse(status=status, body=body)) as asked:
                seen = stage.verify(message)
            see(isinstance(seen, WebhookError), f"answered with {status} {body!r}, it is {in_words(seen)}")
            see(asked, "the provider was not asked")

    @check
    def test_webhook_that_cannot_be_confirmed_now_may_come_again(self, stage: Stage) -> None:
        """W13: Where the provider cannot be asked, the refusal asks for the message to be sent again.

        Why: A message that is refused for good while the provider is down is lost, and so is its payment.
        """
        needs_callback(stage)
        message = genuine_ones(stage)[-1]

        def refuse(*_: object) -> HttpResponse:
            raise NotSentError("no connection")

        answers: list[HttpResponse | Callable[..., HttpResponse]] = [refuse, HttpResponse(status=503)]
        answers += [HttpResponse(status=429), HttpResponse(status=500)]
        for answer in answers:
            with stage.wire.answering(answer):
                seen = stage.verify(message)
            see(isinstance(seen, WebhookError), f"it is {in_words(seen)}")
            see(isinstance(seen, WebhookError) and seen.retry, f"it is refused for good: {in_words(seen)}")

"""Checks of webhooks' bodies: nothing in one breaks what reads it."""

from __future__ import annotations

import attrs

from gateway_core.errors import (
    GatewayError,
    WebhookError,
)
from gateway_core.models.webhook import WebhookDelivery, WebhookRequest
from gateway_core.testing.suite._base import Described
from gateway_core.testing.suite._checks import check, see
from gateway_core.testing.suite._stage import Stage
from gateway_core.testing.suite._webhook_tools import (
    GARBAGE,
    LARGE,
    SIGNATURES,
    accepted,
    as_messages,
    check_refused,
    genuine_ones,
    in_words,
    needs_webhooks,
    with_field,
    with_headers,
)


class BodyChecks(Described):
    """W10: whatever a body holds, only a `WebhookError` comes out."""

    @check
    def test_empty_body_is_refused(self, stage: Stage) -> None:
        """W10: An empty body is refused, with a genuine signature or without.

        Why: Scanners send it to every address that they find.
        """
        check_refused(stage, b"", b" ", b"\r\n")

    @check
    def test_body_that_is_no_json_is_refused(self, stage: Stage) -> None:
        """W10: A body that is not what the provider writes is refused, with a genuine signature or without.

        Why: A parser's own error tells the sender what runs here, and is no answer to a provider.
        """
        check_refused(stage, *GARBAGE)

    @check
    def test_deep_body_is_refused(self, stage: Stage) -> None:
        """W2, W10: A body of a hundred thousand brackets is refused, with a genuine signature or without.

        Why: It brings an ordinary parser down, and the shop's process with it.
        """
        check_refused(stage, b"[" * 100_000, b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000)

    @check
    def test_body_with_nan_is_refused(self, stage: Stage) -> None:
        """W10: A body with NaN, an infinite number or one of thousands of digits is refused.

        Why: Every comparison with NaN is false: also that with the amount which was asked for.
        """
        for number in (b"NaN", b"Infinity", b"-Infinity", b"1e999999999", b"9" * 5000):
            check_refused(stage, *with_field(stage, b'"zorblax":' + number))

    @check
    def test_body_with_repeated_keys_is_refused(self, stage: Stage) -> None:
        """W10: A body in which a key stands twice is refused.

        Why: What one program checks, the next does not read.
        """
        check_refused(stage, *with_field(stage, b'"zorblax":1,"zorblax":2'))

    @check
    def test_body_of_a_mebibyte_is_refused(self, stage: Stage) -> None:
        """W10: A body of more than a mebibyte is refused, and one of just that size is no crash.

        Why: A message about a payment has a few hundred bytes. The rest is paid for by the shop.
        """
        needs_webhooks(stage)
        for body in LARGE:
            seen = stage.verify(WebhookRequest(body=body, received_at=stage.clock()))
            see(isinstance(seen, WebhookError), f"{len(body)} bytes are {in_words(seen)}")

    @check
    def test_batch_is_whole_or_refused(self, stage: Stage) -> None:
        """Several messages in one body are all told, or refused: never the first alone.

        Why: What is dropped from a batch is acknowledged all the same, and never comes again.
        """
        message = genuine_ones(stage)[-1]
        batch = b"[" + message.body + b"," + message.body + b"]"
        for sent in as_messages(stage, batch):
            seen = stage.verify(sent)
            if isinstance(seen, WebhookDelivery):
                see(len(seen.events) == 2, f"a batch of two tells {len(seen.events)} events")
            else:
                see(isinstance(seen, WebhookError), f"it is {in_words(seen)}")

    @check
    def test_unknown_fields_of_a_webhook_are_ignored(self, stage: Stage) -> None:
        """A genuine message with a field that nobody documents tells what it tells without it.

        Why: Providers add fields without notice, and a shop must not stand still on that day.
        """
        message = genuine_ones(stage)[-1]
        truth = accepted(stage, message)
        for body in with_field(stage, b'"zorblax":{"new":[1,2.5,null]}', message):
            signed = stage.signed(body)
            sent = signed or attrs.evolve(message, body=body)
            seen = stage.verify(sent)
            if signed is None and stage.info.webhook_authentication in SIGNATURES:
                continue  # nobody here can sign it
            told = seen.events if isinstance(seen, WebhookDelivery) else ()
            same = [event.report for event in told] == [event.report for event in truth.events]
            see(same, f"it is {in_words(seen)}")

    @check
    def test_refusal_repeats_nothing_of_the_message(self, stage: Stage) -> None:
        """S9: The error of a refusal holds no text of the message, and no signature.

        Why: It is logged, and shown to the sender by careless frameworks: with customers' data, or the right signature.
        """
        needs_webhooks(stage)
        canary = "zorblax-customer-4711"
        bodies = [b'{"zorblax": "' + canary.encode() + b'"}', canary.encode(), b'["' + canary.encode() + b'"']
        for body in bodies:
            for sent in as_messages(stage, body):
                seen = stage.verify(with_headers(sent, [*sent.headers.pairs, ("X-Zorblax", canary)]))
                see(isinstance(seen, GatewayError), f"it is {in_words(seen)}")
                see(canary not in f"{seen}{seen!r}", f"the error says {seen}")

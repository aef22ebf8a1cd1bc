"""Checks of webhooks' bodies: nothing in one breaks what reads it."""

from __future__ import annotations

import attrs

from gateway_conformance.base import Checks
from gateway_conformance.check import check, require
from gateway_conformance.harness import Harness
from gateway_conformance.webhook_messages import (
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
from gateway_core.errors import (
    GatewayError,
    WebhookError,
)
from gateway_core.models.webhook import WebhookDelivery, WebhookRequest


class WebhookBodyChecks(Checks):
    """W10: whatever a body holds, only a `WebhookError` comes out."""

    @check
    def test_empty_body_is_refused(self, harness: Harness) -> None:
        """W10: An empty body is refused, with a genuine signature or without.

        Why: Scanners send it to every address that they find.
        """
        check_refused(harness, b"", b" ", b"\r\n")

    @check
    def test_body_that_is_no_json_is_refused(self, harness: Harness) -> None:
        """W10: A body that is not what the provider writes is refused, with a genuine signature or without.

        Why: A parser's own error tells the sender what runs here, and is no answer to a provider.
        """
        check_refused(harness, *GARBAGE)

    @check
    def test_deep_body_is_refused(self, harness: Harness) -> None:
        """W2, W10: A body of a hundred thousand brackets is refused, with a genuine signature or without.

        Why: It brings an ordinary parser down, and the shop's process with it.
        """
        check_refused(harness, b"[" * 100_000, b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000)

    @check
    def test_body_with_nan_is_refused(self, harness: Harness) -> None:
        """W10: A body with NaN, an infinite number or one of thousands of digits is refused.

        Why: Every comparison with NaN is false: also that with the amount which was asked for.
        """
        for number in (b"NaN", b"Infinity", b"-Infinity", b"1e999999999", b"9" * 5000):
            check_refused(harness, *with_field(harness, b'"zorblax":' + number))

    @check
    def test_body_with_repeated_keys_is_refused(self, harness: Harness) -> None:
        """W10: A body in which a key stands twice is refused.

        Why: What one program checks, the next does not read.
        """
        check_refused(harness, *with_field(harness, b'"zorblax":1,"zorblax":2'))

    @check
    def test_body_of_a_mebibyte_is_refused(self, harness: Harness) -> None:
        """W10: A body of more than a mebibyte is refused, and one of just that size is no crash.

        Why: A message about a payment has a few hundred bytes. The rest is paid for by the shop.
        """
        needs_webhooks(harness)
        for body in LARGE:
            seen = harness.verify(WebhookRequest(body=body, received_at=harness.clock()))
            require(isinstance(seen, WebhookError), f"{len(body)} bytes are {in_words(seen)}")

    @check
    def test_batch_is_whole_or_refused(self, harness: Harness) -> None:
        """Several messages in one body are all told, or refused: never the first alone.

        Why: What is dropped from a batch is acknowledged all the same, and never comes again.
        """
        message = genuine_ones(harness)[-1]
        batch = b"[" + message.body + b"," + message.body + b"]"
        for sent in as_messages(harness, batch):
            seen = harness.verify(sent)
            if isinstance(seen, WebhookDelivery):
                require(len(seen.events) == 2, f"a batch of two tells {len(seen.events)} events")
            else:
                require(isinstance(seen, WebhookError), f"it is {in_words(seen)}")

    @check
    def test_unknown_fields_of_a_webhook_are_ignored(self, harness: Harness) -> None:
        """A genuine message with a field that nobody documents tells what it tells without it.

        Why: Providers add fields without notice, and a shop must not stand still on that day.
        """
        message = genuine_ones(harness)[-1]
        truth = accepted(harness, message)
        for body in with_field(harness, b'"zorblax":{"new":[1,2.5,null]}', message):
            signed = harness.signed(body)
            sent = signed or attrs.evolve(message, body=body)
            seen = harness.verify(sent)
            if signed is None and harness.info.webhook_authentication in SIGNATURES:
                continue  # nobody here can sign it
            told = seen.events if isinstance(seen, WebhookDelivery) else ()
            same = [event.report for event in told] == [event.report for event in truth.events]
            require(same, f"it is {in_words(seen)}")

    @check
    def test_refusal_repeats_nothing_of_the_message(self, harness: Harness) -> None:
        """S9: The error of a refusal holds no text of the message, and no signature.

        Why: It is logged, and shown to the sender by careless frameworks: with customers' data, or the right signature.
        """
        needs_webhooks(harness)
        canary = "zorblax-customer-4711"
        bodies = [b'{"zorblax": "' + canary.encode() + b'"}', canary.encode(), b'["' + canary.encode() + b'"']
        for body in bodies:
            for sent in as_messages(harness, body):
                seen = harness.verify(with_headers(sent, [*sent.headers.pairs, ("X-Zorblax", canary)]))
                require(isinstance(seen, GatewayError), f"it is {in_words(seen)}")
                require(canary not in f"{seen}{seen!r}", f"the error says {seen}")

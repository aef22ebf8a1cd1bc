"""Checks of webhooks that were changed: each is refused, or tells what the genuine one tells."""

from __future__ import annotations

import contextlib
import json
import re
from datetime import timedelta

import attrs

from gateway_conformance.base import Checks
from gateway_conformance.check import check, fail, not_applicable, require
from gateway_conformance.harness import Harness
from gateway_conformance.webhook_messages import (
    accepted,
    flipped,
    genuine_ones,
    ids_of,
    in_headers,
    in_words,
    judge,
    needs_signature,
    other_secret,
    replaced,
    secret_settings,
    several_secrets,
    signed_message,
    with_headers,
)
from gateway_core.errors import (
    ConfigurationError,
    WebhookError,
)
from gateway_core.models.webhook import WebhookDelivery

#: What is shorter stands in a text by chance.
_SHORTEST_SIGNATURE = 20


class WebhookForgeryChecks(Checks):
    """W1: what was changed is refused."""

    @check
    def test_changed_body_is_refused(self, harness: Harness) -> None:
        """W1: A body with one bit changed, anywhere, is refused; what is confirmed by asking tells only what was asked.

        Why: Whoever can change a byte writes a paid order.
        """
        message = genuine_ones(harness)[-1]
        truth = accepted(harness, message)
        for body in flipped(message.body):
            judge(harness, "one bit of the body changed", attrs.evolve(message, body=body), truth, strict=True)

    @check
    def test_appended_or_rewritten_body_is_refused(self, harness: Harness) -> None:
        """W1: A body with a byte more or less, or the same JSON written otherwise, is refused or tells the same.

        Why: What is signed is bytes. A framework that parses and writes them again must not be worked around.
        """
        message = genuine_ones(harness)[-1]
        truth = accepted(harness, message)
        bodies = [message.body + b" ", b" " + message.body, message.body[:-1], message.body + b"\n", message.body * 2]
        with contextlib.suppress(ValueError):
            bodies.append(json.dumps(json.loads(message.body), indent=3).encode())
        for body in bodies:
            judge(harness, "the body written otherwise", attrs.evolve(message, body=body), truth, strict=True)

    @check
    def test_changed_header_is_refused(self, harness: Harness) -> None:
        """W1: A message with one bit of a header changed is refused, or tells exactly the same.

        Why: The signature, its time and its id are there.
        """
        message = genuine_ones(harness)[-1]
        truth = accepted(harness, message)
        for name, value in message.headers.pairs:
            for other in flipped(value.encode("utf-8")):
                text = other.decode("utf-8", "replace")
                changed = with_headers(message, replaced(message.headers.pairs, name, text))
                judge(harness, f"one bit of the header {name} changed", changed, truth)

    @check
    def test_part_of_a_signature_is_refused(self, harness: Harness) -> None:
        """W1: A body that was changed is refused, however short the signature beside it is cut.

        Why: A comparison that ends where the sender's signature ends finds that nothing equals everything.
        """
        message = signed_message(harness)
        truth = accepted(harness, message)
        changed = attrs.evolve(message, body=message.body + b" ")
        for name, value in message.headers.pairs:
            for end in range(len(value)):
                cut = with_headers(changed, replaced(message.headers.pairs, name, value[:end]))
                judge(harness, f"the body changed and the header {name} cut to {end}", cut, truth, strict=True)

    @check
    def test_webhook_under_a_wrong_secret_is_refused(self, harness: Harness) -> None:
        """W1: A message that is signed with another secret is refused.

        Why: Anybody can sign with a secret of their own.
        """
        message = signed_message(harness)
        gateway = harness.connect(**{name: other_secret(harness, name) for name in secret_settings(harness)})
        seen = harness.verify(message, gateway)
        require(isinstance(seen, WebhookError), f"it is {in_words(seen)}")

    @check
    def test_webhook_under_a_second_secret_is_accepted(self, harness: Harness) -> None:
        """W6: Where the settings hold several secrets, a message under any of them is accepted.

        Why: While a secret is replaced, messages come under the old one and the new.
        """
        message = signed_message(harness)
        for name in several_secrets(harness):
            genuine, new = harness.settings[name], other_secret(harness, name)
            for secrets in ([new, genuine], [genuine, new]):
                seen = harness.verify(message, harness.connect(**{name: secrets}))
                require(isinstance(seen, WebhookDelivery), f"with two secrets, it is {in_words(seen)}")

    @check
    def test_every_signature_of_a_message_counts(self, harness: Harness) -> None:
        """W6: Of several signatures any may be the right one, and none of them makes a changed body genuine.

        Why: While a secret is replaced the provider signs with both. Who looks at one of them loses every webhook.
        """
        message = signed_message(harness)
        harness.needs_emulator("a scenario does not sign")
        other = Harness(self, emulator=harness.another_account())
        try:
            foreign = other.signed(message.body)
        finally:
            other.close()
        both = [] if foreign is None else list(self.with_both_signatures(message, foreign))
        if not both:
            not_applicable("with_both_signatures gives none: the provider sends one signature")
        truth = accepted(harness, message)
        for each in both:
            require(ids_of(accepted(harness, each)) == ids_of(truth), "with a second signature it tells another event")
            judge(harness, "the body changed", attrs.evolve(each, body=each.body + b" "), truth, strict=True)

    @check
    def test_webhook_under_a_retired_secret_is_refused(self, harness: Harness) -> None:
        """W6: Once a secret has been taken out of the settings, a message under it is refused.

        Why: Secrets are replaced because somebody else knows them.
        """
        message = signed_message(harness)
        for name in several_secrets(harness):
            genuine, new = harness.settings[name], other_secret(harness, name)
            accepted = harness.verify(message, harness.connect(**{name: [new, genuine]}))
            require(isinstance(accepted, WebhookDelivery), f"before, it is {in_words(accepted)}")
            seen = harness.verify(message, harness.connect(**{name: [new]}))
            require(isinstance(seen, WebhookError), f"afterwards, it is {in_words(seen)}")

    @check
    def test_refusal_does_not_tell_the_right_signature(self, harness: Harness) -> None:
        """W1: The error about a wrong signature does not hold the right one.

        Why: A shop that answers with the text of an error hands it to the forger.
        """
        message = signed_message(harness)
        body = message.body + b" "
        harness.needs_emulator("a scenario does not sign")
        right = harness.signed(body)
        if right is None:
            fail("the emulator cannot sign the body of its own webhook with a space behind it")
        seen = harness.verify(attrs.evolve(message, body=body))
        told = f"{seen} {seen!r}"
        for _, value in right.headers.pairs:
            for part in re.split(r"[,;= ]+", value):
                require(len(part) < _SHORTEST_SIGNATURE or part not in told, f"it is {in_words(seen)}")

    @check
    def test_empty_secret_is_refused_at_the_start(self, harness: Harness) -> None:
        """W3: A secret that is empty, blank, or missing from its list is a `ConfigurationError` when the account opens.

        Why: A signature under an empty secret is one that anybody can make. An account that opens without the secret
        takes no webhook.
        """
        needs_signature(harness)
        message = genuine_ones(harness)[-1]
        for name in secret_settings(harness):
            for value in ("", " ", [], [""], [harness.settings[name], ""], ["\t"]):
                try:
                    gateway = harness.connect(**{name: value})
                except ConfigurationError:
                    continue
                fail(f"it opened with {name} = {'a list' if isinstance(value, list) else 'blank text'}: {gateway}")
            try:
                gateway = harness.connect(name)
            except ConfigurationError:
                continue
            seen = harness.verify(message, gateway)
            require(isinstance(seen, WebhookError | ConfigurationError), f"without {name}, it is {in_words(seen)}")

    @check
    def test_webhook_without_its_headers_is_refused(self, harness: Harness) -> None:
        """W1: A message without its signature's headers is refused, and one without any other tells the same.

        Why: A check that is skipped where there is nothing to check is no check.
        """
        message = genuine_ones(harness)[-1]
        truth = accepted(harness, message)
        if in_headers(harness):
            seen = harness.verify(with_headers(message, []))
            require(isinstance(seen, WebhookError), f"with no header at all, it is {in_words(seen)}")
        for name in {name for name, _ in message.headers.pairs}:
            left = [pair for pair in message.headers.pairs if pair[0] != name]
            judge(harness, f"the header {name} missing", with_headers(message, left), truth)

    @check
    def test_doubled_header_is_refused_or_changes_nothing(self, harness: Harness) -> None:
        """W9: A header that is there twice is refused, or changes nothing: neither what is told nor its ids.

        Why: Which of two counts must not be the sender's choice.
        """
        message = genuine_ones(harness)[-1]
        truth = accepted(harness, message)
        for name, value in message.headers.pairs:
            for other in (value, "zorblax", ""):
                for pairs in ([*message.headers.pairs, (name, other)], [(name.upper(), other), *message.headers.pairs]):
                    judge(harness, f"the header {name} twice", with_headers(message, pairs), truth)
            joined = replaced(message.headers.pairs, name, f"{value}, {value}")
            judge(harness, f"the header {name} joined", with_headers(message, joined), truth)

    @check
    def test_odd_case_of_headers_changes_nothing(self, harness: Harness) -> None:
        """W9: Names of headers in capital or small letters change nothing.

        Why: Servers and proxies write them as they like.
        """
        message = genuine_ones(harness)[-1]
        truth = accepted(harness, message)
        for write in (str.lower, str.upper, str.title, str.swapcase):
            seen = harness.verify(
                with_headers(message, [(write(name), value) for name, value in message.headers.pairs])
            )
            same = isinstance(seen, WebhookDelivery) and ids_of(seen) == ids_of(truth)
            require(same, f"with names as in {write('Content-Type')}, it is {in_words(seen)}")

    @check
    def test_strange_headers_are_no_crash(self, harness: Harness) -> None:
        """W4: A signature of another length, alphabet or language is refused, and no crash.

        Why: `hmac.compare_digest` raises `TypeError` for text outside ASCII; a crash is told to the sender.
        """
        needs_signature(harness)
        message = genuine_ones(harness)[-1]
        truth = accepted(harness, message)
        values = ("", " ", "ä", "٣", "\ud800", "x" * 100_000, "v1,", "sha256=", "=", ",", "\x00", "null", "0" * 64)
        for name, _ in message.headers.pairs:
            for value in values:
                changed = with_headers(message, replaced(message.headers.pairs, name, value))
                judge(harness, f"the header {name} as {value[:20]!r}", changed, truth)

    @check
    def test_stale_webhook_is_refused(self, harness: Harness) -> None:
        """W7: Where messages bear the time of sending (`info.webhook_timestamps`), one that is old is refused.

        Why: A message that was recorded once is sent again, when it suits.
        """
        self._at_another_time(harness, timedelta(days=1))

    @check
    def test_webhook_from_the_future_is_refused(self, harness: Harness) -> None:
        """W7: Where messages bear the time of sending (`info.webhook_timestamps`), one from the future is refused.

        Why: A message dated ahead is good for as long as its sender likes.
        """
        self._at_another_time(harness, timedelta(days=-1))

    @check
    def test_late_webhook_is_accepted_where_none_is_dated(self, harness: Harness) -> None:
        """W8: Where `info.webhook_timestamps` says that messages bear no time, one that is late is accepted.

        Why: Providers try for days. What is refused then is lost for good.
        """
        if harness.info.webhook_timestamps:
            not_applicable("info.webhook_timestamps: messages bear the time of sending")
        message = genuine_ones(harness)[-1]
        late = attrs.evolve(message, received_at=harness.clock() + timedelta(days=7))
        seen = harness.verify(late)
        require(isinstance(seen, WebhookDelivery), f"after a week, it is {in_words(seen)}")

    @check
    def test_signature_is_checked_before_anything_is_asked(self, harness: Harness) -> None:
        """W2: A message whose signature is wrong costs no request to the provider.

        Why: Otherwise anybody can spend the account's limit of requests, or stop its webhooks.
        """
        needs_signature(harness)
        message = genuine_ones(harness)[-1]
        gateway = harness.connect(**{name: other_secret(harness, name) for name in secret_settings(harness)})
        bare = [(with_headers(message, []), harness.gateway)] if in_headers(harness) else []
        for sent, door in [*bare, (message, gateway)]:
            with harness.transport.recording() as asked:
                seen = harness.verify(sent, door)
            require(isinstance(seen, WebhookError), f"it is {in_words(seen)}")
            # A certificate is fetched to check the signature, and kept.
            costly = [each for each in asked if each.keep is None]
            require(not costly, f"{len(costly)} requests were sent")

    def _at_another_time(self, harness: Harness, shift: timedelta) -> None:
        if not harness.info.webhook_timestamps:
            not_applicable("info.webhook_timestamps is False: messages bear no time of sending")
        message = genuine_ones(harness)[-1]
        seen = harness.verify(attrs.evolve(message, received_at=harness.clock() + shift))
        require(isinstance(seen, WebhookError), f"{abs(shift)} off, it is {in_words(seen)}")

"""Checks that flows are pure: data in, requests out, and nothing else."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from gateway_conformance import impure_calls
from gateway_conformance.base import Checks
from gateway_conformance.check import check, describe, fail, require
from gateway_conformance.fault_injection import called
from gateway_conformance.harness import Harness
from gateway_conformance.operations import Operation, operations_of
from gateway_conformance.webhook_messages import genuine_ones, other_secret
from gateway_core.errors import GatewayError
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.models.webhook import WebhookDelivery
from gateway_core.provider import secrets_of

#: An answer that no flow ends well with, to see what it does before it has one.
_DOWN = HttpResponse(status=503, body=b"{}")
_MOST_REQUESTS = 50


class PurityChecks(Checks):
    """A flow yields requests and returns a result; it does nothing by itself."""

    @check
    def test_operations_are_flows(self, harness: Harness) -> None:
        """Each operation is a generator, which yields its requests.

        Why: A plain function that does its own I/O stops the whole event loop of an async shop, without any deadline.
        """
        for operation in operations_of(harness):
            outcome = harness.outcome(operation.name, operation.arguments)
            require(isinstance(outcome, Generator), f"{operation.name} is a plain function: it blocks")
            outcome.close()

    @check
    def test_flows_open_no_socket_and_read_no_clock(self, harness: Harness) -> None:
        """A flow opens no socket or file, reads no clock, starts no thread and does not sleep.

        Why: Time comes as data, and only the transport sends: so deadlines, retries and tests hold for every plugin.
        """
        self._is_quiet(harness, random=False)

    @check
    def test_flows_use_no_randomness(self, harness: Harness) -> None:
        """Nothing in a flow is random.

        Why: A key made at random is another one after a lost answer, and the customer pays twice.
        """
        self._is_quiet(harness, random=True)

    @check
    def test_same_flow_sends_the_same_bytes(self, harness: Harness) -> None:
        """The same operation, run twice, sends the same requests, byte by byte.

        Why: A repeated request is recognised by its bytes: by the provider's idempotency, and by `--dry-run`.
        """
        for operation in operations_of(harness):
            kept = _answers(harness, operation)
            first, again = _sent(harness, operation, kept), _sent(harness, operation, kept)
            _same(operation, first, again, "run twice")

    @check
    def test_flows_keep_nothing_between_runs(self, harness: Harness) -> None:
        """What a flow sends does not depend on what ran before it, in this account or any other.

        Why: State in a module or in the provider is shared by threads, and by all of a shop's customers.
        """
        fresh = harness.connect().provider
        kept = [(operation, _answers(harness, operation)) for operation in operations_of(harness)]
        for operation, answers in kept:
            first = _sent(harness, operation, answers)
            for other, others in kept:
                _sent(harness, other, others)
            _same(operation, first, _sent(harness, operation, answers), "run after others")
            _same(operation, first, _sent(harness, operation, answers, fresh), "run in a new object")

    @check
    def test_accounts_do_not_share_anything(self, harness: Harness) -> None:
        """What runs in one account sends nothing of another: no key, and no other byte either.

        Why: A marketplace has an account for each seller. What is mixed up pays the wrong one.
        """
        foreign = {name: other_secret(harness, name) for name in _secret_names(harness)}
        other = harness.connect(**foreign).provider
        for operation in list(operations_of(harness)):
            before = _first(harness, operation, harness.provider)
            others = _first(harness, operation, other)
            after = _first(harness, operation, harness.provider)
            require(before == after, f"{operation.name} sends something else after another account was used")
            for request, secrets in ((after, secrets_of(other.settings)), (others, harness.secrets())):
                sent = b"" if request is None else _bytes(request)
                leaked = any(secret.encode() in sent for secret in secrets)
                require(not leaked, f"{operation.name} sends a secret of another account")

    @check
    def test_flow_can_be_given_up(self, harness: Harness) -> None:
        """A flow that is closed before it has its answer ends at once, and yields nothing more.

        Why: This is what happens when a shop's request is cancelled or a deadline passes.
        """
        for operation in operations_of(harness):
            outcome = harness.outcome(operation.name, operation.arguments)
            if not isinstance(outcome, Generator):
                continue
            next(outcome)
            try:
                outcome.close()
            except Exception as error:  # noqa: BLE001  # whatever it does instead of ending
                fail(f"{operation.name}, closed, raised {describe(error)}")

    @check
    def test_webhooks_are_verified_without_clock_or_randomness(self, harness: Harness) -> None:
        """Verifying a webhook reads no clock and uses no randomness: its time comes as `received_at`.

        Why: A message that is judged by the clock of the moment cannot be judged again, by a test or by a person.
        """
        message = genuine_ones(harness)[-1]
        arguments = {"request": message}
        with harness.transport.recording() as asked:
            require(isinstance(harness.verify(message), WebhookDelivery), "a genuine webhook is refused")
        kept = harness.transport.answers[len(harness.transport.answers) - len(asked) :]
        operation = Operation("verify_webhook", lambda gateway: gateway.verify_webhook(message), arguments)
        with impure_calls.recording() as recorded:
            _replay(harness, operation, kept)
        require(not recorded.calls, f"it calls {'; '.join(recorded.calls[:3])}")

    def _is_quiet(self, harness: Harness, *, random: bool) -> None:
        for operation in operations_of(harness):
            kept = _answers(harness, operation)
            _replay(harness, operation, kept)  # what is imported or compiled once is not the flow's
            with impure_calls.recording() as recorded:
                _replay(harness, operation, kept)
            calls = [call for call in recorded.calls if _is_random(call) is random]
            require(not calls, f"{operation.name} calls {'; '.join(calls[:3])}")


def _is_random(call: str) -> bool:
    return any(word in call.partition(" at ")[0] for word in ("random", "secrets", "uuid"))


def _secret_names(harness: Harness) -> list[str]:
    return [name for name in harness.settings if secrets_of(getattr(harness.provider.settings, name, None))]


def _answers(harness: Harness, operation: Operation) -> list[HttpResponse]:
    """Run an operation for real, and return what it was answered with."""
    before = len(harness.transport.answers)
    called(operation, harness.gateway)
    return harness.transport.answers[before:]


def _sent(
    harness: Harness, operation: Operation, answers: list[HttpResponse], provider: object = None
) -> list[HttpRequest]:
    return _replay(harness, operation, answers, provider)[0]


def _replay(
    harness: Harness, operation: Operation, answers: list[HttpResponse], provider: object = None
) -> tuple[list[HttpRequest], Any]:
    """Run a flow past the core, with kept answers; return what it sent, and its result."""
    requests: list[HttpRequest] = []
    outcome = harness.outcome(operation.name, operation.arguments, provider)
    if not isinstance(outcome, Generator):
        return requests, outcome
    try:
        request = next(outcome)
        while len(requests) < _MOST_REQUESTS:
            requests.append(request)
            request = outcome.send(answers[min(len(requests), len(answers)) - 1])
    except StopIteration as stop:
        return requests, stop.value
    except GatewayError as error:
        return requests, error
    finally:
        outcome.close()
    return requests, None


def _first(harness: Harness, operation: Operation, provider: object) -> HttpRequest | None:
    """Return the first request of a flow."""
    sent = _replay(harness, operation, [_DOWN], provider)[0]
    return sent[0] if sent else None


def _bytes(request: HttpRequest) -> bytes:
    headers: Mapping[str, str] = dict(request.headers.pairs)
    return b"\n".join([request.method.encode(), request.url.encode(), repr(headers).encode(), request.body])


def _same(operation: Operation, first: list[HttpRequest], again: list[HttpRequest], how: str) -> None:
    require(len(first) == len(again), f"{operation.name}, {how}, sends {len(first)} requests, then {len(again)}")
    for one, other in zip(first, again, strict=True):
        for part in ("method", "url", "headers", "body", "idempotency_key", "safe"):
            same = getattr(one, part) == getattr(other, part)
            require(same, f"{operation.name}, {how}, sends another {part} in {one.method} {one.url}")

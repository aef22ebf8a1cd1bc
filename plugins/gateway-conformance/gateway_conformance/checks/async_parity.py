"""Checks that blocking and async code get the same."""

from __future__ import annotations

import asyncio
from typing import Any

import attrs

from gateway_conformance.base import Checks
from gateway_conformance.check import check, describe, require
from gateway_conformance.fault_injection import called
from gateway_conformance.harness import Harness
from gateway_conformance.operations import Operation, operations_of
from gateway_conformance.webhook_messages import genuine_ones
from gateway_core.errors import GatewayError
from gateway_core.http import HttpResponse
from gateway_core.models.webhook import WebhookRequest


class AsyncParityChecks(Checks):
    """A gateway and an async gateway over the same wire do the same."""

    @check
    def test_async_gateway_gives_the_same_results(self, harness: Harness) -> None:
        """Every operation gives the same result, and sends the same requests, in blocking and in async code.

        Why: A shop that moves to async code must not find out in production what is different.
        """
        for operation in operations_of(harness):
            first = len(harness.transport.answers)
            # A new gateway, as the other one is: what the harness's own keeps, such as a token, it does not ask for.
            with harness.transport.recording() as sync_asked, harness.connect() as gateway:
                wanted = called(operation, gateway)
            kept = harness.transport.answers[first:]
            with harness.transport.answering(
                lambda number, *_, kept=kept: kept[min(number, len(kept) - 1)]
            ) as async_asked:
                seen = asyncio.run(_awaited(harness, operation))
            require(seen == wanted, f"{operation.name} gives {seen!r} in async code, and {wanted!r} in blocking code")
            require(async_asked == sync_asked, f"{operation.name} sends other requests in async code")

    @check
    def test_async_gateway_gives_the_same_errors(self, harness: Harness) -> None:
        """Every operation raises the same error, with the same effect, in blocking and in async code.

        Why: What is known after a failure decides what may be repeated, whatever the colour of the code.
        """
        for answer in (HttpResponse(status=503), HttpResponse(status=401), HttpResponse(status=200, body=b"<html>")):
            for operation in operations_of(harness):
                with harness.transport.answering(answer), harness.connect() as gateway:
                    wanted = _error(lambda operation=operation, gateway=gateway: called(operation, gateway))
                    seen = _error(lambda operation=operation: asyncio.run(_awaited(harness, operation)))
                require(seen == wanted, f"{operation.name} raises {seen} in async code, and {wanted} in blocking code")

    @check
    def test_async_gateway_verifies_the_same_webhooks(self, harness: Harness) -> None:
        """A webhook is accepted, or refused, alike in blocking and in async code.

        Why: A message that only one of them accepts is forged, or lost.
        """
        message = genuine_ones(harness)[-1]
        forged = attrs.evolve(message, headers=[], body=b"{}")
        for each in (message, forged):
            wanted = _error(lambda each=each: harness.gateway.verify_webhook(each))
            seen = _error(lambda each=each: asyncio.run(_verified(harness, each)))
            require(seen == wanted, f"async code gives {seen}, and blocking code {wanted}")


async def _awaited(harness: Harness, operation: Operation) -> Any:
    async with harness.connect_async() as gateway:
        outcome = operation.call(gateway)
        return [each async for each in outcome] if operation.name == "list_payments" else await outcome


async def _verified(harness: Harness, message: WebhookRequest) -> Any:
    async with harness.connect_async() as gateway:
        return await gateway.verify_webhook(message)


def _error(call: Any) -> Any:
    try:
        return call()
    except GatewayError as error:
        return describe(error), error.effect

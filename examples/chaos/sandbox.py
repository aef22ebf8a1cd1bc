"""A sandbox whose answers get lost, and whose webhooks are lost, doubled, delayed, reordered and tampered with."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import logging
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, ClassVar

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway_core import HttpRequest, HttpResponse
from gateway_core.errors import RejectedError
from gateway_core.testing import EmulatedInvoice, QueuedDelivery
from gateway_sandbox.emulator import SandboxEmulator
from gateway_sandbox.server.app import make_app
from gateway_sandbox.server.deliveries import DeliveryWorker

#: The account's limit at this sandbox: so many requests in so many seconds.
RATE_LIMIT = (150, 5)

#: What may become of an answer, and how often.
NETWORK = {"request lost": 0.02, "answer lost": 0.05, "answer replaced by an error": 0.03, "answer late": 0.04}

#: What may become of a webhook, and how often.
WEBHOOKS = {"lost": 0.05, "doubled": 0.15, "delayed": 0.2, "tampered with": 0.1}

#: How often a payer is quicker than the answer to the creation of the invoice.
EARLY_PAYERS = 0.02

#: How many webhooks are under way at once.
_AT_ONCE = 8


class ChaoticSandbox(SandboxEmulator):
    """The sandbox, and what is done to its webhooks.

    Attributes:
        calm: Whether nothing more is to go wrong.
        done: How often each thing has gone wrong.
        accepted_forgeries: How many webhooks were taken although they were changed after they were signed.
    """

    redelivery: ClassVar[tuple[timedelta, ...]] = tuple(timedelta(seconds=each) for each in (0.5, 1, 2, 4, 8))

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.calm = False
        self.done: collections.Counter[str] = collections.Counter()
        self.accepted_forgeries = 0
        self.on_attempt = self._count
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="webhooks")

    def happens(self, what: str, share: float) -> bool:
        """Decide whether something goes wrong, and count it."""
        if self.calm or self.random.random() >= share:
            return False
        self.done[what] += 1
        return True

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request to the API; now and then somebody pays before the shop has the answer."""
        answer = super().handle(request)
        if answer.status == 201 and request.url.endswith("/invoices") and self.happens("early payers", EARLY_PAYERS):
            [(_, invoice)] = self.ledger.select(EmulatedInvoice, order="newest", limit=1)
            with contextlib.suppress(RejectedError):
                self.pay(invoice.token)
        return answer

    def enqueue(self, kind: str, about: str, body: bytes) -> None:
        """Queue a webhook, or not, or several."""
        if self.happens("webhooks lost", WEBHOOKS["lost"]):
            return
        with self.ledger.transaction():
            super().enqueue(kind, about, body)
            [(_, queued)] = self.ledger.select(QueuedDelivery, order="newest", limit=1)
        if self.happens("webhooks delayed and reordered", WEBHOOKS["delayed"]):
            self.delay(queued.id, timedelta(seconds=self.random.uniform(0, 6)))
        if self.happens("webhooks doubled", WEBHOOKS["doubled"]):
            self.duplicate(queued.id)
        if self.happens("webhooks tampered with", WEBHOOKS["tampered with"]):
            self.tamper(queued.id)

    def deliver(self, send: Callable[[HttpRequest], HttpResponse | int | None]) -> int:
        """Send every webhook that is due, several at once."""

        def deliver(delivery: QueuedDelivery) -> None:
            request = self.webhook_request(delivery)
            if request is not None:
                self._record(delivery, send(request), request)

        return len(list(self._threads.map(deliver, self.waiting())))

    def undelivered(self) -> int:
        """Return how many webhooks are still to be sent."""
        later = self.clock() + timedelta(days=1)
        return len(self.ledger.select(QueuedDelivery, due=later))

    def _count(self, delivery: QueuedDelivery, attempt: Any) -> None:
        if delivery.tampered and attempt.note == "accepted":
            self.accepted_forgeries += 1


class ChaoticNetwork:
    """What lies between the shop and the sandbox's API.

    Args:
        app: The sandbox.
        sandbox: The same, to ask what is to go wrong.

    Attributes:
        arrivals: When each request to the API came, by the monotonic clock: what is held against the rate limit.
    """

    def __init__(self, app: ASGIApp, sandbox: ChaoticSandbox) -> None:
        self.arrivals: list[float] = []
        self._app = app
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or not, and its answer, or not."""
        if not scope["path"].startswith("/v1/"):
            await self._app(scope, receive, send)
            return
        self.arrivals.append(time.monotonic())
        happens = self._sandbox.happens
        if happens("requests lost", NETWORK["request lost"]):
            await _cut(send)
            return
        lost = happens("answers lost", NETWORK["answer lost"])
        replaced = not lost and happens("answers replaced by an error", NETWORK["answer replaced by an error"])
        late = happens("answers late", NETWORK["answer late"])

        async def pass_on(message: Any) -> None:
            if late and message["type"] == "http.response.start":
                await asyncio.sleep(random.uniform(0.1, 2))  # noqa: S311  # no secret is made of it
            if not lost and not replaced:
                await send(message)

        await self._app(scope, receive, pass_on)
        if lost:
            await _cut(send)
        if replaced:
            await send({"type": "http.response.start", "status": 502, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})


async def _cut(send: Send) -> None:
    """Break an answer off: the server closes the connection, since fewer bytes come than were announced."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})
    await send({"type": "http.response.body", "body": b"{"})


@contextlib.contextmanager
def served(webhook_url: str, seed: int) -> Iterator[tuple[str, ChaoticSandbox, ChaoticNetwork]]:
    """Serve a chaotic sandbox from a thread; give its address, itself and its network."""
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # it tells of each answer that was broken off
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        randomness = random.Random(seed)  # noqa: S311  # the same chaos again, for the same seed
        sandbox = ChaoticSandbox(checkout_url=f"{url}/pay", webhook_url=webhook_url, randomness=randomness)
        network = ChaoticNetwork(make_app(sandbox), sandbox)
        config = uvicorn.Config(network, access_log=False, http="h11", lifespan="off", log_config=None, ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="sandbox", daemon=True)
        with DeliveryWorker(sandbox):
            thread.start()
            yield url, sandbox, network
        server.should_exit = True
        thread.join()

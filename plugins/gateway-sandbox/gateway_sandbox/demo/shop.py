"""A shop as small as can be: an address for webhooks, which believes only what the gateway has verified."""

from __future__ import annotations

import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

import attrs

from gateway_core import Acknowledgement, Gateway, WebhookDelivery, WebhookRequest
from gateway_core.errors import WebhookError

_PATH = "/webhooks"
_LARGEST_BODY = 1 << 20


@attrs.frozen(kw_only=True)
class Received:
    """A webhook that came to the shop.

    Attributes:
        request: As it came.
        delivery: What it tells; None if it was refused.
        refusal: Why it was refused.
        status: What was answered.
    """

    request: WebhookRequest
    delivery: WebhookDelivery | None = None
    refusal: str | None = None
    status: int


class Shop:
    """Receives webhooks at an address of its own, in threads, and keeps them in order in `received`."""

    def __init__(self) -> None:
        self.gateway: Gateway | None = None
        self.received: queue.Queue[Received] = queue.Queue()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}{_PATH}"

    def receive(self, request: WebhookRequest) -> Acknowledgement:
        """Verify a webhook and return what to answer."""
        if self.gateway is None:
            return Acknowledgement(status=503)
        try:
            delivery = self.gateway.verify_webhook(request)
        except WebhookError as error:
            refused = Received(request=request, refusal=error.reason.value, status=error.http_status)
        else:
            self.received.put(Received(request=request, delivery=delivery, status=delivery.acknowledgement.status))
            return delivery.acknowledgement
        self.received.put(refused)
        return Acknowledgement(status=refused.status)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, shop: Shop) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.shop = shop


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        size = int(length) if length.isascii() and length.isdigit() else _LARGEST_BODY + 1
        if self.path != _PATH or size > _LARGEST_BODY:
            self._answer(Acknowledgement(status=404 if self.path != _PATH else 413))
            return
        body = self.rfile.read(size)
        headers = list(self.headers.items())
        self._answer(self.server.shop.receive(WebhookRequest(body=body, headers=headers, url=self.server.shop.url)))

    def _answer(self, answer: Acknowledgement) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.pairs:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        """Log nothing: the story tells what comes."""

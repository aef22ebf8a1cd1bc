"""Sending an emulator's webhooks, in a thread of its own."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from types import TracebackType
from typing import Self

from gateway_core.errors import GatewayError
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.testing import Emulator, HttpClient

_log = logging.getLogger(__name__)

#: Seconds between two looks for webhooks that are due.
_INTERVAL = 0.1

#: Seconds that a shop has to answer. Providers give about as much.
_PATIENCE = 5.0


#: How long the dashboard's button `delay` holds a webhook back.
DELAY = timedelta(seconds=30)

#: The ledger's note that webhooks wait until they are released.
_HELD = "webhooks held"


def is_held(emulator: Emulator) -> bool:
    """Return whether webhooks wait until they are released."""
    return emulator.ledger.note(_HELD) == "yes"


def hold(emulator: Emulator, *, held: bool) -> None:
    """Have webhooks wait, or release them."""
    emulator.ledger.set_note(_HELD, "yes" if held else "no")


def send_to(emulator: Emulator, url: str) -> None:
    """Have webhooks go to another address, those that are waiting too; an empty one sends none.

    Raises:
        ConfigurationError: If it is neither https nor on the loopback range.
    """
    if url:
        HttpClient(url).close()
    emulator.webhook_url = url or None


class _StoppedError(Exception):
    """The worker was told to stop."""


class DeliveryWorker:
    """Sends what is due, one webhook after the other, until it is stopped.

    Args:
        emulator: Whose webhooks.

    Raises:
        ConfigurationError: If the shop's address is neither https nor on the loopback range.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._clients: dict[str, HttpClient] = {}
        if emulator.webhook_url is not None:
            self._client(emulator.webhook_url)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sandbox-deliveries", daemon=True)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                if not is_held(self._emulator):
                    self._emulator.deliver(self._send)
            except _StoppedError:
                return
            except Exception:  # noqa: BLE001  # an emulator may have any fault
                # One webhook that cannot be made must not hold up all those after it for ever, nor go unseen.
                _log.exception("webhooks could not be sent")
            self._stopped.wait(_INTERVAL)

    def _client(self, url: str) -> HttpClient:
        if url not in self._clients:
            self._clients[url] = HttpClient(url, timeout=_PATIENCE)
        return self._clients[url]

    def _send(self, request: HttpRequest) -> HttpResponse | None:
        if self._stopped.is_set():
            raise _StoppedError
        try:
            return self._client(request.url).send(request)
        except GatewayError as error:
            _log.info("a webhook had no answer: %s", error)
            return None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()
        for client in self._clients.values():
            client.close()

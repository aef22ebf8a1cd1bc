"""Sending an emulator's webhooks, in a thread of its own."""

from __future__ import annotations

import logging
import threading
from types import TracebackType
from typing import Self

from gateway_core.errors import GatewayError
from gateway_core.http import HttpRequest
from gateway_core.testing import Emulator, HttpClient

_log = logging.getLogger(__name__)

#: Seconds between two looks for webhooks that are due.
_INTERVAL = 0.1

#: Seconds that a shop has to answer. Providers give about as much.
_PATIENCE = 5.0


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
        url = emulator.webhook_url
        self._client = None if url is None else HttpClient(url, timeout=_PATIENCE)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sandbox-deliveries", daemon=True)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._emulator.deliver(self._send)
            except _StoppedError:
                return
            except Exception:  # noqa: BLE001  # an emulator may have any fault
                # One webhook that cannot be made must not hold up all those after it for ever, nor go unseen.
                _log.exception("webhooks could not be sent")
            self._stopped.wait(_INTERVAL)

    def _send(self, request: HttpRequest) -> int | None:
        if self._stopped.is_set():
            raise _StoppedError
        if self._client is None:
            return None
        try:
            return self._client.send(request).status
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
        if self._client is not None:
            self._client.close()

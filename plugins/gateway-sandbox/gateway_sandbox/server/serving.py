"""Running the server: a socket on 127.0.0.1, uvicorn, and the thread that sends webhooks."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

import attrs
import uvicorn

from gateway_core.errors import ConfigurationError
from gateway_core.testing import Emulator, Ledger
from gateway_sandbox.server.app import make_app
from gateway_sandbox.server.deliveries import DeliveryWorker

_HOST = "127.0.0.1"


class Server:
    """A place on the loopback range where an emulator can be served. Its address is known before the emulator is made.

    Args:
        port: The port; 0 for one that is free.

    Raises:
        ConfigurationError: If the port cannot be had.
    """

    def __init__(self, *, port: int = 0) -> None:
        self._socket = _bind(port)
        self.url = f"http://{_HOST}:{self._socket.getsockname()[1]}"
        self._uvicorn: _Uvicorn | None = None
        self._stopped = False

    @property
    def checkout_url(self) -> str:
        """The address below which the checkout pages are."""
        return f"{self.url}/pay"

    def run(self, emulator: Emulator, *, on_ready: Callable[[], None] = lambda: None) -> None:
        """Serve an emulator until `stop` is called.

        Args:
            emulator: The emulator, made with our `checkout_url`.
            on_ready: Called when requests are answered.

        Raises:
            ConfigurationError: If the emulator's webhook address is neither https nor on the loopback range.
        """
        config = uvicorn.Config(
            make_app(emulator),
            access_log=False,
            http="h11",
            lifespan="off",
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=3,
            ws="none",
        )
        self._uvicorn = _Uvicorn(config, on_ready)
        self._uvicorn.should_exit = self._stopped
        with contextlib.closing(self._socket), DeliveryWorker(emulator):
            self._uvicorn.run(sockets=[self._socket])

    def stop(self) -> None:
        """End `run` after the requests that are being answered; it may be called from a signal handler, and twice."""
        if self._uvicorn is not None:
            self._uvicorn.force_exit = self._stopped
            self._uvicorn.should_exit = True
        self._stopped = True

    def close(self) -> None:
        """Give the port back, if nothing was served."""
        self._socket.close()


class _Uvicorn(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals to the command, which ends with an exit code of its own."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()


@attrs.frozen
class Serving:
    """An emulator that is being served.

    Attributes:
        url: Where.
        emulator: The emulator.
    """

    url: str
    emulator: Emulator

    @property
    def settings(self) -> dict[str, Any]:
        """The settings with which the plugin reaches it, as `Gateway.connect` takes them."""
        return dict(self.emulator.settings(self.url))


@contextlib.contextmanager
def serving(
    emulator_class: type[Emulator],
    *,
    port: int = 0,
    ledger: Ledger | None = None,
    webhook_url: str | None = None,
    credentials: Mapping[str, str] | None = None,
) -> Iterator[Serving]:
    """Serve an emulator from a thread, for tests of an application.

    ::

        with serving(SandboxEmulator, webhook_url=...) as sandbox:
            gateway = Gateway.connect("sandbox", **sandbox.settings)

    Raises:
        ConfigurationError: If the port cannot be had, or the webhook address is neither https nor on the loopback
            range.
    """
    server = Server(port=port)
    emulator = emulator_class(
        ledger, checkout_url=server.checkout_url, webhook_url=webhook_url, credentials=credentials
    )
    ready = threading.Event()
    faults: list[BaseException] = []

    def run() -> None:
        try:
            server.run(emulator, on_ready=ready.set)
        except BaseException as error:  # noqa: BLE001  # handed to the thread that waits
            faults.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="sandbox-server", daemon=True)
    thread.start()
    ready.wait()
    try:
        if faults:
            raise faults[0]
        yield Serving(server.url, emulator)
    finally:
        server.stop()
        thread.join()
        server.close()


def _bind(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":  # elsewhere it would let two servers have one port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        reason = error.strerror or type(error).__name__
    else:
        return listener
    raise ConfigurationError(f"port {port} of {_HOST} cannot be had ({reason}): choose another, or 0 for any")

"""An emulated provider behind a socket, which treats one request badly, and logs what it did."""

from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from gateway_core import HttpRequest
from gateway_core.testing import EmulatedAccount, EmulatedInvoice, ManualClock

#: What may become of that request: whether it is carried out, and what is answered.
BEHAVIOURS = {
    "well": (True, "answer"),
    "503 all the same": (True, "503"),
    "503": (False, "503"),
    "429": (False, "429"),
    "lost answer": (True, "nothing"),
    "lost request": (False, "nothing"),
    "cut answer": (True, "half"),
    "senseless answer": (True, "html"),
}

_CREATION = re.compile(r"/(v1/invoices|invoices/create|api/invoice)/?")


class ProviderServer:
    """The provider.

    Args:
        backend: The backend's name.
        behaviour: What becomes of the first request that creates an invoice, of `BEHAVIOURS`.

    Attributes:
        account: The account there.
        creations: How many requests to create an invoice have come.
    """

    def __init__(self, backend: str, behaviour: str) -> None:
        self.account = EmulatedAccount(backend, clock=ManualClock(), settings=NEEDED.get(backend, {}))
        self.creations = 0
        self._behaviour = behaviour
        self._victim: str | None = "POST"
        self._lock = threading.Lock()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                provider.answer(self, body)

            do_GET = do_POST = do_DELETE = do_PUT = do  # noqa: N815  # the names are http.server's

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.settings = {**self.account.settings, "base_url": f"http://127.0.0.1:{self._server.server_port}"}

    def treat_next_question(self, behaviour: str) -> None:
        """Let something become of the next question, of `BEHAVIOURS`."""
        self._victim, self._behaviour = "GET", behaviour

    def answer(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        """Answer one request."""
        asked = HttpRequest(
            method=handler.command,
            url=f"https://provider.invalid{handler.path}",
            headers=list(handler.headers.items()),
            body=body,
        )
        with self._lock:
            self.account.advance(seconds=2)  # so that no rate limit is met
            carried_out, how = True, "answer"
            if handler.command == "POST" and _CREATION.fullmatch(handler.path.partition("?")[0]):
                self.creations += 1
                if self._victim == "POST":
                    carried_out, how = self._misbehave()
            elif handler.command == self._victim == "GET":
                carried_out, how = self._misbehave()
            answer = self.account.emulator.handle(asked) if carried_out else None
        status, content = (answer.status, bytes(answer.body)) if answer is not None else (500, b"")
        if how in ("503", "429"):
            status, content = int(how), b"{}"
        elif how == "html":
            status, content = 200, b"<html>What?</html>"
        if how == "nothing":
            handler.close_connection = True
            return
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[: len(content) // 2] if how == "half" else content)
        handler.close_connection = how == "half"

    def _misbehave(self) -> tuple[bool, str]:
        self._victim = None
        return BEHAVIOURS[self._behaviour]

    @property
    def invoices(self) -> list[str]:
        """The ids of all invoices that were made."""
        return [invoice.id for _, invoice in self.account.emulator.ledger.select(EmulatedInvoice)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.account.close()


#: Settings that a backend needs besides its keys.
NEEDED = {"azothpay": {"period": "PerMonth"}}

#: A currency that each backend knows.
CURRENCIES = {"azothpay": "USD", "sandbox": "EUR", "bitsby": "EUR"}

"""A server that answers as fast as it can, in a process of its own: its own time should not blur a ratio.

It knows no more HTTP than the clients that are measured make use of, and its answers are made beforehand. Below the
path ``/whole`` they are as large as the objects of a provider are.
"""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.bodies import INVOICE, PAGE, page
from benchmarks.stripe_bodies import SESSION_BODY

ROOT = Path(__file__).parent.parent
#: A made-up authority and a server's certificate by it, for 127.0.0.1. They protect nothing.
CERTIFICATES = ROOT / "tests" / "transport" / "certificates"
#: Seconds before each answer below a path: what providers on other continents take.
LATENCIES = {b"/slow/": 0.02, b"/slower/": 0.05}

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_LAST = re.compile(rb"[?&](?:cursor|starting_after)=pay_(\d+)")
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Request-Id: req_1\r\nContent-Length: %d\r\n\r\n"


@contextmanager
def serving(*, tls: bool = False) -> Iterator[str]:
    """Run a server, and give its address."""
    command = [sys.executable, "-m", "benchmarks.server", *(["tls"] if tls else [])]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  # our own
        try:
            assert process.stdout is not None  # noqa: S101  # for the type checker
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def _serve(tls: ssl.SSLContext | None) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        print(f"{'https' if tls else 'http'}://127.0.0.1:{listening.getsockname()[1]}", flush=True)
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=_converse, args=(connection, tls), daemon=True).start()


def _converse(connection: socket.socket, tls: ssl.SSLContext | None) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with tls.wrap_socket(connection, server_side=True) if tls else connection as talking:
        came = b""
        while part := talking.recv(1 << 16):
            came += part
            head, ended, body = came.partition(b"\r\n\r\n")
            length = _LENGTH.search(head)
            if not ended or len(body) < (int(length[1]) if length else 0):
                continue
            came = b""
            target = head.split(b" ", 2)[1]
            time.sleep(next((seconds for path, seconds in LATENCIES.items() if target.startswith(path)), 0))
            talking.sendall(_answer(target))


def _answer(target: bytes) -> bytes:
    if target.startswith(b"/whole/v1/checkout/"):
        return _SESSION_ANSWER
    if b"/payments" not in target and b"/charges" not in target:
        return _INVOICE_ANSWER
    last = _LAST.search(target)
    body = page(int(last[1]) // PAGE + 1 if last else 0, whole=target.startswith(b"/whole/"))
    return _HEAD % len(body) + body


_INVOICE_ANSWER = _HEAD % len(INVOICE) + INVOICE
_SESSION_ANSWER = _HEAD % len(SESSION_BODY) + SESSION_BODY


def _main() -> None:
    tls = None
    if "tls" in sys.argv:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(CERTIFICATES / "server.pem")
    _serve(tls)


if __name__ == "__main__":
    _main()

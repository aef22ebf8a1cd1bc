"""What a request costs without a clock: calls of own functions, and what is asked of the operating system.

These numbers may go down. Whoever makes one go up says here why it is worth it.
"""

from __future__ import annotations

import collections
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import gateway_core
from gateway_core.transport._requests_transport import RequestsTransport
from tests.transport.asking import ask, post
from tests.transport.fault_server import FaultServer

Serve = Callable[..., FaultServer]
Connect = Callable[..., RequestsTransport]

#: What ends in the operating system.
_CALLS = frozenset({"connect", "send", "sendall", "recv", "recv_into", "settimeout", "setblocking", "poll", "select"})

_OURS = str(Path(gateway_core.__file__).parent)


def test_request_on_an_open_connection(serve: Serve, connect: Connect) -> None:
    """One write, one read, one look whether the connection still stands; each of the two bounded anew."""
    server = serve()
    transport = connect(server.url)
    request = post(f"{server.url}/invoices", headers={"Authorization": "Bearer key", "Content-Type": "text/plain"})
    for _ in range(2):
        ask(transport, request)
    own = 0
    asked: collections.Counter[str] = collections.Counter()

    def profile(frame: FrameType, event: str, function: Any) -> None:
        nonlocal own
        if event == "call":
            own += frame.f_code.co_filename.startswith(_OURS)
        elif event == "c_call" and function.__name__ in _CALLS:
            asked[function.__name__] += 1

    sys.setprofile(profile)
    try:
        ask(transport, request)
    finally:
        sys.setprofile(None)

    assert own <= 70
    # One `poll` makes the object, the other one asks it.
    assert asked == {"sendall": 1, "recv_into": 1, "settimeout": 2, "poll": 2}

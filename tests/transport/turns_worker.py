"""A process of its own that takes turns: `python -m tests.transport.turns_worker WHAT STORE WINDOW ...`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from gateway_core.errors import NotSentError
from gateway_core.provider import RateLimit
from gateway_core.transport import Deadline, TransportSettings
from gateway_core.transport._requests import RequestsTransport
from gateway_core.transport._turns import Limiter, Where
from tests.transport.asking import get
from tests.transport.turns import take


def limiter(store: str, window: str) -> Limiter:
    """Return the limiter of one account with one request in a window."""
    return Limiter.of("account", (RateLimit(requests=1, seconds=float(window)),), Where.of(store))


def send(store: str, window: str, url: str, seconds: str) -> None:
    """Send as many requests as allowed, for so long."""
    one = limiter(store, window)
    transport = RequestsTransport(TransportSettings(), base_url=url)
    until = time.monotonic() + float(seconds)
    for number in range(1_000_000):
        try:
            turn = take(one, urgent=number % 3 == 0, seconds=until - time.monotonic())
        except NotSentError:
            break
        try:
            transport.send(get(url), Deadline.after(10), on_write=turn.leaving)
        finally:
            turn.end(answered=True)
    transport.close()


def hold(store: str, window: str) -> None:
    """Take a turn, say so, and use it when a line comes; say how that ends."""
    turn = take(limiter(store, window))
    _say("taken")
    sys.stdin.readline()
    try:
        turn.leaving()
    except NotSentError as error:
        _say(type(error).__name__)
    else:
        _say("left")


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    work: dict[str, Callable[..., None]] = {"send": send, "hold": hold}
    work[sys.argv[1]](*sys.argv[2:])

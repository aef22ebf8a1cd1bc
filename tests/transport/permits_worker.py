"""A process of its own that takes turns: `python -m tests.transport.permits_worker WHAT STORE WINDOW ...`."""

from __future__ import annotations

import base64
import itertools
import os
import sys
import time
from collections.abc import Callable

from gateway_core import Flow, Gateway, HttpRequest
from gateway_core.errors import NotSentError
from gateway_core.provider import RateLimit
from gateway_core.transport._rate_limit import Limiter, Where
from tests.transport.permits import take

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def limiter(store: str, window: str) -> Limiter:
    """Return the limiter of one account with one request in a window."""
    return Limiter.of("account", (RateLimit(requests=1, seconds=float(window)),), Where.of(store))


def send(store: str, window: str, url: str, seconds: str) -> None:
    """Send as many requests as allowed, for so long, by a gateway as an application makes it."""
    limits = [RateLimit(requests=1, seconds=float(window))]
    with Gateway.connect(
        "sandbox", base_url=url, api_key="key", webhook_secret=SECRET, rate_limits=limits, limiter=store
    ) as gateway:
        until = time.monotonic() + float(seconds)
        for number in itertools.takewhile(lambda _: time.monotonic() < until, itertools.count()):
            gateway.run(_ask(HttpRequest(method="GET" if number % 3 else "POST", url=f"{url}{os.getpid()}")))


def _ask(request: HttpRequest) -> Flow[int]:
    response = yield request
    return response.status


def hold(store: str, window: str) -> None:
    """Take a turn, say so, and use it when a line comes; say how that ends."""
    turn = take(limiter(store, window))
    _say("taken")
    sys.stdin.readline()
    try:
        turn.leave()
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

"""Who may speak to the sandbox: this machine, by its own name, and of browsers only the sandbox's own pages.

A page of a stranger, open in the same browser, can make its host's name resolve to 127.0.0.1 (DNS rebinding) or post a
form here. The first is known by the ``Host`` header, the second by ``Origin`` or ``Sec-Fetch-Site``, which no page can
set.
"""

from __future__ import annotations

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: The largest body that is read, of a form or of a request to the API.
LARGEST_BODY = 1 << 20

_OWN_HOST = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?", re.ASCII | re.IGNORECASE)
_OWN_SITE = frozenset({"same-origin", "none"})

#: Everything comes from files of our own: no inline script or style, and nothing from elsewhere.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "same-origin",  # with `no-referrer` a browser would send its own forms with `Origin: null`
    "x-content-type-options": "nosniff",
}


class TooLargeError(Exception):
    """A body is larger than `LARGEST_BODY`."""


def refusal_of_host(scope: Scope) -> str | None:
    """Return why a request is not for this server; None if it is."""
    hosts = Headers(scope=scope).getlist("host")
    if len(hosts) == 1 and _OWN_HOST.fullmatch(hosts[0]):
        return None
    return "The sandbox answers to 127.0.0.1 and localhost only.\n"


def is_own(headers: Headers) -> bool:
    """Return whether a POST comes from a page of ours, or from no browser at all."""
    origins = headers.getlist("origin")
    if headers.get("sec-fetch-site", "none") not in _OWN_SITE:
        return False
    return not origins or origins == [f"http://{headers['host']}"]


async def read_body(request: Request) -> bytes:
    """Return the body of a request.

    Raises:
        TooLargeError: If it is larger than `LARGEST_BODY`; no more than that was kept.
    """
    parts: list[bytes] = []
    left = LARGEST_BODY
    async for part in request.stream():
        left -= len(part)
        if left < 0:
            raise TooLargeError
        parts.append(part)
    return b"".join(parts)


class PageGuard:
    """Lets no other site post to the pages, and tells browsers what a page may do.

    Args:
        app: The pages.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        app = self._app
        if scope["method"] not in {"GET", "HEAD"} and not is_own(Headers(scope=scope)):
            app = PlainTextResponse("This form was sent by another site.\n", status_code=403)
        await app(scope, receive, send_guarded)

"""What a request must be before anything of it is sent: an address that nobody rewrites, headers that are headers."""

from __future__ import annotations

import re
from urllib.parse import unquote

import attrs

from gateway_core.errors import InvalidRequestError
from gateway_core.http import HttpRequest
from gateway_core.models.headers import Headers

#: Only what RFC 3986 allows, with proper escapes; brackets and bars are in use in queries. Anything else would be
#: changed on its way (``#``, a bad escape), or ends the line (control characters).
_ADDRESS = re.compile(
    r"(?P<origin>https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?)"
    r"(?P<path>(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?)"
    r"(?P<query>(?:\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?\[\]|-]|%[0-9A-Fa-f]{2})*)?)"
)
_METHOD = re.compile(r"[A-Z]+")
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
#: No control characters but the tab, no blank at either end, Latin-1: what `http.client` sends unchanged.
_VALUE = re.compile(r"(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?")

#: They say where a message ends and who passes it on, and are the transport's alone.
_RESERVED = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


@attrs.frozen
class Address:
    """Where a request goes.

    Attributes:
        origin: Scheme, host and port, as they were written.
        target: Path and query, as they were written. Left out of the ``repr``: they hold ids, and sometimes keys.
    """

    origin: str
    target: str = attrs.field(repr=False)


def check(request: HttpRequest) -> Address:
    """Return where a request goes.

    Raises:
        InvalidRequestError: If the address would be changed on its way, or holds dot segments; if the method or a
            header cannot be sent, or the header is the transport's own. No value is in the message.
    """
    match = _ADDRESS.fullmatch(request.url)
    if match is None:
        raise InvalidRequestError(
            "the address must be http or https, percent-encoded, without user, password and fragment"
        )
    path = match["path"]
    if "." in unquote(path) and any(unquote(segment) in (".", "..") for segment in path.split("/")):
        raise InvalidRequestError(
            "the address must not hold `.` or `..` as a segment: it would lead to another endpoint"
        )
    if not _METHOD.fullmatch(request.method):
        raise InvalidRequestError("the method must be capital letters")
    _check_headers(request.headers)
    return Address(match["origin"], (path or "/") + match["query"])


def _check_headers(headers: Headers) -> None:
    # The comprehension keeps the values out of the frame that the error's traceback shows.
    faults = [
        name for name, value in headers.pairs if not _VALUE.fullmatch(value) or not _NAME.fullmatch(name)
    ]  # fmt: skip
    if faults:
        raise InvalidRequestError(
            f"the header {faults[0]!r} cannot be sent: it holds a line end or other control character, or is no Latin-1"
        )
    if not _RESERVED.isdisjoint(headers):
        raise InvalidRequestError(f"the header {min(_RESERVED.intersection(headers))!r} belongs to the transport")

"""Sorting what went wrong on the way: surely not sent, or unknown. Between them lies paying twice."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import urllib3.exceptions as below
from requests import exceptions as above

from gateway_core.errors import NotSentError, OutcomeUnknownError, TransportError
from gateway_core.transport._connection import Call, DeadlinePassed

_Kinds = type[BaseException] | tuple[type[BaseException], ...]

#: What means that not a byte of the request left, wherever it stands in the chain; the first that is found gives the
#: text, so what others derive from comes after them.
_NOT_SENT: tuple[tuple[_Kinds, str], ...] = (
    (ssl.SSLCertVerificationError, "its certificate cannot be verified"),
    ((below.ProxyError, above.ProxyError, above.InvalidProxyURL), "the proxy in between cannot be reached, or refuses"),
    (below.NameResolutionError, "its name cannot be resolved"),
    (below.NewConnectionError, "it refuses connections, or cannot be reached"),
    ((below.ConnectTimeoutError, above.ConnectTimeout), "connecting took too long"),
    (below.ClosedPoolError, "the transport was closed meanwhile"),
    ((above.InvalidURL, above.InvalidSchema, above.InvalidHeader), "the request cannot be sent"),
)

#: What may have happened after the first byte had left.
_UNKNOWN: tuple[tuple[_Kinds, str], ...] = (
    ((below.IncompleteRead, above.ChunkedEncodingError), "the answer was cut short"),
    (below.DecodeError, "the answer is encoded wrongly"),
    ((below.ReadTimeoutError, above.ReadTimeout, TimeoutError), "no answer came in time"),
    (ConnectionError, "the connection was lost before the whole answer was there"),
    (below.HeaderParsingError, "the answer's headers are malformed"),
    (ssl.SSLError, "the TLS connection broke"),
)


def sort(error: Exception, call: Call, host: str, *, safe: bool) -> TransportError:
    """Return the error of ours for what the libraries raised.

    Where our own connection had the request, its note decides. Where something else had (a test's stand-in), or none
    was reached, the classes in the chain do, and what is not known to be harmless is not taken to be.

    Args:
        error: What was raised. Nothing of its text is used: it holds addresses, queries and header values.
        call: The call.
        host: Whom it was for.
        safe: Whether the request changes nothing at the provider.
    """
    chain = tuple(_chain(error))
    late = call.deadline.remaining() <= 0 or any(isinstance(link, DeadlinePassed) for link in chain)
    harmless = _first(_NOT_SENT, chain)
    sent = call.written if call.reached else harmless is None
    if not sent:
        reason = "the deadline passed while connecting" if late else harmless or "no connection could be made"
        permanent = any(isinstance(link, ssl.SSLCertVerificationError) for link in chain)
        return NotSentError(f"{host}: {reason}; nothing was sent", permanent=permanent)
    lost = "the deadline passed before the whole answer was there" if late else _first(_UNKNOWN, chain)
    return unusable(host, lost or "no usable answer", safe=safe)


def unusable(host: str, reason: str, *, safe: bool, permanent: bool = False) -> OutcomeUnknownError:
    """Return the error for a request that was sent and has no usable answer."""
    return OutcomeUnknownError(f"{host}: {reason}", effect="none" if safe else "unknown", permanent=permanent)


def _first(table: tuple[tuple[_Kinds, str], ...], chain: tuple[BaseException, ...]) -> str | None:
    return next((text for kinds, text in table if any(isinstance(link, kinds) for link in chain)), None)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Walk causes, contexts, `MaxRetryError.reason` and arguments: each library nests in its own way."""
    seen: set[int] = set()
    pending: list[object] = [error]
    while pending:
        link = pending.pop()
        if not isinstance(link, BaseException) or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        pending += [link.__cause__, link.__context__, getattr(link, "reason", None), *link.args]

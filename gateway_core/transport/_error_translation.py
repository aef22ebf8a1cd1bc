"""Translates what goes wrong on the way: "not sent" or "outcome unknown". Who confuses them pays twice."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator

import urllib3.exceptions as below
from requests import exceptions as above

from gateway_core.errors import GatewayError, NotSentError, OutcomeUnknownError
from gateway_core.transport._call import Call, DeadlinePassed

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
    ((http.client.IncompleteRead, above.ChunkedEncodingError), "the answer was cut short"),
    (below.DecodeError, "the answer is encoded wrongly"),
    ((below.ReadTimeoutError, above.ReadTimeout, TimeoutError), "no answer came in time"),
    (ConnectionError, "the connection was lost before the whole answer was there"),
    (below.HeaderParsingError, "the answer's headers are malformed"),
    (ssl.SSLError, "the TLS connection broke"),
)

#: What OpenSSL says where the two sides will never agree.
_HANDSHAKES: tuple[tuple[frozenset[str], str], ...] = (
    (
        frozenset({"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "WRONG_SSL_VERSION", "VERSION_TOO_LOW"}),
        "its TLS is too old: it is to be 1.2 or later",
    ),
    (frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"}), "what answers there speaks no TLS"),
    (
        frozenset({"SSLV3_ALERT_HANDSHAKE_FAILURE", "TLSV1_ALERT_INSUFFICIENT_SECURITY", "DH_KEY_TOO_SMALL"}),
        "its TLS has no cipher that is safe enough",
    ),
)

#: What requests and all below it raise for the network; anything else is a mistake in what runs with them.
_OF_LIBRARIES = (OSError, below.HTTPError, http.client.HTTPException)


def sort(error: Exception, call: Call, host: str, *, safe: bool) -> GatewayError:
    """Return the error of ours for what was raised on the way.

    Where our own connection had the request, its note decides. Where none had, the classes in the chain do: what does
    not come from the network failed before it, unless a test's stand-in had the request; and of the network's, what is
    not known to be harmless is not taken to be.

    Args:
        error: What was raised. Nothing of its text is used: it holds addresses, queries and header values.
        call: The call.
        host: Whom it was for.
        safe: Whether the request changes nothing at the provider.
    """
    chain = tuple(_chain(error))
    late = call.deadline.remaining() <= 0 or any(isinstance(link, DeadlinePassed) for link in chain)
    odd = not isinstance(error, _OF_LIBRARIES)
    harmless = _first(_NOT_SENT, chain)
    sent = call.written if call.reached else harmless is None and (call.astray or not odd)
    if not sent:
        if odd and not late:
            return unprepared(host, error)
        tls, permanent = _handshake(chain)
        reason = "the deadline passed while connecting" if late else harmless or tls or "no connection could be made"
        return NotSentError(f"{host}: {reason}; nothing was sent", permanent=permanent and not late)
    lost = "the deadline passed before the whole answer was there" if late else _first(_UNKNOWN, chain)
    told = f"the request may have been sent, and then {_name(error)} was raised" if odd else "no usable answer"
    # What is not about the network happens again, and lack of memory is made worse.
    permanent = odd or any(isinstance(link, MemoryError) for link in chain)
    return unusable(host, lost or told, safe=safe, permanent=permanent and not late)


def unprepared(host: str, error: BaseException) -> GatewayError:
    """Return the error for what failed before a connection had the request; one of ours stays as it is."""
    if isinstance(error, GatewayError):
        return error
    return NotSentError(f"{host}: preparing the request failed with {_name(error)}; nothing was sent", permanent=True)


def _handshake(chain: tuple[BaseException, ...]) -> tuple[str | None, bool]:
    """Return what is wrong with the other side's TLS, and whether it stays so."""
    for link in chain:
        if isinstance(link, ssl.SSLCertVerificationError):
            return None, True
        if isinstance(link, ssl.SSLError):
            for reasons, text in _HANDSHAKES:
                if link.reason in reasons:
                    return text, True
            return "the TLS handshake failed", False
    return None, False


def _name(error: BaseException) -> str:
    """Return an exception's class, which tells what to look for. Its text may hold anything."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


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

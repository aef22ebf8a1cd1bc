"""HTTP as data: what a flow yields and what it is sent. Nothing here opens a connection."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Generator, Mapping
from typing import Any, TypeAlias, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import attrs

from gateway_core import _json
from gateway_core.errors import InvalidRequestError
from gateway_core.models.headers import Headers, HeadersLike

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class HttpRequest:
    """One HTTP request: bytes, so that what is signed is what is sent.

    Attributes:
        method: ``GET``, ``POST`` ...
        url: The whole address; make it with `endpoint`, which encodes ids.
        headers: The headers. Their values and the body are left out of the ``repr``: they hold keys and customers' data.
        body: The body.
        safe: Whether it changes nothing at the provider (RFC 9110, 9.2.1). True for GET and HEAD unless said otherwise; say
            so of a POST that only reads, for what happens after a lost answer depends on it.
        idempotency_key: The key under which the provider carries this request out at most once, if `ProviderInfo.idempotency`
            says that it honours one. The header or field that carries the key is the plugin's to set.
    """

    method: str
    url: str = attrs.field(repr=lambda url: repr(url.partition("?")[0]))
    headers: Headers = attrs.field(factory=Headers, converter=Headers)
    body: bytes = attrs.field(default=b"", repr=lambda body: f"<{len(body)} bytes>")
    safe: bool = attrs.field(
        default=attrs.Factory(lambda self: self.method in ("GET", "HEAD"), takes_self=True),
    )
    idempotency_key: str | None = attrs.field(default=None, repr=False)

    @classmethod
    def json(cls, method: str, url: str, value: Any, *, headers: HeadersLike = (), **more: Any) -> HttpRequest:
        """Return a request with a JSON body; a Decimal is written in plain digits, a float is refused.

        Raises:
            InvalidRequestError: If something in `value` has no JSON form.
        """
        try:
            body = _json.dumps(value)
        except ValueError as error:
            raise InvalidRequestError(str(error)) from None
        return cls(method=method, url=url, headers=_typed("application/json", headers), body=body, **more)

    @classmethod
    def form(
        cls, method: str, url: str, fields: Mapping[str, str], *, headers: HeadersLike = (), **more: Any
    ) -> HttpRequest:
        """Return a request with a body of type ``application/x-www-form-urlencoded``."""
        body = urlencode(dict(fields)).encode("ascii")
        return cls(
            method=method, url=url, headers=_typed("application/x-www-form-urlencoded", headers), body=body, **more
        )

    @classmethod
    def multipart(
        cls, method: str, url: str, fields: Mapping[str, str], *, headers: HeadersLike = (), **more: Any
    ) -> HttpRequest:
        """Return a request with a body of type ``multipart/form-data``. The same fields give the same bytes."""
        from urllib3.filepost import encode_multipart_formdata

        digest = hashlib.sha256(repr(sorted(fields.items())).encode()).hexdigest()
        body, content_type = encode_multipart_formdata(list(fields.items()), boundary=digest[:32])
        return cls(method=method, url=url, headers=_typed(content_type, headers), body=body, **more)


@attrs.frozen(kw_only=True)
class HttpResponse:
    """One HTTP response, read whole.

    Attributes:
        status: The status code.
        headers: The headers.
        body: The body, decoded from its transfer and content encodings, not larger than the transport allows.
    """

    status: int
    headers: Headers = attrs.field(factory=Headers, converter=Headers)
    body: bytes = attrs.field(default=b"", repr=lambda body: f"<{len(body)} bytes>")

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300


#: What a hook implementation is: it yields requests, is sent the responses, and returns the result.
Flow: TypeAlias = Generator[HttpRequest, HttpResponse, T]


def endpoint(base_url: str, *segments: str | int, query: Mapping[str, str | int | None] | None = None) -> str:
    """Return the address of one endpoint.

    >>> endpoint("https://api.example.com/v1", "invoices", "a/b", query={"page": 2, "since": None})
    'https://api.example.com/v1/invoices/a%2Fb?page=2'

    Args:
        base_url: The base, with or without a slash at its end.
        segments: The path below it. Each stays one segment, whatever it holds.
        query: The query. What is None is left out.

    Raises:
        InvalidRequestError: If a segment is empty, ``.``, ``..`` or holds a control character: such an id is no id, and the
            HTTP library would send it to another endpoint.
    """
    path = "/".join(_segment(segment) for segment in segments)
    address = f"{base_url.rstrip('/')}/{path}"
    pairs = {name: str(value) for name, value in (query or {}).items() if value is not None}
    return f"{address}?{urlencode(pairs, quote_via=quote)}" if pairs else address


def is_loopback(url: str) -> bool:
    """Return whether an address can lead to this machine only."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def origin(url: str) -> str:
    """Return the scheme, host and port of an address: ``https://api.example.com:443``.

    Raises:
        ValueError: If the address has none.
    """
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    if not parts.hostname or port is None:
        raise ValueError("not an http or https address")
    return f"{parts.scheme}://{parts.hostname}:{port}"


def _segment(segment: str | int) -> str:
    text = str(segment)
    if text in ("", ".", "..") or any(ord(char) < 32 or ord(char) == 127 for char in text):
        raise InvalidRequestError("an id must not be empty, a dot or two, or hold control characters")
    try:
        return quote(text, safe="")
    except UnicodeEncodeError:
        raise InvalidRequestError("an id must be proper Unicode text") from None


def _typed(content_type: str, headers: HeadersLike) -> Headers:
    return Headers([("Content-Type", content_type), *Headers(headers).pairs])

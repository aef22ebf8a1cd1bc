"""HTTP as data: what a flow yields and what it is sent. Nothing here opens a connection."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Generator, Mapping
from decimal import Decimal
from typing import Any, TypeAlias, TypedDict, TypeVar, Unpack
from urllib.parse import SplitResult, quote, urlencode, urlsplit

import attrs

from gateway_core import _json
from gateway_core.errors import InvalidRequestError
from gateway_core.models import _fields as check
from gateway_core.models.headers import Headers, HeadersLike, as_headers

T = TypeVar("T")

_LARGEST_ID = 2**63
_DEEPEST_FIELD = 20

#: Libraries disagree on where the host ends in an address with anything else in it, such as a backslash.
_ADDRESS = re.compile(r"[!-\[\]-~]+")


class _More(TypedDict, total=False):
    safe: bool
    idempotency_key: str | None
    keep: Callable[[HttpResponse], float | None] | None
    fresh: bool


@attrs.frozen(kw_only=True)
class HttpRequest:
    """One HTTP request: bytes, so that what is signed is what is sent.

    Attributes:
        method: ``GET``, ``POST`` ...
        url: The whole address; make it with `endpoint`, which encodes ids.
        headers: The headers. Their values and the body are left out of the ``repr``: they hold keys and customers'
            data.
        body: The body.
        safe: Whether it changes nothing at the provider (RFC 9110, 9.2.1). True for GET and HEAD unless said otherwise;
            say so of a POST that only reads, for what happens after a lost answer depends on it.
        idempotency_key: The key under which the provider carries this request out at most once, if
            `ProviderInfo.idempotency` says that it honours one. The header or field that carries the key is the
            plugin's to set.
        keep: Returns for how many seconds a 2xx answer to this request may stand for the next ones, at most a day; None
            for not at all. Until then the same request (method, address, headers and body) of any call of this account
            in this process is not sent, and gets that answer; if several calls make it at the same time, it is sent
            once for all of them. For what is asked for again and again, such as an access token, and only for a `safe`
            request.
        fresh: Whether to send the request though an answer to it is kept, as after a kept token was refused. The new
            answer takes the old one's place.

    In a module that needs Django's ``HttpRequest``, too, import this one by another name:
    ``from gateway_core import HttpRequest as ProviderRequest``. Applications need it nowhere.

    Raises:
        InvalidRequestError: If one of them is of another kind. What can be sent is for the transport to check.
    """

    method: str
    url: str = attrs.field(repr=lambda url: repr(url.partition("?")[0]))
    headers: Headers = attrs.field(factory=Headers, converter=as_headers)
    body: bytes = attrs.field(default=b"", repr=lambda body: f"<{len(body)} bytes>")
    safe: bool = attrs.field(
        default=attrs.Factory(lambda self: self.method in ("GET", "HEAD"), takes_self=True),
    )
    idempotency_key: str | None = attrs.field(default=None, repr=False)
    keep: Callable[[HttpResponse], float | None] | None = attrs.field(default=None, repr=False, eq=False)
    fresh: bool = attrs.field(default=False, repr=False)

    def __attrs_post_init__(self) -> None:
        check.text("method", self.method)
        check.text("url", self.url)
        check.bytes_("body", self.body)
        check.flag("safe", self.safe)
        check.text_or_none("idempotency_key", self.idempotency_key)
        check.flag("fresh", self.fresh)

    @classmethod
    def json(
        cls, method: str, url: str, value: Any, *, headers: HeadersLike = (), **more: Unpack[_More]
    ) -> HttpRequest:
        """Return a request with a JSON body; a Decimal is written in plain digits, a float is refused.

        >>> from decimal import Decimal
        >>> from gateway_core import HttpRequest
        >>> HttpRequest.json("POST", "https://api.example.com/invoices", {"total": Decimal("49.90")}).body
        b'{"total": 49.90}'

        Raises:
            InvalidRequestError: If something in `value` has no JSON form.
        """
        body = _dumped(value)
        return cls(method=method, url=url, headers=_typed("application/json", headers), body=body, **more)

    @classmethod
    def form(
        cls, method: str, url: str, fields: Mapping[str, str], *, headers: HeadersLike = (), **more: Unpack[_More]
    ) -> HttpRequest:
        """Return a request with a body of type ``application/x-www-form-urlencoded``.

        Raises:
            InvalidRequestError: If a name or a value is not text.
        """
        body = urlencode(_pairs(fields)).encode("ascii")
        typed = _typed("application/x-www-form-urlencoded", headers)
        return cls(method=method, url=url, headers=typed, body=body, **more)

    @classmethod
    def multipart(
        cls, method: str, url: str, fields: Mapping[str, str], *, headers: HeadersLike = (), **more: Unpack[_More]
    ) -> HttpRequest:
        """Return a request with a body of type ``multipart/form-data``. The same fields give the same bytes.

        Raises:
            InvalidRequestError: If a name or a value is not text.
        """
        from urllib3.filepost import encode_multipart_formdata

        pairs = _pairs(fields)
        # Made of the fields, the boundary is the same each time; as their hash, it cannot stand in them.
        boundary = hashlib.sha256(repr(pairs).encode("utf-8")).hexdigest()[:32]
        body, content_type = encode_multipart_formdata(pairs, boundary=boundary)
        return cls(method=method, url=url, headers=_typed(content_type, headers), body=body, **more)


@attrs.frozen(kw_only=True)
class HttpResponse:
    """One HTTP response, read whole.

    Attributes:
        status: The status code.
        headers: The headers.
        body: The body, decoded from its transfer and content encodings, not larger than the transport allows.
        doubtful: Whether an earlier attempt at the same request may have been carried out, even if this answer says no.
            The core sets it, and says so in the error that the flow raises.

    Raises:
        InvalidRequestError: If one of them is not so.
    """

    status: int
    headers: Headers = attrs.field(factory=Headers, converter=as_headers)
    body: bytes = attrs.field(default=b"", repr=lambda body: f"<{len(body)} bytes>")
    doubtful: bool = attrs.field(default=False, repr=False)

    def __attrs_post_init__(self) -> None:
        check.status_code("status", self.status)
        check.bytes_("body", self.body)
        check.flag("doubtful", self.doubtful)

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300


#: What a hook implementation is: it yields requests, is sent the responses, and returns the result.
Flow: TypeAlias = Generator[HttpRequest, HttpResponse, T]


def endpoint(base_url: str, *segments: str | int, query: Mapping[str, str | int | None] | None = None) -> str:
    """Return the address of one endpoint.

    >>> from gateway_core.http import endpoint
    >>> endpoint("https://api.example.com/v1", "invoices", "a/b", query={"page": 2, "since": None})
    'https://api.example.com/v1/invoices/a%2Fb?page=2'

    Args:
        base_url: The base, with or without a slash at its end.
        segments: The path below it. Each stays one segment, whatever it holds.
        query: The query. What is None is left out.

    Raises:
        InvalidRequestError: If a segment is empty, ``.``, ``..`` or holds a control character: such an id is no id, and
            HTTP libraries send it to another endpoint. Or if something is neither text nor an int of 64 bits.
    """
    address = "/".join((base_url.rstrip("/"), *(_segment(segment) for segment in segments)))
    pairs = [(_text(name), _digits_or_text(value)) for name, value in (query or {}).items() if value is not None]
    return f"{address}?{urlencode(pairs, quote_via=quote)}" if pairs else address


def bracketed(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return nested values as the flat fields of a form or query whose names are written with brackets.

    >>> from gateway_core.http import bracketed
    >>> bracketed({"items": [{"price": 4990, "taxed": True}], "created": {"gte": 5, "lt": None}})
    {'items[0][price]': '4990', 'items[0][taxed]': 'true', 'created[gte]': '5'}

    Args:
        fields: Texts, ints, bools, Decimals, and mappings and lists of them. What is None is left out.

    Raises:
        InvalidRequestError: If something else is in it, such as a float, or a name is empty or holds a bracket, by
            which it would become another field.
    """
    flat: dict[str, str] = {}
    _flatten("", fields, flat, 0)
    return flat


def idempotency_key(operation: str, *names: str) -> str:
    """Return the key of one thing of the shop's: 64 hex digits, always the same for the same names.

    >>> from gateway_core.http import idempotency_key
    >>> idempotency_key("refund", "r-7") == idempotency_key("refund", "r-7")
    True
    >>> len(idempotency_key("create", "an order whose id is as long as it likes"))
    64

    Args:
        operation: What is asked for, so that no refund has the key of an order.
        names: The shop's own keys of it, such as `InvoiceRequest.reference` or `RefundRequest.refund_id`.

    Raises:
        InvalidRequestError: If one of them is no proper text.
    """
    return hashlib.sha256(_dumped([_text(operation), *map(_text, names)])).hexdigest()


def is_loopback(url: str) -> bool:
    """Return whether an address can lead to this machine only."""
    try:
        return check.is_loopback_host(split(url).hostname or "")
    except ValueError:
        return False


def origin(url: str) -> str:
    """Return the scheme, host and port of an address.

    >>> from gateway_core.http import origin
    >>> origin("https://API.example.com/v1")
    'https://api.example.com:443'

    Raises:
        ValueError: If the address has none, or holds anything but visible ASCII.
    """
    parts = split(url)
    port = {"https": 443, "http": 80}.get(parts.scheme) if parts.port is None else parts.port
    if not parts.hostname or port is None:
        raise ValueError("not an http or https address")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port}"


def split(url: str) -> SplitResult:
    """Split an address that every library reads in the same way.

    Raises:
        ValueError: If it is none: not visible ASCII, with a backslash, or with an impossible host or port.
    """
    if not _ADDRESS.fullmatch(url):
        raise ValueError("an address is visible ASCII without a backslash")
    parts = urlsplit(url)
    if "%" in parts.netloc:
        raise ValueError("a host and a port have no escapes")
    if parts.port == 0:  # which raises if it is not a number in range
        raise ValueError("nobody listens on port 0")
    return parts


def present(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a body that are there: JSON writes a None as null, which many providers refuse.

    >>> from gateway_core.http import present
    >>> present({"description": None, "total": 4990, "items": []})
    {'total': 4990, 'items': []}
    """
    return {name: value for name, value in fields.items() if value is not None}


def _dumped(value: Any) -> bytes:
    try:
        return _json.dumps(value)
    except ValueError as error:
        reason = str(error)
    raise InvalidRequestError(reason)


def _typed(content_type: str, headers: HeadersLike) -> Headers:
    return Headers([("Content-Type", content_type), *as_headers(headers).pairs])


def _pairs(fields: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(_text(name), _text(value)) for name, value in fields.items()]


def _flatten(name: str, value: Any, flat: dict[str, str], depth: int) -> None:
    if value is None:
        return
    if isinstance(value, Mapping) or (isinstance(value, list | tuple) and depth):
        if depth > _DEEPEST_FIELD:
            raise InvalidRequestError("the fields of a form are nested too deep")
        for key, each in value.items() if isinstance(value, Mapping) else enumerate(value):
            part = str(key) if type(key) is int else _field_name(key)
            _flatten(f"{name}[{part}]" if depth else part, each, flat, depth + 1)
    elif isinstance(value, bool):
        flat[name] = "true" if value else "false"
    elif isinstance(value, Decimal) and value.is_finite():
        flat[name] = f"{value:f}"
    else:
        flat[name] = _digits_or_text(value)


def _field_name(name: object) -> str:
    text = _text(name)
    if not text or "[" in text or "]" in text:
        raise InvalidRequestError("the name of a field is not empty and holds no bracket")
    return text


def _segment(segment: str | int) -> str:
    text = _digits_or_text(segment)
    hidden = not text.isprintable() and any(ord(char) < 32 or ord(char) == 127 for char in text)
    if hidden or text in {"", ".", ".."}:
        raise InvalidRequestError("an id must not be empty, a dot or two, or hold control characters")
    return quote(text, safe="")


def _digits_or_text(value: object) -> str:
    return str(value) if type(value) is int and abs(value) < _LARGEST_ID else _text(value)


def _text(value: object) -> str:
    # What Python writes for None, a bool or a Decimal is no id, and no amount as a provider reads it.
    if not isinstance(value, str) or (not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value)):
        raise InvalidRequestError("what goes into a request is proper Unicode text, or in an address an int of 64 bits")
    return value

"""Sending HTTP by requests, with everything in it switched off that a payment cannot have.

Off are redirects, cookies, netrc, retries, and preparing the same request anew each time. On are a deadline over the
whole call, a cap on the decoded body, and the sorting of failures.
"""

from __future__ import annotations

import functools
import importlib.metadata
import os
import threading
from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict

from gateway_core.errors import (
    GatewayError,
    InvalidRequestError,
    NotSentError,
)
from gateway_core.http import HttpRequest, HttpResponse, origin
from gateway_core.transport import _environment as environment
from gateway_core.transport._connection import POOLS, SHOWN_TARGET, Call, current
from gateway_core.transport._deadline import Deadline
from gateway_core.transport._environment import Origin
from gateway_core.transport._error_translation import sort, unusable
from gateway_core.transport._request_validation import check
from gateway_core.transport._settings import TransportSettings

#: The encodings that an answer may have. None is asked for; gzip is understood, since some servers send it all the
#: same.
_ENCODINGS = frozenset({"", "identity", "gzip", "x-gzip"})


class RequestsTransport:
    """The transport of one account: its own connections, to its provider's servers and to no other.

    Proxies and authorities of the environment are read once, here (`gateway_core.transport._environment`). It may be
    shared by threads; a process that forks gets connections of its own.

    Args:
        settings: The bounds on every call.
        base_url: The provider's base address.
        hosts: Hosts that may be contacted besides, by https.

    Raises:
        ConfigurationError: If an address is not https and not on the loopback range, or the environment is wrong.
    """

    asks_to_leave = True

    def __init__(self, settings: TransportSettings, *, base_url: str | None, hosts: tuple[str, ...] = ()) -> None:
        self._settings = settings
        allowed = [Origin.of(url) for url in filter(None, (base_url, *(f"https://{host}" for host in hosts)))]
        self._origins = {each.url: each for each in allowed}
        self._proxies = {each.url: environment.proxy_for(each) for each in allowed}
        self._ca_bundle = environment.ca_bundle()
        self._open()

    def _open(self) -> None:
        self._process = os.getpid()
        self._session = _Session(_Adapter(self._settings.pool_size, self._proxies, self._ca_bundle))

    def send(
        self, request: HttpRequest, deadline: Deadline, *, on_write: Callable[[], None] | None = None
    ) -> HttpResponse:
        """Send one request and return the response, whatever its status; a redirect is returned too, never followed.

        Args:
            request: The request.
            deadline: When the call is over, answer or not.
            on_write: Called right before the first byte leaves, once a connection is open; an error of it keeps the
                request from leaving.

        Raises:
            InvalidRequestError: If the request cannot be sent as it stands, or goes to a server that is not this
                provider's.
            NotSentError: If it surely never reached the provider.
            OutcomeUnknownError: If it may have, and no usable answer came back.
        """
        address = check(request)
        target = self._origins.get(address.origin) or self._allowed(address.origin)
        if deadline.remaining() <= 0:
            raise NotSentError(f"{target.host}: the deadline had passed; nothing was sent")
        if os.getpid() != self._process:
            self._open()
        bounds = self._settings
        call = Call(
            address.target,
            deadline,
            connect_timeout=bounds.connect_timeout,
            read_timeout=bounds.read_timeout,
            on_write=on_write,
        )
        current.call = call
        failure: GatewayError
        try:
            answer = self._session.send(
                _Prepared(request, target),
                stream=True,
                timeout=(call.bound(bounds.connect_timeout), call.bound(bounds.read_timeout)),
                verify=True,
                cert=None,
                proxies={},
                allow_redirects=False,
            )
            try:
                outcome = _read(answer, bounds.max_response_bytes)
            finally:
                answer.close()
            if isinstance(outcome, HttpResponse):
                return outcome
            failure = unusable(target.host, outcome, safe=request.safe, permanent=True)
        except GatewayError as error:
            failure = error.with_traceback(None)
        except Exception as error:  # noqa: BLE001  # whatever it is, the request may have been carried out
            failure = sort(error, call, target.host, safe=request.safe)
        finally:
            del current.call
        # Raised out here, so that neither an exception of the libraries nor one of their frames goes with it.
        raise failure

    def _allowed(self, written: str) -> Origin:
        """Find an origin that is written in another way, such as with its port."""
        try:
            normal = origin(written)
        except ValueError:
            normal = ""
        if normal not in self._origins:
            raise InvalidRequestError(
                "the request goes to a server that is neither that of the provider's base address nor named in"
                " `ProviderInfo.hosts`: credentials would leave with it"
            )
        found = self._origins[normal]
        if written == written.lower():  # which bounds how many spellings are kept
            self._origins[written] = found
        return found

    def close(self) -> None:
        """Give the connections back. Further requests open new ones."""
        self._session.close()


def _read(answer: requests.Response, largest: int) -> HttpResponse | str:
    """Read an answer whole, or say why it is of no use."""
    raw = answer.raw
    encoding = raw.headers.get("content-encoding", "").strip().lower()
    if encoding not in _ENCODINGS:
        return "the answer is in an encoding that was not asked for"
    parts: list[bytes] = []
    missing = largest + 1
    while missing and (part := raw.read(missing, decode_content=bool(encoding))):
        parts.append(part)
        missing -= len(part)
    if not missing:
        return f"the answer is larger than {largest} bytes"
    return HttpResponse(status=raw.status, headers=raw.headers.iteritems(), body=b"".join(parts))


class _Prepared(requests.PreparedRequest):
    """A request as requests wants it. It is taken as it stands: `prepare` would rewrite its address and headers."""

    def __init__(self, request: HttpRequest, target: Origin) -> None:
        super().__init__()
        self.target = target
        self.method = request.method
        self.url = request.url
        self.body = request.body or None
        self.headers = CaseInsensitiveDict()
        self.headers["User-Agent"] = _user_agent()
        self.headers["Accept"] = "*/*"
        self.headers["Accept-Encoding"] = "identity"
        for name, value in request.headers.pairs:
            several = request.headers.get_all(name)
            self.headers[name] = value if len(several) == 1 else ", ".join(several)
        if self.body is not None:
            self.headers["Content-Length"] = str(len(request.body))


class _NoCookies(RequestsCookieJar):
    def extract_cookies(self, response: Any, request: Any) -> None:
        """Store nothing: an API needs no memory of us, and two accounts could share one."""


class _Session(requests.Session):
    """A session that follows, remembers and looks up nothing. requests-mock takes the place of its adapter."""

    def __init__(self, adapter: HTTPAdapter) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies = _NoCookies()
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def get_redirect_target(self, *_: Any) -> None:
        """Find no redirect. The base class would read the redirect's body without bound to follow its location."""


class _Answer(requests.Response):
    """A response that was not read, without what requests would make of its headers and cookies."""

    def __init__(self, request: requests.PreparedRequest, raw: Any) -> None:
        self._content = False  # type: ignore[assignment]  # requests' own word for "not read"
        self._content_consumed = False
        self.status_code = raw.status
        self.headers = raw.headers
        self.history = []
        self.raw = raw
        self.request = request


class _Adapter(HTTPAdapter):
    """requests' own adapter, with what is the same for every call worked out once."""

    def __init__(self, pool_size: int, proxies: dict[str, str | None], ca_bundle: Any) -> None:
        # Each origin may have a pool of its own, and so none is closed to make place for another.
        super().__init__(pool_connections=max(1, len(proxies)), pool_maxsize=pool_size, max_retries=0)
        self._proxies = proxies
        self._ca_bundle = ca_bundle
        self._pools: dict[str, Any] = {}
        self._tls: Any = None
        self._lock = threading.Lock()

    def get_connection_with_tls_context(self, request: Any, *_: Any, **__: Any) -> Any:
        """Return the origin's pool."""
        return self._pools.get(request.target.url) or self._make_pool(request.target)

    def _make_pool(self, target: Origin) -> Any:
        with self._lock:
            pool = self._pools.get(target.url)
            if pool is None:
                more: dict[str, Any] = {}
                if target.scheme == "https":
                    self._tls = self._tls or environment.tls_context(self._ca_bundle)
                    more = {"ssl_context": self._tls, "cert_reqs": "CERT_REQUIRED"}
                proxy = self._proxies[target.url]
                manager = self.proxy_manager_for(proxy, proxy_ssl_context=self._tls) if proxy else self.poolmanager
                manager.pool_classes_by_scheme = POOLS
                pool = manager.connection_from_host(target.host, target.port, target.scheme, pool_kwargs=more)
                self._pools[target.url] = pool
            return pool

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Leave the pool's context as it is: it verifies, and no argument can change that."""

    def request_url(self, *_: Any, **__: Any) -> str:
        """Give urllib3 nothing to log: the connection puts in the real target."""
        return SHOWN_TARGET

    def add_headers(self, request: Any, **_: Any) -> None:
        """Give urllib3 a plain mapping, which it copies and walks several times."""
        request.headers = dict(request.headers.items())

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """Return the response as it is."""
        return _Answer(req, resp)

    def close(self) -> None:
        with self._lock:
            self._pools = {}
        super().close()


@functools.cache
def _user_agent() -> str:
    return f"gateway-core/{importlib.metadata.version('gateway-core')}"

"""Session and adapter of requests, with everything switched off that a payment must not do.

Off are redirects, cookies, netrc, retries, and preparing the same request anew each time. What others hook into
requests or urllib3 sees what it would see of any request: the true address, and a whole response.
"""

from __future__ import annotations

import functools
import importlib.metadata
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import requests
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict

from gateway_core._tracebacks import translated
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.transport import _environment as environment
from gateway_core.transport._call import Call
from gateway_core.transport._connection_pool import POOLS
from gateway_core.transport._environment import Origin
from gateway_core.transport._error_translation import unprepared
from gateway_core.transport._response import Response, read_body

#: The methods whose requests tell their length even without a body (RFC 9110, 8.6).
_WITH_LENGTH = frozenset({"POST", "PUT", "PATCH"})


class Prepared(requests.PreparedRequest):
    """A request as requests wants it. It is taken as it stands: `prepare` would rewrite its address and headers."""

    def __init__(self, request: HttpRequest, target: Origin, call: Call) -> None:
        self.target = target
        self.call = call
        self.method = request.method
        self.url = request.url
        self.body = request.body or None
        self._cookies = None
        self._body_position = None
        self.headers = CaseInsensitiveDict()
        self.headers["Host"] = target.authority
        self.headers["User-Agent"] = _user_agent()
        self.headers["Accept"] = "*/*"
        self.headers["Accept-Encoding"] = "identity"
        for name, value in request.headers.pairs:
            several = request.headers.get_all(name)
            self.headers[name] = value if len(several) == 1 else ", ".join(several)
        if self.body is not None or request.method in _WITH_LENGTH:
            self.headers["Content-Length"] = str(len(request.body))
        self._hooks: dict[str, Any] = {"response": []}

    @property
    def hooks(self) -> dict[str, Any]:
        """What is to be called; requests asks for it first, and so this tells when it begins to look for an adapter."""
        self.call.astray = True
        return self._hooks

    @hooks.setter
    def hooks(self, hooks: dict[str, Any]) -> None:
        self._hooks = hooks


class _NoCookies(RequestsCookieJar):
    def extract_cookies(self, response: Any, request: Any) -> None:
        """Store nothing: an API needs no memory of us, and two accounts could share one."""


class Session(requests.Session):
    """A session that follows, remembers and looks up nothing. requests-mock takes the place of its adapter."""

    def __init__(self, adapter: HTTPAdapter) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies = _NoCookies()
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def resolve_redirects(self, *_: Any, **__: Any) -> Iterator[Any]:
        """Find no redirect. The base class would read the redirect's body without bound to follow its location."""
        return iter(())


class _Answer(requests.Response):
    """A response with status and body; the rest is made for whoever looks at it."""

    def __init__(self, adapter: HTTPAdapter, request: requests.PreparedRequest, raw: Response) -> None:
        self._content = raw.body
        self._content_consumed = True
        self.status_code = raw.status
        self.history = []
        self.raw: Response = raw
        self.request = request
        self._adapter = adapter

    def __getattr__(self, name: str) -> Any:
        if "encoding" in vars(self) or name.startswith("__"):
            raise AttributeError(name)
        whole = HTTPAdapter.build_response(self._adapter, self.request, self.raw.urllib3)
        for each, value in vars(whole).items():
            vars(self).setdefault(each, value)
        return getattr(self, name)


@attrs.frozen
class _PoolForCall:
    """An origin's pool, as requests sees it."""

    pool: Any
    call: Call

    def urlopen(self, *, headers: Any, **more: Any) -> Any:
        """Give urllib3 the call, and a plain mapping of the headers, which it copies and walks several times."""
        return self.pool.urlopen(headers=dict(headers.items()), call=self.call, **more)


class Adapter(HTTPAdapter):
    """requests' own adapter, with what is the same for every call worked out once.

    Args:
        pool_size: How many connections to keep for each server.
        proxies: The proxy for each server that may be contacted, by its origin.
        ca_bundle: The authorities that the environment names.
    """

    def __init__(self, pool_size: int, proxies: Mapping[str, str | None], ca_bundle: Any) -> None:
        # Each origin may have a pool of its own, and so none is closed to make place for another.
        super().__init__(pool_connections=max(1, len(proxies)), pool_maxsize=pool_size, max_retries=0)
        self._proxies = proxies
        self._ca_bundle = ca_bundle
        self._pools: dict[str, Any] = {}
        self._tls: Any = None
        self._lock = threading.RLock()

    def get_connection_with_tls_context(self, request: Any, *_: Any, **__: Any) -> Any:
        """Return the origin's pool, with the call that it works for."""
        request.call.astray = False
        pool = self._pools.get(request.target.url) or self._make_pool(request.target)
        return _PoolForCall(pool, request.call)

    def _make_pool(self, target: Origin) -> Any:
        with self._lock, translated(Exception, functools.partial(unprepared, target.host)):
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

    def request_url(self, request: Any, *_: Any, **__: Any) -> str:
        """Return the path and query as they are."""
        return str(request.call.target)

    def build_response(self, req: Any, resp: Any) -> requests.Response:
        """Return the response with its whole body, so that whoever looks at it later reads nothing without bounds."""
        if isinstance(resp, Response):
            return _Answer(self, req, resp)
        answer = super().build_response(req, resp)
        try:
            answer._content = read_body(resp, req.call.largest)  # noqa: SLF001  # as `content` does
        finally:
            answer._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001  # as above
            resp.close()
        return answer

    def close(self) -> None:
        with self._lock:
            self._pools = {}
        super().close()


def whole(answer: requests.Response, largest: int) -> HttpResponse:
    """Return an answer, whether it comes from an adapter of ours or from a stand-in.

    Raises:
        UnusableAnswer: If it is too large, or encoded in a way that was not asked for.
    """
    raw = answer.raw
    if isinstance(raw, Response):
        return HttpResponse(status=raw.status, headers=raw.headers.items(), body=raw.body)
    body: Any = answer._content  # noqa: SLF001  # `content` would read without bounds
    if body is False:
        try:
            body = read_body(raw, largest)
        finally:
            answer.close()
    return HttpResponse(status=raw.status, headers=raw.headers.items(), body=body or b"")


@functools.cache
def _user_agent() -> str:
    try:
        return f"gateway-core/{importlib.metadata.version('gateway-core')}"
    except Exception:  # noqa: BLE001  # a frozen application has no metadata, and any loader of modules its own errors
        return "gateway-core"

"""What the process's environment says about how to reach the internet, read once, when a transport is made.

The variables are those of curl and requests: ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` (in either case), and
``REQUESTS_CA_BUNDLE`` or ``CURL_CA_BUNDLE`` for a company's own authority. A loopback address is never asked for
through a proxy, which would carry it off this machine. Nothing else of the environment counts: no ``.netrc``, which
would replace our ``Authorization`` header, and nothing that switches verification off.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import attrs
from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_environ_proxies, select_proxy
from urllib3.util.ssl_ import create_urllib3_context

from gateway_core.errors import ConfigurationError
from gateway_core.http import is_loopback, origin

_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@attrs.frozen
class Origin:
    """A server that may be contacted.

    Attributes:
        url: Its normal form: scheme, host and port.
        scheme: ``https``, or ``http`` on the loopback range.
        host: The host's name or number.
        port: The port.
        authority: Host and port as the header ``Host`` has them: without the port that the scheme has by itself.
    """

    url: str
    scheme: str
    host: str
    port: int
    authority: str

    @classmethod
    def of(cls, url: str) -> Origin:
        """Return the origin of an address.

        Raises:
            ConfigurationError: If it has none, or is not https and not on the loopback range.
        """
        try:
            normal = origin(url)
            parts = urlsplit(url)
        except (ValueError, TypeError):
            raise ConfigurationError("an address to contact must be one such as https://api.example.com") from None
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(url)):
            raise ConfigurationError(
                f"{parts.hostname} must be contacted by https: http is for the loopback range only"
            )
        authority = normal.partition("://")[2].removesuffix(":443" if parts.scheme == "https" else ":80")
        return cls(normal, parts.scheme, parts.hostname or "", int(normal.rpartition(":")[2]), authority)


def proxy_for(target: Origin) -> str | None:
    """Return the proxy that the environment names for an origin; None if it is contacted directly.

    Raises:
        ConfigurationError: If the proxy is none that can be used. Its address, which may hold a password, is not told.
    """
    if is_loopback(target.url):
        return None
    named = select_proxy(target.url, get_environ_proxies(target.url))
    if not named:
        return None
    proxy = named if "://" in named else f"http://{named}"
    try:
        parts = urlsplit(proxy)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(
            f"the environment's proxy for {target.host} (HTTPS_PROXY, ALL_PROXY) must be an http or https address:"
            f" correct it, or add {target.host} to NO_PROXY"
        )
    return proxy


def ca_bundle() -> Path | None:
    """Return the authorities that the environment names, a file or a directory; None for those that come with requests.

    Raises:
        ConfigurationError: If a variable names nothing that exists.
    """
    for variable in _CA_VARIABLES:
        named = os.environ.get(variable)
        if named:
            path = Path(named)
            if not path.exists():
                raise ConfigurationError(f"{variable} names a file that does not exist")
            return path
    return None


def tls_context(bundle: Path | None) -> ssl.SSLContext:
    """Return a context that verifies certificates and host names, and speaks TLS 1.2 or later.

    Raises:
        ConfigurationError: If the authorities cannot be read.
    """
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    path = bundle or Path(DEFAULT_CA_BUNDLE_PATH)
    readable = True
    try:
        if path.is_dir():
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
    except OSError:  # which ssl.SSLError is, too
        readable = False
    if not readable:
        raise ConfigurationError(f"the authorities that {' or '.join(_CA_VARIABLES)} names cannot be read")
    return context

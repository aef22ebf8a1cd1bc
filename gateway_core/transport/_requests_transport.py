"""Sending HTTP by requests: a deadline over the whole call, a cap on the decoded body, and the sorting of failures."""

from __future__ import annotations

import os
from collections.abc import Callable

from gateway_core.errors import GatewayError, InvalidRequestError, NotSentError
from gateway_core.http import HttpRequest, HttpResponse, origin
from gateway_core.transport import _environment as environment
from gateway_core.transport._adapter import Adapter, Prepared, Session, whole
from gateway_core.transport._call import Call
from gateway_core.transport._deadline import Deadline
from gateway_core.transport._environment import Origin
from gateway_core.transport._error_translation import sort, unprepared, unusable
from gateway_core.transport._request_validation import check
from gateway_core.transport._response import UnusableAnswer
from gateway_core.transport._settings import TransportSettings


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
        bounds = self._settings
        adapter = Adapter(bounds.pool_size, self._proxies, self._ca_bundle)
        self._session = Session(adapter)

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
            largest=bounds.max_response_bytes,
            on_write=on_write,
        )
        failure: GatewayError
        try:
            prepared = Prepared(request, target, call)
        except Exception as error:  # noqa: BLE001  # whatever it is, nothing was sent
            failure = unprepared(target.host, error)
        else:
            try:
                answer = self._session.send(
                    prepared,
                    stream=True,
                    timeout=(bounds.connect_timeout, bounds.read_timeout),  # which the connection makes shorter
                    verify=True,
                    cert=None,
                    proxies={},
                    allow_redirects=False,
                )
                return whole(answer, bounds.max_response_bytes)
            except UnusableAnswer as error:
                failure = unusable(target.host, str(error), safe=request.safe, permanent=True)
            except GatewayError as error:
                failure = error.with_traceback(None)
            except Exception as error:  # noqa: BLE001  # whatever it is, the request may have been carried out
                failure = sort(error, call, target.host, safe=request.safe)
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

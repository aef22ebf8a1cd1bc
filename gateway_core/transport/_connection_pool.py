"""urllib3's connection pools, of connections that know the call which uses them."""

from __future__ import annotations

import collections
import contextlib
import queue
from typing import TYPE_CHECKING, Any

import urllib3
import urllib3.connectionpool

from gateway_core.transport._call import Call
from gateway_core.transport._connection import BoundedConnection, HttpConnection, HttpsConnection, hooked

if TYPE_CHECKING:
    _PoolBase = urllib3.HTTPConnectionPool
else:
    _PoolBase = object


class _Idle:
    """Idle connections, the last one first; with no lock, which a signal's handler would wait for in vain.

    Args:
        most: How many there is room for.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._connections: collections.deque[Any] = collections.deque()

    def get(self, **_: Any) -> Any:
        """Take one.

        Raises:
            queue.Empty: If there is none.
        """
        try:
            return self._connections.pop()
        except IndexError:
            raise queue.Empty from None

    def put(self, connection: Any, **_: Any) -> None:
        """Add one.

        Raises:
            queue.Full: If there is no room.
        """
        if self.qsize() >= self._most:
            raise queue.Full
        self._connections.append(connection)

    def qsize(self) -> int:
        """Return how many there are."""
        return len(self._connections)


class _Pool(_PoolBase):
    QueueCls = _Idle  # type: ignore[assignment]  # of a queue, this is what urllib3 uses

    def _prepare_proxy(self, conn: Any) -> None:
        """Leave the way through the proxy for `_make_request`, which has the call."""

    def _make_request(self, conn: Any, method: str, url: str, *, call: Call, **more: Any) -> Any:  # type: ignore[override]  # the call is ours
        """Carry a call out on a connection; without urllib3's own timeouts and log lines, which show addresses."""
        body, headers = more["body"], more["headers"]
        if not isinstance(conn, BoundedConnection):
            call.astray = True
            self._validate_conn(conn)
        else:
            conn.call = call
            call.reached = True
            if conn.is_closed:
                if self.proxy is not None:
                    super()._prepare_proxy(conn)
                else:
                    conn.connect()
            if not hooked():
                answer = conn.exchange(method, body or b"", headers)
                self._put_conn(conn)
                return answer
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            conn.request(method, url, body=body, headers=headers, preload_content=False, decode_content=False)
        response = conn.getresponse()
        response._connection, response._pool = conn, self  # noqa: SLF001  # as urllib3 does
        return response


class _HttpPool(_Pool, urllib3.HTTPConnectionPool):
    @property
    def ConnectionCls(self) -> Any:  # type: ignore[override]  # noqa: N802  # urllib3's name
        """Our connection, or that of a recorder which has put its own in the place of urllib3's."""
        theirs = urllib3.HTTPConnectionPool.ConnectionCls
        return HttpConnection if theirs.__module__ == "urllib3.connection" else theirs


class _HttpsPool(_Pool, urllib3.HTTPSConnectionPool):
    @property
    def ConnectionCls(self) -> Any:  # type: ignore[override]  # noqa: N802  # urllib3's name
        """As above."""
        theirs = urllib3.HTTPSConnectionPool.ConnectionCls
        return HttpsConnection if theirs.__module__ == "urllib3.connection" else theirs


#: For `PoolManager.pool_classes_by_scheme`.
POOLS: dict[str, type[urllib3.HTTPConnectionPool]] = {"http": _HttpPool, "https": _HttpsPool}

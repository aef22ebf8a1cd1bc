"""Webhooks in a web application, whichever framework it is made with.

A framework's own adapter mounts all of this in three lines: `gateway_core.web.flask`, `gateway_core.web.fastapi`, and
`gateway_core.web.starlette`; `wsgi_app` and `asgi_app` serve every other one. Nothing here imports a framework.
"""

from gateway_core.web._accounts import Accounts, gateway_at
from gateway_core.web._answers import answer_to, status_for
from gateway_core.web._apps import asgi_app, wsgi_app
from gateway_core.web._order_status import OrderStatus, known_now, known_now_async
from gateway_core.web._receiving import receive, receive_async
from gateway_core.web._requests import MAX_BODY, request_from_asgi, request_from_wsgi

__all__ = [
    "MAX_BODY",
    "Accounts",
    "OrderStatus",
    "answer_to",
    "asgi_app",
    "gateway_at",
    "known_now",
    "known_now_async",
    "receive",
    "receive_async",
    "request_from_asgi",
    "request_from_wsgi",
    "status_for",
    "wsgi_app",
]

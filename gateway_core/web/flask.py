"""Webhooks in Flask.

::

    from gateway_core.web.flask import payments

    app.register_blueprint(payments(Gateway.open(), handle))

It needs ``pip install 'gateway-core[flask]'``.
"""

from __future__ import annotations

from gateway_core.errors import ConfigurationError, WebhookError, WebhookReason
from gateway_core.gateway import Gateway
from gateway_core.web._accounts import Accounts
from gateway_core.web._apps import answer_wsgi, headers_of, refused
from gateway_core.web._receiving import Handle, Transaction
from gateway_core.web._requests import MAX_BODY

try:
    from flask import Blueprint, Response, current_app, g, request
    from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
except ImportError as error:
    if error.name is None or error.name.partition(".")[0] not in ("flask", "werkzeug"):
        raise
    raise ConfigurationError("this needs its extra: pip install 'gateway-core[flask]'") from None

__all__ = ["payments"]

_METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]


def payments(
    gateway: Gateway | Accounts[Gateway],
    handle: Handle,
    *,
    transaction: Transaction | None = None,
    name: str = "payments",
    url_prefix: str = "/webhooks",
) -> Blueprint:
    """Return a blueprint that receives webhooks at ``url_prefix``, by `gateway_core.web.receive`.

    The raw body is read before anything of the application can parse it, and Flask-WTF's protection against forged
    forms, which webhooks cannot pass, does not ask them for a token.

    Args:
        gateway: The gateway, with a journal; or several by name, each at its name below ``url_prefix``.
        handle: Called with each `WebhookEvent` that is new, in the application's context. If it raises, the event
            comes again.
        transaction: As that of `gateway_core.web.receive`: ``lambda: db.engine.begin()`` with Flask-SQLAlchemy.
        name: The blueprint's name.
        url_prefix: Where the webhooks come in.
    """
    blueprint = Blueprint(name, __name__, url_prefix=url_prefix)

    @blueprint.url_value_preprocessor
    def keep_the_raw_body(*_: object) -> None:
        """Come before all functions that an application has called before a request."""
        _exempt(blueprint)
        request.max_content_length = MAX_BODY
        g.gateway_refused = None
        try:
            request.get_data()
        except RequestEntityTooLarge:
            g.gateway_refused = WebhookError(f"more than {MAX_BODY} bytes", reason=WebhookReason.TOO_LARGE)
        except ClientDisconnected:
            g.gateway_refused = WebhookError("its body ended early")

    def webhook(path: str = "") -> Response:
        if g.gateway_refused is not None:
            answer = refused(g.gateway_refused)
        else:
            answer = answer_wsgi(gateway, request.environ, path, handle, transaction, request.get_data())
        return Response(answer.body, status=answer.status, headers=headers_of(answer))

    for rule in ("", "/<path:path>", "/"):
        blueprint.add_url_rule(
            rule, view_func=webhook, methods=_METHODS, provide_automatic_options=False, strict_slashes=True
        )
    return blueprint


def _exempt(blueprint: Blueprint) -> None:
    """Take the webhooks out of Flask-WTF's protection, whenever it was added to the application."""
    protection = current_app.extensions.get("csrf")
    if protection is not None and type(protection).__module__.startswith("flask_wtf"):
        protection.exempt(blueprint)

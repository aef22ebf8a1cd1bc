"""The webhooks of the accounts."""

from __future__ import annotations

import logging

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt

from gateway_core import Acknowledgement, WebhookRequest
from gateway_core.errors import GatewayError, WebhookError, WebhookReason
from gateway_core.web import MAX_BODY, answer_to, gateway_at
from gateway_django import _gateways, _handling

_log = logging.getLogger("gateway_django")


@csrf_exempt
@transaction.non_atomic_requests  # what belongs together is put into one transaction below
def webhook(request: HttpRequest, path: str = "") -> HttpResponse:
    """Receive a webhook: its raw body, for the account that the path names.

    The answer is 2xx when what it tells was handled and that is written down, and for what came before. It says
    nothing else; why a webhook was refused, the log says.
    """
    try:
        gateway = gateway_at(_gateways.gateways(), path)
        answer = Acknowledgement(status=404) if gateway is None else _handling.receive(gateway, request_of(request))
    except WebhookError as error:
        _log.warning("refused a webhook: %s", error.message)
        answer = answer_to(error)
    except GatewayError as error:
        _log.error("a webhook was not received: %s", error)
        answer = Acknowledgement(status=500)
    response = HttpResponse(answer.body, status=answer.status)
    del response.headers["Content-Type"]
    for name, value in answer.headers.pairs:
        response.headers[name] = value
    return response


def request_of(request: HttpRequest) -> WebhookRequest:
    """Return what Django has received as the webhook that it is. Its address is the one that Django knows it by.

    Raises:
        WebhookError: If its body is larger than is allowed, or ends early.
    """
    declared = request.META.get("CONTENT_LENGTH") or ""
    length = int(declared) if declared.isascii() and declared.isdigit() else None
    _check_size(length or 0)
    try:
        body = request.read(MAX_BODY + 1)
    except (UnreadablePostError, OSError):
        body = None
    if body is None or (length is not None and len(body) < length):
        raise WebhookError("its body ended early")
    _check_size(len(body))
    return WebhookRequest(
        body=body,
        headers=list(request.headers.items()),
        method=str(request.method),
        url=request.build_absolute_uri(),
    )


def webhook_url(request: HttpRequest, account: str | None = None) -> str:
    """Return the address at which the webhooks of an account come in, for ``InvoiceRequest(webhook_url=...)``.

    Args:
        request: A request to the same site.
        account: The account's name; None for the default one.
    """
    path = reverse("gateway_django:webhooks") if account is None else reverse("gateway_django:webhook", args=[account])
    return request.build_absolute_uri(path)


def _check_size(size: int) -> None:
    if size > MAX_BODY:
        raise WebhookError(f"more than {MAX_BODY} bytes", reason=WebhookReason.TOO_LARGE)

"""The API of {{ cookiecutter.title }}, as flows.

A hook yields its requests, is sent the answers, and returns a record.
Nothing here opens a socket, reads a clock or is random: the core sends, waits, limits and tries again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import attrs
from gateway_core import (
    Flow,
    HttpRequest,
    HttpResponse,
    Invoice,
    InvoiceRequest,
    Page,
    Payment,
    PaymentQuery,
    ProviderInfo,
    StatusReport,
    WebhookDelivery,
    WebhookRequest,
    hookimpl,
)
from gateway_core.errors import ProviderError, UnexpectedResponseError, for_status
from gateway_core.http import endpoint
from gateway_core.provider import WebhookAuthentication
from gateway_core.wire import decode, loads

from {{ cookiecutter.__package }}.settings import BASE_URL, {{ cookiecutter.__class_name }}Settings
from {{ cookiecutter.__package }}.wire import WireRefusal

T = TypeVar("T")


@attrs.frozen
class {{ cookiecutter.__class_name }}:
    """One account at {{ cookiecutter.title }}.

    Args:
        settings: The account's settings.
    """

    settings: {{ cookiecutter.__class_name }}Settings

    info = ProviderInfo(
        title="{{ cookiecutter.title }}",
        base_url=BASE_URL,
        webhook_authentication=WebhookAuthentication.SIGNATURE,
        webhook_covers="every byte of the body",
        list_guarantee="to be found out: which payments are listed, in which order, and what is there twice or not yet",
    )

    @hookimpl
    def create_invoice(self, request: InvoiceRequest) -> Flow[Invoice]:
        raise NotImplementedError("create_invoice is still to be written: yield the request that makes an invoice")

    @hookimpl
    def get_status(self, invoice_id: str) -> Flow[StatusReport]:
        raise NotImplementedError("get_status is still to be written: yield self._get(...), and map its answer")

    @hookimpl
    def list_payments(self, query: PaymentQuery) -> Flow[Page[Payment]]:
        raise NotImplementedError("list_payments is still to be written: one page, and the cursor of the next")

    @hookimpl
    def verify_webhook(self, request: WebhookRequest) -> WebhookDelivery:
        raise NotImplementedError("verify_webhook is still to be written: check the signature, and only then parse")

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.settings.api_key.reveal()}"}

    def _get(self, *path: str, **query: str | int | None) -> HttpRequest:
        url = endpoint(self.settings.base_url, "v1", *path, query=query)
        return HttpRequest(method="GET", url=url, headers=self._headers())


def _read(response: HttpResponse, read: Callable[[Any], T]) -> T:
    """Return what was answered; raise what was refused with."""
    if not response.ok:
        raise _refusal(response)
    return read(loads(response.body))


def _refusal(response: HttpResponse) -> ProviderError:
    try:
        fault = decode(response.body, WireRefusal)
        code, message = fault.code, fault.message
    except UnexpectedResponseError:
        code, message = None, f"HTTP {response.status} without an explanation"
    return for_status(response.status, message, code=code)

"""From what the core tells to the signals of Django, each effect once."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from asgiref.sync import sync_to_async
from django.dispatch import Signal

from gateway_core import Acknowledgement, Gateway, InvoiceStatus, WebhookEvent, WebhookRequest, web
from gateway_core.errors import NotFoundError
from gateway_core.web import OrderStatus
from gateway_django import _database, _gateways, signals

_S = InvoiceStatus

#: The signal of each status that an invoice has come to; PAID and OVERPAID are told by what follows from them.
OF_STATUS: Mapping[InvoiceStatus, Signal] = MappingProxyType(
    {
        _S.APPROVED: signals.invoice_approved,
        _S.AUTHORIZED: signals.invoice_authorized,
        _S.PARTIALLY_PAID: signals.invoice_partially_paid,
        _S.OVERPAID: signals.invoice_overpaid,
        _S.EXPIRED: signals.invoice_expired,
        _S.CANCELED: signals.invoice_canceled,
        _S.FAILED: signals.invoice_failed,
        _S.PARTIALLY_REFUNDED: signals.invoice_partially_refunded,
        _S.REFUNDED: signals.invoice_refunded,
    }
)


def handle_of(gateway: Gateway) -> Callable[..., None]:
    """Return what sends the signals of a gateway's events."""
    account = gateway.journal.account if gateway.journal is not None else gateway.backend

    def handle(event: WebhookEvent, _: object = None) -> None:
        told = {"event": event, "order_id": event.order_id, "account": account}
        move = event.move
        if event.pays:
            signals.invoice_paid.send(WebhookEvent, **told)
        if move is not None and move.after is not move.before and move.after in OF_STATUS:
            OF_STATUS[move.after].send(WebhookEvent, **told)
        signals.webhook_event.send(WebhookEvent, **told)

    return handle


def transaction() -> Callable[[], contextlib.AbstractContextManager[Any]] | None:
    """Return what begins the transaction that receivers and journal share; None if they have no database in common.

    Raises:
        ConfigurationError: If the settings are wrong.
    """
    alias = _gateways.shared_database()
    return None if alias is None else functools.partial(_database.shared_transaction, alias)


def receive(gateway: Gateway, request: WebhookRequest) -> Acknowledgement:
    """Receive a webhook, have its signals sent, once each, and return the answer.

    Raises:
        ConfigurationError: If the settings are wrong.
    """
    return web.receive(gateway, request, handle_of(gateway), transaction=transaction())


def poll(gateway: Gateway, *, order_id: str | None = None, limit: int = 100) -> int:
    """Ask the provider about open invoices, and send the signals of what is new as if a webhook had told it, once.

    Args:
        gateway: The gateway.
        order_id: As that of `~gateway_core.gateway.Gateway.poll`.
        limit: As that of `~gateway_core.gateway.Gateway.poll`.

    Returns:
        How many events were handled.

    Raises:
        GatewayError: As of `~gateway_core.gateway.Gateway.poll`.
    """
    return gateway.poll(handle_of(gateway), order_id=order_id, limit=limit, transaction=transaction())


def order_status(order_id: str) -> OrderStatus:
    """Return what is known of an order now, for the page to which a buyer comes back.

    That somebody came back proves nothing, and neither does what is in the address. The provider is asked if the order
    is not settled, every two seconds at most, and what is new is told by the signals as if a webhook had told it, once.

    Args:
        order_id: The shop's key of the order.

    Raises:
        ConfigurationError: If the settings are wrong.
        JournalError: If the journal cannot be read.
    """
    try:
        gateway = _gateways.gateways().of(order_id)
    except NotFoundError:
        return OrderStatus(order_id=order_id)
    return web.known_now(gateway, order_id, handle_of(gateway), transaction=transaction())


async def aorder_status(order_id: str) -> OrderStatus:
    """Return what is known of an order now, as `order_status` does, to an async view: receivers run in a thread.

    Args:
        order_id: The shop's key of the order.

    Raises:
        ConfigurationError: If the settings are wrong.
        JournalError: If the journal cannot be read.
    """
    return await sync_to_async(order_status)(order_id)

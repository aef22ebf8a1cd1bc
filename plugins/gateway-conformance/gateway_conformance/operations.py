"""Each operation that a provider has, ready to be called on what exists."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from gateway_conformance.harness import Harness
from gateway_core.models.payment import PaymentQuery


@attrs.frozen
class Operation:
    """One operation, ready to be called on a thing that exists.

    Attributes:
        name: Its name.
        call: Calls it through a gateway.
        arguments: What its hook is given.
    """

    name: str
    call: Callable[[Any], Any]
    arguments: Mapping[str, Any]


def operations_of(harness: Harness) -> Iterator[Operation]:
    """Yield each operation that the provider has but for webhooks, ready to be called on what exists."""
    asked = harness.request()
    harness.prepare("given_invoice", asked)
    yield Operation("create_invoice", lambda gateway: gateway.create_invoice(asked), {"request": harness.ready(asked)})
    # On paper there is one invoice throughout, which does not mind being created again.
    invoice = harness.create(asked if harness.emulator is None else None)
    by_id = {"invoice_id": invoice.id}
    yield Operation("get_status", lambda gateway: gateway.get_status(invoice.id), by_id)
    if harness.supports("list_payments"):
        harness.prepare("given_payments", 3)
        yield Operation("list_payments", lambda gateway: gateway.list_payments(), {"query": PaymentQuery()})
    if harness.supports("find_invoice"):
        order = invoice.order_id or "order-1"
        harness.prepare("given_found", order)
        yield Operation(
            "find_invoice",
            lambda gateway: gateway.find_invoice(order),
            taken(harness, "find_invoice", order_id=order, attempt=1, since=None),
        )
    if harness.supports("check_account"):
        harness.prepare("given_account")
        yield Operation("check_account", lambda gateway: gateway.check_account(), {})
    if harness.supports("cancel_invoice"):
        harness.prepare("given_canceled", invoice.id)
        by_id = taken(harness, "cancel_invoice", invoice_id=invoice.id, references={})
        yield Operation("cancel_invoice", lambda gateway: gateway.cancel_invoice(invoice.id), by_id)
    if harness.supports("refund_payment"):
        paid = harness.paid() if harness.emulator is not None else invoice
        refund = harness.refund_of(paid, f"refund-{harness.orders}", harness.amount())
        harness.prepare("given_refunded", refund)
        yield Operation("refund_payment", lambda gateway: gateway.refund_payment(refund), {"request": refund})


def taken(harness: Harness, operation: str, **arguments: Any) -> dict[str, Any]:
    """Return the arguments that the plugin's hook takes, of those that the core offers."""
    declared = inspect.signature(getattr(harness.provider, operation)).parameters
    return {name: value for name, value in arguments.items() if name in declared}

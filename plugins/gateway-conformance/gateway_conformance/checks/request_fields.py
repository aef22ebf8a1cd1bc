"""Checks of what a request may hold: each field that the provider is said to take arrives there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from gateway_conformance.base import Checks
from gateway_conformance.check import check, describe, not_applicable, require
from gateway_conformance.harness import Harness
from gateway_core.errors import GatewayError, InvalidRequestError, OutOfReachError
from gateway_core.http import HttpRequest
from gateway_core.models.customer import Address, Customer
from gateway_core.models.invoice import InvoiceRequest
from gateway_core.models.line_item import LineItem
from gateway_core.testing.forms import fields_of

#: A value of each field, and texts of it that the provider must be sent.
_CANARY = "zorblax"
_TEXTS: Mapping[str, tuple[Any, tuple[str, ...]]] = {
    "description": ("Zorblax tickets", ("Zorblax tickets",)),
    "return_url": (f"https://shop.example/{_CANARY}-back", (f"{_CANARY}-back",)),
    "cancel_url": (f"https://shop.example/{_CANARY}-cancel", (f"{_CANARY}-cancel",)),
    "webhook_url": (f"https://shop.example/{_CANARY}-hook", (f"{_CANARY}-hook",)),
    "metadata": ({f"{_CANARY}_key": f"{_CANARY}-value"}, (f"{_CANARY}_key", f"{_CANARY}-value")),
    "customer": (
        Customer(
            email=f"{_CANARY}@example.com",
            name="Zorblax Prime",
            address=Address(line1="1 Zorblax Street", city="Zorbville", country="DE", postal_code="12345"),
        ),
        (),  # a provider takes what it has a field for
    ),
    "locale": ("de", ()),
}


class RequestFieldChecks(Checks):
    """What is declared arrives, and what is not is not sent."""

    @check
    def test_declared_fields_reach_the_provider(self, harness: Harness) -> None:
        """Each field that `info.honours` names changes what is sent, and its texts are in it.

        Why: A return address or a customer that is dropped silently is missed when it matters, and by nobody before.
        """
        declared = harness.info.honours
        if declared is None:
            not_applicable("info.honours is None: the plugin does not say")
        for name in declared:
            value, texts = _value(harness, name)
            if value is None:
                continue
            (without, _), (sent, ignored) = _sent(harness, {name: None}), _sent(harness, {name: value})
            if name in ignored:
                continue  # with these settings it is told that the provider ignores it
            require(sent != without, f"{name} changes nothing of what is sent")
            missing = [text for text in texts if text not in sent]
            require(not missing, f"no request holds {missing} of {name}")

    @check
    def test_fields_that_are_not_declared_are_not_sent(self, harness: Harness) -> None:
        """A field that `info.honours` does not name is not sent.

        Why: The shop is told that the provider ignores it. One of the two is wrong.
        """
        declared = harness.info.honours
        if declared is None:
            not_applicable("info.honours is None: the plugin does not say")
        for name in (*_TEXTS, "line_items"):
            if name in declared:
                continue
            value, _ = _value(harness, name)
            require(
                _sent(harness, {name: value})[0] == _sent(harness, {name: None})[0],
                f"info.honours does not name {name}, and it is sent",
            )

    @check
    def test_metadata_names_no_other_order(self, harness: Harness) -> None:
        """Metadata that is spelt like the plugin's own fields changes neither the order of an invoice nor its amount.

        Why: Metadata is often written by customers. One who names another order is delivered that order.
        """
        imitation = dict.fromkeys(
            (
                "order_id",
                "orderId",
                "order",
                "reference",
                "merchantReference",
                "id",
                "invoice_id",
                "amount",
                "metadata",
            ),
            "order-of-another",
        )
        request = harness.request(metadata=imitation)
        try:
            invoice = harness.create(request)
        except InvalidRequestError:
            return  # it refuses such names
        told = {invoice.order_id, harness.gateway.get_status(invoice.id).order_id} - {None, request.order_id}
        require(not told, f"the invoice of {request.order_id!r} is told as one of {told}")
        if harness.emulator is not None and harness.supports("find_invoice"):
            found = _found(harness, "order-of-another")
            require(found is None, f"the order that is only in the metadata is found as {found!r}")

    @check
    def test_order_id_of_the_greatest_length_comes_back(self, harness: Harness) -> None:
        """An order id as long as `info.order_reference_length` admits comes back whole, or is refused before sending.

        Why: One that is cut short is another order's, or is found by nobody.
        """
        longest = harness.info.order_reference_length
        request = harness.request(order_id=("order-" + "0123456789" * 26)[: min(longest, 255)])
        with harness.transport.recording() as asked:
            try:
                invoice = harness.create(request)
            except InvalidRequestError as error:
                require(not asked, f"it was refused after {len(asked)} requests: {describe(error)}")
                return
        told = {invoice.order_id, harness.gateway.get_status(invoice.id).order_id} - {None, request.order_id}
        require(not told, f"{request.order_id!r} came back as {told}")
        if harness.emulator is not None and harness.supports("find_invoice"):
            require(_found(harness, request.order_id) is not None, "it is not found again")


def _value(harness: Harness, name: str) -> tuple[Any, tuple[str, ...]]:
    if name == "line_items":
        half = harness.amount(2495)
        return (LineItem(name="Zorblax ticket", quantity=2, unit_amount=half),), ("Zorblax ticket",)
    return _TEXTS.get(name, (None, ()))


def _sent(harness: Harness, changes: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Return all that is sent for an invoice, as text, and what of the request is told to be ignored.

    The order is the same each time, and the account a new one.
    """
    fresh = Harness(harness.suite)
    try:
        empty: Mapping[str, Any] = {"metadata": {}, "line_items": (), "description": ""}
        given = {name: empty.get(name) if value is None else value for name, value in changes.items()}
        required = {
            name: _value(fresh, name)[0] for name in fresh.info.requires if name not in given or not given[name]
        }
        request = fresh.request(**{"order_id": "order-of-fields", **required, **given})
        if fresh.emulator is None:
            fresh.prepare("given_invoice", request)
        with fresh.transport.recording() as asked:
            ignored = _ignored(fresh, request)
        return "\n".join(map(_as_text, asked)), ignored
    finally:
        fresh.close()


def _ignored(harness: Harness, request: InvoiceRequest) -> tuple[str, ...]:
    try:
        return harness.gateway.create_invoice(request).ignored
    except GatewayError as error:
        require(error.effect == "none", f"with one field more, it is {describe(error)}")
    return ()


def _as_text(request: HttpRequest) -> str:
    body = request.body.decode("utf-8", "replace")
    fields = "&".join(f"{name}={value}" for name, value in fields_of(request).items())
    return f"{request.method} {request.url}\n{fields or body}\n{unquote_plus(request.url)}"


def _found(harness: Harness, order_id: str) -> Any:
    try:
        return harness.gateway.find_invoice(order_id)
    except OutOfReachError:
        return None

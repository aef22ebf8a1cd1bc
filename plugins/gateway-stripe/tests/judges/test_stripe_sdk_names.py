"""The SDK is generated from Stripe's OpenAPI description: its types judge each name and word that we send or know."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import stripe
from stripe import params
from stripe.params import checkout

from gateway_core import (
    CaptureRequest,
    Customer,
    Gateway,
    HttpRequest,
    HttpResponse,
    InvoiceRequest,
    LineItem,
    Money,
    RefundRequest,
)
from gateway_core.testing import EmulatorTransport, fields_of, nested, query_of
from gateway_core.transport import Deadline
from gateway_stripe import mapping
from gateway_stripe.emulator import StripeEmulator
from gateway_stripe.info import API_VERSION
from gateway_stripe.webhook import EVENTS

#: The types of each endpoint's parameters.
_PARAMS = {
    ("POST", "checkout", "sessions"): checkout.SessionCreateParams,
    ("GET", "checkout", "sessions"): checkout.SessionListParams,
    ("GET", "checkout", "sessions", "*"): checkout.SessionRetrieveParams,
    ("POST", "checkout", "sessions", "*"): checkout.SessionModifyParams,
    ("POST", "checkout", "sessions", "*", "expire"): checkout.SessionExpireParams,
    ("POST", "payment_intents", "*", "cancel"): params.PaymentIntentCancelParams,
    ("POST", "payment_intents", "*", "capture"): params.PaymentIntentCaptureParams,
    ("GET", "refunds"): params.RefundListParams,
    ("POST", "refunds"): params.RefundCreateParams,
    ("GET", "disputes"): params.DisputeListParams,
    ("POST", "webhook_endpoints"): params.WebhookEndpointCreateParams,
}

#: The classes of the objects that the emulator sends.
_OBJECTS = {
    "checkout.session": stripe.checkout.Session,
    "payment_intent": stripe.PaymentIntent,
    "charge": stripe.Charge,
    "refund": stripe.Refund,
    "dispute": stripe.Dispute,
    "event": stripe.Event,
    "item": stripe.LineItem,
    "webhook_endpoint": stripe.WebhookEndpoint,
}


class _Recorder(EmulatorTransport):
    """Keeps what passes."""

    def __init__(self, emulator: StripeEmulator) -> None:
        super().__init__(emulator)
        self.asked: list[HttpRequest] = []
        self.answered: list[HttpResponse] = []

    def send(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        self.asked.append(request)
        self.answered.append(super().send(request, deadline))
        return self.answered[-1]


@pytest.fixture
def recorder(judged: StripeEmulator) -> _Recorder:
    """Give the recording of a story in which the plugin does all that it can."""
    recorder = _Recorder(judged)
    amount = Money("49.90", "EUR")
    rest: dict[str, Any] = {"return_url": "https://shop.test/ok", "description": "Two tickets"}

    def pay(invoice_id: str) -> None:
        judged.pay(invoice_id.removeprefix("cs_test_"))

    with Gateway.connect("stripe", transport=recorder, **judged.settings("http://127.0.0.1")) as gateway:
        whole = InvoiceRequest(
            order_id="A-1",
            amount=amount,
            line_items=[LineItem(name="Ticket", quantity=2, unit_amount=Money("24.95", "EUR"))],
            customer=Customer(email="ada@example.com"),
            cancel_url="https://shop.test/cart",
            locale="de",
            expires_in=timedelta(hours=1),
            metadata={"cart": "7"},
            **rest,
        )
        paid = gateway.create_invoice(whole)
        pay(paid.id)
        refund = RefundRequest(refund_id="r-1", invoice_id=paid.id, amount=Money("5", "EUR"), reason="duplicate")
        gateway.refund_payment(refund)
        judged.dispute(paid.id)
        gateway.get_status(paid.id)
        held = [
            gateway.create_invoice(
                InvoiceRequest(order_id=f"B-{n}", amount=amount, options={"capture_method": "manual"}, **rest)
            )
            for n in range(2)
        ]
        for each in held:
            pay(each.id)
        gateway.capture_payment(CaptureRequest(capture_id="c-1", invoice_id=held[0].id, amount=Money("9", "EUR")))
        gateway.cancel_invoice(held[1].id)
        gateway.cancel_invoice(gateway.create_invoice(InvoiceRequest(order_id="C", amount=amount, **rest)).id)
        gateway.find_invoice("A-1")
        list(gateway.list_payments(since=paid.created_at))
        gateway.check_account()
        gateway.register_webhook("https://shop.test/stripe")
    return recorder


def _shape(request: HttpRequest) -> tuple[str, ...]:
    path = urlsplit(request.url).path.split("/")[2:]
    return (request.method, *("*" if "_" in each and each[:3] in {"cs_", "pi_"} else each for each in path))


def _unknown(given: Mapping[str, Any], known: Any, where: str = "") -> Iterator[str]:
    """Yield the names that a type of the SDK's does not have."""
    module = sys.modules[known.__module__]
    for name, value in given.items():
        annotation = str(known.__annotations__.get(name, ""))
        if not annotation:
            yield f"{where}{name}"
        below = [getattr(module, each, None) for each in re.findall(r"\w+Params\w+", annotation)]
        for kind in filter(None, below):
            if isinstance(value, Mapping):
                items = value.values() if all(key.isdigit() for key in value) else [value]
                for item in items:
                    yield from _unknown(item, kind, f"{where}{name}.")


def _words(annotation: object) -> set[str]:
    """Return the words that a type of the SDK's names."""
    return set(re.findall(r"'([^']+)'", "".join(re.findall(r"Literal\[([^\]]*)\]", str(annotation)))))


def test_each_parameter_is_one_of_stripes(recorder: _Recorder) -> None:
    """Every name that the plugin sends, however deep, stands in Stripe's description of that endpoint."""
    seen = set()
    for request in recorder.asked:
        shape = _shape(request)
        seen.add(shape)
        given = nested(query_of(request) if request.method == "GET" else fields_of(request))
        assert list(_unknown(given, _PARAMS[shape])) == [], shape

    assert seen == _PARAMS.keys()


def test_each_field_of_the_emulator_is_one_of_stripes(recorder: _Recorder, judged: StripeEmulator) -> None:
    """Every name in an answer or event of the emulator stands in Stripe's description of that object."""
    from gateway_core.wire import loads

    seen = set()

    def look(value: Any) -> None:
        if isinstance(value, list):
            for each in value:
                look(each)
        elif isinstance(value, dict):
            kind = _OBJECTS.get(str(value.get("object")))
            if kind is not None:
                seen.add(value["object"])
                assert set(value) - set(kind.__annotations__) == set(), value["object"]
            for each in value.values():
                look(each)

    for answer in recorder.answered:
        look(loads(answer.body))
    for delivery in judged.waiting():
        look(loads(delivery.body))

    assert seen == _OBJECTS.keys() - {"item"}


@pytest.mark.parametrize(
    "known, annotation",
    [
        ({session for session, _ in mapping.STATUSES}, stripe.checkout.Session.__annotations__["status"]),
        (
            {intent for _, intent in mapping.STATUSES if intent is not None},
            stripe.PaymentIntent.__annotations__["status"],
        ),
        (set(mapping.PAYMENTS), stripe.PaymentIntent.__annotations__["status"]),
        (set(mapping.PAYMENT_STATUSES), stripe.checkout.Session.__annotations__["payment_status"]),
        (
            {*mapping.REFUND_REASONS, mapping.RELEASED_HOLD},
            stripe.Refund.__annotations__["reason"],
        ),
        ({*mapping.LOCALES.values(), "auto"}, checkout.SessionCreateParams.__annotations__["locale"]),
    ],
)
def test_each_word_is_known(known: set[str], annotation: object) -> None:
    """The tables have each documented word, and no other."""
    assert known == _words(annotation)


@pytest.mark.parametrize(
    "known, annotation",
    [
        (set(mapping.SETTLED_DISPUTES), stripe.Dispute.__annotations__["status"]),
        (set(mapping.CAPTURES), stripe.PaymentIntent.__annotations__["status"]),
        (set(EVENTS), params.WebhookEndpointCreateParams.__annotations__["enabled_events"]),
        ({"automatic", "expired"}, stripe.PaymentIntent.__annotations__["cancellation_reason"]),
        ({"automatic", "automatic_async", "manual"}, stripe.PaymentIntent.__annotations__["capture_method"]),
    ],
)
def test_each_word_is_one_of_stripes(known: set[str], annotation: object) -> None:
    """What is picked out of Stripe's words is spelt as Stripe spells it."""
    assert known - _words(annotation) == set()


def test_version_is_that_of_the_sdk() -> None:
    """The version that is asked for is one that Stripe's library has been generated for."""
    assert stripe.api_version == API_VERSION or API_VERSION in _words(
        params.WebhookEndpointCreateParams.__annotations__["api_version"]
    )

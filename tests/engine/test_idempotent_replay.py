"""What a provider says again is history: an invoice that was made before has its status of now."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest

from gateway_core import Flow, HttpRequest, HttpResponse, Invoice, InvoiceRequest, InvoiceStatus, ProviderInfo, errors
from gateway_core import StatusReport as Report
from gateway_core.provider import Idempotency
from tests.fake_gateway import BASE, NOW, ORDER, Wire, fake, made

KEYS = Idempotency(scope="account", life=timedelta(days=1))
TOLD = attrs.evolve(KEYS, replay_header="Idempotent-Replayed")
ASKED = attrs.evolve(ORDER, requested_at=NOW)
CREATION, LOOK = "POST /invoices", "GET /invoices/i-1"


def gateway(wire: Wire, idempotency: Idempotency | None, status: Any = InvoiceStatus.EXPIRED, **changes: Any) -> Any:
    """Return a gateway at a provider that makes invoices with keys, and knows how they stand now."""

    def create_invoice(request: InvoiceRequest) -> Flow[Invoice]:
        yield HttpRequest(method="POST", url=f"{BASE}/invoices", idempotency_key=request.reference)
        return made(request, **changes)

    def get_status(invoice_id: str) -> Flow[Report]:
        response = yield HttpRequest(method="GET", url=f"{BASE}/invoices/{invoice_id}")
        if not response.ok:
            raise errors.for_status(response.status, "no")
        return Report(invoice_id=invoice_id, status=status)

    info = ProviderInfo(title="Fake", idempotency=idempotency)
    return fake(wire, info=info, create_invoice=create_invoice, get_status=get_status)


def answer(replayed: str | None) -> HttpResponse:
    """Return the answer to a creation, with or without the header."""
    return HttpResponse(status=200, headers={} if replayed is None else {"idempotent-replayed": replayed})


@pytest.mark.parametrize("status", [InvoiceStatus.EXPIRED, InvoiceStatus.CANCELED, InvoiceStatus.PAID])
@pytest.mark.parametrize("value", ["true", "True"])
def test_replayed_invoice_has_its_status_of_now(value: str, status: InvoiceStatus) -> None:
    """I3: a dead invoice is never returned as open, and a paid one is not paid twice."""
    wire = Wire(answer(value), 200)

    actual = gateway(wire, TOLD, status).create_invoice(ASKED)

    assert (actual.status, actual.replayed, wire.sent) == (status, True, [CREATION, LOOK])


@pytest.mark.parametrize("value", [None, "false", ""], ids=repr)
def test_new_invoice_is_not_asked_for(value: str | None) -> None:
    """Where the header does not say so, the answer is news, however old the invoice looks."""
    wire = Wire(answer(value))

    actual = gateway(wire, TOLD, created_at=NOW - timedelta(days=1)).create_invoice(ASKED)

    assert (actual.status, actual.replayed, wire.sent) == (InvoiceStatus.PENDING, False, [CREATION])


@pytest.mark.parametrize(
    "age, replayed",
    [(timedelta(seconds=61), True), (timedelta(seconds=60), False), (timedelta(0), False), (-timedelta(days=1), False)],
    ids=str,
)
def test_age_tells_where_no_header_does(age: timedelta, replayed: bool) -> None:
    """An invoice that is older than the request, by more than clocks differ, is an earlier request's."""
    wire = Wire(200, 200)

    actual = gateway(wire, KEYS, created_at=NOW - age).create_invoice(ASKED)

    assert (actual.replayed, wire.sent) == (replayed, [CREATION, LOOK] if replayed else [CREATION])


def test_age_tells_nothing_where_no_key_is_honoured() -> None:
    """A provider without keys makes a new invoice each time; its clock may be wrong."""
    actual = gateway(Wire(200), None, created_at=NOW - timedelta(days=1)).create_invoice(ASKED)

    assert actual.replayed is False


def test_invoice_without_its_age_is_new() -> None:
    """What the provider does not tell proves nothing."""
    actual = gateway(Wire(200), KEYS).create_invoice(ASKED)

    assert actual.replayed is False


def test_plugin_may_say_so_itself() -> None:
    """A plugin that looked the order up knows."""
    wire = Wire(200, 200)

    actual = gateway(wire, None, replayed=True).create_invoice(ASKED)

    assert (actual.status, wire.sent) == (InvoiceStatus.EXPIRED, [CREATION, LOOK])


def test_invoice_whose_status_is_not_known_is_not_returned() -> None:
    """I3: it exists, and may be dead: the error names it."""
    with pytest.raises(errors.ProviderUnavailableError) as caught:
        gateway(Wire(answer("true"), 503), TOLD).create_invoice(ASKED)

    assert (caught.value.effect, caught.value.invoice_id) == ("done", "i-1")


def test_invoice_of_a_provider_that_cannot_tell_is_marked() -> None:
    """Without a status there is the first answer only, and a word that it is old."""
    info = ProviderInfo(title="Fake", unsupported={"get_status": "no such thing"})
    old = made(ASKED, replayed=True)

    actual = fake(Wire(), info=info, create_invoice=lambda request: old).create_invoice(ASKED)

    assert actual == old

"""Records become values that any JSON library writes, and come back as they were."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_core import (
    Acknowledgement,
    Address,
    Capture,
    CaptureRequest,
    CaptureStatus,
    Currency,
    Customer,
    Invoice,
    InvoiceRequest,
    InvoiceStatus,
    LineItem,
    Money,
    Page,
    Payment,
    PaymentQuery,
    PaymentStatus,
    Refund,
    RefundRequest,
    RefundStatus,
    Secret,
    StatusReport,
    WebhookDelivery,
    WebhookEvent,
    WebhookRegistration,
    WebhookRequest,
)
from gateway_core.errors import InvalidRequestError
from gateway_core.models._iso4217 import CURRENT, HISTORIC
from gateway_core.models.currency import ASSETS
from gateway_core.serialization import converter, from_dict, to_dict

AT = datetime(2030, 1, 1, 12, 30, 15, 250_000, tzinfo=timezone(timedelta(hours=2)))
PRICE = Money("49.90", "EUR")
REFUND = Refund(
    id="re_1", refund_id="r-7", invoice_id="inv_1", amount=PRICE, status=RefundStatus.PENDING, created_at=AT
)
REPORT = StatusReport(
    invoice_id="inv_1",
    order_id="7",
    attempt=2,
    status=InvoiceStatus.PENDING,
    expected=PRICE,
    received=PRICE,
    refunds=[REFUND],
    provider_status="complete",
    references={"payment_intent": "pi_1"},
)

RECORDS = [
    PRICE,
    Money("0.5", "USDT", network="tron"),
    InvoiceRequest(
        order_id="7",
        amount=PRICE,
        description="Two tickets",
        customer=Customer(
            email="ada@example.com", address=Address(line1="1 Main Street", city="Springfield", country="US")
        ),
        line_items=[LineItem(name="Ticket", quantity=2, unit_amount=Money("24.95", "EUR"))],
        return_url="https://shop.example/thanks",
        expires_in=timedelta(hours=1, microseconds=500),
        metadata={"cart": "9"},
        options={"capture": "manual"},
        requested_at=AT,
    ),
    Invoice(
        id="inv_1",
        status=InvoiceStatus.PAID,
        amount=PRICE,
        payment_url="https://pay.example/1",
        created_at=AT,
        raw={"total": Decimal("49.90"), "tags": ["a", None, True, 7]},
        references={"payment_intent": "pi_1"},
        ignored=("locale",),
    ),
    REPORT,
    Payment(id="pay_1", amount=None, status=PaymentStatus.UNKNOWN, paid_at=AT, unassigned=True),
    PaymentQuery(since=AT, page_size=5, cursor="c"),
    Page([Payment(id="pay_1", status=PaymentStatus.CONFIRMED)], "2", 9),
    RefundRequest(refund_id="r-7", invoice_id="inv_1", amount=PRICE, reason="broken"),
    REFUND,
    CaptureRequest(capture_id="c-1", invoice_id="inv_1"),
    Capture(id="ca_1", invoice_id="inv_1", amount=PRICE, status=CaptureStatus.DONE),
    WebhookEvent(id="evt_1", kind="invoice.paid", invoice_id="inv_1", report=REPORT, occurred_at=AT, refund=REFUND),
    WebhookDelivery(
        events=[WebhookEvent(id="evt_1", kind="ping")],
        verified_by="signature",
        acknowledgement=Acknowledgement(status=202, headers={"Content-Type": "text/plain"}, body=b"[accepted]"),
    ),
    WebhookRequest(body=b'{"a": 1}', headers=[("A", "1"), ("a", "2")], url="https://shop.example/hook", received_at=AT),
    WebhookRegistration(id="we_1", url="https://shop.example/hook", events=["paid"]),
]


@pytest.mark.parametrize("record", RECORDS, ids=[f"{type(each).__name__} {n}" for n, each in enumerate(RECORDS)])
def test_a_record_comes_back_as_it_was(record: Any) -> None:
    """By way of the JSON of the standard library, which makes a float of every fraction that it is given."""
    kind = Page[Payment] if isinstance(record, Page) else type(record)

    found: Any = from_dict(kind, json.loads(json.dumps(to_dict(record))))

    assert found == record
    assert to_dict(found) == to_dict(record)


def test_what_is_written_is_documented() -> None:
    """Names of attributes, words of statuses, times with their zone, amounts as text."""
    assert to_dict(
        Invoice(id="1", status=InvoiceStatus.PAID, amount=PRICE, created_at=AT, raw={"n": Decimal("1.10")})
    ) == {
        "id": "1",
        "order_id": None,
        "attempt": None,
        "status": "paid",
        "amount": {"amount": "49.90", "currency": "EUR"},
        "payment_url": None,
        "created_at": "2030-01-01T12:30:15.250000+02:00",
        "expires_at": None,
        "raw": {"n": "1.10"},
        "references": {},
        "ignored": [],
        "replayed": False,
        "account": None,
    }


UNITS = st.one_of(
    st.sampled_from([code for code, decimals in CURRENT.items() if decimals is not None]).map(Currency.find),
    st.sampled_from([(code, decimals) for code, decimals in HISTORIC.items()]).map(lambda pair: Currency(*pair)),
    st.sampled_from([Currency(code, n, chain) for code, on in ASSETS.items() for chain, n in on.items()]),
    st.builds(Currency, st.sampled_from(["CLP", "SATS", "WIDG", "USDT"]), st.integers(0, 20)),
    st.builds(Currency, st.sampled_from(["DAI", "USDT", "BTC"]), st.integers(0, 20), st.sampled_from(["tron", "base"])),
)


@given(units=st.integers(-(10**20), 10**20), unit=UNITS)
def test_an_amount_comes_back_in_every_currency(units: int, unit: Currency) -> None:
    """Also in one that the library does not know, that the provider counts in its own way, or that is history."""
    amount = Money.from_minor(units, unit)

    assert from_dict(Money, json.loads(json.dumps(to_dict(amount)))) == amount


@given(units=st.integers(-(10**20), 10**20), unit=UNITS)
def test_text_comes_back_or_is_refused(units: int, unit: Currency) -> None:
    """What `str` writes is never read as another amount."""
    amount = Money.from_minor(units, unit)

    try:
        found = Money.parse(str(amount))
    except InvalidRequestError:
        assert unit.network is not None or unit.code in ("SATS", "WIDG", "USDT", "CLP")
    else:
        assert found == amount


@pytest.mark.parametrize(
    "text", ["", "49.90", "EUR 49.90", "49,90 EUR", "49.90 eur", "49.90  EUR", "1 EURO", "NaN EUR", None]
)
def test_other_texts_are_no_amounts(text: Any) -> None:
    """Nothing is guessed."""
    with pytest.raises(InvalidRequestError):
        Money.parse(text)


@pytest.mark.parametrize(
    "spec, text", [("", "1234.50 EUR"), (".2f", "1234.50"), (",.1f", "1,234.5"), (">10", "   1234.50"), (".0f", "1234")]
)
def test_an_amount_is_formatted_as_its_number(spec: str, text: str) -> None:
    """The currency is the template's to place."""
    assert format(Money("1234.5", "EUR"), spec) == text


def test_a_format_that_is_none_is_our_error() -> None:
    """It is a `ValueError`, too, as for a number."""
    with pytest.raises(InvalidRequestError, match="Decimal"):
        format(PRICE, "nonsense")


@pytest.mark.parametrize(
    "changed, told",
    [
        ({"amount": None}, "amount: object expected, null found"),
        ({"amount": {"amount": 49.90, "currency": "EUR"}}, "amount"),
        ({"amount": {"amount": "49.90", "currency": "EURO"}}, "unknown currency"),
        ({"amount": {"amount": "-1", "currency": "EUR"}}, "above zero"),
        ({"status": "nonsense"}, "status: not readable"),
        ({"created_at": "2030-01-01T12:00:00"}, "created_at: a date and time with its time zone expected"),
        ({"id": 7}, "id: str expected, int found"),
    ],
)
def test_what_is_no_record_is_told(changed: dict[str, Any], told: str) -> None:
    """The text names the field, and no value of it."""
    plain = {"id": "1", "status": "paid", "amount": {"amount": "1", "currency": "EUR"}} | changed

    with pytest.raises(InvalidRequestError, match=told) as caught:
        from_dict(Invoice, plain)

    assert "49.9" not in str(caught.value)


def test_a_secret_does_not_travel() -> None:
    """It is masked on the way out, and a mask is no secret on the way in."""
    plain = to_dict(WebhookRegistration(id="1", url="https://shop.example", secret=Secret("whsec_0123456789")))

    assert plain["secret"] == "***"
    with pytest.raises(InvalidRequestError, match="secret"):
        from_dict(WebhookRegistration, plain)


def test_only_records_are_written() -> None:
    """Anything else is a mistake of the caller."""
    with pytest.raises(InvalidRequestError, match="not str"):
        to_dict("49.90 EUR")


@attrs.frozen
class Order:
    """A class of an application."""

    number: int
    invoice: Invoice
    total: Money
    due: datetime | None = None


def test_classes_of_an_application_may_hold_records() -> None:
    """The same converter writes and reads them."""
    invoice = Invoice(id="1", status=InvoiceStatus.PAID, amount=PRICE)
    order = Order(7, invoice, PRICE, datetime(2030, 1, 1, tzinfo=UTC))

    plain = json.loads(json.dumps(converter().unstructure(order)))

    assert plain["total"] == {"amount": "49.90", "currency": "EUR"}
    assert converter().structure(plain, Order) == order

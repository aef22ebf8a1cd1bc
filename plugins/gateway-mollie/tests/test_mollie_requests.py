"""What is sent to Mollie."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests_mock

from gateway_core import (
    Address,
    Customer,
    Gateway,
    Invoice,
    InvoiceRequest,
    InvoiceStatus,
    LineItem,
    Money,
)
from gateway_core.errors import InvalidRequestError, UnexpectedResponseError

Example = Callable[..., dict[str, Any]]
Tells = Callable[..., None]
Connect = Callable[..., Gateway]

BASE = "https://api.mollie.com"
ID = "tr_9xK2mQ"
TOKEN = {"api_key": "access_abcdefghij0123456789", "profile_id": "pfl_3Rk"}
ORDER = InvoiceRequest(order_id="77", amount=Money("12.50", "EUR"))


def body_of(mocker: requests_mock.Mocker) -> Any:
    """Return the JSON of the last request."""
    return json.loads(mocker.request_history[-1].body)


def query_of(mocker: requests_mock.Mocker) -> dict[str, list[str]]:
    """Return the query of the last request."""
    return parse_qs(urlsplit(mocker.request_history[-1].url).query)


@pytest.fixture
def created(mocker: requests_mock.Mocker, example: Example) -> None:
    """Let Mollie make the payment that is asked for."""

    def make(request: Any, context: Any) -> Any:
        context.status_code = 201
        asked = request.json()
        return example("payment", amount=asked["amount"], metadata=asked["metadata"])

    mocker.post(f"{BASE}/v2/payments", json=make)


@pytest.mark.usefixtures("created")
def test_creation_sends_no_more_than_is_asked(gateway: Gateway, mocker: requests_mock.Mocker) -> None:
    """Amount, text, the way back, and by which order it is known."""
    gateway.create_invoice(ORDER)

    assert body_of(mocker) == {
        "amount": {"currency": "EUR", "value": "12.50"},
        "description": "77",
        "redirectUrl": "https://shop.example/back",
        "metadata": {"order_id": "77"},
    }


@pytest.mark.usefixtures("created")
def test_creation_sends_all_that_mollie_honours(gateway: Gateway, mocker: requests_mock.Mocker) -> None:
    """Each field of `info.honours`, and each option, under Mollie's own name."""
    gateway.create_invoice(
        InvoiceRequest(
            order_id="77",
            attempt=2,
            amount=Money("12.50", "EUR"),
            description="Two tickets",
            return_url="https://shop.example/done",
            cancel_url="https://shop.example/cart",
            webhook_url="https://shop.example/webhooks",
            locale="de-AT",
            metadata={"cart": "9"},
            customer=Customer(
                email="ada@example.com",
                name="Ada King Lovelace",
                address=Address(line1="Street 1", line2="Door 2", city="Wien", country="AT", postal_code="1010"),
            ),
            line_items=(LineItem(name="Ticket", quantity=2, unit_amount=Money("6.25", "EUR")),),
            options={"method": ["creditcard", "klarna"], "capture_mode": "manual"},
        )
    )

    assert body_of(mocker) == {
        "amount": {"currency": "EUR", "value": "12.50"},
        "description": "Two tickets",
        "redirectUrl": "https://shop.example/done",
        "cancelUrl": "https://shop.example/cart",
        "webhookUrl": "https://shop.example/webhooks",
        "metadata": {"order_id": "77~2", "metadata": {"cart": "9"}},
        "locale": "de_AT",
        "billingAddress": {
            "givenName": "Ada King",
            "familyName": "Lovelace",
            "email": "ada@example.com",
            "streetAndNumber": "Street 1",
            "streetAdditional": "Door 2",
            "postalCode": "1010",
            "city": "Wien",
            "country": "AT",
        },
        "lines": [
            {
                "description": "Ticket",
                "quantity": 2,
                "unitPrice": {"currency": "EUR", "value": "6.25"},
                "totalAmount": {"currency": "EUR", "value": "12.50"},
            }
        ],
        "method": ["creditcard", "klarna"],
        "captureMode": "manual",
    }


def test_creation_is_told(gateway: Gateway, tells: Tells, example: Example) -> None:
    """The payer goes to the checkout's address, until the moment that Mollie gives."""
    tells("POST", "payments", "payment", code=201)

    assert gateway.create_invoice(ORDER) == Invoice(
        id=ID,
        order_id="77",
        attempt=1,
        status=InvoiceStatus.PENDING,
        amount=Money("12.50", "EUR"),
        payment_url="https://www.mollie.com/checkout/select-method/9xK2mQ",
        created_at=datetime(2026, 1, 5, 10, tzinfo=UTC),
        expires_at=datetime(2026, 1, 5, 10, 15, tzinfo=UTC),
        raw=example("payment"),
    )


@pytest.mark.usefixtures("created")
@pytest.mark.parametrize(
    "amount, value",
    [
        (Money("16.1", "EUR"), "16.10"),
        (Money(1000, "JPY"), "1000"),
        (Money(1000, "ISK"), "1000"),
        (Money("1234567.89", "HUF"), "1234567.89"),
        (Money(5, "TWD"), "5.00"),
    ],
    ids=str,
)
def test_amount_has_the_decimals_of_its_currency(
    gateway: Gateway, mocker: requests_mock.Mocker, amount: Money, value: str
) -> None:
    """Mollie refuses `16.1` EUR, and `1000.00` JPY."""
    gateway.create_invoice(InvoiceRequest(order_id="77", amount=amount))

    assert body_of(mocker)["amount"] == {"currency": amount.currency, "value": value}


@pytest.mark.parametrize("currency", ["KWD", "XOF", "CLP"])
def test_currency_that_mollie_does_not_document_is_refused(gateway: Gateway, currency: str) -> None:
    """Before anything is sent."""
    with pytest.raises(InvalidRequestError, match="Mollie makes no invoice in"):
        gateway.create_invoice(InvoiceRequest(order_id="77", amount=Money(1, currency)))


@pytest.mark.usefixtures("created")
def test_idempotency_key_is_that_of_the_order(gateway: Gateway, mocker: requests_mock.Mocker) -> None:
    """A UUID v4, as Mollie wants it, the same whenever the order is sent, and another for another attempt."""
    gateway.create_invoice(ORDER)
    gateway.create_invoice(ORDER)
    gateway.create_invoice(InvoiceRequest(order_id="77", attempt=2, amount=Money("12.50", "EUR")))

    first, again, other = (each.headers["Idempotency-Key"] for each in mocker.request_history)

    assert (first == again, first == other, str(uuid.UUID(first)), uuid.UUID(first).version) == (True, False, first, 4)


def test_replayed_answer_is_told(gateway: Gateway, tells: Tells) -> None:
    """By Mollie's own header; how the payment stands now is asked for."""
    tells("GET", f"payments/{ID}", "payment")
    tells("POST", "payments", "payment", code=201, headers={"Idempotent-Replayed": "true"})

    assert gateway.create_invoice(ORDER).replayed


def test_creation_needs_a_way_back(connect: Connect, mocker: requests_mock.Mocker) -> None:
    """Mollie makes no payment without it."""
    with pytest.raises(InvalidRequestError, match="return_url"):
        connect(return_url=None).create_invoice(ORDER)

    assert mocker.request_history == []


def test_expiry_cannot_be_chosen(gateway: Gateway, mocker: requests_mock.Mocker) -> None:
    """Mollie chooses, so it is refused instead of ignored."""
    with pytest.raises(InvalidRequestError, match="leave out expires_in"):
        gateway.create_invoice(
            InvoiceRequest(order_id="77", amount=Money("12.50", "EUR"), expires_in=timedelta(hours=1))
        )

    assert mocker.request_history == []


def test_metadata_has_an_end(gateway: Gateway, mocker: requests_mock.Mocker) -> None:
    """About a kilobyte is kept, and what becomes of more is not documented."""
    with pytest.raises(InvalidRequestError, match="1024 bytes"):
        gateway.create_invoice(
            InvoiceRequest(order_id="77", amount=Money("12.50", "EUR"), metadata={"note": "a" * 1024})
        )

    assert mocker.request_history == []


@pytest.mark.parametrize(
    "tag, locale",
    [
        ("de-AT", "de_AT"),
        ("de", "de_DE"),
        ("de-LI", "de_DE"),
        ("en-Latn-GB", "en_GB"),
        ("no", "nb_NO"),
        ("nn-NO", "nb_NO"),
        ("PT-BR", "pt_PT"),
        ("ja", None),
        ("xx-DE", None),
    ],
)
@pytest.mark.usefixtures("created")
def test_language_is_one_of_mollies(
    gateway: Gateway, mocker: requests_mock.Mocker, tag: str, locale: str | None
) -> None:
    """The nearest; without any, the payer's browser decides."""
    gateway.create_invoice(InvoiceRequest(order_id="77", amount=Money("12.50", "EUR"), locale=tag))

    assert body_of(mocker).get("locale") == locale


@pytest.mark.parametrize("method", ["ideal", ["ideal"], "ideal,creditcard", ["ideal", "creditcard"]])
@pytest.mark.usefixtures("created")
def test_one_method_is_a_text_and_several_are_a_list(
    gateway: Gateway, mocker: requests_mock.Mocker, method: str | list[str]
) -> None:
    """One is chosen already; of several the payer chooses. On a command line, commas divide them."""
    gateway.create_invoice(InvoiceRequest(order_id="77", amount=Money("12.50", "EUR"), options={"method": method}))

    wanted = method.split(",") if isinstance(method, str) else method
    assert body_of(mocker)["method"] == (wanted[0] if len(wanted) == 1 else wanted)


@pytest.mark.usefixtures("created")
def test_access_token_says_profile_and_mode(connect: Connect, mocker: requests_mock.Mocker) -> None:
    """An API key tells them by itself, and must not."""
    connect(**TOKEN).create_invoice(ORDER)

    assert {name: body_of(mocker)[name] for name in ("profileId", "testmode")} == {
        "profileId": "pfl_3Rk",
        "testmode": True,
    }
    assert mocker.request_history[-1].headers["Authorization"] == "Bearer access_abcdefghij0123456789"


def test_access_token_in_live_mode_says_no_mode(
    connect: Connect,
    tells: Tells,
    mocker: requests_mock.Mocker,
) -> None:
    """Live is what Mollie takes where nothing is said."""
    tells("POST", "payments", "payment", code=201, mode="live")

    connect(**TOKEN, mode="live").create_invoice(ORDER)

    assert "testmode" not in body_of(mocker)


def test_access_token_reads_in_its_mode(
    connect: Connect,
    tells: Tells,
    mocker: requests_mock.Mocker,
) -> None:
    """In the query of a read, in the body of a deletion."""
    gateway = connect(**TOKEN)
    tells("GET", f"payments/{ID}", "payment")
    tells("DELETE", f"payments/{ID}", "payment", status="canceled")

    gateway.get_status(ID)
    read = query_of(mocker)
    gateway.cancel_invoice(ID)

    assert (read, body_of(mocker)) == (
        {"embed": ["refunds,chargebacks"], "testmode": ["true"]},
        {"testmode": True},
    )


@pytest.mark.parametrize(
    "changes, invoice_id, effect",
    [
        ({"amount": "12.50"}, ID, "done"),
        ({"mode": "live"}, ID, "done"),
        ({"createdAt": ...}, ID, "done"),
        ({"id": None}, None, "unknown"),
    ],
)
def test_unreadable_creation_keeps_what_was_made(
    gateway: Gateway,
    tells: Tells,
    changes: dict[str, Any],
    invoice_id: str | None,
    effect: str,
) -> None:
    """The payment is there: its id is in the error, if it could be read."""
    tells("POST", "payments", "payment", code=201, **changes)

    with pytest.raises(UnexpectedResponseError) as caught:
        gateway.create_invoice(ORDER)

    assert (caught.value.invoice_id, caught.value.effect) == (invoice_id, effect)

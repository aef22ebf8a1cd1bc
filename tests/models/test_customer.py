"""Who buys, and what: checked before anything is sent, and shown nowhere."""

from __future__ import annotations

from typing import Any

import pytest

from gateway_core import Address, Customer, InvoiceRequest, LineItem, Money
from gateway_core.errors import InvalidRequestError

ADDRESS: dict[str, Any] = {"line1": "1 Main Street", "city": "Springfield", "country": "US"}
CANARY = "canary"


@pytest.mark.parametrize("email", ["ada@example.com", "a.b+c@xn--bcher-kva.example", "ö@bücher.example", "a@b"])
def test_emails_are_taken_as_they_are(email: str) -> None:
    """Whether a mailbox exists only a message can tell."""
    actual = Customer(email=email).email

    assert actual == email


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@.example",
        "a b@example.com",
        "a@b, c@d",
        "Ada <ada@example.com>",
        "ada@example.com\n",
        "a" * 65 + "@b",
        7,
    ],
    ids=repr,
)
def test_what_is_no_email_is_refused(email: Any) -> None:
    """One mailbox, without a name, and nothing that could become a second header."""
    with pytest.raises(InvalidRequestError, match="email must be an email address"):
        Customer(email=email)


def test_nobody_is_no_customer() -> None:
    """A customer of whom nothing is told is a mistake."""
    with pytest.raises(InvalidRequestError, match="an email, a name or an address"):
        Customer()


@pytest.mark.parametrize("country", ["us", "USA", "U", "", "ÖS", None], ids=repr)
def test_country_is_a_code(country: Any) -> None:
    """Providers take ISO 3166-1 codes, in capital letters."""
    with pytest.raises(InvalidRequestError, match="country must be a code of two capital letters"):
        Address(**(ADDRESS | {"country": country}))


@pytest.mark.parametrize("field", ["line1", "line2", "city", "postal_code", "state"])
@pytest.mark.parametrize("value", ["", "  ", "a\nb", 7], ids=repr)
def test_each_line_of_an_address_is_a_filled_line(field: str, value: Any) -> None:
    """A line that is missing is None, or the address is incomplete."""
    with pytest.raises(InvalidRequestError, match=f"^{field} must"):
        Address(**(ADDRESS | {field: value}))


@pytest.mark.parametrize("address", ["1 Main Street", ADDRESS], ids=["text", "dict"])
def test_an_address_is_an_address(address: Any) -> None:
    """Free text cannot be given to a provider in parts."""
    with pytest.raises(InvalidRequestError, match="address must be of Address"):
        Customer(address=address)


def test_customers_are_in_no_repr() -> None:
    """S9: a record that is printed shows nothing of the customer or of what is bought."""
    address = Address(line1=CANARY, city=CANARY, country="US", line2=CANARY, postal_code=CANARY, state=CANARY)
    request = InvoiceRequest(
        order_id="1042",
        amount=Money(1, "EUR"),
        customer=Customer(email=f"{CANARY}@example.com", name=CANARY, address=address),
        line_items=[LineItem(name=CANARY, quantity=1, unit_amount=Money(1, "EUR"))],
        webhook_url=f"https://shop.example/webhooks/{CANARY}",
    )

    actual = [repr(each) for each in (request, request.customer, address, request.line_items)]

    assert not [text for text in actual if CANARY in text]


@pytest.mark.parametrize("quantity", [0, -1, 1.0, True, "1", 10**9 + 1], ids=repr)
def test_quantity_is_one_or_more(quantity: Any) -> None:
    """Half a ticket, or none, is not sold."""
    with pytest.raises(InvalidRequestError, match="quantity must be an int, 1 to"):
        LineItem(name="Ticket", quantity=quantity, unit_amount=Money(1, "EUR"))


@pytest.mark.parametrize("unit_amount", [Money(-1, "EUR"), "1.00", None], ids=repr)
def test_price_is_zero_or_more(unit_amount: Any) -> None:
    """What is given away costs nothing; nothing costs less."""
    with pytest.raises(InvalidRequestError, match="unit_amount must be Money, zero or more"):
        LineItem(name="Ticket", quantity=1, unit_amount=unit_amount)


def items(*prices: tuple[int, str, str]) -> list[LineItem]:
    """Return line items of so many, at a price in a currency."""
    return [LineItem(name="x", quantity=n, unit_amount=Money(price, currency)) for n, price, currency in prices]


@pytest.mark.parametrize(
    "prices", [[(2, "24.95", "EUR")], [(3, "0.10", "EUR"), (1, "49.60", "EUR"), (1, "0", "EUR")]], ids=len
)
def test_line_items_add_up_to_the_amount(prices: list[tuple[int, str, str]]) -> None:
    """A basket whose sum is the amount is taken, as a tuple."""
    request = InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR"), line_items=items(*prices))

    actual = type(request.line_items), sum((item.total for item in request.line_items), start=Money(0, "EUR"))

    assert actual == (tuple, request.amount)


@pytest.mark.parametrize(
    "prices, message",
    [
        ([(2, "24.94", "EUR")], "add up to 49.88 EUR, and the invoice is over 49.90 EUR"),
        ([(1, "49.91", "EUR")], "add up to 49.91 EUR"),
        ([(1, "49.90", "USD")], "EUR and USD cannot be added"),
    ],
    ids=["less", "more", "another currency"],
)
def test_line_items_that_do_not_add_up_are_refused(prices: list[tuple[int, str, str]], message: str) -> None:
    """What the payer reads and what the payer pays is the same, to the cent."""
    with pytest.raises(InvalidRequestError, match=message):
        InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR"), line_items=items(*prices))


@pytest.mark.parametrize("given", ["Ticket", ["Ticket"], [{"name": "Ticket"}], 7], ids=repr)
def test_line_items_are_line_items(given: Any) -> None:
    """A basket of anything else is refused."""
    with pytest.raises(InvalidRequestError):
        InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR"), line_items=given)

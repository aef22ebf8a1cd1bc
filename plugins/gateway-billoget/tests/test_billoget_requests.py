"""What is sent to Billoget, byte for byte where it matters, and what is refused before."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from gateway_billoget import (
    BillogetOptions,
    BudgetChanges,
    BudgetQuery,
    CustomerDetails,
    ProductDetails,
)
from gateway_core import Currency, Gateway, HttpRequest, InvoiceRequest, InvoiceStatus, Money
from gateway_core.errors import ConfigurationError, GatewayError, InvalidRequestError

KEY = "bk_test_made-up-0123456789-abcdef"
NOW = datetime(2030, 1, 31, 12, 0, 0, 987654, tzinfo=UTC)

Sent = Callable[[], list[HttpRequest]]


@pytest.fixture(autouse=True)
def _everything_is_answered(answers: Callable[..., None], example: Callable[[str], bytes]) -> None:
    answers("POST", "api/public/budgets", example("budget-g1"), status=201)
    answers("GET", "api/public/budgets", example("list-g1"))
    answers("POST", "api/budgets/public", example("created-public"), status=201)
    answers("POST", "api/public/budgets/public", example("created-public"), status=201)


def request(total: str = "1500.00", currency: str = "USD", **changes: Any) -> InvoiceRequest:
    """Return a request with no more than is needed."""
    known = {"order_id": "1042", "amount": Money(total, currency), "requested_at": NOW}
    return InvoiceRequest(**{**known, **changes})


def body_of(sent: Sent) -> Any:
    """Return the body of the one request that was sent, its numbers as they were written."""
    (one,) = sent()
    return json.loads(one.body, parse_float=str)


def test_budget_is_made_with_these_bytes(gateway: Gateway, sent: Sent) -> None:
    """G1, as the SDK sends it; the amount is written as it is, and the order stands in the metadata."""
    gateway.create_invoice(request(description="Two books", metadata={"cart": "7"}))

    (actual,) = sent()
    assert (actual.method, actual.url) == ("POST", "https://api.billoget.com/v1/api/public/budgets")
    assert actual.body.decode() == (
        '{"customerId": "customer_456", "items": [{"productId": "product_301", "description": "Two books", '
        '"quantity": 1, "unitPrice": 1500.00}], "validUntil": "2030-03-02T12:00:00Z", '
        '"metadata": {"cart": "7", "order_id": "1042"}}'
    )


def test_public_budget_is_made_with_these_bytes(connect: Callable[..., Gateway], sent: Sent) -> None:
    """G3, as the endpoint page has it; the order stands in the last line of the comments."""
    connect("G3").create_invoice(request("49.90", "EUR", description="Käse", expires_in=timedelta(days=1)))

    (actual,) = sent()
    assert (actual.method, actual.url) == ("POST", "https://api.billoget.com/v1/api/budgets/public")
    assert actual.body.decode() == (
        '{"currency": "EUR", "issueDate": "2030-01-31T12:00:00Z", "expirationDate": "2030-02-01T12:00:00Z", '
        '"customerId": 501, "sellerId": 7, "minimumPaymentToConfirm": 0, "subtotal": 49.90, "total": 49.90, '
        '"iva": 0, "items": [{"productId": 301, "quantity": 1, "unitPrice": 49.90}], '
        '"comments": "K\\u00e4se\\n[order_id \\"1042\\"]"}'
    )


def test_each_request_bears_the_key_and_its_type(gateway: Gateway, sent: Sent) -> None:
    """The documentation wants a bearer key, and the content's type on reads too."""
    gateway.create_invoice(request())
    gateway.check_account()

    headers = {(each.headers["Authorization"], each.headers["Content-Type"]) for each in sent()}

    assert headers == {(f"Bearer {KEY}", "application/json")}


def test_g3_may_be_written_without_a_public_link(
    connect: Callable[..., Gateway], sent: Sent, tells: Callable[..., None], data_of: Callable[[str], Any]
) -> None:
    """The newest endpoint page lists the old address with the new fields."""
    tells("POST", "api/public/budgets", data_of("budget-g3"))

    connect("G3", create_mode="budgets", field_generation="G3").create_invoice(request())

    assert (body_of(sent)["customerId"], body_of(sent)["total"]) == (501, "1500.00")


def test_public_path_is_a_setting(connect: Callable[..., Gateway], sent: Sent) -> None:
    """The documentation has two."""
    connect("G3", public_path="api/public/budgets/public").create_invoice(request())

    assert urlsplit(sent()[0].url).path == "/v1/api/public/budgets/public"


def test_options_go_before_settings(connect: Callable[..., Gateway], sent: Sent) -> None:
    """Each invoice may have its own customer, product or package, seller, minimum and VAT."""
    options = {
        "customer_id": "502",
        "package_id": "9",
        "seller_id": "8",
        "minimum_payment_to_confirm": Decimal("10.5"),
        "iva": Decimal("21.00"),
    }

    connect("G3").create_invoice(request("121.00", options=options))

    body = body_of(sent)
    assert (body["customerId"], body["sellerId"], body["minimumPaymentToConfirm"]) == (502, 8, "10.5")
    assert (body["subtotal"], body["iva"], body["total"]) == ("100.00", "21.00", "121.00")
    assert body["items"] == [{"packageId": 9, "quantity": 1, "unitPrice": "100.00"}]


def test_options_class_is_taken_as_it_is(gateway: Gateway, sent: Sent) -> None:
    """Options may be given as an instance too."""
    gateway.create_invoice(request(options=BillogetOptions(customer_id="customer_9")))

    assert body_of(sent)["customerId"] == "customer_9"


@pytest.mark.parametrize("name", ["customer_id", "product_id", "currency"])
def test_missing_setting_is_named_before_anything_is_sent_in_g1(
    connect: Callable[..., Gateway], sent: Sent, name: str
) -> None:
    """No id is made up: what Billoget needs and nobody gave is asked of the operator."""
    with pytest.raises(ConfigurationError, match=name):
        connect(**{name: None}).create_invoice(request())

    assert sent() == []


@pytest.mark.parametrize("name", ["customer_id", "product_id", "seller_id", "minimum_payment_to_confirm"])
def test_missing_setting_is_named_before_anything_is_sent_in_g3(
    connect: Callable[..., Gateway], sent: Sent, name: str
) -> None:
    """As in G1."""
    with pytest.raises(ConfigurationError, match=name):
        connect("G3", **{name: None}).create_invoice(request())

    assert sent() == []


@pytest.mark.parametrize(
    "generation, changes, reason",
    [
        ("G1", {"amount": Money("10", "ARS")}, "in USD: G1 can name no other currency"),
        ("G1", {"options": {"iva": Decimal(1)}}, "iva cannot be sent"),
        ("G1", {"options": {"seller_id": "7"}}, "seller_id cannot be sent"),
        ("G1", {"metadata": {"order_id": "9"}}, "order_id of its own"),
        ("G3", {"options": {"customer_id": "customer_456"}}, "customer_id must be a number"),
        ("G3", {"options": {"iva": Decimal("1500.01")}}, "unit_price must be Money"),
        ("G3", {"options": {"iva": Decimal("0.001")}}, "2 decimals"),
        ("G3", {"options": {"colour": "red"}}, "colour"),
        ("G3", {"expires_in": timedelta(days=9_999_999)}, "expires_in is too long"),
        ("G3", {"amount": Money("0.5", "BTC")}, "currency of ISO 4217"),
    ],
    ids=str,
)
def test_what_cannot_be_said_is_refused_before_anything_is_sent(
    connect: Callable[..., Gateway], sent: Sent, generation: str, changes: dict[str, Any], reason: str
) -> None:
    """Nothing is left out of an invoice silently that changes what is asked for."""
    with pytest.raises((ConfigurationError, InvalidRequestError), match=reason):
        connect(generation).create_invoice(request(**changes))

    assert sent() == []


@pytest.mark.parametrize("generation", ["G1", "G3"])
@pytest.mark.parametrize("amount", ["9007199254740993", "90071992547409.93", "99999999999999999999.01"])
def test_amount_that_a_double_would_change_is_refused(
    connect: Callable[..., Gateway], sent: Sent, generation: str, amount: str
) -> None:
    """M5: Billoget takes JSON numbers, which most programs read as floating-point numbers."""
    with pytest.raises(InvalidRequestError, match="too large or too fine"):
        connect(generation).create_invoice(request(amount))

    assert sent() == []


@pytest.mark.parametrize("amount", ["0.01", "0.1", "1.10", "123456789.99", "9007199254740992", "1500"])
def test_amount_is_written_in_plain_digits(connect: Callable[..., Gateway], sent: Sent, amount: str) -> None:
    """M5: no exponent, no float, whatever the host's decimal context."""
    with localcontext() as context:
        context.prec = 3
        connect("G3").create_invoice(request(amount))

    assert f'"total": {Decimal(amount):.2f}'.encode() in sent()[0].body


def test_amount_in_a_currency_of_finer_units(connect: Callable[..., Gateway], sent: Sent) -> None:
    """M3: a dinar has three decimals, a yen none."""
    gateway = connect("G3")
    for amount in (Money("1.234", "KWD"), Money("500", "JPY"), Money("5", Currency("ARS", 2))):
        gateway.create_invoice(InvoiceRequest(order_id="1042", amount=amount))

    assert [json.loads(each.body, parse_float=str)["total"] for each in sent()] == ["1.234", 500, "5.00"]


@pytest.mark.parametrize("generation", ["G1", "G3"])
def test_same_request_is_the_same_bytes(connect: Callable[..., Gateway], sent: Sent, generation: str) -> None:
    """Nothing in a flow is random, and time is data."""
    gateway = connect(generation)
    for _ in range(2):
        gateway.create_invoice(request(description="Two books"))

    first, second = sent()
    assert first == second


def test_request_that_nobody_stamped_is_refused(gateway: Gateway) -> None:
    """A flow has no clock."""
    bare = InvoiceRequest(order_id="1042", amount=Money("1", "USD"), options=BillogetOptions())

    with pytest.raises(InvalidRequestError, match="requested_at"):
        gateway.run(gateway.provider.create_invoice(bare))


@pytest.mark.parametrize(
    "query, g1, g3",
    [
        ({}, {}, {}),
        ({"status": InvoiceStatus.APPROVED}, {"status": "APPROVED"}, {"status": "1"}),
        ({"status": InvoiceStatus.CANCELED}, {"status": "REJECTED"}, {"status": "2"}),
        ({"status": InvoiceStatus.EXPIRED}, {"status": "EXPIRED"}, "status must be one of"),
        ({"status": InvoiceStatus.PAID}, "status must be one of", "status must be one of"),
        ({"customer_id": "501"}, {"customerId": "501"}, {"customerId": "501"}),
        ({"customer_id": "customer_1"}, {"customerId": "customer_1"}, "customer_id must be a number"),
        ({"search": "a b&c"}, {"search": "a b&c"}, {"search": "a b&c"}),
        ({"min_total": Decimal("10.50")}, {"minTotal": "10.50"}, "min_total cannot be asked for"),
        ({"max_total": Decimal(99)}, {"maxTotal": "99"}, "max_total cannot be asked for"),
        ({"since": NOW}, {"createdAfter": "2030-01-31T11:59:59Z"}, {"startDate": "2030-01-30"}),
        ({"until": NOW}, {"createdBefore": "2030-01-31T12:00:01Z"}, {"endDate": "2030-02-01"}),
        ({"since": datetime.min.replace(tzinfo=UTC)}, {}, {}),
        ({"sort": "total", "order": "asc"}, {"sort": "total", "order": "asc"}, "sort cannot be asked for"),
        ({"cursor": "3", "page_size": 100}, {"page": "3", "limit": "100"}, {"page": "3", "limit": "100"}),
        ({"cursor": "three"}, "this cursor", "this cursor"),
    ],
    ids=str,
)
def test_list_is_asked_for_in_the_words_of_the_generation(
    connect: Callable[..., Gateway], sent: Sent, query: dict[str, Any], g1: Any, g3: Any
) -> None:
    """A filter that a generation does not have is refused, and never dropped; those of time are sent wider."""
    for generation, expected in (("G1", g1), ("G3", g3)):
        gateway = connect(generation)
        before = len(sent())
        if isinstance(expected, str):
            with pytest.raises(GatewayError, match=expected):
                gateway.run(gateway.provider.list_budgets(BudgetQuery(**query)))
            assert len(sent()) == before
        else:
            gateway.run(gateway.provider.list_budgets(BudgetQuery(**query)))
            assert dict(parse_qsl(urlsplit(sent()[-1].url).query)) == {"page": "1", "limit": "50", **expected}


@pytest.mark.parametrize("page_size", [0, 101, True, "10"], ids=repr)
def test_page_that_billoget_does_not_give_is_refused(gateway: Gateway, page_size: Any) -> None:
    """At most 100 things on a page are documented."""
    with pytest.raises(InvalidRequestError, match="page_size"):
        BudgetQuery(page_size=page_size)
    with pytest.raises(InvalidRequestError, match="page_size"):
        gateway.run(gateway.provider.list_customers(page_size=page_size))


@pytest.mark.parametrize(
    "generation, flow, arguments",
    [
        ("G1", "create_customer", (CustomerDetails(name="Ana"),)),
        ("G1", "create_customer", (CustomerDetails(name="Ana", email="a@b.c", dni=1),)),
        (
            "G1",
            "update_customer",
            (
                "1",
                CustomerDetails(),
            ),
        ),
        ("G3", "create_customer", (CustomerDetails(first_name="Ana"),)),
        (
            "G3",
            "update_customer",
            (
                "1",
                CustomerDetails(name="Ana"),
            ),
        ),
        ("G3", "create_product", (ProductDetails(description="A book"),)),
        (
            "G1",
            "update_product",
            (
                "1",
                ProductDetails(),
            ),
        ),
        (
            "G1",
            "update_product",
            (
                "1",
                ProductDetails(price=Decimal(9007199254740993)),
            ),
        ),
        (
            "G1",
            "update_budget",
            (
                "1",
                BudgetChanges(),
            ),
        ),
        ("G3", "update_budget", ("1", BudgetChanges(metadata={"a": "b"}))),
        ("G3", "update_budget", ("1", BudgetChanges(notes="x", metadata={"a": "b"}))),
        ("G1", "get_budget", ("..",)),
        ("G1", "get_customer", ("",)),
        ("G1", "confirm_budget", ("a/b",)),
        ("G1", "reject_budget", ("",)),
        ("G1", "get_budget_by_token", ("a" * 101,)),
        ("G1", "test_webhook", ("ping", {"price": 0.1})),
    ],
    ids=str,
)
def test_flow_that_cannot_succeed_sends_nothing(
    connect: Callable[..., Gateway], sent: Sent, generation: str, flow: str, arguments: tuple[Any, ...]
) -> None:
    """S8, M1: ids that change the address, floats, fields of the other generation, nothing to change."""
    gateway = connect(generation)

    with pytest.raises(InvalidRequestError):
        gateway.run(getattr(gateway.provider, flow)(*arguments))

    assert sent() == []


def test_id_stays_one_segment_of_the_address(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes], sent: Sent
) -> None:
    """S8: an id from outside never leads to another endpoint."""
    answers("GET", "api/public/budgets/a%2F..%3Fb", example("budget-g1"))

    with pytest.raises(GatewayError, match="something else than what was asked for"):
        gateway.get_status("a/..?b")

    assert urlsplit(sent()[0].url).path == "/v1/api/public/budgets/a%2F..%3Fb"

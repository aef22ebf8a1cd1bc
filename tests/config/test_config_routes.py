"""Routes: which account an order goes to, and what is refused before any order comes."""

from __future__ import annotations

import collections
from pathlib import Path
from typing import Any

import pytest

from gateway_core import Address, AsyncGateways, Customer, Gateways, InvoiceRequest, Money
from gateway_core.config import all_accounts
from gateway_core.errors import ConfigurationError, InvalidRequestError
from tests.config.shoply import CANARY, refusal, write

ACCOUNTS = """
[gateways.eu]
backend = "shoply"
api_key = "k-eu"
[gateways.us]
backend = "shoply"
api_key = "k-us"
[gateways.new]
backend = "shoply"
api_key = "k-new"
"""


def configure(routes: str, top: str = 'default = "eu"') -> None:
    """Write a file with three accounts and some routes."""
    write(f"{top}\n{routes}\n{ACCOUNTS}")


def order(amount: str = "5", currency: str = "EUR", *, order_id: str = "1042", country: str = "") -> InvoiceRequest:
    """Return an order."""
    address = Address(line1="1 Main Street", city="Springfield", country=country) if country else None
    customer = Customer(address=address) if address else None
    return InvoiceRequest(order_id=order_id, amount=Money(amount, currency), customer=customer)


RULES = """
[[routes]]
tag = ["subscription", "donation"]
accounts = "new"
[[routes]]
currency = "USD"
max_amount = 100
accounts = "us"
[[routes]]
currency = ["USD", "CAD"]
min_amount = "500.50"
country = ["US", "CA"]
accounts = "new"
"""


@pytest.mark.parametrize(
    "request_, more, account",
    [
        (order(), {}, "eu"),
        (order(), {"tag": "donation"}, "new"),
        (order(), {"tag": "gift"}, "eu"),
        (order("100", "USD"), {}, "us"),
        (order("100.01", "USD"), {}, "eu"),
        (order("1", "USD"), {"tag": "donation"}, "new"),
        (order("500.50", "USD", country="US"), {}, "new"),
        (order("500.49", "USD", country="US"), {}, "eu"),
        (order("600", "CAD", country="US"), {"country": "DE"}, "eu"),
        (order("600", "CAD"), {"country": "CA"}, "new"),
        (order("600", "CAD"), {}, "eu"),
    ],
)
def test_first_route_that_fits_takes_the_order(request_: InvoiceRequest, more: dict[str, Any], account: str) -> None:
    """Conditions of a route hold together, both ends of an amount are taken, and the default takes the rest."""
    configure(RULES)

    with Gateways.open() as gateways:
        assert gateways.route(request_, **more) == (account,)
    assert AsyncGateways.open().route(request_, **more) == (account,)


def test_weights_divide_orders_the_same_way_everywhere() -> None:
    """What an order's id decides is the same on every machine and for ever; a weight of 0 takes none."""
    configure("[[routes]]\naccounts = {eu = 70, us = 30, new = 0}")
    gateways = Gateways.open()

    taken = [gateways.route(order(order_id=str(number)))[0] for number in range(1000)]

    assert collections.Counter(taken) == {"eu": 710, "us": 290}
    assert taken[:10] == ["eu", "eu", "eu", "us", "eu", "eu", "eu", "eu", "eu", "us"]


def test_change_of_a_weight_moves_no_more_orders_than_it_says() -> None:
    """From 10 to 20 of a hundred, a tenth of the orders moves."""
    routes = []
    for new in (10, 20):
        configure(f"[[routes]]\naccounts = {{new = {new}, eu = {100 - new}}}")
        gateways = Gateways.open()
        routes.append([gateways.route(order(order_id=str(number)))[0] for number in range(1000)])

    moved = [pair for pair in zip(*routes, strict=True) if pair[0] != pair[1]]

    assert set(moved) == {("eu", "new")}
    assert 70 < len(moved) < 130


@pytest.mark.parametrize(
    "routes, reason",
    [
        ("routes = 3", "routes: must be tables, each [[routes]]"),
        ("routes = []", "routes: must be tables, each [[routes]]"),
        ("[[routes]]", "routes[0].accounts: missing"),
        ('[[routes]]\naccounts = "ue"', "routes[0].accounts: there is no account ue: known are eu, us, new"),
        ("[[routes]]\naccounts = []", "routes[0].accounts: must be an account's name, a list of names, or a table"),
        ("[[routes]]\naccounts = 7", "routes[0].accounts: must be an account's name"),
        ('[[routes]]\naccounts = ["eu", "eu"]', "routes[0].accounts: names an account twice"),
        ("[[routes]]\naccounts = {eu = 0}", "routes[0].accounts: one weight at least is above 0"),
        ("[[routes]]\naccounts = {eu = 0.5}", "routes[0].accounts: a weight is a whole number"),
        ("[[routes]]\naccounts = {eu = -1}", "routes[0].accounts: a weight is a whole number"),
        ("[[routes]]\naccounts = {eu = true}", "routes[0].accounts: a weight is a whole number"),
        ('[[routes]]\naccounts = "us"\ncurency = "EUR"', "routes[0].curency: unknown, did you mean currency?"),
        (f'[[routes]]\naccounts = "us"\ncurrency = "{CANARY}"', "routes[0].currency: must be codes of currencies"),
        ('[[routes]]\naccounts = "us"\ncurrency = []', "routes[0].currency: must be codes of currencies"),
        ('[[routes]]\naccounts = "us"\ncountry = "de"', "routes[0].country: must be codes of two capital letters"),
        ('[[routes]]\naccounts = "us"\ntag = " x"', "routes[0].tag: must be words without blanks around them"),
        ('[[routes]]\naccounts = "us"\nmin_amount = 5', "routes[0]: an amount is one of a currency: add currency"),
        ('[[routes]]\naccounts = "us"\ncurrency = "EUR"\nmin_amount = -5', "routes[0].min_amount: must not be below 0"),
        ('[[routes]]\naccounts = "us"\ncurrency = "EUR"\nmin_amount = "x"', "routes[0].min_amount: must be a number"),
        (
            '[[routes]]\naccounts = "us"\ncurrency = "EUR"\nmin_amount = 5\nmax_amount = 4.99',
            "routes[0]: min_amount is above max_amount",
        ),
        (
            '[[routes]]\naccounts = "us"\n[[routes]]\naccounts = "eu"',
            "routes[1]: is never reached: the route before it takes every order",
        ),
        (
            '[[routes]]\naccounts = ["us", "eu"]',
            "routes[0].accounts: eu is there for when nothing could be sent to us, and nothing would remember",
        ),
    ],
)
def test_routes_that_are_refused(routes: str, reason: str) -> None:
    """Every fault is told when the gateways are opened, with its number and key, and no value."""
    configure(routes)

    assert f"gateway.toml: {reason}" in refusal(Gateways.open)


def test_faults_of_routes_are_told_together() -> None:
    """One look at the file is enough."""
    configure('[[routes]]\naccounts = "ue"\ncurrency = "eur"\n[[routes]]\ntag = 3\naccounts = "us"')

    assert refusal(Gateways.open) == (
        "gateway.toml: routes[0].currency: must be codes of currencies, such as EUR; routes[1].tag: must be a list"
    )


def test_order_that_no_route_takes_needs_a_default() -> None:
    """It is told at once; a last route without a condition will do."""
    configure('[[routes]]\ncurrency = "USD"\naccounts = "us"', top="")
    assert "routes: an order that none of them takes has no account" in refusal(Gateways.open)

    configure('[[routes]]\ncurrency = "USD"\naccounts = "us"\n[[routes]]\naccounts = "new"', top="")
    assert Gateways.open().route(order()) == ("new",)


def test_no_default_and_no_routes() -> None:
    """What has no account is told when it is asked for."""
    configure("", top="")
    gateways = Gateways.open()

    assert "no account is the default: write `default` at the top" in refusal(lambda: gateways.route(order()))
    assert "no account is the default" in refusal(lambda: gateways.default)


@pytest.mark.parametrize("arguments", [(order(), {"tag": 3}), (order(), {"country": b"US"}), ("1042", {})])
def test_arguments_are_checked(arguments: tuple[Any, dict[str, Any]]) -> None:
    """What would match no route by mistake is refused."""
    configure(RULES)

    with pytest.raises(InvalidRequestError):
        Gateways.open().route(arguments[0], **arguments[1])


def test_accounts_that_share_orders_keep_one_journal(tmp_path: Path) -> None:
    """Two journals would let an order have an invoice in each. An account that no route names may have its own."""
    other = f'journal = "sqlite:///{tmp_path}/{CANARY}.db"\n'
    top = f'default = "eu"\njournal = "sqlite:///{tmp_path}/a.db"'

    configure('[[routes]]\ncurrency = "USD"\naccounts = "us"', top=top)
    with Path("gateway.toml").open("a", encoding="utf-8") as file:
        file.write(other)  # of the last account, which is new
    Gateways.open().close()

    configure('[[routes]]\ncurrency = "USD"\naccounts = ["us", "new"]', top=top)
    with Path("gateway.toml").open("a", encoding="utf-8") as file:
        file.write(other)
    assert "gateway.toml: [gateways.new] journal: is another than that of us" in refusal(Gateways.open)


def test_journal_that_cannot_be_had_is_told_with_its_place() -> None:
    """A reference that leads nowhere is no missing journal."""
    configure("", top='default = "eu"\njournal = "env://NOT_THERE"')

    assert "[gateways.eu] journal (from env://NOT_THERE): the environment variable NOT_THERE is not set" in refusal(
        Gateways.open
    )


def test_file_is_found_again_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account that is opened late is read from the file that was there at the beginning."""
    configure("")
    gateways = Gateways.open("gateway.toml")
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.chdir(other)

    assert gateways["us"].backend == "shoply"


def test_names_and_journals_of_a_file() -> None:
    """They are read without a plugin."""
    write('default = "eu"\n[gateways.eu]\nbackend = "not-there"\n[gateways.us]\nbackend = "neither"')

    found = all_accounts()

    assert (found.names, found.default, dict(found.journals)) == (("eu", "us"), "eu", {"eu": None, "us": None})


def test_default_that_stands_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """`$GATEWAY_DEFAULT` chooses here too."""
    configure("")
    monkeypatch.setenv("GATEWAY_DEFAULT", "us")

    assert Gateways.open().route(order()) == ("us",)
    with pytest.raises(ConfigurationError, match="there is no account su: known are eu, us, new"):
        Gateways.open()["su"]

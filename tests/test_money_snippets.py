"""Every snippet that takes money is right under lost answers, duplicates, reordering, refunds, crashes and restarts."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch
from wsgiref.util import setup_testing_defaults

import pytest
from werkzeug.test import Client

from examples.shop import Shop
from gateway_core import Gateway, InvoiceRequest, Money, RefundRequest, WebhookRequest
from gateway_core.journal import Journal
from gateway_core.testing import Answer, EmulatedAccount, EmulatedInvoice, changing

ROOT = Path(__file__).parents[1]


class Seller:
    """A program that sells one order, made of a text of ours, and run in a process that can die at any moment.

    Args:
        account: The provider.
        folder: What survives.
    """

    def __init__(self, account: EmulatedAccount, folder: Path) -> None:
        self.account = account
        self.folder = folder
        self.delivered: list[str | None] = []
        self.crashes = 0
        self.start()

    def start(self) -> None:
        """Start it, as after a crash: with nothing but what is on the disk."""
        self.gateway = self.account.connect(journal=Journal(f"sqlite:///{self.folder}/g.db", clock=self.account.clock))

    def deliver(self, order_id: str | None) -> None:
        """Send the goods."""
        if self.crashes:
            self.crashes -= 1
            raise RuntimeError("killed")
        self.delivered.append(order_id)

    def receive(self, request: WebhookRequest) -> int:
        """Take a webhook as a web framework would: what the program raises is answered with 500."""
        try:
            return self.webhook(request)
        except RuntimeError:
            return 500

    def webhook(self, request: WebhookRequest) -> int:
        """Hand it to the program."""
        raise NotImplementedError

    def ask_again(self) -> None:
        """Let the buyer press the button once more."""
        raise NotImplementedError


class Document(Seller):
    """What stands in a document."""

    page = ""
    marked_by = "receive_webhook("

    def start(self) -> None:
        """Start the program."""
        super().start()
        text = (ROOT / self.page).read_text(encoding="utf-8")
        blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        source = next(block for block in blocks if self.marked_by in block)
        self.namespace: dict[str, Any] = {
            "__name__": "shop",
            "print": self.print,
            "deliver": self.deliver,
            "take_back": lambda _: None,
        }
        with patch.object(Gateway, "open", lambda: self.gateway):
            exec(source, self.namespace)  # noqa: S102  # a text of our own
        self.ask_again()

    def print(self, *words: str) -> None:
        """Read what it says."""
        if words[0] == "deliver":
            self.deliver(words[1])

    def webhook(self, request: WebhookRequest) -> int:
        """Hand it over."""
        answer = self.namespace["webhook"](request.body, dict(request.headers.pairs), request.url)
        return int(answer[0] if isinstance(answer, tuple) else answer)

    def ask_again(self) -> None:
        """Ask once more."""
        self.gateway.create_invoice(InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR"), description="A book"))


class Readme(Document):
    """The example of the README."""

    page = "README.md"
    marked_by = "register_blueprint("

    def webhook(self, request: WebhookRequest) -> int:
        """Hand it over."""
        browser = self.namespace["app"].test_client()
        return int(browser.post("/webhooks", data=request.body, headers=list(request.headers.pairs)).status_code)

    def ask_again(self) -> None:
        """Press the button on the page."""
        self.namespace["app"].test_client().post("/orders/1042/pay")


class HowTo(Document):
    """The example of the page about webhooks: a function, and the application that calls it."""

    page = "docs/how-to/receive-webhooks.md"

    def start(self) -> None:
        """Start the application."""
        Seller.start(self)
        text = (ROOT / self.page).read_text(encoding="utf-8")
        self.namespace = {"deliver": self.deliver, "take_back": lambda _: None}
        with patch.object(Gateway, "open", lambda: self.gateway):
            for block in re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)[:2]:
                exec(block, self.namespace)  # noqa: S102  # a text of our own
        self.ask_again()

    def webhook(self, request: WebhookRequest) -> int:
        """Post it."""
        answer = Client(self.namespace["webhooks"]).post(data=request.body, headers=list(request.headers.pairs))
        return answer.status_code


class ShopToTest(Seller):
    """The shop of the page about testing."""

    def start(self) -> None:
        """Start the program."""
        super().start()
        text = (ROOT / "docs/how-to/test-your-shop.md").read_text(encoding="utf-8")
        namespace: dict[str, Any] = {}
        exec(re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)[0], namespace)  # noqa: S102  # as above
        seller = self

        def handle(event: Any) -> None:
            if event.pays:
                seller.deliver(event.order_id)

        self.shop = namespace["Shop"](self.gateway)
        self.shop.handle = handle
        self.ask_again()

    def webhook(self, request: WebhookRequest) -> int:
        """Hand it over."""
        return int(self.shop.webhook(request))

    def ask_again(self) -> None:
        """Ask once more."""
        self.shop.check_out("1042")


class Example(Seller):
    """The example shop."""

    order: str | None = None

    def start(self) -> None:
        """Start the program."""
        super().start()
        self.shop = Shop(self.gateway, self.folder / "shop.db")
        handle = self.shop.handle

        def watched(event: Any) -> None:
            before = self.shop.status(event.order_id)
            if event.pays:
                self.deliver("1042")
            handle(event)
            assert (self.shop.status(event.order_id) == "paid") == event.pays or before != "paid"

        self.shop.handle = watched  # type: ignore[method-assign]
        if self.order is None:
            self.order = dict(self.call("POST", "/orders")[1])["X-Order"]

    def call(self, method: str, path: str, body: bytes = b"", headers: Any = ()) -> tuple[int, list[tuple[str, str]]]:
        """Call the application, and return the status and the headers."""
        environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": path, "wsgi.input": io.BytesIO(body)}
        setup_testing_defaults(environ)
        environ |= {"HTTP_" + name.upper().replace("-", "_"): value for name, value in headers}
        environ["CONTENT_LENGTH"] = str(len(body))
        answers: list[Any] = []
        self.shop(environ, lambda status, headers: answers.append((int(status.split()[0]), headers)))
        return answers[0]  # type: ignore[no-any-return]

    def webhook(self, request: WebhookRequest) -> int:
        """Hand it over."""
        return self.call("POST", "/webhooks", request.body, request.headers.pairs)[0]

    def ask_again(self) -> None:
        """Ask once more."""
        self.call("POST", f"/orders/{self.order}/pay")


@pytest.fixture
def account() -> Iterator[EmulatedAccount]:
    """The provider."""
    with EmulatedAccount("sandbox") as account:
        yield account


Sell = Callable[[], Seller]


@pytest.fixture(params=[Readme, HowTo, ShopToTest, Example], ids=lambda kind: kind.__name__)
def sell(request: pytest.FixtureRequest, account: EmulatedAccount, tmp_path: Path) -> Sell:
    """Start each of our programs."""
    return lambda: request.param(account, tmp_path)


def only_invoice(account: EmulatedAccount) -> EmulatedInvoice:
    """Return the one invoice that the provider has."""
    (invoice,) = [invoice for _, invoice in account.emulator.ledger.select(EmulatedInvoice)]
    return invoice


@pytest.mark.parametrize("fault", ["lost answer", "503 all the same", "html all the same"])
def test_lost_answer(account: EmulatedAccount, sell: Sell, fault: str) -> None:
    """The order has one invoice, and whoever pays it gets the goods, whatever became of the answer."""
    faults: dict[str, Callable[[], None]] = {
        "lost answer": account.drop_next_answer,
        "503 all the same": lambda: account.faults.script(Answer(503, carried_out=True), where=changing),
        "html all the same": lambda: account.faults.script(Answer.html(carried_out=True), where=changing),
    }
    faults[fault]()
    seller = sell()
    seller.ask_again()
    account.pay(only_invoice(account).id)
    account.deliver(seller.receive)

    assert seller.delivered == ["1042"]


def test_duplicates_and_restarts(account: EmulatedAccount, sell: Sell) -> None:
    """The goods leave once, though the webhook comes before and after a restart, and the buyer asks again."""
    seller = sell()
    account.pay(only_invoice(account).id)
    account.deliver(seller.receive)
    for _ in range(2):
        account.duplicate()
        account.deliver(seller.receive)
        seller.start()
        seller.ask_again()
        account.duplicate()
        account.deliver(seller.receive)

    assert seller.delivered == ["1042"]
    assert not only_invoice(account).refunded


def test_crash_while_delivering(account: EmulatedAccount, sell: Sell) -> None:
    """What could not be delivered is, when the provider sends the webhook again."""
    seller = sell()
    seller.crashes = 1
    account.pay(only_invoice(account).id)
    account.deliver(seller.receive)
    crashed = list(seller.delivered)
    seller.start()
    account.advance(minutes=1)
    account.deliver(seller.receive)

    assert crashed == []
    assert seller.delivered == ["1042"]


def test_refund_overtakes_the_payment(account: EmulatedAccount, sell: Sell) -> None:
    """A payment that is told after its refund delivers nothing."""
    seller = sell()
    invoice = only_invoice(account)
    account.pay(invoice.id)
    late = account.webhooks()
    refund = RefundRequest(refund_id="r", invoice_id=invoice.id, amount=invoice.amount)
    account.gateway.refund_payment(refund)
    account.deliver(seller.receive)
    answers = [seller.receive(request) for request in late]

    assert seller.delivered == []
    assert answers == [200]


def test_part_of_the_money(account: EmulatedAccount, sell: Sell) -> None:
    """Half a payment delivers nothing; the other half does."""
    seller = sell()
    invoice = only_invoice(account)
    account.pay(invoice.id, Money("20", invoice.amount.unit))
    account.deliver(seller.receive)
    half = list(seller.delivered)
    account.pay(invoice.id)
    account.deliver(seller.receive)

    assert half == []
    assert seller.delivered == ["1042"]


def test_forgery(account: EmulatedAccount, sell: Sell) -> None:
    """What was changed on the way is refused, and changes nothing."""
    seller = sell()
    account.pay(only_invoice(account).id)
    (genuine,) = account.webhooks()
    account.tamper()
    (forged,) = account.webhooks()

    assert seller.receive(forged) == 400
    assert seller.receive(genuine) == 200
    assert seller.delivered == ["1042"]

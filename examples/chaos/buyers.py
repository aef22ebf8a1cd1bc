"""The buyers: they pay, decline, pay too little or too much, pay twice, come back, stay away, want their money back."""

from __future__ import annotations

import contextlib
import random
import time
from urllib.parse import urlsplit

import requests

from examples.bookshop import orders
from examples.bookshop.stock import CURRENCY
from examples.chaos.sandbox import ChaoticSandbox
from gateway_core import Money
from gateway_core.errors import GatewayError
from gateway_core.testing import EXPIRE

#: Seconds that a buyer waits for an answer, and between two tries.
_PATIENCE = 30.0
_PAUSE = 0.3

#: How often a buyer presses a button before he gives up.
_TRIES = 20

#: What buyers do, and how often.
_HABITS = {
    "pay": 66,
    "decline first": 8,
    "pay too little": 4,
    "pay in two parts": 5,
    "pay too much": 4,
    "pay both attempts": 4,
    "let the time pass": 3,
    "go away": 2,
    "want the money back": 4,
}


class Buyer:
    """A buyer, who orders once.

    Args:
        shop: The shop's address.
        sandbox: Where he pays.
        randomness: What decides what he does.
        books: How many different books there are.
    """

    def __init__(self, shop: str, sandbox: ChaoticSandbox, randomness: random.Random, books: int) -> None:
        self._shop = shop
        self._sandbox = sandbox
        self._random = randomness
        self._books = books
        self._order = orders.new_order_id()
        self._left = "gave up"

    def run(self) -> str:
        """Order, and do what buyers do; return what that was."""
        with requests.Session() as self._browser:
            cart = "-".join(str(self._random.randint(1, self._books)) for _ in range(self._random.randint(1, 2)))
            form = {"order": self._order, "email": f"{self._order}@example.com"}
            token = self._press("/orders", {"cart": cart}, form)
            if token is None:
                return self._left
            (habit,) = self._random.choices(list(_HABITS), list(_HABITS.values()))
            self._act(habit, token)
            if self._random.random() < 0.4:
                with contextlib.suppress(requests.RequestException):
                    self._browser.get(f"{self._shop}/orders/{self._order}", timeout=_PATIENCE)
            return habit

    def _act(self, habit: str, token: str) -> None:
        with contextlib.suppress(GatewayError):  # too late, or paid already
            match habit:
                case "pay":
                    self._sandbox.pay(token)
                case "decline first" | "pay both attempts":
                    self._sandbox.decline(token)
                    time.sleep(self._random.uniform(0, 1))
                    again = self._press(f"/orders/{self._order}/pay")
                    if again is not None:
                        self._sandbox.pay(again)
                    if habit == "pay both attempts":
                        self._sandbox.pay(token)
                case "pay too little" | "pay in two parts":
                    self._sandbox.pay(token, Money("5", CURRENCY))
                    if habit == "pay in two parts":
                        time.sleep(self._random.uniform(0, 1))
                        self._sandbox.pay(token)
                case "pay too much":
                    invoice = self._sandbox.invoice(token)
                    self._sandbox.pay(token, invoice.amount + invoice.amount)
                case "let the time pass":
                    self._sandbox.act(token, EXPIRE.id)
                case "want the money back":
                    self._sandbox.pay(token)
                    time.sleep(self._random.uniform(0, 1))
                    self._sandbox.act(token, "refund")

    def _press(
        self, path: str, cookies: dict[str, str] | None = None, form: dict[str, str] | None = None
    ) -> str | None:
        """Press a button until it leads to the provider's page; return the invoice's token, or None in the end."""
        for _ in range(_TRIES):
            try:
                answer = self._browser.post(
                    self._shop + path, data=form, cookies=cookies, allow_redirects=False, timeout=_PATIENCE
                )
            except requests.RequestException:
                time.sleep(_PAUSE)  # the worker was killed
                continue
            if answer.status_code == 409:
                self._left = "found it sold out"
                return None
            where = urlsplit(answer.headers.get("Location", ""))
            if where.path.startswith("/pay/"):
                return where.path.rpartition("/")[2]
            if answer.status_code == 303:
                path, form = f"/orders/{self._order}/pay", None
            time.sleep(_PAUSE)
        return None

"""A payer's browser, as much of it as paying takes: it opens a page, reads its form and sends it."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urljoin

from gateway_core import HttpRequest, HttpResponse
from gateway_core.testing import HttpClient
from gateway_sandbox.demo.telling import UnobservedError


class Payer:
    """Pays on a checkout page.

    Args:
        browser: Sends the requests.
    """

    def __init__(self, browser: HttpClient) -> None:
        self._browser = browser

    def pay(self, url: str, amount: str) -> None:
        """Open a checkout page, check that it asks for an amount, press its button, and see where that leads.

        Raises:
            UnobservedError: If the page is not as a payer expects it.
        """
        page = self._open(url)
        if amount not in page:
            raise UnobservedError(f"the page does not ask for {amount}")
        form = _Form("pay")
        form.feed(page)
        if form.fields is None:
            raise UnobservedError("the page has no button to pay")
        answer = self._browser.send(HttpRequest.form("POST", urljoin(url, form.action), form.fields))
        if answer.status != 303:
            raise UnobservedError(f"the page answered {answer.status} when the form was sent")
        self._open(urljoin(url, answer.headers.get("Location", "")))

    def _open(self, url: str) -> str:
        answer: HttpResponse = self._browser.send(HttpRequest(method="GET", url=url))
        if answer.status != 200 or not answer.headers.get("Content-Type", "").startswith("text/html"):
            raise UnobservedError(f"the page answered {answer.status}")
        return answer.body.decode("utf-8", "replace")


class _Form(HTMLParser):
    """Finds the form with a button of a value; its address and what is sent when that button is pressed."""

    def __init__(self, value: str) -> None:
        super().__init__()
        self._value = value
        self._action = ""
        self._hidden: dict[str, str] = {}
        self.action = ""
        self.fields: dict[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._action, self._hidden = given.get("action", ""), {}
        elif tag == "input" and given.get("type") == "hidden":
            self._hidden[given.get("name", "")] = given.get("value", "")
        elif tag == "button" and given.get("value") == self._value and self.fields is None:
            self.action = self._action
            self.fields = {**self._hidden, given.get("name", ""): self._value}

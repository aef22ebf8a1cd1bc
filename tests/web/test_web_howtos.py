"""The programs of *Use Flask* and *Use FastAPI or Starlette*: a newcomer's shop, on which everything goes wrong."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import requests
import requests_mock

from gateway_core import HttpRequest
from gateway_core.testing import EmulatedAccount, EmulatedInvoice, ManualClock
from tests.web.apps import Answer, Send, of_asgi, of_flask, post

DOCS = Path(__file__).parents[2] / "docs" / "how-to"
_BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def blocks(page: str) -> list[str]:
    """Return what a page shows in Python."""
    return _BLOCK.findall((DOCS / f"{page}.md").read_text(encoding="utf-8"))


def with_(page: str, *words: str) -> str:
    """Return the first block of a page, and those that hold one of these words."""
    first, *others = blocks(page)
    chosen = [next(block for block in others if word in block) for word in words]
    return "\n".join([first, *chosen])


def starlette() -> str:
    """Return the program of the section on Starlette, with an endpoint that sells."""
    program = next(block for block in blocks("use-fastapi") if "import Starlette" in block)
    return program + (
        "from gateway_core import InvoiceRequest, Money, errors\n"
        "from gateway_core.web import known_now_async, status_for\n"
        "from starlette.responses import PlainTextResponse, RedirectResponse\n"
        "from starlette.routing import Route\n"
        "async def pay(request):\n"
        "    order = InvoiceRequest(order_id=request.path_params['order_id'], amount=Money('49.90', 'EUR'))\n"
        "    return RedirectResponse((await payments.gateway.create_invoice(order)).payment_url, 303)\n"
        "async def show(request):\n"
        "    known = await known_now_async(payments.gateway, request.path_params['order_id'], handle)\n"
        "    return PlainTextResponse('Paid, thank you.' if known.is_paid else 'Waiting for your payment.')\n"
        "async def not_now(request, error):\n"
        "    return PlainTextResponse('This did not work. Please try again.', status_for(error))\n"
        "app.routes.append(Route('/orders/{order_id}/pay', pay, methods=['POST']))\n"
        "app.routes.append(Route('/orders/{order_id}', show))\n"
        "app.add_exception_handler(errors.GatewayError, not_now)\n"
    )


#: Each program, and what sends to its application.
PROGRAMS: dict[str, tuple[Callable[[], str], Callable[[Any], Any]]] = {
    "flask": (
        lambda: with_("use-flask", "errorhandler", "known_now("),
        lambda app: contextlib.nullcontext(of_flask(app)),
    ),
    "fastapi": (lambda: with_("use-fastapi", "exception_handler", "known_now_async("), of_asgi),
    "starlette": (starlette, of_asgi),
}


@attrs.define
class Newcomer:
    """Somebody who did what the page says, and runs it.

    Attributes:
        program: The shop.
        sending: Makes what sends to its application.
        provider: The provider.
        printed: What the shop printed.
        lost: How many answers of the provider will be lost.
        meanwhile: What happens after the provider did what it was asked to, and before the shop hears of it.
    """

    program: str
    sending: Callable[[Any], Any]
    provider: EmulatedAccount
    printed: list[tuple[str, ...]] = attrs.field(factory=list)
    lost: int = 0
    meanwhile: list[Callable[[], object]] = attrs.field(factory=list)

    @contextlib.contextmanager
    def running(self) -> Iterator[Send]:
        """Start the shop, and stop it again."""
        names: dict[str, Any] = {"__name__": "shop", "print": lambda *words: self.printed.append(words)}
        exec(compile(self.program, "shop.py", "exec"), names)  # noqa: S102  # the program of the page
        with self.sending(names["app"]) as send:
            yield send
        if "gateway" in names:
            names["gateway"].close()

    def answer(self, asked: Any, context: Any) -> bytes:
        """Answer what the shop asks the provider."""
        body = asked.body.encode() if isinstance(asked.body, str) else asked.body or b""
        request = HttpRequest(method=asked.method, url=asked.url, headers=asked.headers, body=body)
        answer = self.provider.emulator.handle(request)
        while self.meanwhile:
            self.meanwhile.pop()()
        if self.lost:
            self.lost -= 1
            raise requests.exceptions.ReadTimeout
        context.status_code, context.headers = answer.status, dict(answer.headers.pairs)
        return bytes(answer.body)

    def order(self, send: Send) -> Answer:
        """Press the button that leads to the provider's page."""
        return send("POST", "/orders/1042/pay")

    def pay(self, answer: Answer) -> None:
        """Pay on the page to which an answer leads."""
        assert answer.status == 303
        self.provider.emulator.pay(str(answer.headers.get("Location")).rpartition("/")[2])

    def deliver(self, send: Send) -> list[int]:
        """Let the webhooks that are due arrive, and return what the shop answered."""
        answers: list[int] = []

        def receive(request: Any) -> int:
            answers.append(post(send, request).status)
            return answers[-1]

        self.provider.deliver(receive)
        return answers


@pytest.fixture(params=PROGRAMS)
def newcomer(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Newcomer]:
    """Give a folder with the ``gateway.toml`` of a sandbox, and a newcomer in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GATEWAY_SANDBOX_TRANSPORT_ATTEMPTS", "1")  # so that one lost answer is one that is lost
    program, sending = PROGRAMS[request.param]
    with EmulatedAccount("sandbox", clock=ManualClock()) as provider, requests_mock.Mocker() as mocker:
        lines = [f'{name} = "{value}"' for name, value in provider.settings.items()]
        Path("gateway.toml").write_text("\n".join(['[gateways.sandbox]\nbackend = "sandbox"', *lines]))
        found = Newcomer(program(), sending, provider)
        mocker.register_uri(requests_mock.ANY, requests_mock.ANY, content=found.answer)
        yield found


@pytest.mark.parametrize("page", ["use-flask", "use-fastapi"])
def test_path_has_ten_lines(page: str) -> None:
    """From `pip install` to the webhooks, with everything that has to be written."""
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    programs = [blocks(page)[0], *(block for block in blocks(page) if "import Starlette" in block)]

    (install,) = re.findall(r"^\$ pip install .*$", text, re.MULTILINE)
    for program in programs:
        assert len([install, *filter(None, program.splitlines())]) <= 10


def test_paid_order_is_delivered_once(newcomer: Newcomer) -> None:
    """However often its webhook comes; and somebody who forges one is refused."""
    with newcomer.running() as send:
        newcomer.pay(newcomer.order(send))
        newcomer.provider.duplicate()
        newcomer.provider.tamper()

        assert newcomer.deliver(send) == [200, 200, 400]
        assert send("GET", "/orders/1042").body == b"Paid, thank you."

    assert newcomer.printed == [("deliver", "1042")]


def test_webhook_comes_before_the_create_has_returned(newcomer: Newcomer) -> None:
    """It is not taken for one that nobody asked for: it comes again, and then it delivers."""
    early: list[int] = []

    with newcomer.running() as send:

        def pay_at_once() -> None:
            [(_, invoice)] = newcomer.provider.emulator.ledger.select(EmulatedInvoice, order="newest", limit=1)
            newcomer.provider.emulator.pay(invoice.token)
            early.extend(newcomer.deliver(send))

        newcomer.meanwhile.append(pay_at_once)
        assert newcomer.order(send).status == 303
        newcomer.provider.advance(seconds=5)
        late = newcomer.deliver(send)

    assert (early, late) == ([503], [200])
    assert newcomer.printed == [("deliver", "1042")]


@pytest.mark.parametrize("lost, status", [(1, 303), (99, 504)])
def test_lost_answer_makes_no_second_invoice(newcomer: Newcomer, lost: int, status: int) -> None:
    """One is asked for again at once; after more the buyer is told, tries again, and pays the one that there is."""
    with newcomer.running() as send:
        newcomer.lost = lost
        first = newcomer.order(send)
        newcomer.lost = 0
        newcomer.pay(newcomer.order(send))
        newcomer.deliver(send)

    assert first.status == status
    assert status == 303 or first.body == b"This did not work. Please try again."
    assert len(list(newcomer.provider.emulator.ledger.select(EmulatedInvoice))) == 1
    assert newcomer.printed == [("deliver", "1042")]


def test_restart_forgets_nothing(newcomer: Newcomer) -> None:
    """An invoice of before is the order's own after it, and what was delivered is not delivered again."""
    with newcomer.running() as send:
        before = newcomer.order(send).headers.get("Location")
    with newcomer.running() as send:
        answer = newcomer.order(send)
        newcomer.pay(answer)
        newcomer.deliver(send)
    newcomer.provider.duplicate()
    with newcomer.running() as send:
        assert newcomer.deliver(send) == [200]

    assert answer.headers.get("Location") == before
    assert newcomer.printed == [("deliver", "1042")]


def test_refund_delivers_nothing(newcomer: Newcomer) -> None:
    """Nor does the payment's own webhook, if it comes after that of its refund."""
    with newcomer.running() as send:
        newcomer.pay(newcomer.order(send))
        [(_, invoice)] = newcomer.provider.emulator.ledger.select(EmulatedInvoice)
        newcomer.provider.act(invoice.id, "refund")
        newcomer.provider.reorder()
        answers = newcomer.deliver(send)
        known = send("GET", "/orders/1042").body

    assert set(answers) == {200}
    assert newcomer.printed == []
    assert known == b"Waiting for your payment."


def test_lost_webhook_is_made_up_for(newcomer: Newcomer) -> None:
    """The page to which the buyer comes back asks, and delivers."""
    with newcomer.running() as send:
        newcomer.pay(newcomer.order(send))
        newcomer.provider.lose()
        shown = send("GET", "/orders/1042").body

    assert shown == b"Paid, thank you."
    assert newcomer.printed == [("deliver", "1042")]

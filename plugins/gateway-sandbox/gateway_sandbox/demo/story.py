"""The story itself, step by step. A step counts only if what it says was really observed."""

from __future__ import annotations

import contextlib
import queue
import tempfile
import time
import webbrowser
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console

from gateway_core import Gateway, HttpRequest, Invoice, InvoiceRequest, InvoiceStatus, Money
from gateway_core.errors import GatewayError
from gateway_core.testing import HttpClient
from gateway_sandbox.accounts import config_text
from gateway_sandbox.demo.child import SandboxProcess
from gateway_sandbox.demo.payer import Payer
from gateway_sandbox.demo.shop import Received, Shop
from gateway_sandbox.demo.telling import Masking, Step, Teller, UnobservedError, fields

#: Seconds that the sandbox may take to start, an answer or a webhook to come, and a person to pay.
_PATIENCE = 15.0
_PATIENCE_WITH_PEOPLE = 900.0

_ORDER = "1042"
_AMOUNT = Money("49.90", "EUR")
_ENDED = frozenset({InvoiceStatus.CANCELED, InvoiceStatus.EXPIRED, InvoiceStatus.FAILED, InvoiceStatus.OVERPAID})
_ANOTHER_DIGIT = bytes.maketrans(b"0123456789", b"1234567890")


def run(console: Console | None, *, open_page: bool = False, patience: float = _PATIENCE) -> Story:
    """Let the story happen, and return it.

    Args:
        console: Where people read it; None tells nobody.
        open_page: Leave the checkout page to a person with a browser.
        patience: Seconds that the webhook may take.
    """
    story = Story(Teller(console), open_page=open_page, patience=patience)
    with contextlib.suppress(UnobservedError), contextlib.ExitStack() as stack:
        story.tell(stack)
    story.end()
    return story


class Story:
    """One invoice's way from PENDING to PAID.

    Args:
        teller: Tells it.
        open_page: Leave the checkout page to a person with a browser.
        patience: Seconds that the webhook may take.
    """

    def __init__(self, teller: Teller, *, open_page: bool, patience: float) -> None:
        self.steps: list[Step] = []
        self.told = False
        self._teller = teller
        self._open_page = open_page
        self._patience = patience
        self._masking = Masking()
        self._started = time.monotonic()
        self.seconds = 0.0

    def tell(self, stack: contextlib.ExitStack) -> None:
        """Let every step happen.

        Args:
            stack: Closes what the steps open.

        Raises:
            UnobservedError: If a step was not observed; it is in that step too.
        """
        shop = stack.enter_context(Shop())
        with self._step("The sandbox starts, in a process of its own") as step:
            sandbox = stack.enter_context(SandboxProcess(shop.url, patience=_PATIENCE))
            self._masking.secrets = tuple(value for key, value in sandbox.settings.items() if key != "base_url")
            step.facts |= fields([("address", sandbox.url), ("process", sandbox.pid), ("webhooks to", shop.url)])

        with self._step("The shop opens its gateway from gateway.toml") as step:
            shop.gateway = gateway = stack.enter_context(self._open(sandbox, stack))
            step.facts |= fields([("backend", gateway.backend)])

        with self._step("The shop creates an invoice") as step:
            invoice = gateway.create_invoice(
                InvoiceRequest(order_id=_ORDER, amount=_AMOUNT, description="The Annotated Turing, hardcover")
            )
            step.facts |= fields(
                [("invoice", invoice.id), ("status", invoice.status.name), ("checkout page", invoice.payment_url)]
            )
            _expect(invoice.status is InvoiceStatus.PENDING, f"the invoice is {invoice.status.name}, not PENDING")

        url = invoice.payment_url or ""
        with self._step("You pay on the page" if self._open_page else "The payer opens the page and pays") as step:
            if self._open_page:
                shown = webbrowser.open(url)
                self._teller.say(f"  {'Your browser shows' if shown else 'Open in a browser:'} {url}", "bold yellow")
                paid = self._await_paid(shop, invoice, _PATIENCE_WITH_PEOPLE)
            else:
                Payer(self._client(sandbox.url, "payer to sandbox", stack)).pay(url, f"{_AMOUNT.amount:f}")

        with self._step("A signed webhook arrives, and is verified") as step:
            if not self._open_page:
                paid = self._await_paid(shop, invoice, self._patience)
            self._observe_webhook(step, paid)

        with self._step("The shop asks for the status") as step:
            report = gateway.get_status(invoice.id)
            step.facts |= fields(
                [("status", report.status.name), ("verdict", report.verdict.name), ("received", report.received)]
            )
            _expect(report.status is InvoiceStatus.PAID, f"the invoice is {report.status.name}, not PAID")
            _expect(report.received == _AMOUNT, "another amount was received")

        with self._step("The payment is in the list") as step:
            payments = [each for each in gateway.list_payments() if each.invoice_id == invoice.id]
            step.facts |= fields((f"payment {each.id}", f"{each.amount}, {each.status.name}") for each in payments)
            _expect(len(payments) == 1 and payments[0].amount == _AMOUNT, "it is not")

        with self._step("A copy of the webhook with other digits is refused") as step:
            self._tamper(step, shop, paid, stack)
        self.told = True

    def end(self) -> None:
        """Tell how it ended."""
        self.seconds = time.monotonic() - self._started
        if self.told:
            self._teller.say(f"Paid: {_AMOUNT}, seen from both sides, in {self.seconds:.1f} s.", "bold green")
        else:
            failed = self.steps[-1]
            self._teller.say(f"Step {failed.number} was not observed: {failed.failure}", "bold red")

    def as_json(self) -> dict[str, Any]:
        """Return the story as JSON values."""
        failed = None if self.told else self.steps[-1].number
        return {
            "ok": self.told,
            "failed_step": failed,
            "seconds": Decimal(f"{self.seconds:.3f}"),
            "steps": [step.as_json() for step in self.steps],
        }

    @contextlib.contextmanager
    def _step(self, title: str) -> Iterator[Step]:
        step = Step(number=len(self.steps) + 1, title=title)
        self.steps.append(step)
        self._teller.begin(step)
        try:
            yield step
        except UnobservedError as error:
            step.failure = self._masking.text(str(error))
            raise
        except GatewayError as error:
            step.failure = f"{type(error).__name__}: {error}"
        finally:
            step.seconds = time.monotonic() - step.started
            self._teller.end(step)
        if step.failure is not None:
            raise UnobservedError(step.failure)

    def _open(self, sandbox: SandboxProcess, stack: contextlib.ExitStack) -> Gateway:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-demo-")))
        config = folder / "gateway.toml"
        config.write_text(config_text("demo", sandbox.backend, sandbox.settings), encoding="utf-8")
        client = self._client(sandbox.url, "shop to sandbox", stack)
        return Gateway.open("demo", config=config, transport=client)

    def _client(self, url: str, way: str, stack: contextlib.ExitStack) -> HttpClient:
        client = HttpClient(
            url,
            timeout=_PATIENCE,
            observe=lambda sent, got: self.steps[-1].exchanges.append(self._masking.exchange(way, sent, got)),
        )
        return stack.enter_context(contextlib.closing(client))

    def _await_paid(self, shop: Shop, invoice: Invoice, patience: float) -> Received:
        """Wait for the verified webhook that says PAID."""
        end = time.monotonic() + patience
        while True:
            try:
                received = shop.received.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise UnobservedError(f"no webhook said PAID within {patience:g} s") from None
            _expect(received.delivery is not None, f"the shop refused a genuine webhook: {received.refusal}")
            events = received.delivery.events if received.delivery else ()
            for report in (event.report for event in events if event.invoice_id == invoice.id):
                if report is not None and report.status is InvoiceStatus.PAID:
                    return received
                _expect(
                    report is None or report.status not in _ENDED,
                    f"the invoice ended as {report and report.status.name}",
                )

    def _observe_webhook(self, step: Step, received: Received) -> None:
        step.exchanges.append(self._masking.webhook("sandbox to shop", received.request, received.status))
        if received.delivery is not None:
            kinds = ", ".join(event.kind for event in received.delivery.events)
            step.facts |= fields([("event", kinds), ("verified by", received.delivery.verified_by), ("status", "PAID")])

    def _tamper(self, step: Step, shop: Shop, genuine: Received, stack: contextlib.ExitStack) -> None:
        client = self._client(shop.url, "somebody else to shop", stack)
        headers = [
            (name, value) for name, value in genuine.request.headers.pairs if name.lower().startswith("webhook-")
        ]
        changed = genuine.request.body.translate(_ANOTHER_DIGIT)
        forged = HttpRequest(
            method="POST", url=shop.url, headers=[("Content-Type", "application/json"), *headers], body=changed
        )
        answer = client.send(forged)
        _expect(answer.status == 400, f"the shop answered {answer.status}, not 400")
        with contextlib.suppress(queue.Empty):
            while True:
                refused = shop.received.get_nowait()
                if refused.refusal is not None:
                    step.facts |= fields([("refused", refused.refusal)])


def _expect(observed: bool, instead: str) -> None:  # noqa: FBT001  # what was observed, or not
    if not observed:
        raise UnobservedError(instead)

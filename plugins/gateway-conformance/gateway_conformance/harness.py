"""What a check works with: one account of the provider, its emulator or its scenarios, and the wire between them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from gateway_conformance.check import fail, not_applicable
from gateway_conformance.provider_under_test import ProviderUnderTest, provider_class
from gateway_conformance.recording import RecordingTransport
from gateway_core.async_gateway import AsyncGateway
from gateway_core.config import structure
from gateway_core.errors import GatewayError, RejectedError
from gateway_core.gateway import Gateway
from gateway_core.hookspecs import OPTIONAL, REQUIRED
from gateway_core.http import HttpRequest
from gateway_core.models.capture import CaptureRequest
from gateway_core.models.currency import Currency
from gateway_core.models.invoice import Invoice, InvoiceRequest
from gateway_core.models.money import Money
from gateway_core.models.payment import Page, Payment, PaymentQuery
from gateway_core.models.refund import RefundRequest
from gateway_core.models.status import InvoiceStatus
from gateway_core.models.webhook import WebhookDelivery, WebhookRequest
from gateway_core.provider import Declines, ProviderInfo, secrets_of
from gateway_core.testing import (
    EmulatedInvoice,
    EmulatedPayment,
    Emulator,
    EmulatorTransport,
    HttpClient,
    ManualClock,
    QueuedDelivery,
    connect_provider,
    connect_provider_async,
    pages,
)
from gateway_core.transport import Transport

#: Where the emulated provider is, and where the shop receives webhooks.
BASE_URL = "http://127.0.0.1:4010"
WEBHOOK_URL = "http://127.0.0.1:8000/webhooks"
#: When everything happens.
NOON = datetime(2030, 1, 31, 12, tzinfo=UTC)


#: What an invoice need not ever be, with the field of `info` that says so, and the value by which it never is.
DECLARED: Mapping[InvoiceStatus, tuple[str, Any]] = {
    InvoiceStatus.PARTIALLY_PAID: ("partial_payments", False),
    InvoiceStatus.OVERPAID: ("overpayments", False),
    InvoiceStatus.FAILED: ("declines", Declines.NONE),
    InvoiceStatus.EXPIRED: ("expires", False),
}


class Harness:
    """One account at the provider, for one check.

    Args:
        suite: What the author says of the provider.
        changes: Settings that differ from the author's.
        emulator: An emulator that other harnesses use too; None for a new one, if the provider has one.
    """

    def __init__(
        self, suite: ProviderUnderTest, changes: Mapping[str, Any] | None = None, *, emulator: Emulator | None = None
    ) -> None:
        self.suite = suite
        self.provider_class = provider_class(suite)
        self.info: ProviderInfo = self.provider_class.info
        self.clock = ManualClock(NOON)
        self.mocker: Any = None
        self.orders = 0
        self._spacing = timedelta(
            seconds=max((limit.seconds / limit.requests for limit in self.info.rate_limits), default=0)
        )
        self.emulator = emulator
        known: dict[str, Any] = {}
        if emulator is None and suite.emulator is not None:
            self.emulator = self._new_emulator(suite.emulator, seed=4)
        if self.emulator is not None:
            self.clock = self.emulator.clock if isinstance(self.emulator.clock, ManualClock) else self.clock
            known = self.emulator.settings(BASE_URL)
        self.settings: dict[str, Any] = {**known, **suite.settings, **(changes or {})}
        self.transport = RecordingTransport(self._inner(), self._pass_time)
        self.gateway = self.connect()
        self.provider = self.gateway.provider

    # Making things.

    def connect(self, without: str | None = None, /, **changes: Any) -> Gateway:
        """Return a gateway over this wire, with changes to the settings, and without one of them."""
        settings = {name: value for name, value in {**self.settings, **changes}.items() if name != without}
        if self.suite.backend is not None:
            return Gateway.connect(self.suite.backend, transport=self.transport, **settings)
        return connect_provider(self.provider_class, settings, self.transport)

    def connect_async(self) -> AsyncGateway:
        """Return an async gateway over this wire."""
        if self.suite.backend is not None:
            return AsyncGateway.connect(self.suite.backend, transport=self.transport, **self.settings)
        return connect_provider_async(self.provider_class, self.settings, self.transport)

    def another_account(self) -> Emulator:
        """Return the emulator of another account at the provider.

        Whoever asks closes it, or gives it to a `Harness` that does.
        """
        assert self.suite.emulator is not None  # noqa: S101  # callers ask only where there is one
        return self._new_emulator(self.suite.emulator, seed=5)

    def other_credentials(self) -> Mapping[str, Any]:
        """Return what another account at the emulator is set up with; nothing without an emulator."""
        if self.suite.emulator is None:
            return {}
        other = self.another_account()
        try:
            return other.settings(BASE_URL)
        finally:
            other.ledger.close()

    def request(self, amount: Money | None = None, order_id: str | None = None, **more: Any) -> InvoiceRequest:
        """Return a request for an invoice of a new order."""
        self.orders += 1
        return InvoiceRequest(
            order_id=order_id or f"order-{self.orders}",
            amount=amount or self.amount(),
            requested_at=self.clock(),
            **{"description": "Two tickets", "options": dict(self.suite.options), **more},
        )

    def amount(self, minor: int = 4990, currency: Currency | None = None) -> Money:
        """Return an amount of so many minor units, in the currency that the author or else `info` names."""
        known = self.info.currencies or ("EUR",)
        usual = "EUR" if "EUR" in known else known[0]
        if currency is None:
            currency = self.suite.amount.unit if self.suite.amount is not None else self.currency_of(usual)
        return Money.from_minor(minor, currency)

    def currency_of(self, code: str) -> Currency:
        """Return a currency as the provider counts it."""
        exponent = self.info.exponents.get(code)
        return Currency.find(code) if exponent is None else Currency(code, exponent)

    def create(self, request: InvoiceRequest | None = None) -> Invoice:
        """Create an invoice."""
        asked = request or self.request()
        self.prepare("given_invoice", asked)
        return self.gateway.create_invoice(asked)

    def paid(self) -> Invoice:
        """Create an invoice that is paid at once; return it as it was created."""
        invoice = self.create()
        if not self.move(invoice, InvoiceStatus.PAID):
            fail("the provider's scenario cannot pay an invoice")
        return invoice

    def reach(self, invoice: Invoice, status: InvoiceStatus, amount: Money | None = None) -> None:
        """Bring an invoice to a status at the provider, as `move` does, if `info` says that this can happen.

        Where `info` says that it cannot, the check is not applicable. Where the emulator or the scenarios say otherwise
        than `info`, it fails.
        """
        if not self.can_reach(status):
            not_applicable(f"info.{DECLARED[status][0]} is {DECLARED[status][1]}")
        if not self.move(invoice, status, amount):
            fail(self.disagreement(status))

    def can_reach(self, status: InvoiceStatus) -> bool:
        """Return whether `info` says that an invoice can get to a status."""
        if status not in DECLARED:
            return True
        field, never = DECLARED[status]
        return bool(getattr(self.info, field) != never)

    def disagreement(self, status: InvoiceStatus) -> str:
        """Return how `info` and the provider's side differ on whether an invoice can get to a status."""
        field, never = DECLARED[status]
        said, can = getattr(self.info, field), self.can_reach(status)
        other = "the emulator" if self.emulator is not None else "given_status"
        return (
            f"info.{field} is {said}, and {other} {'refuses' if can else 'allows'} an invoice that is {status.value}: "
            f"{f'set {field}={never}' if can else f'leave {field} out of ProviderInfo'}, or mend {other}, whichever "
            "is not as the provider is"
        )

    def move(self, invoice: Invoice, status: InvoiceStatus, amount: Money | None = None) -> bool:
        """Let something happen to an invoice on the provider's side; return whether that can happen there.

        Args:
            invoice: The invoice.
            status: PAID, PARTIALLY_PAID or OVERPAID: money comes. FAILED: the payer declines. EXPIRED: its time passes.
            amount: How much comes; None for all that is open, or a little less or more.
        """
        if self.emulator is None:
            return bool(self.suite.given_status(self.mocker, invoice.id, status))
        token = self.emulated(invoice).token
        try:
            match status:
                case InvoiceStatus.EXPIRED:
                    due = self.emulated(invoice).expires_at
                    if due is None:
                        return False
                    self.clock.move(due - self.clock() + timedelta(seconds=1))
                case InvoiceStatus.FAILED:
                    self.emulator.decline(token)
                case InvoiceStatus.PARTIALLY_PAID:
                    self.emulator.pay(token, amount or self.amount(100))
                case InvoiceStatus.OVERPAID:
                    self.emulator.pay(token, amount or invoice.amount + self.amount(100))
                case _:
                    self.emulator.pay(token, amount)
        except RejectedError:
            return False
        if status is not InvoiceStatus.EXPIRED:
            self._capture(invoice)
        return True

    def _capture(self, invoice: Invoice) -> None:
        """Take the money of an invoice that is approved or authorized, as a shop does."""
        waiting = self.emulated(invoice).status in (InvoiceStatus.APPROVED, InvoiceStatus.AUTHORIZED)
        if waiting and self.supports("capture_payment"):
            references = self.references(invoice)
            capture = CaptureRequest(capture_id=f"capture-{invoice.id}", invoice_id=invoice.id, references=references)
            self.gateway.capture_payment(capture)

    def emulated(self, invoice: Invoice) -> EmulatedInvoice:
        """Return what the emulator knows of an invoice."""
        assert self.emulator is not None  # noqa: S101  # callers ask only where there is one
        found = self.emulator.ledger.get(EmulatedInvoice, invoice.id)
        if found is None:
            fail(f"the emulator has no invoice {invoice.id!r}, the id that create_invoice gave")
        return self.emulator.current(found)

    def payments(self, count: int) -> set[str]:
        """Let so many payments come; return their ids, of those that the provider's list shows."""
        if self.emulator is None:
            return set(self.suite.given_payments(self.mocker, count))
        for _ in range(count):
            self.paid()
        return {payment.id for _, payment in self.emulator.ledger.select(EmulatedPayment)}

    def webhooks(self) -> list[WebhookRequest]:
        """Return the webhooks that a paid invoice brings, as the shop receives them."""
        invoice = self.paid()
        if self.emulator is None:
            return [self.stamped(self.suite.given_webhook(self.mocker, invoice.id))]
        return self.delivered()

    def delivered(self) -> list[WebhookRequest]:
        """Return the webhooks that are due at the emulator."""
        assert self.emulator is not None  # noqa: S101  # callers ask only where there is one
        sent: list[HttpRequest] = []

        def take(request: HttpRequest) -> int:
            sent.append(request)
            return 200

        self.emulator.deliver(take)
        return [self.received(each) for each in sent]

    def received(self, sent: HttpRequest) -> WebhookRequest:
        """Return a message as the shop receives it, now."""
        return WebhookRequest(
            body=sent.body, headers=sent.headers, method=sent.method, url=sent.url, received_at=self.clock()
        )

    def stamped(self, message: WebhookRequest) -> WebhookRequest:
        """Return a message as if it came now, if it does not say when."""
        return message if message.received_at else attrs.evolve(message, received_at=self.clock())

    def signed(self, body: bytes) -> WebhookRequest | None:
        """Return a message with this body and a genuine signature; None if nobody here can sign it."""
        if self.emulator is None:
            return None
        now = self.clock()
        delivery = QueuedDelivery(
            id="kit", event_id="kit-event", invoice_id="kit", kind="kit", body=body, created_at=now, due_at=now
        )
        try:
            sent = self.emulator.webhook_request(delivery)
        except Exception:  # noqa: BLE001  # an emulator signs what it can write, and need not be able to sign garbage
            return None
        return None if sent is None else self.received(sent)

    # Running things.

    def needs_emulator(self, reason: str) -> Emulator:
        """Return the emulator; leave the check out where there is none.

        Args:
            reason: What a scenario cannot do.
        """
        if self.emulator is None:
            not_applicable(f"this needs an emulator: {reason}")
        return self.emulator

    def supports(self, operation: str) -> bool:
        """Return whether the provider has an operation."""
        return self.gateway.supports(operation)

    def ready(self, request: InvoiceRequest) -> InvoiceRequest:
        """Return a request as a hook sees it: stamped, and its options as the declared class."""
        if self.info.options is None:
            return request
        return attrs.evolve(request, options=structure(self.info.options, request.options, where="options"))

    def outcome(self, operation: str, arguments: Mapping[str, Any], provider: Any = None) -> Any:
        """Call a hook as the core does, past the core; return its flow or its result."""
        return getattr(provider or self.provider, operation)(**arguments)

    def listed(self, query: PaymentQuery | None = None) -> Iterator[tuple[Payment, ...]]:
        """Yield what is new on each page of small pages, as the core reads them."""
        return pages(self.gateway, query or PaymentQuery(page_size=2))

    def page(self, query: PaymentQuery) -> Page[Payment]:
        """Ask for one page."""
        outcome = self.outcome("list_payments", {"query": query})
        return self.gateway.run(outcome) if hasattr(outcome, "send") else outcome

    def verify(self, message: WebhookRequest, gateway: Gateway | None = None) -> WebhookDelivery | GatewayError:
        """Return the delivery that a message is, or the error with which it is refused."""
        try:
            return (gateway or self.gateway).verify_webhook(message)
        except GatewayError as error:
            return error

    def references(self, invoice: Invoice) -> Mapping[str, str]:
        """Return what a caller hands back in a later request about an invoice: what it was told by anything so far."""
        found = {**invoice.references, **self.gateway.get_status(invoice.id).references}
        if found or self.emulator is None:
            return found
        # Some providers tell by a webhook only which payment an invoice has.
        for delivery in map(self.verify, self.delivered()):
            for event in delivery.events if isinstance(delivery, WebhookDelivery) else ():
                if event.report is not None and event.invoice_id == invoice.id:
                    found |= event.report.references
        return found

    def refund_of(self, invoice: Invoice, refund_id: str, amount: Money) -> RefundRequest:
        """Return a request to refund a part of an invoice that is paid."""
        references = self.references(invoice)
        return RefundRequest(refund_id=refund_id, invoice_id=invoice.id, amount=amount, references=references)

    def secrets(self) -> tuple[str, ...]:
        """Return the account's secrets."""
        return secrets_of(self.provider.settings)

    def prepare(self, given: str, *arguments: Any) -> None:
        """Let the scenarios answer what comes next; an emulator needs to be told only of payments."""
        if self.emulator is None:
            getattr(self.suite, given)(self.mocker, *arguments)
        elif given == "given_payments":
            self.payments(*arguments)

    def close(self) -> None:
        """Give everything back."""
        self.gateway.close()
        if self.mocker is not None:
            self.mocker.stop()
        if self.emulator is not None:
            self.emulator.ledger.close()

    def _new_emulator(self, make: Callable[..., Emulator], seed: int) -> Emulator:
        return make(
            webhook_url=WEBHOOK_URL,
            clock=self.clock,
            randomness=random.Random(seed),  # noqa: S311  # the same each time
        )

    def _inner(self) -> Transport:
        if self.emulator is not None:
            return EmulatorTransport(self.emulator)
        import requests_mock

        self.mocker = requests_mock.Mocker(case_sensitive=True)
        self.mocker.start()
        return HttpClient(str(self.settings.get("base_url") or self.info.base_url))

    def _pass_time(self) -> None:
        """Let the time pass that the provider wants between requests."""
        self.clock.move(self._spacing)


#: Every operation that a gateway has.
OPERATIONS = REQUIRED + OPTIONAL

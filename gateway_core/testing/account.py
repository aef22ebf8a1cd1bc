"""A shop's account at an emulated provider, for the tests of an application: no socket, no waiting, no chance."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import attrs

from gateway_core.async_gateway import AsyncGateway
from gateway_core.errors import InvalidRequestError, NotFoundError, RejectedError
from gateway_core.gateway import Gateway
from gateway_core.http import HttpRequest
from gateway_core.models.invoice import Invoice, InvoiceRequest
from gateway_core.models.money import Money
from gateway_core.models.webhook import WebhookDelivery, WebhookRequest
from gateway_core.testing.clock import ManualClock
from gateway_core.testing.emulator import Emulator
from gateway_core.testing.emulator_transport import EmulatorTransport
from gateway_core.testing.faults import Answer, AnswerLost, Fault, FaultyTransport, NotSent, changing
from gateway_core.testing.finding import find_emulator
from gateway_core.testing.ledger import EmulatedInvoice, EmulatedPayment, QueuedDelivery
from gateway_core.testing.pacing import PacedTransport

if TYPE_CHECKING:
    from gateway_core.journal import Journal

#: When the clock of an account stands unless it is given one: a time that is the same in every run.
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class EmulatedAccount:
    """An account at an emulated provider: gateways to it, the payer, the webhooks, the clock, and what goes wrong.

    The same test makes the same ids at the same times whenever it runs.

    >>> from gateway_core import InvoiceRequest, Money
    >>> from gateway_core.testing import EmulatedAccount
    >>> with EmulatedAccount("sandbox") as account:
    ...     order = InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR"))
    ...     invoice = account.gateway.create_invoice(order)
    ...     payment = account.pay(invoice.id)
    ...     account.gateway.get_status(invoice.id).status.value
    'paid'

    Args:
        backend: The backend's name; its plugin brings the emulator.
        clock: The provider's clock, and that of the gateways; one that stands at `NOON` by default.
        seed: Another seed makes other ids and keys.
        webhook_url: The shop's address for webhooks.
        settings: Settings of the plugin besides those that the emulator gives.
        journal: Whether the gateways keep a journal, in memory; or the journal that they keep.

    Attributes:
        gateway: The gateway for blocking code.
        clock: As given.
        settings: What the gateways are made with.
        emulator: The provider.
        faults: What stands between the gateways and the emulator: ``faults.script`` takes every fault, and
            ``faults.exchanges`` holds the requests.

    Raises:
        UnknownBackendError: If there is no emulator of this backend, or no plugin.
        PluginError: If the emulator cannot be imported.
        ConfigurationError: If a setting is unknown, missing or wrong.
    """

    def __init__(  # noqa: PLR0913  # all but the backend by name
        self,
        backend: str,
        *,
        clock: ManualClock | None = None,
        seed: int = 0,
        webhook_url: str = "https://shop.invalid/webhooks",
        settings: Mapping[str, Any] | None = None,
        journal: bool | Journal = False,
    ) -> None:
        self.clock = clock or ManualClock(NOON)
        self._journal = _journal(journal, self.clock)
        self.emulator: Emulator = find_emulator(backend)(
            checkout_url=f"https://{backend}.invalid/pay",
            webhook_url=webhook_url,
            clock=self.clock,
            randomness=random.Random(f"{backend} {seed}"),  # noqa: S311  # what is the same each time is no secret
        )
        paced = PacedTransport(EmulatorTransport(self.emulator), self.clock)
        self.faults = FaultyTransport(paced, self.clock)
        # Never asked for: names that lead nowhere show at once what is sent past the emulator.
        self.settings = {**self.emulator.settings(f"https://{backend}.invalid"), **(settings or {})}
        self._backend = backend
        self.gateway: Gateway = self.connect()
        paced.limits = self.gateway.info.rate_limits

    def connect(self, *, journal: Journal | None = None) -> Gateway:
        """Make another gateway for blocking code to the same account, as another process of the shop has it.

        Args:
            journal: Its journal; None for that of the account, if it keeps one.
        """
        gateway = _ClockedGateway.connect(
            self._backend, transport=self.faults, journal=journal or self._journal, **self.settings
        )
        gateway.clock = self.clock
        return gateway

    @functools.cached_property
    def async_gateway(self) -> AsyncGateway:
        """The gateway for code that awaits, to the same account. Close it where it is used."""
        gateway = _ClockedAsyncGateway.connect(
            self._backend, transport=self.faults, journal=self._journal, **self.settings
        )
        gateway.clock = self.clock
        return gateway

    # The payer.

    def pay(self, invoice_id: str, amount: Money | None = None) -> EmulatedPayment:
        """Pay an invoice, as the payer does.

        Args:
            invoice_id: The provider's id, which the gateway gave.
            amount: What to pay; None for what is open.

        Raises:
            NotFoundError: If there is no such invoice.
            RejectedError: If it can no longer be paid.
            InvalidRequestError: If the amount is not above zero, or in another currency.
        """
        return self.emulator.pay(self.invoice(invoice_id).token, amount)

    def decline(self, invoice_id: str) -> None:
        """Refuse to pay, as the payer or the payer's bank does.

        Raises:
            NotFoundError: If there is no such invoice.
            RejectedError: If it can no longer be paid.
        """
        self.emulator.decline(self.invoice(invoice_id).token)

    def expire(self, invoice_id: str) -> None:
        """Let the time pass in which an invoice can be paid. It passes for all invoices.

        Raises:
            NotFoundError: If there is no such invoice.
            RejectedError: If it can no longer be paid, or its time is never over.
        """
        invoice = self.invoice(invoice_id)
        self.emulator.check_payable(invoice)
        if invoice.expires_at is None:
            raise RejectedError("the time of this invoice is never over")
        self.clock.move(max(timedelta(), invoice.expires_at - self.clock()))
        self.invoice(invoice_id)

    def act(self, invoice_id: str, action: str, amount: Money | None = None) -> None:
        """Do what ``Emulator.actions`` offers for an invoice, such as ``"dispute"`` at the sandbox.

        Args:
            invoice_id: The provider's id.
            action: The key of the action.
            amount: How much, where it takes an amount; None for the one that is proposed.

        Raises:
            NotFoundError: If there is no such invoice.
            RejectedError: If this cannot be done to it now.
            InvalidRequestError: If the amount is not above zero.
        """
        self.emulator.act(self.invoice(invoice_id).token, action, amount)

    def invoice(self, invoice_id: str) -> EmulatedInvoice:
        """Return an invoice as the provider has it now.

        Raises:
            NotFoundError: If there is none.
        """
        found = self.emulator.ledger.get(EmulatedInvoice, invoice_id)
        if found is None:
            raise NotFoundError("the emulated provider has no such invoice: give the id that the gateway gave")
        return self.emulator.invoice(found.token)

    # The webhooks.

    def webhooks(self) -> list[WebhookRequest]:
        """Return the webhooks that are due, as the shop receives them, and take them for accepted."""
        taken: list[WebhookRequest] = []

        def take(request: WebhookRequest) -> int:
            taken.append(request)
            return 200

        self.deliver(take)
        return taken

    def deliver(self, receive: Callable[[WebhookRequest], int]) -> int:
        """Hand each webhook that is due to the shop, and return how many were.

        One that the shop does not accept comes again, when the provider would send it again: move the clock. What
        `receive` raises comes out, and its webhook is still due.

        Args:
            receive: The shop's code; returns the HTTP status that it answers with.

        Raises:
            InvalidRequestError: If it returns none.
        """

        def send(request: HttpRequest) -> int:
            status = receive(
                WebhookRequest(
                    body=request.body,
                    headers=request.headers,
                    method=request.method,
                    url=request.url,
                    received_at=self.clock(),
                )
            )
            if not isinstance(status, int):
                raise InvalidRequestError("what receives a webhook returns the HTTP status that it answers with")
            return int(status)

        return self.emulator.deliver(send)

    def duplicate(self) -> None:
        """Have the latest webhook sent once more, whether it was delivered already or not.

        Raises:
            NotFoundError: If there was none.
        """
        self.emulator.duplicate(self._latest())

    def tamper(self) -> None:
        """Have the latest webhook sent once more, with a body that is changed after it was signed.

        Raises:
            NotFoundError: If there was none.
        """
        self.emulator.tamper(self._latest())

    def reorder(self) -> None:
        """Have the webhooks that are due arrive in the reverse order.

        Raises:
            NotFoundError: If there are fewer than two.
        """
        self._due(2)
        self.emulator.reorder()

    def delay(self, seconds: float = 0, *, minutes: float = 0, hours: float = 0, days: float = 0) -> None:
        """Have the webhooks that are due arrive later.

        Raises:
            NotFoundError: If there are none.
        """
        for delivery in self._due(1):
            self.emulator.delay(delivery.id, timedelta(seconds=seconds, minutes=minutes, hours=hours, days=days))

    def lose(self) -> None:
        """Have the webhooks that are due never arrive. The provider gets no answer, and may send them again.

        Raises:
            NotFoundError: If there are none.
        """
        for delivery in self._due(1):
            self.emulator.lose(delivery.id)

    # The way between.

    def drop_next_answer(self) -> None:
        """Lose the answer to the next request that may change something, after it was carried out."""
        self.faults.script(AnswerLost(), where=changing)

    def drop_next_request(self) -> None:
        """Let the next request never leave: the provider cannot be reached."""
        self.faults.script(NotSent())

    def fail_next(self, fault: Fault | int, *, times: int = 1) -> None:
        """Let something go wrong with the next request.

        Args:
            fault: A fault, or the HTTP status of an empty answer: ``429``, ``503``.
            times: With how many requests.

        Raises:
            InvalidRequestError: If it is no fault, or would never strike.
        """
        self.faults.script(Answer(fault) if isinstance(fault, int) else fault, times=times)

    def advance(self, seconds: float = 0, *, minutes: float = 0, hours: float = 0, days: float = 0) -> None:
        """Let time pass, for the provider and the gateways."""
        self.clock.move(timedelta(seconds=seconds, minutes=minutes, hours=hours, days=days))

    def close(self) -> None:
        """Close the gateway for blocking code, and the emulator's ledger. An async gateway is closed where it runs."""
        self.faults.close()
        self.emulator.ledger.close()
        if self._journal is not None:
            self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def _latest(self) -> str:
        for _, delivery in self.emulator.ledger.select(QueuedDelivery, order="newest", limit=1):
            return delivery.id
        raise NotFoundError("there was no webhook yet")

    def _due(self, least: int) -> tuple[QueuedDelivery, ...]:
        waiting = self.emulator.waiting()
        if len(waiting) < least:
            raise NotFoundError(f"this needs {least} due webhooks at least, and there are {len(waiting)}")
        return waiting


class _ClockedGateway(Gateway):
    """A gateway that stamps with the emulator's clock; by the real one, each webhook would be stale."""

    clock: ManualClock

    def create_invoice(self, request: InvoiceRequest) -> Invoice:
        return super().create_invoice(_asked(request, self.clock))

    def verify_webhook(self, request: WebhookRequest) -> WebhookDelivery:
        return super().verify_webhook(_received(request, self.clock))

    def _receiving(self, request: WebhookRequest, *more: Any) -> Any:
        return super()._receiving(_received(request, self.clock), *more)


class _ClockedAsyncGateway(AsyncGateway):
    """As `_ClockedGateway`, to be awaited."""

    clock: ManualClock

    async def create_invoice(self, request: InvoiceRequest) -> Invoice:
        return await super().create_invoice(_asked(request, self.clock))

    async def verify_webhook(self, request: WebhookRequest) -> WebhookDelivery:
        return await super().verify_webhook(_received(request, self.clock))

    def _receiving(self, request: WebhookRequest, *more: Any) -> Any:
        return super()._receiving(_received(request, self.clock), *more)


def _journal(asked: Journal | bool, clock: ManualClock) -> Journal | None:  # noqa: FBT001  # as it is given above
    if not isinstance(asked, bool):
        return asked
    if not asked:
        return None
    from gateway_core.journal import Journal

    return Journal("sqlite://", clock=clock)


def _asked(request: Any, clock: ManualClock) -> Any:
    """Return a request with its time; anything else as it is, for the gateway to refuse."""
    if not isinstance(request, InvoiceRequest) or request.requested_at is not None:
        return request
    return attrs.evolve(request, requested_at=clock())


def _received(request: Any, clock: ManualClock) -> Any:
    """Return a webhook with its time; anything else as it is, for the gateway to refuse."""
    if not isinstance(request, WebhookRequest) or request.received_at is not None:
        return request
    return attrs.evolve(request, received_at=clock())

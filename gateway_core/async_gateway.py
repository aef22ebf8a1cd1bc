"""The door for applications that await: one configured account at one provider."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar

from gateway_core._engine.base import BaseGateway
from gateway_core._engine.driver import run_async
from gateway_core._engine.pagination import Pagination
from gateway_core._tracebacks import clearing_locals
from gateway_core.errors import GatewayError
from gateway_core.http import Flow
from gateway_core.models.invoice import Invoice, InvoiceRequest, Refund, RefundRequest, StatusReport
from gateway_core.models.payment import Payment, PaymentQuery
from gateway_core.models.webhook import WebhookDelivery, WebhookRequest
from gateway_core.transport import Deadline
from gateway_core.transport._actions import Actions

T = TypeVar("T")


class AsyncGateway(BaseGateway):
    """One configured account at one provider, for asyncio. It has what `Gateway` has, to be awaited.

    Calls may run at the same time, ``pool_size`` of them; the others wait, and their waiting counts against their
    deadline. A call that is cancelled before its request has left sends nothing. One that is cancelled later may have
    been carried out: look it up before you repeat it. The ``CancelledError`` comes out as ever, with a note that
    tells which it was. `connect` and `open` read files: make a gateway before the loop has others to serve.

    >>> import asyncio
    >>> settings = {"api_key": "sk_sandbox_demo", "webhook_secret": "whsec_c2FuZGJveC1kZW1vLXNlY3JldA=="}
    >>> async def main() -> None:
    ...     async with AsyncGateway.connect("sandbox", **settings) as gateway:
    ...         print(gateway.supports("refund_payment"))
    >>> asyncio.run(main())
    True
    """

    def __init__(self, *arguments: Any, **more: Any) -> None:
        from gateway_core._engine.threads import Threads

        super().__init__(*arguments, **more)
        self._threads = Threads(self._bounds.pool_size)

    async def create_invoice(self, request: InvoiceRequest) -> Invoice:
        """Create an invoice.

        Raises:
            InvalidRequestError: If the provider makes no invoice in this currency.
            ConfigurationError: If an option is not the provider's, or has a wrong value.
            NotSentError: If nothing happened: it may be repeated.
            OutcomeUnknownError: If it may have happened: look it up with `find_invoice` before anything else.
            ProviderError: If the provider refuses; ``effect`` tells whether an invoice may exist all the same.
        """
        return await self._run("create_invoice", self._account.create_invoice(request))

    async def get_status(self, invoice_id: str) -> StatusReport:
        """Report what is known of an invoice now.

        Args:
            invoice_id: The provider's id.

        Raises:
            NotFoundError: If the provider does not know it.
            TransportError, ProviderError: If there is no usable answer.
        """
        return await self._run("get_status", self._account.get_status(invoice_id))

    def list_payments(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        invoice_id: str | None = None,
        limit: int | None = None,
    ) -> AsyncGenerator[Payment, None]:
        """Iterate over payments, page by page as it goes, with a deadline for each page.

        Args:
            since: Payments that came at this moment or later, with a time zone.
            until: Payments that came before this moment, with a time zone.
            invoice_id: Payments of this invoice only.
            limit: The most payments to give.

        Raises:
            TransportError, ProviderError: If a page fails. A list never ends early without an error.
        """
        listing = Pagination(PaymentQuery(since=since, until=until, invoice_id=invoice_id), limit)
        return self._iterate(listing)

    async def _iterate(self, listing: Pagination) -> AsyncGenerator[Payment, None]:
        while listing.query is not None:
            for payment in await self._run("list_payments", self._account.list_payments(listing, listing.query)):
                yield payment

    async def verify_webhook(self, request: WebhookRequest) -> WebhookDelivery:
        """Verify a webhook and return what it tells.

        Raises:
            WebhookError: If it is not genuine, or could not be shown to be. Answer with its ``http_status``.
            UnsupportedOperationError: If the provider sends no webhooks.
        """
        return await self._run("verify_webhook", self._account.verify_webhook(request))

    async def find_invoice(self, order_id: str) -> Invoice | None:
        """Look an invoice up by the shop's key; None if there surely is none.

        Raises:
            UnsupportedOperationError: If the provider cannot.
            TransportError, ProviderError: If there is no usable answer.
        """
        return await self._run("find_invoice", self._account.find_invoice(order_id))

    async def cancel_invoice(self, invoice_id: str) -> StatusReport:
        """Call an unpaid invoice off.

        Raises:
            UnsupportedOperationError: If the provider cannot.
            TransportError, ProviderError: If there is no usable answer, or the provider refuses.
        """
        return await self._run("cancel_invoice", self._account.cancel_invoice(invoice_id))

    async def refund_payment(self, request: RefundRequest) -> Refund:
        """Give money back.

        Raises:
            UnsupportedOperationError: If the provider cannot.
            TransportError, ProviderError: If there is no usable answer, or the provider refuses.
        """
        return await self._run("refund_payment", self._account.refund_payment(request))

    async def check_account(self) -> None:
        """Make one harmless read with the real credentials.

        Raises:
            UnsupportedOperationError: If the provider has no such read.
            AuthenticationError: If the provider does not accept the credentials.
            TransportError, ProviderError: If there is no usable answer.
        """
        await self._run("check_account", self._account.check_account())

    async def run(self, flow: Flow[T]) -> T:
        """Run a flow of the provider's own: ``gateway.run(gateway.provider.some_flow(...))``."""
        result: T = await self._run("run", self._account.guard("run").run(lambda: flow))
        return result

    async def _run(self, operation: str, flow: Flow[T]) -> T:
        deadline = self._call_deadline()
        steps = self._steps(operation, flow, deadline)
        with clearing_locals():
            if operation in self.info.blocking:
                return await self._take(operation, steps, deadline)
            return await run_async(steps, self._threads.performer(deadline).perform)

    async def _take(self, operation: str, steps: Actions[T], deadline: Deadline) -> T:
        try:
            return await self._threads.take(steps, deadline)
        except GatewayError as error:
            failure = error
        if failure.operation is None:
            # It ended the waiting for the thread, where nobody knows whose operation that is.
            failure = self._account.guard(operation).complete(failure)
        raise failure

    async def close(self) -> None:
        """Give the connections back."""
        # Neither waits for anything, so that it happens even where the task is being cancelled.
        self._threads.close()
        self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self.close()

"""All accounts of one configuration, and which of them takes an order."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import attrs

from gateway_core._engine.accounts import BaseGateways
from gateway_core._engine.blocking import in_thread
from gateway_core.async_gateway import AsyncGateway
from gateway_core.errors import GatewayError
from gateway_core.gateway import Gateway
from gateway_core.models.invoice import Invoice, InvoiceRequest


class Gateways(BaseGateways[Gateway]):
    """All accounts of one configuration, for blocking code: ``gateways["shop-eu"]`` is a `Gateway`.

    Each is opened when it is first used, and closed with the others. It may be shared by threads, and be opened before
    a server forks its workers.
    """

    _kind = Gateway

    def create_invoice(self, request: InvoiceRequest, *, country: str | None = None, tag: str | None = None) -> Invoice:
        """Create an invoice at the account that the routes say, and name it in ``account``.

        With a journal, an order that has been asked for before stays with its account; and where the request surely
        was not sent (`NotSentError`), the next account of the route is tried, each with a deadline of its own. Without
        one, an order always goes to the first, as long as the routes stay as they are.

        Args:
            request: The order.
            country: The customer's country, of two capital letters; None for that of the customer's address.
            tag: What the routes call such an order; None for nothing.

        Raises:
            GatewayError: As of ``Gateway.create_invoice``, from the first account that was tried.
        """
        tries = self._tries(request, country, tag)
        name = next(tries)
        while True:
            try:
                gateway = self[name]
                function = gateway._operations.create_invoice  # noqa: SLF001  # of ours
                invoice = gateway._run(function, *self._creation(name, request))  # noqa: SLF001  # of ours
            except GatewayError as error:
                name = tries.send(error)
            else:
                return attrs.evolve(invoice, account=name)

    def of(self, order_id: str) -> Gateway:
        """Return the gateway of the account that has an order, as the journal knows.

        Raises:
            NotFoundError: If no account has it.
            ConflictError: If several have it, which `create_invoice` never lets happen.
            ConfigurationError: If there is no journal.
            JournalError: If the journal cannot be read.
        """
        return self[self._account_of(order_id)]

    def reload(self) -> bool:
        """Read the secrets of all accounts that are open again, as `Gateway` reads its own with ``reload``.

        Returns:
            Whether a secret has changed.

        Raises:
            ConfigurationError: If the secrets of an account cannot be had: then its old ones stay, and those of the
                accounts after it.
        """
        changed = [gateway.reload() for gateway in self._opened.copy().values()]
        return any(changed)

    def close(self) -> None:
        """Close all accounts. Further calls are refused."""
        for gateway in self._end():
            gateway.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()


class AsyncGateways(BaseGateways[AsyncGateway]):
    """All accounts of one configuration, for asyncio: ``gateways["shop-eu"]`` is an `AsyncGateway`.

    It has what `Gateways` has, to be awaited. An account that is first used by ``gateways["shop-eu"]`` is opened right
    there, which reads files: name each once before the loop has others to serve. `create_invoice` and `of` open
    accounts in a thread.
    """

    _kind = AsyncGateway

    async def create_invoice(
        self, request: InvoiceRequest, *, country: str | None = None, tag: str | None = None
    ) -> Invoice:
        """Create an invoice at the account that the routes say, and name it in ``account``.

        With a journal, an order that has been asked for before stays with its account; and where the request surely
        was not sent (`NotSentError`), the next account of the route is tried, each with a deadline of its own. Without
        one, an order always goes to the first, as long as the routes stay as they are.

        Args:
            request: The order.
            country: The customer's country, of two capital letters; None for that of the customer's address.
            tag: What the routes call such an order; None for nothing.

        Raises:
            GatewayError: As of ``Gateway.create_invoice``, from the first account that was tried.
        """
        tries = self._tries(request, country, tag)
        name = next(tries)
        while True:
            try:
                gateway = await self._get(name)
                function = gateway._operations.create_invoice  # noqa: SLF001  # of ours
                invoice = await gateway._run(function, *self._creation(name, request))  # noqa: SLF001  # of ours
            except GatewayError as error:
                name = tries.send(error)
            else:
                return attrs.evolve(invoice, account=name)

    async def of(self, order_id: str) -> AsyncGateway:
        """Return the gateway of the account that has an order, as the journal knows.

        Raises:
            NotFoundError: If no account has it.
            ConflictError: If several have it, which `create_invoice` never lets happen.
            ConfigurationError: If there is no journal.
            JournalError: If the journal cannot be read.
        """
        return await self._get(await in_thread(self._account_of, order_id))

    async def _get(self, name: str) -> AsyncGateway:
        return self[name] if name in self._opened else await in_thread(self.__getitem__, name)

    async def reload(self) -> bool:
        """Read the secrets of all accounts that are open again, as `AsyncGateway` reads its own with ``reload``.

        Returns:
            Whether a secret has changed.

        Raises:
            ConfigurationError: If the secrets of an account cannot be had: then its old ones stay, and those of the
                accounts after it.
        """
        changed = [await gateway.reload() for gateway in self._opened.copy().values()]
        return any(changed)

    async def close(self) -> None:
        """Close all accounts. Further calls are refused."""
        for gateway in self._end():
            await gateway.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self.close()

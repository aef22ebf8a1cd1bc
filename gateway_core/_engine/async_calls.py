"""How a gateway for async code carries out a call, and what its journal does."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncGenerator, Callable, Generator
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from gateway_core._engine.base import CLAIM, RECORDED, BaseGateway, delivered
from gateway_core._engine.blocking import in_thread, run_blocking
from gateway_core._tracebacks import clear_locals
from gateway_core.errors import GatewayError

if TYPE_CHECKING:
    from datetime import timedelta
    from types import TracebackType

    from gateway_core.http import Flow
    from gateway_core.journal._inbox import Claimed
    from gateway_core.journal._recorder import Look, Recorder
    from gateway_core.models.webhook import WebhookDelivery, WebhookEvent, WebhookRequest
    from gateway_core.transport import Deadline
    from gateway_core.transport._actions import Actions


T = TypeVar("T")


class AsyncCalls(BaseGateway):
    """The way of each call of an `AsyncGateway`."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        # asyncio takes time to import, and blocking code does without it.
        from gateway_core._engine.async_driver import AsyncDriver
        from gateway_core._engine.thread_pool import ThreadPool

        super().__init__(*arguments, **more)
        self._threads = ThreadPool(self._bounds.pool_size)
        self._driver = AsyncDriver(self._transport, self._threads)

    @contextlib.asynccontextmanager
    async def _receiving(
        self, request: WebhookRequest, begin: Callable[[], Any], lease: timedelta = CLAIM
    ) -> AsyncGenerator[tuple[WebhookDelivery, Any], None]:
        """Receive a webhook: begin a transaction once it was verified, and give what is new and the connection."""
        recorder = self._with_journal()
        verified, told = await self._look(functools.partial(recorder.verify, request=request))
        async with begin() as connection:
            claimed = await self._drive_on(connection, functools.partial(recorder.claim, told, lease))
            async with self._handling(recorder, delivered(verified, claimed), claimed, connection) as delivery:
                yield delivery, connection

    @contextlib.asynccontextmanager
    async def _handling(
        self, recorder: Recorder, delivery: WebhookDelivery, claimed: Claimed, connection: Any = None
    ) -> AsyncGenerator[WebhookDelivery, None]:
        """Give a delivery out; note at the end that it was handled, or that it was not."""
        try:
            yield delivery
        except BaseException:
            if connection is None:  # else the application's transaction takes everything back
                with contextlib.suppress(GatewayError):
                    await self._drive(recorder.release(claimed), self._deadline())
            raise
        await self._drive_on(connection, functools.partial(recorder.finish, claimed))
        self._tell(delivery)

    async def _look(
        self, look: Look, operation: str = "receive_webhook"
    ) -> tuple[WebhookDelivery, tuple[WebhookEvent, ...]]:
        """Find out something that may be new; once more if a secret has been rotated."""
        while True:
            used, deadline = self._operations, self._deadline()
            try:
                return await self._drive(look(self._ask(deadline)), deadline, operation)
            except GatewayError as error:
                if not (self._suspects_secrets(error) and await in_thread(self._may_repeat, error, operation, used)):
                    raise

    async def _drive(self, actions: Actions[T], deadline: Deadline, operation: str = "receive_webhook") -> T:
        """Carry out actions of the journal, which may ask the provider."""
        try:
            return await self._driver.run(self._named(operation, actions), deadline)
        except GatewayError as error:
            clear_locals(error)
            raise

    async def _drive_on(
        self, connection: Any, begin: Callable[[Any], Actions[T]], operation: str = "receive_webhook"
    ) -> T:
        """Carry out what needs the journal only, on an async connection of the application's own if one is given."""
        if connection is None:
            return await self._drive(begin(None), self._deadline(), operation)
        return cast(T, await connection.run_sync(lambda given: run_blocking(begin(given))))

    async def _run(self, function: Callable[..., Flow[T]], *arguments: Any) -> T:
        operation = function.__name__
        while True:
            used = self._operations  # they change when a secret is rotated
            try:
                if self._recorder is not None and operation in RECORDED:
                    return await self._driver.run(*self._recorded(operation, *arguments))
                call = self._begin(operation, *arguments)
                outcome: Flow[T] | T = call.start(getattr(used, operation), *arguments)
                if isinstance(outcome, Generator):
                    return await self._driver.run(call.actions(outcome), call.deadline)
            except GatewayError as error:
                clear_locals(error)
                if not (self._suspects_secrets(error) and await in_thread(self._may_repeat, error, operation, used)):
                    raise
            else:
                return outcome

    async def close(self) -> None:
        """Give the connections back. Further calls are refused."""
        self._closed = True
        # Nothing waits for anything, so that it happens even where the task is being cancelled.
        self._transport.close()
        if self._own_journal is not None:
            self._driver.after_leftovers(self._own_journal.close)
        self._threads.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self.close()

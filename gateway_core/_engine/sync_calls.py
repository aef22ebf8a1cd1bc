"""How a gateway for blocking code carries out a call, and what its journal does."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any, Self, TypeVar

from gateway_core._engine.base import CLAIM, RECORDED, BaseGateway, delivered
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


class SyncCalls(BaseGateway):
    """The way of each call of a `Gateway`."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        from gateway_core._engine.sync_driver import SyncDriver

        super().__init__(*arguments, **more)
        self._driver = SyncDriver(self._transport)

    @contextlib.contextmanager
    def _receiving(
        self, request: WebhookRequest, begin: Callable[[], Any], lease: timedelta = CLAIM
    ) -> Iterator[tuple[WebhookDelivery, Any]]:
        """Receive a webhook: begin a transaction once it was verified, and give what is new and the connection."""
        recorder = self._with_journal()
        verified, told = self._look(functools.partial(recorder.verify, request=request))
        with begin() as connection:
            claimed = self._drive(recorder.claim(told, lease, connection), self._deadline())
            with self._handling(recorder, delivered(verified, claimed), claimed, connection) as delivery:
                yield delivery, connection

    @contextlib.contextmanager
    def _handling(
        self, recorder: Recorder, delivery: WebhookDelivery, claimed: Claimed, connection: Any = None
    ) -> Iterator[WebhookDelivery]:
        """Give a delivery out; note at the end that it was handled, or that it was not."""
        try:
            yield delivery
        except BaseException:
            if connection is None:  # else the application's transaction takes everything back
                with contextlib.suppress(GatewayError):
                    self._drive(recorder.release(claimed), self._deadline())
            raise
        self._drive(recorder.finish(claimed, connection), self._deadline())
        self._tell(delivery)

    def _look(self, look: Look, operation: str = "receive_webhook") -> tuple[WebhookDelivery, tuple[WebhookEvent, ...]]:
        """Find out something that may be new; once more if a secret has been rotated."""
        while True:
            used, deadline = self._operations, self._deadline()
            try:
                return self._drive(look(self._ask(deadline)), deadline, operation)
            except GatewayError as error:
                if not self._may_repeat(error, operation, used):
                    raise

    def _drive(self, actions: Actions[T], deadline: Deadline, operation: str = "receive_webhook") -> T:
        """Carry out actions of the journal, which may ask the provider."""
        self._driver.warn_on_event_loop()
        try:
            return self._driver.run(self._named(operation, actions), deadline)
        except GatewayError as error:
            clear_locals(error)
            raise

    def _run(self, function: Callable[..., Flow[T]], *arguments: Any) -> T:
        self._driver.warn_on_event_loop()
        operation = function.__name__
        while True:
            used = self._operations  # they change when a secret is rotated
            try:
                if self._recorder is not None and operation in RECORDED:
                    recorded: T = self._driver.run(*self._recorded(operation, *arguments))
                    return recorded
                call = self._begin(operation, *arguments)
                outcome: Flow[T] | T = call.start(getattr(used, operation), *arguments)
                if isinstance(outcome, Generator):
                    sent: T = self._driver.run(call.actions(outcome), call.deadline)
                    return sent
            except GatewayError as error:
                clear_locals(error)
                if not self._may_repeat(error, operation, used):
                    raise
            else:
                return outcome

    def close(self) -> None:
        """Give the connections back. Further calls are refused."""
        self._closed = True
        self._transport.close()
        if self._own_journal is not None:
            self._own_journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

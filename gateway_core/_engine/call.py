"""One call of one operation: the one loop in which its flow, the rules of sending and the errors of both meet."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from typing import Any, TypeVar

from gateway_core._engine.error_boundary import ErrorBoundary
from gateway_core.errors import GatewayError, WebhookError
from gateway_core.http import Flow
from gateway_core.models.invoice import Invoice
from gateway_core.models.webhook import WebhookDelivery
from gateway_core.observers import CallEvents, WebhookAccepted, WebhookRefused
from gateway_core.transport import Deadline
from gateway_core.transport._actions import Actions
from gateway_core.transport._pipeline import DirectPipeline, Pipeline

T = TypeVar("T")


class Call:
    """One call, from its first line to its result.

    Args:
        operation: The operation's name.
        boundary: Translates what goes wrong.
        pipeline: The rules by which its requests leave.
        deadline: When it is over.
        events: Tells the observers.
    """

    def __init__(
        self,
        operation: str,
        boundary: ErrorBoundary,
        pipeline: Pipeline | DirectPipeline,
        deadline: Deadline,
        events: CallEvents,
    ) -> None:
        self.deadline = deadline
        self._operation = operation
        self._boundary = boundary
        self._pipeline = pipeline
        self._events = events
        events.scrub = boundary.scrub

    def start(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Start the operation; return its flow, or its result if it needs no request.

        Raises:
            GatewayError: If it fails at once.
        """
        try:
            outcome = function(*arguments)
        except Exception as error:  # noqa: BLE001  # whatever a plugin's mistake raises
            failure = self._boundary.translate(error)
        except BaseException:
            self._events.end(abandoned=True)
            raise
        else:
            return outcome if isinstance(outcome, Generator) else self._succeeded(outcome)
        raise self._failed(failure)

    def actions(self, flow: Flow[T]) -> Actions[T]:
        """Run the flow: send each request that it yields, and give it the response or the error in its place.

        Raises:
            GatewayError: If it fails.
        """
        boundary = self._boundary
        # A webhook may be forged, and must not cost the shop what its own calls need.
        send = self._pipeline.confirm if self._operation == "verify_webhook" else self._pipeline.send
        failure: GatewayError | None = None
        try:
            request = next(flow)
            while True:
                asked = boundary.asked(request)
                try:
                    sending = send(asked, self.deadline, self._events)
                    if asked.keep is not None:
                        sending = self._pipeline.answers.ask(asked, self.deadline, sending)
                    response = yield from sending
                except GatewayError as error:
                    boundary.failed(error)
                    request = flow.throw(error)
                else:
                    boundary.answered(response)
                    request = flow.send(response)
        except StopIteration as stop:
            result: T = stop.value
        except Exception as error:  # noqa: BLE001  # as above
            failure = boundary.translate(error)
        except BaseException:
            self._events.end(abandoned=True)
            raise
        finally:
            # What a plugin raises while it is closed must not take the place of what is under way.
            with contextlib.suppress(Exception):
                flow.close()
        # Raised outside of the handler, so that neither what the plugin raised nor its values are in the chain.
        if failure is not None:
            raise self._failed(failure)
        return self._succeeded(result)

    def _succeeded(self, result: T) -> T:
        """Tell the observers what the call has found out, and that it has ended."""
        events = self._events
        if events.watched:
            if isinstance(result, Invoice) and self._operation == "create_invoice":
                events.created(result)
            elif isinstance(result, WebhookDelivery):
                kinds = tuple((event.kind, event.invoice_id) for event in result.events)
                events.tell(WebhookAccepted, verified_by=result.verified_by, events=kinds)
            events.end()
        return result

    def _failed(self, error: GatewayError) -> GatewayError:
        """Tell the observers what ended the call, and return it."""
        if isinstance(error, WebhookError):
            self._events.tell(WebhookRefused, reason=error.reason)
        self._events.end(error)
        return error

"""A webhook from its request to its answer: what is new in it is handled once, and its sender learns nothing."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, TypeAlias

from gateway_core.async_gateway import AsyncGateway
from gateway_core.errors import GatewayError, InvalidRequestError, WebhookError
from gateway_core.gateway import Gateway
from gateway_core.models.webhook import Acknowledgement, WebhookRequest
from gateway_core.observers._log import logger
from gateway_core.web._answers import answer_to_sender, empty

#: What a shop does about an event. Given a transaction, it is called with its connection, too.
Handle: TypeAlias = Callable[..., object]

Transaction: TypeAlias = Callable[[], AbstractContextManager[Any]]
AsyncTransaction: TypeAlias = Callable[[], AbstractAsyncContextManager[Any]]

# `receive_webhook` of a gateway takes a connection, whose transaction begins before anybody knows who sent the webhook,
# and stands open while a provider is asked to confirm it. What is behind it begins the transaction after that.

#: Receptions that go on although nobody waits for them any more; a loop itself remembers no task.
_going_on: set[asyncio.Task[Acknowledgement]] = set()


class _NotHandledError(Exception):
    """The shop has not handled an event; its own error is the cause."""


def receive(
    gateway: Gateway, request: WebhookRequest, handle: Handle, *, transaction: Transaction | None = None
) -> Acknowledgement:
    """Receive a webhook, have what is new in it handled, and return the answer.

    The answer is 2xx only when what was handled is written down, and for what came before. It is 4xx where the webhook
    is not genuine, and 5xx where it should come again: if ``handle`` raised, another worker is at it, or the journal
    cannot be written. It says nothing else; why, the log says. A ``GET`` or ``HEAD`` is somebody who looks whether the
    address is there: 200.

    Args:
        gateway: The gateway, with a journal.
        request: The webhook, as `request_from_wsgi` gives it.
        handle: Called with each `WebhookEvent` that is new. If it raises, the event comes again.
        transaction: Begins a transaction in the database that holds the journal, such as ``engine.begin`` of
            SQLAlchemy: then ``handle`` is called with the event and the connection, and what it writes there and the
            note that it is done are committed together, or not at all.
    """
    unlike = _unlike_a_webhook(request)
    if unlike is not None:
        return unlike
    with _told(gateway.backend) as told:
        receiving = gateway._receiving(request, transaction or contextlib.nullcontext)  # noqa: SLF001  # as above
        with receiving as (delivery, connection):
            for event in delivery.events:
                with _handling():
                    call(handle, event, *(() if transaction is None else (connection,)))
        told.append(_of(delivery.acknowledgement))
    return told[-1]


async def receive_async(
    gateway: AsyncGateway, request: WebhookRequest, handle: Handle, *, transaction: AsyncTransaction | None = None
) -> Acknowledgement:
    """Receive a webhook as `receive`, with an `AsyncGateway`.

    Once begun, it goes on to its end even if the caller is cancelled, since a provider that stops waiting has stopped
    nothing that was handled meanwhile.

    Args:
        gateway: The gateway, with a journal.
        request: The webhook, as `request_from_asgi` gives it.
        handle: As that of `receive`; async, or a plain function, which then runs in a thread.
        transaction: As that of `receive`: such as ``async_engine.begin``.
    """
    unlike = _unlike_a_webhook(request)
    if unlike is not None:
        return unlike
    task = asyncio.create_task(_receive(gateway, request, handle, transaction))
    _going_on.add(task)
    task.add_done_callback(_going_on.discard)
    return await asyncio.shield(task)


async def _receive(
    gateway: AsyncGateway, request: WebhookRequest, handle: Handle, transaction: AsyncTransaction | None
) -> Acknowledgement:
    with _told(gateway.backend) as told:
        receiving = gateway._receiving(request, transaction or contextlib.nullcontext)  # noqa: SLF001  # as above
        async with receiving as (delivery, connection):
            for event in delivery.events:
                with _handling():
                    await call_async(handle, event, *(() if transaction is None else (connection,)))
        told.append(_of(delivery.acknowledgement))
    return told[-1]


def call(handle: Handle, *arguments: Any) -> None:
    """Call what handles an event.

    Raises:
        InvalidRequestError: If it is async, and so has not even begun.
    """
    outcome = handle(*arguments)
    if inspect.isawaitable(outcome):
        if inspect.iscoroutine(outcome):
            outcome.close()
        raise InvalidRequestError("what handles the events of a Gateway is a plain function, not async")


async def call_async(handle: Handle, *arguments: Any) -> None:
    """Call what handles an event: on the loop if it is async, or else in a thread, and there to its end."""
    if inspect.iscoroutinefunction(handle) or inspect.iscoroutinefunction(getattr(handle, "__call__", None)):  # noqa: B004  # it is callable: asked is how
        await handle(*arguments)  # type: ignore[misc]  # it is async
        return
    thread = asyncio.ensure_future(asyncio.to_thread(handle, *arguments))
    cancelled = None
    while not thread.done():
        try:
            await asyncio.wait([thread])
        except asyncio.CancelledError as error:
            cancelled = error  # a thread cannot be stopped, and nobody else may begin before it has ended
    outcome = thread.result()
    if inspect.isawaitable(outcome):
        await outcome
    if cancelled is not None:
        raise cancelled


@contextlib.contextmanager
def _handling() -> Iterator[None]:
    """Tell an error of the shop from one of ours, whatever its class."""
    try:
        yield
    except Exception as error:
        raise _NotHandledError from error


@contextlib.contextmanager
def _told(backend: str) -> Iterator[list[Acknowledgement]]:
    """Collect the answer to a webhook; one that stands for an error is logged, and tells the sender nothing."""
    answers: list[Acknowledgement] = []
    log = logger("web")
    try:
        yield answers
    except _NotHandledError as error:
        log.error(  # noqa: TRY400  # the shop's own error is what to look at
            "%s: a webhook was not handled, and comes again", backend, exc_info=error.__cause__
        )
        answers.append(empty(500))
    except GatewayError as error:
        answer = answer_to_sender(error)
        if isinstance(error, WebhookError):
            log.info("%s: refused a webhook: %s", backend, error.message)  # the observers were told
        else:
            log.error(  # noqa: TRY400  # it says all
                "%s: a webhook was not received%s: %s", backend, ", and comes again" * (answer.status == 503), error
            )
        answers.append(answer)
    except Exception:
        log.exception("%s: a webhook was not received, and comes again", backend)
        answers.append(empty(500))


def _unlike_a_webhook(request: WebhookRequest) -> Acknowledgement | None:
    """Return the answer to a request that is no webhook: a provider or a monitor looks whether the address is there."""
    if request.method == "POST":
        return None
    if request.method in ("GET", "HEAD"):
        return Acknowledgement(status=200)
    return Acknowledgement(status=405, headers={"Allow": "GET, HEAD, POST"})


def _of(answer: Acknowledgement) -> Acknowledgement:
    return empty(503) if answer.status == 503 else answer

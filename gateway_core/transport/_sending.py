"""Carrying out a `Send` action in this thread."""

from __future__ import annotations

import contextlib
from typing import Any

from gateway_core.errors import NotSentError
from gateway_core.http import HttpResponse
from gateway_core.transport._account_pause import PausedError
from gateway_core.transport._actions import Send
from gateway_core.transport._deadline import Deadline


def send(action: Send, transport: Any, deadline: Deadline) -> HttpResponse:
    """Send a request once, and count it where its account has rate limits.

    Args:
        action: What to send.
        transport: What sends it, a `Transport`. One that is given a permit tells when the first byte leaves
            (``send(request, deadline, on_write=...)``).
        deadline: When the call is over.

    Raises:
        NotSentError: If the request surely never reached the provider.
        OutcomeUnknownError: If it may have, and no usable answer came back before the deadline.
    """
    if not getattr(transport, "asks_to_leave", False) and not deadline.leave():
        raise NotSentError("the deadline passed before the request was sent; nothing was sent")
    if action.pause is not None and action.pause.until and action.pause.remaining() > 0:
        raise PausedError("the provider asked this account to wait meanwhile; nothing was sent")
    permit = action.permit
    if permit is None:
        response: HttpResponse = transport.send(action.request, deadline)
        return response
    answered = False
    try:
        response = transport.send(action.request, deadline, on_write=permit.leave)
        answered = True
        with contextlib.suppress(NotSentError):
            permit.leave()  # counted before, unless a stand-in of the connection answered
        return response
    finally:
        permit.end(answered=answered)

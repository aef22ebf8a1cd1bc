"""Detects idempotent replays: what a provider repeats from an earlier answer may have changed since."""

from __future__ import annotations

from datetime import datetime, timedelta

from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.models.invoice import Invoice
from gateway_core.provider import Idempotency

#: How far the provider's clock may be behind ours.
_SKEW = timedelta(minutes=1)


class ReplayDetector:
    """Watches the answers to one creation.

    Args:
        idempotency: How the provider honours the creation's key; None if it does not.
    """

    def __init__(self, idempotency: Idempotency | None) -> None:
        self._idempotency = idempotency
        self._told = False

    def see(self, request: HttpRequest, response: HttpResponse) -> None:
        """Look at an answer."""
        header = None if self._idempotency is None else self._idempotency.replay_header
        if header is not None and request.idempotency_key is not None:
            self._told = response.headers.get(header, "").strip().lower() == "true"

    def is_replay(self, invoice: Invoice, requested_at: datetime) -> bool:
        """Return whether an invoice was made by an earlier request.

        The provider's header decides. Where it has none and honours keys, an invoice that is older than the request is
        an earlier one's.
        """
        if invoice.replayed or self._told:
            return True
        if self._idempotency is None or self._idempotency.replay_header is not None or invoice.created_at is None:
            return False
        return requested_at - invoice.created_at > _SKEW

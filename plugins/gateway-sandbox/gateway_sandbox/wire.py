"""What the sandbox answers, field by field. Amounts are text on the wire, so that no float is ever between."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class WireAmount:
    """An amount in major units: ``{"amount": "49.90", "currency": "EUR"}``, with a network for a crypto asset."""

    amount: str
    currency: str
    network: str | None = None


@attrs.frozen(kw_only=True)
class WireInvoice:
    """An invoice."""

    id: str
    order_id: str
    status: str
    amount: WireAmount
    received: WireAmount
    refunded: WireAmount
    checkout_url: str
    created_at: datetime
    expires_at: datetime


@attrs.frozen(kw_only=True)
class WirePayment:
    """A payment."""

    id: str
    invoice_id: str | None = None
    amount: WireAmount
    status: str
    reference: str | None = None
    created_at: datetime


@attrs.frozen(kw_only=True)
class WireCapture:
    """A capture."""

    id: str
    invoice_id: str
    reference: str | None
    amount: WireAmount
    status: str
    created_at: datetime


@attrs.frozen(kw_only=True)
class WireRefund:
    """A refund."""

    id: str
    invoice_id: str
    reference: str | None
    amount: WireAmount
    status: str = "succeeded"
    created_at: datetime


@attrs.frozen(kw_only=True)
class WireList:
    """One page of a list."""

    data: list[Any]
    next_cursor: str | None


@attrs.frozen(kw_only=True)
class WireAccount:
    """The account that a key belongs to."""

    id: str


@attrs.frozen(kw_only=True)
class WireEvent:
    """A webhook."""

    id: str
    type: str
    created_at: datetime
    data: Any = None


@attrs.frozen(kw_only=True)
class WireInvoiceData:
    """What a webhook about an invoice brings."""

    invoice: Mapping[str, Any]


@attrs.frozen(kw_only=True)
class WireFault:
    """Why a request was refused."""

    code: str
    message: str
    field: str | None = None


@attrs.frozen(kw_only=True)
class WireRefusal:
    """The body of every answer outside 2xx."""

    error: WireFault

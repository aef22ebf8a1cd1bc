"""What Meadow sends, field by field. Words of its own stay text: `mapping` has the tables."""

from __future__ import annotations

from typing import Any

import attrs
from gateway_core.wire import UnixTime


@attrs.frozen(kw_only=True)
class WireInvoice:
    """An invoice; its amounts are in the smallest unit."""

    id: str
    reference: str | None = None
    status: str
    amount: int
    currency: str
    paid: int
    refunded: int
    charge: str | None = None
    pay_url: str
    created_at: UnixTime
    expires_at: UnixTime


@attrs.frozen(kw_only=True)
class WirePayment:
    """A payment; its amount is in the smallest unit."""

    id: str
    invoice: str | None = None
    amount: int
    currency: str
    status: str
    reference: str | None = None
    received_at: UnixTime


@attrs.frozen(kw_only=True)
class WireRefund:
    """A refund; its amount is in the smallest unit."""

    id: str
    invoice: str
    reference: str | None = None
    amount: int
    currency: str
    status: str
    created_at: UnixTime


@attrs.frozen(kw_only=True)
class WireList:
    """The invoices of a reference."""

    data: list[Any]


@attrs.frozen(kw_only=True)
class WirePage:
    """One page of payments. Without `next_cursor` it is not known whether there are more, so it must be there."""

    data: list[Any]
    next_cursor: str | None


@attrs.frozen(kw_only=True)
class WireAccount:
    """Whose key it is."""

    id: str


@attrs.frozen(kw_only=True)
class WireEvent:
    """A webhook."""

    id: str
    type: str
    created_at: UnixTime
    invoice: Any = None


@attrs.frozen(kw_only=True)
class WireError:
    """Why a request was refused."""

    code: str
    message: str


@attrs.frozen(kw_only=True)
class WireRefusal:
    """The body of an answer outside 2xx."""

    error: WireError

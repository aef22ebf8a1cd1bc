"""What is known of an order now, for the page to which a buyer comes back."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import attrs

from gateway_core.async_gateway import AsyncGateway
from gateway_core.errors import ConfigurationError, GatewayError, NotFoundError
from gateway_core.gateway import Gateway
from gateway_core.models.currency import Currency
from gateway_core.models.money import Money
from gateway_core.models.status import InvoiceStatus
from gateway_core.observers._log import logger
from gateway_core.web._accounts import Accounts, is_several
from gateway_core.web._receiving import AsyncTransaction, Handle, Transaction, call, call_async

if TYPE_CHECKING:
    from gateway_core.journal import AccountJournal

#: In these nothing is left to ask about while a buyer looks.
_SETTLED = (
    InvoiceStatus.PAID,
    InvoiceStatus.OVERPAID,
    InvoiceStatus.PARTIALLY_REFUNDED,
    InvoiceStatus.REFUNDED,
)

#: How long after one question about an order the next one may be asked.
_PAUSE = timedelta(seconds=2)


@attrs.frozen(kw_only=True)
class OrderStatus:
    """What is known of an order.

    Attributes:
        order_id: The shop's key of the order.
        status: The status of its invoice, as ``handle`` was told it; None if the order has no invoice yet.
        invoice_id: The provider's id of that invoice: of several attempts the one that was paid, or else the last.
        attempt: Which attempt it is.
        amount: What was asked for.
        received: What has come, as far as the provider tells.
        payment_url: Where the buyer may go on paying; None if nothing is left to pay, or the invoice has no page.
        review: Whether something about the order has no effect until somebody has looked at it.
        asked: Whether the provider was asked just now. It is not where all is settled, and may be out of reach.
    """

    order_id: str
    status: InvoiceStatus | None = None
    invoice_id: str | None = None
    attempt: int | None = None
    amount: Money | None = None
    received: Money | None = None
    payment_url: str | None = None
    review: bool = False
    asked: bool = False

    @property
    def is_paid(self) -> bool:
        """Whether at least the amount asked for is with the shop, and ``handle`` was told so."""
        return self.status is not None and self.status.is_paid


def known_now(
    gateway: Gateway | Accounts[Gateway],
    order_id: str,
    handle: Handle,
    *,
    transaction: Transaction | None = None,
    pause: timedelta = _PAUSE,
) -> OrderStatus:
    """Return what is known of an order, and ask the provider first if it is not settled.

    That a buyer came back proves nothing, and neither does what is in the address: this reads the journal, asks the
    provider, and has what is new handled as if a webhook had told it, once. A page may call it again and again.

    Args:
        gateway: The gateway, with a journal; or `Gateways`, one of which has the order.
        order_id: The shop's key of the order.
        handle: As that of `receive`. What it raises is logged, and the event comes again.
        transaction: As that of `receive`.
        pause: How long after one question about an order the next one is asked, however often this is called.

    Raises:
        ConfigurationError: If there is no journal.
        JournalError: If the journal cannot be read.
    """
    try:
        chosen = cast(Gateway, cast(Any, gateway).of(order_id) if is_several(gateway) else gateway)
    except NotFoundError:
        return OrderStatus(order_id=order_id)
    journal = _journal_of(chosen)
    known, ask = _read(journal, order_id, pause)
    if not ask:
        return known
    asked = True
    try:
        chosen.poll(functools.partial(call, handle), order_id=order_id, transaction=transaction)
    except Exception as error:  # noqa: BLE001  # the buyer sees what is known all the same
        asked = _was_asked(error, order_id)
    return attrs.evolve(_read(journal, order_id, pause)[0], asked=asked)


async def known_now_async(
    gateway: AsyncGateway | Accounts[AsyncGateway],
    order_id: str,
    handle: Handle,
    *,
    transaction: AsyncTransaction | None = None,
    pause: timedelta = _PAUSE,
) -> OrderStatus:
    """Return what is known of an order as `known_now`, with an `AsyncGateway`.

    Args:
        gateway: The gateway, with a journal; or `AsyncGateways`, one of which has the order.
        order_id: The shop's key of the order.
        handle: As that of `receive_async`. What it raises is logged, and the event comes again.
        transaction: As that of `receive_async`.
        pause: How long after one question about an order the next one is asked, however often this is called.

    Raises:
        ConfigurationError: If there is no journal.
        JournalError: If the journal cannot be read.
    """
    try:
        chosen = cast(AsyncGateway, await cast(Any, gateway).of(order_id) if is_several(gateway) else gateway)
    except NotFoundError:
        return OrderStatus(order_id=order_id)
    journal = _journal_of(chosen)
    known, ask = await asyncio.to_thread(_read, journal, order_id, pause)
    if not ask:
        return known
    asked = True
    try:
        await chosen.poll(functools.partial(call_async, handle), order_id=order_id, transaction=transaction)
    except Exception as error:  # noqa: BLE001  # the buyer sees what is known all the same
        asked = _was_asked(error, order_id)
    now_known, _ = await asyncio.to_thread(_read, journal, order_id, pause)
    return attrs.evolve(now_known, asked=asked)


def _was_asked(error: Exception, order_id: str) -> bool:
    """Log why what is known may be old; return whether it is only the shop that has not handled what is new."""
    if isinstance(error, GatewayError):
        logger("web").warning("order %s was not asked about: %s", order_id, error)
        return False
    logger("web").error("order %s was not handled, and comes again", order_id, exc_info=error)
    return True


def _journal_of(gateway: Gateway | AsyncGateway) -> AccountJournal:
    if gateway.journal is None:
        raise ConfigurationError(
            'this needs a journal: write journal = "sqlite:///var/gateway.db" at the top of gateway.toml'
        )
    return gateway.journal


def _read(journal: AccountJournal, order_id: str, pause: timedelta) -> tuple[OrderStatus, bool]:
    """Read an order from the journal; and whether to ask the provider about it."""
    rows = journal.order(order_id)
    review = any(event["state"] == "review" for event in rows["events"])
    if not rows["invoices"]:
        return OrderStatus(order_id=order_id, review=review), False
    row = max(rows["invoices"], key=lambda row: (row["status"] in _SETTLED, row["attempt"]))
    unit = Currency(row["currency"], row["exponent"], row["network"])
    status = InvoiceStatus(row["status"])
    known = OrderStatus(
        order_id=order_id,
        status=status,
        invoice_id=row["invoice_id"],
        attempt=row["attempt"],
        amount=Money(row["amount"], unit),
        received=None if row["received"] is None else Money(row["received"], unit),
        payment_url=_page(rows["intents"], row) if status not in _SETTLED else None,
        review=review,
    )
    if status in _SETTLED:
        return known, False
    ago = journal.asked_ago(order_id)
    return known, ago is None or ago >= pause


def _page(intents: tuple[Mapping[str, Any], ...], invoice: Mapping[str, Any]) -> str | None:
    for intent in intents:
        if intent["invoice_id"] == invoice["invoice_id"] and intent["result"]:
            page: str | None = intent["result"].get("payment_url")
            return page
    return None

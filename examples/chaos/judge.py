"""The judge: what the sandbox knows of the money is held against what the shop did about it."""

from __future__ import annotations

import collections
from collections.abc import Sequence

import attrs
from sqlalchemy import Connection, func, select

from examples.bookshop import orders
from examples.chaos.sandbox import RATE_LIMIT, ChaoticNetwork, ChaoticSandbox
from gateway_core.models import parse_reference
from gateway_core.testing import EmulatedInvoice


@attrs.frozen
class Verdict:
    """What was counted.

    Attributes:
        faults: What must not happen, and how often it did.
        facts: What happened besides.
    """

    faults: dict[str, int]
    facts: dict[str, int]


def judge(sandbox: ChaoticSandbox, network: ChaoticNetwork, shop: Connection, copies: int) -> Verdict:
    """Compare the money with the parcels.

    Args:
        sandbox: Where the money is.
        network: What saw each request.
        shop: The shop's database.
        copies: How many books there were.
    """
    paid, kept = _paid(sandbox)
    parcels = collections.Counter(shop.scalars(select(orders.parcels.c.order_id)).all())
    subjects = shop.execute(select(orders.mails.c.order_id)).scalars().all()
    mails = collections.Counter(subjects)
    reserved = select(func.count()).select_from(orders.lines.join(orders.orders)).where(orders.orders.c.reserved)
    left = shop.scalar(select(func.sum(orders.books.c.stock))) or 0
    gone = shop.scalar(reserved) or 0
    return Verdict(
        faults={
            "orders fulfilled twice": sum(count > 1 for count in parcels.values()),
            "paid and not fulfilled": len(kept - parcels.keys()),
            "fulfilled unpaid": len(parcels.keys() - paid),
            "rate limit violations": violations(network.arrivals, *RATE_LIMIT),
            "copies sold that were not there": abs(copies - left - gone),
            "paid orders with more than one mail": sum(count > 1 for count in mails.values()),
            "parcels without a mail": len(parcels.keys() - mails.keys()),
            "forged webhooks accepted": sandbox.accepted_forgeries,
        },
        facts={
            "orders": shop.scalar(select(func.count()).select_from(orders.orders)) or 0,
            "paid": len(paid),
            "fulfilled": len(parcels),
            "requests to the API": len(network.arrivals),
        },
    )


def violations(arrivals: Sequence[float], requests: int, seconds: float) -> int:
    """Return how many requests came too early: as the one after ``requests`` within ``seconds``."""
    times = sorted(arrivals)
    return sum(late - early < seconds for early, late in zip(times, times[requests:], strict=False))


def _paid(sandbox: ChaoticSandbox) -> tuple[set[str], set[str]]:
    """Return the orders that were ever paid in full, and those of them whose money was not given back."""
    paid, kept = set(), set()
    for _, invoice in sandbox.ledger.select(EmulatedInvoice):
        if invoice.received.amount >= invoice.amount.amount:
            order_id, _ = parse_reference(str(invoice.order_id))
            paid.add(order_id)
            if invoice.refunded.amount == 0:
                kept.add(order_id)
    return paid, kept

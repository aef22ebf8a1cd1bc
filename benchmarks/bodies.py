"""What the server answers and what a webhook brings: one text for all sides, which each can read as its own kind."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.stripe_bodies import CHARGE

#: Payments on a page, as many as most providers put there.
PAGE = 100

_ZERO = {"amount": "0.00", "currency": "EUR"}
_INVOICE: dict[str, Any] = {
    "id": "inv_7Qm2Xc9vT4",
    "object": "checkout.session",  # by this a Stripe object is known; the sandbox has no such field and ignores it
    "order_id": "1042",
    "status": "open",
    "amount": {"amount": "49.90", "currency": "EUR"},
    "received": _ZERO,
    "refunded": _ZERO,
    "checkout_url": "https://pay.example.com/checkout/inv_7Qm2Xc9vT4",
    "created_at": "2026-11-20T12:00:00Z",
    "expires_at": "2026-11-21T12:00:00Z",
    "metadata": {"cart": "88c2", "channel": "web"},
}

INVOICE = json.dumps(_INVOICE).encode()

#: Stands for the number of a page of payments, in six digits.
_NUMBER = b"@@@@@@"


def _page(more: dict[str, Any]) -> bytes:
    payments = [
        {
            **more,
            "id": f"pay_{_NUMBER.decode()}{place:02}",
            "object": "charge",
            "invoice_id": f"inv_{_NUMBER.decode()}{place:02}",
            "amount": {"amount": f"{place + 1}.90", "currency": "EUR"},
            "status": "succeeded",
            "reference": f"RF18 5390 0754 {place:04}",
            "created_at": f"2026-11-20T12:00:{place % 60:02}Z",
        }
        for place in range(PAGE)
    ]
    last = payments[-1]["id"]
    page = {"object": "list", "url": "/v1/charges", "has_more": True, "next_cursor": last, "data": payments}
    return json.dumps(page).encode()


_PAGE, _WHOLE_PAGE = _page({}), _page(CHARGE)


def page(number: int, *, whole: bool = False) -> bytes:
    """Return a page of payments. There is always a further one; its cursor is the last payment's id.

    Args:
        number: The page's number, from 0.
        whole: Whether each payment has all fields of a charge of Stripe's, and not only the seven that are needed.
    """
    return (_WHOLE_PAGE if whole else _PAGE).replace(_NUMBER, b"%06d" % number)


def webhook(size: int, *, flat: bool = False) -> bytes:
    """Return the body of a webhook of about so many bytes: the invoice, and the things that were bought.

    Args:
        size: The size.
        flat: Whether these things are plain texts, each under a name of its own, and no objects.
    """
    lines: list[dict[str, Any]] = []
    notes: dict[str, str] = {}
    event = {
        "id": "evt_5Hn8Zk1wB3",
        "object": "event",
        "type": "invoice.paid",
        "created_at": "2026-11-20T12:00:30Z",
        "data": {
            "object": {},
            "invoice": {**_INVOICE, "status": "paid", "received": _INVOICE["amount"], "lines": lines, "notes": notes},
        },
    }
    body = json.dumps(event).encode()
    while len(body) < size:
        price = {"amount": "4.99", "currency": "EUR"}
        if flat:
            notes[f"line_{len(notes):04}"] = "2 x A-0042"
        else:
            lines.append({"sku": f"A-{len(lines):04}", "name": "Tea", "quantity": 2, "price": price})
        body = json.dumps(event).encode()
    return body

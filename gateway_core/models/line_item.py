"""What is bought: the positions of an invoice."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from gateway_core.errors import InvalidRequestError
from gateway_core.models import _fields as check
from gateway_core.models.money import Money

_LARGEST_QUANTITY = 10**9


@attrs.frozen(kw_only=True)
class LineItem:
    """One position of an invoice. Its name is left out of the ``repr``.

    >>> from gateway_core import LineItem, Money
    >>> LineItem(name="Ticket", quantity=2, unit_amount=Money("24.95", "EUR")).total
    Money('49.90', 'EUR')

    Attributes:
        name: What it is, on one line.
        quantity: How many of it, 1 to 1,000,000,000.
        unit_amount: The price of one, zero or more.

    Raises:
        InvalidRequestError: If one of them is not so.
    """

    name: str = attrs.field(repr=False)
    quantity: int = 1
    unit_amount: Money

    def __attrs_post_init__(self) -> None:
        check.filled_line("name", self.name)
        check.money("unit_amount", self.unit_amount)
        check.whole("quantity", self.quantity, _LARGEST_QUANTITY)

    @property
    def total(self) -> Money:
        """The price of all of them."""
        return self.unit_amount * self.quantity


def check_line_items(items: Iterable[object], amount: Money) -> None:
    """Refuse positions that are no `LineItem` or do not add up to the amount.

    Raises:
        InvalidRequestError: If it is so.
    """
    total = Money(0, amount.unit)
    for item in items:
        if not isinstance(item, LineItem):
            raise InvalidRequestError(f"line_items holds LineItem, not {type(item).__name__}")
        total += item.total
    if total != amount:
        raise InvalidRequestError(f"the line items add up to {total}, and the invoice is over {amount}")

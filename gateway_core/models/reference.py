"""The text under which a provider stores an order and an attempt to have it paid.

>>> from gateway_core.models import order_reference, parse_reference
>>> order_reference("1042"), order_reference("1042", 2)
('1042', '1042~2')
>>> parse_reference("1042~2")
('1042', 2)
"""

from __future__ import annotations

from typing import overload

from gateway_core.models import _fields as check

#: The order of a webhook that is sent to try an address. No shop has it, and nothing follows from what is told of it.
TEST_ORDER = "gateway-webhook-test"

_SEPARATOR = "~"

#: What a column of 32 bits holds.
_MOST_ATTEMPTS = 2**31 - 1


def order_reference(order_id: str, attempt: int = 1) -> str:
    """Return the text that names an order and an attempt: no two pairs share one.

    It is the order id itself for the first attempt, and ``<order_id>~<attempt>`` for the later ones, and for the first
    one of an order whose own id looks like that.

    Args:
        order_id: The shop's key of the order, 1 to 255 characters.
        attempt: The number of the attempt, 1 or more.

    Raises:
        InvalidRequestError: If one of them is not so.
    """
    check.identifier("order_id", order_id)
    check_attempt(attempt)
    return _written(order_id, attempt)


@overload
def parse_reference(text: str) -> tuple[str, int]: ...


@overload
def parse_reference(text: str | None) -> tuple[str | None, int | None]: ...


def parse_reference(text: str | None) -> tuple[str | None, int | None]:
    """Return the order id and the attempt of a reference. A text that `order_reference` never wrote is an order id.

    Where there is no reference, or an empty one, there is neither: somebody else made that invoice.
    """
    if not text:
        return None, None
    order_id, _, number = text.rpartition(_SEPARATOR)
    if order_id and _is_number(number) and len(number) <= len(str(_MOST_ATTEMPTS)):
        attempt = int(number)
        if 1 <= attempt <= _MOST_ATTEMPTS and _written(order_id, attempt) == text:
            return order_id, attempt
    return text, 1


def check_attempt(attempt: object) -> None:
    """Refuse what is no number of an attempt.

    Raises:
        InvalidRequestError: If it is none.
    """
    check.whole("attempt", attempt, _MOST_ATTEMPTS)


def check_attempt_or_none(attempt: object) -> None:
    """Refuse what is neither a number of an attempt nor None.

    Raises:
        InvalidRequestError: If it is neither.
    """
    if attempt is not None:
        check_attempt(attempt)


def _written(order_id: str, attempt: int) -> str:
    _, separator, number = order_id.rpartition(_SEPARATOR)
    plain = attempt == 1 and not (separator and _is_number(number))
    return order_id if plain else f"{order_id}{_SEPARATOR}{attempt}"


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()

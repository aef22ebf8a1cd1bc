"""What may be known of an invoice, and which status may follow which."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType

from gateway_core.models.money import Money


class InvoiceStatus(enum.StrEnum):
    """The state of an invoice."""

    PENDING = "pending"  #: Open, and nothing has been paid.
    APPROVED = "approved"  #: Accepted by the payer, not paid.
    AUTHORIZED = "authorized"  #: The money is reserved, not taken.
    PARTIALLY_PAID = "partially_paid"  #: Some money has come, less than asked for.
    PAID = "paid"  #: The amount asked for has come.
    OVERPAID = "overpaid"  #: More than asked for has come.
    EXPIRED = "expired"  #: The time to pay is over.
    CANCELED = "canceled"  #: Called off by the shop, the payer or the provider.
    FAILED = "failed"  #: The payment was tried and refused.
    PARTIALLY_REFUNDED = "partially_refunded"  #: Some of the money went back.
    REFUNDED = "refunded"  #: All of the money went back.
    UNKNOWN = "unknown"  #: The provider says something that we have no word for. Neither success nor failure.

    @property
    def is_paid(self) -> bool:
        """Whether at least the amount asked for is with the shop (PAID or OVERPAID)."""
        return self in (InvoiceStatus.PAID, InvoiceStatus.OVERPAID)

    def can_become(self, other: InvoiceStatus) -> bool:
        """Return whether `other` may follow this status. Staying the same is always legal."""
        return other is self or other in LEGAL_MOVES[self]


class AmountVerdict(enum.StrEnum):
    """How the money received compares with the money expected."""

    EXACT = "exact"
    UNDER = "under"
    OVER = "over"
    WRONG_CURRENCY = "wrong_currency"
    NONE = "none"  #: Nothing was received.
    UNKNOWN = "unknown"  #: The provider does not tell.


_S = InvoiceStatus
_MONEY_CAME = {_S.PARTIALLY_PAID, _S.PAID, _S.OVERPAID}
_MONEY_WENT_BACK = {_S.PARTIALLY_REFUNDED, _S.REFUNDED}
_ENDED = {_S.EXPIRED, _S.CANCELED, _S.FAILED}

#: Which other status may follow which, from one report to the next. A report may be missed, so a status may be skipped:
#: an invoice that was PENDING can be seen REFUNDED. Money may come late, after an invoice has ended, and again after it
#: went back; what has come goes away by a refund only, so no failure that is told late ends a PAID invoice. UNKNOWN may
#: follow and precede everything, since it says nothing: whoever keeps a status keeps the last one that was not UNKNOWN.
LEGAL_MOVES: Mapping[InvoiceStatus, frozenset[InvoiceStatus]] = MappingProxyType(
    {
        status: frozenset(others | {_S.UNKNOWN}) - {status}
        for status, others in {
            _S.PENDING: {_S.APPROVED, _S.AUTHORIZED} | _MONEY_CAME | _ENDED | _MONEY_WENT_BACK,
            _S.APPROVED: {_S.AUTHORIZED} | _MONEY_CAME | _ENDED | _MONEY_WENT_BACK,
            _S.AUTHORIZED: _MONEY_CAME | _ENDED | _MONEY_WENT_BACK,
            _S.PARTIALLY_PAID: _MONEY_CAME | _ENDED | _MONEY_WENT_BACK,
            _S.PAID: {_S.OVERPAID} | _MONEY_WENT_BACK,
            _S.OVERPAID: _MONEY_WENT_BACK,
            _S.EXPIRED: {_S.CANCELED} | _MONEY_CAME | _MONEY_WENT_BACK,
            _S.CANCELED: _MONEY_CAME | _MONEY_WENT_BACK,
            _S.FAILED: {_S.PENDING, _S.APPROVED, _S.AUTHORIZED} | _MONEY_CAME | _ENDED | _MONEY_WENT_BACK,
            _S.PARTIALLY_REFUNDED: {_S.REFUNDED},
            _S.REFUNDED: {_S.PARTIALLY_REFUNDED},
            _S.UNKNOWN: set(_S),
        }.items()
    }
)


def compare(expected: Money | None, received: Money | None) -> AmountVerdict:
    """Return how the money received compares with the money expected; None means that the provider does not tell."""
    if received is None:
        return AmountVerdict.UNKNOWN
    if not received:
        return AmountVerdict.NONE
    if expected is None:
        return AmountVerdict.UNKNOWN
    if received.unit != expected.unit:
        return AmountVerdict.WRONG_CURRENCY
    if received == expected:
        return AmountVerdict.EXACT
    return AmountVerdict.UNDER if received < expected else AmountVerdict.OVER


def derive(
    word: InvoiceStatus, expected: Money | None, received: Money | None, refunded: Money | None
) -> tuple[InvoiceStatus, AmountVerdict]:
    """Return the status that follows from the provider's word and from the amounts, and the verdict on the amounts.

    Amounts decide wherever they are known. They never make a success of a word that means failure, nor of UNKNOWN, and
    a word that means success does not stand against amounts that say otherwise. Deriving twice changes nothing.
    """
    verdict = compare(expected, received)
    return _status(word, verdict, refunded, received or expected), verdict


def _status(word: InvoiceStatus, verdict: AmountVerdict, refunded: Money | None, whole: Money | None) -> InvoiceStatus:
    if word in (_S.CANCELED, _S.FAILED, _S.UNKNOWN):
        return word
    if refunded:
        return _refunded(refunded, whole)
    if word in _MONEY_WENT_BACK:
        return word
    match verdict:
        case AmountVerdict.EXACT:
            return _S.PAID
        case AmountVerdict.OVER:
            return _S.OVERPAID
        case AmountVerdict.UNDER:
            return _S.EXPIRED if word is _S.EXPIRED else _S.PARTIALLY_PAID
    if verdict is AmountVerdict.WRONG_CURRENCY or (verdict is AmountVerdict.NONE and word in _MONEY_CAME):
        return _S.UNKNOWN
    return word


def _refunded(refunded: Money, whole: Money | None) -> InvoiceStatus:
    if whole is None or whole.unit != refunded.unit or refunded < whole:
        return _S.PARTIALLY_REFUNDED
    return _S.REFUNDED

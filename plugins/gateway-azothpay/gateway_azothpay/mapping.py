"""From AzothPay's words to the core's models: one table or rule for each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from gateway_azothpay import wire
from gateway_azothpay.settings import DECIMALS, PLACE, AzothPaySettings
from gateway_azothpay.subscription import Subscription
from gateway_core import (
    Currency,
    Invoice,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    Payment,
    PaymentStatus,
    StatusReport,
)
from gateway_core.errors import InvalidRequestError, UnexpectedResponseError
from gateway_core.models import parse_reference
from gateway_core.wire import structure

#: All that AzothPay tells of an invoice's life. True stays true when the subscription ends.
STATUSES = MappingProxyType({True: InvoiceStatus.PAID, False: InvoiceStatus.PENDING})

#: Chains by the numbers that wallets know them by.
NETWORKS = MappingProxyType(
    {
        1: "ethereum",
        56: "bsc",
        137: "polygon",
        324: "zksync",
        8453: "base",
        42161: "arbitrum",
        43114: "avalanche",
        534352: "scroll",
    }
)

#: The key in an invoice's metadata under which the order's reference is kept.
ORDER_ID = "order_id"

_ID = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_LARGEST_ID = 2**63 - 1


def is_id(text: str) -> bool:
    """Return whether a text is a number that AzothPay may have as an id."""
    return _ID.fullmatch(text) is not None and int(text) <= _LARGEST_ID


def id_text(number: int) -> str:
    """Return one of AzothPay's ids as text.

    Raises:
        UnexpectedResponseError: If it is none of 64 bits, zero or more: nothing could be asked about it.
    """
    if not is_id(text := str(number)):
        raise UnexpectedResponseError("the answer does not fit: an id is a whole number of 64 bits")
    return text


def rate(amount: Money, currency: str) -> Decimal:
    """Return an amount as AzothPay takes it: a bare number.

    Raises:
        InvalidRequestError: If it is in another currency than the account's, on a certain network, or becomes another
            amount when AzothPay reads it as a floating-point number.
    """
    if amount.currency != currency:
        raise InvalidRequestError(
            f"this account counts in {currency}, by its setting currency, not in {amount.currency}"
        )
    if amount.network is not None:
        raise InvalidRequestError(
            f"the payer chooses the network at AzothPay, so an amount has none: give Currency({currency!r}, 6)"
        )
    if Decimal(repr(float(amount.amount))) != amount.amount:
        raise InvalidRequestError("the amount has too many digits: AzothPay reads amounts as floating-point numbers")
    return amount.amount


def money(rate: Decimal, currency: str) -> Money:
    """Return a rate in the account's currency, counted finer where the rate has more decimals."""
    exponent = rate.as_tuple().exponent
    places = -exponent if isinstance(exponent, int) else 0
    return Money(rate, Currency(currency, max(DECIMALS[currency], places)))


def metadata(request: InvoiceRequest) -> dict[str, str]:
    """Return what AzothPay keeps for us with an invoice: the order's reference beside the shop's own texts.

    Raises:
        InvalidRequestError: If one of these has the name of the reference, and another value.
    """
    if request.metadata.get(ORDER_ID, request.reference) != request.reference:
        raise InvalidRequestError(f"the name {ORDER_ID} in the metadata is taken: it holds the request's order_id")
    return {**request.metadata, ORDER_ID: request.reference}


def order_of(kept: Mapping[str, Any] | None) -> tuple[str | None, int | None]:
    """Return the order and the attempt that an invoice's metadata name; None twice if somebody else wrote it."""
    found = (kept or {}).get(ORDER_ID)
    return parse_reference(found) if isinstance(found, str) and found else (None, None)


def moment(text: str) -> datetime:
    """Read a time of AzothPay's: .NET writes seven digits of a second, and may leave the zone out, which then is UTC.

    Raises:
        UnexpectedResponseError: If it is none.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or "T" not in text:
        raise UnexpectedResponseError("the answer does not fit: a time is not written as 2030-01-31T23:59:59.0000000Z")
    return at.replace(tzinfo=UTC) if at.utcoffset() is None else at


def created(answer: Any, request: InvoiceRequest, settings: AzothPaySettings) -> Invoice:
    """Map the answer to ``POST /api/invoice``; the order id is the one sent, which it does not repeat.

    Raises:
        UnexpectedResponseError: If no invoice can be made of it.
    """
    found = structure(answer, wire.CreatedInvoice)
    invoice_id = id_text(found.id)
    page = settings.checkout_url and settings.checkout_url.replace(PLACE, invoice_id)
    try:
        return Invoice(
            id=invoice_id,
            order_id=request.order_id,
            attempt=request.attempt,
            status=InvoiceStatus.PENDING,
            amount=money(found.rate, settings.currency),
            payment_url=found.botUrl or page,
            created_at=moment(found.createdAt),
            raw=answer,
        )
    except InvalidRequestError as error:
        reason = error.message
    raise UnexpectedResponseError(f"the answer does not fit: {reason}")


def report(item: wire.Invoice, raw: Mapping[str, Any], currency: str) -> StatusReport:
    """Map the answer to ``GET /api/invoice/{id}``. What was received is not told: a stream pays each second."""
    order_id, attempt = order_of(item.metadata)
    return StatusReport(
        invoice_id=id_text(item.id),
        order_id=order_id,
        attempt=attempt,
        status=STATUSES[item.isPaid],
        expected=money(item.rate, currency),
        provider_status=f"isPaid: {str(item.isPaid).lower()}",
        raw=raw,
    )


def payment(item: wire.Subscription, raw: Mapping[str, Any]) -> Payment:
    """Map a subscription to the payment that started it, which is there as far as AzothPay shows its transaction."""
    return Payment(
        id=id_text(item.id),
        amount=None,
        status=PaymentStatus.CONFIRMED if item.tx else PaymentStatus.UNKNOWN,
        paid_at=moment(item.createdAt),
        reference=item.tx,
        raw=raw,
    )


def subscription(item: wire.Subscription, raw: Mapping[str, Any]) -> Subscription:
    """Map a subscription to our own record of it."""
    return Subscription(
        id=id_text(item.id),
        active=item.isActive,
        chain_id=item.chainId,
        network=NETWORKS.get(item.chainId),
        token=item.tokenName,
        tx=item.tx,
        payer_address=item.userAddress,
        telegram_user_id=item.tgUserId,
        created_at=moment(item.createdAt),
        raw=raw,
    )

"""From Bitsby's words to the core's models: one table or rule for each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from gateway_bitsby import records, wire
from gateway_bitsby.settings import is_uuid
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
from gateway_core.http import endpoint
from gateway_core.models import parse_reference
from gateway_core.wire import dumps, loads, structure

CURRENCIES = ("USD", "EUR", "RUB")

#: The complete list in the documentation. A word that is not here is UNKNOWN.
STATUSES = MappingProxyType(
    {
        "unpaid": InvoiceStatus.PENDING,
        "paid": InvoiceStatus.PAID,
        "canceled": InvoiceStatus.CANCELED,
        "expired": InvoiceStatus.EXPIRED,
    }
)

#: Who bears the fee, in the two words that are documented.
FEE_PAYERS = MappingProxyType({"seller": records.FeePayer.SELLER, "buyer": records.FeePayer.BUYER})

#: Chains that have another name here. All others keep theirs, in small letters with hyphens.
NETWORKS = MappingProxyType({"bnbSmartChain": "bsc"})

#: Bitsby counts every asset in so many decimals.
CRYPTO_DECIMALS = 8

_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def amount_text(amount: Money) -> str:
    """Return an invoice's amount as Bitsby takes it: plain digits, two decimals.

    Raises:
        InvalidRequestError: If it has more decimals, or is so large that it becomes another amount when Bitsby reads it
            as a floating-point number.
    """
    cents = amount.to_minor(2)
    text = f"{cents // 100}.{cents % 100:02}"
    if Decimal(repr(float(text))) != amount.amount:
        raise InvalidRequestError("the amount is too large: Bitsby reads amounts as floating-point numbers")
    return text


def service_data(request: InvoiceRequest) -> str:
    """Return what Bitsby keeps for us with an invoice, hidden from the payer: the reference and the metadata."""
    kept: dict[str, Any] = {"order_id": request.reference}
    if request.metadata:
        kept["metadata"] = request.metadata
    return dumps(kept).decode("ascii")


def order_of(data: str | None) -> tuple[str | None, int | None]:
    """Return the order and the attempt that an invoice's service data name; None twice if somebody else wrote them."""
    if data is None:
        return None, None
    try:
        kept = loads(data.encode("utf-8"))
    except UnexpectedResponseError:
        return None, None
    found = kept.get("order_id") if isinstance(kept, Mapping) else None
    return parse_reference(found) if isinstance(found, str) and found else (None, None)


def moment(text: str, field: str) -> datetime:
    """Read a time of Bitsby's: UTC, without saying so.

    Args:
        text: The time.
        field: Bitsby's name of it, for the error.

    Raises:
        UnexpectedResponseError: If it is written in any other way.
    """
    try:
        if _MOMENT.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        pass
    raise UnexpectedResponseError(f"the answer does not fit: {field}: a time is not written as 2030-01-31 23:59:59")


def day(at: datetime | None, shift: int) -> str | None:
    """Return a moment's day in UTC, so many days later, as Bitsby's filters take it; None beyond the calendar's ends.

    In which zone those filters count, and whether the last day counts, is not documented: shift it outwards by one, and
    filter exactly afterwards.
    """
    if at is None:
        return None
    try:
        return (at.astimezone(UTC) + timedelta(days=shift)).date().isoformat()
    except OverflowError:
        return None


def crypto(amount: Decimal, wallet: wire.Wallet | None) -> Money | None:
    """Return an amount in a wallet's asset on its chain; None if there is no wallet, or no asset has such a name.

    The asset has the decimals that are known of it. If they are not known, or the amount has more, it has Bitsby's 8.
    """
    if wallet is None:
        return None
    code = wallet.cryptocurrency.upper()
    network = NETWORKS.get(wallet.blockchain) or _CAPITAL.sub("-", wallet.blockchain).lower()
    try:
        return Money(amount, Currency.find(code, network))
    except InvalidRequestError:
        pass
    try:
        unit = Currency(code, CRYPTO_DECIMALS, network)
    except InvalidRequestError:
        return None
    return Money(amount, unit)


def created(data: Any, request: InvoiceRequest) -> Invoice:
    """Map the answer to ``/invoices/create``; amount and order id are those asked for, which it does not repeat.

    Raises:
        UnexpectedResponseError: If no invoice can be made of it.
    """
    answer = structure(data, wire.CreatedInvoice)
    if not is_uuid(answer.id):
        raise UnexpectedResponseError("the answer does not fit: an invoice's id is a UUID")
    try:
        return Invoice(
            id=answer.id,
            order_id=request.order_id,
            attempt=request.attempt,
            status=InvoiceStatus.PENDING,
            amount=request.amount,
            payment_url=answer.url,
            created_at=moment(answer.createDatetime, "createDatetime"),
            expires_at=moment(answer.timeToPayDatetime, "timeToPayDatetime"),
            raw=data,
        )
    except InvalidRequestError as error:
        reason = error.message
    raise UnexpectedResponseError(f"the answer does not fit: {reason}")


def invoice(item: wire.ListedInvoice, raw: Mapping[str, Any], checkout_url: str) -> Invoice:
    """Map an item of ``/invoices/list``, which has no address of a pay page: it is made of the `uid`."""
    order_id, attempt = order_of(item.serviceData)
    return Invoice(
        id=item.id,
        order_id=order_id,
        attempt=attempt,
        status=STATUSES.get(item.status, InvoiceStatus.UNKNOWN),
        amount=fiat(item.amountFiat, item.currencyFiat),
        payment_url=endpoint(checkout_url, item.uid),
        created_at=moment(item.createDatetime, "createDatetime"),
        expires_at=moment(item.timeToPayDatetime, "timeToPayDatetime"),
        raw=raw,
    )


def report(item: wire.ListedInvoice, raw: Mapping[str, Any]) -> StatusReport:
    """Map an item of ``/invoices/list``. What came is known in crypto only: in fiat money, `received` is unknown."""
    order_id, attempt = order_of(item.serviceData)
    return StatusReport(
        invoice_id=item.id,
        order_id=order_id,
        attempt=attempt,
        status=STATUSES.get(item.status, InvoiceStatus.UNKNOWN),
        expected=fiat(item.amountFiat, item.currencyFiat),
        provider_status=item.status,
        raw=raw,
    )


def payment(item: wire.ListedPayment, raw: Mapping[str, Any]) -> Payment:
    """Map an item of ``/payments/list``: Bitsby lists a transfer once it counts by the wallet's rule."""
    return Payment(
        id=item.id,
        invoice_id=None if item.invoice is None else item.invoice.id,
        amount=crypto(item.amount, item.wallet),
        status=PaymentStatus.CONFIRMED,
        paid_at=moment(item.transactionDatetime, "transactionDatetime"),
        reference=item.hash,
        raw=raw,
    )


def statistics(data: Any) -> records.InvoiceStatistics:
    """Map the answer to ``/statistics/invoices``.

    Raises:
        UnexpectedResponseError: If it does not fit.
    """
    answer = wire.statistics(data)
    return records.InvoiceStatistics(
        invoices=answer.invoicesTotalNum,
        paid_invoices=answer.invoicesPaidNum,
        paid_usd=answer.invoicesTotalUSD,
        by_project=answer.invoicesByProjects,
        by_currency=answer.invoicesByCurrencies,
        by_month=answer.invoicesByMonths,
        by_day={_calendar_day(name, "invoicesByDate"): each.value for name, each in answer.invoicesByDate.items()},
        raw=data,
    )


def balances(data: Any) -> records.Balances:
    """Map the answer to ``/billing/balances``.

    Raises:
        UnexpectedResponseError: If it does not fit.
    """
    answer = structure(data, wire.Balances)
    return records.Balances(internal=answer.internal, partner=answer.partner, raw=data)


def balance_change(item: wire.BalanceChange, raw: Mapping[str, Any]) -> records.BalanceChange:
    """Map an item of ``/billing/history``."""
    return records.BalanceChange(
        at=moment(item.datetime, "datetime"),
        event=item.event,
        target=item.target,
        amount=item.amount,
        comment=item.comment,
        raw=raw,
    )


def tariff(item: wire.Tariff, raw: Mapping[str, Any]) -> records.ProjectTariff:
    """Map an item of ``/billing/tarrifs``."""
    return records.ProjectTariff(
        project_id=item.id,
        name=item.name,
        paid_in_30_days=wire.thirty_days(raw),
        fee_payer=FEE_PAYERS.get(item.payer, records.FeePayer.UNKNOWN),
        fee_percent=item.rate,
        raw=raw,
    )


def _calendar_day(text: str, field: str) -> date:
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise UnexpectedResponseError(f"the answer does not fit: {field}: a day is not written as 2030-01-31")


def fiat(amount: Decimal, currency: str) -> Money:
    """Return an amount in one of Bitsby's currencies."""
    if currency not in CURRENCIES:
        raise InvalidRequestError("an invoice is in a currency that Bitsby does not have")
    return Money.read(amount, currency)

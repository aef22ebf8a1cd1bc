"""What Bitsby sends: the envelope, and the fields of each answer that are used.

The names are Bitsby's own. What is not used is not demanded: pages of its documentation differ in the rest (newer ones
have `commissionFiatUSD` and `amountFiatUSD` in many places), and `raw` keeps all of it.
"""
# ruff: noqa: N815  # the attributes are named as Bitsby names them

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeVar

import attrs

from gateway_core import HttpResponse
from gateway_core.errors import ProviderError, RateLimitedError, RejectedError, UnexpectedResponseError, for_status
from gateway_core.listing import read_each
from gateway_core.wire import loads, naming_invoice, structure

Item = TypeVar("Item")

_THIRTY_DAYS = "30dPayments"

#: The one error text that is documented.
_TOO_FREQUENT = "requests too frequent"


@attrs.frozen
class Wallet:
    """The merchant's wallet that money comes to."""

    blockchain: str
    cryptocurrency: str
    id: str | None = None


@attrs.frozen
class CreatedInvoice:
    """The answer to ``/invoices/create``. It repeats neither amount nor currency, and names no status."""

    id: str
    uid: str
    createDatetime: str
    timeToPayDatetime: str
    url: str


@attrs.frozen
class MatchedPayment:
    """The payment inside of a paid invoice."""

    id: str
    amount: Decimal
    transactionDatetime: str


@attrs.frozen
class ListedInvoice:
    """An item of ``/invoices/list``; `payment` is there only when it is paid."""

    id: str
    uid: str
    projectId: str
    createDatetime: str
    timeToPayDatetime: str
    amountFiat: Decimal
    currencyFiat: str
    status: str
    serviceData: str | None = None
    payment: MatchedPayment | None = None


@attrs.frozen
class PaidInvoice:
    """The invoice inside of a payment that is bound to one."""

    id: str
    projectId: str


@attrs.frozen
class ListedPayment:
    """An item of ``/payments/list``; one that is bound to no invoice has neither `invoice` nor, it seems, `wallet`."""

    id: str
    amount: Decimal
    transactionDatetime: str
    hash: str | None = None
    invoice: PaidInvoice | None = None
    wallet: Wallet | None = None


@attrs.frozen
class Balances:
    """The answer to ``/billing/balances``."""

    internal: Decimal
    partner: Decimal


@attrs.frozen
class BalanceChange:
    """An item of ``/billing/history``."""

    datetime: str
    event: str
    target: str
    amount: Decimal
    comment: str | None = None


@attrs.frozen
class Tariff:
    """An item of ``/billing/tarrifs``; its `30dPayments` is no name in Python: `thirty_days` reads it."""

    id: str
    name: str
    payer: str
    rate: Decimal


@attrs.frozen
class StatisticsDay:
    """A day in ``/statistics/invoices``; its beginning, in milliseconds since 1970, stands in `date` once more."""

    value: Decimal


@attrs.frozen
class Statistics:
    """The answer to ``/statistics/invoices``."""

    invoicesTotalNum: int
    invoicesPaidNum: int
    invoicesTotalUSD: Decimal
    invoicesByProjects: dict[str, Decimal]
    invoicesByCurrencies: dict[str, Decimal]
    invoicesByMonths: dict[str, Decimal]
    invoicesByDate: dict[str, StatisticsDay]


@attrs.frozen
class NotifiedProject:
    """The project in a webhook."""

    id: str


@attrs.frozen
class NotifiedInvoice:
    """The invoice in a webhook."""

    id: str
    amountFiat: Decimal
    currencyFiat: str
    status: str


@attrs.frozen
class NotifiedPayment:
    """The payment in a webhook."""

    id: str


@attrs.frozen
class Notification:
    """A webhook. It is unsigned, so these fields are only held against what Bitsby answers."""

    project: NotifiedProject
    invoice: NotifiedInvoice
    payment: NotifiedPayment


def unwrap(response: HttpResponse) -> Any:
    """Return the `data` of an answer whose `result` is success: Bitsby tells errors by that word, in status 200 too.

    Raises:
        RateLimitedError: If the requests were too frequent, in whatever HTTP status it is said.
        ProviderError: By the HTTP status, where that is an error.
        RejectedError: If `result` is error, with Bitsby's text.
        UnexpectedResponseError: If it is none of this.
    """
    try:
        answer = loads(response.body)
    except UnexpectedResponseError as error:
        answer, reason = None, error.message
    else:
        reason = "the answer is not in Bitsby's envelope"
    result = answer.get("result") if isinstance(answer, Mapping) else None
    if result == "success" and "data" in answer and response.ok:
        return answer["data"]
    if result == "error":
        raise _refusal(response.status, answer.get("data"))
    if not response.ok:
        raise for_status(response.status, f"Bitsby answered with HTTP status {response.status}, and {reason}")
    with naming_invoice(response.body, "data", "id"):
        raise UnexpectedResponseError(reason, http_status=response.status)


def invoice_id(data: Any) -> str | None:
    """Return the id of an invoice whose answer is of no use otherwise; None if it cannot be read."""
    found = data.get("id") if isinstance(data, Mapping) else None
    return found if isinstance(found, str) else None


def says_too_many(response: HttpResponse) -> bool:
    """Return whether an answer says that the requests were too frequent, which Bitsby does in HTTP status 200 too."""
    if _TOO_FREQUENT.encode() not in response.body.lower():
        return False
    try:
        unwrap(response)
    except ProviderError as error:
        return isinstance(error, RateLimitedError)
    return False


def _refusal(status: int, data: Any) -> ProviderError:
    text = data if isinstance(data, str) and data.strip() else "refused without a reason"
    if _TOO_FREQUENT in text.lower():
        return RateLimitedError(text, http_status=status)
    return for_status(status, text) if status >= 400 else RejectedError(text, http_status=status)


def items(data: Any, kind: type[Item]) -> list[tuple[Item, Mapping[str, Any]]]:
    """Return what a list holds, each item with the form in which Bitsby sent it.

    Raises:
        UnexpectedResponseError: If it is no list, or an item does not fit.
    """
    if not isinstance(data, list):
        raise UnexpectedResponseError("the answer does not fit: a list expected")
    return [*read_each(data, lambda item: (structure(item, kind), item))]


def billed(data: Any) -> Any:
    """Return the list that ``/billing/history`` and ``/billing/tarrifs`` give.

    The Russian page on the history has an array. All others print the items in braces without keys, which is no JSON:
    the nearest thing that is, an object whose values are the items, is taken for a list, too.
    """
    return [*data.values()] if isinstance(data, Mapping) else data


def statistics(data: Any) -> Statistics:
    """Fit an answer to ``/statistics/invoices``, in which an empty array stands for an object that is empty.

    Only objects with something in them are documented, and PHP, in which Bitsby's API seems to be written, encodes an
    empty one as an array.

    Raises:
        UnexpectedResponseError: If it does not fit.
    """
    given = data if isinstance(data, Mapping) else {}
    empty: dict[str, Any] = {field.name: {} for field in attrs.fields(Statistics) if given.get(field.name) == []}
    return structure({**given, **empty} if empty else data, Statistics)


def thirty_days(item: Mapping[str, Any]) -> Decimal:
    """Return the field of a tariff that no attribute can be named like.

    Raises:
        UnexpectedResponseError: If it is missing, or no number.
    """
    try:
        return structure(item.get(_THIRTY_DAYS), Decimal)
    except UnexpectedResponseError as error:
        reason = error.message.removeprefix("the answer does not fit: the answer: ")
    raise UnexpectedResponseError(f"the answer does not fit: {_THIRTY_DAYS}: {reason}")

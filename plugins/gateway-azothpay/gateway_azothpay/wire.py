"""What AzothPay sends: the fields of each answer that are used, in AzothPay's own names.

What is not used is not demanded, and `raw` keeps all of it.
"""
# ruff: noqa: N815  # the attributes are named as AzothPay names them

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import attrs

from gateway_core import HttpResponse
from gateway_core.errors import UnexpectedResponseError, for_status
from gateway_core.listing import read_each
from gateway_core.wire import loads, structure

#: Where the form of an error is not documented, these are the names that ASP.NET and most others use for its text.
_ERROR_TEXTS = ("detail", "title", "message", "error")


@attrs.frozen
class CreatedInvoice:
    """The answer to ``POST /api/invoice``. It repeats neither period nor metadata, and names no currency."""

    id: int
    rate: Decimal
    createdAt: str
    botUrl: str | None = None


@attrs.frozen
class Invoice:
    """The answer to ``GET /api/invoice/{id}``: no period, no currency, no transaction, no payer."""

    id: int
    rate: Decimal
    isPaid: bool
    recipient: str | None = None
    metadata: dict[str, Any] | None = None


@attrs.frozen
class Subscription:
    """An item of ``GET /api/subscriptions``, and the answer to ``GET /api/subscriptions/{id}``."""

    id: int
    chainId: int
    tgUserId: int
    createdAt: str
    isActive: bool
    tokenName: str | None = None
    tx: str | None = None
    userAddress: str | None = None


@attrs.frozen
class SubscriptionPage:
    """The answer to ``GET /api/subscriptions``, beside its items."""

    totalCount: int
    page: int
    limit: int
    totalPages: int


@attrs.frozen
class NotifiedInvoice:
    """The invoice in a webhook. Whether its id is a number there or text, as its rate is, is not documented."""

    id: Any
    rate: Decimal
    tx: str
    recipient: str | None = None


@attrs.frozen
class Notification:
    """A webhook. Of these fields only `updateId` is signed."""

    updateId: str
    updateType: str
    payload: NotifiedInvoice


def read(response: HttpResponse) -> Any:
    """Return the JSON of an answer.

    Raises:
        ProviderError: By the HTTP status, if it is not 2xx, with AzothPay's text where there is one.
        UnexpectedResponseError: If it is no JSON.
    """
    if response.ok:
        return loads(response.body)
    text = _error_text(response.body)
    message = f"AzothPay answered with HTTP status {response.status}"
    raise for_status(response.status, f"{message}: {text}" if text else message)


def subscriptions(answer: Any) -> tuple[SubscriptionPage, list[tuple[Subscription, Mapping[str, Any]]]]:
    """Return a page of subscriptions, each with the form in which AzothPay sent it.

    Raises:
        UnexpectedResponseError: If something does not fit, or the page's numbers would end the list too early.
    """
    page = structure(answer, SubscriptionPage)
    if page.totalPages * page.limit < page.totalCount:
        raise UnexpectedResponseError("the answer does not fit: totalCount items are not on totalPages pages")
    return page, [*read_each(_items(answer, page), lambda item: (structure(item, Subscription), item))]


def _items(answer: Mapping[str, Any], page: SubscriptionPage) -> list[Any]:
    """Return the items. What their list is called is not documented: `items` or `data`, or whatever is the only one."""
    for name in ("items", "data"):
        if isinstance(answer.get(name), list):
            found: list[Any] = answer[name]
            return found
    lists = [value for value in answer.values() if isinstance(value, list)]
    if len(lists) == 1:
        return lists[0]
    if not lists and page.totalCount == 0:
        return []
    raise UnexpectedResponseError("the answer does not fit: which of it are the items cannot be told")


def _error_text(body: bytes) -> str | None:
    try:
        answer = loads(body)
    except UnexpectedResponseError:
        return None
    if isinstance(answer, Mapping):
        answer = next((answer[name] for name in _ERROR_TEXTS if isinstance(answer.get(name), str)), None)
    return answer.strip() or None if isinstance(answer, str) else None

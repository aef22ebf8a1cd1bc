"""One request to Billoget and its answer, as flows that all others are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol, TypeVar

from gateway_billoget import wire
from gateway_billoget.records import check_page_size
from gateway_billoget.settings import BillogetSettings
from gateway_core import Flow, HttpRequest, Page
from gateway_core.errors import UnexpectedResponseError
from gateway_core.http import endpoint
from gateway_core.listing import cursor_number, read_each

T = TypeVar("T")

Method = Literal["GET", "POST", "PUT", "DELETE"]


class Account(Protocol):
    """What a flow knows of the account that it is run for."""

    @property
    def settings(self) -> BillogetSettings:
        """The account's settings."""


def ask(
    account: Account,
    method: Method,
    *segments: str | int,
    query: Mapping[str, str | int | None] | None = None,
    body: Mapping[str, Any] | None = None,
) -> Flow[Any]:
    """Make any request below ``/api/public`` and return what the answer holds, unchecked. For `Gateway.run`.

    This is for what is documented by its address only, such as approvals and product variants.

    Args:
        account: Whose key is sent.
        method: The HTTP method.
        segments: The path below ``/api/public``, such as ``"budget-approvals", "pending"``.
        query: The query. What is None is left out.
        body: What is sent as JSON; amounts as Decimal.

    Raises:
        ProviderError: If Billoget refuses.
    """
    return (yield from send(account, method, ("api", "public", *segments), query=query, body=body)).data


def send(
    account: Account,
    method: Method,
    path: tuple[str | int, ...],
    *,
    query: Mapping[str, str | int | None] | None = None,
    body: Mapping[str, Any] | None = None,
) -> Flow[wire.Answer]:
    """Make one request and return its answer.

    Raises:
        ProviderError: If Billoget refuses.
        UnexpectedResponseError: If the answer is no JSON.
    """
    url = endpoint(account.settings.base_url, *path, query=query)
    headers = {"Authorization": f"Bearer {account.settings.api_key.reveal()}", "Accept": "application/json"}
    if body is None:
        # The documentation wants the type of the content on all requests, those without content too.
        headers["Content-Type"] = "application/json"
        request = HttpRequest(method=method, url=url, headers=headers)
    else:
        request = HttpRequest.json(method, url, body, headers=headers)
    return wire.read((yield request))


def page(  # noqa: PLR0913  # all but the first three by name
    account: Account,
    kind: str,
    read: Callable[[Any, wire.Answer], T],
    *,
    cursor: str | None,
    page_size: int | None,
    filters: Mapping[str, str] | None = None,
) -> Flow[Page[T]]:
    """Return one page of a list.

    Where the answer does not tell whether there is another page, there is one unless this one is empty: Billoget
    may cut pages shorter than asked for.
    """
    check_page_size(page_size)
    number = cursor_number(cursor, first=1)
    query: dict[str, str | int | None] = {
        "page": number,
        "limit": page_size or account.settings.page_size,
        **(filters or {}),
    }
    answer = yield from send(account, "GET", ("api", "public", kind), query=query)
    found = wire.listed(answer)
    more = bool(found.items) if found.more is None else found.more
    items = read_each(found.items, lambda item: read(item, answer))
    return Page(items, str(number + 1) if more else None)


def expect_id(asked: str, found: str) -> None:
    """Raise an `UnexpectedResponseError` if an answer is about something else than what was asked for."""
    if asked != found:
        raise UnexpectedResponseError("Billoget answered about something else than what was asked for")

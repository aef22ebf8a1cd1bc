"""What an account at Bitsby needs to be told."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import attrs

from gateway_core import Secret
from gateway_core.errors import ConfigurationError
from gateway_core.provider import base_url_field, count_field, hide_values, secret_field, url_secret_field

#: The hours that Bitsby allows for paying, in the words in which it takes them.
TIMES_TO_PAY = MappingProxyType({Decimal(word): word for word in ("0.5", "1", "3", "6", "12")})

#: The same as durations, for `InvoiceRequest.expires_in`.
DURATIONS = MappingProxyType({timedelta(seconds=int(hours * 3600)): hours for hours in TIMES_TO_PAY})

#: Bitsby's own page size. Its largest is not documented, so only a page of at most this size surely comes whole.
DEFAULT_PAGE_SIZE = 10

#: How many pages `find_invoice` reads at most.
DEFAULT_SEARCH_PAGES = 25

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)


def is_uuid(text: str) -> bool:
    """Return whether a text has the form of Bitsby's ids."""
    return _UUID.fullmatch(text) is not None


def _to_hours(value: Any) -> Any:
    readable = type(value) is int or (isinstance(value, str) and value in TIMES_TO_PAY.values())
    return Decimal(value) if readable else value


def _check_hours(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if value is not None and not (isinstance(value, Decimal) and value in TIMES_TO_PAY):
        raise ConfigurationError(f"{field.name} must be one of {', '.join(TIMES_TO_PAY.values())} (hours)")


def _to_lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _check_project(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, str) or not is_uuid(value):
        raise ConfigurationError(f"{field.name} must be a UUID such as 1c48b092-9878-48f5-b441-07a8a48e7b54")


@hide_values
@attrs.frozen(kw_only=True)
class BitsbySettings:
    """One project of one Bitsby account.

    Attributes:
        api_key: The API key, from Integrations in the dashboard. It opens all data of the account: there are no scopes.
        project_id: The UUID of the project that invoices are made in. Invoices of other projects are not seen.
        base_url: The address of the API.
        checkout_url: The address below which the pay pages are. Bitsby's lists do not give a page's address; it is made
            of this and the invoice's `uid`.
        time_to_pay: Hours in which an invoice can be paid, unless it says otherwise: 0.5, 1, 3, 6 or 12.
        url_secret: A secret of your own in the webhook URL, as a segment of its path or the value of a query parameter.
            With it, forged webhooks are refused without asking Bitsby.
        page_size: Items to ask for in one page of a list. Bitsby's default is 10; its largest is not documented.
        search_pages: The most pages that `find_invoice` reads, one each second.
    """

    api_key: Secret = secret_field()
    project_id: str = attrs.field(converter=_to_lower, validator=_check_project)
    base_url: str = base_url_field("https://api.bitsby.app")
    checkout_url: str = base_url_field("https://dash.bitsby.app/invoices/pay")
    time_to_pay: Decimal = attrs.field(default=Decimal(12), converter=_to_hours, validator=_check_hours)
    url_secret: Secret | None = url_secret_field()
    page_size: int = count_field(DEFAULT_PAGE_SIZE)
    search_pages: int = count_field(DEFAULT_SEARCH_PAGES)


@attrs.frozen(kw_only=True)
class BitsbyOptions:
    """Options of one invoice.

    Attributes:
        time_to_pay: Hours in which it can be paid: 0.5, 1, 3, 6 or 12; None for that of the settings.
    """

    time_to_pay: Decimal | None = attrs.field(default=None, converter=_to_hours, validator=_check_hours)

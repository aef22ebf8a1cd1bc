"""What an account at AzothPay needs to be told."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Any

import attrs

from gateway_core import Secret
from gateway_core.errors import ConfigurationError
from gateway_core.http import is_loopback, split
from gateway_core.provider import base_url_field, count_field, hide_values, secret_field, url_secret_field

#: The periods of a charge, in AzothPay's words.
PERIODS = ("PerDay", "PerWeek", "PerMonth", "PerYear")

#: What an account can count in, with the decimals of each. An invoice names no token: the payer chooses USDC or USDT on
#: one chain or another, so "USD" says all that is known.
DECIMALS = MappingProxyType({"USD": 2, "USDC": 6, "USDT": 6})

#: AzothPay's own page size. Its largest is not documented.
DEFAULT_PAGE_SIZE = 50

#: What stands for the invoice's id in `checkout_url`.
PLACE = "{id}"

_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}", re.ASCII)


def _check_period(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if value is not None and value not in PERIODS:
        raise ConfigurationError(f"{field.name} must be one of {', '.join(PERIODS)}")


def _check_currency(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if value not in tuple(DECIMALS):
        raise ConfigurationError(f"{field.name} must be one of {', '.join(DECIMALS)}")


def _check_header(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, str) or not _HEADER.fullmatch(value):
        raise ConfigurationError(f"{field.name} must be the name of a header, such as X-Pay-Signature")


def _check_template(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if value is None:
        return
    where, there, rest = value.partition(PLACE) if isinstance(value, str) else ("", "", "")
    filled = f"{where}0{rest}"
    try:
        parts = split(filled)
    except ValueError:
        parts = None
    if not there or parts is None or not parts.hostname or PLACE in rest:
        raise ConfigurationError(f"{field.name} must be an address with {PLACE} in it once")
    # A place in the host would let each invoice lead to another server.
    if split(filled).netloc != split(f"{where}1{rest}").netloc or "@" in parts.netloc:
        raise ConfigurationError(f"{field.name} must have {PLACE} in its path or query, and no user or password")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(filled)):
        raise ConfigurationError(f"{field.name} must be https: http is for the loopback range only")


@hide_values
@attrs.frozen(kw_only=True)
class AzothPaySettings:
    """One app that was registered in AzothPay's Telegram bot.

    Attributes:
        api_key: The app's API key. It signs the app's webhooks, too: a new key changes both at once.
        base_url: The address of the API. AzothPay's documentation does not tell it, so there is no default.
        currency: What amounts are counted in: USD, USDC or USDT. An invoice in anything else is refused.
        period: How often an invoice is charged, unless it says otherwise: PerDay, PerWeek, PerMonth or PerYear. Without
            one, each invoice must choose.
        checkout_url: An address with ``{id}`` in it, as the pay page of invoices for which AzothPay names none.
        signature_header: The header in which webhooks bear their signature.
        url_secret: A secret of your own in the webhook URL, as a segment of its path or the value of a query parameter.
            With it, whoever saw a genuine message and not its address costs no request to AzothPay.
        page_size: Subscriptions to ask for in one page. AzothPay's default is 50; its largest is not documented.
    """

    api_key: Secret = secret_field()
    base_url: str = base_url_field()
    currency: str = attrs.field(default="USD", validator=_check_currency)
    period: str | None = attrs.field(default=None, validator=_check_period)
    checkout_url: str | None = attrs.field(default=None, validator=_check_template)
    signature_header: str = attrs.field(default="X-Pay-Signature", validator=_check_header)
    url_secret: Secret | None = url_secret_field()
    page_size: int = count_field(DEFAULT_PAGE_SIZE)


@attrs.frozen(kw_only=True)
class AzothPayOptions:
    """Options of one invoice.

    Attributes:
        period: How often it is charged: PerDay, PerWeek, PerMonth or PerYear; None for that of the settings.
    """

    period: str | None = attrs.field(default=None, validator=_check_period)

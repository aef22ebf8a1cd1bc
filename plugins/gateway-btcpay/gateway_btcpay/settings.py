"""The settings of one store at one BTCPay Server, and the options of one invoice."""

from __future__ import annotations

from typing import Any

import attrs

from gateway_core import Secret
from gateway_core.errors import ConfigurationError
from gateway_core.provider import base_url_field, hide_values, secret_field, secrets_field

#: How many confirmations an on-chain payment needs (source: Greenfield API, SpeedPolicy).
SPEED_POLICIES = ("HighSpeed", "MediumSpeed", "LowMediumSpeed", "LowSpeed")

_MOST_ITEMS = 1000


def _check_store(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, str) or not value.isascii() or not value.isalnum():
        raise ConfigurationError(f"{field.name} must be the store's id: letters and digits, from Store Settings")


def _check_count(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if type(value) is not int or not 1 <= value <= _MOST_ITEMS:
        raise ConfigurationError(f"{field.name} must be a whole number from 1 to {_MOST_ITEMS}")


def _check_speed(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if value is not None and value not in SPEED_POLICIES:
        raise ConfigurationError(f"{field.name} must be one of {', '.join(SPEED_POLICIES)}")


def _check_methods(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, tuple) or not all(isinstance(each, str) and each.strip() for each in value):
        raise ConfigurationError(f"{field.name} must list payment methods of the store, such as BTC-CHAIN and BTC-LN")


@hide_values
@attrs.frozen(kw_only=True)
class BTCPaySettings:
    """One store at one BTCPay Server.

    Attributes:
        base_url: The server's address, with its path if it is not at the root, without ``/api/v1``.
        store_id: The store's id.
        api_key: An API key of this store; the README lists the permissions that each operation needs.
        webhook_secret: The secret of the store's webhook; several while one is being replaced.
        page_size: How many invoices to ask for in one page of a list, 1 to 1,000. The API has no limit of its own.
    """

    base_url: str = base_url_field()
    store_id: str = attrs.field(validator=_check_store)
    api_key: Secret = secret_field()
    webhook_secret: tuple[Secret, ...] = secrets_field()
    page_size: int = attrs.field(default=50, validator=_check_count)


def _to_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@attrs.frozen(kw_only=True)
class BTCPayOptions:
    """Options of one invoice.

    Attributes:
        payment_methods: The ways to pay that are offered, such as ``BTC-CHAIN`` and ``BTC-LN``; empty for all of the
            store.
        speed_policy: When an on-chain payment counts as settled: ``HighSpeed``, ``MediumSpeed``, ``LowMediumSpeed`` or
            ``LowSpeed``; None for the store's own.
    """

    payment_methods: tuple[str, ...] = attrs.field(default=(), converter=_to_tuple, validator=_check_methods)
    speed_policy: str | None = attrs.field(default=None, validator=_check_speed)

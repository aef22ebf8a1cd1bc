"""The settings of one store at one BTCPay Server, and the options of one invoice."""

from __future__ import annotations

import attrs

from gateway_core import Secret
from gateway_core.provider import (
    base_url_field,
    choice_field,
    count_field,
    hide_values,
    secret_field,
    secrets_field,
    text_field,
    texts_field,
)

#: How many confirmations an on-chain payment needs (source: Greenfield API, SpeedPolicy).
SPEED_POLICIES = ("HighSpeed", "MediumSpeed", "LowMediumSpeed", "LowSpeed")


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
    store_id: str = text_field("the store's id: letters and digits, from Store Settings", form="[0-9A-Za-z]+")
    api_key: Secret = secret_field()
    webhook_secret: tuple[Secret, ...] = secrets_field()
    page_size: int = count_field(50, most=1000)


@attrs.frozen(kw_only=True)
class BTCPayOptions:
    """Options of one invoice.

    Attributes:
        payment_methods: The ways to pay that are offered, such as ``BTC-CHAIN`` and ``BTC-LN``; empty for all of the
            store.
        speed_policy: When an on-chain payment counts as settled: ``HighSpeed``, ``MediumSpeed``, ``LowMediumSpeed`` or
            ``LowSpeed``; None for the store's own.
    """

    payment_methods: tuple[str, ...] = texts_field("payment methods of the store, such as BTC-CHAIN and BTC-LN")
    speed_policy: str | None = choice_field(*SPEED_POLICIES, default=None)

"""A subscription, as AzothPay's own flows give it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class Subscription:
    """A payment stream that somebody started. AzothPay tells neither its invoice nor its amount nor its period.

    Attributes:
        id: AzothPay's id of the subscription.
        active: Whether it runs.
        chain_id: The number of the chain that it runs on, as wallets know it.
        network: The chain's name, such as ``polygon``; None if the number is not known here.
        token: What is paid, such as ``USDC``; None if AzothPay does not tell.
        tx: The hash of the transaction that started it.
        payer_address: The payer's wallet.
        telegram_user_id: The payer's number at Telegram.
        created_at: When it was started, with a time zone.
        raw: AzothPay's own answer.
    """

    id: str
    active: bool
    chain_id: int
    network: str | None
    token: str | None
    tx: str | None
    payer_address: str | None = attrs.field(repr=False)
    telegram_user_id: int = attrs.field(repr=False)
    created_at: datetime
    raw: Mapping[str, Any] = attrs.field(factory=dict, repr=False, eq=False)

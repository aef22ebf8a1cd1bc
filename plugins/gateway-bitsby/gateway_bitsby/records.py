"""What Bitsby tells beyond invoices and payments: statistics, balances, and what its service costs.

All sums are Decimals, as Bitsby writes them. None of them is a `Money`: of most, Bitsby's documentation names no
currency.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from typing import Any

import attrs


class FeePayer(Enum):
    """Who bears the service's fee. A word that is none of Bitsby's two is UNKNOWN."""

    SELLER = "seller"
    BUYER = "buyer"
    UNKNOWN = "unknown"


def _frozen(items: Mapping[Any, Any]) -> Mapping[Any, Any]:
    return MappingProxyType(dict(items))


def _raw() -> Any:
    return attrs.field(factory=dict, repr=False, eq=False, converter=_frozen)


@attrs.frozen(kw_only=True)
class InvoiceStatistics:
    """The account's invoices in numbers, those of all its projects.

    Attributes:
        invoices: How many invoices there are.
        paid_invoices: How many of them are paid.
        paid_usd: What the paid ones were made out for, in US dollars.
        by_project: The same for each project, by its id, in US dollars.
        by_currency: The same for each currency that invoices were made out in; in that currency, it seems.
        by_month: The same for each month, in US dollars, by Bitsby's own words, such as ``March-2024``.
        by_day: The same for each day, in US dollars.
        raw: Bitsby's own answer.
    """

    invoices: int
    paid_invoices: int
    paid_usd: Decimal
    by_project: Mapping[str, Decimal] = attrs.field(converter=_frozen)
    by_currency: Mapping[str, Decimal] = attrs.field(converter=_frozen)
    by_month: Mapping[str, Decimal] = attrs.field(converter=_frozen)
    by_day: Mapping[date, Decimal] = attrs.field(converter=_frozen)
    raw: Mapping[str, Any] = _raw()


@attrs.frozen(kw_only=True)
class Balances:
    """The account's balances at Bitsby; payers' money is not among them, for it goes to the merchant's own wallets.

    Attributes:
        internal: The account's own balance.
        partner: The balance of the partner programme.
        raw: Bitsby's own answer.
    """

    internal: Decimal
    partner: Decimal
    raw: Mapping[str, Any] = _raw()


@attrs.frozen(kw_only=True)
class BalanceChange:
    """One line in the history of the balances.

    Attributes:
        at: When, with its time zone.
        event: What happened, in Bitsby's word; only ``other`` is documented.
        target: Which balance changed, by its name in `Balances`; only ``internal`` is documented.
        amount: By how much.
        comment: Bitsby's text about it.
        raw: Bitsby's own answer.
    """

    at: datetime
    event: str
    target: str
    amount: Decimal
    comment: str | None
    raw: Mapping[str, Any] = _raw()


@attrs.frozen(kw_only=True)
class ProjectTariff:
    """What Bitsby's service costs for the invoices of one project.

    Attributes:
        project_id: The project's id.
        name: The project's name.
        paid_in_30_days: Bitsby's `30dPayments`, described as the amount of invoices paid in the last 30 days; whether
            that is a number or a sum, and in which currency, is not documented.
        fee_payer: Who bears the fee.
        fee_percent: The fee, in percent of an invoice.
        raw: Bitsby's own answer.
    """

    project_id: str
    name: str
    paid_in_30_days: Decimal
    fee_payer: FeePayer
    fee_percent: Decimal
    raw: Mapping[str, Any] = _raw()

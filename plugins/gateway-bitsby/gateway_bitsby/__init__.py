"""The provider Bitsby: invoices in fiat money, paid in crypto to the merchant's own wallets."""

from gateway_bitsby.provider import Bitsby
from gateway_bitsby.query import InvoiceQuery
from gateway_bitsby.records import BalanceChange, Balances, FeePayer, InvoiceStatistics, ProjectTariff
from gateway_bitsby.settings import BitsbyOptions, BitsbySettings

__all__ = [
    "BalanceChange",
    "Balances",
    "Bitsby",
    "BitsbyOptions",
    "BitsbySettings",
    "FeePayer",
    "InvoiceQuery",
    "InvoiceStatistics",
    "ProjectTariff",
]

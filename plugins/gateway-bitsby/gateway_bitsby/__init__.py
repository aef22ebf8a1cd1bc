"""The provider Bitsby: invoices in fiat money, paid in crypto to the merchant's own wallets."""

from gateway_bitsby.provider import Bitsby
from gateway_bitsby.query import InvoiceQuery
from gateway_bitsby.settings import BitsbyOptions, BitsbySettings

__all__ = ["Bitsby", "BitsbyOptions", "BitsbySettings", "InvoiceQuery"]

"""BTCPay Server: invoices in any currency, paid in bitcoin to the merchant's own wallet."""

from gateway_btcpay.provider import BTCPay
from gateway_btcpay.settings import BTCPayOptions, BTCPaySettings

__all__ = ["BTCPay", "BTCPayOptions", "BTCPaySettings"]

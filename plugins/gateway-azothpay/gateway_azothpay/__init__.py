"""The provider AzothPay: recurring invoices, paid in stablecoins by a stream from the payer's wallet."""

from gateway_azothpay.provider import AzothPay
from gateway_azothpay.settings import AzothPayOptions, AzothPaySettings
from gateway_azothpay.subscription import Subscription

__all__ = ["AzothPay", "AzothPayOptions", "AzothPaySettings", "Subscription"]

"""PayPal: orders that the buyer approves, and whose money is captured afterwards."""

from gateway_paypal.provider import PayPal
from gateway_paypal.settings import PayPalOptions, PayPalSettings

__all__ = ["PayPal", "PayPalOptions", "PayPalSettings"]

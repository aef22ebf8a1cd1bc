"""Adyen: payment links, whose money is captured at once or by hand."""

from gateway_adyen.provider import Adyen
from gateway_adyen.settings import AdyenOptions, AdyenSettings

__all__ = ["Adyen", "AdyenOptions", "AdyenSettings"]

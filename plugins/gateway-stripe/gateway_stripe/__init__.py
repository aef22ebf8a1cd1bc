"""The provider Stripe: Checkout Sessions in payment mode, on Stripe's own payment page."""

from gateway_stripe.provider import Stripe
from gateway_stripe.settings import StripeOptions, StripeSettings

__all__ = ["Stripe", "StripeOptions", "StripeSettings"]

"""A stateful stand-in for Stripe, in test mode: Checkout Sessions and what becomes of them.

It knows Stripe from its documentation, and nothing from the plugin's tables: what both read from one table, both would
read wrong in the same way.
"""

from gateway_stripe.emulator.emulator import StripeEmulator

__all__ = ["StripeEmulator"]

"""A stateful stand-in for PayPal's REST API with one account.

Where the facts are silent, the emulator has to do something all the same: the README lists what.
"""

from gateway_paypal.emulator.emulator import PayPalEmulator

__all__ = ["PayPalEmulator"]

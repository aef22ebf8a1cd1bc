"""A stateful stand-in for Adyen's Checkout API with one merchant account.

Where the facts are silent, the emulator has to do something all the same: the README lists what.
"""

from gateway_adyen.emulator.emulator import AdyenEmulator

__all__ = ["AdyenEmulator"]

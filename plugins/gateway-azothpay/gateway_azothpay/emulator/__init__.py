"""A stateful stand-in for AzothPay, built after its documentation and its sister product's.

Where these are silent, the emulator has to do something all the same: the README lists what.
"""

from gateway_azothpay.emulator.emulator import AzothPayEmulator

__all__ = ["AzothPayEmulator"]

"""A stateful stand-in for a BTCPay Server with one store, built after its Greenfield API.

Where the facts are silent, the emulator has to do something all the same: the README lists what.
"""

from gateway_btcpay.emulator.emulator import BTCPayEmulator

__all__ = ["BTCPayEmulator"]

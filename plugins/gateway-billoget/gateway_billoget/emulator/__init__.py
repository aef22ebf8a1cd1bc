"""A stateful stand-in for Billoget, built after its documentation.

Where the documentation is silent, the emulator has to do something all the same: the README lists what.
"""

from gateway_billoget.emulator.emulator import BillogetEmulator

__all__ = ["BillogetEmulator"]

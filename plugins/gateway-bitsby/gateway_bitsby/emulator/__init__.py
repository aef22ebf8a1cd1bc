"""A stateful stand-in for Bitsby, built after its documentation.

Where the documentation is silent, the emulator has to do something all the same: the README lists what.
"""

from gateway_bitsby.emulator.emulator import BitsbyEmulator

__all__ = ["BitsbyEmulator"]

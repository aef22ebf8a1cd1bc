"""A stateful stand-in for Mollie, built after its documentation and its API description.

Where these are silent, the emulator has to do something all the same: the README lists what.
"""

from gateway_mollie.emulator.emulator import MollieEmulator

__all__ = ["MollieEmulator"]

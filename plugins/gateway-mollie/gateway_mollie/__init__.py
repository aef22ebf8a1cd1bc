"""The provider Mollie: iDEAL, cards, SEPA and other ways to pay, as payments of its Payments API v2."""

from gateway_mollie.provider import Mollie
from gateway_mollie.settings import MollieOptions, MollieSettings

__all__ = ["Mollie", "MollieOptions", "MollieSettings"]

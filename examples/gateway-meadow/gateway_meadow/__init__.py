"""The provider Meadow."""

from gateway_meadow.provider import Meadow
from gateway_meadow.settings import MeadowSettings

__all__ = ["Meadow", "MeadowSettings"]

"""The provider Frozen."""

from gateway_frozen_contract_1.provider import Frozen
from gateway_frozen_contract_1.settings import FrozenSettings

__all__ = ["Frozen", "FrozenSettings"]

"""Keeping a provider's rate limits: for one process, for the processes of a machine, or for several machines."""

from __future__ import annotations

from gateway_core.transport._turns._limiter import Limiter, Turn, TurnLostError
from gateway_core.transport._turns._where import MEMORY, Where

__all__ = ["MEMORY", "Limiter", "Turn", "TurnLostError", "Where"]

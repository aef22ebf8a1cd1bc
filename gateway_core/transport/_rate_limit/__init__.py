"""Keeping a provider's rate limits: for one process, for the processes of a machine, or for several machines."""

from __future__ import annotations

from gateway_core.transport._rate_limit.limiter import Limiter, Permit, PermitLostError, Priority
from gateway_core.transport._rate_limit.location import MEMORY, Where

__all__ = ["MEMORY", "Limiter", "Permit", "PermitLostError", "Priority", "Where"]

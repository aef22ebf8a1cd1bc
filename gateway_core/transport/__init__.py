"""From a request of a flow to its response: the rules by which it leaves, and the HTTP that carries it.

A `Transport` sends one request once. The pipeline in front of it keeps the rate limits, repeats what may be repeated
and leaves a provider in trouble alone.
"""

from gateway_core.transport._assembly import connect
from gateway_core.transport._deadline import Deadline
from gateway_core.transport._settings import LimitSettings, TransportSettings
from gateway_core.transport._transport import Transport

__all__ = ["Deadline", "LimitSettings", "Transport", "TransportSettings", "connect"]

"""The sandbox: a small payment provider of our own, and the plugin that speaks to it."""

from gateway_sandbox.provider import Sandbox
from gateway_sandbox.settings import SandboxOptions, SandboxSettings

__all__ = ["Sandbox", "SandboxOptions", "SandboxSettings"]

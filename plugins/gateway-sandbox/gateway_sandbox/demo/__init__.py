"""The story of one paid invoice, told while it happens: the sandbox in another process, a small shop in this one."""

from gateway_sandbox.demo.story import Story, run

__all__ = ["Story", "run"]

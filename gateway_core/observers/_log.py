"""The logger of the library. `logging` costs 11 ms to import, and is needed once a gateway is made only."""

from __future__ import annotations

import functools
import logging

ROOT = "gateway_core"


@functools.cache
def logger(name: str = "") -> logging.Logger:
    """Return a logger of ours. Where the application configures no logging, Python writes warnings to stderr."""
    return logging.getLogger(f"{ROOT}.{name}" if name else ROOT)

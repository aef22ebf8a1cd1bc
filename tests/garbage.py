"""Collecting garbage again and again without looking each time at all that the tests have imported."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def only_new_garbage() -> Iterator[None]:
    """Let the collector look at what is made in here only."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()

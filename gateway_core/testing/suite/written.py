"""Checks that nothing is left of a skeleton."""

from __future__ import annotations

import pytest

from gateway_core.hookspecs import OPTIONAL, REQUIRED
from gateway_core.testing.suite._base import Described
from gateway_core.testing.suite._checks import check, failed, not_applicable
from gateway_core.testing.suite._gaps import OF_EMULATORS, unwritten
from gateway_core.testing.suite._stage import load


class WrittenChecks(Described):
    """Every hook is written, and so is the emulator."""

    @pytest.mark.parametrize("hook", REQUIRED + OPTIONAL)
    @check
    def test_hook_is_written(self, hook: str) -> None:
        """No hook raises `NotImplementedError`.

        Why: It is what stands in a skeleton where a hook is still to be written. An operation that the remote API lacks
        raises `UnsupportedOperationError`, and `info.unsupported` gives the reason.
        """
        if not hasattr(load(self), hook):
            not_applicable(f"there is no {hook}")
        if (gap := unwritten(type(self)).get(hook)) is not None:
            failed(gap.reason)

    @check
    def test_emulator_is_written(self) -> None:
        """No method of the emulator raises `NotImplementedError`.

        Why: The other checks are run against the emulator, and can judge nothing before it answers.
        """
        gaps = unwritten(type(self))
        if "create_invoice" in gaps:
            not_applicable("create_invoice is still to be written, and without it nobody asks the emulator")
        reasons = [gaps[name].reason for name in OF_EMULATORS if name in gaps]
        if reasons:
            failed("; ".join(reasons))

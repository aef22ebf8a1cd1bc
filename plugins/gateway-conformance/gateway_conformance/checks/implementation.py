"""Checks that nothing is left of a skeleton."""

from __future__ import annotations

import pytest

from gateway_conformance.base import Checks
from gateway_conformance.check import check, fail, not_applicable
from gateway_conformance.provider_under_test import provider_class
from gateway_conformance.unimplemented import OF_EMULATORS, missing_methods
from gateway_core.hookspecs import OPTIONAL, REQUIRED


class ImplementationChecks(Checks):
    """Every hook is written, and so is the emulator."""

    @pytest.mark.parametrize("hook", REQUIRED + OPTIONAL)
    @check
    def test_hook_is_implemented(self, hook: str) -> None:
        """No hook raises `NotImplementedError`.

        Why: It is what stands in a skeleton where a hook is still to be written. An operation that the remote API lacks
        raises `UnsupportedOperationError`, and `info.unsupported` gives the reason.
        """
        if not hasattr(provider_class(self), hook):
            not_applicable(f"there is no {hook}")
        if (missing := missing_methods(type(self)).get(hook)) is not None:
            fail(missing.reason)

    @check
    def test_emulator_is_implemented(self) -> None:
        """No method of the emulator raises `NotImplementedError`.

        Why: The other checks are run against the emulator, and can judge nothing before it answers.
        """
        missing = missing_methods(type(self))
        if "create_invoice" in missing:
            not_applicable("create_invoice is still to be written, and without it nobody asks the emulator")
        reasons = [missing[name].reason for name in OF_EMULATORS if name in missing]
        if reasons:
            fail("; ".join(reasons))

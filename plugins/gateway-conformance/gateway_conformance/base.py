"""The base of all checks: the harness that each is given, and the guard that keeps every check as it is."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from gateway_conformance.harness import Harness
from gateway_conformance.provider_under_test import SCENARIOS, ProviderUnderTest
from gateway_conformance.unimplemented import skip_unimplemented
from gateway_core.errors import GatewayError
from gateway_core.testing import find_provider


class Checks(ProviderUnderTest):
    """The base of all checks."""

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        suite = next((each for each in reversed(cls.__mro__) if each.__name__ == "ProviderSuite"), None)
        if suite is not None and suite is not cls:
            _check_nothing_is_overridden(cls, suite)
            _check_spelling(cls)
            _check_backend(cls)

    @pytest.fixture(autouse=True)
    def _skip_unimplemented(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Skip whatever needs a hook that is still to be written, in checks that make their own harnesses too."""
        skip_unimplemented(type(self), monkeypatch)

    @pytest.fixture
    def harness(self) -> Iterator[Harness]:
        """Give one account at the provider."""
        harness = Harness(self)
        yield harness
        harness.close()


#: What an author may give; all else is the kit's own.
AUTHORS = frozenset(name for name in vars(ProviderUnderTest) if not name.startswith("_"))


def _check_nothing_is_overridden(cls: type, suite: type) -> None:
    for kind in suite.__mro__[:-1]:
        for name in vars(kind):
            kept = name in AUTHORS or (name.startswith("__") and name.endswith("__"))
            if not kept and inspect.getattr_static(cls, name) is not inspect.getattr_static(suite, name):
                raise TypeError(
                    f"{cls.__name__} overrides {name} of ProviderSuite: a check cannot be changed or left out. Where a "
                    "rule does not apply, ProviderInfo says so, or the hook is not implemented"
                )


def _check_spelling(cls: type) -> None:
    for name in vars(cls):
        if name.startswith(("_", "test_")) or name in AUTHORS:
            continue
        close = difflib.get_close_matches(name, AUTHORS, n=1, cutoff=0.8)
        if name.startswith("given_") or close:
            hint = f": did you mean {close[0]}?" if close else f": there are {', '.join(SCENARIOS)}"
            raise TypeError(f"{cls.__name__} has {name}, which ProviderSuite does not know{hint}")


def _check_backend(cls: type[ProviderUnderTest]) -> None:
    """Tell once, and not in each check, that the backend cannot be had."""
    if cls.backend is None:
        return
    try:
        find_provider(cls.backend)
    except GatewayError as error:
        reason = error.message
    else:
        return
    raise pytest.Collector.CollectError(
        f"{cls.__name__} judges the backend {cls.backend!r}: {reason}\n"
        "In the plugin's folder, `python -m pip install --editable .` installs it into this environment"
    )

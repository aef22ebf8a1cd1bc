"""The conformance kit: subclass `ProviderSuite`, name the provider, and every check is a test of it.

Install it with the extra ``testing``. A provider with an emulator is judged by a few lines::

    class TestMeadow(ProviderSuite):
        backend = "meadow"
        emulator = MeadowEmulator
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway_core.testing.suite._checks import Check, CheckFailed, checks_of
from gateway_core.testing.suite.info import InfoChecks
from gateway_core.testing.suite.money import MoneyChecks

__all__ = ["Check", "CheckFailed", "ProviderSuite", "checks"]


class ProviderSuite(InfoChecks, MoneyChecks):
    """Every check that a provider has to pass. No check can be overridden.

    A check is left out, visibly, only where `ProviderInfo` or a hook that is not implemented says that there is nothing
    to judge. Which attributes and ``given_...`` methods an author gives is told by the base class.
    """


def checks() -> Iterator[Check]:
    """Yield every check, subject by subject: what the page "How the kit judges" is made of."""
    return checks_of(ProviderSuite)

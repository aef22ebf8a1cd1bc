"""The conformance kit: subclass `ProviderSuite`, name the provider, and every check is a test of it.

Install it with the extra ``testing``. A provider with an emulator is judged by a few lines::

    class TestMeadow(ProviderSuite):
        backend = "meadow"
        emulator = MeadowEmulator
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway_core.testing.suite._base import Described
from gateway_core.testing.suite._checks import Check, CheckFailed, checks_of
from gateway_core.testing.suite.answers import AnswerChecks
from gateway_core.testing.suite.bodies import BodyChecks
from gateway_core.testing.suite.callbacks import CallbackChecks
from gateway_core.testing.suite.colours import ColourChecks
from gateway_core.testing.suite.forgeries import ForgeryChecks
from gateway_core.testing.suite.ids import IdChecks
from gateway_core.testing.suite.info import InfoChecks
from gateway_core.testing.suite.listing import ListingChecks
from gateway_core.testing.suite.money import MoneyChecks
from gateway_core.testing.suite.operations import OperationChecks
from gateway_core.testing.suite.purity import PurityChecks
from gateway_core.testing.suite.refusals import RefusalChecks
from gateway_core.testing.suite.secrecy import SecrecyChecks
from gateway_core.testing.suite.status import StatusChecks
from gateway_core.testing.suite.webhooks import WebhookChecks
from gateway_core.testing.suite.written import WrittenChecks

__all__ = ["Check", "CheckFailed", "Described", "ProviderSuite", "checks"]


class ProviderSuite(
    ColourChecks,
    PurityChecks,
    SecrecyChecks,
    CallbackChecks,
    BodyChecks,
    ForgeryChecks,
    WebhookChecks,
    IdChecks,
    RefusalChecks,
    AnswerChecks,
    ListingChecks,
    StatusChecks,
    MoneyChecks,
    OperationChecks,
    InfoChecks,
    WrittenChecks,
):
    """Every check that a provider has to pass. No check can be overridden.

    A check is left out, visibly, only where `ProviderInfo` or a hook that is not implemented says that there is nothing
    to judge. Which attributes and ``given_...`` methods an author gives is told by `Described`.
    """


def checks() -> Iterator[Check]:
    """Yield every check, subject by subject: what the page "How the kit judges" is made of."""
    return checks_of(ProviderSuite)

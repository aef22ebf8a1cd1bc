"""The conformance kit: subclass `ProviderSuite`, name the provider, and every check is a test of it.

A provider with an emulator is judged by a few lines::

    class TestMeadow(ProviderSuite):
        backend = "meadow"
        emulator = MeadowEmulator
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway_conformance.check import Check, CheckFailed, checks_of
from gateway_conformance.checks.async_parity import AsyncParityChecks
from gateway_conformance.checks.declarations import DeclarationChecks
from gateway_conformance.checks.http_errors import HttpErrorChecks
from gateway_conformance.checks.implementation import ImplementationChecks
from gateway_conformance.checks.injection import InjectionChecks
from gateway_conformance.checks.invoices import InvoiceChecks
from gateway_conformance.checks.malformed_answers import MalformedAnswerChecks
from gateway_conformance.checks.money import MoneyChecks
from gateway_conformance.checks.operations import OperationChecks
from gateway_conformance.checks.payment_lists import PaymentListChecks
from gateway_conformance.checks.purity import PurityChecks
from gateway_conformance.checks.refunds import RefundChecks
from gateway_conformance.checks.request_fields import RequestFieldChecks
from gateway_conformance.checks.secrecy import SecrecyChecks
from gateway_conformance.checks.states import StateChecks
from gateway_conformance.checks.status import StatusChecks
from gateway_conformance.checks.status_words import StatusWordChecks
from gateway_conformance.checks.webhook_bodies import WebhookBodyChecks
from gateway_conformance.checks.webhook_callbacks import WebhookCallbackChecks
from gateway_conformance.checks.webhook_forgeries import WebhookForgeryChecks
from gateway_conformance.checks.webhooks import WebhookChecks
from gateway_conformance.provider_under_test import ProviderUnderTest

__all__ = ["Check", "CheckFailed", "ProviderSuite", "ProviderUnderTest", "list_checks"]


class ProviderSuite(
    AsyncParityChecks,
    PurityChecks,
    SecrecyChecks,
    WebhookCallbackChecks,
    WebhookBodyChecks,
    WebhookForgeryChecks,
    WebhookChecks,
    InjectionChecks,
    HttpErrorChecks,
    MalformedAnswerChecks,
    PaymentListChecks,
    StatusWordChecks,
    StateChecks,
    StatusChecks,
    RequestFieldChecks,
    InvoiceChecks,
    MoneyChecks,
    RefundChecks,
    OperationChecks,
    DeclarationChecks,
    ImplementationChecks,
):
    """Every check that a provider has to pass. No check can be overridden.

    A check is left out, visibly, only where `ProviderInfo` or a hook that is not implemented says that there is nothing
    to judge. Which attributes and ``given_...`` methods an author gives is told by `ProviderUnderTest`.
    """


def list_checks() -> Iterator[Check]:
    """Yield every check, subject by subject: what the page "How the kit judges" is made of."""
    return checks_of(ProviderSuite)

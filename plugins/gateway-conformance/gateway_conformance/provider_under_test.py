"""The provider under test, as its author describes it: its name, its settings, and an emulator or scenarios."""

# ruff: noqa: ARG002  # an author's method uses what the one it takes the place of does not

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NoReturn

import pytest

from gateway_core.models.invoice import InvoiceRequest
from gateway_core.models.money import Money
from gateway_core.models.refund import RefundRequest
from gateway_core.models.status import InvoiceStatus
from gateway_core.models.webhook import WebhookRequest
from gateway_core.testing import Emulator, find_provider

#: Each scenario, with the operation that needs it.
SCENARIOS: Mapping[str, str] = {
    "given_invoice": "create_invoice",
    "given_status": "get_status",
    "given_payments": "list_payments",
    "given_webhook": "verify_webhook",
    "given_found": "find_invoice",
    "given_canceled": "cancel_invoice",
    "given_refunded": "refund_payment",
    "given_account": "check_account",
}


class ProviderUnderTest:
    """What an author says of a provider: its name, its settings, and an emulator or scenarios.

    With an emulator nothing else is needed. Without one, each ``given_...`` method lets the real address answer as the
    provider does, by `requests_mock`; one is needed for each operation that the provider has.

    Attributes:
        backend: The backend's name; or else
        provider_class: The provider's class.
        settings: The account's settings; those that are not given are the emulator's.
        emulator: The emulator's class, or what makes one with the arguments of `Emulator`.
        amount: What an ordinary invoice asks for; None for 4990 minor units of EUR, or of the first currency that
            `info` names.
        options: The options that every invoice needs.
        currency_setting: The setting that says in which one currency the account counts, if there is one.
        webhook_secret_settings: The settings whose secrets sign webhooks; empty for those with ``webhook`` in their
            name, or if there are none, all.
    """

    backend: ClassVar[str | None] = None
    provider_class: ClassVar[Any] = None
    settings: ClassVar[Mapping[str, Any]] = {}
    emulator: ClassVar[Callable[..., Emulator] | None] = None
    amount: ClassVar[Money | None] = None
    options: ClassVar[Mapping[str, Any]] = {}
    currency_setting: ClassVar[str | None] = None
    webhook_secret_settings: ClassVar[tuple[str, ...]] = ()

    def with_both_signatures(self, message: WebhookRequest, other: WebhookRequest) -> Sequence[WebhookRequest]:
        """Return messages that bear the signatures of both, in either order, as while a secret is replaced.

        Args:
            message: A genuine webhook.
            other: The same body, signed at the same time with another secret.

        Returns:
            None at all where the provider never sends several signatures.
        """
        return ()

    def given_invoice(self, mocker: Any, request: InvoiceRequest) -> None:
        """Let the provider make this invoice, and afterwards tell that it is open."""
        _missing("given_invoice")

    def given_status(self, mocker: Any, invoice_id: str, status: InvoiceStatus) -> bool:
        """Let the provider tell that an invoice is PAID, PARTIALLY_PAID, OVERPAID, FAILED or EXPIRED.

        A provider that takes no payments tells of PAID what it has instead.

        Returns:
            Whether it does; False only where `info` says that no invoice ever is, such as by ``partial_payments``.
        """
        _missing("given_status")

    def given_payments(self, mocker: Any, count: int) -> Sequence[str]:
        """Let the provider list so many payments, in pages as small as it is asked for; return their ids."""
        _missing("given_payments")

    def given_webhook(self, mocker: Any, invoice_id: str) -> WebhookRequest:
        """Return a genuine webhook about a paid invoice; let the provider confirm it where it is asked."""
        _missing("given_webhook")

    def given_found(self, mocker: Any, order_id: str) -> None:
        """Let the provider find the invoice of this order."""
        _missing("given_found")

    def given_canceled(self, mocker: Any, invoice_id: str) -> None:
        """Let the provider cancel this invoice."""
        _missing("given_canceled")

    def given_refunded(self, mocker: Any, refund: RefundRequest) -> None:
        """Let the provider make this refund."""
        _missing("given_refunded")

    def given_account(self, mocker: Any) -> None:
        """Let the provider answer to the harmless read of `check_account`."""
        _missing("given_account")


def provider_class(suite: ProviderUnderTest) -> Any:
    """Return the provider's class, which the author names by its backend or gives."""
    if (suite.backend is None) == (suite.provider_class is None):
        pytest.fail("name the provider by `backend` or give its class as `provider_class`: one of them", pytrace=False)
    return suite.provider_class if suite.backend is None else _installed(suite.backend)


@functools.cache
def _installed(backend: str) -> Any:
    """Look for a provider once: each check asks for it, and nothing is installed meanwhile."""
    return find_provider(backend)


def _missing(scenario: str) -> NoReturn:
    pytest.skip(f"needs {scenario}, or an emulator: see the check scenarios_are_given")

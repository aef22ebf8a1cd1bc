"""What an author says of a provider, and the guard that keeps every check as it is."""

# ruff: noqa: ARG002  # an author's method uses what the one it takes the place of does not

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import pytest

from gateway_core._plugins import loading
from gateway_core.errors import GatewayError
from gateway_core.models.invoice import InvoiceRequest, RefundRequest
from gateway_core.models.money import Money
from gateway_core.models.status import InvoiceStatus
from gateway_core.models.webhook import WebhookRequest
from gateway_core.testing.emulator import Emulator
from gateway_core.testing.suite._gaps import leave_out_gaps
from gateway_core.testing.suite._stage import Stage

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


class Described:
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

    def given_invoice(self, mocker: Any, request: InvoiceRequest) -> None:
        """Let the provider make this invoice, and afterwards tell that it is open."""
        self._wait_for("given_invoice")

    def given_status(self, mocker: Any, invoice_id: str, status: InvoiceStatus) -> bool:
        """Let the provider tell that an invoice is PAID, PARTIALLY_PAID, FAILED or EXPIRED; False if it never is.

        A provider that takes no payments tells of PAID what it has instead.
        """
        self._wait_for("given_status")
        return False

    def given_payments(self, mocker: Any, count: int) -> Sequence[str]:
        """Let the provider list so many payments, in pages as small as it is asked for; return their ids."""
        self._wait_for("given_payments")
        return ()

    def given_webhook(self, mocker: Any, invoice_id: str) -> WebhookRequest:
        """Return a genuine webhook about a paid invoice; let the provider confirm it where it is asked."""
        self._wait_for("given_webhook")
        raise NotImplementedError

    def given_found(self, mocker: Any, order_id: str) -> None:
        """Let the provider find the invoice of this order."""
        self._wait_for("given_found")

    def given_canceled(self, mocker: Any, invoice_id: str) -> None:
        """Let the provider cancel this invoice."""
        self._wait_for("given_canceled")

    def given_refunded(self, mocker: Any, refund: RefundRequest) -> None:
        """Let the provider make this refund."""
        self._wait_for("given_refunded")

    def given_account(self, mocker: Any) -> None:
        """Let the provider answer to the harmless read of `check_account`."""
        self._wait_for("given_account")

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        suite = next((each for each in reversed(cls.__mro__) if each.__name__ == "ProviderSuite"), None)
        if suite is not None and suite is not cls:
            _check_nothing_is_overridden(cls, suite)
            _check_spelling(cls)
            _check_backend(cls)

    @pytest.fixture(autouse=True)
    def _without_gaps(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Leave out whatever needs a hook that is still to be written, in checks that make their own stages too."""
        leave_out_gaps(type(self), monkeypatch)

    @pytest.fixture
    def stage(self) -> Iterator[Stage]:
        """Give one account at the provider."""
        stage = Stage(self)
        yield stage
        stage.close()

    def _wait_for(self, scenario: str) -> None:
        pytest.skip(f"needs {scenario}, or an emulator: see the check scenarios_are_given")


#: What an author may give; all else is the kit's own.
AUTHORS = frozenset(name for name in vars(Described) if not name.startswith("_")) - {"stage"}


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


def _check_backend(cls: type[Described]) -> None:
    """Tell once, and not in each check, that the backend cannot be had."""
    if cls.backend is None:
        return
    try:
        loading.find(cls.backend).load()
    except GatewayError as error:
        reason = error.message
    else:
        return
    raise pytest.Collector.CollectError(
        f"{cls.__name__} judges the backend {cls.backend!r}: {reason}\n"
        "In the plugin's folder, `python -m pip install --editable .` installs it into this environment"
    )

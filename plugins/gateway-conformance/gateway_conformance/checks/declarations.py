"""Checks of what a provider declares."""

from __future__ import annotations

import re

from gateway_conformance.base import Checks
from gateway_conformance.check import check, describe, fail, not_applicable, require
from gateway_conformance.harness import DECLARED, OPERATIONS, Harness
from gateway_conformance.provider_under_test import SCENARIOS, ProviderUnderTest, provider_class
from gateway_core.errors import ConfigurationError, PluginError
from gateway_core.models.status import InvoiceStatus
from gateway_core.provider import CONTRACT_VERSION, Declines, ProviderInfo

#: What an invoice is whose payment was declined.
_AFTER_DECLINE = {
    Declines.FINAL: (InvoiceStatus.FAILED, InvoiceStatus.CANCELED),
    Declines.RETRYABLE: (InvoiceStatus.PENDING,),
}
_UPPER = re.compile(r"[A-Z0-9]{2,12}")


class DeclarationChecks(Checks):
    """What is declared is so."""

    @check
    def test_scenarios_are_given(self) -> None:
        """There is an emulator, or a scenario for each operation that the provider has.

        Why: What is never run is not judged. Nothing but the provider's own declaration excuses a check.
        """
        if self.emulator is not None:
            return
        provider = provider_class(self)
        missing = [
            scenario
            for scenario, operation in SCENARIOS.items()
            if hasattr(provider, operation)
            and operation not in provider.info.unsupported
            and getattr(type(self), scenario) is getattr(ProviderUnderTest, scenario)
        ]
        require(not missing, f"no emulator, and no {', '.join(missing)}")

    @check
    def test_info_is_readable_without_credentials(self) -> None:
        """`info` is a `ProviderInfo` of the class itself.

        Why: `gateway providers` and the checks of a configuration read it before there is any account.
        """
        info = getattr(provider_class(self), "info", None)
        require(isinstance(info, ProviderInfo), f"info is {type(info).__name__}")

    @check
    def test_info_has_a_title(self) -> None:
        """`info.title` names the provider for people.

        Why: It stands in error messages and in the list of providers.
        """
        title = provider_class(self).info.title
        require(isinstance(title, str) and title.strip() == title != "", f"the title is {title!r}")

    @check
    def test_contract_version_is_one_that_exists(self) -> None:
        """`info.contract_version` is a version of the contract that this core knows.

        Why: A core that is older than what a plugin was written for must refuse it, and not break in the middle.
        """
        version = provider_class(self).info.contract_version
        require(type(version) is int and 1 <= version <= CONTRACT_VERSION, f"it is {version!r}")

    @check
    def test_declared_currencies_are_known(self) -> None:
        """Each code of `info.currencies` is there once, and how many decimals it has is known.

        Why: An amount in a currency of unknown decimals is wrong by a factor of ten, a hundred or a million.
        """
        info = provider_class(self).info
        codes = info.currencies or ()
        twice = sorted({code for code in codes if codes.count(code) > 1})
        require(not twice, f"there more than once: {', '.join(twice)}")
        for code in (*codes, *info.exponents):
            require(isinstance(code, str) and _UPPER.fullmatch(code), f"{code!r} is no code")
        for exponent in info.exponents.values():
            require(type(exponent) is int and 0 <= exponent <= 30, f"{exponent!r} is no number of decimals")

    @check
    def test_exponents_are_of_declared_currencies(self) -> None:
        """`info.exponents` names no currency that `info.currencies` leaves out.

        Why: One of the two is wrong, and an application that trusts either makes a wrong request.
        """
        info = provider_class(self).info
        if info.currencies is None:
            not_applicable("info.currencies is None: any currency may be used")
        strange = sorted(set(info.exponents) - set(info.currencies))
        require(not strange, f"exponents of {', '.join(strange)}, which are not in currencies")

    @check
    def test_unsupported_names_operations_with_reasons(self) -> None:
        """`info.unsupported` names operations of the contract, and says why each is missing.

        Why: The reason is all that the one who calls the operation gets to read.
        """
        for operation, reason in provider_class(self).info.unsupported.items():
            require(operation in OPERATIONS, f"{operation!r} is no operation")
            require(isinstance(reason, str) and reason.strip(), f"no reason is given for {operation}")

    @check
    def test_list_guarantee_is_told(self) -> None:
        """`info.list_guarantee` says what a list of payments promises.

        Why: Bookkeeping relies on it: whether anything can be missed, or come twice.
        """
        info = provider_class(self).info
        if "list_payments" in info.unsupported:
            not_applicable("info.unsupported names list_payments")
        require(info.list_guarantee.strip(), "it is empty")

    @check
    def test_webhook_cover_is_told(self) -> None:
        """`info.webhook_covers` says what the proof of a webhook covers.

        Why: What it does not cover can be written by anybody, and the application must know what that is.
        """
        info = provider_class(self).info
        if info.webhook_authentication == "none":
            not_applicable("info.webhook_authentication is none")
        require(info.webhook_covers.strip(), "it is empty")

    @check
    def test_emulator_agrees_with_info(self, harness: Harness) -> None:
        """What `info` says can happen to an invoice, and what cannot, is so at the emulator or in the scenarios.

        Why: By these declarations other checks are left out. One that is wrong hides what nobody has judged.
        """
        for status in DECLARED:
            invoice = harness.create()
            require(harness.move(invoice, status) == harness.can_reach(status), harness.disagreement(status))
            if status is InvoiceStatus.FAILED and harness.emulator is not None and harness.can_reach(status):
                known, said = harness.emulated(invoice).status, harness.info.declines
                wanted = _AFTER_DECLINE[said]
                require(known in wanted, f"info.declines is {said}, and at the emulator the invoice is {known.value}")

    @check
    def test_unknown_options_are_refused(self, harness: Harness) -> None:
        """An option that the provider does not have is a `ConfigurationError`, before any request.

        Why: A misspelt option that is ignored sells on the wrong terms.
        """
        with harness.transport.recording() as asked:
            try:
                harness.gateway.create_invoice(harness.request(options={**self.options, "no_such_option": 1}))
            except ConfigurationError:
                pass
            except Exception as error:  # noqa: BLE001  # told as it is
                fail(f"it raised {describe(error)}")
            else:
                fail("the invoice was made")
        require(not asked, f"{len(asked)} requests were sent")

    @check
    def test_unknown_settings_are_refused(self, harness: Harness) -> None:
        """A setting that the provider does not have is a `ConfigurationError`.

        Why: A misspelt setting that is ignored is one that the operator believes to be in force.
        """
        try:
            harness.connect(no_such_setting="1")
        except ConfigurationError:
            return
        except PluginError as error:
            fail(f"it raised {describe(error)}")
        fail("the account was opened")

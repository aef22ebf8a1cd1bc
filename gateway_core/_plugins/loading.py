"""Provider plugins: found by the backend's name, imported, and checked against the contract. Only the chosen one is."""

from __future__ import annotations

from typing import Any

import attrs

from gateway_core._plugins.discovery import NAME, NAME_RULE, Offer, guarded
from gateway_core._plugins.discovery import find as find_offer
from gateway_core._plugins.validation import check_provider_class, settings_class
from gateway_core._redaction import one_line
from gateway_core.errors import PluginError, UnknownBackendError
from gateway_core.provider import ProviderInfo

__all__ = ["PROVIDERS", "Plugin", "find", "make", "settings_class"]

PROVIDERS = "gateway_core.providers"

ADVICE = "uninstall one, or name the one you mean as `distribution`"


@attrs.frozen
class Plugin(Offer):
    """The entry point of a provider, named as the backend."""

    def load(self) -> Any:
        """Import and check the provider class.

        Raises:
            UnknownBackendError: If the plugin is broken. Its text names the entry point, the distribution, the cause
                and who must act.
        """
        try:
            return self.examine()[0]
        except PluginError as error:
            fault = error
        raise UnknownBackendError(
            f"the backend {self.name!r} is installed but broken: {fault.message} (entry point {self.entry_point},"
            f" distribution {self.distribution} {self.version}; the {fault.who_must_act} must act)",
            backend=self.name,
            entry_point=self.entry_point,
            distribution=self.distribution,
            version=self.version,
            who_must_act=fault.who_must_act,
        )

    def examine(self) -> tuple[Any, ProviderInfo, tuple[str, ...]]:
        """Import and check the provider class, and return it with what it declares and the operations that it supports.

        Raises:
            PluginError: If the plugin is broken. Its text is the cause alone.
        """
        target = self.imported()
        return target, *guarded(lambda: check_provider_class(target), "its check")


def find(backend: str, *, distribution: str | None = None) -> Plugin:
    """Return the one entry point that offers this backend. Nothing is imported.

    Args:
        backend: The name.
        distribution: The only distribution that it may come from.

    Raises:
        UnknownBackendError: If nobody offers it, or more than one distribution does.
    """
    _check_name(backend)
    try:
        return find_offer(PROVIDERS, backend, Plugin, distribution=distribution, advice=ADVICE)
    except PluginError as error:
        fault = error
    raise UnknownBackendError(
        f"the backend {backend!r} cannot be had: {fault.message} (the {fault.who_must_act} must act)",
        backend=backend,
        entry_point=fault.entry_point,
        distribution=fault.distribution,
        version=fault.version,
        who_must_act=fault.who_must_act,
    )


def make(provider_class: Any, settings: Any) -> Any:
    """Return a provider made of its settings.

    Raises:
        GatewayError: What the plugin itself says of its settings.
        PluginError: If it raises anything else.
    """
    return guarded(lambda: provider_class(settings=settings), "making the provider of its settings")


def _check_name(backend: object) -> None:
    if isinstance(backend, str) and NAME.fullmatch(backend):
        return
    shown, who = (repr(backend), "operator") if isinstance(backend, str) else (type(backend).__name__, "application")
    raise UnknownBackendError(
        f"{one_line(shown, 80)} names no backend: a name is {NAME_RULE} (the {who} must act)", who_must_act=who
    )

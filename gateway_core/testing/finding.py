"""Emulators by the names of their backends."""

from __future__ import annotations

from gateway_core._plugins.discovery import Offer, find
from gateway_core.errors import PluginError, UnknownBackendError
from gateway_core.testing.emulator import Emulator

#: Distributions offer an emulator by an entry point of its backend's name in this group.
EMULATORS = "gateway_core.emulators"


def find_emulator(backend: str) -> type[Emulator]:
    """Import the emulator of a backend, and no other.

    Raises:
        UnknownBackendError: If nobody offers it, or two distributions do.
        PluginError: If what is offered cannot be imported, or is no emulator.
    """
    try:
        offer = find(EMULATORS, backend, Offer)
    except PluginError as error:
        fault = error
    else:
        return _emulator(offer)
    raise UnknownBackendError(
        f"the emulator of {backend!r} cannot be had: {fault.message} (install the plugin that brings it, such as"
        f" gateway-{backend})",
        backend=backend,
        who_must_act="operator" if fault.distribution else "application",
    )


def _emulator(offer: Offer) -> type[Emulator]:
    try:
        emulator = offer.imported()
    except PluginError as error:
        fault, who_must_act = error.message, error.who_must_act
    else:
        if isinstance(emulator, type) and issubclass(emulator, Emulator):
            return emulator
        fault, who_must_act = "it is no class of gateway_core.testing.Emulator", "plugin author"
    raise PluginError(
        f"the emulator of {offer.name!r}, from {offer.distribution} {offer.version}, is broken: {fault}",
        backend=offer.name,
        entry_point=offer.entry_point,
        distribution=offer.distribution,
        version=offer.version,
        who_must_act=who_must_act,
    )

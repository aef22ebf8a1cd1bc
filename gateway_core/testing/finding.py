"""Emulators by the names of their backends."""

from __future__ import annotations

import importlib.metadata

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
    offered = importlib.metadata.entry_points(group=EMULATORS)
    found = list(offered.select(name=backend))
    if not found:
        names = ", ".join(sorted({each.name for each in offered})) or "none"
        raise UnknownBackendError(
            f"there is no emulator of {backend!r} (there are: {names}): install the plugin that brings it, such as"
            f" gateway-{backend}",
            backend=backend,
            who_must_act="application",
        )
    owners = sorted({each.dist.name for each in found if each.dist})
    if len(found) > 1:
        raise UnknownBackendError(
            f"the emulator of {backend!r} is offered by {' and '.join(owners)}: uninstall one",
            backend=backend,
            who_must_act="operator",
        )
    try:
        emulator = found[0].load()
    except (Exception, SystemExit) as error:  # noqa: BLE001  # a module may raise anything while it is imported
        reason = f"cannot be imported ({type(error).__name__}: {error})"
    else:
        if isinstance(emulator, type) and issubclass(emulator, Emulator):
            return emulator
        reason = "is no class of gateway_core.testing.Emulator"
    raise PluginError(
        f"the emulator of {backend!r}, from {', '.join(owners)}, {reason}",
        backend=backend,
        distribution=", ".join(owners),
    )

"""Emulators by the names of their backends, and the table of `gateway.toml` that leads to one."""

from __future__ import annotations

import importlib.metadata
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from gateway_core.errors import ConfigurationError, PluginError, UnknownBackendError
from gateway_core.testing import Emulator, Ledger

#: Distributions offer an emulator by an entry point of its backend's name in this group.
EMULATORS = "gateway_core.emulators"

#: The first line of a file that may be written anew.
_MARK = "# Written by `gateway sandbox`, which may overwrite this file."


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
            f"there is no emulator of {backend!r} (there are: {names})", who_must_act="application"
        )
    owners = sorted({each.dist.name for each in found if each.dist})
    if len(found) > 1:
        raise UnknownBackendError(
            f"the emulator of {backend!r} is offered by {' and '.join(owners)}: uninstall one", who_must_act="operator"
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
        f"the emulator of {backend!r}, from {', '.join(owners)}, {reason}", distribution=", ".join(owners)
    )


def open_ledger(path: Path, backend: str) -> Ledger:
    """Open the state of a backend's emulator, or begin it.

    Raises:
        ConfigurationError: If the file cannot be used, or holds the state of another backend.
    """
    ledger = Ledger(path)
    with ledger.transaction():
        owner = ledger.note("backend") or backend
        ledger.set_note("backend", owner)
    if owner != backend:
        ledger.close()
        raise ConfigurationError(f"{path} holds the state of {owner!r}: choose another file with --state")
    return ledger


def config_text(account: str, backend: str, settings: Mapping[str, str]) -> str:
    """Return a whole `gateway.toml` with one account, which is the default."""
    lines = [f"default = {_quoted(account)}", "", f"[gateways.{account}]", f"backend = {_quoted(backend)}"]
    return "\n".join([*lines, *(f"{key} = {_quoted(value)}" for key, value in settings.items())]) + "\n"


def write_config(path: Path, text: str) -> None:
    """Write a `gateway.toml`, whole or not at all, for its owner's eyes only.

    Raises:
        ConfigurationError: If the file was written by somebody else, or cannot be written.
    """
    try:
        written = path.read_text(encoding="utf-8") if path.exists() else _MARK
        if not written.startswith(_MARK):
            raise ConfigurationError(f"{path} is not ours to overwrite: paste the table into it, or name another file")
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(f"{_MARK}\n{text}")
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
    else:
        return
    raise ConfigurationError(f"{path} cannot be written ({reason})")


def _quoted(text: str) -> str:
    # TOML's basic strings escape what JSON's do, and DEL besides.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

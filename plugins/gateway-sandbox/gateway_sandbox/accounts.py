"""The state of an emulator's account, and the table of `gateway.toml` that leads to it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from gateway_core.errors import ConfigurationError
from gateway_core.testing import Ledger

#: The first line of a file that may be written anew.
_MARK = "# Written by `gateway sandbox`, which may overwrite this file."


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

"""What stands in Django's settings about payments."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from gateway_core.errors import ConfigurationError

#: The settings that are read here.
NAMES = ("GATEWAY", "GATEWAY_CONFIG", "GATEWAY_DATABASE")


def config() -> str | Mapping[str, Any]:
    """Return the accounts: ``GATEWAY``, a mapping with what would stand in `gateway.toml`, or the path of that file.

    Raises:
        ConfigurationError: If neither is there, or both are, or one is something else.
    """
    given = getattr(settings, "GATEWAY", None)
    path = getattr(settings, "GATEWAY_CONFIG", None)
    if given is not None and path is not None:
        raise ConfigurationError("settings: GATEWAY and GATEWAY_CONFIG are both there: leave one out")
    if isinstance(given, Mapping):
        return given
    if given is not None:
        raise ConfigurationError(f"settings: GATEWAY is a mapping, not a {type(given).__name__}")
    if isinstance(path, str | os.PathLike):
        return os.fspath(path)
    if path is not None:
        raise ConfigurationError(f"settings: GATEWAY_CONFIG is a path, not a {type(path).__name__}")
    raise ConfigurationError(
        'settings: there is no account: write GATEWAY = {"default": "sandbox", "gateways": {"sandbox": {"backend":'
        ' "sandbox", ...}}}, or GATEWAY_CONFIG with the path of a gateway.toml'
    )


def database() -> str:
    """Return the alias of the database that holds the journal, unless the accounts name a journal elsewhere."""
    return str(getattr(settings, "GATEWAY_DATABASE", "default"))

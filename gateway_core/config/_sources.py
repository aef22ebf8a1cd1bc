"""Where a setting's value comes from: the file's table, the environment over it, and what either refers to."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from gateway_core.config._reading import read_text
from gateway_core.config._types import Broken, Text
from gateway_core.config._values import fields_of, record_in

_REFERENCE = re.compile(r"(env|file)://(.*)", re.DOTALL)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)

#: The origin of a setting that nobody gave.
DEFAULT = "default"


def gather(cls: type, table: Mapping[str, Any], *, file: str, prefix: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a settings class's values and the origin of each, by key.

    Args:
        cls: The settings class.
        table: What the file says; keys that the class does not know pass unchanged.
        file: The file, as an origin.
        prefix: What the names of its environment variables begin with.
    """
    values = dict(table)
    origins: dict[str, str] = {}
    for key, (_, kind) in fields_of(cls).items():
        variable = f"{prefix}_{key.upper()}"
        below = record_in(kind)
        if below is not None and isinstance(table.get(key, {}), Mapping):
            inner, inner_origins = gather(below, table.get(key, {}), file=file, prefix=variable)
            if inner or key in table:
                values[key] = inner
            origins |= {f"{key}.{name}": origin for name, origin in inner_origins.items()}
        elif variable in os.environ:
            values[key], origins[key] = _resolve(Text(os.environ[variable]), f"environment {variable}")
        elif key in table:
            values[key], origins[key] = _resolve(table[key], file)
        else:
            origins[key] = DEFAULT
    return values, origins


def variables(cls: type, prefix: str) -> set[str]:
    """Return the names of the environment's variables that a settings class is read from.

    Args:
        cls: The settings class.
        prefix: What they begin with.
    """
    found: set[str] = set()
    for key, (_, kind) in fields_of(cls).items():
        below = record_in(kind)
        found |= {f"{prefix}_{key.upper()}"} if below is None else variables(below, f"{prefix}_{key.upper()}")
    return found


def _resolve(value: Any, origin: str) -> tuple[Any, str]:
    """Return what a value refers to, or the value itself, and where that came from."""
    if isinstance(value, str) and (match := _REFERENCE.fullmatch(value)):
        found = _variable(match[2]) if match[1] == "env" else _file(match[2])
        return found, f"{value}, named by {origin}" if isinstance(value, Text) else str(value)
    if isinstance(value, list):
        resolved = [_resolve(each, origin) for each in value]
        broken = next((found for found, _ in resolved if isinstance(found, Broken)), None)
        return broken or [found for found, _ in resolved], ", ".join(
            dict.fromkeys(each for _, each in resolved)
        ) or origin
    return value, origin


def _variable(name: str) -> Text | Broken:
    if not _VARIABLE.fullmatch(name):
        return Broken("env:// is followed by the name of an environment variable, such as env://BITSBY_API_KEY")
    text = os.environ.get(name)
    return Broken(f"the environment variable {name} is not set") if text is None else Text(text)


def _file(name: str) -> Text | Broken:
    """Return a file's text, without the one line end that an editor or a secret store puts at its end."""
    if not name.startswith("/"):
        return Broken("file:// is followed by an absolute path, such as file:///run/secrets/api_key")
    try:
        text = read_text(name)
    except FileNotFoundError:
        return Broken(f"there is no file {name}")
    if isinstance(text, Broken):
        return Broken(f"the file {name} {text.reason}")
    return Text(text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text)

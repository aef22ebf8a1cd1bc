"""The file itself: found, parsed, and its tables checked as far as that goes without any plugin."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import attrs

from gateway_core.config._reading import read_text
from gateway_core.config._routes import Route, read_routes
from gateway_core.config._values import suggest
from gateway_core.errors import ConfigurationError

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*", re.ASCII)
_POSITION = re.compile(r"\(at [a-z0-9 ,]+\)$")

#: Parts of a key, between dots. A key of ours has four at most.
_MOST_PARTS = 16
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
_DEEP_KEY = re.compile(rf"(?<![\w-])(?:{_PART}[ \t]*+\.[ \t]*+){{{_MOST_PARTS}}}", re.ASCII)

#: What the parser says of something that is there twice.
_TWICE = {
    "Cannot overwrite a value": "a key",
    "Duplicate inline table key": "a key",
    "Cannot declare": "a table",
    "Cannot mutate immutable namespace": "a table",
    "Cannot redefine namespace": "a table",
}

_TOP_LEVEL = ("default", "journal", "routes", "gateways")
_EXAMPLE = 'default = "sandbox" and, below it, a table [gateways.sandbox] with backend = "sandbox"'


#: Where a configuration comes from: a file, or what would stand in it.
Source: TypeAlias = str | os.PathLike[str] | Mapping[str, Any]

#: What errors call a configuration that is no file.
GIVEN = "the given configuration"


@attrs.frozen(kw_only=True)
class ConfigFile:
    """A configuration file.

    Attributes:
        path: Where it is, as it was named; or what errors call a configuration that is no file.
        source: What is read to have it again, from whatever working directory.
        default: The default account's name, if one is chosen.
        journal: The URL of the journal of all accounts, or a reference to it, if there is one.
        accounts: The accounts' tables by name, with nothing resolved.
        routes: Which account takes an order, the first that fits.
    """

    path: str
    source: Source = attrs.field(repr=False)
    default: str | None
    journal: Any = attrs.field(default=None, repr=False, kw_only=True)
    accounts: Mapping[str, Mapping[str, Any]] = attrs.field(repr=False)
    routes: tuple[Route, ...] = ()

    def choose(self, name: str | None) -> str:
        """Return the name of the account to open.

        Raises:
            ConfigurationError: If it is not there, or none is named and there is no default.
        """
        chosen = name or self.default
        known = ", ".join(self.accounts)
        if chosen is None:
            raise _fault(
                self.path, f"no account is chosen: name one, or write `default` at the top (accounts are {known})"
            )
        if chosen not in self.accounts:
            source = "" if name or not os.environ.get("GATEWAY_DEFAULT") else " (from environment GATEWAY_DEFAULT)"
            raise _fault(self.path, f"there is no account {chosen}{source}: {suggest(chosen, tuple(self.accounts))}")
        return chosen


def variable_prefix(account: str) -> str:
    """Return what the names of an account's environment variables begin with."""
    return f"GATEWAY_{account.upper().replace('-', '_')}"


def read(config: Source | None) -> ConfigFile:
    """Find, parse and check the configuration file.

    Args:
        config: The file, or a mapping with what would stand in it; None for ``$GATEWAY_CONFIG``, or else
            ``gateway.toml`` in the working directory.

    Raises:
        ConfigurationError: If it is not there, is not TOML, or holds something else than accounts.
    """
    if isinstance(config, Mapping):
        path, content = GIVEN, _plain(config)
        source: Source = config
    else:
        path, origin = _locate(config)
        content = _parse(path, _content(path, origin))
        source = Path(path).absolute()
    accounts = content.get("gateways", {})
    default = content.get("default")
    faults = [f"{key}: unknown, {suggest(str(key), _TOP_LEVEL)}" for key in content if key not in _TOP_LEVEL]
    if not isinstance(accounts, dict) or not accounts:
        faults.append("there is no account: add a table [gateways.<name>] with its backend")
        accounts = {}
    faults += _name_faults(accounts)
    if default is not None and (not isinstance(default, str) or (accounts and default not in accounts)):
        faults.append(f"default: must name an account; {', '.join(accounts) or 'there is none'}")
    chosen = os.environ.get("GATEWAY_DEFAULT") or default
    routes, wrong = read_routes(content.get("routes"), accounts, chosen)
    if faults + wrong:
        raise _fault(path, "; ".join(faults + wrong))
    return ConfigFile(
        path=path, source=source, default=chosen, journal=content.get("journal"), accounts=accounts, routes=routes
    )


def _plain(value: Any) -> Any:
    """Return what a program gives as it would stand in a file."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _locate(config: str | os.PathLike[str] | None) -> tuple[str, str]:
    if config is not None:
        return os.fspath(config), "given as `config`"
    named = os.environ.get("GATEWAY_CONFIG")
    if named:
        return named, "named by the environment variable GATEWAY_CONFIG"
    return "gateway.toml", "looked for because GATEWAY_CONFIG is not set"


def _content(path: str, source: str) -> str:
    try:
        text = read_text(path)
    except FileNotFoundError:
        reason = f"there is no such file in {Path.cwd()}" if not Path(path).is_absolute() else "there is no such file"
        reason += f" ({source}): make it with {_EXAMPLE}"
    else:
        if isinstance(text, str):
            return text.removeprefix("\ufeff")
        reason = f"{text.reason} ({source})"
    raise _fault(path, reason)


def _parse(path: str, text: str) -> dict[str, Any]:
    if deep := _DEEP_KEY.search(text):
        # The parser takes a time that grows with the square of such a key.
        line = text.count("\n", 0, deep.start()) + 1
        raise _fault(path, f"not TOML that is read here: a key of more than {_MOST_PARTS} parts (at line {line})")
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        # The text before the position may quote what is written there.
        position = _POSITION.search(str(error))
        twice = next((what for said, what in _TWICE.items() if said in str(error)), None)
        advice = f"{twice} is there twice" if twice else 'text stands in quotes: key = "value"'
        reason = f"not TOML {position[0] if position else ''} ({advice})"
    except (ValueError, ArithmeticError):
        reason = "not TOML: a number is too long"
    except RecursionError:
        reason = "not TOML: nested too deep"
    raise _fault(path, reason)


def _name_faults(accounts: Mapping[str, Any]) -> list[str]:
    faults = []
    seen: dict[str, str] = {}
    for name, table in accounts.items():
        if not _NAME.fullmatch(name):
            faults.append(
                f"[gateways.{name}]: an account's name is in a-z, 0-9, - and _, and begins with a letter or digit"
            )
        if not isinstance(table, dict):
            faults.append(f"gateways.{name}: must be a table, [gateways.{name}]")
        twin = seen.setdefault(variable_prefix(name), name)
        if twin != name:
            faults.append(f"[gateways.{name}]: shares its environment variables with [gateways.{twin}]; rename one")
    return faults


def _fault(path: str, reason: str) -> ConfigurationError:
    return ConfigurationError(f"{path}: {reason}")

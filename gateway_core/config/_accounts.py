"""One account: its backend, its plugin's settings and its transport's, each value with where it came from."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import attrs

from gateway_core import observers
from gateway_core._plugins import loading
from gateway_core._plugins.discovery import closest
from gateway_core._tracebacks import without_locals
from gateway_core.config._file import ConfigFile, Source, read, variable_prefix
from gateway_core.config._reading import permission_faults
from gateway_core.config._routes import Route
from gateway_core.config._sources import DEFAULT, gather, variables
from gateway_core.config._types import Fault
from gateway_core.config._values import attempt, fields_of
from gateway_core.errors import ConfigurationError, UnknownBackendError
from gateway_core.models.secret import Secret
from gateway_core.observers._log import logger
from gateway_core.provider import RESERVED_SETTINGS, page_url_field, secret_field
from gateway_core.provider.settings import with_secrets
from gateway_core.transport import LimitSettings, TransportSettings

T = TypeVar("T")

#: A key of an account's table that is the plugin's where it has such a setting, and else the core's.
_WEBHOOK_URL = "webhook_url"


@attrs.frozen(kw_only=True)
class AccountEntry:
    """An account that a file names, with nothing of it checked.

    Attributes:
        name: Its name.
        backend: Its backend's name; None if that is missing or no text.
        default: Whether it is the default account.
        path: The file.
    """

    name: str
    backend: str | None
    default: bool
    path: str


@attrs.frozen(kw_only=True)
class LoadedAccount:
    """An account, ready to be opened.

    Attributes:
        name: Its name.
        path: The file, as it was named; or what errors call a configuration that is no file.
        source: What is read to have it again.
        backend: Its backend's name.
        plugin: The plugin that offers the backend.
        provider_class: The plugin's provider class.
        settings: An instance of the plugin's settings class.
        transport: Bounds on every call.
        limits: How the rate limits are kept.
        observers: The names of those who are told what happens.
        journal: The URL of the journal, which may hold a password; None if there is none.
        webhook_url: Where its webhooks come in, which may hold a secret; None if nobody says.
        origins: Where each value came from, by key, such as ``"transport.deadline"``: the file's path, ``environment
            NAME``, the reference (``env://...``, ``file:///...``) or ``default``.
        unread: Variables of the environment that look like this account's, by name, with the one that was probably
            meant; None where none is near.
    """

    name: str
    path: str
    source: Source = attrs.field(repr=False)
    backend: str
    plugin: loading.Plugin
    provider_class: Any
    settings: Any
    transport: TransportSettings
    limits: LimitSettings
    observers: tuple[str, ...]
    journal: Secret | None
    webhook_url: str | None = attrs.field(repr=False)
    origins: Mapping[str, str]
    unread: Mapping[str, str | None]

    def place(self, key: str) -> str:
        """Return where a key's value is to be changed, for an error's text."""
        return f"{self.path}: {_place(key, self.path, self.name, self.origins)}"


@attrs.frozen(kw_only=True)
class Accounts:
    """The accounts of a file as a whole: none of their plugins has been looked for.

    Attributes:
        path: The file, as it was named; or what errors call a configuration that is no file.
        source: What is read to have them again.
        names: The names of the accounts, in the file's order.
        default: The default account's name, if one is chosen.
        routes: Which account takes an order, the first that fits.
        journals: The URL of each account's journal, by the account's name; None where there is none.
    """

    path: str
    source: Source = attrs.field(repr=False)
    names: tuple[str, ...]
    default: str | None
    routes: tuple[Route, ...]
    journals: Mapping[str, Secret | None]


@attrs.frozen(kw_only=True)
class _Kept:
    """What is read where nothing but the journal is asked for."""

    journal: Secret | None = secret_field(default=None)


@attrs.frozen(kw_only=True)
class _Core(LimitSettings):
    """What the core itself reads in an account's table. Its keys are reserved: no plugin's setting has such a name."""

    backend: str
    distribution: str | None = None
    transport: TransportSettings = attrs.field(factory=TransportSettings)
    observers: tuple[str, ...] = observers.DEFAULT
    journal: Secret | None = secret_field(default=None)


@attrs.frozen(kw_only=True)
class _Address:
    """Where the webhooks of an account come in, for plugins that have no such setting: the core needs it to try it."""

    webhook_url: str | None = page_url_field()


@without_locals
def accounts(config: Source | None = None) -> tuple[AccountEntry, ...]:
    """Return the accounts of a file, in its order, without looking for their plugins.

    Raises:
        ConfigurationError: If the file is not there, is not TOML, or holds something else than accounts.
    """
    file = read(config)
    return tuple(
        AccountEntry(name=name, backend=_backend(file, name), default=name == file.default, path=file.path)
        for name in file.accounts
    )


@without_locals
def load_account(name: str | None = None, config: Source | None = None) -> LoadedAccount:
    """Read an account and import its plugin.

    Args:
        name: The account; None for ``$GATEWAY_DEFAULT``, or else the file's default, or else its only account.
        config: The file, or a mapping with what would stand in it; None for ``$GATEWAY_CONFIG``, or else
            ``gateway.toml`` in the working directory.

    Raises:
        ConfigurationError: If something is unknown, missing or wrong. It tells all faults by file, table and key, and
            no value.
        UnknownBackendError: If no working plugin offers the backend.
    """
    file = read(config)
    for fault in permission_faults(file.path, secret=False):
        logger("config").warning("%s", fault)
    name = file.choose(name)
    own = _own(file, name)
    rest = {key: value for key, value in file.accounts[name].items() if key not in RESERVED_SETTINGS}

    values, origins = gather(_Core, own, file=file.path, prefix=variable_prefix(name))
    core, faults = attempt(_Core, values)
    if core is None and any(fault.key in ("backend", "distribution") for fault in faults):
        raise _error(file, name, [_explained(fault, rest) for fault in faults], origins)
    backend = str(values["backend"])
    plugin, provider_class = _load(file, name, backend, values.get("distribution"))

    settings_class: type[Any] = loading.settings_class(provider_class)
    address: _Address | None = _Address()
    if not _asks_for_address(settings_class):
        values, more_origins = gather(_Address, _taken(rest), file=file.path, prefix=variable_prefix(name))
        address, more_faults = attempt(_Address, values)
        faults, origins = faults + more_faults, origins | more_origins
    values, more_origins = gather(settings_class, rest, file=file.path, prefix=variable_prefix(name))
    settings, more_faults = attempt(settings_class, values, others=(*RESERVED_SETTINGS, _WEBHOOK_URL))
    origins |= more_origins
    if core is None or settings is None or address is None:
        raise _error(file, name, faults + more_faults, origins, backend)
    return LoadedAccount(
        name=name,
        path=file.path,
        source=file.source,
        backend=backend,
        plugin=plugin,
        provider_class=provider_class,
        settings=settings,
        transport=core.transport,
        limits=LimitSettings(**{each.name: getattr(core, each.name) for each in attrs.fields(LimitSettings)}),
        observers=core.observers,
        journal=core.journal,
        webhook_url=address.webhook_url or getattr(settings, _WEBHOOK_URL, None),
        origins=MappingProxyType(origins),
        unread=MappingProxyType(_unread(file, name, settings_class)),
    )


@without_locals
def read_secrets(loaded: LoadedAccount, settings: T) -> T:
    """Return the settings of an account with its secrets as they are now, and everything else as it was.

    Args:
        loaded: The account, as it was opened.
        settings: The settings that are used.

    Raises:
        ConfigurationError: If the account is no longer there, or a setting is missing or wrong.
    """
    file = read(loaded.source)
    table = file.accounts[file.choose(loaded.name)]
    rest = {key: value for key, value in table.items() if key not in RESERVED_SETTINGS}
    if not _asks_for_address(type(settings)):
        _taken(rest)
    values, origins = gather(type(settings), rest, file=file.path, prefix=variable_prefix(loaded.name))
    found, faults = attempt(type(settings), values, others=RESERVED_SETTINGS)
    if found is None:
        raise _error(file, loaded.name, faults, origins, loaded.backend)
    return with_secrets(settings, found)


@without_locals
def all_accounts(config: Source | None = None) -> Accounts:
    """Read a file as a whole, without looking for the plugins of its accounts.

    Raises:
        ConfigurationError: If it is not there, is not TOML, or its accounts, routes or journals are wrong.
    """
    file = read(config)
    journals: dict[str, Secret | None] = {}
    for name in file.accounts:
        values, origins = gather(_Kept, _own(file, name), file=file.path, prefix=variable_prefix(name))
        kept, faults = attempt(_Kept, {key: value for key, value in values.items() if key == "journal"})
        if kept is None:
            raise _error(file, name, faults, origins)
        journals[name] = kept.journal
    return Accounts(
        path=file.path,
        source=file.source,
        names=tuple(file.accounts),
        default=file.default,
        routes=file.routes,
        journals=MappingProxyType(journals),
    )


@without_locals
def default_account(config: Source | None = None) -> str:
    """Return the account that `Gateway.open` opens where none is named.

    Raises:
        ConfigurationError: If there is none, or the file cannot be used.
    """
    return read(config).choose(None)


def _asks_for_address(settings_class: type) -> bool:
    """Return whether the plugin itself has a setting for the address of its webhooks."""
    return _WEBHOOK_URL in fields_of(settings_class)


def _taken(table: dict[str, Any]) -> dict[str, Any]:
    """Take the address of the webhooks out of an account's table."""
    return {_WEBHOOK_URL: table.pop(_WEBHOOK_URL)} if _WEBHOOK_URL in table else {}


def _own(file: ConfigFile, name: str) -> dict[str, Any]:
    """Return what stands in an account's table for the core."""
    own = {key: value for key, value in file.accounts[name].items() if key in RESERVED_SETTINGS}
    if file.journal is not None:
        own.setdefault("journal", file.journal)
    return own


def _unread(file: ConfigFile, name: str, settings_class: type) -> dict[str, str | None]:
    prefix = variable_prefix(name)
    known = variables(_Core, prefix) | variables(_Address, prefix) | variables(settings_class, prefix)
    others = tuple(f"{variable_prefix(other)}_" for other in file.accounts if other != name)
    # That of `shop-eu` begins as that of `shop` does.
    longer = tuple(each for each in others if each.startswith(prefix))
    found = [each for each in sorted(os.environ) if each.startswith(f"{prefix}_") and not each.startswith(longer)]
    meant = {each.removeprefix(prefix).replace("_", ""): each for each in known}
    return {each: _meant(each.removeprefix(prefix).replace("_", ""), meant) for each in found if each not in known}


def _meant(key: str, known: Mapping[str, str]) -> str | None:
    """Return the variable that was meant by another, for certain: they differ by underscores, or by a slip."""
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.85)
    return known[near[0]] if near else None


def _backend(file: ConfigFile, name: str) -> str | None:
    values, _ = gather(_Core, file.accounts[name], file=file.path, prefix=variable_prefix(name))
    backend = values.get("backend")
    return str(backend) if isinstance(backend, str) else None


def _load(file: ConfigFile, name: str, backend: str, distribution: str | None) -> tuple[loading.Plugin, Any]:
    try:
        plugin = loading.find(backend, distribution=distribution)
        return plugin, plugin.load()
    except UnknownBackendError as error:
        error.message = f"{file.path}: [gateways.{name}] backend: {error.message}"
        error.args = (error.message,)
        raise


def _explained(fault: Fault, rest: Mapping[str, Any]) -> Fault:
    """Add to a missing backend what may stand there instead, and what could."""
    if fault.key != "backend" or not fault.missing:
        return fault
    meant = closest("backend", rest)
    if meant is not None:
        return Fault(meant, "unknown, did you mean backend?")
    return Fault("backend", "missing: name the plugin to use, one that `gateway providers` lists")


def _error(
    file: ConfigFile, name: str, faults: list[Fault], origins: Mapping[str, str], backend: str | None = None
) -> ConfigurationError:
    told = "; ".join(_told(fault, file, name, origins) for fault in faults)
    return ConfigurationError(f"{file.path}: {told}", backend=backend)


def _told(fault: Fault, file: ConfigFile, name: str, origins: Mapping[str, str]) -> str:
    place = _place(fault.key, file.path, name, origins)
    if fault.missing:
        variable = f"{variable_prefix(name)}_{fault.key.upper().replace('.', '_')}"
        return f"{place}: missing: write it there, or set {variable}"
    return f"{place}: {fault.reason}"


def _place(key: str, path: str, name: str, origins: Mapping[str, str]) -> str:
    """Return the table and the key, and where its value came from if not from there."""
    table, _, last = key.rpartition(".")
    place = f"[gateways.{name}{'.' if table else ''}{table}] {last}".rstrip()
    origin = origins.get(key.partition("[")[0], DEFAULT)
    return place if origin in (DEFAULT, path) else f"{place} (from {origin})"

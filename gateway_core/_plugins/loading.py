"""Finding and loading plugins. Only the chosen one is imported, except by `inspect_all`, whose job it is."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Collection, Sequence
from typing import Any

import attrs

from gateway_core._plugins.discovery import (
    NAME,
    NAME_RULE,
    UNKNOWN,
    Offer,
    Unreadable,
    describe,
    offers_of,
    rivalry,
    same_name,
    scan,
)
from gateway_core._plugins.validation import check_provider_class, closest, make, register, settings_class
from gateway_core._redaction import one_line
from gateway_core.errors import PluginError, UnknownBackendError
from gateway_core.provider import ProviderInfo

__all__ = ["Plugin", "PluginReport", "describe", "find", "inspect_all", "make", "register", "settings_class"]

PROVIDERS = "gateway_core.providers"

_ADVICE = "uninstall one, or name the one you mean as `distribution`"


@attrs.frozen
class Plugin(Offer):
    """An entry point that offers a backend, whose name it bears."""

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
        try:
            return target, *check_provider_class(target)
        except (PluginError, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001  # a hostile metaclass raises when its class is looked at
            fault = f"its check failed with {describe(error)}"
        raise PluginError(fault)


@attrs.frozen(kw_only=True)
class PluginReport:
    """What is known of one entry point once its module has been imported.

    Attributes:
        name: The backend's name; ``(unknown)`` where the list of entry points itself cannot be read.
        entry_point: The entry point, as ``name = module:object``.
        distribution: The distribution that owns it.
        version: That distribution's version.
        info: What the plugin declares; None if it is broken.
        capabilities: The operations that it supports, the required ones first; none if it is broken.
        fault: Why it cannot be used, on one line; None if it can.
        who_must_act: ``"plugin author"`` or ``"operator"``; None if it can be used.
    """

    name: str
    entry_point: str
    distribution: str
    version: str
    info: ProviderInfo | None = None
    capabilities: tuple[str, ...] = ()
    fault: str | None = None
    who_must_act: str | None = None

    @property
    def title(self) -> str | None:
        """The provider's name for people, on one line; None if the plugin is broken."""
        return None if self.info is None else one_line(self.info.title, 100)


def inspect_all() -> tuple[PluginReport, ...]:
    """Import every plugin and report on each, sorted by name.

    A name with two offers is a fault of both, and neither is imported. What plugins print goes to stderr, for the whole
    process while this runs: it is made for commands.
    """
    sources, unreadable = scan(PROVIDERS)
    plugins = offers_of(sources, Plugin)
    with contextlib.redirect_stdout(sys.stderr):
        reports = [_report(plugin, [each for each in plugins if each.name == plugin.name]) for plugin in plugins]
    return (*reports, *map(_unreadable, unreadable))


def find(backend: str, *, distribution: str | None = None) -> Plugin:
    """Return the one entry point that offers this backend. Nothing is imported.

    Args:
        backend: The name.
        distribution: The only distribution that it may come from.

    Raises:
        UnknownBackendError: If nobody offers it, or more than one distribution does.
    """
    _check_name(backend)
    sources, unreadable = scan(PROVIDERS)
    every = offers_of((source for source in sources if source.name == backend), Plugin)
    offers = [offer for offer in every if distribution is None or same_name(offer.distribution, str(distribution))]
    if len(offers) == 1:
        return offers[0]
    if offers:
        fault = rivalry(offers, _ADVICE)
    elif every:
        owners = " and ".join(f"{offer.distribution} {offer.version}" for offer in every)
        fault = PluginError(
            f"the distribution {distribution!r} does not offer it, {owners} does", who_must_act="operator"
        )
    else:
        names = {source.name for source in sources if NAME.fullmatch(source.name)}
        lost = "".join(f"; of {each.distribution} {each.version}, {each.fault}" for each in unreadable)
        fault = PluginError(f"nobody offers it: {_advice(backend, names)}{lost}", who_must_act="operator")
    raise UnknownBackendError(
        f"the backend {backend!r} cannot be had: {fault.message} (the {fault.who_must_act} must act)",
        backend=backend,
        entry_point=" and ".join(offer.entry_point for offer in offers) or None,
        distribution=" and ".join(offer.distribution for offer in offers) or None,
        version=" and ".join(offer.version for offer in offers) or None,
        who_must_act=fault.who_must_act,
    )


def _check_name(backend: object) -> None:
    if isinstance(backend, str) and NAME.fullmatch(backend):
        return
    shown, who = (repr(backend), "operator") if isinstance(backend, str) else (type(backend).__name__, "application")
    raise UnknownBackendError(
        f"{one_line(shown, 80)} names no backend: a name is {NAME_RULE} (the {who} must act)", who_must_act=who
    )


def _report(plugin: Plugin, offers: Sequence[Plugin]) -> PluginReport:
    """Report on one plugin, of all that offer its name."""
    who = attrs.asdict(plugin, filter=attrs.filters.exclude("_source"))
    try:
        if len(offers) > 1:
            raise rivalry(offers, _ADVICE)
        _, info, capabilities = plugin.examine()
    except PluginError as error:
        return PluginReport(**who, fault=error.message, who_must_act=error.who_must_act)
    return PluginReport(**who, info=info, capabilities=capabilities)


def _unreadable(found: Unreadable) -> PluginReport:
    return PluginReport(
        name=UNKNOWN,
        entry_point=UNKNOWN,
        distribution=found.distribution,
        version=found.version,
        fault=found.fault,
        who_must_act="operator",
    )


def _advice(backend: str, names: Collection[str]) -> str:
    close = closest(backend, names)
    if close:
        return f"did you mean {close!r}?"
    if names:
        return f"installed are {', '.join(sorted(names))}"
    return "no provider plugin is installed"

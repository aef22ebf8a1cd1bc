"""Finding and loading plugins. Only the chosen one is imported, except by `inspect_all`, whose job it is."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from gateway_core._contract import check_provider_class, closest, describe, make, register, settings_class
from gateway_core._text import one_line
from gateway_core.errors import PluginError, UnknownBackendError
from gateway_core.provider import ProviderInfo

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

__all__ = ["Plugin", "PluginReport", "describe", "find", "inspect_all", "make", "register", "settings_class"]

PROVIDERS = "gateway_core.providers"

_CORE = "gateway-core"
_NAME = re.compile(r"(?=.{1,64}\Z)[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_NAME_RULE = "at most 64 small ASCII letters and digits, with single hyphens or underscores between them"
_UNKNOWN = "(unknown)"


@attrs.frozen
class Plugin:
    """An entry point that offers a backend, described without importing it. Its texts are fit for one line.

    Attributes:
        name: The backend's name.
        entry_point: The entry point, as ``name = module:object``.
        distribution: The distribution that owns it.
        version: That distribution's version.
    """

    name: str
    entry_point: str
    distribution: str
    version: str
    _source: EntryPoint = attrs.field(repr=False, eq=False)

    @classmethod
    def of(cls, source: EntryPoint) -> Plugin:
        """Describe an entry point. Reads the metadata of its distribution."""
        name, version = _identity(source.dist)
        entry_point = one_line(f"{source.name} = {source.value}", 200)
        return cls(one_line(source.name, 100), entry_point, name, version, source)

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
        if not _NAME.fullmatch(self._source.name):
            raise PluginError(f"its name is not {_NAME_RULE}")
        self._check_requirement()
        target = self._import()
        try:
            return target, *check_provider_class(target)
        except (PluginError, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001  # a hostile metaclass raises when its class is looked at
            fault = f"its check failed with {describe(error)}"
        raise PluginError(fault)

    def _check_requirement(self) -> None:
        """Hold the plugin's requirement on the core against the installed core, before a line of the plugin runs.

        Where either is not in the metadata, `ProviderInfo.contract_version` decides after the import.
        """
        # Costs 5 ms to import, and is needed once a backend has been chosen only.
        from packaging.utils import canonicalize_name

        for text in _requirements(self._source.dist):
            if canonicalize_name(re.split(r"[^\w.-]", text.strip(), maxsplit=1)[0]) != _CORE:
                continue
            try:
                fault = _unmet(text)
            except ModuleNotFoundError:
                return
            except (ValueError, LookupError) as error:
                raise PluginError(f"its requirement {text!r} cannot be read: {describe(error)}") from None
            if fault is not None:
                raise PluginError(f"{fault}: install versions that go together", who_must_act="operator")

    def _import(self) -> Any:
        if not self._source.pattern.match(self._source.value):
            raise PluginError("its entry point is not of the form module:object")
        try:
            return self._source.load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  # SystemExit included: nothing here stops the application
            fault = f"its import failed with {describe(error)}"
        for text in _requirements(self._source.dist):
            try:
                unmet = _unmet(text)
            except ModuleNotFoundError as error:
                unmet = f"it requires {error.name}, which is not installed"
            except (ValueError, LookupError):
                unmet = None
            if unmet is not None:
                raise PluginError(f"{fault}; {unmet}", who_must_act="operator")
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
    sources, unreadable = _scan()
    plugins = _described(sources)
    with contextlib.redirect_stdout(sys.stderr):
        reports = [_report(plugin, [each for each in plugins if each.name == plugin.name]) for plugin in plugins]
    return (*reports, *unreadable)


def find(backend: str, *, distribution: str | None = None) -> Plugin:
    """Return the one entry point that offers this backend. Nothing is imported.

    Args:
        backend: The name.
        distribution: The only distribution that it may come from.

    Raises:
        UnknownBackendError: If nobody offers it, or more than one distribution does.
    """
    _check_name(backend)
    sources, unreadable = _scan()
    every = _described(source for source in sources if source.name == backend)
    offers = [offer for offer in every if distribution is None or _same_name(offer.distribution, str(distribution))]
    if len(offers) == 1:
        return offers[0]
    if offers:
        fault = _rivalry(offers)
    elif every:
        owners = " and ".join(f"{offer.distribution} {offer.version}" for offer in every)
        fault = PluginError(
            f"the distribution {distribution!r} does not offer it, {owners} does", who_must_act="operator"
        )
    else:
        names = {source.name for source in sources if _NAME.fullmatch(source.name)}
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
    if isinstance(backend, str) and _NAME.fullmatch(backend):
        return
    shown, who = (repr(backend), "operator") if isinstance(backend, str) else (type(backend).__name__, "application")
    raise UnknownBackendError(
        f"{one_line(shown, 80)} names no backend: a name is {_NAME_RULE} (the {who} must act)", who_must_act=who
    )


def _scan() -> tuple[list[EntryPoint], list[PluginReport]]:
    """Return the entry points of all providers, and a report of each distribution whose entry points cannot be read."""
    # Costs 16 ms to import, and is needed once a backend has been chosen only.
    from importlib import metadata

    # One distribution's unreadable file ends this scan for all: only then each is looked at by itself.
    with contextlib.suppress(Exception):
        return list(metadata.entry_points(group=PROVIDERS)), []
    sources: list[EntryPoint] = []
    unreadable: list[PluginReport] = []
    seen: set[str] = set()
    for owner in metadata.distributions():
        name, version = _identity(owner)
        if name in seen:  # a copy further down the path, which is never imported
            continue
        seen |= {name} - {_UNKNOWN}
        try:
            sources += owner.entry_points.select(group=PROVIDERS)
        except Exception as error:  # noqa: BLE001  # a line that is no entry point, or bytes that are no text
            unreadable.append(
                PluginReport(
                    name=_UNKNOWN,
                    entry_point=_UNKNOWN,
                    distribution=name,
                    version=version,
                    fault=f"its entry_points.txt cannot be read ({describe(error)}): install it anew, or remove it",
                    who_must_act="operator",
                )
            )
    return sources, unreadable


def _described(sources: Iterable[EntryPoint]) -> list[Plugin]:
    return sorted(
        set(map(Plugin.of, sources)), key=lambda plugin: (plugin.name, plugin.distribution, plugin.entry_point)
    )


def _report(plugin: Plugin, offers: Sequence[Plugin]) -> PluginReport:
    """Report on one plugin, of all that offer its name."""
    who = attrs.asdict(plugin, filter=attrs.filters.exclude("_source"))
    try:
        if len(offers) > 1:
            raise _rivalry(offers)
        _, info, capabilities = plugin.examine()
    except PluginError as error:
        return PluginReport(**who, fault=error.message, who_must_act=error.who_must_act)
    return PluginReport(**who, info=info, capabilities=capabilities)


def _rivalry(offers: Sequence[Plugin]) -> PluginError:
    owners = " and ".join(f"{offer.distribution} {offer.version} ({offer.entry_point})" for offer in offers)
    if len({offer.distribution for offer in offers}) == 1:
        return PluginError(f"one distribution offers it twice: {owners}")
    advice = "uninstall one, or name the one you mean as `distribution`"
    return PluginError(f"it is offered by {owners}: {advice}", who_must_act="operator")


def _advice(backend: str, names: Collection[str]) -> str:
    close = closest(backend, names)
    if close:
        return f"did you mean {close!r}?"
    if names:
        return f"installed are {', '.join(sorted(names))}"
    return "no provider plugin is installed"


def _identity(owner: Distribution | None) -> tuple[str, str]:
    """Return a distribution's name and version, or what can be said instead."""
    if owner is None:
        return _UNKNOWN, _UNKNOWN
    try:
        headers = owner.metadata
        name, version = (next(iter(headers.get_all(key, ())), "") for key in ("Name", "Version"))
        return one_line(name, 100) or f"(without a name, in {owner.locate_file('')})", one_line(version, 50) or _UNKNOWN
    except Exception:  # noqa: BLE001  # unreadable metadata of one distribution is no reason to stop
        return _UNKNOWN, _UNKNOWN


def _requirements(owner: Distribution | None) -> list[str]:
    try:
        return list(owner.requires or ()) if owner else []
    except Exception:  # noqa: BLE001  # as above
        return []


def _unmet(text: str) -> str | None:
    """Return how the environment fails one requirement; None if it does not.

    Raises:
        ModuleNotFoundError: If it is not there at all.
        ValueError, LookupError: If the requirement cannot be read.
    """
    from importlib import metadata

    from packaging.requirements import Requirement

    requirement = Requirement(text)
    if requirement.marker is not None and not requirement.marker.evaluate():
        return None
    installed = metadata.version(requirement.name)
    if requirement.specifier.contains(installed, prereleases=True):
        return None
    return f"it requires {requirement.name}{requirement.specifier}, and {installed} is installed"


def _same_name(one: str, other: str) -> bool:
    from packaging.utils import canonicalize_name

    return canonicalize_name(one) == canonicalize_name(other)

"""Finding, checking and loading plugins. Only the chosen one is ever imported."""

from __future__ import annotations

import difflib
import functools
import importlib.metadata
import re
import traceback
import typing
from collections.abc import Iterable
from typing import Any, NoReturn

import attrs
import pluggy

from gateway_core import hookspecs
from gateway_core.errors import GatewayError, PluginError, UnknownBackendError
from gateway_core.provider import CONTRACT_VERSION, ProviderInfo

PROVIDERS = "gateway_core.providers"

_CORE = "gateway-core"
_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*", re.ASCII)


@attrs.frozen
class Plugin:
    """An entry point that offers a backend, described without importing it.

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
    _source: importlib.metadata.EntryPoint = attrs.field(repr=False, eq=False)

    @classmethod
    def of(cls, source: importlib.metadata.EntryPoint) -> Plugin:
        owner = source.dist
        return cls(
            source.name,
            f"{source.name} = {source.value}",
            owner.name if owner else "(unknown)",
            owner.version if owner else "(unknown)",
            source,
        )

    def load(self) -> Any:
        """Import and check the provider class.

        Raises:
            UnknownBackendError: If the plugin is broken. Its text names the entry point, the distribution, the cause and who
                must act.
        """
        self._check_requirement()
        fault = None
        try:
            target = self._source.load()
        # A plugin may raise anything at import, SystemExit included; none of it may stop the application.
        except (Exception, SystemExit) as error:
            fault = f"its import failed with {describe(error)}"
        if fault is not None:
            self.blame(fault)
        try:
            check_provider_class(target)
        except PluginError as error:
            fault = error.message
        if fault is not None:
            self.blame(fault)
        return target

    def blame(self, fault: str, *, who_must_act: str = "plugin author") -> NoReturn:
        """Raise an `UnknownBackendError` that says what is wrong with this plugin, and who must act."""
        raise UnknownBackendError(
            f"the backend {self.name!r} is installed but broken: {fault}"
            f" (entry point {self.entry_point}, distribution {self.distribution} {self.version};"
            f" the {who_must_act} must act)",
            backend=self.name,
            entry_point=self.entry_point,
            distribution=self.distribution,
            version=self.version,
            who_must_act=who_must_act,
        )

    def _check_requirement(self) -> None:
        """Hold the plugin's declared requirement against this core, before a line of it runs."""
        if not _NAME.fullmatch(self.name):
            self.blame("its name is not in small ASCII letters, digits and hyphens")
        if self._source.dist is None:
            return
        # Costs 5 ms to import, and is needed once a backend has been chosen only.
        from packaging.requirements import InvalidRequirement, Requirement

        try:
            core = importlib.metadata.version(_CORE)
            wanted = [Requirement(text) for text in self._source.dist.requires or ()]
        except (importlib.metadata.PackageNotFoundError, InvalidRequirement):
            return
        for requirement in wanted:
            if requirement.name.lower().replace("_", "-") != _CORE or (requirement.marker and not requirement.marker.evaluate()):
                continue
            if not requirement.specifier.contains(core, prereleases=True):
                self.blame(
                    f"it is written for {_CORE} {requirement.specifier} and {core} is installed: install versions that go"
                    " together",
                    who_must_act="operator",
                )


def discover() -> tuple[Plugin, ...]:
    """Return every entry point that offers a backend, sorted by name, without importing any."""
    found = (Plugin.of(source) for source in importlib.metadata.entry_points(group=PROVIDERS))
    return tuple(sorted(found, key=lambda plugin: (plugin.name, plugin.distribution)))


def find(backend: str, *, distribution: str | None = None) -> Plugin:
    """Return the one entry point that offers this backend.

    Args:
        backend: The name.
        distribution: The only distribution that it may come from.

    Raises:
        UnknownBackendError: If nobody offers it, or more than one distribution does.
    """
    sources = importlib.metadata.entry_points(group=PROVIDERS)
    same_name = [Plugin.of(source) for source in sources if source.name == backend]
    offers = [plugin for plugin in same_name if distribution in (None, plugin.distribution)]
    if not offers:
        wanted = f"{backend!r} from the distribution {distribution!r}" if distribution else f"{backend!r}"
        raise UnknownBackendError(
            f"nobody offers the backend {wanted}: {_suggest(backend, sources.names)}",
            backend=backend,
            who_must_act="operator",
        )
    if len(offers) > 1:
        owners = " and ".join(f"{plugin.distribution} {plugin.version}" for plugin in offers)
        raise UnknownBackendError(
            f"the backend {backend!r} is offered by {owners}: uninstall one, or name the one you mean as `distribution`",
            backend=backend,
            entry_point=offers[0].entry_point,
            who_must_act="operator",
        )
    return offers[0]


def register(provider: Any) -> pluggy.PluginManager:
    """Return a plugin manager of its own for one provider, so that no other can ever answer its hooks.

    Raises:
        PluginError: If a hook is misspelt, has an argument that the contract does not know, or is missing.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    fault = None
    try:
        manager.register(provider, name="provider")
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        fault = str(error).strip().splitlines()[-1].strip() if "hookspec" not in str(error) else str(error)
    if fault is not None:
        raise PluginError(f"a hook does not fit the contract: {fault}")
    missing = [name for name in hookspecs.REQUIRED if not getattr(manager.hook, name).get_hookimpls()]
    if missing:
        raise PluginError(f"it does not implement {', '.join(missing)} (is the method marked with @hookimpl?)")
    return manager


def check_provider_class(target: Any) -> None:
    """Check a provider class before it is instantiated.

    Raises:
        PluginError: If it is not one, and why.
    """
    if not isinstance(target, type) or not attrs.has(target):
        raise PluginError("the entry point must name an attrs class")
    info = getattr(target, "info", None)
    if not isinstance(info, ProviderInfo):
        raise PluginError("the provider class has no `info = ProviderInfo(...)`")
    if info.contract_version != CONTRACT_VERSION:
        raise PluginError(
            f"it is written for version {info.contract_version} of the provider contract, and this core has version"
            f" {CONTRACT_VERSION}: install versions of both that go together"
        )
    settings_class(target)
    register(target)


@functools.cache
def settings_class(provider_class: type) -> type:
    """Return the attrs class that a provider annotates its `settings` with.

    Raises:
        PluginError: If there is none.
    """
    try:
        annotation = typing.get_type_hints(provider_class).get("settings")
    except Exception as error:  # an annotation may name anything
        annotation, reason = None, f" ({describe(error)})"
    else:
        reason = ""
    if not isinstance(annotation, type) or not attrs.has(annotation):
        raise PluginError(f"the provider class has no attribute `settings` annotated with its attrs settings class{reason}")
    return annotation


def describe(error: BaseException) -> str:
    """Return the kind, text and innermost place of an exception, for a plugin's author, on one line."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    if isinstance(error, GatewayError):
        return f"{type(error).__name__}: {error.message}{place}"
    if isinstance(error, SyntaxError):
        place = f" at {error.filename}:{error.lineno}"
        return f"{type(error).__name__}: {error.msg}{place}"
    return f"{type(error).__name__}: {error}{place}"


def _suggest(backend: str, names: Iterable[str]) -> str:
    names = sorted(set(names))
    close = difflib.get_close_matches(backend, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    if names:
        return f"installed are {', '.join(names)}"
    return f"no provider plugin is installed; try `pip install gateway-{backend}` if you trust its owner"

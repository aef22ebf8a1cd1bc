"""What installed distributions offer by entry points: found by its name, and imported once it has been chosen.

Providers, observers, emulators and commands are all found and imported here. A plugin is other people's code: whatever
it raises becomes a `PluginError` that says who must act, and nothing that it raised stays in the chain.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeVar

import attrs
import pluggy

from gateway_core._markers import PROJECT, misshapen
from gateway_core._plugins.distributions import (
    folder_of,
    identity_of,
    installed,
    normalized,
    requirements_of,
    same_name,
    text_of,
    unmet,
)
from gateway_core._redaction import one_line
from gateway_core._tracebacks import describe
from gateway_core.errors import GatewayError, PluginError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")
Found = TypeVar("Found", bound="Offer")

NAME = re.compile(r"(?=.{1,64}\Z)[a-z][a-z0-9]*([-_][a-z0-9]+)*")
NAME_RULE = "at most 64 small ASCII letters and digits, with single hyphens or underscores between them"
UNINSTALL = "uninstall one"

_CORE_DISTRIBUTION = "gateway-core"


@attrs.frozen
class Offer:
    """An entry point, described without importing it. Its texts are fit for one line.

    Attributes:
        name: Its name.
        entry_point: The entry point, as ``name = module:object``.
        distribution: The distribution that owns it.
        version: That distribution's version.
        source: The entry point itself.
    """

    name: str
    entry_point: str
    distribution: str
    version: str
    source: EntryPoint = attrs.field(repr=False, eq=False)

    @classmethod
    def of(cls, source: EntryPoint) -> Self:
        """Describe an entry point. Reads the metadata of its distribution."""
        name, version = identity_of(source.dist)
        entry_point = one_line(f"{source.name} = {source.value}", 200)
        return cls(one_line(source.name, 100), entry_point, name, version, source)

    @property
    def folder(self) -> str | None:
        """The folder of the distribution's metadata; None if it lies in none."""
        folder = None if self.source.dist is None else folder_of(self.source.dist)
        return None if folder is None else str(folder)

    def imported(self) -> Any:
        """Import what is offered.

        Raises:
            PluginError: If it cannot be, or is not written for this core. Its text is the cause alone.
        """
        if not NAME.fullmatch(self.source.name):
            raise PluginError(f"its name is not {NAME_RULE}")
        self._check_requirement()
        if not self.source.pattern.match(self.source.value):
            raise PluginError("its entry point is not of the form module:object")
        try:
            return self.source.load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  # SystemExit included: nothing here stops the application
            fault = f"its import failed with {describe(error)}"
            missing = error.name if isinstance(error, ModuleNotFoundError) else None
        advice = self._leftover(missing) or self._unmet_requirement()
        if advice is not None:
            raise PluginError(f"{fault}; {advice}", who_must_act="operator")
        raise PluginError(fault)

    def _check_requirement(self) -> None:
        """Hold the plugin's requirement on the core against the installed core, before a line of the plugin runs.

        Where either is not in the metadata, `ProviderInfo.contract_version` decides after the import.
        """
        for text in requirements_of(self.source.dist):
            if normalized(re.split(r"[^\w.-]", text.strip(), maxsplit=1)[0]) != _CORE_DISTRIBUTION:
                continue
            try:
                fault = unmet(text)
            except ModuleNotFoundError:
                return
            except (ValueError, LookupError) as error:
                raise PluginError(f"its requirement {text!r} cannot be read: {describe(error)}") from None
            if fault is not None:
                advice = f"`pip install --upgrade {_CORE_DISTRIBUTION} {self.distribution}`"
                raise PluginError(f"{fault}: install versions that go together, by {advice}", who_must_act="operator")

    def _unmet_requirement(self) -> str | None:
        """Return how the environment fails what the distribution requires; None if it does not."""
        for text in requirements_of(self.source.dist):
            try:
                fault = unmet(text)
            except ModuleNotFoundError as error:
                return f"it requires {error.name}, which is not installed"
            except (ValueError, LookupError):
                continue
            if fault is not None:
                return fault
        return None

    def _leftover(self, missing: str | None) -> str | None:
        """Return what to do where a distribution's folder was left without its code; None if this one was not.

        Args:
            missing: The module that could not be found, if that is why the import failed.
        """
        package, owner = self.source.module.partition(".")[0], self.source.dist
        if owner is None or missing is None or missing.partition(".")[0] != package:
            return None
        files = text_of(owner, "RECORD")
        if files is not None and not any(line.startswith((f"{package}/", f"{package}.py")) for line in files.split()):
            return None
        return (
            f"{one_line(str(folder_of(owner)), 300)} was left by an installer without the code: remove it, or install"
            f" {self.distribution} anew"
        )


@attrs.frozen
class Unreadable:
    """A distribution whose entry points cannot be read.

    Attributes:
        distribution: Its name.
        version: Its version.
        fault: Why, on one line, with the folder of its metadata.
    """

    distribution: str
    version: str
    fault: str


def scan(group: str) -> tuple[list[EntryPoint], list[Unreadable]]:
    """Return the entry points of a group, and each distribution whose entry points cannot be read."""
    sources: list[EntryPoint] = []
    unreadable: list[Unreadable] = []
    for owner in installed():
        try:
            sources += owner.entry_points.select(group=group)
        except Exception as error:  # noqa: BLE001  # a line that is no entry point, or bytes that are no text
            place = one_line(str(folder_of(owner) or "its metadata"), 300)
            fault = f"its entry_points.txt cannot be read ({describe(error)}): install it anew, or remove {place}"
            unreadable.append(Unreadable(*identity_of(owner), fault))
    return sources, unreadable


def offers_of(sources: Iterable[EntryPoint], kind: type[Found]) -> list[Found]:
    """Describe each entry point once, in order."""
    return sorted(set(map(kind.of, sources)), key=lambda offer: (offer.name, offer.distribution, offer.entry_point))


def find(
    group: str, name: str, kind: type[Found], *, distribution: str | None = None, advice: str = UNINSTALL
) -> Found:
    """Return the one offer of a name. Nothing is imported.

    Args:
        group: The group of entry points.
        name: The name.
        kind: What to describe the entry point as.
        distribution: The only distribution that it may come from.
        advice: What to do where there are two.

    Raises:
        PluginError: If nobody offers it, or more than one distribution does. Its text is the cause alone.
    """
    sources, unreadable = scan(group)
    every = offers_of((source for source in sources if source.name == name), kind)
    offers = [offer for offer in every if distribution is None or same_name(offer.distribution, str(distribution))]
    if len(offers) == 1:
        return offers[0]
    if offers:
        raise rivalry(offers, advice)
    if every:
        owners = " and ".join(f"{offer.distribution} {offer.version}" for offer in every)
        raise PluginError(
            f"the distribution {distribution!r} does not offer it, {owners} does", who_must_act="operator"
        )
    names = {source.name for source in sources if NAME.fullmatch(source.name)}
    meant = closest(name, names)
    kinds = group.partition(".")[2].removesuffix("s")
    known = f"installed are {', '.join(sorted(names))}" if names else f"no {kinds} plugin is installed"
    lost = "".join(f"; of {each.distribution} {each.version}, {each.fault}" for each in unreadable)
    raise PluginError(
        f"nobody offers it: {f'did you mean {meant!r}?' if meant else known}{lost}", who_must_act="operator"
    )


def rivalry(offers: Sequence[Offer], advice: str = UNINSTALL) -> PluginError:
    """Return the error for one name that is offered more than once, with what to do about it."""
    owners = " and ".join(f"{offer.distribution} {offer.version} ({offer.entry_point})" for offer in offers)
    fault, who_must_act = f"one distribution offers it twice: {owners}", "plugin author"
    if len({offer.distribution for offer in offers}) > 1:
        fault, who_must_act = f"it is offered by {owners}: {advice}", "operator"
    return PluginError(
        fault,
        entry_point=" and ".join(offer.entry_point for offer in offers),
        distribution=" and ".join(offer.distribution for offer in offers),
        version=" and ".join(offer.version for offer in offers),
        who_must_act=who_must_act,
    )


def guarded(run: Callable[[], T], doing: str) -> T:
    """Run code of a plugin.

    Args:
        run: The code.
        doing: What it does, for the error's text.

    Raises:
        GatewayError: What the plugin raises in our own words.
        PluginError: If it raises anything else. The text of that is left out: it may hold a setting's value.
    """
    try:
        return run()
    except (GatewayError, KeyboardInterrupt):
        raise
    except BaseException as error:  # noqa: BLE001  # SystemExit included
        fault = describe(error, text=False)
    raise PluginError(f"{doing} failed with {fault}")


def check_hooks(target: Any, specifications: Any, known: Collection[str], required: Collection[str]) -> set[str]:
    """Check the hooks of a class or an object, and return the names of those it implements.

    Args:
        target: The class or object.
        specifications: What holds the hooks' specifications by name.
        known: The names of all hooks.
        required: The names of those that must be there.

    Raises:
        PluginError: If one is misspelt, missing, not marked, or of a shape that does not do what its author means. It
            tells all faults at once; pluggy would stop at the first.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.register(target, name="plugin")
    found = {name: hook.get_hookimpls() for name, hook in vars(manager.hook).items()}
    faults = []
    for name, implementations in found.items():
        if name not in known and not all(each.optionalhook for each in implementations):
            meant = closest(name, known)
            faults.append(f"{name} is no hook" + (f", did you mean {meant}?" if meant else ""))
    for name in known:
        implementations = found.get(name, [])
        if not implementations and inspect.getattr_static(target, name, None) is not None:
            faults.append(f"{name} is not marked with @hookimpl")
        elif not implementations and name in required:
            faults.append(f"{name} is missing")
        elif len(implementations) > 1:
            faults.append(f"{name} is implemented twice")
        for implementation in implementations:
            faults += misshapen(getattr(specifications, name), implementation)
    if faults:
        raise PluginError(f"its hooks do not fit the contract: {'; '.join(faults)}")
    return {name for name in known if found.get(name)}


def closest(word: str, words: Iterable[str]) -> str | None:
    """Return the closest known word, if one is close enough."""
    import difflib

    return next(iter(difflib.get_close_matches(word, list(words), n=1)), None)

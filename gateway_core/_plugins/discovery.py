"""What installed distributions offer by entry points: found by name, described, and imported when it was chosen."""

from __future__ import annotations

import contextlib
import importlib
import re
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import attrs

from gateway_core._redaction import one_line
from gateway_core.errors import GatewayError, PluginError

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

T = TypeVar("T", bound="Offer")

NAME = re.compile(r"(?=.{1,64}\Z)[a-z][a-z0-9]*([-_][a-z0-9]+)*")
NAME_RULE = "at most 64 small ASCII letters and digits, with single hyphens or underscores between them"
UNKNOWN = "(unknown)"

_CORE_DISTRIBUTION = "gateway-core"
_CORE = str(Path(__file__).parents[1])
#: Frames of these say how a plugin was loaded, and not where it failed.
_LOADING = (
    "<frozen importlib",
    importlib.__file__.removesuffix("__init__.py"),
    str(Path(__file__).parent),
)


@attrs.frozen
class Offer:
    """An entry point, described without importing it. Its texts are fit for one line.

    Attributes:
        name: Its name.
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
    def of(cls, source: EntryPoint) -> Self:
        """Describe an entry point. Reads the metadata of its distribution."""
        name, version = _identity(source.dist)
        entry_point = one_line(f"{source.name} = {source.value}", 200)
        return cls(one_line(source.name, 100), entry_point, name, version, source)

    def imported(self) -> Any:
        """Import what is offered.

        Raises:
            PluginError: If it cannot be, or is not written for this core. Its text is the cause alone.
        """
        if not NAME.fullmatch(self._source.name):
            raise PluginError(f"its name is not {NAME_RULE}")
        self._check_requirement()
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

    def _check_requirement(self) -> None:
        """Hold the plugin's requirement on the core against the installed core, before a line of the plugin runs.

        Where either is not in the metadata, `ProviderInfo.contract_version` decides after the import.
        """
        # Costs 5 ms to import, and is needed once something has been chosen by its name only.
        from packaging.utils import canonicalize_name

        for text in _requirements(self._source.dist):
            if canonicalize_name(re.split(r"[^\w.-]", text.strip(), maxsplit=1)[0]) != _CORE_DISTRIBUTION:
                continue
            try:
                fault = _unmet(text)
            except ModuleNotFoundError:
                return
            except (ValueError, LookupError) as error:
                raise PluginError(f"its requirement {text!r} cannot be read: {describe(error)}") from None
            if fault is not None:
                advice = f"`pip install --upgrade {_CORE_DISTRIBUTION} {self.distribution}`"
                raise PluginError(f"{fault}: install versions that go together, by {advice}", who_must_act="operator")


@attrs.frozen
class Unreadable:
    """A distribution whose entry points cannot be read.

    Attributes:
        distribution: Its name.
        version: Its version.
        fault: Why, on one line.
    """

    distribution: str
    version: str
    fault: str


def scan(group: str) -> tuple[list[EntryPoint], list[Unreadable]]:
    """Return the entry points of a group, and each distribution whose entry points cannot be read."""
    # Costs 16 ms to import, and is needed once something has been chosen by its name only.
    from importlib import metadata

    # One distribution's unreadable file ends this scan for all: only then each is looked at by itself.
    with contextlib.suppress(Exception):
        return list(metadata.entry_points(group=group)), []
    sources: list[EntryPoint] = []
    unreadable: list[Unreadable] = []
    seen: set[str] = set()
    for owner in metadata.distributions():
        name, version = _identity(owner)
        if name in seen:  # a copy further down the path, which is never imported
            continue
        seen |= {name} - {UNKNOWN}
        try:
            sources += owner.entry_points.select(group=group)
        except Exception as error:  # noqa: BLE001  # a line that is no entry point, or bytes that are no text
            fault = f"its entry_points.txt cannot be read ({describe(error)}): install it anew, or remove it"
            unreadable.append(Unreadable(name, version, fault))
    return sources, unreadable


def offers_of(sources: Iterable[EntryPoint], kind: type[T]) -> list[T]:
    """Describe each entry point once, in order."""
    return sorted(set(map(kind.of, sources)), key=lambda offer: (offer.name, offer.distribution, offer.entry_point))


def rivalry(offers: Sequence[Offer], advice: str) -> PluginError:
    """Return the error for one name that is offered more than once, with what to do about it."""
    owners = " and ".join(f"{offer.distribution} {offer.version} ({offer.entry_point})" for offer in offers)
    if len({offer.distribution for offer in offers}) == 1:
        return PluginError(f"one distribution offers it twice: {owners}")
    return PluginError(f"it is offered by {owners}: {advice}", who_must_act="operator")


def describe(error: BaseException, *, text: bool = True) -> str:
    """Return the kind, text and innermost place of an exception, for a plugin's author, on one line.

    Args:
        error: The exception. It is not trusted: even its text may raise.
        text: Whether to give its text, which may quote what the plugin worked on.
    """
    frames = [f"{frame.f_code.co_filename}:{line}" for frame, line in traceback.walk_tb(error.__traceback__)]
    places = [place for place in frames if not place.startswith(_LOADING)]
    places = [place for place in places if not place.startswith(_CORE)] or places
    try:
        said = error.message if isinstance(error, GatewayError) else str(error)
        if isinstance(error, SyntaxError) and error.filename:
            said, places = error.msg, [f"{error.filename}:{error.lineno}"]
    except (Exception, SystemExit):  # noqa: BLE001  # a plugin's exception may be as broken as the plugin
        said = ""
    what = f"{type(error).__name__}: {said}" if text and said else type(error).__name__
    return one_line(what, 400) + (f" at {one_line(places[-1], 300)}" if places else "")


def same_name(one: str, other: str) -> bool:
    """Return whether two names of distributions mean the same one."""
    from packaging.utils import canonicalize_name

    return canonicalize_name(one) == canonicalize_name(other)


def _identity(owner: Distribution | None) -> tuple[str, str]:
    """Return a distribution's name and version, or what can be said instead."""
    if owner is None:
        return UNKNOWN, UNKNOWN
    try:
        headers = owner.metadata
        name, version = (next(iter(headers.get_all(key, ())), "") for key in ("Name", "Version"))
        return one_line(name, 100) or f"(without a name, in {owner.locate_file('')})", one_line(version, 50) or UNKNOWN
    except Exception:  # noqa: BLE001  # unreadable metadata of one distribution is no reason to stop
        return UNKNOWN, UNKNOWN


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

"""The distributions that are installed, as pip sees them, and what their metadata says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from gateway_core._redaction import one_line

if TYPE_CHECKING:
    from importlib.metadata import Distribution
    from pathlib import Path

UNKNOWN = "(unknown)"

#: What nearly every requirement on the core is: its name, bounds of nothing but numbers, and the extra it is for.
_PLAIN = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?:\[[a-z]+\])?"
    r"(?P<bounds>(?:>=|<)[0-9]+(?:\.[0-9]+)*(?:,(?:>=|<)[0-9]+(?:\.[0-9]+)*)*)"
    r"(?P<extra>; extra == (['\"])[a-z]+\4)?"
)
_BOUND = re.compile(r"(>=|<)([0-9.]+)")
_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)*")

#: What pip takes for a distribution's name. It ignores any other, such as the ``~ateway_bitsby`` of its own that is
#: left where it was interrupted.
_DISTRIBUTION = re.compile(r"[A-Z0-9]([A-Z0-9._-]*[A-Z0-9])?", re.ASCII | re.IGNORECASE)


def installed() -> Iterator[Distribution]:
    """Yield each installed distribution once, as pip sees them: what it ignores is ignored."""
    # Costs 16 ms to import, and is needed once something has been chosen by its name only.
    from importlib import metadata

    by_name: dict[str, list[Distribution]] = {}
    for owner in metadata.distributions():
        folder = folder_of(owner)
        name = identity_of(owner)[0] if folder is None else re.split(r"-|\.egg-info$", folder.name, maxsplit=1)[0]
        if _DISTRIBUTION.fullmatch(name) or folder is None:
            by_name.setdefault(normalized(name), []).append(owner)
    yield from map(in_force, by_name.values())


def in_force(copies: Sequence[Distribution]) -> Distribution:
    """Return the copy of a distribution that counts, of several in the order of the path.

    It is in the first folder of the path that has one with metadata: the others are never imported. Where an installer
    left an older one beside it, the newest counts.
    """
    if len(copies) == 1:
        return copies[0]
    whole = [each for each in copies if text_of(each, "METADATA") or text_of(each, "PKG-INFO")] or copies
    first = folder_of(whole[0])
    beside = [each for each in whole if first and (folder := folder_of(each)) and folder.parent == first.parent]
    return max(beside, key=_age, default=whole[0])


def _age(owner: Distribution) -> Any:
    from packaging.version import InvalidVersion, Version

    try:
        return Version(identity_of(owner)[1])
    except InvalidVersion:
        return Version("0.dev0")


def folder_of(owner: Distribution) -> Path | None:
    """Return the folder of a distribution's metadata; None if it lies in none."""
    return getattr(owner, "_path", None)  # there is no public way; pip takes this one too


def text_of(owner: Distribution, name: str) -> str | None:
    """Return a file of a distribution's metadata; None if it is not there, empty if it is no text."""
    try:
        return owner.read_text(name)
    except Exception:  # noqa: BLE001  # unreadable metadata of one distribution is no reason to stop
        return ""


def identity_of(owner: Distribution | None) -> tuple[str, str]:
    """Return a distribution's name and version, or what can be said instead."""
    if owner is None:
        return UNKNOWN, UNKNOWN
    try:
        headers = owner.metadata
        name, version = (next(iter(headers.get_all(key, ())), "") for key in ("Name", "Version"))
        return one_line(name, 100) or f"(without a name, in {owner.locate_file('')})", one_line(version, 50) or UNKNOWN
    except Exception:  # noqa: BLE001  # as above
        return UNKNOWN, UNKNOWN


def requirements_of(owner: Distribution | None) -> list[str]:
    try:
        return list(owner.requires or ()) if owner else []
    except Exception:  # noqa: BLE001  # as above
        return []


def normalized(name: str) -> str:
    """Return a distribution's name as the index knows it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _surely_met(text: str) -> bool:
    """Return whether a requirement of a name and plain bounds, such as ``gateway-core>=0.1,<1``, is met beyond doubt.

    What only an extra requires is no requirement. This spares a process that opens a gateway the import of packaging.
    """
    from importlib import metadata

    match = _PLAIN.fullmatch(text)
    if match is None or match["extra"]:
        return match is not None
    copies = list(metadata.distributions(name=match["name"]))
    version = identity_of(in_force(copies))[1] if copies else ""
    if not _NUMBERS.fullmatch(version):
        return False
    own = _release(version)
    return all((own < _release(bound)) == (sign == "<") for sign, bound in _BOUND.findall(match["bounds"]))


def _release(version: str) -> tuple[int, ...]:
    numbers = list(map(int, version.split(".")))
    while numbers and not numbers[-1]:
        numbers.pop()  # 1.0 is 1
    return tuple(numbers)


def unmet(text: str) -> str | None:
    """Return how the environment fails one requirement; None if it does not.

    Raises:
        ModuleNotFoundError: If it is not there at all.
        ValueError, LookupError: If the requirement cannot be read.
    """
    if _surely_met(text):
        return None
    from importlib import metadata

    from packaging.requirements import Requirement

    requirement = Requirement(text)
    if requirement.marker is not None and not requirement.marker.evaluate():
        return None
    copies = list(metadata.distributions(name=requirement.name))
    if not copies:
        raise metadata.PackageNotFoundError(requirement.name)
    _, installed = identity_of(in_force(copies))
    if requirement.specifier.contains(installed, prereleases=True):
        return None
    return f"it requires {requirement.name}{requirement.specifier}, and {installed} is installed"


def same_name(one: str, other: str) -> bool:
    """Return whether two names of distributions mean the same one."""
    return normalized(one) == normalized(other)

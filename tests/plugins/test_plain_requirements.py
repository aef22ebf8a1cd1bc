"""Plain requirements are decided without packaging, and as packaging decides them."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some
from packaging.requirements import InvalidRequirement, Requirement

from gateway_core._plugins import distributions
from gateway_core._plugins.distributions import unmet

numbers = some.lists(some.integers(0, 3), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
endings = some.sampled_from(["", "", "", "a1", ".dev0", "+local", ".post1"])
versions = some.builds(str.__add__, numbers, endings)
bounds = some.builds(
    "".join,
    some.lists(some.sampled_from([",", ">=", "<", "<", ">=", "==", " ", "!=", "1", "0.2", "2.0.0"]), max_size=6),
)

markers = some.sampled_from(["", "", "; extra == 'server'", "; extra == 'a' or extra == 'b'", "; python_version < '3'"])

USUAL = ("some-thing>=0.1,<1", "some-thing<1,>=0.1", "some-thing[cli]>=1; extra == 'server'", "some-thing>=0.2")


class Installed(metadata.Distribution):
    """A distribution that says which version it has."""

    def __init__(self, version: str) -> None:
        self._version = version

    def read_text(self, filename: str) -> str | None:
        """Return the metadata."""
        return (
            f"Metadata-Version: 2.1\nName: some-thing\nVersion: {self._version}\n" if filename == "METADATA" else None
        )

    def locate_file(self, path: object) -> Path:
        """Return a path as it is."""
        return Path(str(path))


@given(versions, bounds | some.builds(lambda low, high: f">={low},<{high}", numbers, numbers), markers)
def test_they_are_met_where_packaging_says_so(version: str, bound: str, marker: str) -> None:
    """A plugin is imported exactly where its requirement on the core admits it."""
    text = f"Some.thing{bound}{marker}"
    try:
        requirement = Requirement(text)
        inapplicable = requirement.marker is not None and not requirement.marker.evaluate()
        admitted = inapplicable or requirement.specifier.contains(version, prereleases=True)
    except InvalidRequirement:
        admitted = False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metadata, "distributions", lambda **_: [Installed(version)])
        sure = distributions._surely_met(text)
        patch.setattr(distributions, "_surely_met", lambda _: False)
        try:
            careful = unmet(text) is None
        except ValueError:
            careful = False

    assert careful == admitted
    assert admitted or not sure


def test_usual_ones_need_no_packaging(monkeypatch: pytest.MonkeyPatch) -> None:
    """The short way is taken: what every plugin writes is decided by it."""
    monkeypatch.setattr(metadata, "distributions", lambda **_: [Installed("0.1.0")])

    actual = [
        distributions._surely_met(text) for text in ("some-thing>=0.1,<1", "some-thing<1,>=0.1", "some-thing>=0.2")
    ]

    assert actual == [True, True, False]

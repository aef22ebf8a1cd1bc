"""Finding the one distribution that offers a backend, without importing anything."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core._plugins import loading
from gateway_core._plugins.inspection import inspect_all
from gateway_core.errors import UnknownBackendError

if TYPE_CHECKING:
    from tests.plugins.conftest import Site

NO_NAMES = [
    "../x",
    "Foo",
    "a b",
    "os:system",
    "-a",
    "a--b",
    "a.b",
    "x" * 65,
    "m\u0456nimal",
    "\uff4dinimal",
    "a\x1b[2J",
]


def test_found_plugin_is_described_and_not_imported(site: Site) -> None:
    """P1: Finding a plugin tells where it comes from, and imports neither it nor another."""
    site.add("minimal", "exits")

    plugin = loading.find("minimal")

    assert (plugin.name, plugin.entry_point) == ("minimal", "minimal = gateway_minimal:Minimal")
    assert (plugin.distribution, plugin.version) == ("gateway-minimal", "1.0")
    assert site.imported() == set()


@pytest.mark.parametrize("name", [*NO_NAMES, "", "minimal\n", "a\nb", "x" * 100_000])
def test_name_that_is_no_name_matches_nothing(site: Site, name: str) -> None:
    """P3: Only exact ASCII names match, even where an entry point bears the very name that was asked for."""
    site.add("minimal")
    site.make("gateway-odd", {name: "gateway_minimal:Minimal"})

    with pytest.raises(
        UnknownBackendError, match=" names no backend: a name is at most 64 small ASCII letters"
    ) as caught:
        loading.find(name)

    assert caught.value.who_must_act == "operator"
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 300
    assert site.imported() == set()


@pytest.mark.parametrize("name", [None, 7, b"minimal", ["minimal"], object()])
def test_name_that_is_no_text_is_the_applications_fault(site: Site, name: Any) -> None:
    """A backend's name is text; of anything else the type is told, and not the value."""
    site.add("minimal")

    with pytest.raises(UnknownBackendError) as caught:
        loading.find(name)

    assert caught.value.message.startswith(f"{type(name).__name__} names no backend")
    assert caught.value.who_must_act == "application"


def test_unknown_backend_with_a_similar_name_suggests_it(site: Site) -> None:
    """A misspelt backend is answered with the one that was probably meant."""
    site.add("minimal")

    with pytest.raises(UnknownBackendError) as caught:
        loading.find("minimall")

    assert caught.value.message == (
        "the backend 'minimall' cannot be had: nobody offers it: did you mean 'minimal'? (the operator must act)"
    )
    assert (caught.value.backend, caught.value.who_must_act) == ("minimall", "operator")
    assert (caught.value.entry_point, caught.value.distribution, caught.value.version) == (None, None, None)


def test_unknown_backend_lists_what_is_installed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no name is similar, the installed ones are listed, without names that nobody could choose."""
    monkeypatch.setattr(sys, "path", [str(site.path)])
    site.add("minimal", "exits")
    site.make("gateway-odd", {"Odd Name": "gateway_odd:Odd"})

    with pytest.raises(UnknownBackendError, match="nobody offers it: installed are exits, minimal "):
        loading.find("quux")


def test_unknown_backend_without_any_plugin_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The core alone has no provider, and says that."""
    monkeypatch.setattr(sys, "path", [])

    with pytest.raises(UnknownBackendError, match="nobody offers it: no provider plugin is installed "):
        loading.find("minimal")


def test_name_offered_by_two_distributions_is_refused(site: Site) -> None:
    """P2: Two distributions that offer one name are both named, and neither is imported."""
    site.add("twin-a", "twin-b")

    with pytest.raises(UnknownBackendError) as caught:
        loading.find("twin")

    assert caught.value.message == (
        "the backend 'twin' cannot be had: it is offered by gateway-twin-a 1.0 (twin = gateway_twin_a:Twin)"
        " and gateway-twin-b 1.0 (twin = gateway_twin_b:Twin): uninstall one, or name the one you mean as"
        " `distribution` (the operator must act)"
    )
    assert caught.value.distribution == "gateway-twin-a and gateway-twin-b"
    assert site.imported() == set()


@pytest.mark.parametrize("pin", ["gateway-twin-b", "gateway_twin_b", "Gateway.Twin-B"])
def test_distribution_can_be_pinned(site: Site, pin: str) -> None:
    """P2: The distribution that is meant can be named, in any spelling that installers take; only it is imported."""
    site.add("twin-a", "twin-b")

    provider_class = loading.find("twin", distribution=pin).load()

    assert provider_class.info.title == "Twin B"
    assert site.imported() == {"gateway_twin_b"}


@pytest.mark.parametrize("pin", ["gateway-elsewhere", "gateway-twin-a-b", "", 7])
def test_pinned_distribution_that_does_not_offer_the_name_is_refused(site: Site, pin: Any) -> None:
    """P2: A pin is never stretched to another distribution, even where only one offers the name."""
    site.add("minimal")

    with pytest.raises(UnknownBackendError) as caught:
        loading.find("minimal", distribution=pin)

    assert f"the distribution {pin!r} does not offer it, gateway-minimal 1.0 does" in caught.value.message
    assert site.imported() == set()


def test_name_offered_twice_by_one_distribution_is_its_authors_fault(site: Site) -> None:
    """P2: One distribution cannot offer a name twice; a repeated line is the same offer."""
    info = site.make("gateway-double", {"double": "gateway_double:One", "same": "gateway_same:Same"})
    points = (info / "entry_points.txt").read_text()
    (info / "entry_points.txt").write_text(f"{points}double = gateway_double:Two\nsame = gateway_same:Same\n")

    with pytest.raises(UnknownBackendError, match="one distribution offers it twice") as caught:
        loading.find("double")

    assert caught.value.who_must_act == "plugin author"
    assert loading.find("same").entry_point == "same = gateway_same:Same"


@pytest.mark.parametrize("points", [b"[gateway_core.providers]\nno entry point\n", b"[console_scripts]\n\xff = a:b\n"])
def test_unreadable_entry_points_of_a_stranger_stop_nobody(site: Site, points: bytes) -> None:
    """P1: One distribution's damaged entry_points.txt ends the standard library's scan; it does not end ours."""
    site.add("minimal")
    (site.make("damaged", {}) / "entry_points.txt").write_bytes(points)

    provider_class = loading.find("minimal").load()
    reports = {report.name: report for report in inspect_all()}
    damaged = reports["(unknown)"]

    assert provider_class.__name__ == "Minimal"
    assert reports["minimal"].fault is None
    assert (damaged.distribution, damaged.version, damaged.who_must_act) == ("damaged", "1.0", "operator")
    assert (damaged.fault or "").startswith("its entry_points.txt cannot be read (")


def test_unreadable_entry_points_are_told_where_a_backend_is_missing(site: Site) -> None:
    """Who looks for a backend in vain learns that a distribution could not be asked."""
    (site.make("damaged", {}) / "entry_points.txt").write_bytes(b"[gateway_core.providers]\nlost\n")

    with pytest.raises(UnknownBackendError, match=r"; of damaged 1\.0, its entry_points\.txt cannot be read"):
        loading.find("lost")


def test_distributions_without_a_name_do_not_shadow_each_other(site: Site) -> None:
    """Where each distribution is looked at by itself, one with unreadable metadata still offers what it offers."""
    for name in ("minimal", "noisy"):
        site.add(name)
        (site.path / f"gateway_{name}-1.0.dist-info" / "METADATA").write_bytes(b"\xff")
    (site.make("damaged", {}) / "entry_points.txt").write_bytes(b"[gateway_core.providers]\nlost\n")

    found = [loading.find(name).entry_point for name in ("minimal", "noisy")]

    assert found == ["minimal = gateway_minimal:Minimal", "noisy = gateway_noisy:Noisy"]


@pytest.mark.parametrize("damaged", [False, True])
def test_shadowed_copy_of_a_distribution_is_no_rival(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: bool
) -> None:
    """P2: A second copy further down the path is never imported, so neither its offer nor its damage counts."""
    site.add("minimal")
    shadowed = type(site)(tmp_path / "shadowed")
    shadowed.add("minimal")
    monkeypatch.setattr(sys, "path", [*sys.path, str(shadowed.path)])
    if damaged:
        (site.make("damaged", {}) / "entry_points.txt").write_bytes(b"[gateway_core.providers]\nlost\n")
        (shadowed.make("damaged", {}) / "entry_points.txt").write_bytes(b"[gateway_core.providers]\nlost\n")

    plugin = loading.find("minimal")
    reports = [report.name for report in inspect_all()]

    assert plugin.distribution == "gateway-minimal"
    assert (reports.count("minimal"), reports.count("(unknown)")) == (1, damaged)


@pytest.mark.parametrize(
    "folder",
    ["~ateway_minimal-0.9.dist-info", "~teway_minimal-0.9.dist-info", "-ateway_minimal-0.9.dist-info"],
)
def test_folder_that_pip_ignores_is_ignored(site: Site, folder: str) -> None:
    """What pip renames to uninstall it, and leaves where it is interrupted, offers nothing."""
    old = site.make("gateway-minimal", {"minimal": "gateway_gone:Gone"}, version="0.9")
    old.rename(site.path / folder)
    site.add("minimal")

    plugin = loading.find("minimal")

    assert (plugin.version, plugin.load().__name__) == ("1.0", "Minimal")


@pytest.mark.parametrize("files", [[], ["INSTALLER"], ["INSTALLER", "entry_points.txt"], ["METADATA"]], ids=str)
@pytest.mark.parametrize("version", ["0.9", "1.1"])
def test_older_folder_that_was_left_beside_is_passed_over(site: Site, version: str, files: list[str]) -> None:
    """A folder without metadata, as an interrupted installation leaves it, hides no distribution."""
    site.add("minimal")
    left = site.make("gateway-minimal", {"minimal": "gateway_gone:Gone"}, version=version)
    for path in left.iterdir():
        if path.name not in files:
            path.unlink()
    if "METADATA" in files:
        (left / "METADATA").write_text("")

    plugin = loading.find("minimal")

    assert (plugin.version, plugin.load().__name__) == ("1.0", "Minimal")


@pytest.mark.parametrize("left", ["0.9", "0.10rc1", "no.version"])
def test_newest_of_two_whole_folders_counts(site: Site, left: str) -> None:
    """Where an installer left the whole metadata of an older version, the newest is what is there."""
    site.add("minimal")
    site.make("gateway-minimal", {"minimal": "gateway_gone:Gone"}, version=left, requires=["gateway-core<0.0.1"])

    plugin = loading.find("minimal")

    assert (plugin.version, plugin.load().__name__) == ("1.0", "Minimal")


def test_empty_folder_of_the_core_hides_no_version_of_it(site: Site) -> None:
    """A leftover of an older core is no reason to refuse a plugin."""
    site.add("minimal")
    (site.path / "gateway_core-0.0.1.dist-info").mkdir()
    site.make("gateway-core", {}, version="0.5")

    assert loading.find("minimal").load().__name__ == "Minimal"


@pytest.mark.parametrize("record", [None, "gateway_lost/__init__.py,sha256=x,7\n", "gateway_lost.py,,\n"])
def test_metadata_without_its_code_is_the_operators_to_mend(site: Site, record: str | None) -> None:
    """Where an installer left the metadata and not the code, its folder is named, and no author is blamed."""
    info = site.make("gateway-lost", {"lost": "gateway_lost.provider:Lost"})
    (info / "RECORD").unlink()
    if record is not None:
        (info / "RECORD").write_text(record)

    with pytest.raises(UnknownBackendError, match="was left by an installer without the code") as caught:
        loading.find("lost").load()

    assert str(info) in caught.value.message
    assert caught.value.who_must_act == "operator"


def test_unreadable_entry_points_name_their_folder(site: Site) -> None:
    """Who must remove something is told where it lies."""
    info = site.make("damaged", {})
    (info / "entry_points.txt").write_bytes(b"[gateway_core.providers]\nlost\n")

    with pytest.raises(UnknownBackendError) as caught:
        loading.find("lost")

    assert f"install it anew, or remove {info}" in caught.value.message

"""Loading the chosen plugin, and saying who must act where it is broken."""

from __future__ import annotations

import importlib.metadata
import sys
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core import Gateway
from gateway_core._plugins import loading
from gateway_core.errors import UnknownBackendError

if TYPE_CHECKING:
    from tests.plugins.conftest import Broken, Site


def test_only_the_chosen_plugin_is_imported(site: Site) -> None:
    """P1: Loading a plugin imports that one, whatever is installed beside it."""
    site.add(*site.projects)

    provider_class = loading.find("minimal").load()

    assert provider_class.__name__ == "Minimal"
    assert site.imported() == {"gateway_minimal"}


def test_broken_plugin_is_blamed_precisely(site: Site, broken: Broken) -> None:
    """P4: The error names entry point, distribution, version, cause and who must act, on one line, with no chain."""
    site.add(broken.name)
    plugin = loading.find(broken.name)

    with pytest.raises(UnknownBackendError) as caught:
        plugin.load()

    error = caught.value
    blame = f"distribution gateway-{broken.name} 1.0; the {broken.who_must_act} must act"
    assert error.message.startswith(f"the backend {broken.name!r} is installed but broken: ")
    assert broken.fault in error.message
    assert error.message.endswith(f" (entry point {plugin.entry_point}, {blame})")
    assert error.message.isprintable()
    assert (error.backend, error.distribution, error.version) == (broken.name, f"gateway-{broken.name}", "1.0")
    assert (error.entry_point, error.who_must_act) == (plugin.entry_point, broken.who_must_act)
    assert (error.__cause__, error.__context__) == (None, None)


def test_long_cause_does_not_hide_who_must_act(site: Site) -> None:
    """However much a plugin says, there is room for its distribution and for who must act."""
    site.make("gateway-talker", {"talker": "gateway_talker:Talker"})
    site.module("gateway_talker", "raise ValueError('\\n\\x1b[2J' * 100_000)")

    with pytest.raises(UnknownBackendError) as caught:
        loading.find("talker").load()

    assert caught.value.message.endswith("distribution gateway-talker 1.0; the plugin author must act)")
    assert len(caught.value.message) < 1500
    assert caught.value.message.isprintable()


def test_missing_module_is_told_without_a_place(site: Site) -> None:
    """Where the module itself is missing, no line of any file is to blame."""
    site.make("gateway-gone", {"gone": "gateway_gone:Gone"})

    with pytest.raises(UnknownBackendError) as caught:
        loading.find("gone").load()

    assert "failed with ModuleNotFoundError: No module named 'gateway_gone' (entry point" in caught.value.message


@pytest.mark.parametrize("cause", ["KeyboardInterrupt()", "BaseException('odd')"])
def test_import_is_survived_unless_the_user_ends_it(site: Site, cause: str) -> None:
    """A plugin may raise anything at import; Ctrl-C alone is not its doing."""
    site.make("gateway-odd", {"odd": "gateway_odd:Odd"})
    site.module("gateway_odd", f"raise {cause}")
    expected = KeyboardInterrupt if cause.startswith("Keyboard") else UnknownBackendError

    with pytest.raises(expected):
        loading.find("odd").load()


def test_check_is_ended_by_the_user(site: Site) -> None:
    """Ctrl-C while a class is looked at ends the check too."""
    site.make("gateway-slow", {"slow": "gateway_slow:Slow"})
    site.module(
        "gateway_slow", "class M(type):\n  def __getattr__(c, n): raise KeyboardInterrupt\nclass Slow(metaclass=M): ..."
    )

    with pytest.raises(KeyboardInterrupt):
        loading.find("slow").load()


@pytest.mark.parametrize("value", ["", "gateway_minimal:", "gateway-minimal:Minimal", "../gateway_minimal:Minimal"])
def test_entry_point_of_wrong_form_is_the_authors_fault(site: Site, value: str) -> None:
    """An entry point that names no object is told as such, and nothing is imported for it."""
    site.add("minimal")
    site.make("gateway-formless", {"formless": value})

    with pytest.raises(UnknownBackendError, match="its entry point is not of the form module:object") as caught:
        loading.find("formless").load()

    assert caught.value.who_must_act == "plugin author"
    assert site.imported() == set()


@pytest.mark.parametrize(
    "requires",
    [
        ["gateway-core>=9"],
        ["Gateway_Core >= 9"],
        ["gateway.core (>=9)"],
        ["gateway-core[cli]<0.1"],
        ["gateway-core>=0.1", "gateway-core>=9; python_version >= '3'"],
    ],
    ids=str,
)
def test_plugin_for_another_core_is_refused_before_its_import(site: Site, requires: list[str]) -> None:
    """P4: A requirement that does not admit the installed core is told before a line of the plugin runs."""
    site.make("gateway-other", {"other": "gateway_minimal:Minimal"}, requires=requires)
    installed = importlib.metadata.version("gateway-core")

    with pytest.raises(UnknownBackendError, match=r"broken: it requires [Gg]ateway") as caught:
        loading.find("other").load()

    assert f", and {installed} is installed: install versions that go together" in caught.value.message
    assert caught.value.who_must_act == "operator"
    assert site.imported() == set()


@pytest.mark.parametrize(
    "requires",
    [
        [],
        ["gateway-core"],
        ["gateway-core>=0.1,<1", "requests"],
        ["gateway-core>=9; python_version < '3'", "gateway-core>=9; extra == 'next'"],
        ["gateway-core-extras>=9", "gateway>=9"],
        ["gateway-core @ file:///somewhere"],
        ["no requirement at all", ">=9"],
    ],
    ids=str,
)
def test_plugin_for_this_core_is_loaded(site: Site, requires: list[str]) -> None:
    """A requirement that admits the core, or does not apply here, is no obstacle; others are the installer's affair."""
    site.add("minimal")
    site.make("gateway-other", {"other": "gateway_minimal:Minimal"}, requires=requires)

    assert loading.find("other").load().__name__ == "Minimal"


@pytest.mark.parametrize(
    "text",
    [
        "gateway-core >=> 9",
        "gateway-core>=9; colour == 'red'",
        "gateway-core; 'cli' in extras",
        "gateway-core; python_version",
    ],
)
def test_requirement_that_cannot_be_read_is_the_authors_fault(site: Site, text: str) -> None:
    """P4: A requirement on the core that cannot be read admits no core."""
    site.make("gateway-other", {"other": "gateway_minimal:Minimal"}, requires=[text])

    with pytest.raises(UnknownBackendError, match=r"its requirement .* cannot be read: ") as caught:
        loading.find("other").load()

    assert caught.value.who_must_act == "plugin author"
    assert site.imported() == set()


@pytest.mark.parametrize("version", ["0.2.0rc1", "0.2.dev3", "0.1.0+debian.1"])
def test_core_before_its_release_is_a_core(site: Site, version: str) -> None:
    """A release candidate, a development version and a local build are held against the requirement as they are."""
    site.add("minimal")
    site.make("gateway-core", {}, version=version)

    assert loading.find("minimal").load().__name__ == "Minimal"


def test_core_without_metadata_leaves_it_to_the_contract_version(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the core was not installed, there is no version to hold a requirement against."""
    site.add("minimal", "newer-contract")
    plugins = loading.find("minimal"), loading.find("newer-contract")
    monkeypatch.setattr(sys, "path", [str(site.path)])

    assert plugins[0].load().__name__ == "Minimal"
    with pytest.raises(UnknownBackendError, match="version 99 of the provider contract"):
        plugins[1].load()


@pytest.mark.parametrize(
    "metadata, distribution",
    [
        (None, "(without a name, in {site})"),
        (b"Name: \xff\n", "(unknown)"),
        (b"Name: x\x1b[2J\n", "x\\x1b[2J"),
        (b"Name: x\ny", "x"),
    ],
)
def test_plugin_without_readable_metadata_is_loaded(site: Site, metadata: bytes | None, distribution: str) -> None:
    """Metadata that is lost or unreadable is no reason not to load a plugin that fits."""
    site.add("minimal")
    path = site.path / "gateway_minimal-1.0.dist-info" / "METADATA"
    path.unlink()
    if metadata is not None:
        path.write_bytes(metadata)

    plugin = loading.find("minimal")

    assert (plugin.distribution, plugin.version) == (distribution.format(site=site.path), "(unknown)")
    assert plugin.load().__name__ == "Minimal"


def test_entry_point_without_distribution_is_loaded(site: Site) -> None:
    """An entry point that an application made by hand belongs to no distribution."""
    site.add("minimal")
    source = importlib.metadata.EntryPoint("minimal", "gateway_minimal:Minimal", loading.PROVIDERS)

    plugin = loading.Plugin.of(source)

    assert (plugin.distribution, plugin.version) == ("(unknown)", "(unknown)")
    assert plugin.load().__name__ == "Minimal"


@pytest.mark.parametrize(
    "requirement, unmet",
    [
        ("gateway-nowhere>=1", "it requires gateway-nowhere, which is not installed"),
        ("attrs<1", "it requires attrs<1, and "),
    ],
)
def test_failed_import_in_a_broken_environment_is_the_operators_to_mend(
    site: Site, requirement: str, unmet: str
) -> None:
    """Where a declared dependency is missing, not the author must act but who installed the plugin without it."""
    site.make("gateway-needy", {"needy": "gateway_needy:Needy"}, requires=["gateway-core", "?", requirement])
    site.module("gateway_needy", "import gateway_nowhere")

    with pytest.raises(UnknownBackendError) as caught:
        loading.find("needy").load()

    assert f"ModuleNotFoundError: No module named 'gateway_nowhere' at {site.path}" in caught.value.message
    assert unmet in caught.value.message
    assert caught.value.who_must_act == "operator"


def test_finding_and_loading_scans_once_and_reads_the_chosen_metadata_only(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway costs one scan of the entry points, and the metadata of the chosen plugin and the core."""
    site.add(*site.projects)
    scans: list[str] = []
    read: set[str] = set()
    scan, read_text = importlib.metadata.distributions, importlib.metadata.PathDistribution.read_text

    def counted(**name: Any) -> Any:
        scans.append(name.get("name", "all"))
        return scan(**name)

    def watched(self: Any, filename: Any) -> Any:
        if filename == "METADATA":
            read.add(self._path.name.partition("-")[0])
        return read_text(self, filename)

    monkeypatch.setattr(importlib.metadata, "distributions", counted)
    monkeypatch.setattr(importlib.metadata.PathDistribution, "read_text", watched)
    Gateway.connect("minimal", api_key="k-1234").close()

    assert scans == ["all", "gateway-core"]
    assert read == {"gateway_minimal", "gateway_core"}

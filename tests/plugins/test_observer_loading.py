"""Choosing observers: by name from what is installed, or as objects; a broken one stops no payment."""

from __future__ import annotations

import importlib.metadata
import logging
import sys
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core import hookimpl
from gateway_core.errors import ConfigurationError
from gateway_core.observers import Event, Observers
from gateway_core.observers._loading import GROUP
from gateway_core.observers._logging import LoggingObserver

if TYPE_CHECKING:
    from tests.plugins.conftest import Site

GOOD = """
from gateway_core import hookimpl
told = []
class Good:
    @hookimpl
    def observe(self, event):
        told.append(event)
"""


def install(site: Site, name: str, source: str = GOOD, *, kind: str = "Good", **about: Any) -> None:
    """Install a distribution `acme-<name>` that offers one observer."""
    site.module(f"acme_{name}", source)
    site.make(f"acme-{name}", {name: f"acme_{name}:{kind}"}, group=GROUP, **about)


def written(source: str) -> str:
    """Return a module with an observer whose class has this body."""
    body = "\n".join(f"    {line}" for line in source.splitlines())
    return f"from gateway_core import hookimpl\nclass Good:\n{body}\n"


def test_chosen_observer_alone_is_imported(site: Site) -> None:
    """P1: Observers that are installed and not chosen are not imported, however broken."""
    install(site, "good")
    install(site, "broken", "raise SystemExit")

    Observers.load(["good"]).call("bitsby", "get_status")

    assert [event.operation for event in sys.modules["acme_good"].told] == ["get_status"]
    assert "acme_broken" not in sys.modules


def test_logging_is_on_by_default(caplog: pytest.LogCaptureFixture) -> None:
    """Without a choice the log is written."""
    caplog.set_level(logging.DEBUG, "gateway_core")

    Observers.load().call("bitsby", "get_status")

    assert [record.name for record in caplog.records] == ["gateway_core.calls"]


def test_our_own_observer_is_what_its_entry_point_names() -> None:
    """It is an observer as any other, and found as any other by whoever looks at what is installed."""
    [point] = importlib.metadata.entry_points(group=GROUP, name="logging")

    kind = point.load()

    assert isinstance(kind(), LoggingObserver)


def test_name_of_our_own_observer_cannot_be_taken(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """P2: A distribution that offers the same name is not imported, and the log goes on."""
    caplog.set_level(logging.DEBUG, "gateway_core")
    site.module("acme_rival", GOOD)
    site.make("acme-rival", {"logging": "acme_rival:Good"}, group=GROUP)

    Observers.load(["logging"]).call("bitsby", "get_status")

    assert [record.name for record in caplog.records] == ["gateway_core.calls"]
    assert "acme_rival" not in sys.modules


def test_no_observers_may_be_chosen(caplog: pytest.LogCaptureFixture) -> None:
    """An empty list means what it says."""
    caplog.set_level(logging.DEBUG, "gateway_core")

    Observers.load([]).call("bitsby", "get_status")

    assert caplog.records == []


def test_observer_that_is_chosen_twice_is_told_once(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """A name or an object that stands in the list twice does not count, or complain, twice."""
    install(site, "good")
    install(site, "broken", "raise SystemExit")
    told = []

    class Mine:
        @hookimpl
        def observe(self, event: Event) -> None:
            told.append(event)

    mine = Mine()

    Observers.load(["good", mine, "broken", "good", mine, "broken"]).call("bitsby", "get_status")

    assert (len(told), len(sys.modules["acme_good"].told), len(caplog.records)) == (1, 1, 1)


@pytest.mark.parametrize("name", ["gud", "Good", "../good", "", "x" * 10_000, "a\nb\x1b[2J"])
def test_unknown_observer_is_an_error_that_names_those_there_are(site: Site, name: str) -> None:
    """A name that nobody offers is a mistake in the configuration, and is told what to choose from."""
    install(site, "good")
    site.make("acme-odd", {"a b": "acme_odd:Odd"}, group=GROUP)

    with pytest.raises(ConfigurationError, match=r"installed are good, logging|did you mean 'good'") as caught:
        Observers.load([name])

    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 300
    assert "acme_good" not in sys.modules


def test_two_offers_of_one_name_are_an_error_that_names_both(site: Site) -> None:
    """P2: Whom to tell of payments is not decided by the order of folders."""
    for name in ("one", "two"):
        site.module(f"acme_{name}", GOOD)
        site.make(f"acme-{name}", {"same": f"acme_{name}:Good"}, group=GROUP, version="2.1")

    with pytest.raises(ConfigurationError, match=r"acme-one 2\.1 .* and acme-two 2\.1 .*: uninstall one"):
        Observers.load(["same"])

    assert not {"acme_one", "acme_two"} & set(sys.modules)


@pytest.mark.parametrize(
    "source, fault",
    [
        ("raise SystemExit", "its import failed with SystemExit"),
        ("import no_such_module", "its import failed with ModuleNotFoundError"),
        ("Good = 7", "making it failed with TypeError"),
        (written("def __init__(self): raise ValueError('canary')"), "making it failed with ValueError"),
        (written("def __init__(self): raise SystemExit('canary')"), "making it failed with SystemExit"),
        (written("pass"), "observe is missing"),
        (written("def observe(self, event): ..."), "observe is not marked with @hookimpl"),
        (written("@hookimpl\ndef obsreve(self, event): ..."), "obsreve is no hook, did you mean observe?"),
        (written("@hookimpl\ndef observe(self, happened): ..."), "observe takes happened, which is no argument"),
        (written("@hookimpl\ndef observe(self, event=None): ..."), "observe must take event as a plain argument"),
        (written("@hookimpl\nasync def observe(self, event): ..."), "observe is async"),
        (written("@hookimpl\nasync def observe(self, event): yield"), "observe is async"),
        (written("@hookimpl\ndef observe(self, event): yield"), "observe is a generator"),
        (written("@hookimpl(wrapper=True)\ndef observe(self, event): return (yield)"), "observe is a wrapper"),
        (written("@property\ndef observe(self): raise ValueError('canary')"), "observe is not marked"),
        (
            written("@hookimpl\ndef observe(self, event): ...\n@property\ndef wants(self): raise ValueError('canary')"),
            "its check failed with ValueError",
        ),
    ],
)
def test_broken_observer_is_logged_and_left_out(
    site: Site, caplog: pytest.LogCaptureFixture, source: str, fault: str
) -> None:
    """P4: A broken observer is told to whoever reads the log, with its distribution, and the gateway works without."""
    install(site, "broken", source, version="3.2")
    install(site, "good")

    observers = Observers.load(["broken", "good"])
    observers.call("bitsby", "get_status")

    [record] = caplog.records
    message = record.getMessage()
    assert (record.levelno, record.name) == (logging.WARNING, "gateway_core.observers")
    assert message.startswith(
        "the observer 'broken' (entry point broken = acme_broken:Good, distribution acme-broken 3.2)"
    )
    assert fault in message
    assert "canary" not in message
    assert len(sys.modules["acme_good"].told) == 1


def test_observer_for_another_core_is_left_out_before_it_is_imported(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """A requirement on the core that is not met is said as it is, and no line of the observer runs."""
    install(site, "newer", requires=["gateway-core>=99"])

    Observers.load(["newer"])

    assert "it requires gateway-core>=99" in caplog.text
    assert "acme_newer" not in sys.modules


def test_interruption_while_an_observer_is_made_passes_through(site: Site) -> None:
    """Ctrl-C during the start of a program stops it."""
    install(site, "slow", written("def __init__(self): raise KeyboardInterrupt"))

    with pytest.raises(KeyboardInterrupt):
        Observers.load(["slow"])


class Unmarked:
    """Not marked with `hookimpl`."""

    def observe(self, event: Event) -> None:
        """Be overlooked."""


class Marked:
    """An observer, once it is made."""

    @hookimpl
    def observe(self, event: Event) -> None:
        """Take note of nothing."""


@pytest.mark.parametrize(
    "observer, fault",
    [
        (object(), "observe is missing"),
        (None, "observe is missing"),
        (Unmarked(), "observe is not marked with @hookimpl"),
        (Marked, "Marked is a class, give an object made of it"),
    ],
)
def test_object_that_is_no_observer_is_an_error(observer: object, fault: str) -> None:
    """What the application gives itself is refused at once: nobody would miss the events later."""
    with pytest.raises(ConfigurationError, match=fault):
        Observers.load([observer])


@pytest.mark.parametrize("observers", ["logging", b"bytes", None, 7])
def test_observers_are_a_list(observers: Any) -> None:
    """One name alone would be read as the names l, o, g and so on."""
    with pytest.raises(ConfigurationError, match="given as a list"):
        Observers.load(observers)


def test_unreadable_neighbour_hides_no_observer(site: Site) -> None:
    """A distribution whose entry points are no text stops nobody else's observer."""
    install(site, "good")
    (site.make("acme-garbled", {}, group=GROUP) / "entry_points.txt").write_bytes(b"\xff\xfe\x00")

    Observers.load(["good"]).call("bitsby", "get_status")

    assert len(sys.modules["acme_good"].told) == 1

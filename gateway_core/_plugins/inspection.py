"""Reports on every installed provider plugin. Each is imported by a child process of its own, which holds no keys.

A plugin that nobody has chosen is code that nobody trusts with a payment. What it does while it is imported, such as
ending the process, never ending, or looking through the memory for keys, is done to the child.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs

from gateway_core._plugins.discovery import Unreadable, offers_of, rivalry, scan
from gateway_core._plugins.distributions import UNKNOWN
from gateway_core._plugins.loading import ADVICE, PROVIDERS, Plugin
from gateway_core._plugins.validation import OPERATIONS
from gateway_core._redaction import one_line
from gateway_core._tracebacks import describe
from gateway_core.errors import GatewayError, PluginError
from gateway_core.wire import decode

#: Seconds that a plugin has to be imported and to be looked at, from the start of its process.
TIME_LIMIT = 15.0

_AT_ONCE = 4
_LONGEST_REPORT = 1 << 20

#: The variables of the environment that a child needs to find and run Python. Any other may hold a key.
_PASSED_ON = ("HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "TZ", "VIRTUAL_ENV")
_PASSED_ON_BEGINNINGS = ("LC_", "PYTHON")

_PROGRAM = """
import json, sys
path, name, value, folder = json.loads(sys.argv[1])
sys.path[:] = path
from gateway_core._plugins.inspection import report
report(name, value, folder)
"""


@attrs.frozen(kw_only=True)
class Findings:
    """What a child says of a plugin.

    Attributes:
        title: The provider's name for people, on one line; None if the plugin is broken.
        capabilities: The operations that it supports, the required ones first; none if it is broken.
        unsupported: Operations that its API has no counterpart for, each with the reason.
        currencies: The codes that an invoice may be in; None if any may.
        rate_limits: The provider's limits on requests.
        webhook_authentication: How its webhooks are shown to be genuine.
        fault: Why it cannot be used, on one line; None if it can.
        who_must_act: ``"plugin author"`` or ``"operator"``; None if it can be used.
        lost: Whether the process that imported it died or hung, as an application's would.
    """

    title: str | None = None
    capabilities: tuple[str, ...] = ()
    unsupported: dict[str, str] = attrs.field(factory=dict)
    currencies: tuple[str, ...] | None = None
    rate_limits: tuple[str, ...] = ()
    webhook_authentication: str | None = None
    fault: str | None = None
    who_must_act: str | None = None
    lost: bool = False


@attrs.frozen(kw_only=True)
class PluginReport(Findings):
    """What is known of one entry point.

    Attributes:
        name: The backend's name; ``(unknown)`` where the list of entry points itself cannot be read.
        entry_point: The entry point, as ``name = module:object``.
        distribution: The distribution that owns it.
        version: That distribution's version.
    """

    name: str
    entry_point: str
    distribution: str
    version: str


def inspect_all() -> tuple[PluginReport, ...]:
    """Report on every plugin, sorted by name. Nothing of them is imported in this process, and what they print is lost.

    A name with two offers is a fault of both, and neither is imported.
    """
    sources, unreadable = scan(PROVIDERS)
    plugins = offers_of(sources, Plugin)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        reports = list(pool.map(lambda plugin: _report(plugin, plugins), plugins))
    return (*reports, *map(_unreadable, unreadable))


def report(name: str, value: str, folder: str | None) -> None:
    """Import one plugin in this process, which a child of `inspect_all` is, write what it is to stdout, and end."""
    from importlib import metadata

    # What the plugin prints is no report, and the threads that it has started end with the process.
    to_parent = os.dup(1)
    os.dup2(2, 1)
    source = metadata.EntryPoint(name, value, PROVIDERS)
    if folder is not None:
        [source, *_] = metadata.Distribution.at(folder).entry_points.select(group=PROVIDERS, name=name, value=value)
    try:
        answer = _looked_at(Plugin.of(source))
        written = json.dumps(attrs.asdict(answer))
    except BaseException as error:  # noqa: BLE001  # what a plugin declares may raise anything when it is read
        written = json.dumps({"fault": f"its check failed with {describe(error)}", "who_must_act": "plugin author"})
    with contextlib.suppress(OSError), os.fdopen(to_parent, "w", encoding="ascii") as stream:
        stream.write(written)
    os._exit(0)


def _looked_at(plugin: Plugin) -> Findings:
    try:
        _, info, capabilities = plugin.examine()
    except PluginError as error:
        return Findings(fault=error.message, who_must_act=error.who_must_act)
    return Findings(
        title=one_line(info.title, 100),
        capabilities=capabilities,
        unsupported={str(key): str(reason) for key, reason in info.unsupported.items()},
        currencies=None if info.currencies is None else tuple(map(str, info.currencies)),
        rate_limits=tuple(map(str, info.rate_limits)),
        webhook_authentication=str(info.webhook_authentication),
    )


def _report(plugin: Plugin, plugins: Sequence[Plugin]) -> PluginReport:
    """Report on one plugin of all."""
    rivals = [each for each in plugins if each.name == plugin.name]
    if len(rivals) > 1:
        fault = rivalry(rivals, ADVICE)
        found = Findings(fault=fault.message, who_must_act=fault.who_must_act)
    else:
        found = _asked(plugin)
    who = attrs.asdict(plugin, filter=attrs.filters.exclude("source"))
    return PluginReport(**who, **attrs.asdict(found))


def _asked(plugin: Plugin) -> Findings:
    """Let a child process import a plugin, and return what it says, or how it ended."""
    if not sys.executable:
        return Findings(fault="it cannot be looked at: there is no Python to start for it", who_must_act="operator")
    arguments = json.dumps([[*map(str, sys.path)], plugin.source.name, plugin.source.value, plugin.folder])
    with tempfile.TemporaryFile() as answer:
        child = subprocess.Popen(  # noqa: S603  # the interpreter that runs this, and a program of ours
            [sys.executable, "-c", _PROGRAM, arguments],
            stdin=subprocess.DEVNULL,
            stdout=answer,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            start_new_session=True,
        )
        try:
            code = child.wait(TIME_LIMIT)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _kill(child)
        answer.seek(0)
        written = answer.read(_LONGEST_REPORT)
    if code is None:
        return _lost(f"importing it took longer than {TIME_LIMIT:g} s")
    if code == 0 and written:
        with contextlib.suppress(GatewayError):
            return _cleaned(decode(written, Findings))
    return _lost(f"importing it ended the process, {_ending(code)}")


def _cleaned(found: Findings) -> Findings:
    """Return what a child says, with nothing in it that a terminal would obey: the plugin may have written it."""
    texts = {name: getattr(found, name) for name in ("title", "fault", "who_must_act")}
    shown: dict[str, Any] = {name: text and one_line(text, 2000) for name, text in texts.items()}
    return attrs.evolve(found, capabilities=tuple(each for each in OPERATIONS if each in found.capabilities), **shown)


def _lost(fault: str) -> Findings:
    return Findings(fault=fault, who_must_act="plugin author", lost=True)


def _ending(code: int) -> str:
    if code >= 0:
        return f"with exit code {code}"
    with contextlib.suppress(ValueError):
        return f"by {signal.Signals(-code).name}"
    return f"by signal {-code}"


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End a child, and what it has started: they are a group, which lasts as long as one of them runs."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    child.wait()


def _environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name.upper() in _PASSED_ON or name.upper().startswith(_PASSED_ON_BEGINNINGS)
    }


def _unreadable(found: Unreadable) -> PluginReport:
    return PluginReport(
        name=UNKNOWN,
        entry_point=UNKNOWN,
        distribution=found.distribution,
        version=found.version,
        fault=found.fault,
        who_must_act="operator",
    )

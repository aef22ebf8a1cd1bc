"""The command that checks a configuration, up to one harmless call to the provider."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Literal

import attrs
import click

from gateway_core._engine.request_checks import open_address
from gateway_core._plugins.inspection import inspect_all
from gateway_core._redaction import one_line, scrub
from gateway_core.cli import options
from gateway_core.cli.output import USAGE, exit_code, fields_of, say, show, write_json
from gateway_core.config import LoadedAccount, accounts, default_account, load_account, permission_faults
from gateway_core.errors import ConfigurationError, GatewayError
from gateway_core.gateway import Gateway
from gateway_core.models import Secret
from gateway_core.observers import Observers
from gateway_core.provider import secrets_of
from gateway_core.provider.settings import find_secrets
from gateway_core.serialization import to_dict


@attrs.frozen(kw_only=True)
class _Finding:
    """The result of one check.

    Attributes:
        account: The account; empty for what concerns none.
        check: What was looked at.
        level: ``"ok"``, ``"warning"`` or ``"error"``.
        text: What was found.
        exit_code: How the command ends because of it; 0 unless it is an error.
    """

    account: str
    check: str
    level: Literal["ok", "warning", "error"]
    text: str
    exit_code: int = 0

    @property
    def ok(self) -> bool:
        """Whether it is no error."""
        return self.level != "error"


@click.command()
@click.argument("account", required=False)
@click.option("--offline", is_flag=True, help="Make no call to a provider.")
@click.option("--show", "show_settings", is_flag=True, help="Show each setting with its origin; secrets are masked.")
@options.config
@options.as_json
def doctor(account: str | None, offline: bool, show_settings: bool, config: options.Config, as_json: bool) -> None:
    """Check ACCOUNT, or every account of the file and which one is the default: whether its gateway opens, and, unless
    --offline, whether one harmless call to the provider works. Other plugins that are broken are a warning.

    Exits with 2 if something must be mended in the configuration or the environment, 1 if a provider refused the
    call, 3 if it gave no usable answer.
    """
    names = [account] if account else [entry.name for entry in accounts(config)]
    reports = inspect_all()
    findings: list[_Finding] = [] if account else [*_default(config)]
    settings: dict[str, Any] = {}
    lost = {report.name: report for report in reports if report.lost}
    backends = {entry.name: entry.backend for entry in accounts(config)}
    for name in names:
        report = lost.get(backends.get(name) or "")
        if report is not None:  # it would end this process, too
            findings.append(_error(name, "plugin", f"{report.name}: {report.fault}"))
            continue
        found, loaded = _check(name, config, offline=offline)
        findings += found
        if show_settings and loaded is not None:
            settings[name] = _settings(loaded)
    findings += [
        _warning("", "plugin", f"{report.name}: {report.fault}") for report in reports if report.fault is not None
    ]
    if as_json:
        write_json({"findings": [{**to_dict(finding), "ok": finding.ok} for finding in findings], "settings": settings})
    else:
        _tell(findings, settings)
    click.get_current_context().exit(max((finding.exit_code for finding in findings), key=_weight, default=0))


def _default(config: options.Config) -> Iterator[_Finding]:
    try:
        default_account(config)
    except GatewayError as error:
        yield _error("", "default", error.message)


def _check(name: str, config: options.Config, *, offline: bool) -> tuple[list[_Finding], LoadedAccount | None]:
    try:
        loaded = load_account(name, config)
    except GatewayError as error:
        return [_error(name, "configuration", error.message, exit_code(error))], None
    place = f"{loaded.path}: {loaded.backend} by {loaded.plugin.distribution} {loaded.plugin.version}"
    findings = [_Finding(account=name, check="configuration", level="ok", text=place)]
    findings += [*_unread(loaded), *_careless(loaded), *_broken_observers(loaded)]
    advice = open_address(loaded.provider_class.info, loaded.settings)
    if advice is not None:
        findings.append(_warning(name, "webhooks", advice))
    check = "opening"
    try:
        with Gateway.open(name, config=config) as gateway:
            check = "call"
            if not offline:
                findings.append(_Finding(account=name, check=check, level="ok", text=_call(gateway)))
            check = "journal"
            findings += _journal(name, gateway)
    except GatewayError as error:
        findings.append(_error(name, check, error.message, exit_code(error)))
    return findings, loaded


def _journal(name: str, gateway: Gateway) -> list[_Finding]:
    """Tell what the journal has open. It needs a look, and stops nobody."""
    if gateway.journal is None:
        return []
    found = gateway.journal.open()
    text = f"{len(found.intents)} intents and {len(found.events)} events are open"
    if found.lag is not None:
        text += f"; the oldest event has been waiting for {found.lag.total_seconds():.0f} seconds"
    nothing = not found.intents and not found.events
    level: Literal["ok", "warning"] = "ok" if nothing else "warning"
    return [_Finding(account=name, check="journal", level=level, text="nothing is open" if nothing else text)]


def _call(gateway: Gateway) -> str:
    if not gateway.supports("check_account"):
        return "the provider has no harmless call to check the credentials with"
    started = time.perf_counter()
    gateway.check_account()
    return f"the provider answered in {(time.perf_counter() - started) * 1000:.0f} ms"


def _unread(loaded: LoadedAccount) -> Iterator[_Finding]:
    """Tell of variables of the environment that look like settings of the account, and are none."""
    for variable, meant in loaded.unread.items():
        if meant is not None:
            yield _error(loaded.name, "environment", f"{variable} is read by nobody, did you mean {meant}?")
        else:
            yield _warning(loaded.name, "environment", f"{variable} is read by nobody")


def _careless(loaded: LoadedAccount) -> Iterator[_Finding]:
    """Tell of secrets that others may read or change, and of one that was copied with its quotes."""
    in_the_open = [key for key in _secrets(loaded) if loaded.path in loaded.origins.get(key, "").split(", ")]
    for key in in_the_open:
        yield _warning(loaded.name, "secrets", f"{key} stands in the file itself: better env:// or file://")
    for key, secrets in _secrets(loaded).items():
        if any(secret.reveal()[0] == secret.reveal()[-1] in "\"'`" for secret in secrets):
            yield _warning(loaded.name, "secrets", f"{key} begins and ends with a quote: is that a part of it?")
    advice = open_address(loaded.provider_class.info, loaded.settings)
    if advice is not None:
        yield _warning(loaded.name, "webhooks", advice)
    for fault in permission_faults(loaded.path, secret=bool(in_the_open)):
        yield _warning(loaded.name, "files", fault)
    for key, origin in loaded.origins.items():
        for path in re.findall(r"file://(/[^,]*)", origin):
            for fault in permission_faults(path, secret=key in _secrets(loaded)):
                yield _warning(loaded.name, "files", fault)


def _broken_observers(loaded: LoadedAccount) -> Iterator[_Finding]:
    """Tell of observers that are left out when the gateway is opened. One that is unknown keeps it from opening."""
    for name in loaded.observers:
        with contextlib.suppress(ConfigurationError):
            if not Observers.load([name]).listeners:
                yield _warning(loaded.name, "observers", f"{name} is broken and left out: the log says why")


def _error(name: str, check: str, text: str, code: int = USAGE) -> _Finding:
    return _Finding(account=name, check=check, level="error", text=text, exit_code=code)


def _warning(name: str, check: str, text: str) -> _Finding:
    return _Finding(account=name, check=check, level="warning", text=text)


def _secrets(loaded: LoadedAccount) -> dict[str, tuple[Secret, ...]]:
    """Return the secrets of an account by their keys."""
    found = {name: find_secrets(value) for name, value in [*fields_of(loaded.settings), *fields_of(loaded.limits)]}
    return {name: secrets for name, secrets in found.items() if secrets}


def _settings(loaded: LoadedAccount) -> dict[str, dict[str, str]]:
    """Return each setting's value, secrets masked, and where it came from."""
    declared = f"declared by {loaded.provider_class.info.title}"
    own = dict(fields_of(loaded.limits))
    address = None if loaded.webhook_url is None else scrub(str(loaded.webhook_url), secrets_of(loaded.settings))
    own |= {"observers": loaded.observers, "journal": loaded.journal, "webhook_url": address}
    own |= {f"transport.{name}": value for name, value in fields_of(loaded.transport)}
    shown = {
        name: {"value": _shown(value), "origin": loaded.origins.get(name, "default")}
        for name, value in [*fields_of(loaded.settings), *own.items()]
    }
    if loaded.limits.rate_limits is None:
        shown["rate_limits"] = {"value": _shown(loaded.provider_class.info.rate_limits), "origin": declared}
    return shown


def _shown(value: object) -> str:
    """Return a value as it would stand in the file."""
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g}"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else show(value)


def _weight(code: int) -> int:
    """Order exit codes by what must be mended first: the configuration."""
    return {0: 0, 1: 1, 3: 2, USAGE: 3}.get(code, 3)


def _tell(findings: list[_Finding], settings: dict[str, Any]) -> None:
    marks = {"ok": ("ok", "green"), "warning": ("warn", "yellow"), "error": ("FAIL", "red")}
    for finding in findings:
        mark, color = marks[finding.level]
        click.secho(f"{mark:<5}", fg=color, nl=False)
        click.echo(f"{finding.account} {finding.check}: ".lstrip() + one_line(finding.text, 2000))
    for name, values in settings.items():
        click.echo(f"\n[gateways.{name}]")
        for key, entry in values.items():
            click.echo(f"{key} = {entry['value']}    # {entry['origin']}")
    warnings = sum(finding.level == "warning" for finding in findings)
    if all(finding.ok for finding in findings):
        say("ready" + (f", with {warnings} warnings" if warnings else ""), style="bold green")

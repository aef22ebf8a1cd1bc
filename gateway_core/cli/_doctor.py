"""The command that checks a configuration, up to one harmless call to the provider."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import click

from gateway_core._plugins import loading
from gateway_core.cli import options
from gateway_core.cli.output import USAGE, exit_code, fields_of, say, show, write_json
from gateway_core.config import LoadedAccount, accounts, load_account
from gateway_core.errors import GatewayError
from gateway_core.gateway import Gateway
from gateway_core.models import Secret


@attrs.frozen(kw_only=True)
class _Finding:
    """The result of one check."""

    account: str
    check: str
    ok: bool
    text: str
    exit_code: int = 0


@click.command()
@click.argument("account", required=False)
@click.option("--offline", is_flag=True, help="Make no call to a provider.")
@click.option("--show", "show_settings", is_flag=True, help="Show each setting with its origin; secrets are masked.")
@options.config
@options.as_json
def doctor(account: str | None, offline: bool, show_settings: bool, config: Path | None, as_json: bool) -> None:
    """Check ACCOUNT, or every account of the file: its plugin, its settings, and one harmless call to the provider.

    Exits with 2 if something must be mended in the configuration or the environment, 1 if a provider refused the
    call, 3 if it gave no usable answer.
    """
    names = [account] if account else [entry.name for entry in accounts(config)]
    findings: list[_Finding] = []
    settings: dict[str, Any] = {}
    for name in names:
        found, loaded = _check(name, config, offline=offline)
        findings += found
        if show_settings and loaded is not None:
            settings[name] = _settings(loaded)
    findings += _broken_plugins()
    if as_json:
        write_json({"findings": findings, "settings": settings})
    else:
        _tell(findings, settings)
    click.get_current_context().exit(max((finding.exit_code for finding in findings), key=_weight, default=0))


def _check(name: str, config: Path | None, *, offline: bool) -> tuple[list[_Finding], LoadedAccount | None]:
    try:
        loaded = load_account(name, config)
    except GatewayError as error:
        return [_bad(name, "configuration", error)], None
    place = f"{loaded.path}: {loaded.backend} by {loaded.plugin.distribution} {loaded.plugin.version}"
    findings = [_Finding(account=name, check="configuration", ok=True, text=place)]
    findings += [
        _Finding(
            account=name,
            check="secrets",
            ok=True,
            text=f"{key} stands in the file itself: better env:// or file://",
        )
        for key, origin in loaded.origins.items()
        if origin == loaded.path and _holds_secret(getattr(loaded.settings, key, None))
    ]
    if offline:
        return findings, loaded
    started = time.perf_counter()
    try:
        with Gateway.open(name, config=config) as gateway:
            if not gateway.supports("check_account"):
                text = "the provider has no harmless call to check the credentials with"
            else:
                gateway.check_account()
                text = f"the provider answered in {(time.perf_counter() - started) * 1000:.0f} ms"
    except GatewayError as error:
        return [*findings, _bad(name, "call", error)], loaded
    return [*findings, _Finding(account=name, check="call", ok=True, text=text), *_journal(name, config)], loaded


def _journal(name: str, config: Path | None) -> list[_Finding]:
    """Tell what the journal has open. It needs a look, and stops nobody."""
    try:
        with Gateway.open(name, config=config) as gateway:
            if gateway.journal is None:
                return []
            found = gateway.journal.open()
    except GatewayError as error:
        return [_bad(name, "journal", error)]
    text = f"{len(found.intents)} intents and {len(found.events)} events are open"
    if found.lag is not None:
        text += f"; the oldest event has been waiting for {found.lag.total_seconds():.0f} seconds"
    nothing = not found.intents and not found.events
    return [_Finding(account=name, check="journal", ok=nothing, text="nothing is open" if nothing else text)]


def _bad(name: str, check: str, error: GatewayError) -> _Finding:
    return _Finding(account=name, check=check, ok=False, text=error.message, exit_code=exit_code(error))


def _broken_plugins() -> list[_Finding]:
    """Tell of broken plugins. They harm nobody who does not choose them, so they do not count."""
    return [
        _Finding(account="", check="plugin", ok=False, text=f"{report.name}: {report.fault}")
        for report in loading.inspect_all()
        if report.fault is not None
    ]


def _holds_secret(value: object) -> bool:
    return isinstance(value, Secret) or (isinstance(value, tuple) and any(isinstance(each, Secret) for each in value))


def _settings(loaded: LoadedAccount) -> dict[str, dict[str, str]]:
    """Return each setting's value, secrets masked, and where it came from."""
    declared = f"declared by {loaded.provider_class.info.title}"
    own = dict(fields_of(loaded.limits))
    own |= {"observers": loaded.observers, "journal": loaded.journal}
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
    for finding in findings:
        mark, color = ("ok", "green") if finding.ok else ("FAIL", "red") if finding.exit_code else ("note", "yellow")
        click.secho(f"{mark:<4} ", fg=color, nl=False)
        click.echo(f"{finding.account} {finding.check}: ".lstrip() + finding.text)
    for name, values in settings.items():
        click.echo(f"\n[gateways.{name}]")
        for key, entry in values.items():
            click.echo(f"{key} = {entry['value']}    # {entry['origin']}")
    if not any(finding.exit_code for finding in findings):
        say("ready", style="bold green")

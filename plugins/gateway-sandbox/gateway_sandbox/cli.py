"""The commands `gateway sandbox` and `gateway demo`."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway_core.cli.options import as_json as json_option
from gateway_core.cli.output import people, say, write_json
from gateway_core.errors import ConfigurationError
from gateway_sandbox import accounts

if TYPE_CHECKING:
    from gateway_core.testing import Attempt, Emulator, QueuedDelivery
    from gateway_sandbox.server import Server

#: The story was not seen to its end.
NOT_OBSERVED = 3


@click.command()
@click.argument("backend", default="sandbox")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=4010, show_default=True, help="0 takes one that is free."
)
@click.option("--webhook-url", metavar="URL", help="Where the shop receives webhooks; without it none are sent.")
@click.option(
    "--forward",
    metavar="URL",
    help="As --webhook-url, and tell of each webhook with the shop's answer; '8000/webhooks' is an address on this"
    " machine.",
)
@click.option("--merchant", metavar="NAME", default="Example Shop", show_default=True, help="The shop's name on pages.")
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where invoices and keys are kept; ':memory:' forgets them  [default: sandbox.db, or sandbox-BACKEND.db]",
)
@click.option(
    "--write-config",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the account to a configuration file.",
)
@click.option("--stop-with-stdin", is_flag=True, hidden=True, help="Stop when standard input ends.")
@json_option
def sandbox(
    *,
    backend: str,
    port: int,
    webhook_url: str | None,
    forward: str | None,
    merchant: str,
    state: Path | None,
    write_config: Path | None,
    stop_with_stdin: bool,
    as_json: bool,
) -> None:
    """Serve a payment provider on this machine: an API, a checkout page, a dashboard and webhooks.

    BACKEND chooses whose API: the sandbox's own, or an emulator of another provider that a plugin brings. No real money
    moves. Only this machine can reach the server. Ctrl-C stops it.

    With --json, one line tells on stdout where it is and the account's settings, once requests are answered; and with
    --forward, a line for each try to deliver a webhook.
    """
    if forward is not None and webhook_url is not None:
        raise click.UsageError("give --forward or --webhook-url: both say where webhooks go")
    _require_server()
    from gateway_core.testing import find_emulator
    from gateway_sandbox.server import Server

    emulator_class = find_emulator(backend)
    path = state or Path("sandbox.db" if backend == "sandbox" else f"sandbox-{backend}.db")
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(contextlib.closing(Server(port=port)))
        ledger = stack.enter_context(contextlib.closing(accounts.open_ledger(path, backend)))
        emulator = emulator_class(
            ledger,
            checkout_url=server.checkout_url,
            webhook_url=webhook_url if forward is None else _local(forward),
            merchant=merchant,
        )
        if forward is not None:
            emulator.on_attempt = _write_attempt if as_json else _tell_attempt
        settings = emulator.settings(server.url)
        config = accounts.config_text(backend, backend, settings)
        if write_config is not None:
            accounts.write_config(write_config, config)

        def ready() -> None:
            if as_json:
                write_json(_ready_line(backend, server, emulator, path))
            else:
                _introduce(server, emulator, config if write_config is None else f"account in {write_config}\n")

        stack.enter_context(_stopping(server.stop))
        if stop_with_stdin:
            threading.Thread(target=_stop_at_end_of_input, args=(server.stop,), daemon=True).start()
        server.run(emulator, on_ready=ready)
    if not as_json:
        say("stopped")


@click.command()
@click.option("--open", "open_page", is_flag=True, help="Leave the checkout page to you, in your browser.")
@json_option
def demo(*, open_page: bool, as_json: bool) -> None:
    """Show the whole story, from an invoice to a paid invoice, over real HTTP on this machine.

    The sandbox runs in a process of its own, and a small shop receives its webhooks. Each step tells what was sent and
    received. The exit code is 0 if every step was really observed, else 3.
    """
    _require_server()
    from gateway_sandbox.demo import run

    with _stopping(_interrupt):
        story = run(None if as_json else people(), open_page=open_page)
    if as_json:
        write_json(story.as_json())
    if not story.told:
        sys.exit(NOT_OBSERVED)


def _require_server() -> None:
    try:
        import gateway_sandbox.server  # noqa: F401  # asked for here, where its absence can be explained
    except ModuleNotFoundError as error:
        missing = error.name
    else:
        return
    raise ConfigurationError(f"the sandbox server needs {missing}: pip install 'gateway-sandbox[server]'")


def _ready_line(backend: str, server: Server, emulator: Emulator, state: Path) -> dict[str, object]:
    return {
        "backend": backend,
        "url": server.url,
        "dashboard": f"{server.url}/dashboard",
        "checkout_url": server.checkout_url,
        "webhook_url": emulator.webhook_url,
        "settings": emulator.settings(server.url),
        "state": str(state),
        "pid": os.getpid(),
    }


def _local(address: str) -> str:
    """Return an address in full: a port alone, or a host without a scheme, is on this machine."""
    if "://" in address:
        return address
    host, _, rest = address.partition("/")
    where = f"127.0.0.1:{host.removeprefix(':')}" if host.removeprefix(":").isdecimal() else host
    return f"http://{where}/{rest}"


def _tell_attempt(delivery: QueuedDelivery, attempt: Attempt) -> None:
    accepted = attempt.note == "accepted"
    answer = attempt.note if attempt.status is None else f"{attempt.status} {attempt.note}"
    say(f"{attempt.at:%H:%M:%S}  {delivery.kind}  {delivery.invoice_id}  {answer}", style="" if accepted else "red")
    if attempt.answer and not accepted:
        say(f"          the shop said: {attempt.answer}", style="red")


def _write_attempt(delivery: QueuedDelivery, attempt: Attempt) -> None:
    write_json(
        {
            "delivery": delivery.id,
            "event": delivery.event_id,
            "kind": delivery.kind,
            "invoice_id": delivery.invoice_id,
            "at": attempt.at.isoformat(),
            "status": attempt.status,
            "note": attempt.note,
            "answer": attempt.answer,
        }
    )


def _introduce(server: Server, emulator: Emulator, config: str) -> None:
    say(f"{emulator.title} is ready. No real money moves.", style="bold green")
    say(f"API        {server.url}")
    say(f"Dashboard  {server.url}/dashboard")
    say(f"Webhooks   {emulator.webhook_url or 'none are sent: start with --webhook-url URL'}")
    people().print()
    for line in config.splitlines():
        say(line, style="cyan")
    people().print()
    say("Ctrl-C stops it.", style="dim")


@contextlib.contextmanager
def _stopping(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at SIGINT and SIGTERM."""
    wanted = (signal.SIGINT, signal.SIGTERM)
    before = {each: signal.signal(each, lambda _, __: stop()) for each in wanted}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _interrupt() -> None:
    raise KeyboardInterrupt


def _stop_at_end_of_input(stop: Callable[[], None]) -> None:
    sys.stdin.buffer.read()
    stop()

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from gateway_core import Gateway, HttpResponse, InvoiceRequest, Money
from gateway_core.testing import EmulatorTransport, QueuedDelivery
from gateway_sandbox import cli
from gateway_sandbox.emulator import SandboxEmulator

GATEWAY = [sys.executable, "-m", "gateway_core.cli"]


@contextlib.contextmanager
def started(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Start `gateway sandbox` in a folder; give the process and what it said when it was ready."""
    command = [*GATEWAY, "sandbox", "--port", "0", "--json", "--stop-with-stdin", *options]
    with subprocess.Popen(
        command, cwd=folder, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def refused(folder: Path, *options: str) -> str:
    """Run `gateway sandbox`, which must end with the exit code for wrong usage; return what it says to people."""
    ended = subprocess.run(
        [*GATEWAY, "sandbox", *options], cwd=folder, text=True, capture_output=True, check=False, timeout=30
    )
    assert ended.returncode == 2, ended
    return ended.stderr


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_server_in_peace(tmp_path: Path, signum: signal.Signals) -> None:
    """Ctrl-C and a supervisor's stop are no errors."""
    with started(tmp_path) as (process, _):
        process.send_signal(signum)

        _, told = process.communicate(timeout=15)

    assert (process.returncode, told) == (0, "")


def test_server_ends_with_its_parent(tmp_path: Path) -> None:
    """When whoever started it is gone, its input ends, and so does the server."""
    with started(tmp_path) as (process, _):
        process.communicate(timeout=15)

    assert process.returncode == 0


def test_ready_line_tells_everything_a_program_needs(tmp_path: Path) -> None:
    """One line of JSON is enough to connect a gateway."""
    with started(tmp_path, "--webhook-url", "http://127.0.0.1:9/hooks") as (process, told):
        with Gateway.connect(told["backend"], **told["settings"]) as gateway:
            invoice = gateway.create_invoice(InvoiceRequest(order_id="1", amount=Money("5", "EUR")))

        assert told["url"].startswith("http://127.0.0.1:")
        assert told["dashboard"] == told["url"] + "/dashboard"
        assert str(invoice.payment_url).startswith(told["checkout_url"])
        assert told["webhook_url"] == "http://127.0.0.1:9/hooks"
        assert told["pid"] == process.pid


def test_state_outlives_the_server(tmp_path: Path) -> None:
    """Keys and invoices are kept in `sandbox.db`, so that a configuration stays good."""
    with started(tmp_path) as (process, first):
        with Gateway.connect("sandbox", **first["settings"]) as gateway:
            invoice = gateway.create_invoice(InvoiceRequest(order_id="1", amount=Money("5", "EUR")))
        process.communicate(timeout=15)

    with (
        started(tmp_path) as (_, second),
        Gateway.connect("sandbox", **{**first["settings"], "base_url": second["url"]}) as gateway,
    ):
        assert gateway.get_status(invoice.id).expected == Money("5", "EUR")

    assert (tmp_path / "sandbox.db").exists()


def test_memory_leaves_no_file(tmp_path: Path) -> None:
    """`--state :memory:` forgets everything."""
    with started(tmp_path, "--state", ":memory:") as (process, _):
        process.communicate(timeout=15)

    assert list(tmp_path.iterdir()) == []


def test_state_of_another_backend_is_left_alone(tmp_path: Path) -> None:
    """One file is for one provider's emulator."""
    with started(tmp_path) as (process, _):
        process.communicate(timeout=15)

    told = refused(tmp_path, "other", "--state", "sandbox.db", "--port", "0")

    assert "there is no emulator of 'other'" in told
    assert "sandbox" in told


@pytest.mark.skipif(
    "bitsby" not in importlib.metadata.entry_points(group="gateway_core.emulators").names, reason="needs gateway-bitsby"
)
def test_other_emulator_is_served(tmp_path: Path) -> None:
    """The emulator that another plugin brings is served in the same way, from a file of its own."""
    with started(tmp_path) as (process, _):
        process.communicate(timeout=15)

    with started(tmp_path, "bitsby") as (_, told):
        assert told["backend"] == "bitsby"
        assert {"base_url", "api_key", "project_id"} <= set(told["settings"])
        Gateway.connect("bitsby", **told["settings"]).close()

    assert "holds the state of 'sandbox'" in refused(tmp_path, "bitsby", "--state", "sandbox.db", "--port", "0")


def test_configuration_is_written_for_its_owner(tmp_path: Path) -> None:
    """`--write-config` makes a file that opens a gateway, that nobody else may read, and that may be written anew."""
    file = tmp_path / "gateway.toml"
    for _ in range(2):
        with started(tmp_path, "--write-config", "gateway.toml"), Gateway.open(config=file) as gateway:
            gateway.check_account()

    assert stat.S_IMODE(file.stat().st_mode) == 0o600 or os.name != "posix"


def test_configuration_of_somebody_else_is_not_overwritten(tmp_path: Path) -> None:
    """A file that we did not write is left as it is."""
    file = tmp_path / "gateway.toml"
    file.write_text("# mine\n", encoding="utf-8")

    told = refused(tmp_path, "--write-config", "gateway.toml", "--port", "0")

    assert "not ours to overwrite" in told
    assert file.read_text(encoding="utf-8") == "# mine\n"


def test_configuration_that_cannot_be_written(tmp_path: Path) -> None:
    """A folder that is not there is told, and the server does not start."""
    assert "cannot be written" in refused(tmp_path, "--write-config", "none/gateway.toml", "--port", "0")


def test_port_in_use(tmp_path: Path) -> None:
    """The second server on a port says so, and ends as wrong usage does."""
    with started(tmp_path) as (_, told):
        port = told["url"].rpartition(":")[2]

        assert f"port {port}" in refused(tmp_path, "--port", port, "--state", ":memory:")


def test_unsafe_webhook_address(tmp_path: Path) -> None:
    """A webhook that would leave the machine in the clear is refused at the start."""
    assert "https" in refused(tmp_path, "--webhook-url", "http://shop.example/hooks", "--port", "0")


def test_people_are_told_what_to_paste(tmp_path: Path) -> None:
    """Without `--json`, the table for `gateway.toml` is on stderr, and opens a gateway."""
    command = [*GATEWAY, "sandbox", "--port", "0", "--stop-with-stdin", "--state", ":memory:"]
    ended = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True, input="", check=True, timeout=30)
    file = tmp_path / "gateway.toml"
    start, end = ended.stderr.index('default = "sandbox"'), ended.stderr.index("Ctrl-C")

    file.write_text(ended.stderr[start:end], encoding="utf-8")

    assert ended.stdout == ""
    assert "/dashboard" in ended.stderr
    Gateway.open(config=file).close()


def test_webhooks_are_forwarded_and_told_of(tmp_path: Path) -> None:
    """`--forward` sends each webhook to a local address, and says what the shop answered to it."""
    with refusing_shop() as port, started(tmp_path, "--forward", f"{port}/webhooks") as (process, told):
        with Gateway.connect("sandbox", **told["settings"]) as gateway:
            invoice = gateway.create_invoice(InvoiceRequest(order_id="1", amount=Money("5", "EUR")))
            gateway.cancel_invoice(invoice.id)
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())

    assert told["webhook_url"] == f"http://127.0.0.1:{port}/webhooks"
    assert (line["kind"], line["invoice_id"], line["status"], line["note"], line["answer"]) == (
        "invoice.canceled",
        invoice.id,
        400,
        "not accepted",
        "wrong secret",
    )


def test_people_are_told_of_forwarded_webhooks(capsys: pytest.CaptureFixture[str]) -> None:
    """On a line each, and what the shop said where it refused."""
    emulator = SandboxEmulator(webhook_url="http://127.0.0.1:9/hooks")
    emulator.on_attempt = cli._tell_attempt
    transport, settings = EmulatorTransport(emulator), emulator.settings("http://127.0.0.1")
    with Gateway.connect("sandbox", transport=transport, **settings) as shop:
        shop.cancel_invoice(shop.create_invoice(InvoiceRequest(order_id="1", amount=Money("5", "EUR"))).id)

    for answer in (HttpResponse(status=400, body=b"wrong secret"), HttpResponse(status=204), None):
        emulator.deliver(Mock(return_value=answer))
        ((_, delivery),) = emulator.ledger.select(QueuedDelivery)
        emulator.resend(delivery.id)

    told = capsys.readouterr().err
    assert told.count("invoice.canceled") == 3
    assert all(
        text in told for text in ("400 not accepted", "the shop said: wrong secret", "204 accepted", "no answer")
    )


@pytest.mark.parametrize(
    "address, full",
    [
        ("8000", "http://127.0.0.1:8000/"),
        (":8000/hooks", "http://127.0.0.1:8000/hooks"),
        ("8000/hooks?x=1", "http://127.0.0.1:8000/hooks?x=1"),
        ("localhost:8000/hooks", "http://localhost:8000/hooks"),
        ("https://shop.example/hooks", "https://shop.example/hooks"),
    ],
)
def test_address_on_this_machine_may_be_short(address: str, full: str) -> None:
    """A port is enough."""
    assert cli._local(address) == full


def test_two_addresses_for_webhooks_are_refused(tmp_path: Path) -> None:
    """Which one counts is not ours to choose."""
    told = refused(tmp_path, "--forward", "8000", "--webhook-url", "http://127.0.0.1:8001/", "--port", "0")

    assert "both say where webhooks go" in told


@contextlib.contextmanager
def refusing_shop() -> Iterator[int]:
    """Run a shop that takes no webhook and says why; give its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(400)
            self.end_headers()
            self.wfile.write(b"wrong secret")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()

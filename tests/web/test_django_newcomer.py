"""The page about Django is followed to the letter, in a project as `startproject` makes it, on its own server."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import requests

from gateway_core import HttpRequest, HttpResponse
from gateway_core.testing import EmulatedInvoice, QueuedDelivery
from gateway_sandbox.accounts import config_text
from gateway_sandbox.emulator import SandboxEmulator
from gateway_sandbox.server import serving

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "use-django.md").read_text(encoding="utf-8")
FIRST, REST = PAGE.split("\n## Signals\n")
PATIENCE = 60.0

_BLOCK = re.compile(r"```py\n# (\S+)\n(.*?)```", re.DOTALL)
_CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)


def wait(reached: Callable[[], bool]) -> bool:
    """Wait until something is reached; return whether it was."""
    deadline = time.monotonic() + PATIENCE
    while not reached():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


class ForgetfulSandbox(SandboxEmulator):
    """A sandbox whose answer to the creation of an invoice may get lost.

    Attributes:
        loses: Whether the next one does.
    """

    loses = False

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request."""
        answer = super().handle(request)
        if self.loses and answer.status == 201:
            self.loses = False
            return HttpResponse(status=504)
        return answer


@attrs.define
class Project:
    """The newcomer's project."""

    folder: Path
    emulator: Any
    port: int
    _server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is served."""
        return f"http://127.0.0.1:{self.port}"

    def manage(self, *arguments: str, **environment: str) -> str:
        """Run `manage.py`."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self.folder,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def start(self) -> None:
        """Start the development server."""
        command = [sys.executable, "manage.py", "runserver", f"127.0.0.1:{self.port}", "--noreload"]
        with (self.folder / "log").open("ab") as log:
            self._server = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        assert wait(self._answers), (self.folder / "log").read_text()

    def kill(self) -> None:
        """End the server without a warning."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None

    def _answers(self) -> bool:
        with contextlib.suppress(requests.RequestException):
            return requests.get(f"{self.url}/payments/webhooks", timeout=5).ok
        return False

    def order(self) -> int:
        """Place an order."""
        with contextlib.closing(sqlite3.connect(self.folder / "db.sqlite3", timeout=30)) as connection, connection:
            return int(connection.execute("INSERT INTO shop_order (total) VALUES ('49.90 EUR')").lastrowid or 0)

    def parcels(self, order: int) -> int:
        """Return how often an order was sent."""
        with contextlib.closing(sqlite3.connect(self.folder / "db.sqlite3", timeout=30)) as connection:
            (count,) = connection.execute("SELECT count(*) FROM shop_parcel WHERE order_id = ?", [order]).fetchone()
        return int(count)

    def press_pay(self, order: int) -> requests.Response:
        """Press the button, as a browser does that has the token of the page."""
        with requests.Session() as session:
            session.get(f"{self.url}/admin/login/", timeout=30)
            token = session.cookies["csrftoken"]
            return session.post(
                f"{self.url}/orders/{order}/pay", {"csrfmiddlewaretoken": token}, allow_redirects=False, timeout=30
            )

    def invoices(self, order: int) -> list[EmulatedInvoice]:
        """Return what the provider has of an order."""
        found = [each for _, each in self.emulator.ledger.select(EmulatedInvoice)]
        return [each for each in found if each.order_id == f"{order}-1" or each.order_id == str(order)]

    def deliveries(self, order: int) -> list[QueuedDelivery]:
        """Return the webhooks of an order."""
        (invoice,) = self.invoices(order)
        return [each for _, each in self.emulator.ledger.select(QueuedDelivery) if each.invoice_id == invoice.id]

    def checked_out(self) -> int:
        """Place an order, and come to the page where it is paid."""
        order = self.order()
        assert self.press_pay(order).status_code == 302
        return order

    def pay(self, order: int) -> None:
        """Pay it there."""
        (invoice,) = self.invoices(order)
        self.emulator.pay(invoice.token)

    def page_of(self, order: int) -> str:
        """Return what a buyer sees who comes back."""
        return requests.get(f"{self.url}/orders/{order}", timeout=30).text


def answer_to(delivery: QueuedDelivery) -> int | None:
    """Return what the shop last answered to a webhook; None if it was not sent yet."""
    return delivery.attempts[-1].status if delivery.attempts else None


def follow(folder: Path, text: str) -> None:
    """Put each block at the end of the file that its first line names."""
    for name, code in _BLOCK.findall(text):
        path = folder / name
        path.touch()
        path.write_text(path.read_text() + "\n" + code)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Make the project by the page's first section, and serve it."""
    folder = tmp_path_factory.mktemp("newcomer")
    subprocess.run([sys.executable, "-m", "django", "startproject", "mysite", "."], cwd=folder, check=True)
    (folder / "shop" / "migrations").mkdir(parents=True)
    for package in ("shop", "shop/migrations"):
        (folder / package / "__init__.py").touch()
    settings = folder / "mysite" / "settings.py"
    settings.write_text(settings.read_text() + "\nINSTALLED_APPS += ['shop']\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with serving(ForgetfulSandbox, webhook_url=f"http://127.0.0.1:{port}/payments/webhooks") as served:
        (folder / "gateway.toml").write_text(config_text("sandbox", "sandbox", served.settings))
        follow(folder, FIRST)
        project = Project(folder, served.emulator, port)
        project.manage("makemigrations", "shop")
        project.manage("migrate")
        project.start()
        try:
            yield project
        finally:
            project.kill()


def test_path_is_ten_lines_or_fewer() -> None:
    """From `pip install` to a webhook whose effect comes once; the shop's own models and views are no part of it."""
    installed = re.findall(r"^\$ pip .*$", FIRST, re.MULTILINE)
    blocks = [code for name, code in _BLOCK.findall(FIRST) if name != "shop/views.py"]
    ours = [code for code in blocks if "gateway" in code and "models." not in code and "MIDDLEWARE" not in code]

    lines = [*installed, "python manage.py migrate", *(line for code in ours for line in code.splitlines() if line)]

    assert len(ours) == 3
    assert len(lines) <= 10


def test_readme_of_the_distribution_says_the_same() -> None:
    """Its blocks are those of the page, which are followed here."""
    readme = (Path(__file__).parents[2] / "plugins" / "gateway-django" / "README.md").read_text(encoding="utf-8")

    assert len(_BLOCK.findall(readme)) == 3
    assert set(_BLOCK.findall(readme)) <= set(_BLOCK.findall(FIRST))


def test_nothing_is_left_to_say(project: Project) -> None:
    """The checks are silent."""
    assert "no issues" in project.manage("check", "--fail-level", "INFO")


def test_paid_order_is_sent_once(project: Project) -> None:
    """Told three times by the provider, and looked at by the buyer before and after."""
    order = project.checked_out()
    assert project.page_of(order) == "Waiting for your payment"
    project.pay(order)
    assert wait(lambda: project.parcels(order) == 1)
    for _ in range(2):
        project.emulator.duplicate(project.deliveries(order)[0].id)

    assert wait(
        lambda: [each.attempts[-1:] and each.attempts[-1].status for each in project.deliveries(order)] == [200] * 3
    )
    assert project.parcels(order) == 1
    assert project.page_of(order) == "Thank you"


def test_buyer_who_comes_back_first_is_enough(project: Project) -> None:
    """The webhook is lost; the page asks the provider."""
    order = project.checked_out()
    address, project.emulator.webhook_url = project.emulator.webhook_url, None
    project.pay(order)
    project.emulator.webhook_url = address

    assert wait(lambda: project.page_of(order) == "Thank you")
    assert project.parcels(order) == 1


def test_answer_that_got_lost_makes_no_second_invoice(project: Project) -> None:
    """The buyer presses the button again."""
    order = project.order()
    project.emulator.loses = True
    first = project.press_pay(order)

    answer = first if first.status_code == 302 else project.press_pay(order)

    assert answer.status_code == 302
    assert len(project.invoices(order)) == 1
    project.pay(order)
    assert wait(lambda: project.parcels(order) == 1)


def test_server_that_died_loses_nothing(project: Project) -> None:
    """Paid while nobody was there, and told again afterwards."""
    order = project.checked_out()
    project.kill()
    project.pay(order)
    assert wait(lambda: bool(project.deliveries(order)[0].attempts))
    assert project.parcels(order) == 0

    project.start()
    project.emulator.resend(project.deliveries(order)[0].id)
    assert wait(lambda: project.parcels(order) == 1)
    project.kill()  # perhaps before it has answered
    project.start()
    before = len(project.deliveries(order)[0].attempts)
    project.emulator.resend(project.deliveries(order)[0].id)

    assert wait(lambda: len(project.deliveries(order)[0].attempts) > before)
    assert wait(lambda: answer_to(project.deliveries(order)[0]) == 200)
    assert project.parcels(order) == 1


def test_refund_and_a_late_paid_send_nothing(project: Project) -> None:
    """What is refunded stays so."""
    order = project.checked_out()
    project.pay(order)
    assert wait(lambda: project.parcels(order) == 1)
    (invoice,) = project.invoices(order)
    project.emulator.act(invoice.token, "refund")
    assert wait(lambda: len(project.deliveries(order)) == 2 and bool(project.deliveries(order)[1].attempts))

    project.emulator.resend(project.deliveries(order)[0].id)

    assert wait(lambda: len(project.deliveries(order)[0].attempts) == 2)
    assert project.parcels(order) == 1
    assert project.page_of(order) != "Thank you"


#: Looks at the snippets that no request has come to, and at the commands.
_LOOK = """
import asyncio
from django.core.management import call_command
from shop import prices, views

orders, sold = prices.sold_above(prices.Money("1", "EUR"))
assert len(orders) >= 1, orders
assert sold[0]["total__currency"] == "EUR", sold
assert asyncio.run(views.order_in_async(None, 4711)).content == b"Waiting for your payment"
for words in {commands}:
    call_command(*words, "--help")
"""


def test_rest_of_the_page_works(project: Project) -> None:
    """Its other blocks too: those of settings, prices and async views, the commands, and the test, which passes."""
    settings = project.folder / "mysite" / "settings.py"
    before = settings.read_text()
    project.order()
    follow(project.folder, REST)
    secret = "whsec_c2FuZGJveC1kZW1vLXNlY3JldA=="
    keys = {f"SHOP_{name}_{kind}": secret for name in ("EU", "US") for kind in ("KEY", "SECRET")}
    lines = "".join(_CONSOLE.findall(REST)).splitlines()
    commands = [line.split()[3:] for line in lines if line.startswith("$ python manage.py gateway")]
    try:
        assert "no issues" in project.manage("check", "--tag", "payments", "--fail-level", "INFO", **keys)
        assert "OK" in project.manage("test", **keys)
        assert len(commands) == 4
        project.manage("shell", "-c", _LOOK.format(commands=commands), **keys)
    finally:
        settings.write_text(before)

"""`gateway webhook test`: a signed test event, sent to a shop that listens on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import attrs
import pytest
from click.testing import CliRunner, Result

from gateway_core import InvoiceRequest, Money, errors
from gateway_core.cli import _group
from gateway_core.config import load_account
from gateway_core.models.reference import TEST_ORDER
from gateway_core.testing import EmulatedAccount, ManualClock
from gateway_core.web import wsgi_app
from tests.web.apps import NEEDED

#: Whose webhooks anybody can make who has the account's settings.
SIGNED = ["adyen", "azothpay", "billoget", "btcpay", "sandbox", "stripe"]


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *_: Any) -> None:  # noqa: A002  # the base has it so
        """Say nothing."""


@attrs.define
class Shop:
    """A shop that listens.

    Attributes:
        told: The events that it was told.
        requests: Method and path of what came.
        answer: What it answers; None for what it should.
    """

    account: EmulatedAccount
    port: int = 0
    told: list[Any] = attrs.field(factory=list)
    requests: list[tuple[str, str]] = attrs.field(factory=list)
    answer: Callable[[dict[str, Any]], tuple[str, list[tuple[str, str]], bytes]] | None = None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Receive webhooks, as the adapter does it."""
        self.requests.append((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        if self.answer is None:
            return wsgi_app(self.account.gateway, self.told.append)(environ, start_response)
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        status, headers, body = self.answer(environ)
        start_response(status, [*headers, ("Content-Length", str(len(body)))])
        return [body]


@pytest.fixture(params=["sandbox"])
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    """Give a shop on a port of this machine."""
    backend: str = request.param
    with EmulatedAccount(backend, clock=ManualClock(), settings=NEEDED[backend], journal=True) as account:
        listening = Shop(account)
        server = make_server("127.0.0.1", 0, listening, handler_class=_Silent)
        listening.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield listening
        server.shutdown()
        thread.join()
        server.server_close()


def configure(backend: str, settings: dict[str, Any], folder: Path, **more: str) -> Path:
    """Write a configuration with one account."""
    lines = [f"{name} = {json.dumps(value)}" for name, value in {**settings, **more}.items()]
    path = folder / "gateway.toml"
    path.write_text("\n".join(["[gateways.shop]", f'backend = "{backend}"', *lines]), encoding="utf-8")
    path.chmod(0o600)
    return path


def run(config: Path, *arguments: str, code: int) -> Result:
    """Run the command, and expect an exit code of it."""
    result = CliRunner(env={"GATEWAY_CONFIG": str(config)}).invoke(_group.gateway, ["webhook", "test", *arguments])
    assert result.exit_code == code, result.output
    return result


def steps(config: Path, *arguments: str, code: int) -> dict[str, tuple[str, int | None, str]]:
    """Return level, status and text of each step, by its name."""
    told = json.loads(run(config, "--json", *arguments, code=code).stdout)
    assert told["ok"] is (code == 0)
    return {each["step"]: (each["level"], each.get("status"), each["text"]) for each in told["steps"]}


def here(shop: Shop, folder: Path, path: str = "/webhooks") -> Path:
    """Write the configuration of an account whose webhooks come in at the shop."""
    url = f"http://127.0.0.1:{shop.port}{path}"
    return configure(shop.account.gateway.backend, shop.account.settings, folder, webhook_url=url)


@pytest.mark.parametrize("shop", SIGNED, indirect=True)
def test_genuine_is_taken_and_forged_is_refused(shop: Shop, tmp_path: Path) -> None:
    """By each provider whose webhooks are signed with the account's own settings; and the shop is told nothing."""
    found = steps(here(shop, tmp_path), "shop", code=0)

    # What does not name its order, or is asked back about, ends as a webhook about an invoice that is not known yet.
    level, status, text = found["genuine"]
    assert (level, status) == ("ok", 200 if shop.account.gateway.backend in ("sandbox", "stripe") else 503)
    assert text.startswith("taken for genuine")
    assert found["forged"] == ("ok", 400, "refused, as it must be")
    assert found["name"][0] == "warning"
    assert shop.told == []
    assert shop.requests == [("POST", "/webhooks")] * 2


def test_people_read_each_hop(shop: Shop, tmp_path: Path) -> None:
    """A line for each, with what was answered and how long it took."""
    lines = run(here(shop, tmp_path), code=0).stdout.splitlines()

    assert lines[0] == f"ok   address: http://127.0.0.1:{shop.port}/webhooks"
    assert lines[1].startswith("warn name: 127.0.0.1 is 127.0.0.1: no provider reaches that from the internet (")
    assert lines[2].startswith("ok   genuine: taken for genuine (200, ")
    assert lines[2].endswith(" ms)")
    assert lines[3].startswith("ok   forged: refused, as it must be (400, ")


def test_journal_keeps_nothing_of_it(shop: Shop, tmp_path: Path) -> None:
    """No event, no claim, nothing to look at; and no order of the shop's can be called so."""
    steps(here(shop, tmp_path), code=0)

    assert shop.account.gateway.journal is not None
    found = shop.account.gateway.journal.open()
    assert (found.intents, found.events) == ((), ())
    with pytest.raises(errors.InvalidRequestError, match="no order is called gateway-webhook-test"):
        shop.account.gateway.create_invoice(InvoiceRequest(order_id=TEST_ORDER, amount=Money(1, "EUR")))


def test_shop_with_another_secret_refuses(shop: Shop, tmp_path: Path) -> None:
    """As it must: then the two sides are to be given the same one."""
    config = here(shop, tmp_path)
    other = "whsec_" + "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
    secret = shop.account.settings["webhook_secret"]
    config.write_text(config.read_text().replace(str(secret), other))

    found = steps(config, code=1)

    assert found["genuine"][:2] == ("error", 400)
    assert "the shop has another secret" in found["genuine"][2]
    assert "forged" not in found


def answering(status: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Any:
    """Return what answers everything alike."""
    return lambda _: (status, list((headers or {}).items()), body)


@pytest.mark.parametrize(
    "status, code, text",
    [
        ("301 Moved", 1, "leads to https://www.shop.example/: providers follow no redirect"),
        ("403 Forbidden", 1, "a protection of forms"),
        ("404 Not Found", 1, "nothing receives webhooks at this path"),
        ("410 Gone", 1, "refused"),
        ("500 Internal Server Error", 3, "the shop failed"),
        ("502 Bad Gateway", 3, "the shop does not run"),
        ("503 Service Unavailable", 3, "to be sent again"),
        ("599 Odd", 3, "the shop failed"),
    ],
)
def test_answer_is_explained(shop: Shop, tmp_path: Path, status: str, code: int, text: str) -> None:
    """What it means, and what was said."""
    shop.answer = answering(status, {"Location": "https://www.shop.example/"}, b"Go away\n\x1b[31m")

    found = run(here(shop, tmp_path), code=code).stdout.splitlines()

    assert found[2].startswith("FAIL genuine: ")
    assert text in found[2]
    assert found[3] == r"     the shop said: Go away\n\x1b[31m"


def test_shop_that_takes_everything_is_found_out(shop: Shop, tmp_path: Path) -> None:
    """A shop that answers 200 to a forged webhook verifies none."""
    shop.answer = answering("200 OK")

    found = steps(here(shop, tmp_path), code=1)

    assert found["forged"] == ("error", 200, "taken: whoever knows the address can pay any order")


def test_failing_on_a_forged_one_is_a_warning(shop: Shop, tmp_path: Path) -> None:
    """It was not taken; and that the shop failed over it should not be."""
    answers = iter(["200 OK", "500 Internal Server Error"])
    shop.answer = lambda _: (next(answers), [], b"")

    found = steps(here(shop, tmp_path), code=0)

    assert found["forged"][:2] == ("warning", 500)


@pytest.mark.parametrize("shop", ["btcpay"], indirect=True)
def test_503_to_everything_proves_nothing(shop: Shop, tmp_path: Path) -> None:
    """What answers the same to a forged one has not looked at either."""
    shop.answer = answering("503 Service Unavailable")

    found = steps(here(shop, tmp_path), code=3)

    assert found["genuine"][:2] == ("error", 503)


@pytest.mark.parametrize(
    "backend, settings, reason",
    [
        ("mollie", {"api_key": "test_abcdefghij0123456789", "mode": "test"}, "Mollie signs no webhook: the shop asks"),
        ("bitsby", {"api_key": "k" * 40, "project_id": "1c48b092-9878-48f5-b441-07a8a48e7b54"}, "Bitsby signs no"),
        (
            "paypal",
            {"client_id": "c", "client_secret": "s" * 20, "webhook_id": "w"},
            "PayPal signs with something that it alone has, such as a certificate",
        ),
        ("stripe", {"api_key": "sk_test_abcdefghij0123456789"}, "a setting is missing, or Stripe"),
        (
            "azothpay",
            {"api_key": "k" * 40, "base_url": "https://azothpay.invalid"},
            "the emulator of AzothPay makes none with these settings",
        ),
    ],
)
def test_what_only_the_provider_can_sign(
    shop: Shop, tmp_path: Path, backend: str, settings: dict[str, str], reason: str
) -> None:
    """It is said, the address is looked at, and no event is sent."""
    config = configure(backend, settings, tmp_path, webhook_url=f"http://127.0.0.1:{shop.port}/webhooks")

    found = steps(config, code=0)

    assert found["event"][0] == "warning"
    assert reason in found["event"][2]
    assert found["look"] == ("ok", 200, "it is there")
    assert shop.requests == [("HEAD", "/webhooks")]


@pytest.mark.parametrize("status, code, level", [("405 No", 0, "ok"), ("404 No", 1, "error"), ("502 No", 3, "error")])
def test_address_is_looked_at(shop: Shop, tmp_path: Path, status: str, code: int, level: str) -> None:
    """A route that takes nothing but POST is there, too."""
    shop.answer = answering(status)
    settings = {"api_key": "test_abcdefghij0123456789", "mode": "test"}
    config = configure("mollie", settings, tmp_path, webhook_url=f"http://127.0.0.1:{shop.port}/webhooks")

    assert steps(config, code=code)["look"][0] == level


def test_plugin_without_an_emulator(monkeypatch: pytest.MonkeyPatch, shop: Shop, tmp_path: Path) -> None:
    """Nobody can make a webhook of it; that is no fault of the shop's."""

    def find(_: str) -> Any:
        raise errors.UnknownBackendError("nobody offers it")

    monkeypatch.setattr("gateway_core.cli._test_event.find_emulator", find)

    assert "there is no emulator of Sandbox" in steps(here(shop, tmp_path), code=0)["event"][2]


def test_nobody_listens(tmp_path: Path) -> None:
    """There is no answer, and the exit code says so."""
    with EmulatedAccount("sandbox") as account:
        settings = dict(account.settings)

    found = steps(configure("sandbox", settings, tmp_path), "--url", "http://127.0.0.1:9/webhooks", code=3)

    assert found["genuine"][0] == "error"
    assert "refuses connections" in found["genuine"][2]


def test_name_that_is_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent; behind a proxy it is the proxy's business."""
    monkeypatch.delenv("HTTPS_PROXY", raising=False)
    monkeypatch.delenv("https_proxy", raising=False)
    with EmulatedAccount("sandbox") as account:
        config = configure("sandbox", dict(account.settings), tmp_path, webhook_url="https://shop.example/webhooks")

    alone = steps(config, code=3)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    behind = steps(config, code=3)

    assert alone["name"] == ("error", None, "shop.example cannot be resolved")
    assert "genuine" not in alone
    assert behind["name"] == ("warning", None, "shop.example is left to the proxy of this machine to resolve")
    assert "proxy" in behind["genuine"][2]


@pytest.mark.parametrize(
    "more, arguments, text",
    [
        ({}, (), "[gateways.shop] webhook_url: missing"),
        ({"webhook_url": "http://shop.example/"}, (), "[gateways.shop] webhook_url: must be an https address"),
        ({}, ("--url", "http://shop.example/"), "must be an https address"),
        ({"webhok_url": "https://shop.example/"}, (), "webhok_url: unknown, did you mean webhook_url?"),
    ],
)
def test_address_has_to_be_known(tmp_path: Path, more: dict[str, str], arguments: tuple[str, ...], text: str) -> None:
    """What is missing or wrong is told with its place, before anything is sent."""
    with EmulatedAccount("sandbox") as account:
        config = configure("sandbox", dict(account.settings), tmp_path, **more)

    result = run(config, *arguments, code=2)

    assert text in result.stderr


def test_secret_of_the_address_is_not_shown(shop: Shop, tmp_path: Path) -> None:
    """Neither in the address nor in what was answered."""
    secret = "s3cret-of-the-address-0123456789"
    shop.answer = answering("404 Not Found", body=f"no {secret} here".encode())
    settings = {"api_key": "test_abcdefghij0123456789", "mode": "test", "url_secret": secret}
    config = configure("mollie", settings, tmp_path, webhook_url=f"http://127.0.0.1:{shop.port}/webhooks/{secret}")

    for arguments in ((), ("--json",)):
        result = run(config, *arguments, code=1)
        assert secret not in result.output
        assert "***" in result.output
    assert shop.requests[0] == ("HEAD", f"/webhooks/{secret}")


def test_setting_of_the_plugin_is_the_address(tmp_path: Path) -> None:
    """Mollie's own setting, which it is also given with each payment, is what is tried."""
    url = "https://shop.example/webhooks"
    path = configure("mollie", {"api_key": "live_abcdefghij0123456789", "webhook_url": url}, tmp_path)

    loaded = load_account(config=path)

    assert (loaded.webhook_url, loaded.settings.webhook_url) == (url, url)


def test_address_of_the_environment(shop: Shop, tmp_path: Path) -> None:
    """As every key of an account."""
    config = configure("sandbox", dict(shop.account.settings), tmp_path)
    url = f"http://127.0.0.1:{shop.port}/webhooks"
    environment = {"GATEWAY_CONFIG": str(config), "GATEWAY_SHOP_WEBHOOK_URL": url}

    result = CliRunner(env=environment).invoke(_group.gateway, ["webhook", "test"])

    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0] == f"ok   address: {url}"

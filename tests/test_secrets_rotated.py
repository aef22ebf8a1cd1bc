"""Secrets that change while the process runs: the next calls have the new ones, and nothing else has changed."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import pytest

from gateway_core import (
    AsyncGateway,
    AsyncGateways,
    Gateway,
    Gateways,
    HttpRequest,
    HttpResponse,
    InvoiceRequest,
    Money,
    Secret,
    WebhookRequest,
    errors,
)
from gateway_core.config import load_account, read_secrets
from gateway_core.provider.settings import with_secrets
from gateway_core.testing import EmulatorTransport
from gateway_core.transport import Deadline
from gateway_sandbox.emulator import SandboxEmulator

OLD, NEW = "sk_sandbox_old-0123456789", "sk_sandbox_new-0123456789"
OLD_HOOK, NEW_HOOK = "whsec_b2xkLW9sZC1vbGQtb2xkLW9sZA==", "whsec_bmV3LW5ldy1uZXctbmV3LW5ldw=="


class Provider:
    """The sandbox, where keys can be changed, and a configuration with an account of it.

    Attributes:
        emulator: The provider.
        key: The file with the key.
        hook: The file with the webhook's secrets.
        config: The configuration.
        seen: The keys that came, and what each was answered.
    """

    def __init__(self, folder: Path) -> None:
        self.emulator = SandboxEmulator(
            credentials={"api_key": OLD, "webhook_secret": OLD_HOOK}, webhook_url="https://shop.example/webhooks"
        )
        self.key, self.hook, self.config = folder / "key", folder / "hook", folder / "gateway.toml"
        self.key.write_text(f"{OLD}\n", encoding="utf-8")
        self.hook.write_text(f"{OLD_HOOK}\n", encoding="utf-8")
        self.write('journal = "sqlite://"')
        self.seen: list[tuple[str | None, int]] = []

    def write(self, top: str = "", table: str = "") -> None:
        """Write the configuration."""
        self.config.write_text(
            f'default = "shop"\n{top}\n[gateways.shop]\nbackend = "sandbox"\napi_key = "file://{self.key}"\n'
            f'webhook_secret = "file://{self.hook}"\n{table}\n',
            encoding="utf-8",
        )

    def send(self, request: HttpRequest, deadline: Deadline, on_write: Callable[[], object] = int) -> HttpResponse:
        """Answer a request, as a transport."""
        on_write()
        answer = EmulatorTransport(self.emulator).send(request, deadline)
        self.seen.append((request.headers.get("Authorization"), answer.status))
        return answer

    def close(self) -> None:
        """Do nothing."""

    def rotate(self, *, hook: str | None = None) -> None:
        """Change the key at the provider and in its file."""
        self.emulator.credentials["api_key"] = NEW
        self.key.write_text(f"{NEW}\n", encoding="utf-8")
        if hook is not None:
            self.hook.write_text(hook, encoding="utf-8")

    def webhook(self, secret: str = OLD_HOOK) -> WebhookRequest:
        """Return a webhook that is signed with a secret: an invoice was paid."""
        self.emulator.credentials["webhook_secret"] = secret
        came: list[HttpRequest] = []

        def receive(request: HttpRequest) -> int:
            came.append(request)
            return 200

        self.emulator.deliver(receive)
        return WebhookRequest(body=came[-1].body, headers=came[-1].headers, url=came[-1].url)

    def open(self, **more: Any) -> Gateway:
        """Open the account."""
        return Gateway.open(config=self.config, transport=self, **more)


@pytest.fixture
def provider(tmp_path: Path) -> Provider:
    """Give a provider."""
    return Provider(tmp_path)


def order(number: int = 1) -> InvoiceRequest:
    """Return an order."""
    return InvoiceRequest(order_id=f"order-{number}", amount=Money("49.90", "EUR"))


@pytest.mark.parametrize("journal", [None, False])
def test_call_after_the_key_was_rotated_is_made_once_more(provider: Provider, journal: Any) -> None:
    """The caller does not notice; with a journal neither."""
    gateway = provider.open(journal=journal)
    gateway.create_invoice(order(1))
    provider.rotate()
    invoice = gateway.create_invoice(order(2))

    assert gateway.get_status(invoice.id).invoice_id == invoice.id
    assert [status for _, status in provider.seen] == [201, 401, 201, 200]
    assert provider.seen[1][0] == f"Bearer {OLD}"
    assert provider.seen[2][0] == f"Bearer {NEW}"


def test_async_call_after_the_key_was_rotated(provider: Provider) -> None:
    """Calls that run at the same time are each made once more."""

    async def main() -> None:
        async with AsyncGateway.open(config=provider.config, transport=provider) as gateway:
            await gateway.create_invoice(order(1))
            provider.rotate()
            made = await asyncio.gather(*(gateway.create_invoice(order(number)) for number in range(2, 22)))
            assert len({invoice.id for invoice in made}) == 20
            payments = [payment async for payment in gateway.list_payments()]
            assert payments == []

    asyncio.run(main())
    assert sum(status == 401 for _, status in provider.seen) <= 20


def test_key_is_rotated_while_threads_call(provider: Provider) -> None:
    """No call fails, whichever key it began with; connections and limits are the ones of before."""
    gateway = provider.open(journal=False)
    pipeline, transport = gateway._pipeline, gateway._transport
    half = threading.Event()
    failed: list[Exception] = []

    def buy(start: int) -> None:
        for number in range(start, start + 30):
            try:
                gateway.create_invoice(order(number))
            except errors.GatewayError as error:
                failed.append(error)
            if number == 15:
                half.set()

    with ThreadPoolExecutor(8) as threads:
        running = [threads.submit(buy, 1000 * index) for index in range(8)]
        half.wait(30)
        provider.key.write_text(f"{NEW}\n", encoding="utf-8")  # the provider takes both for a moment
        provider.emulator.credentials["api_key"] = NEW
        for each in running:
            each.result()
    gateway.create_invoice(order(9999))  # the threads may have been done before the key was replaced

    assert failed == []
    assert gateway._pipeline is pipeline
    assert gateway._transport is transport
    assert provider.seen[-1] == (f"Bearer {NEW}", 201)


def test_limits_go_on_being_counted(provider: Provider) -> None:
    """What was sent with the old key counts for the new one: the account is the same."""
    provider.write(table='rate_limits = ["3/h"]\nbase_url = "http://127.0.0.1:9"\ntransport = {attempts = 1}')
    gateway = Gateway.open(config=provider.config)
    gateway._transport = provider  # what leaves, and is counted before
    gateway._driver._transport = provider
    for number in range(2):
        gateway.create_invoice(order(number))
    assert not gateway.reload()
    provider.rotate()
    assert gateway.reload()
    gateway.create_invoice(order(3))

    with pytest.raises(errors.NotSentError, match="rate limit"):
        gateway.create_invoice(order(4))


def test_reload_reads_what_has_changed(provider: Provider, caplog: pytest.LogCaptureFixture) -> None:
    """It says whether a secret has changed, the log says so too, and neither shows one."""
    gateway = provider.open()
    provider.rotate()

    with caplog.at_level(logging.INFO, "gateway_core"):
        assert gateway.reload()
        assert not gateway.reload()

    assert gateway.provider.settings.api_key == Secret(NEW)
    assert "sandbox: secrets have changed, and are used from now on" in caplog.text
    assert NEW not in caplog.text
    gateway.create_invoice(order())
    assert [status for _, status in provider.seen] == [201]


def test_reload_of_a_variable(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that stands over the file is read again, too, and the file itself."""
    gateway = provider.open()
    monkeypatch.setenv("GATEWAY_SHOP_API_KEY", NEW)
    assert gateway.reload()
    assert gateway.provider.settings.api_key == Secret(NEW)

    monkeypatch.delenv("GATEWAY_SHOP_API_KEY")
    provider.config.write_text(provider.config.read_text().replace(f'"file://{provider.key}"', '"sk_sandbox_third"'))
    assert gateway.reload()
    assert gateway.provider.settings.api_key == Secret("sk_sandbox_third")


def test_reload_changes_secrets_only(provider: Provider) -> None:
    """Everything else stays until the process begins anew: connections and limits were made of it."""
    gateway = provider.open()
    provider.write(table='base_url = "https://other.example"\nwebhook_tolerance = 7')
    assert not gateway.reload()
    provider.rotate()
    assert gateway.reload()

    settings = gateway.provider.settings
    assert (settings.base_url, settings.webhook_tolerance.total_seconds()) == ("http://127.0.0.1:4010", 300)


def test_secrets_that_cannot_be_had_leave_the_old_ones(provider: Provider, caplog: pytest.LogCaptureFixture) -> None:
    """A file that is being written is read the next time; the caller of an ordinary call sees the provider's error."""
    gateway = provider.open()
    provider.emulator.credentials["api_key"] = NEW
    provider.key.write_text("", encoding="utf-8")
    with pytest.raises(errors.AuthenticationError):
        gateway.create_invoice(order())
    assert "the secrets could not be read again" in caplog.text
    with pytest.raises(errors.ConfigurationError, match=r"\[gateways.shop\] api_key"):
        gateway.reload()
    provider.config.unlink()
    with pytest.raises(errors.ConfigurationError, match="there is no such file"):
        gateway.reload()
    provider.write()
    provider.rotate()

    assert gateway.create_invoice(order()).order_id == "order-1"


def test_key_that_is_wrong_and_stays_so(provider: Provider) -> None:
    """The call is not made a second time with the same key."""
    gateway = provider.open()
    provider.emulator.credentials["api_key"] = NEW

    with pytest.raises(errors.AuthenticationError):
        gateway.create_invoice(order())

    assert len(provider.seen) == 1


def test_new_webhook_secret_is_read_when_it_is_needed(provider: Provider) -> None:
    """A webhook that no secret fits lets the secrets be read; old and new are valid as long as both are there."""
    gateway = provider.open()
    invoice = gateway.create_invoice(order())
    provider.emulator.pay(str(invoice.payment_url).rpartition("/")[2])
    old = provider.webhook()
    assert gateway.verify_webhook(old).verified_by == "signature"
    provider.hook.write_text(f"{OLD_HOOK}\n{NEW_HOOK}\n", encoding="utf-8")
    second = gateway.create_invoice(order(2))
    provider.emulator.pay(str(second.payment_url).rpartition("/")[2])
    new = provider.webhook(NEW_HOOK)

    with gateway.receive_webhook(new) as delivery:
        assert [event.order_id for event in delivery.events] == ["order-2"]
    assert gateway.verify_webhook(old).verified_by == "signature"
    provider.hook.write_text(f"{NEW_HOOK}\n", encoding="utf-8")
    gateway.reload()
    with pytest.raises(errors.WebhookError):
        gateway.verify_webhook(old)


def test_async_webhook_with_a_new_secret(provider: Provider) -> None:
    """The same for code that awaits."""

    async def main() -> None:
        async with AsyncGateway.open(config=provider.config, transport=provider) as gateway:
            invoice = await gateway.create_invoice(order())
            provider.emulator.pay(str(invoice.payment_url).rpartition("/")[2])
            provider.hook.write_text(f"{OLD_HOOK}\n{NEW_HOOK}\n", encoding="utf-8")
            webhook = provider.webhook(NEW_HOOK)
            assert (await gateway.verify_webhook(webhook)).verified_by == "signature"
            async with gateway.receive_webhook(webhook) as delivery:
                assert len(delivery.events) == 1

    asyncio.run(main())


def test_forged_webhook_changes_nothing(provider: Provider) -> None:
    """The secrets are read, and are the same."""
    gateway = provider.open()

    with pytest.raises(errors.WebhookError):
        gateway.verify_webhook(
            WebhookRequest(
                body=b"{}",
                headers={"webhook-id": "x", "webhook-timestamp": "1767268800", "webhook-signature": "v1,AAAA"},
            )
        )

    assert not gateway.reload()


def test_poll_after_the_key_was_rotated(provider: Provider) -> None:
    """What asks about open invoices has the new key, too."""
    gateway = provider.open()
    invoice = gateway.create_invoice(order())
    provider.emulator.pay(str(invoice.payment_url).rpartition("/")[2])
    provider.rotate()
    handled: list[str | None] = []

    assert gateway.poll(lambda event: handled.append(event.order_id), order_id="order-1") == 1
    assert handled == ["order-1"]


def test_flow_of_the_provider_is_not_run_twice(provider: Provider) -> None:
    """A flow can be run once; the next one has the new key."""
    gateway = provider.open()
    provider.rotate()
    with pytest.raises(errors.AuthenticationError):
        gateway.run(gateway.provider.get_status("inv_1"))

    with pytest.raises(errors.NotFoundError):
        gateway.run(gateway.provider.get_status("inv_1"))


def test_gateway_that_was_made_in_code(provider: Provider) -> None:
    """There is nothing to read again."""
    gateway = Gateway.connect("sandbox", api_key=OLD, webhook_secret=OLD_HOOK, transport=provider)
    provider.rotate()

    with pytest.raises(errors.ConfigurationError, match="made by `connect`"):
        gateway.reload()
    with pytest.raises(errors.AuthenticationError):
        gateway.create_invoice(order())


@pytest.mark.parametrize("kind", [Gateways, AsyncGateways])
def test_all_accounts_are_reloaded(provider: Provider, kind: Any) -> None:
    """Those that are open; the others are read when they are opened."""
    provider.write(table='[gateways.other]\nbackend = "sandbox"\napi_key = "file:///not/there"')
    gateways = kind.open(provider.config, transports={"shop": provider})
    gateway = gateways["shop"]
    provider.rotate()

    changed = gateways.reload() if kind is Gateways else asyncio.run(gateways.reload())

    assert changed
    assert gateways["shop"] is gateway
    assert gateway.provider.settings.api_key == Secret(NEW)


@attrs.frozen(kw_only=True)
class Below:
    """A table below the account's."""

    token: Secret | None = None
    size: int = 1


@attrs.frozen(kw_only=True)
class Above:
    """Settings."""

    name: str
    keys: tuple[Secret, ...] = ()
    below: Below = attrs.field(factory=Below)


def test_secrets_are_taken_over_however_deep() -> None:
    """What is beside a secret stays."""
    old = Above(name="old", keys=(Secret("aa"),), below=Below(size=2))
    new = Above(name="new", keys=(Secret("bb"), Secret("cc")), below=Below(token=Secret("dd"), size=3))

    assert with_secrets(old, new) == Above(
        name="old", keys=(Secret("bb"), Secret("cc")), below=Below(token=Secret("dd"), size=2)
    )
    assert with_secrets(new, old).keys == (Secret("aa"),)


def test_account_that_is_no_longer_there(provider: Provider) -> None:
    """It is told by its name."""
    loaded = load_account(config=provider.config)
    provider.config.write_text('[gateways.other]\nbackend = "sandbox"\n', encoding="utf-8")

    with pytest.raises(errors.ConfigurationError, match="there is no account shop"):
        read_secrets(loaded, loaded.settings)

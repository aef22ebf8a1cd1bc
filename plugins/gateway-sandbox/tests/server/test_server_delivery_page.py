"""The page of one webhook."""

import html
import re
import shlex
from datetime import timedelta
from typing import Any

import pytest

from gateway_core import HttpResponse
from gateway_core.testing import QueuedDelivery


@pytest.fixture
def paid(site: Any) -> Any:
    """Give a site with one paid invoice, whose webhooks the shop has accepted."""
    site.invoice()
    site.emulator.pay("token1")
    site.emulator.deliver(lambda _: 200)
    return site


def deliveries(site: Any) -> list[QueuedDelivery]:
    """Return the webhooks, oldest first."""
    return [delivery for _, delivery in site.emulator.ledger.select(QueuedDelivery)]


def test_webhook_can_be_read_as_it_is_sent(paid: Any) -> None:
    """Its page shows the address, the headers with the signature, and the raw body."""
    first = deliveries(paid)[0]

    page = paid.get(f"/dashboard/deliveries/{first.id}").body.decode()

    assert "POST http://127.0.0.1:9/webhooks" in page
    assert "webhook-signature: v1," in page
    assert first.body.decode().replace('"', "&#34;") in page
    assert "as it was sent" in page


def test_webhook_that_was_not_sent_yet_can_be_read(site: Any) -> None:
    """With the signature that it would have now."""
    site.invoice()
    site.emulator.pay("token1")

    page = site.get(f"/dashboard/deliveries/{deliveries(site)[0].id}").body.decode()

    assert "as it would be sent now" in page
    assert "webhook-signature: v1," in page


def test_each_attempt_shows_what_was_sent_and_answered(site: Any) -> None:
    """A shop's own words say why it refused, and each signature is of its time."""
    site.invoice()
    site.emulator.pay("token1")
    site.emulator.deliver(lambda _: HttpResponse(status=400, body=b"<b>wrong secret</b>"))
    site.now += timedelta(minutes=1)
    site.emulator.deliver(lambda _: HttpResponse(status=200, body=b"taken"))
    (delivery,) = deliveries(site)

    page = html.unescape(site.get(f"/dashboard/deliveries/{delivery.id}").body.decode())

    first, second = (dict(attempt.headers)["webhook-signature"] for attempt in delivery.attempts)
    assert first != second
    assert all(each in page for each in (first, second, "<b>wrong secret</b>", "taken"))
    assert "<b>wrong" not in site.get(f"/dashboard/deliveries/{delivery.id}").body.decode()


def test_tampered_webhook_shows_what_was_sent(paid: Any) -> None:
    """Not what was signed."""
    paid.post(f"/dashboard/deliveries/{deliveries(paid)[0].id}", {"action": "tamper"})
    tampered = deliveries(paid)[-1]

    page = html.unescape(paid.get(f"/dashboard/deliveries/{tampered.id}").body.decode())

    assert paid.emulator.sent_body(tampered).decode() in page
    assert tampered.body.decode() not in page


def test_command_sends_the_webhook_once_more(paid: Any) -> None:
    """Byte for byte, with the headers of the last attempt, as a shell reads it."""
    (delivery,) = deliveries(paid)
    page = paid.get(f"/dashboard/deliveries/{delivery.id}").body.decode()

    (command,) = re.findall(r'id="curl"[^>]*>(.*?)</pre>', html.unescape(page), re.DOTALL)

    words = shlex.split(command.replace("\\\n", " "))
    headers = [f"{name}: {value}" for name, value in delivery.attempts[-1].headers]
    assert words[:4] == ["curl", "--request", "POST", "http://127.0.0.1:9/webhooks"]
    assert [words[at + 1] for at, word in enumerate(words) if word == "--header"] == headers
    assert words[words.index("--data-binary") + 1].encode() == delivery.body

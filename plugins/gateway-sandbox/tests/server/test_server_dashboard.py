from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest

from gateway_core.testing import QueuedDelivery

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"


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


def test_home_leads_to_the_dashboard(site: Any) -> None:
    """The address that the command prints is enough."""
    assert site.get("/").headers["Location"] == "/dashboard"


def test_dashboard_shows_what_happened(paid: Any) -> None:
    """Invoices, payments and webhooks with their answers are on one page."""
    page = paid.get("/dashboard").body.decode()

    assert '<a href="/pay/token1">' in page
    assert "49.90 EUR" in page
    assert '<span class="badge good">Paid</span>' in page
    assert "http://127.0.0.1:9/webhooks" in page
    assert '<span class="answer good">200</span> accepted' in page


def test_empty_dashboard_tells_what_to_do(make_site: Any) -> None:
    """Without an address for webhooks, the page says how to give one."""
    page = make_site().get("/dashboard").body.decode()

    assert "Create one through the API" in page
    assert "--webhook-url" in page


def test_hostile_text_stays_text(site: Any) -> None:
    """No text of a shop becomes markup."""
    site.invoice(order_id=HOSTILE, description=HOSTILE)
    site.emulator.pay("token1")

    page = site.get("/dashboard").body.decode()

    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "<img" not in page


def test_failed_attempt_is_shown_with_the_next(site: Any) -> None:
    """A shop that did not take a webhook is seen, and when it is sent again."""
    site.invoice()
    site.emulator.pay("token1")
    site.emulator.deliver(lambda _: 500)

    page = site.get("/dashboard").body.decode()

    assert '<span class="answer bad">500</span> not accepted' in page
    assert "sent again at" in page


def test_resend(paid: Any) -> None:
    """The same delivery is sent once more."""
    first = deliveries(paid)[0]

    answer = paid.post(f"/dashboard/deliveries/{first.id}", {"action": "resend"})
    paid.emulator.deliver(lambda _: 200)

    assert (answer.status, answer.headers["Location"]) == (303, "/dashboard")
    assert [len(each.attempts) for each in deliveries(paid)] == [2]


def test_duplicate(paid: Any) -> None:
    """The same event is sent in a second delivery."""
    first = deliveries(paid)[0]

    paid.post(f"/dashboard/deliveries/{first.id}", {"action": "duplicate"})

    assert [each.event_id for each in deliveries(paid)] == [first.event_id] * 2
    assert [each.body for each in deliveries(paid)] == [first.body] * 2


def test_delay(paid: Any) -> None:
    """A delivery is sent after half a minute, and not before."""
    first = deliveries(paid)[0]

    paid.post(f"/dashboard/deliveries/{first.id}", {"action": "delay"})
    paid.now += timedelta(seconds=29)
    early = paid.emulator.deliver(lambda _: 200)
    paid.now += timedelta(seconds=1)

    assert (early, paid.emulator.deliver(lambda _: 200)) == (0, 1)


def test_tamper(paid: Any) -> None:
    """The event is sent with other digits under a signature that is for the true ones."""
    first = deliveries(paid)[0]
    send = Mock(return_value=400)

    paid.post(f"/dashboard/deliveries/{first.id}", {"action": "tamper"})
    paid.emulator.deliver(send)

    (sent,) = send.call_args.args
    assert sent.body != first.body
    assert len(sent.body) == len(first.body)
    assert '<span class="badge bad">Tampered</span>' in paid.get("/dashboard").body.decode()


@pytest.mark.parametrize("action, status", [("resend", 404), ("tamper", 404), ("burn", 422)])
def test_what_is_not_there_cannot_be_done(site: Any, action: str, status: int) -> None:
    """An unknown delivery and an unknown action are told apart."""
    assert site.post("/dashboard/deliveries/nobody", {"action": action}).status == status


def test_webhook_can_be_read_as_it_is_sent(paid: Any) -> None:
    """Its page shows the address, the headers with the signature, and the raw body."""
    first = deliveries(paid)[0]

    page = paid.get(f"/dashboard/deliveries/{first.id}").body.decode()

    assert "POST http://127.0.0.1:9/webhooks" in page
    assert "webhook-signature: v1," in page
    assert first.body.decode().replace('"', "&#34;") in page


def test_webhook_that_is_not_there(site: Any) -> None:
    """A guessed address shows nothing."""
    assert site.get("/dashboard/deliveries/nobody").status == 404


def test_version_changes_with_what_is_shown(site: Any) -> None:
    """The page is loaded anew when there is something new, and only then."""
    before = json.loads(site.get("/dashboard/version").body)["version"]
    same = json.loads(site.get("/dashboard/version").body)["version"]
    site.invoice()

    after = json.loads(site.get("/dashboard/version").body)["version"]

    assert before == same != after
    assert f'data-version="{after}"' in site.get("/dashboard").body.decode()

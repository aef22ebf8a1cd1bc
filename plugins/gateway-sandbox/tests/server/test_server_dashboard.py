from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest

from gateway_core import InvoiceStatus, Money
from gateway_core.testing import QueuedDelivery
from gateway_sandbox.server import messages

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
    assert '<a href="/dashboard/invoices/inv_1">' in page
    assert '<a href="/dashboard?about=inv_1#webhooks">' in page
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


@pytest.mark.parametrize(
    "back, leads",
    [
        ("/dashboard/invoices/inv_1", "/dashboard/invoices/inv_1"),
        ("/dashboard?about=1042", "/dashboard?about=1042"),
        ("https://evil.example/", "/dashboard"),
        ("//evil.example/dashboard", "/dashboard"),
        ("/dashboards", "/dashboard"),
        ("/dashboard/\nx", "/dashboard"),
    ],
)
def test_action_leads_back_to_where_it_was_done(paid: Any, back: str, leads: str) -> None:
    """And never out of the dashboard."""
    answer = paid.post(f"/dashboard/deliveries/{deliveries(paid)[0].id}", {"action": "resend", "back": back})

    assert answer.headers["Location"] == leads


@pytest.fixture
def several(site: Any) -> Any:
    """Give a site with webhooks of two orders: one was taken, one was not, and one is waiting."""
    site.invoice()
    site.emulator.pay("token1")
    site.emulator.deliver(lambda _: 200)
    site.invoice(id="inv_2", token="token2", order_id="1043")
    site.emulator.decline("token2")
    site.emulator.deliver(lambda _: 500)
    site.now += timedelta(seconds=1)
    site.emulator.pay("token2", Money(1, "EUR"))
    return site


@pytest.mark.parametrize(
    "query, kinds",
    [
        ("", ["invoice.partially_paid", "invoice.failed", "invoice.paid"]),
        ("?about=1042", ["invoice.paid"]),
        ("?about=inv_2", ["invoice.partially_paid", "invoice.failed"]),
        ("?about=%201043%20&state=waiting", ["invoice.partially_paid", "invoice.failed"]),
        ("?state=accepted", ["invoice.paid"]),
        ("?state=not+accepted", ["invoice.failed"]),
        ("?state=tampered", []),
        ("?state=nonsense", ["invoice.partially_paid", "invoice.failed", "invoice.paid"]),
        ("?about=nobody", []),
    ],
)
def test_webhooks_are_found_newest_first(several: Any, query: str, kinds: list[str]) -> None:
    """By invoice, order and state."""
    page = several.get(f"/dashboard{query}").body.decode()

    assert re.findall(r'<h3><a href="[^"]*">([^<]*)</a>', page) == kinds


def test_held_webhooks_wait_and_can_be_turned_round(several: Any) -> None:
    """So that a shop can be seen to come to the same end whatever the order."""
    several.now += timedelta(seconds=5)
    several.post("/dashboard/webhooks", {"action": "hold"})
    held = several.get("/dashboard").body.decode()
    before = [each.kind for each in several.emulator.waiting()]

    answer = several.post("/dashboard/webhooks", {"action": "reorder"})
    turned = [each.kind for each in several.emulator.waiting()]
    several.post("/dashboard/webhooks", {"action": "release"})

    assert (answer.status, answer.headers["Location"]) == (303, "/dashboard")
    assert turned == list(reversed(before))
    assert [text in held for text in ("Release", "Reverse the 2 that wait", "Hold all")] == [True, True, False]
    assert "Hold all" in several.get("/dashboard").body.decode()


def test_webhooks_can_be_sent_elsewhere(several: Any) -> None:
    """A changed address holds for what is waiting, too; an empty one sends none."""
    several.post("/dashboard/webhooks", {"action": "address", "url": " http://127.0.0.1:8/other "})
    send = Mock(return_value=200)
    several.emulator.deliver(send)
    several.post("/dashboard/webhooks", {"action": "address", "url": ""})

    assert {call.args[0].url for call in send.call_args_list} == {"http://127.0.0.1:8/other"}
    assert several.emulator.webhook_url is None


@pytest.mark.parametrize("url", ["http://shop.example/webhooks", "ftp://127.0.0.1/", "shop", "http://127.0.0.1:x/"])
def test_address_that_may_not_be_contacted_is_explained(several: Any, url: str) -> None:
    """It is typed anew, and webhooks go where they went."""
    answer = several.post("/dashboard/webhooks", {"action": "address", "url": url})

    page = answer.body.decode()
    assert (answer.status, several.emulator.webhook_url) == (422, "http://127.0.0.1:9/webhooks")
    assert 'role="alert"' in page
    assert f'value="{url}"' in page


def test_unknown_order_to_the_queue_does_nothing(site: Any) -> None:
    """A form without one of our buttons is refused."""
    assert site.post("/dashboard/webhooks", {"action": "burn"}).status == 422


def test_invoice_shows_its_money_and_its_webhooks(paid: Any) -> None:
    """And what may happen next, with what each does."""
    page = paid.get("/dashboard/invoices/inv_1").body.decode()

    assert all(text in page for text in ("49.90 EUR", "invoice.paid", "Confirmed", "Refund", "Dispute"))
    assert 'value="49.90"' in page


def test_invoice_is_refunded_from_the_page(paid: Any) -> None:
    """A part of the money, and the shop is told."""
    answer = paid.post("/dashboard/invoices/inv_1", {"action": "refund", "amount": "9.90"})

    assert (answer.status, answer.headers["Location"]) == (303, "/dashboard/invoices/inv_1")
    assert paid.status() is InvoiceStatus.PARTIALLY_REFUNDED
    assert deliveries(paid)[-1].kind == "invoice.partially_refunded"
    assert "Refund" in paid.get("/dashboard/invoices/inv_1").body.decode()


@pytest.mark.parametrize(
    "action, status", [("cancel", InvoiceStatus.CANCELED), ("expire", InvoiceStatus.EXPIRED)], ids=str
)
def test_invoice_is_ended_from_the_page(site: Any, action: str, status: InvoiceStatus) -> None:
    """With nothing left to do afterwards."""
    site.invoice()

    site.post("/dashboard/invoices/inv_1", {"action": action})

    assert site.status() is status
    assert "has come to its end" in site.get("/dashboard/invoices/inv_1").body.decode()


@pytest.mark.parametrize(
    "fields, status",
    [
        ({"action": "refund", "amount": "1000"}, 409),
        ({"action": "refund", "amount": "1,5"}, 422),
        ({"action": "refund", "amount": "-1"}, 422),
        ({"action": "cancel"}, 409),
        ({"action": "burn"}, 409),
        ({}, 409),
    ],
    ids=str,
)
def test_what_cannot_be_done_to_an_invoice_is_explained(paid: Any, fields: dict[str, str], status: int) -> None:
    """Nothing moves, and the page says why."""
    answer = paid.post("/dashboard/invoices/inv_1", fields)

    assert (answer.status, paid.status()) == (status, InvoiceStatus.PAID)
    assert 'role="alert"' in answer.body.decode()


def test_invoice_that_is_not_there(site: Any) -> None:
    """A guessed address shows nothing, and takes nothing."""
    assert [
        site.get("/dashboard/invoices/nobody").status,
        site.post("/dashboard/invoices/nobody", {"action": "cancel"}).status,
    ] == [404, 404]


@pytest.mark.parametrize("path", ["/dashboard/invoices/inv_1", "/dashboard?about=%3Cscript%3E"])
def test_hostile_text_stays_text_everywhere(site: Any, path: str) -> None:
    """No text of a shop, and nothing that was typed, becomes markup."""
    site.invoice(order_id=HOSTILE, description=HOSTILE)
    site.emulator.pay("token1")

    page = site.get(path).body.decode()

    assert ("<script>alert" in page, '<script>"' in page, "<img" in page) == (False, False, False)


@pytest.mark.parametrize(
    "body, shown",
    [
        (
            b'{"a":1.50,"b":[],"c":[true,null],"d":{"e":"\xc3\xa9\\n"}}',
            '{\n  "a": 1.50,\n  "b": [],\n  "c": [\n    true,\n    null\n  ],\n  "d": {\n    "e": "\u00e9\\n"\n  }\n}',
        ),
        (b"{}", "{}"),
        (b"id=1", None),
        (b"\xff", None),
    ],
    ids=["all kinds", "nothing", "no JSON", "no text"],
)
def test_json_is_written_to_be_read(body: bytes, shown: str | None) -> None:
    """Numbers to the last digit, letters as they are."""
    assert messages.pretty(body) == shown


def test_command_is_left_out_where_the_body_is_no_text() -> None:
    """A shell could not hold it."""
    assert messages.curl("http://127.0.0.1/", (), b"\xff") is None


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

"""Webhooks in Django: each effect once, in one transaction with the journal, on each database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from bookshop_app.models import Order
from django.db import connections
from django.test import AsyncClient, Client, RequestFactory, override_settings
from shopping import ADDRESS, Shop, post

import gateway_django
from gateway_core import InvoiceStatus, Money, WebhookRequest
from gateway_django import signals
from gateway_django.views import webhook as webhook_view


def test_paid_order_is_shipped_once(shop: Shop) -> None:
    """The same webhook three times ships once, and each delivery is acknowledged."""
    number = shop.check_out()
    (webhook,) = shop.webhooks_of(number)

    answers = [post(webhook) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert shop.shipments(number) == 1
    assert Order.objects.using(shop.database).get(number=number).paid
    assert shop.told == [("invoice_paid", number), ("webhook_event", number)]


def test_receiver_that_raises_takes_everything_back(shop: Shop, receiver: Callable[..., None]) -> None:
    """Nothing of a failed delivery stays, neither here nor in the journal, and the next one does it all."""
    number = shop.check_out()
    (webhook,) = shop.webhooks_of(number)
    faults = [RuntimeError("no paper in the printer")]

    def print_label(**_: Any) -> None:
        if faults:
            raise faults.pop()

    receiver(signals.webhook_event, print_label)

    assert post(webhook).status_code == 500
    assert shop.shipments(number) == 0
    assert not Order.objects.using(shop.database).get(number=number).paid
    assert post(webhook).status_code == 200
    assert shop.shipments(number) == 1


def test_worker_that_dies_before_the_commit_leaves_nothing(shop: Shop, receiver: Callable[..., None]) -> None:
    """The shipment and the journal's note are one transaction: without its commit neither is there."""
    number = shop.check_out()
    (webhook,) = shop.webhooks_of(number)
    dies = [KeyboardInterrupt()]

    def die(**_: Any) -> None:
        if dies:
            raise dies.pop()

    receiver(signals.invoice_paid, die)

    with pytest.raises(KeyboardInterrupt):
        post(webhook)

    assert shop.shipments(number) == 0
    assert shop.gateway.journal.order(number)["invoices"][0]["status"] == "pending"
    assert post(webhook).status_code == 200
    assert shop.shipments(number) == 1


def test_deliveries_at_once_ship_once(shop: Shop) -> None:
    """Workers that get the same webhook at the same time wait for each other, or ask for it again."""
    number = shop.check_out()
    (webhook,) = shop.webhooks_of(number)
    answers: list[int] = []

    def deliver() -> None:
        try:
            answers.append(post(webhook).status_code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=deliver) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(answers) <= {200, 503}
    assert 200 in answers
    assert shop.shipments(number) == 1


@pytest.mark.parametrize(
    "acts,expected",
    [
        ([("pay", {"amount": Money("10", "EUR")})], ["invoice_partially_paid"]),
        ([("pay", {"amount": Money("10", "EUR")}), ("pay", {})], ["invoice_partially_paid", "invoice_paid"]),
        ([("pay", {"amount": Money("60", "EUR")})], ["invoice_paid", "invoice_overpaid"]),
        ([("decline", {})], ["invoice_failed"]),
        ([("expire", {})], ["invoice_expired"]),
    ],
)
def test_each_move_has_its_signal(shop: Shop, acts: list[tuple[str, Any]], expected: list[str]) -> None:
    """What happens to an invoice is told by name."""
    number = shop.check_out()

    for act, more in acts:
        for webhook in shop.webhooks_of(number, act, **more):
            assert post(webhook).status_code == 200

    assert [name for name, _ in shop.told if name != "webhook_event"] == expected


def test_refund_has_its_signal(shop: Shop) -> None:
    """Money that went back is told too, by its part or as a whole."""
    from gateway_core import RefundRequest

    number = shop.check_out()
    webhooks = shop.webhooks_of(number)
    for refund, amount in enumerate(["9.90", "40"]):
        shop.gateway.refund_payment(
            RefundRequest(
                invoice_id=shop.invoice_of(number), refund_id=f"{number}-{refund}", amount=Money(amount, "EUR")
            )
        )
        webhooks += shop.account.webhooks()

    assert {post(webhook).status_code for webhook in webhooks} == {200}
    assert [name for name, _ in shop.told if name != "webhook_event"] == [
        "invoice_paid",
        "invoice_partially_refunded",
        "invoice_refunded",
    ]


def test_forged_webhook_is_refused_without_a_hint(shop: Shop) -> None:
    """A body that was changed is 4xx with nothing in it, and nothing is done."""
    number = shop.check_out()
    (webhook,) = shop.webhooks_of(number)
    forged = WebhookRequest(body=webhook.body + b" ", headers=webhook.headers, url=webhook.url)

    answer = post(forged)

    assert 400 <= answer.status_code < 500
    assert answer.content == b""
    assert shop.told == []


def test_webhook_needs_no_token_against_forged_forms(shop: Shop) -> None:
    """The provider knows no CSRF token; its signature is what counts."""
    (webhook,) = shop.webhooks_of(shop.check_out())

    assert post(webhook, client=Client(enforce_csrf_checks=True)).status_code == 200


@pytest.mark.parametrize("address", ["/payments/webhooks", "/payments/webhooks/sandbox", "/payments/webhooks/sandbox/"])
def test_webhook_comes_with_and_without_a_slash(shop: Shop, address: str) -> None:
    """A redirect to the address with a slash would lose the body."""
    (webhook,) = shop.webhooks_of(shop.check_out())

    assert post(webhook, address).status_code == 200


@pytest.mark.parametrize(
    "method,status", [("get", 200), ("head", 200), ("put", 405), ("delete", 405), ("options", 405)]
)
def test_other_methods(shop: Shop, method: str, status: int) -> None:
    """Somebody may look whether the address is there."""
    answer = getattr(Client(), method)(ADDRESS)

    assert (answer.status_code, answer.content) == (status, b"")
    assert "Content-Type" not in answer.headers


def test_body_that_is_too_large_is_not_read(shop: Shop) -> None:
    """The declared length is enough to refuse it."""
    from gateway_core.web import MAX_BODY

    assert Client().post(ADDRESS, data=b" " * (MAX_BODY + 1), content_type="text/plain").status_code == 413


def test_body_larger_than_django_allows_forms_is_taken(shop: Shop) -> None:
    """Django's bound is one on forms; ours holds for webhooks."""
    (webhook,) = shop.webhooks_of(shop.check_out())

    with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=10):
        assert post(webhook).status_code == 200


def test_body_that_ended_early_is_refused(shop: Shop) -> None:
    """Half a body is no webhook."""
    (webhook,) = shop.webhooks_of(shop.check_out())
    request = RequestFactory().post(ADDRESS, data=webhook.body, content_type="application/json")
    request.META["CONTENT_LENGTH"] = str(len(webhook.body) + 1)

    assert webhook_view(request).status_code == 400
    assert shop.told == []


def test_webhook_is_taken_in_a_site_whose_views_are_transactions(shop: Shop, receiver: Callable[..., None]) -> None:
    """ATOMIC_REQUESTS would commit what a failed receiver has done, since the answer is no exception."""
    number = shop.check_out()
    (webhook,) = shop.webhooks_of(number)

    def fail(**_: Any) -> None:
        raise RuntimeError

    receiver(signals.webhook_event, fail)
    connections[shop.database].settings_dict["ATOMIC_REQUESTS"] = True
    try:
        assert post(webhook).status_code == 500
    finally:
        connections[shop.database].settings_dict["ATOMIC_REQUESTS"] = False
    assert shop.shipments(number) == 0


def test_database_that_cannot_be_written_asks_for_the_webhook_again(shop: Shop) -> None:
    """Without the journal nothing is done, and the provider sends it again."""
    number = shop.check_out()
    (webhook,) = shop.webhooks_of(number)
    with connections[shop.database].cursor() as cursor:
        cursor.execute("ALTER TABLE gateway_claims RENAME TO gateway_claims_away")
    try:
        assert post(webhook).status_code in (500, 503)
    finally:
        with connections[shop.database].cursor() as cursor:
            cursor.execute("ALTER TABLE gateway_claims_away RENAME TO gateway_claims")

    assert shop.shipments(number) == 0
    assert post(webhook).status_code == 200


async def deliver_by_asgi(webhook: WebhookRequest) -> int:
    """Deliver a webhook through Django's ASGI handler."""
    left_out = ("content-type", "content-length", "host")
    headers = {name: value for name, value in webhook.headers.pairs if name.lower() not in left_out}
    answer = await AsyncClient().post(ADDRESS, data=webhook.body, content_type="application/json", headers=headers)
    return int(answer.status_code)


def test_webhook_comes_by_asgi(shop: Shop) -> None:
    """Django runs the view in a thread there, and the event loop goes on."""
    import asyncio

    number = shop.check_out()
    (webhook,) = shop.webhooks_of(number)

    try:
        assert asyncio.run(deliver_by_asgi(webhook)) == 200
    finally:
        connections.close_all()

    assert shop.shipments(number) == 1


def test_return_page_tells_what_is_known(shop: Shop) -> None:
    """Coming back proves nothing; the provider is asked, and what is new has its effect once."""
    number = shop.check_out()

    assert not gateway_django.order_status(number).is_paid
    shop.account.advance(minutes=1)
    shop.webhooks_of(number)
    assert shop.shipments(number) == 0

    status = gateway_django.order_status(number)

    assert status.is_paid
    assert status.status is InvoiceStatus.PAID
    assert shop.shipments(number) == 1
    assert gateway_django.order_status(number).is_paid
    assert shop.shipments(number) == 1
    assert gateway_django.order_status("nobody knows").status is None


def test_return_page_may_be_async(shop: Shop) -> None:
    """The receivers run in a thread, in one transaction with the journal, and the effect is there once."""
    import asyncio

    number = shop.check_out()
    shop.account.advance(minutes=1)
    shop.webhooks_of(number)

    async def look() -> tuple[bool, bool]:
        try:
            first = await gateway_django.aorder_status(number)
            return first.is_paid, (await gateway_django.aorder_status(number)).is_paid
        finally:
            await sync_to_async(connections.close_all)()

    assert asyncio.run(look()) == (True, True)
    assert shop.shipments(number) == 1


def test_poll_does_what_a_webhook_would(shop: Shop, receiver: Callable[..., None]) -> None:
    """A receiver that fails gets it again with the next poll, and once it has not, never again."""
    number = shop.check_out()
    shop.webhooks_of(number)
    faults = [RuntimeError("no paper")]

    def fail(**_: Any) -> None:
        if faults:
            raise faults.pop()

    receiver(signals.webhook_event, fail)
    shop.account.advance(minutes=2)

    with pytest.raises(RuntimeError, match="no paper"):
        gateway_django.poll(shop.gateway)
    assert shop.shipments(number) == 0
    shop.account.advance(days=1)
    assert gateway_django.poll(shop.gateway) == 1
    shop.account.advance(days=1)
    assert gateway_django.poll(shop.gateway) == 0
    assert shop.shipments(number) == 1

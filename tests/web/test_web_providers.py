"""Every shipped provider's webhooks, through a sync and an async application: accepted as that provider wants it."""

from __future__ import annotations

import pytest

from gateway_core import InvoiceStatus, WebhookRequest
from gateway_core.provider import WebhookAuthentication
from gateway_core.testing import EmulatedInvoice
from tests.web.apps import APPS, NEEDED, Answer, Shop, post

pytestmark = pytest.mark.parametrize("shop", NEEDED, indirect=True)
each_kind = pytest.mark.parametrize("kind", ["flask", "fastapi"])

#: What a provider wants to read besides a status.
_BODIES = {"adyen": b"[accepted]"}


@each_kind
def test_paid_order_is_delivered_once(shop: Shop, kind: str) -> None:
    """The emulator, which holds the answers to the provider's rules, takes each for accepted, duplicates too."""
    answers: list[Answer] = []
    with APPS[kind](shop) as send:

        def receive(request: WebhookRequest) -> int:
            answers.append(post(send, request))
            return answers[-1].status

        invoice_id = shop.pay()
        shop.account.deliver(receive)
        shop.account.duplicate()
        shop.account.deliver(receive)
        assert shop.account.emulator.waiting() == ()

    body = _BODIES.get(shop.gateway.backend, b"")
    assert {(answer.status, answer.body) for answer in answers} == {(200, body)}
    [(_, invoice)] = shop.account.emulator.ledger.select(EmulatedInvoice, order="newest", limit=1)
    # Billoget's customers approve, and pay elsewhere: an approval is no payment.
    assert shop.delivered == ([] if invoice.status is InvoiceStatus.APPROVED else ["1042"])
    assert len([event for event in shop.told if event.invoice_id == invoice_id]) >= 1


@each_kind
def test_tampered_webhook_is_refused(shop: Shop, kind: str) -> None:
    """A signature shows it at once; a provider that does not sign is asked, or not even that, and may send it again."""
    shop.pay()
    assert shop.account.webhooks()
    shop.account.tamper()
    with APPS[kind](shop) as send:
        [answer] = [post(send, each) for each in shop.account.webhooks()]

    signed = shop.gateway.info.webhook_authentication is not WebhookAuthentication.CALLBACK
    assert (answer.status, answer.body) == (400 if signed else 503, b"")
    assert shop.told == []

"""Adyen's own SDK does the same story at the emulator as our plugin, and agrees on every signature."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import requests_mock

from gateway_adyen.emulator import AdyenEmulator
from gateway_core import HttpRequest, InvoiceRequest, InvoiceStatus, Money, RefundRequest, WebhookRequest
from gateway_core.errors import WebhookError
from gateway_core.testing import EmulatedAccount

Adyen: Any = pytest.importorskip("Adyen", reason="comes with the dependency group judges")
util: Any = pytest.importorskip("Adyen.util", reason="comes with the dependency group judges")


@pytest.fixture
def judged() -> Iterator[EmulatedAccount]:
    """Give an account at the emulator, which answers whatever is sent to its address by `requests`."""
    with EmulatedAccount("adyen") as account, requests_mock.Mocker(case_sensitive=True) as mocker:
        emulator = account.emulator
        assert isinstance(emulator, AdyenEmulator)

        def answer(request: requests.PreparedRequest, context: requests_mock.response._Context) -> bytes:
            body = request.body or b""
            response = emulator.handle(
                HttpRequest(
                    method=str(request.method),
                    url=str(request.url),
                    headers={name: str(value) for name, value in request.headers.items()},
                    body=body.encode() if isinstance(body, str) else body,
                )
            )
            context.status_code = response.status
            context.headers.update(dict(response.headers.pairs))
            return response.body

        mocker.register_uri(requests_mock.ANY, requests_mock.ANY, content=answer)
        yield account


@pytest.fixture
def sdk(judged: EmulatedAccount) -> Any:
    """Give the SDK, pointed at the emulator."""
    made = Adyen.Adyen()
    made.client.xapikey = judged.emulator.credentials["api_key"]
    made.client.platform = "test"
    for api in (made.checkout.payment_links_api, made.checkout.modifications_api):
        api.baseUrl = f"{judged.settings['base_url']}/v72"
    return made


def test_sdk_reads_what_we_made(judged: EmulatedAccount, sdk: Any) -> None:
    """Amount, reference, address and status are the same facts for both."""
    invoice = judged.gateway.create_invoice(InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR")))
    judged.pay(invoice.id)

    read = sdk.checkout.payment_links_api.get_payment_link(invoice.id).message

    assert read["amount"] == {"currency": "EUR", "value": 4990}
    assert (read["reference"], read["url"], read["status"]) == ("1042", invoice.payment_url, "completed")
    assert judged.gateway.get_status(invoice.id).status is InvoiceStatus.PAID


def test_we_read_what_the_sdk_made(judged: EmulatedAccount, sdk: Any) -> None:
    """A link by the SDK, refunded by the SDK, is told by webhooks that we read."""
    account = judged.emulator.credentials["merchant_account"]
    body = {"merchantAccount": account, "reference": "77", "amount": {"currency": "EUR", "value": 1250}}
    made = sdk.checkout.payment_links_api.payment_links(body, idempotency_key="one").message
    again = sdk.checkout.payment_links_api.payment_links(body, idempotency_key="one").message
    payment = judged.pay(made["id"])
    [paid] = [event for each in judged.webhooks() for event in judged.gateway.verify_webhook(each).events]
    refund = {"merchantAccount": account, "amount": {"currency": "EUR", "value": 500}, "reference": "by the SDK"}
    received = sdk.checkout.modifications_api.refund_captured_payment(refund, payment.id).message

    assert again["id"] == made["id"]
    assert paid.report is not None
    assert (paid.invoice_id, paid.report.order_id, paid.report.received) == (made["id"], "77", Money("12.50", "EUR"))
    assert (received["status"], received["paymentPspReference"]) == ("received", payment.id)


def test_both_do_the_same_to_a_link(judged: EmulatedAccount, sdk: Any) -> None:
    """Expired by the SDK is EXPIRED for us; expired by us is expired for the SDK."""
    ours, theirs = (
        judged.gateway.create_invoice(InvoiceRequest(order_id=name, amount=Money("5", "EUR"))) for name in ("a", "b")
    )
    judged.gateway.cancel_invoice(ours.id)
    sdk.checkout.payment_links_api.update_payment_link({"status": "expired"}, theirs.id)

    assert sdk.checkout.payment_links_api.get_payment_link(ours.id).message["status"] == "expired"
    assert judged.gateway.get_status(theirs.id).status is InvoiceStatus.EXPIRED


def test_sdk_raises_what_its_errors_stand_for(judged: EmulatedAccount, sdk: Any) -> None:
    """The emulator's refusals are of the form that the SDK reads."""
    account = judged.emulator.credentials["merchant_account"]
    with pytest.raises(Adyen.exceptions.AdyenAPIUnprocessableEntity) as missing:
        sdk.checkout.payment_links_api.payment_links(
            {"merchantAccount": account, "amount": {"currency": "EUR", "value": 1}}
        )
    sdk.client.xapikey = "another"
    with pytest.raises(Adyen.exceptions.AdyenAPIAuthenticationError):
        sdk.checkout.payment_links_api.get_payment_link("PL00AA11BB22CC33DD")

    assert missing.value.error_code == "130"


def test_both_agree_on_every_signature(judged: EmulatedAccount) -> None:
    """Genuine webhooks of the emulator, ones that the SDK signed, and 300 mutants of them: one verdict."""
    key = judged.emulator.credentials["webhook_hmac_key"]
    invoice = judged.gateway.create_invoice(InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR")))
    judged.pay(invoice.id)
    [message] = judged.webhooks()
    genuine = json.loads(message.body)["notificationItems"][0]["NotificationRequestItem"]
    by_sdk = copy.deepcopy(genuine)
    del by_sdk["additionalData"]["hmacSignature"]
    bare = {name: value for name, value in by_sdk.items() if name != "additionalData"}
    by_sdk["additionalData"]["hmacSignature"] = util.generate_notification_sig(bare, key).decode()
    chance = random.Random(7)  # noqa: S311  # the same mutants each time
    agreed = {True: 0, False: 0}
    for item in [genuine, by_sdk, *(_mutant(genuine, chance) for _ in range(300))]:
        ours = _accepts(judged, item)
        theirs = bool(util.is_valid_hmac_notification(item, key))
        assert ours is theirs, item
        agreed[ours] += 1

    assert agreed[True] >= 2
    assert agreed[False] >= 200


def _accepts(judged: EmulatedAccount, item: dict[str, Any]) -> bool:
    body = json.dumps({"live": "false", "notificationItems": [{"NotificationRequestItem": item}]}).encode()
    try:
        judged.gateway.verify_webhook(WebhookRequest(body=body))
    except WebhookError:
        return False
    return True


def _mutant(genuine: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Return an item with one text or number changed, or one field missing, of those that both read."""
    item = copy.deepcopy(genuine)
    name = chance.choice(
        ["pspReference", "merchantReference", "merchantAccountCode", "eventCode", "success", "value", "currency",
         "hmacSignature", "reason", "originalReference"]
    )  # fmt: skip
    place = {"value": item["amount"], "currency": item["amount"], "hmacSignature": item["additionalData"]}.get(
        name, item
    )
    if name == "value":
        place[name] += chance.choice([-1, 1, 10, 1000])
    else:
        text = str(place.get(name, ""))
        at = chance.randrange(len(text) + 1)
        place[name] = text[:at] + chance.choice("ABCXYZabc0189:/") + text[at + chance.randrange(2) :]
    return item


def test_refund_by_us_is_received_for_both(judged: EmulatedAccount, sdk: Any) -> None:
    """Our refund's key at the SDK gives the same modification."""
    invoice = judged.gateway.create_invoice(InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR")))
    payment = judged.pay(invoice.id)
    [paid] = [event for each in judged.webhooks() for event in judged.gateway.verify_webhook(each).events]
    assert paid.report is not None
    refund = judged.gateway.refund_payment(
        RefundRequest(
            refund_id="r1", invoice_id=invoice.id, amount=Money("5", "EUR"), references=paid.report.references
        )
    )
    [told] = [event for each in judged.webhooks() for event in judged.gateway.verify_webhook(each).events]

    assert told.refund is not None
    assert (told.refund.id, told.raw["originalReference"]) == (refund.id, payment.id)

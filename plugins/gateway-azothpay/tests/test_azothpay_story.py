"""The whole story through the gateway, with the emulator in the provider's place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_azothpay.emulator import AzothPayEmulator
from gateway_core import Gateway, HttpRequest, InvoiceRequest, InvoiceStatus, Money, WebhookDelivery, WebhookRequest
from gateway_core.errors import AuthenticationError, NotFoundError, ProviderUnavailableError, WebhookError
from gateway_core.testing import EmulatorTransport, ManualClock, QueuedDelivery

REQUEST = InvoiceRequest(
    order_id="1042", amount=Money("49.90", "USD"), description="Käse, monthly", options={"period": "PerMonth"}
)

Receive = Callable[[], list[WebhookDelivery | str]]

_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)


@pytest.fixture
def receive(emulator: AzothPayEmulator, shop: Gateway) -> Receive:
    """Give what lets the shop receive the webhooks that are due, and returns what it made of each."""

    def receive() -> list[WebhookDelivery | str]:
        made: list[WebhookDelivery | str] = []

        def answer(request: HttpRequest) -> int:
            try:
                made.append(shop.verify_webhook(WebhookRequest(body=request.body, headers=request.headers)))
            except WebhookError as error:
                made.append(error.reason)
                return error.http_status
            return 200

        emulator.deliver(answer)
        return made

    return receive


def token_of(url: str | None) -> str:
    """Return the token in the address of a pay page."""
    assert url is not None
    return url.rsplit("/", 1)[1]


def test_invoice_becomes_paid_and_its_subscription_ends(
    shop: Gateway, emulator: AzothPayEmulator, receive: Receive
) -> None:
    """Created, paid, told by a webhook, confirmed by asking, listed, ended, and told again."""
    invoice = shop.create_invoice(REQUEST)
    before = shop.get_status(invoice.id).status
    payment = emulator.pay(token_of(invoice.payment_url))
    (created,) = receive()
    (listed,) = shop.list_payments()
    emulator.revoke(listed.id)
    (revoked,) = receive()
    subscription = shop.run(shop.provider.get_subscription(listed.id))

    assert isinstance(created, WebhookDelivery)
    assert isinstance(revoked, WebhookDelivery)
    (first,), (second,) = created.events, revoked.events
    assert first.report is not None
    assert (before, first.report.status, first.report.order_id, first.report.expected) == (
        InvoiceStatus.PENDING,
        InvoiceStatus.PAID,
        "1042",
        REQUEST.amount,
    )
    assert (listed.reference, first.raw["updateId"]) == (payment.reference, payment.reference)
    assert (second.id, second.report, second.raw["updateType"], subscription.active) == (
        first.id,
        first.report,
        "stream_revoked",
        False,
    )
    assert shop.get_status(invoice.id).status is InvoiceStatus.PAID


def test_tampered_and_duplicated_webhooks(shop: Gateway, emulator: AzothPayEmulator, receive: Receive) -> None:
    """W8: a duplicate is known by its event's id; a changed message is refused."""
    emulator.pay(token_of(shop.create_invoice(REQUEST).payment_url))
    ((_, queued),) = emulator.ledger.select(QueuedDelivery)
    emulator.duplicate(queued.id)
    emulator.tamper(queued.id)

    made = receive()

    events = {event.id for each in made if isinstance(each, WebhookDelivery) for event in each.events}
    assert (len(made), events, [each for each in made if isinstance(each, str)]) == (
        3,
        {queued.event_id},
        ["wrong signature"],
    )


def test_webhook_survives_an_outage(
    shop: Gateway, emulator: AzothPayEmulator, receive: Receive, clock: ManualClock
) -> None:
    """W13: while AzothPay cannot be asked the shop says so, and the next attempt is accepted."""
    emulator.pay(token_of(shop.create_invoice(REQUEST).payment_url))
    emulator.down = True
    first = receive()
    with pytest.raises(ProviderUnavailableError):
        shop.check_account()
    emulator.down = False
    clock.move(timedelta(minutes=1))

    (second,) = receive()

    assert (first, isinstance(second, WebhookDelivery), receive()) == (["the provider could not be asked"], True, [])


def test_long_lists_are_read_whole(shop: Gateway, emulator: AzothPayEmulator) -> None:
    """Page by page, each subscription once."""
    for _ in range(120):
        emulator.pay(token_of(shop.create_invoice(REQUEST).payment_url))

    assert [payment.id for payment in shop.list_payments()] == [str(number) for number in range(120, 0, -1)]


def test_unknown_is_not_found(shop: Gateway) -> None:
    """Invoices and subscriptions alike."""
    with pytest.raises(NotFoundError):
        shop.get_status("7")
    with pytest.raises(NotFoundError):
        shop.run(shop.provider.get_subscription("7"))


def test_wrong_key_is_an_authentication_error(emulator: AzothPayEmulator) -> None:
    """What `gateway doctor` is for."""
    settings = {**emulator.settings("http://127.0.0.1"), "api_key": "another-key-0123456789"}

    with (
        Gateway.connect("azothpay", transport=EmulatorTransport(emulator), **settings) as gateway,
        pytest.raises(AuthenticationError),
    ):
        gateway.check_account()


def test_key_of_another_app_signs_nothing(shop: Gateway, emulator: AzothPayEmulator) -> None:
    """W3: two apps of one merchant do not believe each other's webhooks."""
    other = AzothPayEmulator(webhook_url="http://127.0.0.1/webhooks")
    settings = other.settings("http://127.0.0.1")
    with Gateway.connect("azothpay", transport=EmulatorTransport(other), **settings) as theirs:
        emulator.pay(token_of(shop.create_invoice(REQUEST).payment_url))
        other.pay(token_of(theirs.create_invoice(REQUEST).payment_url))
    ((_, queued),) = other.ledger.select(QueuedDelivery)
    foreign = other.webhook_request(queued)

    assert foreign is not None
    with pytest.raises(WebhookError, match="signature is wrong"):
        shop.verify_webhook(WebhookRequest(body=foreign.body, headers=foreign.headers))


@given(metadata=st.dictionaries(_texts, _texts, max_size=3), cents=st.integers(1, 10**13))
def test_whatever_is_kept_comes_back(metadata: dict[str, str], cents: int) -> None:
    """M5: texts of any script, and every amount that a double holds in cents."""
    emulator = AzothPayEmulator()
    metadata.pop("order_id", None)
    amount = Money.from_minor(cents, "USD")
    request = InvoiceRequest(order_id="1042", amount=amount, metadata=metadata, options={"period": "PerDay"})
    settings = emulator.settings("http://127.0.0.1")

    with Gateway.connect("azothpay", transport=EmulatorTransport(emulator), **settings) as shop:
        report = shop.get_status(shop.create_invoice(request).id)

    emulator.ledger.close()
    assert (report.order_id, report.expected, report.raw["metadata"]) == (
        "1042",
        amount,
        {**metadata, "order_id": "1042"},
    )


def test_payer_ends_the_subscription_by_the_invoice(shop: Gateway, emulator: AzothPayEmulator) -> None:
    """As the dashboard's button does; nothing is left to end then."""
    invoice = shop.create_invoice(REQUEST)
    token = token_of(invoice.payment_url)
    before = emulator.actions(emulator.invoice(token))
    emulator.pay(token)

    emulator.act(token, "revoke")

    (listed,) = shop.list_payments()
    assert (before, emulator.actions(emulator.invoice(token))) == ((), ())
    assert not shop.run(shop.provider.get_subscription(listed.id)).active

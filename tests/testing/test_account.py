"""What the tests of an application can do with an emulated account."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from gateway_core import Gateway, Invoice, InvoiceRequest, InvoiceStatus, Money, WebhookRequest
from gateway_core.errors import (
    ConfigurationError,
    GatewayError,
    InvalidRequestError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    ProviderUnavailableError,
    RateLimitedError,
    RejectedError,
    UnexpectedResponseError,
    WebhookError,
    WebhookReason,
)
from gateway_core.testing import Answer, EmulatedAccount, ManualClock, Slow, Truncated
from gateway_core.testing.account import NOON

_SETTINGS: dict[str, dict[str, Any]] = {"azothpay": {"period": "PerMonth"}}
_BACKENDS = ["sandbox", "bitsby", "billoget", "azothpay", "mollie", "stripe"]
_PRICE = {"sandbox": "EUR", "bitsby": "USD", "billoget": "RUB", "azothpay": "USD", "mollie": "EUR", "stripe": "EUR"}


@pytest.fixture
def account() -> Iterator[EmulatedAccount]:
    """Give an account at the sandbox."""
    with EmulatedAccount("sandbox") as account:
        yield account


def _order(order_id: str = "1042", currency: str = "EUR") -> InvoiceRequest:
    return InvoiceRequest(
        order_id=order_id, amount=Money("50.00", currency), description="A book", return_url="https://shop.example/done"
    )


def _bill(account: EmulatedAccount, order_id: str = "1042") -> Invoice:
    return account.gateway.create_invoice(_order(order_id))


def _kinds(account: EmulatedAccount, requests: list[WebhookRequest]) -> list[str]:
    return [event.kind for request in requests for event in account.gateway.verify_webhook(request).events]


@pytest.mark.parametrize("backend", _BACKENDS)
def test_every_backend_is_paid_in_five_lines(backend: str) -> None:
    """Create, pay, receive the webhook, look: the same with each emulator, its rate limits and callbacks included."""
    with EmulatedAccount(backend, settings=_SETTINGS.get(backend)) as account:
        invoice = account.gateway.create_invoice(_order(currency=_PRICE[backend]))
        account.pay(invoice.id)
        deliveries = [account.gateway.verify_webhook(request) for request in account.webhooks()]
        report = account.gateway.get_status(invoice.id)

    reports = [event.report for delivery in deliveries for event in delivery.events if event.report]
    assert reports
    assert reports[-1].status == report.status != InvoiceStatus.PENDING
    assert {each.invoice_id for each in reports} == {invoice.id}


@pytest.mark.parametrize("backend", _BACKENDS)
def test_every_run_is_the_same(backend: str) -> None:
    """Ids, keys, times and bytes come again; another seed gives others."""

    def run(seed: int) -> list[Any]:
        with EmulatedAccount(backend, seed=seed, settings=_SETTINGS.get(backend)) as account:
            invoice = account.gateway.create_invoice(_order(currency=_PRICE[backend]))
            account.pay(invoice.id)
            return [invoice, account.settings, *(attrs.asdict(request) for request in account.webhooks())]

    assert run(0) == run(0)
    assert run(0)[1] != run(1)[1]


def test_gateways_are_of_the_usual_classes(account: EmulatedAccount) -> None:
    """An application that asks for a `Gateway` gets one, connected to the backend by its name."""
    assert isinstance(account.gateway, Gateway)
    assert (account.gateway.backend, account.async_gateway.backend) == ("sandbox", "sandbox")


def test_code_that_awaits_shares_the_account(account: EmulatedAccount) -> None:
    """Both gateways see the same invoices, faults and time; the webhook is stamped by the same clock."""

    async def shop() -> tuple[Invoice, str, Invoice | None]:
        async with account.async_gateway as gateway:
            invoice = await gateway.create_invoice(_order())
            account.pay(invoice.id)
            (request,) = account.webhooks()
            unstamped = attrs.evolve(request, received_at=None)
            (event,) = (await gateway.verify_webhook(unstamped)).events
            account.drop_next_answer()
            with pytest.raises(OutcomeUnknownError):
                await gateway.create_invoice(_order("1043"))
            return invoice, event.kind, await gateway.find_invoice("1043")

    invoice, kind, found = asyncio.run(shop())

    assert (kind, invoice.created_at) == ("invoice.paid", NOON)
    assert found == account.gateway.find_invoice("1043") is not None


def test_payer_pays_a_part(account: EmulatedAccount) -> None:
    """An amount can be chosen; what is open is paid without one."""
    invoice = _bill(account)

    account.pay(invoice.id, Money("20", "EUR"))
    partly = account.gateway.get_status(invoice.id).status
    rest = account.pay(invoice.id)

    assert (partly, rest.amount) == (InvoiceStatus.PARTIALLY_PAID, Money("30.00", "EUR"))
    assert account.gateway.get_status(invoice.id).status is InvoiceStatus.PAID


def test_payer_declines(account: EmulatedAccount) -> None:
    """A decline is a status, and is told."""
    invoice = _bill(account)

    account.decline(invoice.id)

    assert account.gateway.get_status(invoice.id).status is InvoiceStatus.FAILED
    assert _kinds(account, account.webhooks()) == ["invoice.failed"]


def test_invoice_expires(account: EmulatedAccount) -> None:
    """Exactly the time of the invoice passes, and it is told."""
    invoice = _bill(account)

    account.expire(invoice.id)

    assert account.clock() == invoice.expires_at
    assert account.invoice(invoice.id).status is InvoiceStatus.EXPIRED
    assert _kinds(account, account.webhooks()) == ["invoice.expired"]


def test_paid_invoice_does_not_expire(account: EmulatedAccount) -> None:
    """A test that means to see an expiry, and cannot, fails; no time passes."""
    invoice = _bill(account)
    account.pay(invoice.id)

    with pytest.raises(RejectedError, match="paid"):
        account.expire(invoice.id)

    assert account.clock() == NOON


def test_invoice_without_an_end_does_not_expire() -> None:
    """Where a provider's invoices can be paid for ever, nothing can be waited for."""
    with EmulatedAccount("azothpay", settings=_SETTINGS["azothpay"]) as account:
        invoice = account.gateway.create_invoice(_order(currency="USD"))

        with pytest.raises(RejectedError, match="never over"):
            account.expire(invoice.id)


@pytest.mark.parametrize("action", ["pay", "decline", "expire", "invoice"])
def test_unknown_invoice_is_told(account: EmulatedAccount, action: str) -> None:
    """The order's id in place of the invoice's is the likely mistake."""
    _bill(account)

    with pytest.raises(NotFoundError, match="the id that the gateway gave"):
        getattr(account, action)("1042")


@pytest.mark.parametrize("passed", [{}, {"days": 3}, {"hours": 1, "minutes": 5, "seconds": 30}])
def test_shop_need_not_know_the_time(account: EmulatedAccount, passed: dict[str, float]) -> None:
    """The shop's own code stamps nothing, whatever the clock says; a webhook is stale by that clock only."""
    _bill(account)
    account.advance(**passed)
    account.expire(_bill(account, "1043").id)
    request = account.webhooks()[-1]

    as_the_shop_makes_it = WebhookRequest(body=request.body, headers=request.headers, url=request.url)

    assert account.gateway.verify_webhook(as_the_shop_makes_it).verified_by == "signature"
    assert request.received_at == account.clock()
    account.advance(hours=1)
    with pytest.raises(WebhookError) as caught:
        account.gateway.verify_webhook(as_the_shop_makes_it)
    assert caught.value.reason is WebhookReason.STALE


def test_stamps_that_the_shop_gives_stay(account: EmulatedAccount) -> None:
    """Who says when a webhook came is believed, as by any gateway."""
    account.pay(_bill(account).id)
    (request,) = account.webhooks()

    with pytest.raises(WebhookError) as caught:
        account.gateway.verify_webhook(attrs.evolve(request, received_at=NOON + timedelta(days=1)))

    assert caught.value.reason is WebhookReason.STALE


def test_invoice_is_asked_for_at_the_time_of_the_clock() -> None:
    """A provider to whom the gateway tells the time is told the account's."""
    with EmulatedAccount("billoget", clock=ManualClock(datetime(2031, 5, 1, tzinfo=UTC))) as account:
        invoice = account.gateway.create_invoice(_order(currency="RUB"))

    assert invoice.expires_at == datetime(2031, 5, 31, tzinfo=UTC)


@pytest.mark.parametrize("operation", ["create_invoice", "verify_webhook"])
def test_wrong_argument_is_refused_as_ever(account: EmulatedAccount, operation: str) -> None:
    """What is no request is the gateway's to refuse, in its own words."""
    with pytest.raises(InvalidRequestError, match="not dict"):
        getattr(account.gateway, operation)({})


def test_webhook_that_is_not_accepted_comes_again(account: EmulatedAccount) -> None:
    """The provider's own schedule decides when: after five seconds at the sandbox, and then no more."""
    account.pay(_bill(account).id)
    answers = iter([500, 200])
    seen: list[str | None] = []

    def receive(request: WebhookRequest) -> int:
        seen.append(request.headers.get("webhook-id"))
        return next(answers)

    counts = [account.deliver(receive), account.deliver(receive)]
    account.advance(seconds=5)
    counts.append(account.deliver(receive))
    account.advance(days=30)
    counts.append(account.deliver(receive))

    assert counts == [1, 0, 1, 0]
    assert seen[0] == seen[1]


def test_mistake_of_the_shop_comes_out(account: EmulatedAccount) -> None:
    """The test shows the shop's own traceback, and the webhook is not lost."""
    account.pay(_bill(account).id)

    with pytest.raises(ZeroDivisionError):
        account.deliver(lambda request: 1 // 0)

    assert _kinds(account, account.webhooks()) == ["invoice.paid"]


def test_receiver_that_answers_nothing_is_told(account: EmulatedAccount) -> None:
    """A handler without a status would be called again and again, as one that never answers."""
    account.pay(_bill(account).id)

    with pytest.raises(InvalidRequestError, match="HTTP status"):
        account.deliver(lambda request: None)  # type: ignore[arg-type,return-value]  # the mistake that is meant


@pytest.mark.parametrize("delivered", [True, False])
def test_webhook_comes_twice(account: EmulatedAccount, delivered: bool) -> None:
    """Before or after the first is delivered: both are genuine, and tell of one event."""
    account.pay(_bill(account).id)
    requests = account.webhooks() if delivered else []

    account.duplicate()

    requests += account.webhooks()
    ids = [event.id for request in requests for event in account.gateway.verify_webhook(request).events]
    assert len(ids) == 2
    assert len({*ids}) == 1


def test_latest_webhook_comes_twice(account: EmulatedAccount) -> None:
    """Of several, the last is the one that is sent once more."""
    invoice = _bill(account)
    account.pay(invoice.id, Money("20", "EUR"))
    account.pay(invoice.id)

    account.duplicate()

    assert _kinds(account, account.webhooks()) == ["invoice.partially_paid", "invoice.paid", "invoice.paid"]


def test_tampered_webhook_is_refused(account: EmulatedAccount) -> None:
    """The genuine one is accepted, and its changed copy is not."""
    account.pay(_bill(account).id)

    account.tamper()

    genuine, changed = account.webhooks()
    assert _kinds(account, [genuine]) == ["invoice.paid"]
    with pytest.raises(WebhookError) as caught:
        account.gateway.verify_webhook(changed)
    assert caught.value.reason is WebhookReason.WRONG_SIGNATURE


def test_webhooks_arrive_in_another_order(account: EmulatedAccount) -> None:
    """What happened last is told first, by webhooks that are genuine all the same."""
    invoice = _bill(account)
    account.pay(invoice.id, Money("20", "EUR"))
    account.pay(invoice.id)

    account.reorder()

    assert _kinds(account, account.webhooks()) == ["invoice.paid", "invoice.partially_paid"]


def test_webhook_arrives_late(account: EmulatedAccount) -> None:
    """Nothing comes before its time, and what comes then is fresh."""
    account.pay(_bill(account).id)
    account.delay(minutes=10, seconds=1)

    account.advance(minutes=10)
    early = account.webhooks()
    account.advance(1)

    assert early == []
    assert _kinds(account, account.webhooks()) == ["invoice.paid"]


def test_webhook_is_lost(account: EmulatedAccount) -> None:
    """The shop sees nothing until the provider, which got no answer, tries again."""
    account.pay(_bill(account).id)

    account.lose()

    missed = account.webhooks()
    account.advance(seconds=5)
    assert missed == []
    assert _kinds(account, account.webhooks()) == ["invoice.paid"]


@pytest.mark.parametrize("action", ["duplicate", "tamper", "reorder", "delay", "lose"])
def test_nothing_cannot_be_disturbed(account: EmulatedAccount, action: str) -> None:
    """A test that means to disturb a webhook, and has none, fails."""
    _bill(account)

    with pytest.raises(NotFoundError, match="webhook"):
        getattr(account, action)()


def test_one_webhook_has_no_order(account: EmulatedAccount) -> None:
    """Reordering a single webhook would test nothing."""
    account.pay(_bill(account).id)

    with pytest.raises(NotFoundError, match="needs 2 due webhooks at least, and there are 1"):
        account.reorder()


def test_dropped_answer_has_had_its_effect(account: EmulatedAccount) -> None:
    """The next change is carried out and its answer lost; reads before it are answered."""
    account.drop_next_answer()
    before = account.gateway.find_invoice("1042")

    with pytest.raises(OutcomeUnknownError) as caught:
        _bill(account)

    found = account.gateway.find_invoice("1042")
    assert (before, caught.value.effect) == (None, "unknown")
    assert found is not None
    assert _bill(account, "1043").id != found.id


def test_dropped_request_has_none(account: EmulatedAccount) -> None:
    """The next request never leaves, and nothing is found afterwards."""
    account.drop_next_request()

    with pytest.raises(NotSentError) as caught:
        _bill(account)

    assert (caught.value.effect, account.gateway.find_invoice("1042")) == ("none", None)


@pytest.mark.parametrize(
    "fault,error,effect,wait",
    [
        (503, ProviderUnavailableError, "unknown", None),
        (422, RejectedError, "none", None),
        (Answer(429, retry_after=7), RateLimitedError, "none", 7),
        (Answer.html(), UnexpectedResponseError, "unknown", None),
        (Truncated(), UnexpectedResponseError, "unknown", None),
        (Slow(60), OutcomeUnknownError, "unknown", None),
    ],
    ids=str,
)
def test_next_request_fails(
    account: EmulatedAccount, fault: Any, error: type[GatewayError], effect: str, wait: float | None
) -> None:
    """The application gets the error that it would get in earnest, and the request after it is answered."""
    account.fail_next(fault)

    with pytest.raises(error) as caught:
        _bill(account)

    assert type(caught.value) is error
    assert (caught.value.effect, getattr(caught.value, "retry_after", None)) == (effect, wait)
    assert account.gateway.create_invoice(_order("1043")).status is InvoiceStatus.PENDING


def test_several_requests_fail(account: EmulatedAccount) -> None:
    """Gateways of an emulated account repeat nothing by themselves: each failure is seen."""
    account.fail_next(503, times=2)

    for _ in range(2):
        with pytest.raises(ProviderUnavailableError):
            account.gateway.find_invoice("1042")

    assert account.gateway.find_invoice("1042") is None
    assert [exchange.fault for exchange in account.faults.exchanges] == [Answer(503), Answer(503), None]


def test_wrong_setting_is_told_at_once() -> None:
    """The plugin's settings are held against its class where the account is made."""
    with pytest.raises(ConfigurationError, match="colour"):
        EmulatedAccount("sandbox", settings={"colour": "red"})


def test_requests_go_to_names_that_lead_nowhere(account: EmulatedAccount) -> None:
    """What an application sends by itself, past the emulator, reaches nobody: RFC 6761 keeps `.invalid` free."""
    invoice = _bill(account)

    assert account.settings["base_url"] == "https://sandbox.invalid"
    assert str(invoice.payment_url).startswith("https://sandbox.invalid/")

"""The whole story through the gateway, with the emulator in the provider's place, in both generations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from gateway_billoget import BudgetQuery, CustomerDetails, ProductDetails
from gateway_billoget.emulator import BillogetEmulator
from gateway_core import Gateway, HttpRequest, InvoiceRequest, InvoiceStatus, Money, WebhookDelivery, WebhookRequest
from gateway_core.errors import AuthenticationError, NotFoundError, UnsupportedOperationError, WebhookError
from gateway_core.testing import EmulatedInvoice, QueuedDelivery

REQUEST = InvoiceRequest(
    order_id="1042",
    amount=Money("49.90", "EUR"),
    description="Käse",
    expires_in=timedelta(hours=3),
    requested_at=datetime(2030, 1, 31, 12, tzinfo=UTC),
)

Emulate = Callable[..., BillogetEmulator]
At = Callable[..., Gateway]

each_generation = pytest.mark.parametrize("generation", ["G1", "G3"])


def receive(emulator: BillogetEmulator, gateway: Gateway) -> list[WebhookDelivery | str]:
    """Let the shop receive the webhooks that are due, and return what it made of each."""
    made: list[WebhookDelivery | str] = []

    def answer(request: HttpRequest) -> int:
        try:
            received = WebhookRequest(body=request.body, headers=request.headers, url=request.url)
            made.append(gateway.verify_webhook(received))
        except WebhookError as error:
            made.append(error.reason)
            return error.http_status
        return 200

    emulator.deliver(answer)
    return made


def told(deliveries: list[WebhookDelivery | str]) -> list[tuple[str, InvoiceStatus | None]]:
    """Return the events of deliveries, with the status that each reports."""
    return [
        (event.kind, None if event.report is None else event.report.status)
        for each in deliveries
        if isinstance(each, WebhookDelivery)
        for event in each.events
    ]


def token_of(emulator: BillogetEmulator, invoice_id: str) -> str:
    """Return the token of a budget's page."""
    invoice = emulator.ledger.get(EmulatedInvoice, invoice_id)
    assert invoice is not None
    return invoice.token


@each_generation
@pytest.mark.parametrize("confirm", [False, True], ids=["signature", "and callback"])
def test_invoice_is_approved_and_never_paid(emulate: Emulate, at: At, generation: str, confirm: bool) -> None:
    """Created, shown, approved, told by a signed webhook, looked at, found by its order; and no money is in it."""
    emulator = emulate(generation=generation)
    gateway = at(emulator, confirm_webhooks=confirm)
    invoice = gateway.create_invoice(REQUEST)
    before = gateway.get_status(invoice.id)
    emulator.opened(token_of(emulator, invoice.id))
    emulator.pay(token_of(emulator, invoice.id))

    deliveries = receive(emulator, gateway)

    seen_first = InvoiceStatus.APPROVED if confirm else InvoiceStatus.PENDING
    assert told(deliveries) == [("budget.created", seen_first), ("budget.approved", InvoiceStatus.APPROVED)]
    after, found = gateway.get_status(invoice.id), gateway.find_invoice("1042")
    assert (before.status, after.status, after.received, after.status.is_paid) == (
        InvoiceStatus.PENDING,
        InvoiceStatus.APPROVED,
        None,
        False,
    )
    assert (after.order_id, after.expected, found and found.id) == ("1042", REQUEST.amount, invoice.id)
    with pytest.raises(UnsupportedOperationError, match="knows of no payments"):
        list(gateway.list_payments())


def test_link_leads_to_the_page_in_g3_only(emulate: Emulate, at: At) -> None:
    """G1's API tells of no page, and none is made up."""
    made = {}
    for generation in ("G1", "G3"):
        emulator = emulate(generation=generation)
        invoice = at(emulator).create_invoice(REQUEST)
        made[generation] = (invoice.payment_url, f"http://127.0.0.1/pay/{token_of(emulator, invoice.id)}")

    assert (made["G1"][0], made["G3"][0]) == (None, made["G3"][1])


@each_generation
def test_invoice_is_rejected(emulate: Emulate, at: At, generation: str) -> None:
    """By the customer's button."""
    emulator = emulate(generation=generation)
    gateway = at(emulator)
    invoice = gateway.create_invoice(REQUEST)
    emulator.decline(token_of(emulator, invoice.id))

    assert told(receive(emulator, gateway))[-1] == ("budget.rejected", InvoiceStatus.CANCELED)
    assert gateway.get_status(invoice.id).status is InvoiceStatus.CANCELED


@each_generation
def test_tampered_and_duplicated_webhooks(emulate: Emulate, at: At, generation: str) -> None:
    """A duplicate is known by its event's id; a changed message is refused."""
    emulator = emulate(generation=generation)
    gateway = at(emulator)
    gateway.create_invoice(REQUEST)
    ((_, queued),) = emulator.ledger.select(QueuedDelivery)
    emulator.duplicate(queued.id)
    emulator.tamper(queued.id)

    made = receive(emulator, gateway)

    events = {event.id for each in made if isinstance(each, WebhookDelivery) for event in each.events}
    assert (len(made), events, [each for each in made if isinstance(each, str)]) == (
        3,
        {queued.event_id},
        ["wrong signature"],
    )


def test_token_confirms_and_rejects(emulate: Emulate, at: At) -> None:
    """What the customer's page does, by the API."""
    emulator = emulate()
    gateway = at(emulator)
    first, second = (gateway.create_invoice(REQUEST).id for _ in range(2))

    confirmed = gateway.run(gateway.provider.confirm_budget(token_of(emulator, first)))
    rejected = gateway.run(gateway.provider.reject_budget(token_of(emulator, second)))

    assert (confirmed.budget.status, rejected.budget.status) == (InvoiceStatus.APPROVED, InvoiceStatus.CANCELED)
    assert (confirmed.payment_url, rejected.payment_url) == (f"http://127.0.0.1/pay/{token_of(emulator, first)}", None)


@each_generation
def test_order_is_found_among_many(emulate: Emulate, at: At, generation: str) -> None:
    """Over several pages, whether the list shows what carries the order or not."""
    emulator = emulate(generation=generation, rate_limit=10_000)
    gateway = at(emulator, page_size=10)
    for number in range(25):
        gateway.create_invoice(InvoiceRequest(order_id=f"order-{number}", amount=Money("10", "EUR"), description="x"))

    found = [gateway.find_invoice(f"order-{number}") for number in (0, 24, 25)]

    assert [each and each.order_id for each in found] == ["order-0", "order-24", None]


@each_generation
def test_budgets_are_listed_page_by_page(emulate: Emulate, at: At, generation: str) -> None:
    """With the cursor of the page before, to the end."""
    emulator = emulate(generation=generation)
    gateway = at(emulator)
    made = {gateway.create_invoice(REQUEST).id for _ in range(7)}
    seen: list[str] = []
    query = BudgetQuery(page_size=3, status=InvoiceStatus.PENDING)
    for _ in range(3):
        page = gateway.run(gateway.provider.list_budgets(query))
        seen += [budget.id for budget in page.items]
        query = BudgetQuery(page_size=3, status=InvoiceStatus.PENDING, cursor=page.next_cursor)

    assert (set(seen), len(seen), query.cursor) == (made, 7, None)


@pytest.mark.parametrize(
    "generation, details, changes",
    [
        ("G1", CustomerDetails(name="Bo Li", email="bo@shop.example"), CustomerDetails(phone="1")),
        ("G3", CustomerDetails(first_name="Bo", last_name="Li", email="bo@shop.example"), CustomerDetails(phone="1")),
    ],
    ids=["G1", "G3"],
)
def test_customer_is_made_used_changed_and_deleted(
    emulate: Emulate, at: At, generation: str, details: CustomerDetails, changes: CustomerDetails
) -> None:
    """What a budget needs can be made here too, on demand and never silently."""
    gateway = at(emulate(generation=generation))
    provider = gateway.provider
    customer = gateway.run(provider.create_customer(details))
    options = {"customer_id": customer.id}

    invoice = gateway.create_invoice(InvoiceRequest(order_id="7", amount=Money("1", "EUR"), options=options))
    changed = gateway.run(provider.update_customer(customer.id, changes))
    budget = gateway.run(provider.get_budget(invoice.id))
    gateway.run(provider.delete_customer(customer.id))

    assert (customer.name, changed.phone, budget.customer_id) == ("Bo Li", "1", customer.id)
    with pytest.raises(NotFoundError):
        gateway.run(provider.get_customer(customer.id))


def test_product_is_made_changed_and_deleted(emulate: Emulate, at: At) -> None:
    """Its price exactly as it was given."""
    gateway = at(emulate())
    provider = gateway.provider
    details = ProductDetails(product_code="B", description="A book", category="Books", price=Decimal("0.10"))
    product = gateway.run(provider.create_product(details))

    changed = gateway.run(provider.update_product(product.id, ProductDetails(price=Decimal("0.20"))))
    listed = gateway.run(provider.list_products())
    gateway.run(provider.delete_product(product.id))

    assert (product.price, changed.price, len(listed.items)) == (Decimal("0.10"), Decimal("0.20"), 2)
    assert len(gateway.run(provider.list_products()).items) == 1


def test_wrong_key_is_an_authentication_error(emulate: Emulate, at: At) -> None:
    """What `gateway doctor` is for."""
    with pytest.raises(AuthenticationError):
        at(emulate(), api_key="bk_test_another-0123456789").check_account()


def test_gateway_tells_what_it_can_and_what_not(emulate: Emulate, at: At) -> None:
    """Nothing that needs money, and no cancellation that may be none."""
    gateway = at(emulate())
    can = ("create_invoice", "get_status", "verify_webhook", "find_invoice", "check_account")
    cannot = ("list_payments", "cancel_invoice", "refund_payment")

    assert [gateway.supports(each) for each in (*can, *cannot)] == [True] * 5 + [False] * 3
    assert (gateway.info.webhook_authentication, gateway.info.idempotency) == ("signature", None)

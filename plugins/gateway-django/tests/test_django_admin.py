"""The pages of the admin show the journal, and change nothing."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.db import NotSupportedError, connections
from django.test import Client, override_settings
from django.urls import reverse
from shopping import Shop, post

from gateway_core import InvoiceRequest, Money, RefundRequest
from gateway_django.models import Delivery, Intent, Invoice

_numbers = itertools.count(1)


@pytest.fixture(scope="module", autouse=True)
def _migrated() -> None:
    call_command("migrate", verbosity=0)


@pytest.fixture
def staff() -> Iterator[Client]:
    """Sign somebody in who may look at everything of ours, and do nothing else."""
    user = User.objects.create_user(f"clerk-{next(_numbers)}", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="gateway_django"))
    client = Client()
    client.force_login(user)
    yield client
    user.delete()


def page_of(model: str, *which: Any, **filters: Any) -> str:
    """Return the address of a page."""
    name = f"admin:gateway_django_{model}_{'change' if which else 'changelist'}"
    query = "&".join(f"{key}={value}" for key, value in filters.items())
    return reverse(name, args=[quote(each) for each in which]) + (f"?{query}" if query else "")


def text_of(answer: Any) -> str:
    """Return a page."""
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_permission_is_to_view_and_nothing_else() -> None:
    """`migrate` makes one permission for each of our models."""
    found = Permission.objects.filter(content_type__app_label="gateway_django")

    assert sorted(each.codename for each in found) == ["view_delivery", "view_intent", "view_invoice"]


def test_invoices_are_listed_with_their_amounts(shop: Shop, staff: Client) -> None:
    """A paid and an open invoice, each with its status and what came."""
    paid, unpaid = shop.check_out("49.90"), shop.check_out("7")
    for webhook in shop.webhooks_of(paid):
        post(webhook)

    page = text_of(staff.get(page_of("invoice")))

    assert 'class="gateway-badge good">Paid</span>' in page
    assert 'class="gateway-badge ">Pending</span>' in page
    assert page.count("49.90 EUR") == 2
    assert page.count("7.00 EUR") == 1
    assert unpaid in page


def test_invoice_tells_its_story(shop: Shop, staff: Client) -> None:
    """Its page lists what was asked for and what was told, in order."""
    number = shop.check_out()
    webhooks = shop.webhooks_of(number)
    shop.gateway.refund_payment(
        RefundRequest(invoice_id=shop.invoice_of(number), refund_id=f"{number}-1", amount=Money("9.90", "EUR"))
    )
    for webhook in [*webhooks, *shop.account.webhooks()]:
        post(webhook)

    page = text_of(staff.get(page_of("invoice", f"{shop.gateway.journal.account}:{shop.invoice_of(number)}")))

    wanted = ["Create an invoice", "Pending → Paid", "Refund", "Paid → Partially refunded"]
    places = [page.index(words, page.index("gateway-story")) for words in wanted]
    assert places[0] < places[1] < places[3]
    assert "9.90 EUR" in page


def test_search_finds_by_order_and_by_invoice(shop: Shop, staff: Client) -> None:
    """What a buyer says on the phone is found."""
    first, second = shop.check_out(order_id="A-1001"), shop.check_out(order_id="B-2002")
    for number in (first, second):
        for webhook in shop.webhooks_of(number):
            post(webhook)

    for model in ("invoice", "delivery", "intent"):
        for query in ("A-10", shop.invoice_of(first)):
            page = text_of(staff.get(page_of(model, q=query)))
            assert "A-1001" in page
            assert "B-2002" not in page


def test_delivery_shows_what_it_said(shop: Shop, staff: Client) -> None:
    """Amounts and statuses, how often it came, and what it made of the invoice."""
    number = shop.check_out()
    (webhook,) = shop.webhooks_of(number)
    for _ in range(3):
        post(webhook)

    listed = text_of(staff.get(page_of("delivery", q=number)))
    page = text_of(staff.get(page_of("delivery", Delivery.objects.get(order_id=number).pk)))

    assert "Pending → Paid" in listed
    assert '<td class="field-times">3</td>' in listed
    assert "<dt>invoice: received</dt><dd>49.90 EUR</dd>" in page
    assert shop.invoice_of(number) in page


def test_case_is_found_by_its_state(shop: Shop, staff: Client) -> None:
    """An invoice that was paid twice, by two attempts, needs a look."""
    number = shop.check_out()
    second = shop.gateway.create_invoice(InvoiceRequest(order_id=number, attempt=2, amount=Money("49.90", "EUR")))
    webhooks = shop.webhooks_of(number)
    shop.account.pay(second.id)
    for webhook in [*webhooks, *shop.account.webhooks()]:
        post(webhook)

    page = text_of(staff.get(page_of("delivery", state__exact="review")))

    assert '<td class="field-review">Paid twice</td>' in page
    assert 'class="gateway-badge warn">Needs a look</span>' in page


def test_same_invoice_id_of_two_accounts_is_two_invoices(shop: Shop, staff: Client) -> None:
    """Providers do not know each other's numbers."""
    number = shop.check_out()
    invoice_id, account = shop.invoice_of(number), shop.gateway.journal.account
    columns = "invoice_id, order_id, attempt, amount, currency, exponent, status, refunds, refs, recorded_at"
    with connections[shop.database].cursor() as cursor:
        cursor.execute(
            f"INSERT INTO gateway_invoices (account, {columns}) SELECT 'other', {columns} FROM gateway_invoices"  # noqa: S608  # names of our own
        )
        cursor.execute("UPDATE gateway_invoices SET order_id = 'theirs' WHERE account = 'other'")

    listed = text_of(staff.get(page_of("invoice")))

    for which in (account, "other"):
        address = page_of("invoice", f"{which}:{invoice_id}")
        assert address in listed
        assert ("theirs" in text_of(staff.get(address))) is (which == "other")


def test_pages_change_nothing(shop: Shop, staff: Client) -> None:
    """There is no button, and no address that would do."""
    number = shop.check_out()
    which = f"{shop.gateway.journal.account}:{shop.invoice_of(number)}"

    page = text_of(staff.get(page_of("invoice", which)))

    assert '<input type="submit"' not in page
    assert staff.post(page_of("invoice", which), {"status": "paid"}).status_code == 403
    for name, args in (("add", []), ("delete", [which])):
        assert staff.get(reverse(f"admin:gateway_django_invoice_{name}", args=args)).status_code == 403


def test_pages_are_for_those_who_may_look(shop: Shop) -> None:
    """Staff without the permission sees nothing of it."""
    user = User.objects.create_user(f"packer-{next(_numbers)}", is_staff=True)
    client = Client()
    client.force_login(user)

    assert client.get(page_of("invoice")).status_code == 403
    assert "gateway_django" not in text_of(client.get(reverse("admin:index")))


def test_pages_show_no_secret(shop: Shop, staff: Client) -> None:
    """Keys, and what a provider wants back with a later request, stay in the journal."""
    number = shop.check_out()
    for webhook in shop.webhooks_of(number):
        post(webhook)
    invoice_id = f"{shop.gateway.journal.account}:{shop.invoice_of(number)}"
    addresses = [
        page_of("invoice"),
        page_of("invoice", invoice_id),
        page_of("delivery"),
        page_of("delivery", Delivery.objects.get(order_id=number).pk),
        page_of("intent"),
        page_of("intent", Intent.objects.get(order_id=number).pk),
    ]

    pages = "".join(text_of(staff.get(address)) for address in addresses)

    secrets = [value for name, value in shop.account.settings.items() if "key" in name or "secret" in name]
    assert len(secrets) >= 2
    assert [secret for secret in secrets if str(secret) in pages] == []
    assert "payment_url" not in pages
    assert "/pay/" not in pages


def test_hostile_text_is_escaped(shop: Shop, staff: Client) -> None:
    """An order's id is the shop's, and what a provider told is anybody's."""
    number = shop.check_out(order_id="<script>alert(1)</script>")
    for webhook in shop.webhooks_of(number):
        post(webhook)

    for model in ("invoice", "delivery", "intent"):
        page = text_of(staff.get(page_of(model)))
        assert "<script>alert(1)" not in page
        assert "&lt;script&gt;alert(1)" in page


def test_missing_row_leads_back(shop: Shop, staff: Client) -> None:
    """As everywhere in the admin."""
    for model in ("invoice", "delivery", "intent"):
        assert staff.get(page_of(model, "404")).status_code == 302


def test_models_are_read_only(shop: Shop) -> None:
    """A line of code that would write the journal fails."""
    number = shop.check_out()
    row = Invoice.objects.get(order_id=number)

    assert (row.money, row.money_received, str(row)) == (Money("49.90", "EUR"), None, number)
    for write in (
        row.save,
        row.delete,
        Invoice.objects.all().delete,
        lambda: Invoice.objects.update(status="paid"),
        lambda: Invoice.objects.create(invoice_id="7"),
        lambda: Invoice.objects.bulk_create([row]),
    ):
        with pytest.raises(NotSupportedError, match="only the journal writes"):
            write()
    assert Invoice.objects.get(order_id=number).status == "pending"


def test_fixtures_leave_the_journal_out(shop: Shop) -> None:
    """`dumpdata` would take along what `loaddata` could not write."""
    shop.check_out()
    told = io.StringIO()

    call_command("dumpdata", "gateway_django", stdout=told)

    assert json.loads(told.getvalue()) == []


def test_journal_elsewhere_has_no_pages(staff: Client) -> None:
    """What is in none of Django's databases, Django cannot show; neither what settings that are wrong do not tell."""
    for changed in ({"GATEWAY_DATABASE": "nowhere"}, {"GATEWAY": None}):
        with override_settings(**changed):
            assert staff.get(page_of("invoice")).status_code == 403
            assert "gateway_django" not in text_of(staff.get(reverse("admin:index")))


def test_no_migration_is_missing() -> None:
    """`makemigrations --check` of a shop has nothing to say about us."""
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)

"""The journal is compared with the provider: what was missed, what is unknown, what differs, what is open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from gateway_core import HttpRequest, InvoiceRequest, Money, Payment, PaymentStatus, errors
from gateway_core.journal import Difference, Finding, Reconciliation
from gateway_core.journal._intents import Asked
from gateway_core.journal._report import to_html
from gateway_core.testing import Answer, AnswerLost
from gateway_core.testing.account import NOON
from tests.journal.shops import Shop

SINCE = NOON - timedelta(days=1)


def kinds(found: Reconciliation) -> list[tuple[Difference, str | None]]:
    """Return what kind of differences were found, and about which orders."""
    return [(each.difference, each.order_id) for each in found.findings]


def test_missed_webhook_is_found_and_applied(shop: Shop) -> None:
    """What was missed is told, and with `apply` it comes out with the next poll, once."""
    invoice = shop.gateway.create_invoice(shop.order())
    shop.account.pay(invoice.id)
    shop.account.lose()

    looked = shop.gateway.reconcile(SINCE)
    before = shop.gateway.poll(shop.handle)
    applied = shop.gateway.reconcile(SINCE, apply=True)
    shop.gateway.poll(shop.handle)
    after = shop.gateway.reconcile(SINCE)

    assert kinds(looked) == kinds(applied) == [(Difference.MISSED, "1042")]
    assert (looked.findings[0].journal, looked.findings[0].provider) == ("pending", "paid")
    assert before == 0
    assert shop.delivered == ["1042"]
    assert after.findings == ()


def test_what_is_as_told_costs_no_question(shop: Shop) -> None:
    """The list of payments says enough about invoices that are paid as the shop was told."""
    for number in range(5):
        shop.account.pay(shop.gateway.create_invoice(shop.order(str(number))).id)
    shop.deliver()

    found = shop.gateway.reconcile(SINCE)

    assert (found.findings, found.payments, found.invoices, found.asked) == ((), 5, 5, 0)


def test_invoice_that_exists_at_the_provider_only(shop: Shop) -> None:
    """Money for an invoice that nobody asked for through this journal is told."""
    other = shop.account.connect().create_invoice(InvoiceRequest(order_id="x", amount=Money("5", "EUR")))
    shop.account.pay(other.id)

    found = shop.gateway.reconcile(SINCE)

    assert found.findings == (
        Finding(difference=Difference.UNKNOWN_INVOICE, invoice_id=other.id, amount=Money("5", "EUR")),
    )


def test_part_of_the_money_is_a_difference(shop: Shop) -> None:
    """An open invoice of which a part was paid is asked about."""
    invoice = shop.gateway.create_invoice(shop.order())
    shop.account.pay(invoice.id, Money("10", "EUR"))

    assert kinds(shop.gateway.reconcile(SINCE)) == [(Difference.MISSED, "1042")]


@pytest.mark.parametrize(
    "amounts, asked",
    [
        (["49.90 EUR", "0.00 EUR"], False),
        (["20.00 EUR", "29.90 EUR"], False),
        (["49.90 EUR", None], True),
        ([None, "49.90 EUR"], True),
        (["49.90 USD", "49.90 EUR"], True),
        (["49.90 EUR", "49.90 USD"], True),
    ],
    ids=str,
)
def test_payments_that_cannot_be_added_leave_a_doubt(shop: Shop, amounts: list[str | None], *, asked: bool) -> None:
    """What came in all is known if each amount is, in one currency; otherwise the provider is asked."""
    invoice = shop.gateway.create_invoice(shop.order())
    shop.account.pay(invoice.id)
    shop.deliver()
    recorder = shop.gateway._recorder
    assert recorder is not None
    reconciler = recorder.reconciler(SINCE, None)

    reconciler.take_page(
        [
            Payment(
                id=str(number),
                invoice_id=invoice.id,
                amount=None if amount is None else Money.parse(amount),
                status=PaymentStatus.CONFIRMED,
            )
            for number, amount in enumerate(amounts)
        ],
        None,
    )

    assert reconciler.questions() == ((invoice.id,) if asked else ())


def test_open_intent_is_told(make_shop: Callable[..., Shop]) -> None:
    """What nobody knows the end of is in every report."""
    shop = make_shop("sandbox")
    shop.account.faults.script(AnswerLost(), times=2)
    with pytest.raises(errors.OutcomeUnknownError):
        shop.gateway.create_invoice(shop.order())

    assert kinds(shop.gateway.reconcile(SINCE)) == [(Difference.OPEN_INTENT, "1042")]


def test_report_is_one_page(shop: Shop) -> None:
    """It has a picture, and what stands in it is text, whoever chose it."""
    shop.account.pay(shop.gateway.create_invoice(shop.order("<script>alert(1)</script>")).id)

    page = to_html("shop", shop.gateway.reconcile(SINCE))

    assert "<svg" in page
    assert "49.90 EUR" in page
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "http" not in page


def test_async_gateway_reconciles(shop: Shop) -> None:
    """Code that awaits has the same."""
    shop.account.pay(shop.gateway.create_invoice(shop.order()).id)
    shop.account._journal = shop.journal

    async def compare() -> Reconciliation:
        async with shop.account.async_gateway as gateway:
            return await gateway.reconcile(SINCE)

    assert kinds(asyncio.run(compare())) == [(Difference.MISSED, "1042")]


def test_moment_has_a_zone(shop: Shop) -> None:
    """A moment without a zone is refused, as everywhere."""
    with pytest.raises(errors.InvalidRequestError, match="since"):
        shop.gateway.reconcile(datetime(2026, 1, 1))  # noqa: DTZ001  # that is the point


@pytest.mark.parametrize("broken", ["page", "answer"])
def test_comparison_that_was_cut_off_goes_on(shop: Shop, tmp_path: Path, broken: str) -> None:
    """With a file it asks for no page and about no invoice twice, and finds the same as one that went through."""
    for number in range(230):  # three pages
        shop.account.pay(shop.gateway.create_invoice(shop.order(str(number))).id)
    shop.account.lose()
    whole = shop.gateway.reconcile(SINCE)
    notes = tmp_path / "reconcile.notes"
    pages = [url for url in asked(shop) if "payments" in url]
    asked_before = len(asked(shop))

    def fault(request: HttpRequest) -> bool:
        seen = len([url for url in asked(shop)[asked_before:] if ("payments" in url) == (broken == "page")])
        return seen == 2 and ("payments" in request.url) == (broken == "page")

    shop.account.faults.script(Answer(400), where=fault)
    with pytest.raises(errors.ProviderError):
        shop.gateway.reconcile(SINCE, resume=notes)
    with notes.open("ab") as file:
        file.write(b'{"payments": [{"id"')  # the worker was killed as it wrote
    told: list[tuple[int, int, int]] = []
    resumed = shop.gateway.reconcile(SINCE, resume=notes, progress=lambda *numbers: told.append(numbers))

    urls = asked(shop)[asked_before:]
    assert resumed == whole
    assert len(whole.findings) == 230
    assert len([url for url in urls if "payments" in url]) == len(pages) + (broken == "page")
    assert len(urls) == len(pages) + 230 + 1
    assert told[-1] == (230, 230, 230)
    assert not notes.exists()


def asked(shop: Shop) -> list[str]:
    """Return what the provider was asked."""
    return [each.request.url for each in shop.account.faults.exchanges]


@pytest.mark.parametrize(
    "written", ['["sandbox","2020-01-01T00:00:00+00:00",null]\n', "", "a letter to my mother\n", "[1]\n[2]\n", "no end"]
)
def test_notes_of_something_else_are_left_alone(shop: Shop, tmp_path: Path, written: str) -> None:
    """A file of another comparison, or none of ours, is refused and stays as it is; an empty one is taken."""
    notes = tmp_path / "notes"
    notes.write_text(written, encoding="utf-8")

    if not written:
        shop.gateway.reconcile(SINCE, resume=notes)
        assert not notes.exists()
        return
    with pytest.raises(errors.InvalidRequestError, match="about"):
        shop.gateway.reconcile(SINCE, resume=notes)
    assert notes.read_text(encoding="utf-8") == written


def test_notes_that_cannot_be_written(shop: Shop, tmp_path: Path) -> None:
    """It is told before the provider is asked."""
    with pytest.raises(errors.InvalidRequestError, match="IsADirectoryError"):
        shop.gateway.reconcile(SINCE, resume=tmp_path)
    with pytest.raises(errors.InvalidRequestError, match="FileNotFoundError"):
        shop.gateway.reconcile(SINCE, resume=tmp_path / "none" / "notes")

    assert asked(shop) == []


def test_every_open_intent_is_told(shop: Shop) -> None:
    """However many there are."""
    recorder = shop.gateway._recorder
    assert recorder is not None
    for number in range(1100):
        asking = Asked(operation="create_invoice", key=str(number), content="", order_id=str(number), attempt=1)
        recorder.intents.begin(asking, timedelta(0))

    assert len(shop.gateway.reconcile(SINCE).findings) == 1100

"""Each check stops a plugin with the fault that it is there for: plugins with one fault each, beside the mutants."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import random
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import attrs
import pytest

from gateway_bitsby import Bitsby
from gateway_bitsby.emulator import BitsbyEmulator
from gateway_conformance import CheckFailed, ProviderSuite
from gateway_conformance.harness import Harness
from gateway_core import (
    Acknowledgement,
    HttpRequest,
    InvoiceStatus,
    Money,
    Page,
    PaymentQuery,
    StatusReport,
    WebhookDelivery,
    WebhookEvent,
    hookimpl,
)
from gateway_core.errors import (
    GatewayError,
    NotFoundError,
    ProviderError,
    TransportError,
    UnexpectedResponseError,
    WebhookError,
    WebhookReason,
)
from gateway_core.wire import loads
from gateway_sandbox import Sandbox
from gateway_sandbox.emulator import SandboxEmulator

Members = dict[str, Any]

GARBAGE = (
    "answer_of_html_is_unexpected",
    "empty_answer_is_unexpected",
    "answer_of_null_is_unexpected",
    "answer_of_an_empty_list_is_no_invoice",
    "answer_of_an_empty_object_is_unexpected",
    "answer_of_a_bare_value_is_unexpected",
    "answer_that_is_no_utf8_is_unexpected",
    "answer_nested_deeply_is_unexpected",
    "truncated_answer_is_unexpected",
    "answer_of_204_is_unexpected",
    "repeated_keys_are_unexpected",
    "impossible_numbers_are_documented_errors",
)
REFUSALS = (
    "redirect_is_unexpected",
    "status_400_is_a_rejection",
    "status_409_leaves_a_creation_unknown",
    "status_502_503_504_leave_a_creation_unknown",
    "refusal_tells_its_status",
    "strange_retry_after_is_ignored",
)
PLACES = (
    "id_with_a_path_stays_in_its_place",
    "id_with_a_question_mark_stays_in_its_place",
    "id_with_a_hash_stays_in_its_place",
    "id_with_escapes_stays_in_its_place",
)
UNCHECKED = (
    "changed_header_is_refused",
    "webhook_without_its_headers_is_refused",
    "webhook_under_a_retired_secret_is_refused",
    "signature_is_checked_before_anything_is_asked",
    "strange_headers_are_no_crash",
    "doubled_header_is_refused_or_changes_nothing",
)


def info(**changes: Any) -> Members:
    """Declare something else."""
    return {"info": attrs.evolve(Sandbox.info, **changes)}


def create(change: Callable[[Any, Any], Any]) -> Members:
    """Change what a creation gives."""

    @hookimpl
    def create_invoice(self: Sandbox, request: Any) -> Any:
        return change((yield from Sandbox.create_invoice(self, request)), request)

    return {"create_invoice": create_invoice}


def get(change: Callable[[Any], Any], *, instead_of: type[GatewayError] | tuple[()] = ()) -> Members:
    """Change what a report says, or report an open invoice instead of an error."""

    @hookimpl
    def get_status(self: Sandbox, invoice_id: str) -> Any:
        try:
            report = yield from Sandbox.get_status(self, invoice_id)
        except instead_of as error:
            report = StatusReport(
                invoice_id=invoice_id, status=InvoiceStatus.PENDING, provider_status=type(error).__name__
            )
        return change(attrs.evolve(report, invoice_id=report.invoice_id))

    return {"get_status": get_status}


def same_id() -> Members:
    """Say of every report that it is about the invoice that was asked for."""

    @hookimpl
    def get_status(self: Sandbox, invoice_id: str) -> Any:
        return attrs.evolve((yield from Sandbox.get_status(self, invoice_id)), invoice_id=invoice_id)

    return {"get_status": get_status}


def listing(pages: Callable[[Sandbox, PaymentQuery], Any]) -> Members:
    """List in another way."""

    @hookimpl
    def list_payments(self: Sandbox, query: PaymentQuery) -> Any:
        return (yield from pages(self, query))

    return {"list_payments": list_payments}


def everything(self: Sandbox, query: PaymentQuery) -> Any:
    """Read page after page without looking whether they advance."""
    page = yield from Sandbox.list_payments(self, query)
    items = list(page.items)
    while page.next_cursor is not None:
        page = yield from Sandbox.list_payments(self, attrs.evolve(query, cursor=page.next_cursor))
        items += page.items
    return Page(items)


def without_filter(self: Sandbox, query: PaymentQuery) -> Any:
    """Forget which invoice was asked for."""
    return (yield from Sandbox.list_payments(self, attrs.evolve(query, invoice_id=None)))


def error_if_empty(self: Sandbox, query: PaymentQuery) -> Any:
    """Take an empty list for an error."""
    page = yield from Sandbox.list_payments(self, query)
    if not page.items:
        raise NotFoundError("no payments")
    return page


def verify(change: Callable[[Any, Any], Any], *, checked: bool = True) -> Members:
    """Change what a webhook tells, or do not check it."""

    @hookimpl
    def verify_webhook(self: Sandbox, request: Any) -> Any:
        if checked:
            return change(Sandbox.verify_webhook(self, request), request)
        found = loads(request.body)
        event = WebhookEvent(id=request.headers.get("webhook-id", "none"), kind="x", raw=found)
        return WebhookDelivery(events=[event], verified_by="signature")

    return {"verify_webhook": verify_webhook}


def event(**changes: Any) -> Callable[[Any, Any], Any]:
    """Change what is told of each event."""

    def change(delivery: Any, _: Any) -> Any:
        events = [
            attrs.evolve(each, **{name: make(each) for name, make in changes.items()}) for each in delivery.events
        ]
        return attrs.evolve(delivery, events=events)

    return change


def asking(change: Callable[[Sandbox, HttpRequest], HttpRequest]) -> Members:
    """Change the requests that change something."""

    def _post(self: Sandbox, content: Any, *path: str, key: str | None = None) -> HttpRequest:
        return change(self, Sandbox._post(self, content, *path, key=key))

    return {"_post": _post}


def marked(text: Callable[[Sandbox], Any]) -> Members:
    """Add a header."""
    return asking(lambda self, ask: attrs.evolve(ask, headers=[*ask.headers.pairs, ("X-Mark", str(text(self)))]))


def joined() -> Members:
    """Put an id into an address as it is."""

    def _get(self: Sandbox, *path: str, query: Any = None) -> HttpRequest:
        if query:
            return Sandbox._get(self, *path, query=query)
        return HttpRequest(method="GET", url="/".join((self.settings.base_url, "v1", *path)), headers=self._headers())

    return {"_get": _get}


def stubborn() -> Members:
    """Do not let go of a flow."""

    @hookimpl
    def get_status(self: Sandbox, invoice_id: str) -> Iterator[HttpRequest]:
        try:
            yield self._get("invoices", invoice_id)
        finally:
            yield self._get("invoices", invoice_id)

    return {"get_status": get_status}


def refund_twice_as_much() -> Members:
    """Give back more than was asked for, and say nothing of it."""

    @hookimpl
    def refund_payment(self: Sandbox, request: Any) -> Any:
        more = attrs.evolve(request, amount=request.amount + request.amount)
        return attrs.evolve((yield from Sandbox.refund_payment(self, more)), amount=request.amount)

    return {"refund_payment": refund_payment}


def find_any() -> Members:
    """Find some invoice, whatever the order."""

    @hookimpl
    def find_invoice(self: Sandbox, order_id: str, attempt: int) -> Any:
        found = yield from Sandbox.find_invoice(self, "order-12", attempt)
        return found and attrs.evolve(found, order_id=None)

    return {"find_invoice": find_invoice}


def no_question() -> Members:
    """Call every account good."""

    @hookimpl
    def check_account(self: Sandbox) -> None:
        """Ask nobody."""

    return {"check_account": check_account}


COUNT = itertools.count()
SHARED: dict[str, str] = {}
PAID = InvoiceStatus.PAID

FAULTS: list[tuple[str, Members]] = [
    ("info_has_a_title", info(title=" ")),
    ("contract_version_is_one_that_exists", info(contract_version=99)),
    ("declared_currencies_are_known", info(currencies=["EUR", "EUR"])),
    ("exponents_are_of_declared_currencies", info(currencies=["EUR"], exponents={"JPY": 0})),
    ("unsupported_names_operations_with_reasons", info(unsupported={"fly": "no wings"})),
    ("unsupported_hooks_say_so_themselves", info(unsupported={"list_payments": "no list"})),
    ("list_guarantee_is_told", info(list_guarantee="")),
    ("webhook_cover_is_told", info(webhook_covers=" ")),
    ("default_base_url_is_secure", info(base_url="http://api.example.com")),
    ("late_webhook_is_accepted_where_none_is_dated", info(webhook_timestamps=False)),
    ("find_invoice_gives_none_for_an_order_that_never_was", find_any()),
    ("refund_payment_gives_the_money_back", refund_twice_as_much()),
    ("refund_is_made_once", asking(lambda _, ask: attrs.evolve(ask, idempotency_key=None))),
    ("check_account_accepts_good_credentials", no_question()),
    ("no_float_is_in_any_answer_kept", create(lambda made, _: attrs.evolve(made, raw={"a": [{"b": 1.5}]}))),
    ("amount_of_another_invoice_is_noticed", create(lambda made, asked: attrs.evolve(made, amount=asked.amount))),
    ("status_tells_the_amount_that_the_provider_tells", get(lambda r: attrs.evolve(r, expected=Money("87.13", "EUR")))),
    ("new_invoice_is_open", create(lambda made, _: attrs.evolve(made, status=PAID))),
    ("nothing_is_received_before_anybody_paid", get(lambda r: attrs.evolve(r, received=r.expected))),
    ("status_of_one_invoice_is_not_that_of_another", get(lambda r: attrs.evolve(r, status=PAID, received=r.expected))),
    ("answer_about_another_invoice_is_refused", same_id()),
    ("unknown_invoice_is_not_found", get(lambda r: r, instead_of=NotFoundError)),
    ("unknown_word_is_kept", get(lambda r: attrs.evolve(r, provider_status="open"))),
    (
        "word_in_other_letters_is_no_other_status",
        get(lambda r: attrs.evolve(r, status=PAID) if "paid" in r.provider_status else r),
    ),
    (
        "order_id_comes_back_unchanged",
        get(lambda r: attrs.evolve(r, order_id=r.order_id.encode("ascii", "replace").decode())),
    ),
    ("payment_page_is_a_web_address", create(lambda made, _: attrs.evolve(made, payment_url="http://pay.example/1"))),
    (
        "times_have_a_zone_and_an_order",
        create(lambda made, _: attrs.evolve(made, expires_at=made.created_at - timedelta(hours=1))),
    ),
    ("answers_are_kept_in_raw", create(lambda made, _: attrs.evolve(made, raw={}))),
    ("list_of_nothing_is_empty", listing(error_if_empty)),
    ("list_of_an_unknown_invoice_is_empty_or_refused", listing(without_filter)),
    ("page_that_does_not_advance_is_an_error", listing(everything)),
    *((name, get(lambda r: r, instead_of=UnexpectedResponseError)) for name in GARBAGE),
    *((name, get(lambda r: r, instead_of=ProviderError)) for name in REFUSALS),
    ("request_that_was_not_sent_is_told_so", get(lambda r: r, instead_of=TransportError)),
    ("lost_answer_leaves_a_creation_unknown", asking(lambda _, ask: attrs.evolve(ask, safe=True))),
    ("creation_is_marked_as_changing_something", asking(lambda _, ask: attrs.evolve(ask, safe=True))),
    *((name, joined()) for name in PLACES),
    ("genuine_webhook_is_accepted", verify(lambda delivery, _: attrs.evolve(delivery, events=[]))),
    (
        "webhook_tells_what_get_status_tells",
        verify(event(report=lambda e: attrs.evolve(e.report, status=InvoiceStatus.FAILED))),
    ),
    (
        "webhook_is_acknowledged_as_the_provider_wants",
        verify(lambda delivery, _: attrs.evolve(delivery, acknowledgement=Acknowledgement(status=302))),
    ),
    ("replayed_webhook_is_the_same_event", verify(event(id=lambda _: f"event-{next(COUNT)}"))),
    ("different_events_have_different_ids", verify(event(id=lambda e: e.kind))),
    *((name, verify(lambda delivery, _: delivery, checked=False)) for name in UNCHECKED),
    ("webhooks_are_verified_without_clock_or_randomness", verify(lambda delivery, _: time.time() and delivery)),
    ("flows_open_no_socket_and_read_no_clock", marked(lambda _: time.monotonic() > 0)),
    ("flows_use_no_randomness", marked(lambda _: random.Random(1).random())),  # noqa: S311  # a fault
    ("flows_keep_nothing_between_runs", marked(lambda _: next(COUNT))),
    ("same_flow_sends_the_same_bytes", marked(lambda _: next(COUNT))),
    ("async_gateway_gives_the_same_results", marked(lambda _: next(COUNT))),
    ("accounts_do_not_share_anything", marked(lambda self: SHARED.setdefault("key", self.settings.api_key.reveal()))),
    ("flow_can_be_given_up", stubborn()),
]


def judge(name: str, **members: Any) -> None:
    """Run one check of a suite."""
    suite = type("TestFaulty", (ProviderSuite,), members)()
    harness = Harness(suite)
    check = getattr(suite, f"test_{name}")
    wanted = inspect.signature(check).parameters
    try:
        check(*[harness for _ in wanted])
    finally:
        harness.close()


@pytest.mark.parametrize("name, members", FAULTS, ids=[name for name, _ in FAULTS])
def test_fault_is_stopped(name: str, members: Members) -> None:
    """A plugin with the fault does not pass the check, and the one without it does."""
    with contextlib.suppress(pytest.skip.Exception):
        judge(name, provider_class=Sandbox, emulator=SandboxEmulator)

    with pytest.raises(CheckFailed, match=f"rule  {name}:"):
        judge(name, provider_class=type("Faulty", (Sandbox,), members), emulator=SandboxEmulator)


class Credulous(Bitsby):
    """Believes an unsigned message."""

    @hookimpl
    def verify_webhook(self, request: Any) -> Any:
        """Tell what the message says."""
        told = loads(request.body)["invoice"]
        report = StatusReport(invoice_id=told["id"], status=PAID)
        yield from self.get_status(told["id"])
        happened = WebhookEvent(id="1", kind="paid", invoice_id=told["id"], report=report)
        return WebhookDelivery(events=[happened], verified_by="callback")


class Content(Bitsby):
    """Takes silence for a confirmation."""

    @hookimpl
    def verify_webhook(self, request: Any) -> Any:
        """Tell what the message says unless the provider objects."""
        told = loads(request.body)["invoice"]
        with contextlib.suppress(GatewayError):
            yield from self.get_status(told["id"])
        return WebhookDelivery(
            events=[WebhookEvent(id="1", kind="paid", invoice_id=told["id"])], verified_by="callback"
        )


class Final(Bitsby):
    """Refuses for good what it cannot confirm just now."""

    @hookimpl
    def verify_webhook(self, request: Any) -> Any:
        """Refuse whatever goes wrong."""
        with contextlib.suppress(GatewayError):
            return (yield from Bitsby.verify_webhook(self, request))
        raise WebhookError("not confirmed", reason=WebhookReason.NOT_CONFIRMED)


@pytest.mark.parametrize(
    "name, provider",
    [
        ("forged_webhook_tells_only_what_the_provider_confirms", Credulous),
        ("webhook_that_nobody_confirms_is_refused", Content),
        ("webhook_that_cannot_be_confirmed_now_may_come_again", Final),
    ],
)
def test_fault_of_a_callback_is_stopped(name: str, provider: type[Bitsby]) -> None:
    """W13: what is not signed is believed only as far as the provider confirms it."""
    judge(name, provider_class=Bitsby, emulator=BitsbyEmulator)

    with pytest.raises(CheckFailed, match=f"rule  {name}:"):
        judge(name, provider_class=provider, emulator=BitsbyEmulator)

"""Checks of operations: what is declared works, and what is not there says so."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import attrs

from gateway_conformance.base import Checks
from gateway_conformance.check import check, describe, fail, not_applicable, require
from gateway_conformance.harness import Harness
from gateway_conformance.operations import operations_of
from gateway_conformance.provider_under_test import provider_class
from gateway_core.errors import AuthenticationError, OutOfReachError, UnsupportedOperationError
from gateway_core.hookspecs import OPTIONAL, REQUIRED
from gateway_core.http import HttpResponse, is_loopback, origin
from gateway_core.models.payment import PaymentQuery
from gateway_core.models.refund import RefundRequest
from gateway_core.models.status import InvoiceStatus

#: What a canceled invoice is, by the provider's own word for it.
_ENDED = frozenset({InvoiceStatus.CANCELED, InvoiceStatus.EXPIRED})
_UPPER = re.compile(r"[A-Z0-9]{2,12}")


class OperationChecks(Checks):
    """What is declared works."""

    @check
    def test_what_is_not_implemented_raises_before_any_request(self, harness: Harness) -> None:
        """An operation that the provider does not have raises `UnsupportedOperationError`, and sends nothing.

        Why: An application asks for it by mistake, and must learn so at once and not through a strange answer.
        """
        refund = RefundRequest(refund_id="refund-1", invoice_id="1", amount=harness.amount())
        calls: dict[str, Callable[[], object]] = {
            "create_invoice": lambda: harness.gateway.create_invoice(harness.request()),
            "get_status": lambda: harness.gateway.get_status("1"),
            "list_payments": lambda: list(harness.gateway.list_payments()),
            "find_invoice": lambda: harness.gateway.find_invoice("1"),
            "cancel_invoice": lambda: harness.gateway.cancel_invoice("1"),
            "refund_payment": lambda: harness.gateway.refund_payment(refund),
            "check_account": harness.gateway.check_account,
        }
        missing = [name for name in calls if not harness.supports(name)]
        if not missing:
            not_applicable("every operation is implemented, and info.unsupported is empty")
        for name in missing:
            with harness.transport.recording() as asked:
                try:
                    calls[name]()
                except UnsupportedOperationError:
                    pass
                else:
                    fail(f"{name} raised nothing")
            require(not asked, f"{name} sent {len(asked)} requests")

    @check
    def test_unsupported_hooks_say_so_themselves(self, harness: Harness) -> None:
        """A required hook that `info.unsupported` names raises `UnsupportedOperationError` itself.

        Why: The hook is there because the contract wants it; a result made up would be believed.
        """
        named_ones = [name for name in REQUIRED if name in harness.info.unsupported and name != "verify_webhook"]
        if not named_ones:
            not_applicable("info.unsupported names no required operation")
        arguments: dict[str, dict[str, Any]] = {
            "create_invoice": {"request": harness.ready(harness.request())},
            "get_status": {"invoice_id": "1"},
            "list_payments": {"query": PaymentQuery()},
        }
        for name in named_ones:
            try:
                outcome = harness.outcome(name, arguments[name])
                result = next(outcome) if hasattr(outcome, "send") else outcome
            except UnsupportedOperationError:
                continue
            fail(f"{name} gave {type(result).__name__}")

    @check
    def test_unsupported_operations_are_not_implemented(self) -> None:
        """No optional hook is implemented that `info.unsupported` names.

        Why: One of the two is wrong. The core believes the declaration, so that the hook is never called.
        """
        provider = provider_class(self)
        both = [name for name in provider.info.unsupported if name in OPTIONAL and hasattr(provider, name)]
        require(not both, f"declared as unsupported, and implemented: {', '.join(both)}")

    @check
    def test_find_invoice_finds_what_was_created(self, harness: Harness) -> None:
        """`find_invoice` gives the invoice that was created for an order.

        Why: It is how a lost answer is looked up; what it misses is created, and paid, a second time.
        """
        if not harness.supports("find_invoice"):
            not_applicable("find_invoice is not implemented")
        created = [harness.create(harness.request(order_id=f"find-{number}")) for number in range(3)]
        wanted = created[1]
        if harness.emulator is None:
            self.given_found(harness.mocker, "find-1")
        found = harness.gateway.find_invoice("find-1")
        require(found is not None, "it found nothing")
        seen = None if found is None else (found.id, found.amount)
        require(seen == (wanted.id, wanted.amount), f"it found {seen}, and {(wanted.id, wanted.amount)} was created")

    @check
    def test_find_invoice_gives_none_for_an_order_that_never_was(self, harness: Harness) -> None:
        """`find_invoice` gives None where the provider has no invoice of the order, and none of a similar order.

        Why: An invoice that is taken for another order's is never created, and its customer can never pay.
        """
        if not harness.supports("find_invoice"):
            not_applicable("find_invoice is not implemented")
        harness.create(harness.request(order_id="order-12"))
        if harness.emulator is None:
            self.given_found(harness.mocker, "order-12")
        try:
            found = harness.gateway.find_invoice("order-1")
        except Exception as error:
            if harness.emulator is None:
                return  # the scenario answers with the other order, which the core refuses
            raise error from None
        require(found is None or found.order_id == "order-1", f"it found {found and found.order_id!r} for 'order-1'")
        require(harness.emulator is None or found is None, f"it found {found!r}")

    @check
    def test_find_invoice_looks_at_all_of_them(self, harness: Harness) -> None:
        """`find_invoice` finds the oldest of many invoices, or says that it is out of reach.

        Why: A lost answer is looked up in the morning, when a night's orders lie above it.
        """
        if not harness.supports("find_invoice"):
            not_applicable("find_invoice is not implemented")
        harness.needs_emulator("a scenario holds one invoice")
        wanted = harness.create(harness.request(order_id="the-oldest"))
        for number in range(120):
            harness.create(harness.request(order_id=f"later-{number}"))
        try:
            found = harness.gateway.find_invoice("the-oldest")
        except OutOfReachError:
            reach = harness.info.find_reach
            require(reach is not None, "it is out of reach, and info.find_reach does not say how far it sees")
            return
        require(found is not None and found.id == wanted.id, f"below 120 others it found {found!r}")

    @check
    def test_find_invoice_tells_letters_apart(self, harness: Harness) -> None:
        """`find_invoice` of an order whose id differs in the case of its letters, or in a blank, finds nothing.

        Why: Many searches ignore both. The other order's invoice is paid, and this one's never made.
        """
        if not harness.supports("find_invoice"):
            not_applicable("find_invoice is not implemented")
        harness.needs_emulator("a scenario finds what it is told to")
        harness.create(harness.request(order_id="Order-Ab"))
        for other in ("order-ab", "ORDER-AB", "Order-A", "Order-Ab2", "rder-Ab"):
            found = harness.gateway.find_invoice(other)
            require(found is None, f"for {other!r} it found {found!r}")

    @check
    def test_cancel_invoice_cancels(self, harness: Harness) -> None:
        """`cancel_invoice` calls an unpaid invoice off, and the status says so from then on.

        Why: A customer who pays what was called off has paid for nothing.
        """
        if not harness.supports("cancel_invoice"):
            not_applicable("cancel_invoice is not implemented")
        invoice = harness.create()
        if harness.emulator is None:
            self.given_canceled(harness.mocker, invoice.id)
        report = harness.gateway.cancel_invoice(invoice.id)
        require(report.status in _ENDED, f"it reports {report.status.value}")
        if harness.emulator is not None:
            known = harness.emulated(invoice).status
            require(known in _ENDED, f"at the provider the invoice is {known.value}")
            later = harness.gateway.get_status(invoice.id).status
            require(later in _ENDED, f"get_status says {later.value} afterwards")

    @check
    def test_check_account_accepts_good_credentials(self, harness: Harness) -> None:
        """`check_account` is content with credentials that work.

        Why: `gateway doctor` says by it whether a deployment is right.
        """
        if not harness.supports("check_account"):
            not_applicable("check_account is not implemented")
        if harness.emulator is None:
            self.given_account(harness.mocker)
        with harness.transport.recording() as asked:
            harness.gateway.check_account()
        require(asked, "it sent no request, so that it cannot know")
        require(all(each.safe for each in asked), "it sent a request that can change something")

    @check
    def test_check_account_refuses_bad_credentials(self, harness: Harness) -> None:
        """`check_account` raises `AuthenticationError` where the provider does not know the key.

        Why: `gateway doctor` would otherwise praise an account that cannot take any money.
        """
        if not harness.supports("check_account"):
            not_applicable("check_account is not implemented")
        with harness.transport.answering(HttpResponse(status=401, body=b"{}")):
            try:
                harness.gateway.check_account()
            except AuthenticationError:
                return
            except Exception as error:  # noqa: BLE001  # told as it is
                fail(f"answered with 401, it raised {describe(error)}")
        fail("answered with 401, it raised nothing")

    @check
    def test_requests_go_to_declared_hosts_only(self, harness: Harness) -> None:
        """Every request goes to the host of the base address, or to one of `info.hosts`.

        Why: A request to any other host carries the key to somebody the operator never heard of.
        """
        allowed = {origin(str(harness.settings.get("base_url") or harness.info.base_url))}
        allowed |= {f"https://{host}:443" if ":" not in host else f"https://{host}" for host in harness.info.hosts}
        with harness.transport.recording() as asked:
            for operation in operations_of(harness):
                _drain(operation.call(harness.gateway))
        strange = sorted({origin(each.url) for each in asked} - allowed)
        require(not strange, f"requests to {', '.join(strange)}; declared is {', '.join(sorted(allowed))}")

    @check
    def test_base_url_is_a_setting(self, harness: Harness) -> None:
        """The settings have a `base_url`, and requests go there.

        Why: Emulators, test systems and proxies are reached by it; a plugin that ignores it takes real money in a test.
        """
        names = {field.name for field in attrs.fields(type(harness.provider.settings))}
        require("base_url" in names, f"the settings are {', '.join(sorted(names))}")
        other = "http://127.0.0.77:4077"
        path = str(harness.settings.get("base_url") or "").partition("://")[2].partition("/")[2]
        gateway = harness.connect(base_url=f"{other}/{path}")
        # Where the request went is all that counts.
        with harness.transport.answering(HttpResponse(status=500)) as asked, contextlib.suppress(Exception):
            gateway.create_invoice(harness.request())
        require(asked, "create_invoice sent no request")
        strange = sorted({origin(each.url) for each in asked} - {other})
        require(not strange, f"with base_url {other}, requests went to {', '.join(strange)}")

    @check
    def test_default_base_url_is_secure(self) -> None:
        """`info.base_url` is https, or on the loopback range.

        Why: Over http everybody on the way reads the key and writes the answers.
        """
        url = provider_class(self).info.base_url
        if url is None:
            not_applicable("info.base_url is None: the operator has to give it")
        require(url.startswith("https://") or is_loopback(url), f"it is {url}")

    @check
    def test_idempotency_is_as_declared(self, harness: Harness) -> None:
        """A creation bears an idempotency key, in a header or in its body, exactly where `info.idempotency` says so.

        Why: By that word the core repeats a creation after a lost answer. Where it is wrong, the customer pays twice.
        """
        with harness.transport.recording() as asked:
            harness.create()
        creating = [each for each in asked if not each.safe]
        require(creating, "every request of create_invoice is marked as one that changes nothing")
        keys = [each.idempotency_key for each in creating]
        if harness.info.idempotency is None:
            require(not any(keys), "info.idempotency is None, and a request bears a key")
            return
        for each in creating:
            key = each.idempotency_key
            require(key, f"info.idempotency is {harness.info.idempotency}, and {each.method} {each.url} bears no key")
            sent = [value for _, value in each.headers.pairs] + [each.body.decode("utf-8", "replace")]
            require(any(str(key) in text for text in sent), "the key stands neither in a header nor in the body")

    @check
    def test_idempotency_key_is_that_of_the_order(self, harness: Harness) -> None:
        """The idempotency key of a creation is the same for the same order at any time, and another for another.

        Why: A key of its own for each attempt protects from nothing; one key for two orders loses the second.
        """
        if harness.info.idempotency is None:
            not_applicable("info.idempotency is None")
        one, other = harness.request(order_id="order-a"), harness.request(order_id="order-b")
        later = attrs.evolve(one, requested_at=harness.clock() + timedelta(minutes=1))
        keys = []
        for request in (one, later, other):
            with harness.transport.recording() as asked:
                harness.create(request)
            keys.append([each.idempotency_key for each in asked if not each.safe])
        require(keys[0] == keys[1], "the same order was sent under two keys")
        require(not set(keys[0]) & set(keys[2]), "two orders were sent under one key")


def _drain(result: object) -> None:
    """Read a listing to its end; anything else is a result already."""
    if hasattr(result, "__next__"):
        list(result)  # type: ignore[call-overload]  # an iterator

"""Checks of what is created: an invoice as it was asked for."""

from __future__ import annotations

from datetime import timedelta

from gateway_conformance.base import Checks
from gateway_conformance.check import check, require
from gateway_conformance.harness import Harness
from gateway_core.errors import InvalidRequestError
from gateway_core.models.status import InvoiceStatus

_OPEN = frozenset({InvoiceStatus.PENDING})


class InvoiceChecks(Checks):
    """What is asked for reaches the provider, and comes back."""

    @check
    def test_new_invoice_is_open(self, harness: Harness) -> None:
        """An invoice that was just created is PENDING, by the answer to its creation.

        Why: An order that is delivered when its invoice is made is never paid.
        """
        status = harness.create().status
        require(status in _OPEN, f"create_invoice says {status.value}")

    @check
    def test_order_id_comes_back_unchanged(self, harness: Harness) -> None:
        """The shop's key comes back as it was given, whatever letters it has, or is refused before sending.

        Why: By this key an invoice is found again after a lost answer.
        """
        for order_id in ("1042", "2026/11-21#7", "Bestellung äöü ß 東京", 'a"b\\c&d=e+f%20<g>', "x" * 200):
            request = harness.request(order_id=order_id)
            with harness.transport.recording() as asked:
                try:
                    invoice = harness.create(request)
                except InvalidRequestError:
                    invoice = None
            if invoice is None:
                require(not asked, f"{order_id!r} was refused after {len(asked)} requests")
                continue
            known = {invoice.order_id, harness.gateway.get_status(invoice.id).order_id} - {None, order_id}
            require(not known, f"{order_id!r} came back as {known}")

    @check
    def test_payment_page_is_a_web_address(self, harness: Harness) -> None:
        """`payment_url` is https, or on the loopback range, or None.

        Why: The customer is sent there to pay.
        """
        from gateway_core.http import is_loopback

        url = harness.create().payment_url
        require(url is None or url.startswith("https://") or is_loopback(url), f"it is {url}")

    @check
    def test_times_have_a_zone_and_an_order(self, harness: Harness) -> None:
        """`created_at` and `expires_at` have a time zone, and an invoice expires after it was created.

        Why: A time without a zone is off by up to a day.
        """
        invoice = harness.create()
        for name in ("created_at", "expires_at"):
            at = getattr(invoice, name)
            require(at is None or at.utcoffset() is not None, f"{name} is {at}")
        if invoice.created_at is not None and harness.emulator is not None:
            off = abs(invoice.created_at - harness.clock())
            require(off < timedelta(hours=1), f"created at {harness.clock()}, it is told as {invoice.created_at}")
        if None not in (invoice.created_at, invoice.expires_at):
            require(invoice.expires_at > invoice.created_at, f"{invoice.expires_at} is before {invoice.created_at}")  # type: ignore[operator]  # neither is None

    @check
    def test_description_reaches_the_provider(self, harness: Harness) -> None:
        """What the payer is to read reaches the provider.

        Why: A customer who does not recognise what is to be paid does not pay, or has the payment taken back.
        """
        request = harness.request()
        with harness.transport.recording() as asked:
            invoice = harness.create(request)
        sent = b"".join(each.body + each.url.encode() for each in asked)
        words = request.description.encode().split()
        known = request.description if harness.emulator is None else harness.emulated(invoice).description
        require(all(word in sent for word in words), f"no request holds {request.description!r}")
        require(request.description in known, f"at the provider it is {known!r}")

    @check
    def test_time_to_pay_is_kept_or_refused(self, harness: Harness) -> None:
        """`expires_in` is how long the invoice can be paid, or is refused before anything is sent.

        Why: A seat that is held for an hour is sold again after it, and must not be paid for then.
        """
        request = harness.request(expires_in=timedelta(minutes=90))
        with harness.transport.recording() as asked:
            try:
                invoice = harness.create(request)
            except InvalidRequestError:
                invoice = None
        if invoice is None:
            require(not asked, f"it was refused after {len(asked)} requests")
            return
        until = invoice.expires_at if harness.emulator is None else harness.emulated(invoice).expires_at
        off = None if until is None else abs(until - harness.clock() - timedelta(minutes=90))
        require(off is not None and off < timedelta(minutes=2), f"asked for 90 minutes from now, it is until {until}")

    @check
    def test_answers_are_kept_in_raw(self, harness: Harness) -> None:
        """The provider's own answer is kept in `raw` of an invoice and of a status report.

        Why: What has no field of ours is looked up there, on the day when it matters.
        """
        invoice = harness.create()
        require(invoice.raw, "Invoice.raw is empty")
        require(harness.gateway.get_status(invoice.id).raw, "StatusReport.raw is empty")

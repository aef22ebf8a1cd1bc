"""The gateway for blocking code: one configured account at one provider."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gateway_core._engine.base import CLAIM, delivered
from gateway_core._engine.blocking import run
from gateway_core._engine.sync_calls import SyncCalls
from gateway_core.errors import NotFoundError

if TYPE_CHECKING:
    from gateway_core._engine.pagination import Pagination
    from gateway_core.http import Flow
    from gateway_core.journal import Intent, Reconciliation
    from gateway_core.models.capture import Capture, CaptureRequest
    from gateway_core.models.invoice import Invoice, InvoiceRequest, StatusReport
    from gateway_core.models.payment import Payment
    from gateway_core.models.refund import Refund, RefundRequest
    from gateway_core.models.webhook import WebhookDelivery, WebhookRegistration, WebhookRequest

T = TypeVar("T")


class Gateway(SyncCalls):
    """One configured account at one provider, for blocking code. It may be shared by threads.

    Make one with `connect` or `open`, keep it for the life of the process, and close it at the end:

    >>> settings = {"api_key": "sk_sandbox_demo", "webhook_secret": "whsec_c2FuZGJveC1kZW1vLXNlY3JldA=="}
    >>> with Gateway.connect("sandbox", **settings) as gateway:
    ...     gateway.supports("refund_payment")
    True
    """

    def create_invoice(self, request: InvoiceRequest) -> Invoice:
        """Create an invoice.

        Where the provider honours a key, a repeated request gives the same invoice again, with its status of now, and
        ``replayed`` is set. Fields of the request that the provider cannot honour are named in ``ignored``.

        Raises:
            InvalidRequestError: If the provider cannot make such an invoice: its currency, its amount, the length of
                its order id, a field that is missing, or a time to pay that it does not keep.
            ConfigurationError: If an option is not the provider's, or has a wrong value.
            NotSentError: If nothing happened: it may be repeated.
            OutcomeUnknownError: If it may have happened: look it up with `find_invoice` before anything else.
            ProviderError: If the provider refuses; ``effect`` tells whether an invoice may exist all the same.
        """
        return self._run(self._operations.create_invoice, request)

    def get_status(self, invoice_id: str) -> StatusReport:
        """Report what is known of an invoice now.

        Args:
            invoice_id: The provider's id.

        Raises:
            NotFoundError: If the provider does not know it.
            TransportError, ProviderError: If there is no usable answer.
        """
        return self._run(self._operations.get_status, invoice_id)

    def list_payments(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        invoice_id: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Payment]:
        """Iterate over payments, page by page as it goes, with a deadline for each page.

        Args:
            since: Payments that came at this moment or later, with a time zone.
            until: Payments that came before this moment, with a time zone.
            invoice_id: Payments of this invoice only.
            limit: The most payments to give.

        Raises:
            TransportError, ProviderError: If a page fails. A list never ends early without an error.
        """
        return self._pages(self._pagination(since, until, invoice_id, limit))

    def _pages(self, pagination: Pagination) -> Iterator[Payment]:
        while pagination.query is not None:
            yield from self._run(self._operations.list_payments, pagination, pagination.query)

    def verify_webhook(self, request: WebhookRequest) -> WebhookDelivery:
        """Verify a webhook and return what it tells.

        Raises:
            WebhookError: If it is not genuine, or could not be shown to be. Answer with its ``http_status``.
            UnsupportedOperationError: If the provider sends no webhooks.
        """
        return self._run(self._operations.verify_webhook, request)

    @contextlib.contextmanager
    def receive_webhook(
        self, request: WebhookRequest, *, connection: Any = None, claim: timedelta = CLAIM
    ) -> Iterator[WebhookDelivery]:
        """Verify a webhook, compare it with what was asked for, and give out what is new, once.

        What is new is done when the block ends; an exception in it lets the same come out with the next delivery. What
        came before, what comes late, and what another worker is handling does not come out. Answer with the
        delivery's ``acknowledgement``, which asks for a redelivery where one is needed.

        Args:
            request: The webhook.
            connection: A SQLAlchemy connection or session of the application's own, in a transaction of its own, to
                the database that holds the journal. Then the effect, and the note that it is done, are committed
                together by the application, or not at all.
            claim: How long the block may take; after that somebody else may begin.

        Raises:
            ConfigurationError: If there is no journal.
            WebhookError: If it is not genuine, or could not be shown to be. Answer with its ``http_status``.
            JournalError: If the journal cannot be written.
            UnsupportedOperationError: If the provider sends no webhooks.
        """
        with self._receiving(request, lambda: contextlib.nullcontext(connection), claim) as (delivery, _):
            yield delivery

    def poll(
        self,
        handle: Callable[..., object],
        *,
        order_id: str | None = None,
        limit: int = 100,
        transaction: Callable[[], Any] | None = None,
    ) -> int:
        """Ask the provider about open invoices, and handle what is new as if a webhook had told it.

        Args:
            handle: What handles an event. If it raises, the event comes out again with the next poll, the others are
                handled all the same, and the first such exception comes out in the end.
            order_id: Ask about this order only, and at once; None for all orders whose time has come.
            limit: The most invoices to ask about.
            transaction: Begins a transaction in the database that holds the journal, such as ``engine.begin`` of
                SQLAlchemy: then ``handle`` is called with the event and the connection, and what it writes there and
                the note that it is done are committed together, or not at all.

        Returns:
            How many events were handled.

        Raises:
            ConfigurationError: If there is no journal.
            JournalError: If the journal cannot be written.
            TransportError, ProviderError: If there is no usable answer.
        """
        recorder = self._with_journal()
        handled = 0
        failed: Exception | None = None
        for look in self._drive(recorder.due(order_id, limit), self._deadline(), "poll"):
            verified, told = self._look(look, "poll")
            try:
                with contextlib.nullcontext() if transaction is None else transaction() as connection:
                    claimed = self._drive(recorder.claim(told, CLAIM, connection), self._deadline(), "poll")
                    with self._handling(recorder, delivered(verified, claimed), claimed, connection) as delivery:
                        for event in delivery.events:
                            handle(event, *(() if transaction is None else (connection,)))
                            handled += 1
            except Exception as error:  # noqa: BLE001  # it comes out below, when no other event waits
                failed = failed or error
        if failed is not None:
            raise failed
        return handled

    def reconcile(
        self,
        since: datetime,
        until: datetime | None = None,
        *,
        apply: bool = False,
        progress: Callable[[int, int, int], object] | None = None,
        resume: str | os.PathLike[str] | None = None,
    ) -> Reconciliation:
        """Compare the journal with the provider: what was missed, what is unknown, what differs, what is open.

        The payments are read page by page; the provider is asked about an invoice only where they leave a doubt.

        Args:
            since: Invoices and payments of this moment or later, with a time zone.
            until: Those before this moment, with a time zone; None for all.
            apply: Let what was missed come out with the next `poll`. Otherwise nothing is changed.
            progress: Told, every now and then, how many payments were read, about how many invoices the provider was
                asked, and about how many it will be, which is 0 until all payments are read.
            resume: A file that notes how far it is, and is removed at the end: a comparison that was cut off goes on
                from there. None for none.

        Raises:
            ConfigurationError: If there is no journal.
            InvalidRequestError: If the file notes another comparison, or cannot be written.
            JournalError: If the journal cannot be read, or written.
            TransportError, ProviderError: If there is no usable answer.
        """
        from gateway_core._engine.pagination import Pagination
        from gateway_core.models.payment import PaymentQuery

        notes = None if resume is None else Path(resume)
        with contextlib.closing(
            self._with_journal().reconciler(since, until, progress=progress, resume=notes)
        ) as reconciler:
            pagination = Pagination(reconciler.query or PaymentQuery())
            while (query := reconciler.query) is not None:
                page = self._run(self._operations.list_payments, pagination, query)
                reconciler.take_page(page, pagination.query)
            for invoice_id in self._drive(run(reconciler.questions), self._deadline(), "reconcile"):
                try:
                    report = self.get_status(invoice_id)
                except NotFoundError:
                    report = None
                reconciler.answer(invoice_id, report)
            return self._drive(run(functools.partial(reconciler.finish, apply=apply)), self._deadline(), "reconcile")

    def resolve_intent(self, number: int, *, invoice_id: str | None = None) -> Intent:
        """Find out what has become of an intent without an outcome, and write it down.

        Args:
            number: Its number, as ``journal.open()`` tells it.
            invoice_id: The invoice that a person has found at the provider; None to search for it.

        Raises:
            ConfigurationError: If there is no journal.
            InvalidRequestError: If there is no such open intent, or nothing to be found out about it.
            ConflictError: If the provider has something else.
            OutcomeUnknownError: If it cannot be found out now.
        """
        recorder = self._with_journal()
        deadline = self._deadline()
        intent = self._drive(recorder.take(number), deadline, "resolve_intent")
        return self._drive(recorder.resolve(self._ask(deadline), intent, invoice_id), deadline, "resolve_intent")

    def find_invoice(self, order_id: str, *, attempt: int = 1, since: datetime | None = None) -> Invoice | None:
        """Look an invoice up by the shop's key; None if there surely is none.

        Args:
            order_id: The shop's key of the order.
            attempt: Which attempt to have it paid, as `InvoiceRequest` counts them.
            since: A moment, with a time zone, before which the invoice was surely not made: it shortens the search.

        Raises:
            OutOfReachError: If the provider cannot look that far (`ProviderInfo.find_reach`).
            UnsupportedOperationError: If the provider cannot.
            TransportError, ProviderError: If there is no usable answer.
        """
        return self._run(self._operations.find_invoice, order_id, attempt, since)

    def cancel_invoice(self, invoice_id: str, *, references: Mapping[str, str] | None = None) -> StatusReport:
        """Call an unpaid invoice off, or void an authorization. It ends as CANCELED, or EXPIRED where that is its word.

        Args:
            invoice_id: The provider's id.
            references: The ``references`` of the invoice or its report, if they are kept.

        Raises:
            UnsupportedOperationError: If the provider cannot.
            TransportError, ProviderError: If there is no usable answer, or the provider refuses.
        """
        return self._run(self._operations.cancel_invoice, invoice_id, references)

    def refund_payment(self, request: RefundRequest) -> Refund:
        """Give money back.

        Raises:
            UnsupportedOperationError: If the provider cannot.
            TransportError, ProviderError: If there is no usable answer, or the provider refuses.
        """
        return self._run(self._operations.refund_payment, request)

    def capture_payment(self, request: CaptureRequest) -> Capture:
        """Take authorized money, the whole or a part.

        Raises:
            UnsupportedOperationError: If the provider cannot.
            TransportError, ProviderError: If there is no usable answer, or the provider refuses.
        """
        return self._run(self._operations.capture_payment, request)

    def check_account(self) -> None:
        """Make one harmless read with the real credentials.

        Raises:
            UnsupportedOperationError: If the provider has no such read.
            AuthenticationError: If the provider does not accept the credentials.
            TransportError, ProviderError: If there is no usable answer.
        """
        self._run(self._operations.check_account)

    def register_webhook(self, url: str) -> WebhookRegistration:
        """Register the shop's webhook address at the provider.

        Args:
            url: The address, https for every provider outside of this machine.

        Raises:
            UnsupportedOperationError: If the provider cannot: it is done by hand then.
            TransportError, ProviderError: If there is no usable answer, or the provider refuses.
        """
        return self._run(self._operations.register_webhook, url)

    def run(self, flow: Flow[T]) -> T:
        """Run a flow of the provider's own: ``gateway.run(gateway.provider.some_flow(...))``."""
        result: T = self._run(self._operations.run, flow)
        return result

    def reload(self) -> bool:
        """Read the account's secrets again, from the file, the environment and what they refer to.

        It happens by itself after an `AuthenticationError` and a webhook that no secret fits, and such a call is made
        once more if a secret has changed. Connections, limits and all other settings stay as they are.

        Returns:
            Whether a secret has changed.

        Raises:
            ConfigurationError: If the gateway was not made by `open`, or the secrets cannot be had: then the old ones
                stay.
        """
        return self._read_secrets()

"""The dashboard: invoices, payments and webhooks, and what can be done to them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import attrs
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from gateway_core import Money
from gateway_core.errors import ConfigurationError, GatewayError, InvalidRequestError, NotFoundError, RejectedError
from gateway_core.testing import EmulatedInvoice, EmulatedPayment, EmulatedRefund, Emulator, QueuedDelivery
from gateway_sandbox.server import deliveries, messages
from gateway_sandbox.server.checkout import read_form
from gateway_sandbox.server.guard import TooLargeError
from gateway_sandbox.server.rendering import not_found, page, version_of

#: How many of a kind are shown, newest first.
SHOWN = 50

#: Among how many of the newest webhooks a filter looks.
SEARCHED = 1000

#: What became of a webhook, as the filter says it.
STATES: Mapping[str, Callable[[QueuedDelivery], bool]] = {
    "waiting": lambda delivery: delivery.due_at is not None,
    "accepted": lambda delivery: any(each.note == "accepted" for each in delivery.attempts),
    "not accepted": lambda delivery: bool(delivery.attempts) and delivery.attempts[-1].note != "accepted",
    "tampered": lambda delivery: delivery.tampered,
}

#: Where an action may lead back to.
_BACK = re.compile(r"/dashboard(?:[/?][!-~]*)?", re.ASCII)


@attrs.frozen
class _Records:
    invoices: tuple[EmulatedInvoice, ...]
    payments: tuple[EmulatedPayment, ...]
    deliveries: tuple[QueuedDelivery, ...]


class Dashboard:
    """The dashboard of one emulator.

    Args:
        emulator: The emulator.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def home(self, _: Request) -> Response:
        """Lead to the dashboard: ``GET /``."""
        return RedirectResponse("/dashboard")

    def show(self, request: Request) -> Response:
        """Show everything that is new: ``GET /dashboard``, with a filter of the webhooks in the query."""
        return self._show(request)

    def version(self, _: Request) -> Response:
        """Tell as JSON whether there is something new: ``GET /dashboard/version``."""
        return JSONResponse({"version": self._version()})

    def invoice(self, request: Request) -> Response:
        """Show an invoice with its webhooks: ``GET /dashboard/invoices/{invoice}``."""
        return self._invoice(request.path_params["invoice"])

    async def change_invoice(self, request: Request) -> Response:
        """Do something to an invoice: ``POST /dashboard/invoices/{invoice}``."""
        return await self._act(request, self._change_invoice)

    def delivery(self, request: Request) -> Response:
        """Show a webhook as it was sent: ``GET /dashboard/deliveries/{delivery}``."""
        delivery = self._emulator.ledger.get(QueuedDelivery, request.path_params["delivery"])
        if delivery is None:
            return not_found()
        body = self._emulator.sent_body(delivery)
        last = delivery.attempts[-1] if delivery.attempts and delivery.attempts[-1].url else None
        now = self._emulator.webhook_request(delivery)
        url, headers = (last.url, last.headers) if last else (now.url, now.headers.pairs) if now else (None, ())
        return self._page(
            "delivery.html",
            delivery=delivery,
            invoice=self._emulator.ledger.get(EmulatedInvoice, delivery.invoice_id),
            next_request=None if last else now,
            body=body.decode("utf-8", "backslashreplace"),
            pretty=messages.pretty(body),
            curl=messages.curl(url, headers, body) if url else None,
            back=f"/dashboard/deliveries/{delivery.id}",
        )

    async def act(self, request: Request) -> Response:
        """Send a webhook again, later or changed: ``POST /dashboard/deliveries/{delivery}``."""
        return await self._act(request, self._act_on_delivery)

    async def steer(self, request: Request) -> Response:
        """Hold all webhooks, release them, turn them round or send them elsewhere: ``POST /dashboard/webhooks``."""
        return await self._act(request, self._steer)

    async def _act(self, request: Request, act: Callable[[Request, Mapping[str, str]], Response]) -> Response:
        try:
            form = await read_form(request)
        except TooLargeError:
            return Response(status_code=413)
        try:
            return await run_in_threadpool(act, request, form)
        except NotFoundError:
            return not_found()

    def _act_on_delivery(self, request: Request, form: Mapping[str, str]) -> Response:
        delivery = request.path_params["delivery"]
        match form.get("action"):
            case "resend":
                self._emulator.resend(delivery)
            case "duplicate":
                self._emulator.duplicate(delivery)
            case "delay":
                self._emulator.delay(delivery, deliveries.DELAY)
            case "tamper":
                self._emulator.tamper(delivery)
            case _:
                return Response(status_code=422)
        return _back(form)

    def _steer(self, request: Request, form: Mapping[str, str]) -> Response:
        match form.get("action"):
            case "hold":
                deliveries.hold(self._emulator, held=True)
            case "release":
                deliveries.hold(self._emulator, held=False)
            case "reorder":
                self._emulator.reorder()
            case "address":
                try:
                    deliveries.send_to(self._emulator, form.get("url", "").strip())
                except ConfigurationError as error:
                    reason = error.message
                else:
                    return _back(form)
                return self._show(request, error=reason, typed=form.get("url", ""))
            case _:
                return Response(status_code=422)
        return _back(form)

    def _change_invoice(self, request: Request, form: Mapping[str, str]) -> Response:
        invoice_id = request.path_params["invoice"]
        invoice = self._emulator.ledger.get(EmulatedInvoice, invoice_id)
        if invoice is None:
            return not_found()
        failure: GatewayError
        try:
            typed = form.get("amount", "").strip()
            amount = Money(typed, invoice.amount.unit) if typed else None
            self._emulator.act(invoice.token, form.get("action", ""), amount)
        except (InvalidRequestError, RejectedError) as error:
            failure = error
        else:
            return RedirectResponse(request.url.path, status_code=303)
        status = HTTPStatus.CONFLICT if isinstance(failure, RejectedError) else HTTPStatus.UNPROCESSABLE_ENTITY
        return self._invoice(invoice_id, error=failure.message, status=status)

    def _invoice(self, invoice_id: str, *, error: str | None = None, status: int = 200) -> Response:
        ledger = self._emulator.ledger
        with ledger.transaction():
            known = ledger.get(EmulatedInvoice, invoice_id)
            if known is None:
                return not_found()
            invoice = self._emulator.current(known)
            return self._page(
                "invoice.html",
                status=status,
                invoice=invoice,
                actions=self._emulator.actions(invoice),
                payments=[each for _, each in ledger.select(EmulatedPayment, parent=invoice_id, limit=SHOWN)],
                refunds=[each for _, each in ledger.select(EmulatedRefund, parent=invoice_id, limit=SHOWN)],
                deliveries=self._webhooks_of(invoice_id)[:SHOWN],
                known={invoice_id: invoice},
                error=error,
                back=f"/dashboard/invoices/{invoice_id}",
            )

    def _show(self, request: Request, *, error: str | None = None, typed: str | None = None) -> Response:
        about, state = request.query_params.get("about", "").strip(), request.query_params.get("state", "")
        records = self._records()
        filtered = self._filtered(about, state) if about or state in STATES else records.deliveries
        return self._page(
            "dashboard.html",
            status=200 if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
            base_url=f"http://{request.headers['host']}",
            webhook_url=self._emulator.webhook_url,
            records=records,
            deliveries=filtered[:SHOWN],
            known={invoice.id: invoice for invoice in self._about(records, filtered)},
            about=about,
            state=state,
            states=tuple(STATES),
            held=deliveries.is_held(self._emulator),
            due=len(self._emulator.waiting()),
            error=error,
            typed=typed,
            back=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        )

    def _page(self, template: str, *, status: int = 200, **context: Any) -> Response:
        return page(
            template,
            status=status,
            title=self._emulator.title,
            version=self._version(),
            shown=SHOWN,
            delay=int(deliveries.DELAY.total_seconds()),
            **context,
        )

    def _version(self) -> str:
        return version_of(self._records(), deliveries.is_held(self._emulator), self._emulator.webhook_url)

    def _filtered(self, about: str, state: str) -> tuple[QueuedDelivery, ...]:
        """Return the webhooks of an invoice or an order, by its id, that are in a state; newest first."""
        if about:
            orders = self._emulator.ledger.select(EmulatedInvoice, parent=about, limit=SHOWN)
            found = [each for key in {about, *(invoice.id for _, invoice in orders)} for each in self._webhooks_of(key)]
            found.sort(key=lambda delivery: delivery.created_at, reverse=True)
        else:
            newest = self._emulator.ledger.select(QueuedDelivery, limit=SEARCHED, order="newest")
            found = [each for _, each in newest]
        wanted = STATES.get(state)
        return tuple(each for each in found if wanted is None or wanted(each))

    def _webhooks_of(self, invoice_id: str) -> tuple[QueuedDelivery, ...]:
        found = self._emulator.ledger.select(QueuedDelivery, parent=invoice_id, limit=SEARCHED, order="newest")
        return tuple(each for _, each in found)

    def _about(self, records: _Records, shown: tuple[QueuedDelivery, ...]) -> list[EmulatedInvoice]:
        """Return the invoices that what is shown is about."""
        known = {invoice.id: invoice for invoice in records.invoices}
        wanted = {each.invoice_id for each in records.payments} | {each.invoice_id for each in shown[:SHOWN]}
        for key in wanted - known.keys() - {None}:
            invoice = self._emulator.ledger.get(EmulatedInvoice, str(key))
            known |= {} if invoice is None else {invoice.id: invoice}
        return list(known.values())

    def _records(self) -> _Records:
        ledger = self._emulator.ledger
        with ledger.transaction():
            self._emulator.expire_due()
            return _Records(
                tuple(each for _, each in ledger.select(EmulatedInvoice, limit=SHOWN, order="newest")),
                tuple(each for _, each in ledger.select(EmulatedPayment, limit=SHOWN, order="newest")),
                tuple(each for _, each in ledger.select(QueuedDelivery, limit=SHOWN, order="newest")),
            )


def _back(form: Mapping[str, str]) -> Response:
    """Lead back to the page whose button was pressed."""
    back = form.get("back", "")
    return RedirectResponse(back if _BACK.fullmatch(back) else "/dashboard", status_code=303)

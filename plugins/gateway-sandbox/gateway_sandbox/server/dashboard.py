"""The dashboard: invoices, payments, and the webhooks with what can be done to them."""

from __future__ import annotations

from datetime import timedelta

import attrs
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from gateway_core.errors import NotFoundError
from gateway_core.testing import EmulatedInvoice, EmulatedPayment, Emulator, QueuedDelivery
from gateway_sandbox.server.checkout import read_form
from gateway_sandbox.server.guard import TooLargeError
from gateway_sandbox.server.rendering import not_found, page, version_of

#: How many of a kind are shown, newest first.
SHOWN = 50

#: How long the button `delay` holds a webhook back.
DELAY = timedelta(seconds=30)


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
        """Show everything that is new: ``GET /dashboard``."""
        records = self._records()
        known = {invoice.id: invoice for invoice in records.invoices}
        return page(
            "dashboard.html",
            title=self._emulator.title,
            base_url=f"http://{request.headers['host']}",
            webhook_url=self._emulator.webhook_url,
            version=version_of(records),
            records=records,
            known=known,
            shown=SHOWN,
            delay=int(DELAY.total_seconds()),
        )

    def version(self, _: Request) -> Response:
        """Tell as JSON whether there is something new: ``GET /dashboard/version``."""
        return JSONResponse({"version": version_of(self._records())})

    def delivery(self, request: Request) -> Response:
        """Show a webhook as it is sent: ``GET /dashboard/deliveries/{delivery}``."""
        delivery = self._emulator.ledger.get(QueuedDelivery, request.path_params["delivery"])
        if delivery is None:
            return not_found()
        sent = self._emulator.webhook_request(delivery)
        return page(
            "delivery.html",
            title=self._emulator.title,
            delivery=delivery,
            request=sent,
            body=(sent.body if sent else delivery.body).decode("utf-8", "backslashreplace"),
            delay=int(DELAY.total_seconds()),
        )

    async def act(self, request: Request) -> Response:
        """Send a webhook again, later or changed: ``POST /dashboard/deliveries/{delivery}``."""
        try:
            form = await read_form(request)
        except TooLargeError:
            return Response(status_code=413)
        try:
            known = await run_in_threadpool(self._do, request.path_params["delivery"], form.get("action"))
        except NotFoundError:
            return not_found()
        return RedirectResponse("/dashboard", status_code=303) if known else Response(status_code=422)

    def _do(self, delivery: str, action: str | None) -> bool:
        match action:
            case "resend":
                self._emulator.resend(delivery)
            case "duplicate":
                self._emulator.duplicate(delivery)
            case "delay":
                self._emulator.delay(delivery, DELAY)
            case "tamper":
                self._emulator.tamper(delivery)
            case _:
                return False
        return True

    def _records(self) -> _Records:
        ledger = self._emulator.ledger
        with ledger.transaction():
            return _Records(
                tuple(
                    self._emulator.current(each)
                    for _, each in ledger.select(EmulatedInvoice, limit=SHOWN, order="newest")
                ),
                tuple(each for _, each in ledger.select(EmulatedPayment, limit=SHOWN, order="newest")),
                tuple(each for _, each in ledger.select(QueuedDelivery, limit=SHOWN, order="newest")),
            )

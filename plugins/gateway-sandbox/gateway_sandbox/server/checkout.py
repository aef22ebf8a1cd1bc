"""The checkout page: what is to be paid, the ways to pay it, and what the payer may do."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from gateway_core import InvoiceStatus, Money
from gateway_core.errors import GatewayError, InvalidRequestError, NotFoundError, RejectedError
from gateway_core.provider import Declines
from gateway_core.testing import EXPIRE, EmulatedInvoice, Emulator, WayToPay
from gateway_sandbox.server.guard import TooLargeError, read_body
from gateway_sandbox.server.rendering import WORDS, duration, not_found, page, qr_code, version_of

#: An invoice in one of these needs the payer no more.
_DONE = frozenset({InvoiceStatus.APPROVED, InvoiceStatus.AUTHORIZED, InvoiceStatus.PAID, InvoiceStatus.OVERPAID})

#: In the page's address: the payer has just paid, so the page goes on to the shop.
_AFTER = "after"

#: Seconds that a payer has to read that the payment has arrived.
_GO_ON = 4


class Checkout:
    """The checkout pages of one emulator.

    Args:
        emulator: The emulator.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def show(self, request: Request) -> Response:
        """Show the page: ``GET /pay/{token}``, with the chosen way to pay in the query."""
        try:
            invoice = self._emulator.opened(request.path_params["token"])
        except NotFoundError:
            return not_found()
        way, just_paid = request.query_params.get("way"), _AFTER in request.query_params
        return self._page(invoice, way, just_paid=just_paid)

    def status(self, request: Request) -> Response:
        """Tell as JSON how the invoice stands: ``GET /pay/{token}/status``."""
        try:
            invoice = self._emulator.invoice(request.path_params["token"])
        except NotFoundError:
            return not_found()
        words = WORDS[invoice.status]
        return JSONResponse(
            {
                "version": self._version(invoice),
                "status": invoice.status.value,
                "label": words.label,
                "seconds_left": self._seconds_left(invoice),
            }
        )

    async def act(self, request: Request) -> Response:
        """Pay or decline: ``POST /pay/{token}``, and back to the page."""
        try:
            form = await read_form(request)
        except TooLargeError:
            return Response(status_code=413)
        return await run_in_threadpool(self._act, request, form)

    def _act(self, request: Request, form: Mapping[str, str]) -> Response:
        token, way = request.path_params["token"], form.get("way")
        failure: GatewayError
        try:
            self._do(token, form.get("action"), way, form.get("amount", ""))
        except NotFoundError:
            return not_found()
        except (InvalidRequestError, RejectedError) as error:
            failure = error
        else:
            paid = form.get("action") in {"pay", "pay-amount"}
            back = request.url.include_query_params(**{_AFTER: "payment"}) if paid else request.url
            return RedirectResponse(f"{back.path}{'?' if back.query else ''}{back.query}", status_code=303)
        status = HTTPStatus.CONFLICT if isinstance(failure, RejectedError) else HTTPStatus.UNPROCESSABLE_ENTITY
        invoice = self._emulator.invoice(token)
        return self._page(invoice, way, error=failure.message, typed=form.get("amount"), status=status)

    def _do(self, token: str, action: str | None, way: str | None, amount: str) -> None:
        match action:
            case "pay":
                self._emulator.pay(token, way=way)
            case "pay-amount":
                chosen = self._chosen(self._emulator.invoice(token), way)
                self._emulator.pay(token, Money(amount.strip(), chosen.amount.unit), way=chosen.id)
            case "decline":
                self._emulator.decline(token)
            case "expire":
                self._emulator.act(token, EXPIRE.id)
            case _:
                raise InvalidRequestError("choose to pay or to decline")

    def _chosen(self, invoice: EmulatedInvoice, way: str | None) -> WayToPay:
        ways = self._emulator.ways_to_pay(invoice)
        for each in ways:
            if way in {None, each.id}:
                return each
        raise NotFoundError("there is no such way to pay")

    def _page(  # noqa: PLR0913  # all but the first two by name
        self,
        invoice: EmulatedInvoice,
        way: str | None,
        *,
        error: str | None = None,
        typed: str | None = None,
        status: int = 200,
        just_paid: bool = False,
    ) -> Response:
        payable = self._emulator.payable(invoice)
        ways = self._emulator.ways_to_pay(invoice) if payable else ()
        chosen = next((each for each in ways if each.id == way), ways[0] if ways else None)
        seconds_left = self._seconds_left(invoice)
        return page(
            "checkout.html",
            status=status,
            title=self._emulator.title,
            emulator=self._emulator,
            invoice=invoice,
            words=WORDS[invoice.status],
            version=self._version(invoice),
            payable=payable,
            ways=ways,
            way=chosen,
            missing=self._emulator.open_amount(invoice),
            qr=qr_code(chosen.address) if chosen and chosen.address else None,
            expires=EXPIRE in self._emulator.actions(invoice),
            declines=self._emulator.declines is not Declines.NONE,
            go_on=_GO_ON if just_paid and invoice.status in _DONE else None,
            seconds_left=seconds_left,
            time_left=None if seconds_left is None else duration(seconds_left),
            error=error,
            typed=typed,
        )

    def _seconds_left(self, invoice: EmulatedInvoice) -> int | None:
        if invoice.expires_at is None or not self._emulator.payable(invoice):
            return None
        return max(0, int((invoice.expires_at - self._emulator.clock()).total_seconds()))

    def _version(self, invoice: EmulatedInvoice) -> str:
        return version_of(invoice.status, invoice.received, invoice.refunded, self._emulator.payable(invoice))


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of an urlencoded form.

    Raises:
        TooLargeError: If it is larger than a form may be.
    """
    body = await read_body(request)
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))

"""A bookshop in FastAPI. It does not know which provider it uses: that stands in `gateway.toml`.

From a clone of the repository, with the sandbox as its provider::

    python -m examples.bookshop --sandbox

What is here is the shop's own: its pages, its stock, its parcels. That nothing is sold, sent or refunded twice, and
nothing is lost, whichever answer or webhook gets lost and whichever worker dies, is the journal's business; both are
written in the same transaction.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator
from typing import Annotated, Any

import uvicorn
from fastapi import Cookie, Depends, FastAPI, Form, Header, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from examples.bookshop import database, orders, pages
from gateway_core import AsyncGateway, WebhookEvent, errors
from gateway_core.web import known_now_async
from gateway_core.web.fastapi import Payments

log = logging.getLogger("shop")

#: Seconds between two looks for payments that no webhook has told.
PAUSE = float(os.environ.get("SHOP_PAUSE", "10"))

engine = create_async_engine(database.url(is_async=True), connect_args=database.patience())


async def happened(event: WebhookEvent, connection: AsyncConnection) -> None:
    """Do what an event means to the shop."""
    await connection.run_sync(lambda given: orders.happened(event, given))


payments = Payments(AsyncGateway.open, happened, transaction=engine.begin)


@contextlib.asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Look after payments that no webhook has told, while the shop is open."""
    task = asyncio.create_task(look_after())
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await engine.dispose()


app = FastAPI(title="Marginalia", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
app.include_router(payments.router)
app.mount("/static", StaticFiles(directory=pages.STATIC))

Gateway = Annotated[AsyncGateway, Depends(payments)]
Cart = Annotated[str | None, Cookie()]


@app.get("/")
async def shop(cart: Cart = None) -> Response:
    """Show the books."""
    async with engine.connect() as connection:
        books = await connection.run_sync(orders.catalogue)
    return _page("shop", books=books, cart=pages.read_cart(cart))


@app.get("/cart")
async def show_cart(cart: Cart = None) -> Response:
    """Show what is in the cart."""
    return _page("cart", **await _chosen(cart))


@app.post("/cart")
async def change_cart(
    cart: Cart = None, add: Annotated[int | None, Form()] = None, remove: Annotated[int | None, Form()] = None
) -> Response:
    """Put a book into the cart, or take one out."""
    books = [book for book in pages.read_cart(cart) if book != remove] + ([] if add is None else [add])
    answer = RedirectResponse("/cart" if add is None else "/", 303)
    answer.set_cookie("cart", pages.write_cart(books), httponly=True, samesite="lax")
    return answer


@app.get("/checkout")
async def check_out(cart: Cart = None) -> Response:
    """Ask where the receipt goes."""
    content = await _chosen(cart)
    if not content["books"]:
        return RedirectResponse("/cart", 303)
    return _page("checkout", order_id=orders.new_order_id(), trouble=None, **content)


@app.post("/orders")
async def order(
    request: Request,
    gateway: Gateway,
    order: Annotated[str, Form(pattern="[0-9a-f]{20}")],
    email: Annotated[str, Form(max_length=200)],
    cart: Cart = None,
) -> Response:
    """Take an order, and send the buyer to the provider's page. A form that is sent twice is one order."""
    try:
        with contextlib.suppress(IntegrityError):  # both at the same moment
            async with engine.begin() as connection:
                await connection.run_sync(orders.place, order, email, pages.read_cart(cart))
    except orders.SoldOutError:
        content = await _chosen(cart)
        return _page("checkout", 409, order_id=order, trouble="Somebody was quicker: a book is sold out.", **content)
    answer = await pay(request, gateway, order)
    answer.delete_cookie("cart")
    return answer


@app.post("/orders/{order_id}/pay")
async def pay(request: Request, gateway: Gateway, order_id: str) -> Response:
    """Send the buyer to the provider's page: for the first time, after a decline, or for the rest."""
    try:
        async with engine.begin() as connection:
            await connection.run_sync(orders.reserve, order_id)
            found = await connection.run_sync(orders.find, order_id)
    except orders.SoldOutError:
        return await _order_page(order_id, 409, "Somebody was quicker: a book is sold out.")
    if found is None:
        return _page("missing", 404)
    here = f"/orders/{order_id}"
    if found.state != "waiting":
        return RedirectResponse(here, 303)
    try:
        invoice = await gateway.create_invoice(orders.bill(found, f"{str(request.base_url).rstrip('/')}{here}"))
    except errors.GatewayError as error:
        log.warning("no invoice for order %s yet: %s", order_id, error)
        return RedirectResponse(here, 303)  # the button there asks again, for the same invoice
    return RedirectResponse(invoice.payment_url or here, 303)


@app.get("/orders/{order_id}")
async def show_order(gateway: Gateway, order_id: str, x_follow: Annotated[str | None, Header()] = None) -> Response:
    """Show an order. A buyer who comes back from the provider's page may be earlier than the webhook."""
    if x_follow is None:
        await known_now_async(gateway, order_id, happened, transaction=engine.begin)
    return await _order_page(order_id)


async def look_after() -> None:
    """Ask about open invoices, and do what is left to do at the provider, again and again."""
    while True:
        try:
            await payments.gateway.poll(happened, transaction=engine.begin)
            await run_errands(payments.gateway)
        except Exception as error:  # noqa: BLE001  # the next round may do better
            log.warning("not all payments were looked after: %s", error)
        await asyncio.sleep(PAUSE)


async def run_errands(gateway: AsyncGateway) -> None:
    """Take what was agreed on, and give back what cannot be delivered. By their keys, neither happens twice."""
    async with engine.connect() as connection:
        errands = await connection.run_sync(orders.open_errands)
    for errand in errands:
        if not gateway.supports(f"{errand.kind}_payment"):
            continue
        try:
            if errand.kind == "capture":
                await gateway.capture_payment(orders.capture(errand))
            else:
                await gateway.refund_payment(orders.refund(errand))
        except errors.GatewayError as error:
            log.warning("order %s: %s did not work yet: %s", errand.order_id, errand.kind, error)
            continue
        async with engine.begin() as connection:
            await connection.run_sync(orders.errand_done, errand.number)


async def _chosen(cart: str | None) -> dict[str, Any]:
    chosen = pages.read_cart(cart)
    async with engine.connect() as connection:
        return {"books": await connection.run_sync(orders.chosen, chosen), "cart": chosen}


async def _order_page(order_id: str, status: int = 200, trouble: str | None = None) -> Response:
    async with engine.connect() as connection:
        found = await connection.run_sync(orders.find, order_id)
    return _page("missing", 404) if found is None else _page("order", status, order=found, trouble=trouble)


def _page(name: str, status: int = 200, **content: Any) -> Response:
    return HTMLResponse(pages.render(name, **content), status, {"Cache-Control": "no-store"})


def serve(port: int) -> None:
    """Serve the shop."""
    uvicorn.run(app, port=port, log_level="warning")

"""The bookshop in Flask. It does not know which provider it uses: that stands in `gateway.toml`.

From a clone of the repository, with the sandbox as its provider::

    python -m examples.bookshop flask --sandbox
"""

from __future__ import annotations

import contextlib
import logging
from typing import Any

from flask import Flask, Response, make_response, redirect, request, url_for
from sqlalchemy.exc import IntegrityError
from werkzeug.serving import run_simple

from examples.bookshop import caretaker, database, orders, pages
from gateway_core import Gateway, errors
from gateway_core.web import known_now
from gateway_core.web.flask import payments

log = logging.getLogger("shop")

app = Flask(__name__, static_folder=str(pages.STATIC), static_url_path="/static")
engine = database.connect()
gateway = Gateway.open()
app.register_blueprint(payments(gateway, orders.happened, transaction=engine.begin))


@app.get("/")
def shop() -> Response:
    """Show the books."""
    with engine.connect() as connection:
        return _page("shop", books=orders.catalogue(connection), cart=_cart())


@app.get("/cart")
def show_cart() -> Response:
    """Show what is in the cart."""
    with engine.connect() as connection:
        return _page("cart", books=orders.chosen(connection, _cart()), cart=_cart())


@app.post("/cart")
def change_cart() -> Response:
    """Put a book into the cart, or take one out."""
    add, remove = (pages.read_cart(request.form.get(name)) for name in ("add", "remove"))
    answer = make_response(redirect(url_for("shop" if add else "show_cart"), 303))
    books = [book for book in _cart() if book not in remove] + add
    answer.set_cookie("cart", pages.write_cart(books), httponly=True, samesite="Lax")
    return answer


@app.get("/checkout")
def check_out(trouble: str | None = None, status: int = 200) -> Response:
    """Ask where the receipt goes."""
    with engine.connect() as connection:
        books = orders.chosen(connection, _cart())
    if not books:
        return make_response(redirect(url_for("show_cart"), 303))
    order_id = orders.new_order_id()
    return _page("checkout", status, order_id=order_id, trouble=trouble, books=books, cart=_cart())


@app.post("/orders")
def order() -> Response:
    """Take an order, and send the buyer to the provider's page. A form that is sent twice is one order."""
    order_id = request.form["order"]
    try:
        with contextlib.suppress(IntegrityError), engine.begin() as connection:
            orders.place(connection, order_id, request.form["email"][:200], _cart())
    except orders.SoldOutError:
        return check_out("Somebody was quicker: a book is sold out.", 409)
    answer = pay(order_id)
    answer.delete_cookie("cart")
    return answer


@app.post("/orders/<order_id>/pay")
def pay(order_id: str) -> Response:
    """Send the buyer to the provider's page: for the first time, after a decline, or for the rest."""
    try:
        with engine.begin() as connection:
            orders.reserve(connection, order_id)
            found = orders.find(connection, order_id)
    except orders.SoldOutError:
        return _order_page(order_id, 409, "Somebody was quicker: a book is sold out.")
    here = url_for("show_order", order_id=order_id, _external=True)
    if found is None or found.state != "waiting":
        return make_response(redirect(here, 303))
    try:
        invoice = gateway.create_invoice(orders.bill(found, here))
    except errors.GatewayError as error:
        log.warning("no invoice for order %s yet: %s", order_id, error)
        return make_response(redirect(here, 303))  # the button there asks again, for the same invoice
    return make_response(redirect(invoice.payment_url or here, 303))


@app.get("/orders/<order_id>")
def show_order(order_id: str) -> Response:
    """Show an order. A buyer who comes back from the provider's page may be earlier than the webhook."""
    if "X-Follow" not in request.headers:
        known_now(gateway, order_id, orders.happened, transaction=engine.begin)
    return _order_page(order_id)


def _order_page(order_id: str, status: int = 200, trouble: str | None = None) -> Response:
    with engine.connect() as connection:
        found = orders.find(connection, order_id)
    return _page("missing", 404) if found is None else _page("order", status, order=found, trouble=trouble)


def _cart() -> list[int]:
    return pages.read_cart(request.cookies.get("cart"))


def _page(name: str, status: int = 200, **content: Any) -> Response:
    return make_response(pages.render(name, **content), status, {"Cache-Control": "no-store"})


def serve(port: int) -> None:
    """Serve the shop."""
    with caretaker.running(gateway, engine):
        run_simple("127.0.0.1", port, app, threaded=True)

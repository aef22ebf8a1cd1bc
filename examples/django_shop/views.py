"""The shop's pages."""

from __future__ import annotations

import logging
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

import gateway_django
from examples.django_shop.models import Book, Order, SoldOutError, new_order_id, total
from gateway_core import errors

log = logging.getLogger("shop")


@require_GET
@never_cache
def shop(request: HttpRequest) -> HttpResponse:
    """Show the books."""
    return _page(request, "shop", books=Book.objects.order_by("pk")[:24])


@never_cache
def cart(request: HttpRequest) -> HttpResponse:
    """Show what is in the cart; put a book into it, or take one out."""
    if request.method != "POST":
        return _page(request, "cart", **_chosen(request))
    add, remove = (request.POST.get(name, "") for name in ("add", "remove"))
    books = [book for book in _cart(request) if str(book) != remove]
    if add.isdecimal() and Book.objects.filter(pk=int(add)).exists():
        books.append(int(add))
    request.session["cart"] = list(dict.fromkeys(books))
    return redirect("shop" if add else "cart")


@require_GET
@never_cache
def check_out(request: HttpRequest) -> HttpResponse:
    """Ask where the receipt goes."""
    content = _chosen(request)
    if not content["books"]:
        return redirect("cart")
    return _page(request, "checkout", order_id=new_order_id(), **content)


@require_POST
def order(request: HttpRequest) -> HttpResponse:
    """Take an order, and send the buyer to the provider's page. A form that is sent twice is one order."""
    content = _chosen(request)
    order_id = request.POST["order"][:20]
    try:
        Order.place(order_id, request.POST["email"][:200], content["books"])
    except SoldOutError:
        trouble = "Somebody was quicker: a book is sold out."
        return _page(request, "checkout", 409, order_id=order_id, trouble=trouble, **content)
    request.session["cart"] = []
    return pay(request, order_id)


@require_POST
def pay(request: HttpRequest, order_id: str) -> HttpResponse:
    """Send the buyer to the provider's page: for the first time, after a decline, or for the rest."""
    found = Order.objects.filter(pk=order_id).first()
    if found is not None and found.state == "lapsed":
        try:
            found.take_books()
        except SoldOutError:
            return _order_page(request, order_id, 409, "Somebody was quicker: a book is sold out.")
        found.trouble = ""
        found.save()
    here = reverse("order", args=[order_id])
    if found is None or found.state != "waiting":
        return redirect(here)
    try:
        invoice = gateway_django.gateway().create_invoice(found.bill(request.build_absolute_uri(here)))
    except errors.GatewayError as error:
        log.warning("no invoice for order %s yet: %s", order_id, error)
        return redirect(here)  # the button there asks again, for the same invoice
    return redirect(invoice.payment_url or here)


@require_GET
@never_cache
def show_order(request: HttpRequest, order_id: str) -> HttpResponse:
    """Show an order. A buyer who comes back from the provider's page may be earlier than the webhook."""
    if "X-Follow" not in request.headers:
        gateway_django.order_status(order_id)
    return _order_page(request, order_id)


def _order_page(request: HttpRequest, order_id: str, status: int = 200, trouble: str = "") -> HttpResponse:
    found = Order.objects.filter(pk=order_id).first()
    if found is None:
        return _page(request, "missing", 404)
    lines = found.lines.order_by("book_id").select_related("book")
    return _page(request, "order", status, order=found, lines=lines, trouble=trouble or found.trouble)


def _cart(request: HttpRequest) -> list[int]:
    return list(request.session.get("cart", []))


def _chosen(request: HttpRequest) -> dict[str, Any]:
    books = list(Book.objects.filter(pk__in=_cart(request)).order_by("pk"))
    return {"books": books, "total": total(books)}


def _page(request: HttpRequest, name: str, status: int = 200, **content: Any) -> HttpResponse:
    return render(request, f"{name}.html", {"cart": _cart(request), **content}, status=status)

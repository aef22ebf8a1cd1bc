"""The shop's own business: books on the shelf, orders, parcels, mails.

Nothing here looks whether an event came twice, late, or for the wrong amount: each receiver is called once for each
thing that happens, in the transaction in which the journal notes it as handled.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from examples.bookshop.stock import CURRENCY, STOCK
from gateway_core import InvoiceRequest, Money
from gateway_django import MoneyField


class SoldOutError(Exception):
    """Somebody else was quicker."""


def new_order_id() -> str:
    """Return the key of an order to be. The form bears it, so that a form that is sent twice is one order."""
    return uuid.uuid4().hex[:20]


def total(books: Sequence[Book | Line]) -> Money:
    """Return what some books cost together."""
    return sum((book.price for book in books), Money(0, CURRENCY))


class Book(models.Model):
    """A book, and how many copies of it are on the shelf."""

    title: Any = models.CharField(max_length=200)
    author: Any = models.CharField(max_length=200)
    price: Any = MoneyField(currencies=[CURRENCY])
    stock: Any = models.PositiveIntegerField()

    class Meta:
        db_table = "books"

    def __str__(self) -> str:
        return str(self.title)

    @classmethod
    def fill_the_shelf(cls) -> None:
        """Put what the shop sells on the shelf."""
        cls.objects.bulk_create(
            cls(title=title, author=author, price=Money(price, CURRENCY), stock=copies)
            for title, author, price, copies in STOCK
        )

    @property
    def palette(self) -> int:
        """The color of its cover."""
        return int(self.pk) % 8

    def take(self) -> None:
        """Take one copy off the shelf, in one statement: two buyers cannot take the last one.

        Raises:
            SoldOutError: If there is none.
        """
        if not Book.objects.filter(pk=self.pk, stock__gt=0).update(stock=models.F("stock") - 1):
            raise SoldOutError


class Order(models.Model):
    """What somebody wants to buy."""

    id: Any = models.CharField(max_length=20, primary_key=True)
    email: Any = models.EmailField(max_length=200)
    amount: Any = MoneyField(currencies=[CURRENCY])
    placed_at: Any = models.DateTimeField(default=timezone.now)
    reserved: Any = models.BooleanField(default=True, help_text="Its books are off the shelf.")
    trouble: Any = models.CharField(max_length=200, blank=True, help_text="What to tell a buyer who has not paid.")
    paid_at: Any = models.DateTimeField(null=True, blank=True)
    refunded_at: Any = models.DateTimeField(null=True, blank=True)
    lines: Any

    class Meta:
        db_table = "orders"

    def __str__(self) -> str:
        return str(self.id)

    @classmethod
    def place(cls, order_id: str, email: str, books: Sequence[Book]) -> None:
        """Take an order, and its books off the shelf; an order that was taken already stays as it is.

        Raises:
            SoldOutError: If one of the books is gone.
        """
        with transaction.atomic():
            order, is_new = cls.objects.get_or_create(pk=order_id, defaults={"email": email, "amount": total(books)})
            for book in books if is_new else ():
                Line.objects.create(order=order, book=book, title=book.title, price=book.price)
                book.take()

    @property
    def state(self) -> str:
        """Return ``waiting``, ``paid``, ``refunded`` or ``lapsed``; of the last its books are back on the shelf."""
        if self.refunded_at:
            return "refunded"
        return "paid" if self.paid_at else "waiting" if self.reserved else "lapsed"

    def take_books(self) -> None:
        """Take the books off the shelf again, all or none.

        Raises:
            SoldOutError: If one of them is gone.
        """
        with transaction.atomic():
            for line in self.lines.order_by("book_id").select_related("book"):
                line.book.take()
        self.reserved = True

    def let_books_go(self) -> None:
        """Put the books of an order that nobody paid back on the shelf."""
        if self.reserved and not self.paid_at:
            Book.objects.filter(line__order=self).update(stock=models.F("stock") + 1)
            self.reserved, self.trouble = False, "The time to pay is over."

    def bill(self, return_url: str) -> InvoiceRequest:
        """Return what to ask the provider for. The same order asks for the same, however often."""
        titles = ", ".join(line.title for line in self.lines.order_by("book_id"))
        return InvoiceRequest(order_id=self.id, amount=self.amount, description=titles[:100], return_url=return_url)


class Line(models.Model):
    """A book of an order, at the price of then."""

    order: Any = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    book: Any = models.ForeignKey(Book, models.PROTECT)
    title: Any = models.CharField(max_length=200)
    price: Any = MoneyField(currencies=[CURRENCY])

    class Meta:
        db_table = "order_lines"

    def __str__(self) -> str:
        return str(self.title)


class Parcel(models.Model):
    """What goes to the post. Nothing but the shop's care keeps an order from having two."""

    order: Any = models.ForeignKey(Order, models.PROTECT)
    order_id: Any
    packed_at: Any = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "parcels"

    def __str__(self) -> str:
        return f"parcel {self.pk} of {self.order_id}"


class Mail(models.Model):
    """A mail to be sent, for a mailer that takes one after the other."""

    order: Any = models.ForeignKey(Order, models.PROTECT)
    recipient: Any = models.EmailField(max_length=200)
    subject: Any = models.CharField(max_length=200)

    class Meta:
        db_table = "mails"

    def __str__(self) -> str:
        return str(self.subject)


class Errand(models.Model):
    """What is to be done at the provider, and was not yet: money to be taken, or to be given back."""

    order: Any = models.ForeignKey(Order, models.PROTECT)
    order_id: Any
    kind: Any = models.CharField(max_length=16, choices=[("capture", "Capture"), ("refund", "Refund")])
    invoice_id: Any = models.CharField(max_length=255)
    done_at: Any = models.DateTimeField(null=True, blank=True, db_index=True)

    class Meta:
        db_table = "errands"

    def __str__(self) -> str:
        return f"{self.kind} {self.order_id}"

"""The shop's own business, on its own tables: books on the shelf, orders, parcels, mails.

It runs on SQLite and PostgreSQL. Nothing here looks whether an event came twice, late, or for the wrong amount:
`happened` is called once for each thing that happens, in the transaction in which the journal notes it as handled.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import attrs
from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    func,
    insert,
    select,
    update,
)

from examples.bookshop.stock import CURRENCY, STOCK
from gateway_core import CaptureRequest, InvoiceRequest, InvoiceStatus, Money, RefundRequest, WebhookEvent

metadata = MetaData()

books = Table(
    "books",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("title", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("price", Text, nullable=False),
    Column("stock", Integer, CheckConstraint("stock >= 0"), nullable=False),
)

orders = Table(
    "orders",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("email", Text, nullable=False),
    Column("amount", Text, nullable=False),
    Column("placed_at", DateTime(timezone=True), nullable=False),
    Column("reserved", Boolean, nullable=False),  # its books are off the shelf
    Column("trouble", Text),  # what to tell a buyer who has not paid
    Column("paid_at", DateTime(timezone=True)),
    Column("refunded_at", DateTime(timezone=True)),
)

lines = Table(
    "order_lines",
    metadata,
    Column("order_id", ForeignKey("orders.id"), primary_key=True),
    Column("book_id", ForeignKey("books.id"), primary_key=True),
    Column("title", Text, nullable=False),
    Column("price", Text, nullable=False),
)

#: What goes to the post: a line is a parcel. Nothing but the shop's care keeps an order from having two.
parcels = Table(
    "parcels",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("order_id", ForeignKey("orders.id"), nullable=False, index=True),
    Column("packed_at", DateTime(timezone=True), nullable=False),
)

#: The mails to be sent, for a mailer that takes one after the other.
mails = Table(
    "mails",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("order_id", ForeignKey("orders.id"), nullable=False, index=True),
    Column("recipient", Text, nullable=False),
    Column("subject", Text, nullable=False),
)

#: What is to be done at the provider, and was not yet: money to be taken, or to be given back.
errands = Table(
    "errands",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("order_id", ForeignKey("orders.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("invoice_id", Text, nullable=False),
    Column("amount", Text, nullable=False),
    Column("done_at", DateTime(timezone=True), index=True),
)


class SoldOutError(Exception):
    """Somebody else was quicker."""


@attrs.frozen
class Order:
    """An order, as a page shows it.

    Attributes:
        id: Its key, which nobody can guess.
        email: The buyer's address.
        amount: What it costs.
        lines: The books.
        state: ``waiting``, ``paid``, ``refunded`` or ``lapsed``; of the last its books are back on the shelf.
        trouble: Why it is not paid yet, for the buyer.
    """

    id: str
    email: str
    amount: Money
    lines: Sequence[Any]
    state: str
    trouble: str | None


def prepare(connection: Connection, stock: Sequence[tuple[str, str, str, int]] = STOCK) -> None:
    """Make the tables, and fill an empty shelf."""
    metadata.create_all(connection)
    if connection.scalar(select(func.count()).select_from(books)) == 0:
        connection.execute(
            insert(books),
            [
                {"title": title, "author": author, "price": price, "stock": copies}
                for title, author, price, copies in stock
            ],
        )


def new_order_id() -> str:
    """Return the key of an order to be. The form bears it, so that a form that is sent twice is one order."""
    return uuid.uuid4().hex[:20]


def price_of(amounts: Sequence[str]) -> Money:
    """Return the sum of some prices."""
    return sum((Money(amount, CURRENCY) for amount in amounts), Money(0, CURRENCY))


def catalogue(connection: Connection) -> Sequence[Any]:
    """Return the books of the front page."""
    return connection.execute(select(books).order_by(books.c.id).limit(24)).all()


def chosen(connection: Connection, book_ids: Sequence[int]) -> Sequence[Any]:
    """Return the books of a cart."""
    return connection.execute(select(books).where(books.c.id.in_(book_ids)).order_by(books.c.id)).all()


def place(connection: Connection, order_id: str, email: str, book_ids: Sequence[int]) -> None:
    """Take an order, and its books off the shelf; an order that was taken already stays as it is.

    Raises:
        SoldOutError: If one of the books is gone.
    """
    if connection.scalar(select(orders.c.id).where(orders.c.id == order_id)) is not None:
        return
    wanted = chosen(connection, book_ids)
    if not wanted:
        raise SoldOutError
    amount = price_of([book.price for book in wanted])
    connection.execute(
        insert(orders).values(
            id=order_id, email=email, amount=f"{amount.amount:f}", placed_at=datetime.now(UTC), reserved=True
        )
    )
    for book in wanted:
        connection.execute(insert(lines).values(order_id=order_id, book_id=book.id, title=book.title, price=book.price))
        _take(connection, book.id)


def reserve(connection: Connection, order_id: str) -> None:
    """Take the books of a lapsed order off the shelf again; the buyer may try once more.

    Raises:
        SoldOutError: If one of them is gone.
    """
    lapsed = update(orders).where(orders.c.id == order_id, ~orders.c.reserved, orders.c.paid_at.is_(None))
    if connection.execute(lapsed.values(reserved=True, trouble=None)).rowcount:
        for line in _lines(connection, order_id):
            _take(connection, line.book_id)


def find(connection: Connection, order_id: str) -> Order | None:
    """Return an order; None if there is none."""
    row = connection.execute(select(orders).where(orders.c.id == order_id)).one_or_none()
    if row is None:
        return None
    state = "refunded" if row.refunded_at else "paid" if row.paid_at else "waiting" if row.reserved else "lapsed"
    return Order(row.id, row.email, Money(row.amount, CURRENCY), _lines(connection, order_id), state, row.trouble)


def bill(order: Order, return_url: str) -> InvoiceRequest:
    """Return what to ask the provider for. The same order asks for the same, however often."""
    titles = ", ".join(line.title for line in order.lines)
    return InvoiceRequest(order_id=order.id, amount=order.amount, description=titles[:100], return_url=return_url)


def happened(event: WebhookEvent, connection: Connection) -> None:
    """Do what an event means to the shop."""
    if event.move is None or event.order_id is None:
        return
    this = update(orders).where(orders.c.id == event.order_id)
    if event.pays:
        connection.execute(this.values(paid_at=datetime.now(UTC), trouble=None))
        fulfil(connection, event.order_id, str(event.invoice_id))
        return
    match event.move.after:
        case InvoiceStatus.APPROVED | InvoiceStatus.AUTHORIZED:
            _note_errand(connection, event.order_id, str(event.invoice_id), "capture")
        case InvoiceStatus.REFUNDED:
            connection.execute(this.values(refunded_at=datetime.now(UTC)))
        case InvoiceStatus.FAILED:
            connection.execute(this.values(trouble="The payment was declined. Please try again."))
        case InvoiceStatus.PARTIALLY_PAID:
            received = event.report.received if event.report else None
            connection.execute(this.values(trouble=f"Only {received or 'a part'} has arrived. Please pay the rest."))
        case InvoiceStatus.EXPIRED | InvoiceStatus.CANCELED:
            _let_go(connection, event.order_id)


def fulfil(connection: Connection, order_id: str, invoice_id: str) -> None:
    """Send a paid order; or its money back, if it was paid after its books were let go and sold to somebody else."""
    row = connection.execute(select(orders).where(orders.c.id == order_id).with_for_update()).one()
    if not row.reserved:
        try:
            with connection.begin_nested():
                for line in _lines(connection, order_id):
                    _take(connection, line.book_id)
        except SoldOutError:
            _note_errand(connection, order_id, invoice_id, "refund")
            _write_mail(connection, row, "Sold out: your money comes back")
            return
        connection.execute(update(orders).where(orders.c.id == order_id).values(reserved=True))
    connection.execute(insert(parcels).values(order_id=order_id, packed_at=datetime.now(UTC)))
    _write_mail(connection, row, "Thank you: your books are on their way")


def open_errands(connection: Connection) -> Sequence[Any]:
    """Return what is to be done at the provider."""
    return connection.execute(select(errands).where(errands.c.done_at.is_(None)).order_by(errands.c.number)).all()


def capture(errand: Any) -> CaptureRequest:
    """Return what to ask the provider for, so that it takes what the buyer has agreed to pay."""
    return CaptureRequest(capture_id=errand.invoice_id, invoice_id=errand.invoice_id)


def refund(errand: Any) -> RefundRequest:
    """Return what to ask the provider for, so that it gives an order's money back."""
    amount = Money(errand.amount, CURRENCY)
    return RefundRequest(refund_id=errand.invoice_id, invoice_id=errand.invoice_id, amount=amount)


def errand_done(connection: Connection, number: int) -> None:
    """Note that an errand is done."""
    connection.execute(update(errands).where(errands.c.number == number).values(done_at=datetime.now(UTC)))


def _let_go(connection: Connection, order_id: str) -> None:
    """Put the books of an order that nobody paid back on the shelf."""
    unpaid = update(orders).where(orders.c.id == order_id, orders.c.reserved, orders.c.paid_at.is_(None))
    if connection.execute(unpaid.values(reserved=False, trouble="The time to pay is over.")).rowcount:
        for line in _lines(connection, order_id):
            connection.execute(update(books).where(books.c.id == line.book_id).values(stock=books.c.stock + 1))


def _take(connection: Connection, book_id: int) -> None:
    """Take one copy off the shelf, in one statement: two buyers cannot take the last one."""
    taken = update(books).where(books.c.id == book_id, books.c.stock > 0).values(stock=books.c.stock - 1)
    if connection.execute(taken).rowcount == 0:
        raise SoldOutError


def _lines(connection: Connection, order_id: str) -> Sequence[Any]:
    """Return the books of an order, in one order for everybody, so that no two transactions wait for each other."""
    return connection.execute(select(lines).where(lines.c.order_id == order_id).order_by(lines.c.book_id)).all()


def _note_errand(connection: Connection, order_id: str, invoice_id: str, kind: str) -> None:
    amount = connection.scalar(select(orders.c.amount).where(orders.c.id == order_id))
    connection.execute(insert(errands).values(order_id=order_id, kind=kind, invoice_id=invoice_id, amount=amount))


def _write_mail(connection: Connection, order: Any, subject: str) -> None:
    connection.execute(insert(mails).values(order_id=order.id, recipient=order.email, subject=subject))

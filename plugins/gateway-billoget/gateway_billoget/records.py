"""What the flows beyond the common operations take and give: budgets, customers and products, of either generation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import attrs

from gateway_billoget.settings import LARGEST_PAGE
from gateway_core import InvoiceStatus, Money
from gateway_core.errors import InvalidRequestError
from gateway_core.models import order_reference

_optional = attrs.validators.optional


def _to_tuple(items: Iterable[DraftItem]) -> tuple[DraftItem, ...]:
    return tuple(items)


def _check_moment(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise InvalidRequestError(f"{field.name} must be a datetime with a time zone")


def _check_price(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, Money) or value.amount < 0 or value.network is not None:
        raise InvalidRequestError(f"{field.name} must be Money in a currency of ISO 4217, zero or more")


@attrs.frozen(kw_only=True)
class BudgetItem:
    """One line of a budget.

    Attributes:
        product_id: Its product, if it is one.
        package_id: Its package, if it is one.
        description: What it is.
        quantity: How many.
        unit_price: The price of one, in the budget's currency.
    """

    product_id: str | None = None
    package_id: str | None = None
    description: str | None = None
    quantity: Decimal | None = None
    unit_price: Decimal | None = None


@attrs.frozen(kw_only=True)
class Budget:
    """A budget (quote) as Billoget shows it.

    Attributes:
        id: Its id; a number of Billoget's is text here.
        status: Where it stands. It is never PAID: Billoget knows of no payments.
        provider_status: Billoget's own word or number.
        total: What it comes to, with tax; None if Billoget does not tell, or not in which currency.
        order_id: The shop's key, if this plugin made it.
        attempt: Which attempt of the order it is, likewise.
        customer_id: Its customer.
        seller_id: Its seller.
        payment_url: Where the customer approves or pays it, if Billoget tells.
        public_token: The token with which it is confirmed and rejected, if it has one.
        notes: Its notes or comments, without the line that carries the order.
        items: Its lines.
        created_at: When it was made.
        expires_at: Until when it can be approved.
        raw: Billoget's own answer.
    """

    id: str
    status: InvoiceStatus
    provider_status: str | None = None
    total: Money | None = None
    order_id: str | None = None
    attempt: int | None = None
    customer_id: str | None = None
    seller_id: str | None = None
    payment_url: str | None = None
    public_token: str | None = None
    notes: str | None = None
    items: tuple[BudgetItem, ...] = ()
    created_at: datetime | None = None
    expires_at: datetime | None = None
    raw: Mapping[str, Any] = attrs.field(factory=dict, repr=False, eq=False)


@attrs.frozen(kw_only=True)
class DraftItem:
    """One line of a budget to be made.

    Attributes:
        unit_price: The price of one, before VAT.
        quantity: How many, at least 1.
        product_id: Its product.
        package_id: Its package instead (G3).
        description: What it is (G1).
    """

    unit_price: Money = attrs.field(validator=_check_price)
    quantity: int = 1
    product_id: str | None = None
    package_id: str | None = None
    description: str = ""

    def __attrs_post_init__(self) -> None:
        if type(self.quantity) is not int or self.quantity < 1:
            raise InvalidRequestError("quantity must be a whole number above zero")
        if self.product_id is not None and self.package_id is not None:
            raise InvalidRequestError("an item is a product or a package, not both")


@attrs.frozen(kw_only=True)
class BudgetDraft:
    """A budget to be made.

    Attributes:
        customer_id: Its customer.
        items: Its lines, all in one currency.
        order_id: The shop's key, kept in the metadata (G1) or in the last line of the comments (G3).
        attempt: Which attempt of the order it is; kept with the key.
        issued_at: Its date (G3).
        expires_at: Until when it can be approved; G1 takes a budget without.
        seller_id: Its seller (G3).
        minimum_payment_to_confirm: What is sent under that name (G3).
        iva: The VAT on top of the items (G3).
        notes: What the customer reads.
        metadata: Texts that Billoget keeps (G1).
    """

    customer_id: str
    items: tuple[DraftItem, ...] = attrs.field(converter=_to_tuple)
    order_id: str | None = None
    attempt: int = 1
    issued_at: datetime | None = attrs.field(default=None, validator=_optional(_check_moment))
    expires_at: datetime | None = attrs.field(default=None, validator=_optional(_check_moment))
    seller_id: str | None = None
    minimum_payment_to_confirm: Decimal | None = None
    iva: Money | None = attrs.field(default=None, validator=_optional(_check_price))
    notes: str = ""
    metadata: Mapping[str, str] = attrs.field(factory=dict, repr=False)

    def __attrs_post_init__(self) -> None:
        if not self.items:
            raise InvalidRequestError("a budget has at least one item")

    @property
    def reference(self) -> str | None:
        """The text that names the order and the attempt at Billoget; None without an order."""
        return None if self.order_id is None else order_reference(self.order_id, self.attempt)

    @property
    def subtotal(self) -> Money:
        """What the items come to, before VAT."""
        first, *others = (item.unit_price * item.quantity for item in self.items)
        return sum(others, start=first)

    @property
    def total(self) -> Money:
        """What it comes to."""
        return self.subtotal if self.iva is None else self.subtotal + self.iva


@attrs.frozen(kw_only=True)
class BudgetChanges:
    """What to change in a budget. What is None stays as it is.

    Attributes:
        customer_id: Its customer.
        expires_at: Until when it can be approved.
        notes: What the customer reads; the line that carries the order is kept.
        metadata: Texts that Billoget keeps (G1). Whether they replace those that are there is not documented.
    """

    customer_id: str | None = None
    expires_at: datetime | None = attrs.field(default=None, validator=_optional(_check_moment))
    notes: str | None = None
    metadata: Mapping[str, str] | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True)
class BudgetQuery:
    """Which budgets to list.

    Attributes:
        status: With this status only: PENDING, APPROVED, CANCELED (rejected) or EXPIRED, which G3 does not have.
        customer_id: Of this customer only.
        search: Where Billoget finds this text. What it searches is not documented.
        min_total: Of this total or more (G1).
        max_total: Of this total or less (G1).
        since: Created at this moment or later, with a time zone.
        until: Created before this moment, with a time zone.
        sort: The field to sort by, in Billoget's word (G1).
        order: In which order (G1).
        page_size: Budgets on a page, 1 to 100; None for that of the settings.
        cursor: Where the page starts: `Page.next_cursor` of the page before; None for the first.
    """

    status: InvoiceStatus | None = None
    customer_id: str | None = None
    search: str | None = None
    min_total: Decimal | None = None
    max_total: Decimal | None = None
    since: datetime | None = attrs.field(default=None, validator=_optional(_check_moment))
    until: datetime | None = attrs.field(default=None, validator=_optional(_check_moment))
    sort: str | None = None
    order: Literal["asc", "desc"] | None = None
    page_size: int | None = None
    cursor: str | None = None

    def __attrs_post_init__(self) -> None:
        check_page_size(self.page_size)


@attrs.frozen(kw_only=True)
class CustomerDetails:
    """What to write of a customer. A field of the other generation than the one that is written is refused.

    Attributes:
        name: The whole name (G1, needed there).
        first_name: (G3, needed there.)
        last_name: (G3, needed there.)
        email: The address for mail (needed by G1).
        phone: The telephone number.
        address: Street and number (G1).
        city: (G1.)
        state: (G1.)
        country: (G1.)
        postal_code: (G1.)
        tax_id: (G1.)
        dni: The number of the identity document (G3).
        cuit: The tax number (G3).
        metadata: Texts that Billoget keeps (G1).
    """

    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    address: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None
    postal_code: str | None = None
    tax_id: str | None = None
    dni: int | None = None
    cuit: str | None = None
    metadata: Mapping[str, str] | None = None


@attrs.frozen(kw_only=True)
class Customer:
    """A customer as Billoget shows it.

    Attributes:
        id: Its id.
        name: The whole name; first and last name with a blank between where Billoget has these.
        email: The address for mail.
        phone: The telephone number.
        raw: Billoget's own answer.
    """

    id: str
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    raw: Mapping[str, Any] = attrs.field(factory=dict, repr=False, eq=False)


@attrs.frozen(kw_only=True)
class ProductDetails:
    """What to write of a product.

    Attributes:
        product_code: The shop's code for it (needed).
        description: What it is (needed).
        category: (Needed.)
        price: The price, a number without currency as Billoget has it (needed).
        stock: How many there are.
        type: ``product`` or ``service``.
        is_active: Whether it is offered.
    """

    product_code: str | None = None
    description: str | None = None
    category: str | None = None
    price: Decimal | None = None
    stock: int | None = None
    type: str | None = None
    is_active: bool | None = None


@attrs.frozen(kw_only=True)
class Product:
    """A product as Billoget shows it.

    Attributes:
        id: Its id.
        product_code: The shop's code for it.
        description: What it is.
        price: The price, without currency.
        is_active: Whether it is offered.
        raw: Billoget's own answer.
    """

    id: str
    product_code: str | None = None
    description: str | None = None
    price: Decimal | None = None
    is_active: bool | None = None
    raw: Mapping[str, Any] = attrs.field(factory=dict, repr=False, eq=False)


@attrs.frozen(kw_only=True)
class Decision:
    """The answer to a confirmation or rejection by token.

    Attributes:
        message: Billoget's words.
        budget: The budget as it stands then, if Billoget shows it.
        payment_url: Where the customer goes on to pay, if Billoget tells.
        raw: Billoget's own answer.
    """

    message: str | None = None
    budget: Budget | None = None
    payment_url: str | None = None
    raw: Mapping[str, Any] = attrs.field(factory=dict, repr=False, eq=False)


@attrs.frozen(kw_only=True)
class WebhookTest:
    """The answer to a test of the webhook. It does not say that anything was delivered.

    Attributes:
        message: Billoget's words.
        raw: Billoget's own answer.
    """

    message: str | None = None
    raw: Mapping[str, Any] = attrs.field(factory=dict, repr=False, eq=False)


def check_page_size(size: object) -> None:
    """Raise an `InvalidRequestError` unless it is None or a page size that Billoget documents."""
    if size is not None and (type(size) is not int or not 1 <= size <= LARGEST_PAGE):
        raise InvalidRequestError(f"page_size must be a whole number from 1 to {LARGEST_PAGE}")

"""Customers and products, as flows."""

from __future__ import annotations

from typing import Any

from gateway_billoget import api, mapping, wire, writing
from gateway_billoget.api import Account, expect_id
from gateway_billoget.records import Customer, CustomerDetails, Product, ProductDetails
from gateway_core import Flow, Page


def list_customers(account: Account, cursor: str | None = None, page_size: int | None = None) -> Flow[Page[Customer]]:
    """Return one page of the customers.

    Args:
        account: Whose.
        cursor: `Page.next_cursor` of the page before; None for the first.
        page_size: Customers on a page, 1 to 100; None for that of the settings.
    """
    return api.page(account, "customers", _customer, cursor=cursor, page_size=page_size)


def get_customer(account: Account, customer_id: str) -> Flow[Customer]:
    """Return one customer.

    Raises:
        NotFoundError: If Billoget does not know it.
    """
    answer = yield from api.send(account, "GET", ("api", "public", "customers", customer_id))
    found = mapping.customer(answer.data)
    expect_id(customer_id, found.id)
    return found


def create_customer(account: Account, details: CustomerDetails) -> Flow[Customer]:
    """Make a customer.

    Raises:
        InvalidRequestError: If a field is missing that Billoget needs, or belongs to the other generation.
    """
    body = writing.customer(details, account.settings.generation, new=True)
    return mapping.customer((yield from api.send(account, "POST", ("api", "public", "customers"), body=body)).data)


def update_customer(account: Account, customer_id: str, details: CustomerDetails) -> Flow[Customer]:
    """Change a customer. Whether Billoget keeps the fields that are not given is not documented.

    Raises:
        InvalidRequestError: If a field belongs to the other generation, or there is none.
    """
    body = writing.customer(details, account.settings.generation, new=False)
    answer = yield from api.send(account, "PUT", ("api", "public", "customers", customer_id), body=body)
    return mapping.customer(answer.data)


def delete_customer(account: Account, customer_id: str) -> Flow[None]:
    """Delete a customer."""
    yield from api.send(account, "DELETE", ("api", "public", "customers", customer_id))


def list_products(account: Account, cursor: str | None = None, page_size: int | None = None) -> Flow[Page[Product]]:
    """Return one page of the products.

    Args:
        account: Whose.
        cursor: `Page.next_cursor` of the page before; None for the first.
        page_size: Products on a page, 1 to 100; None for that of the settings.
    """
    return api.page(account, "products", _product, cursor=cursor, page_size=page_size)


def get_product(account: Account, product_id: str) -> Flow[Product]:
    """Return one product.

    Raises:
        NotFoundError: If Billoget does not know it.
    """
    answer = yield from api.send(account, "GET", ("api", "public", "products", product_id))
    found = mapping.product(answer.data)
    expect_id(product_id, found.id)
    return found


def create_product(account: Account, details: ProductDetails) -> Flow[Product]:
    """Make a product.

    Raises:
        InvalidRequestError: If a field is missing that Billoget needs.
    """
    body = writing.product(details, account.settings.generation, new=True)
    return mapping.product((yield from api.send(account, "POST", ("api", "public", "products"), body=body)).data)


def update_product(account: Account, product_id: str, details: ProductDetails) -> Flow[Product]:
    """Change a product. Whether Billoget keeps the fields that are not given is not documented.

    Raises:
        InvalidRequestError: If there is nothing to change.
    """
    body = writing.product(details, account.settings.generation, new=False)
    answer = yield from api.send(account, "PUT", ("api", "public", "products", product_id), body=body)
    return mapping.product(answer.data)


def delete_product(account: Account, product_id: str) -> Flow[None]:
    """Delete a product."""
    yield from api.send(account, "DELETE", ("api", "public", "products", product_id))


def _customer(item: Any, _: wire.Answer) -> Customer:
    return mapping.customer(item)


def _product(item: Any, _: wire.Answer) -> Product:
    return mapping.product(item)

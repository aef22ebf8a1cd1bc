"""The shop's pages: templates, with everything in them escaped, and a style sheet written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from examples.bookshop.orders import price_of

HERE = Path(__file__).parent
STATIC = HERE / "static"
TEMPLATES = HERE / "templates"

#: The most books in a cart.
_LARGEST_CART = 20

_environment = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(page: str, **content: Any) -> str:
    """Return a page of the shop as HTML."""
    return _environment.get_template(f"{page}.html").render({"cart": [], **content})


def total(books: Sequence[Any]) -> Any:
    """Return what some books cost together."""
    return price_of([book.price for book in books])


def read_cart(cookie: str | None) -> list[int]:
    """Return the books in a cart, as its cookie tells; of what makes no sense, nothing."""
    numbers = [int(word) for word in (cookie or "").split("-") if word.isascii() and word.isdecimal() and len(word) < 9]
    return list(dict.fromkeys(numbers))[:_LARGEST_CART]


def write_cart(books: Sequence[int]) -> str:
    """Return the cookie of a cart."""
    return "-".join(map(str, dict.fromkeys(books)))


_environment.filters["total"] = total

"""What the pages have in common: templates that escape everything, words for statuses, amounts, times and QR codes."""

from __future__ import annotations

import functools
import hashlib
import io
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import attrs
import jinja2
import segno
from markupsafe import Markup
from segno.encoder import DataOverflowError
from starlette.responses import HTMLResponse, PlainTextResponse

from gateway_core import InvoiceStatus, Money

_HERE = Path(__file__).parent
STATIC = _HERE / "static"


@attrs.frozen(kw_only=True)
class StatusWords:
    """How a status is shown.

    Attributes:
        label: In a word or three.
        tone: Its colour: ``open``, ``good``, ``warn`` or ``bad``.
        sentence: What it means for the payer.
    """

    label: str
    tone: str
    sentence: str


def _words(label: str, tone: str, sentence: str) -> StatusWords:
    return StatusWords(label=label, tone=tone, sentence=sentence)


_S = InvoiceStatus
WORDS: Mapping[InvoiceStatus, StatusWords] = {
    _S.PENDING: _words("Waiting for payment", "open", "Nothing has been paid yet."),
    _S.APPROVED: _words("Approved", "open", "You have agreed to pay. The money is still to come."),
    _S.AUTHORIZED: _words("Authorized", "open", "The money is reserved for the shop."),
    _S.PARTIALLY_PAID: _words("Partly paid", "warn", "A part has arrived. Pay the rest to complete your order."),
    _S.PAID: _words("Paid", "good", "Thank you. Your payment has arrived."),
    _S.OVERPAID: _words("Overpaid", "good", "Thank you. More has arrived than was asked for."),
    _S.EXPIRED: _words("Expired", "bad", "The time to pay is over. Ask the shop for a new payment page."),
    _S.CANCELED: _words("Canceled", "bad", "This payment was called off. You owe nothing here."),
    _S.FAILED: _words("Declined", "bad", "The payment was declined. No money was taken."),
    _S.PARTIALLY_REFUNDED: _words("Partly refunded", "warn", "The shop has given a part of the money back."),
    _S.REFUNDED: _words("Refunded", "warn", "The shop has given the money back."),
    _S.UNKNOWN: _words("Unclear", "warn", "Ask the shop how this payment stands."),
}


def page(template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """Return a page."""
    return HTMLResponse(_environment().get_template(template).render(context), status_code=status)


def not_found() -> PlainTextResponse:
    """Return the answer for a page that does not exist."""
    return PlainTextResponse("There is no such page.\n", status_code=404)


def number(money: Money) -> str:
    """Return an amount in digits that can be read and typed; a crypto asset's without the zeros at its end."""
    digits = f"{money.amount:f}"
    return digits.rstrip("0").rstrip(".") if money.network and "." in digits else digits


def grouped(money: Money) -> str:
    """Return an amount in digits with narrow blanks between the thousands, for reading only."""
    whole, dot, fraction = number(money).partition(".")
    return f"{int(whole):,}".replace(",", "\u202f") + dot + fraction


def moment(at: datetime, form: str = "%Y-%m-%d %H:%M:%S") -> Markup:
    """Return a time in UTC, as an element that programs can read too."""
    utc = at.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(utc.isoformat(timespec="seconds"), utc.strftime(form))


def duration(seconds: float) -> str:
    """Return a number of seconds in words."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def qr_code(text: str) -> Markup | None:
    """Return a QR code as SVG; None for a text that no code can hold."""
    try:
        code = segno.make(text, micro=False, error="m", boost_error=False)
    except (DataOverflowError, UnicodeEncodeError):
        return None
    svg = io.BytesIO()
    code.save(svg, kind="svg", border=2, xmldecl=False, svgns=True, svgclass="qr", lineclass=None, omitsize=True)
    # Made of squares alone: nothing of the text is in it.
    return Markup(svg.getvalue().decode("ascii"))  # noqa: S704  # as said above


def is_web_address(url: str | None) -> bool:
    """Return whether a link may lead there: anything but http and https could run as a script of this page."""
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def version_of(*parts: object) -> str:
    """Return a short text that changes when one of the parts does."""
    return hashlib.sha256(repr(parts).encode("utf-8", "replace")).hexdigest()[:16]


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "grouped": grouped, "moment": moment}
    environment.filters["segment"] = functools.partial(quote, safe="")
    environment.tests["web_address"] = is_web_address
    environment.globals["words"] = WORDS
    return environment

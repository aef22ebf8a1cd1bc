"""What an account at Billoget needs to be told, and what its documentation leaves open."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal, TypeAlias

import attrs

from gateway_core import Currency, Secret
from gateway_core.errors import ConfigurationError, InvalidRequestError
from gateway_core.provider import base_url_field, count_field, hide_values, secret_field, secrets_field

#: Which of the two documented families of field names is written. Both are read.
Generation: TypeAlias = Literal["G1", "G3"]
CreateMode: TypeAlias = Literal["budgets", "public"]

#: Where a budget with a public link is made: its page in the documentation gives the first and a table with the second.
PublicPath: TypeAlias = Literal["api/budgets/public", "api/public/budgets/public"]

#: The largest page that Billoget documents.
LARGEST_PAGE = 100

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", re.ASCII)
_PREFIX = re.compile(r"[!-~]{0,32}", re.ASCII)
_ID = re.compile(r"[!-~]{1,100}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)

Validator: TypeAlias = Callable[[object, "attrs.Attribute[Any]", Any], None]


def is_number(identifier: str) -> bool:
    """Return whether an id can be written as a number, as the generation G3 does."""
    return _NUMBER.fullmatch(identifier) is not None


def _one_of(*words: str) -> Validator:
    def check(_: object, field: attrs.Attribute[Any], value: object) -> None:
        if value not in words:
            raise ConfigurationError(f"{field.name} must be one of {', '.join(words)}")

    return check


def _like(pattern: re.Pattern[str], rule: str) -> Validator:
    def check(_: object, field: attrs.Attribute[Any], value: object) -> None:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ConfigurationError(f"{field.name} must be {rule}")

    return check


def _check_currency(_: object, field: attrs.Attribute[Any], value: object) -> None:
    try:
        known = isinstance(value, str) and Currency.find(value).network is None
    except InvalidRequestError:
        known = False
    if not known:
        raise ConfigurationError(f"{field.name} must be a code of ISO 4217, such as ARS")


def _check_duration(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, timedelta) or not timedelta(0) < value <= timedelta(days=3650):
        raise ConfigurationError(f"{field.name} must be above zero, and ten years at most")


def _check_amount(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, Decimal) or not value.is_finite() or value < 0:
        raise ConfigurationError(f"{field.name} must be an exact number, zero or more")


def _check_flag(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, bool):
        raise ConfigurationError(f"{field.name} must be true or false")


_optional = attrs.validators.optional


def _id_field() -> Any:
    rule = "text of 1 to 100 visible characters: the id that Billoget shows"
    return attrs.field(default=None, validator=_optional(_like(_ID, rule)))


def _amount_field() -> Any:
    return attrs.field(default=None, converter=_to_decimal, validator=_optional(_check_amount))


def _to_decimal(value: Any) -> Any:
    return Decimal(value) if type(value) is int else value


@hide_values
@attrs.frozen(kw_only=True)
class BillogetSettings:
    """One API key of one Billoget account.

    Attributes:
        api_key: The API key, ``bk_live_...`` or ``bk_test_...``.
        webhook_secret: What signs webhooks; several while one is being replaced. Which secret that is, Billoget's
            documentation does not say: ask its support.
        base_url: The address of the API. Where requests are answered with 404, try it without ``/v1``: the
            documentation has both.
        create_mode: How invoices are made: ``budgets``, or ``public``, which alone yields a link for the customer.
        field_generation: The field names that are written: ``G1`` (documentation site) or ``G3`` (newest endpoint page
            and SDK). None for what `create_mode` is documented with: G1 for ``budgets``, G3 for ``public``.
        public_path: Where ``public`` makes budgets: ``api/budgets/public`` or ``api/public/budgets/public``.
        currency: The account's currency: what an answer that names none is in. With G1, which can send none, invoices
            are made in this one only, and it is needed.
        customer_id: The customer of an invoice that names none. Every budget has one.
        product_id: The product of an invoice's one item, where the invoice names none.
        package_id: The package instead of a product (G3).
        seller_id: The seller (G3, where every budget has one).
        minimum_payment_to_confirm: What is sent under that name (G3, where every budget has it). Its unit is not
            documented.
        valid_for: How long a budget can be approved, in seconds, unless the invoice says otherwise.
        webhook_header: The header with the signature.
        webhook_encoding: How the signature is written: ``hex`` or ``base64``.
        webhook_prefix: What may stand before the signature. A signature without it is accepted too.
        webhook_tolerance: How far, in seconds, the time in a webhook may be off. None accepts any age, since it is not
            documented how late Billoget tries again.
        confirm_webhooks: Whether the budget that a webhook tells of is fetched, and only that answer believed.
        page_size: Items to ask for in one page of a list, at most 100.
        search_requests: The most requests that one `find_invoice` makes.
    """

    api_key: Secret = secret_field()
    webhook_secret: tuple[Secret, ...] = secrets_field()
    base_url: str = base_url_field("https://api.billoget.com/v1")
    create_mode: CreateMode = attrs.field(default="budgets", validator=_one_of("budgets", "public"))
    field_generation: Generation | None = attrs.field(default=None, validator=_optional(_one_of("G1", "G3")))
    public_path: PublicPath = attrs.field(
        default="api/budgets/public", validator=_one_of("api/budgets/public", "api/public/budgets/public")
    )
    currency: str | None = attrs.field(default=None, validator=_optional(_check_currency))
    customer_id: str | None = _id_field()
    product_id: str | None = _id_field()
    package_id: str | None = _id_field()
    seller_id: str | None = _id_field()
    minimum_payment_to_confirm: Decimal | None = _amount_field()
    valid_for: timedelta = attrs.field(default=timedelta(days=30), validator=_check_duration)
    webhook_header: str = attrs.field(
        default="X-Billoget-Signature", validator=_like(_HEADER_NAME, "the name of an HTTP header")
    )
    webhook_encoding: Literal["hex", "base64"] = attrs.field(default="hex", validator=_one_of("hex", "base64"))
    webhook_prefix: str = attrs.field(default="sha256=", validator=_like(_PREFIX, "32 visible characters at most"))
    webhook_tolerance: timedelta | None = attrs.field(default=None, validator=_optional(_check_duration))
    confirm_webhooks: bool = attrs.field(default=False, validator=_check_flag)
    page_size: int = count_field(50, most=LARGEST_PAGE)
    search_requests: int = count_field(100, most=1000)

    @property
    def generation(self) -> Generation:
        """The field names that are written."""
        return self.field_generation or ("G3" if self.create_mode == "public" else "G1")

    def __attrs_post_init__(self) -> None:
        if self.create_mode == "public" and self.generation != "G3":
            raise ConfigurationError("field_generation must be G3 where create_mode is public: it has no other fields")
        if self.generation == "G3":
            for name in ("customer_id", "product_id", "package_id", "seller_id"):
                if not is_number(getattr(self, name) or "0"):
                    raise ConfigurationError(f"{name} must be a number: ids are numbers in the generation G3")
        if self.product_id is not None and self.package_id is not None:
            raise ConfigurationError("give product_id or package_id, not both: an item is one or the other")


@attrs.frozen(kw_only=True)
class BillogetOptions:
    """Options of one invoice. Those that are not given are taken from the settings of the same name.

    Attributes:
        customer_id: The customer.
        product_id: The product of the one item.
        package_id: The package instead of a product (G3).
        seller_id: The seller (G3).
        minimum_payment_to_confirm: What is sent under that name (G3).
        iva: The VAT contained in the amount, in the invoice's currency (G3); zero if it is not given.
    """

    customer_id: str | None = _id_field()
    product_id: str | None = _id_field()
    package_id: str | None = _id_field()
    seller_id: str | None = _id_field()
    minimum_payment_to_confirm: Decimal | None = _amount_field()
    iva: Decimal | None = _amount_field()

    def __attrs_post_init__(self) -> None:
        if self.product_id is not None and self.package_id is not None:
            raise ConfigurationError("give product_id or package_id, not both: an item is one or the other")

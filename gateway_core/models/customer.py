"""Who buys: what a provider may be told of the customer. None of it is in a `repr`."""

from __future__ import annotations

import re

import attrs

from gateway_core.errors import InvalidRequestError
from gateway_core.models import _fields as check

_COUNTRY = re.compile(r"[A-Z]{2}")
#: One mailbox, with a local part and a domain; whether it exists only a message can tell.
_EMAIL = re.compile(r"[^\s@<>(),;:\"\[\]\\]{1,64}@[^\s@<>(),;:\"\[\]\\.][^\s@<>(),;:\"\[\]\\]{0,252}")


@attrs.frozen(kw_only=True)
class Address:
    """A postal address.

    >>> from gateway_core import Address
    >>> Address(line1="1 Main Street", city="Springfield", country="US")
    Address()

    Attributes:
        line1: Street and number, on one line.
        city: The city or town.
        country: The country's code of two capital letters (ISO 3166-1 alpha-2), such as ``DE``.
        line2: Flat, floor or company; None if there is none.
        postal_code: The postal code; None where the country has none.
        state: State, county or province; None where addresses have none.

    Raises:
        InvalidRequestError: If one of them is not so.
    """

    line1: str = attrs.field(repr=False)
    city: str = attrs.field(repr=False)
    country: str = attrs.field(repr=False)
    line2: str | None = attrs.field(default=None, repr=False)
    postal_code: str | None = attrs.field(default=None, repr=False)
    state: str | None = attrs.field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        check.filled_line("line1", self.line1)
        check.filled_line("city", self.city)
        if not _matches(_COUNTRY, self.country):
            raise InvalidRequestError("country must be a code of two capital letters (ISO 3166-1), such as DE")
        check.filled_line_or_none("line2", self.line2)
        check.filled_line_or_none("postal_code", self.postal_code)
        check.filled_line_or_none("state", self.state)


@attrs.frozen(kw_only=True)
class Customer:
    """Who buys, as far as the provider should know.

    >>> from gateway_core import Customer
    >>> Customer(email="ada@example.com", name="Ada Lovelace")
    Customer()

    Attributes:
        email: The email address; None if it is not told.
        name: The full name, on one line; None if it is not told.
        address: The postal address; None if it is not told.

    Raises:
        InvalidRequestError: If one of them is not so, or all are missing.
    """

    email: str | None = attrs.field(default=None, repr=False)
    name: str | None = attrs.field(default=None, repr=False)
    address: Address | None = attrs.field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        check.filled_line_or_none("name", self.name)
        if self.email is not None and not _matches(_EMAIL, self.email):
            raise InvalidRequestError("email must be an email address, such as ada@example.com")
        check.instance_or_none("address", self.address, Address)
        if self.email is None and self.name is None and self.address is None:
            raise InvalidRequestError("a customer has an email, a name or an address")


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None

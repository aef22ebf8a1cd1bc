"""Routes: which of several accounts an order goes to, by rules that say the same on every machine."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import attrs

from gateway_core.config._types import Fault
from gateway_core.config._values import attempt, suggest
from gateway_core.errors import ConfigurationError
from gateway_core.models.invoice import InvoiceRequest

_CURRENCY = re.compile(r"[A-Z0-9]{2,12}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_TAG = re.compile(r"\S(.*\S)?")
_LARGEST_WEIGHT = 1_000_000


def _matching(pattern: re.Pattern[str], rule: str) -> Any:
    def check(_: object, field: attrs.Attribute[Any], values: tuple[str, ...] | None) -> None:
        if values is None:
            return
        if not values or not all(pattern.fullmatch(value) for value in values):
            raise ConfigurationError(f"{field.name} {rule}")

    return attrs.field(default=None, validator=check)


def _check_accounts(_: object, field: attrs.Attribute[Any], value: object) -> None:
    by_weight = isinstance(value, Mapping)
    names = list(value) if isinstance(value, Mapping | list | tuple) else [value]
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ConfigurationError(
            f"{field.name} must be an account's name, a list of names, or a table of names and weights"
        )
    if len(set(names)) < len(names):
        raise ConfigurationError(f"{field.name} names an account twice")
    weights = value.values() if isinstance(value, Mapping) else ()
    if by_weight and not all(type(weight) is int and 0 <= weight <= _LARGEST_WEIGHT for weight in weights):
        raise ConfigurationError(f"{field.name}: a weight is a whole number, 0 to {_LARGEST_WEIGHT}")
    if by_weight and not any(weights):
        raise ConfigurationError(f"{field.name}: one weight at least is above 0")


def _check_amount(_: object, field: attrs.Attribute[Any], value: Decimal | None) -> None:
    if value is not None and value < 0:
        raise ConfigurationError(f"{field.name} must not be below 0")


@attrs.frozen(kw_only=True)
class Route:
    """A table ``[[routes]]``: what an order has to be, and the accounts that take it. What is left out takes all.

    Attributes:
        accounts: An account's name; names, of which each is there for when nothing could be sent to those before it;
            or names with weights, between which orders are divided.
        currency: Codes of the amount's currency.
        country: Codes of the customer's country, of two capital letters.
        tag: What the application says of the order.
        min_amount: The least amount, in major units of the currencies above; that amount is taken.
        max_amount: The largest amount; that amount is taken.
    """

    accounts: object = attrs.field(validator=_check_accounts)
    currency: tuple[str, ...] | None = _matching(_CURRENCY, "must be codes of currencies, such as EUR")
    country: tuple[str, ...] | None = _matching(_COUNTRY, "must be codes of two capital letters (ISO 3166-1)")
    tag: tuple[str, ...] | None = _matching(_TAG, "must be words without blanks around them")
    min_amount: Decimal | None = attrs.field(default=None, validator=_check_amount)
    max_amount: Decimal | None = attrs.field(default=None, validator=_check_amount)

    def __attrs_post_init__(self) -> None:
        low, high = self.min_amount, self.max_amount
        if (low is not None or high is not None) and self.currency is None:
            raise ConfigurationError("an amount is one of a currency: add currency")
        if low is not None and high is not None and low > high:
            raise ConfigurationError("min_amount is above max_amount")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its accounts."""
        return tuple(self.accounts) if isinstance(self.accounts, Mapping | list | tuple) else (str(self.accounts),)

    @property
    def unconditional(self) -> bool:
        """Whether it takes every order."""
        conditions = (self.currency, self.country, self.tag, self.min_amount, self.max_amount)
        return all(condition is None for condition in conditions)

    def takes(self, request: InvoiceRequest, country: str | None, tag: str | None) -> bool:
        """Return whether it takes an order."""
        amount = request.amount
        return (
            (self.currency is None or amount.currency in self.currency)
            and (self.country is None or country in self.country)
            and (self.tag is None or tag in self.tag)
            and (self.min_amount is None or amount.amount >= self.min_amount)
            and (self.max_amount is None or amount.amount <= self.max_amount)
        )

    def order_of(self, order_id: str) -> tuple[str, ...]:
        """Return its accounts in the order in which an order tries them."""
        return _ranked(self.accounts, order_id) if isinstance(self.accounts, Mapping) else self.names


def read_routes(content: Any, accounts: Iterable[str], default: str | None) -> tuple[tuple[Route, ...], list[str]]:
    """Read the tables ``[[routes]]``, or return every fault in them.

    Args:
        content: What the file says; None if there are none.
        accounts: The names of the accounts.
        default: The account of an order that no route takes.
    """
    if content is None:
        return (), []
    if not isinstance(content, list) or not content or not all(isinstance(each, Mapping) for each in content):
        return (), ["routes: must be tables, each [[routes]]"]
    names = tuple(accounts)
    faults: list[str] = []
    routes: list[Route] = []
    for index, table in enumerate(content):
        route, found = attempt(Route, table)
        faults += [_said(index, fault) for fault in found]
        if route is None:
            continue
        faults += [
            f"routes[{index}].accounts: there is no account {name}: {suggest(name, names)}"
            for name in route.names
            if name not in names
        ]
        if routes and routes[-1].unconditional:
            faults.append(f"routes[{index}]: is never reached: the route before it takes every order")
        routes.append(route)
    if not faults and default is None and not routes[-1].unconditional:
        faults.append("routes: an order that none of them takes has no account: write `default` at the top")
    return tuple(routes), faults


def choose(
    routes: Iterable[Route], request: InvoiceRequest, country: str | None, tag: str | None
) -> tuple[int | None, tuple[str, ...]]:
    """Return the first route that takes an order, by its number, and its accounts in order; None if none does."""
    for index, route in enumerate(routes):
        if route.takes(request, country, tag):
            return index, route.order_of(request.order_id)
    return None, ()


def _said(index: int, fault: Fault) -> str:
    place = f"routes[{index}].{fault.key}" if fault.key else f"routes[{index}]"
    return f"{place}: {fault.reason}"


def _ranked(weights: Mapping[str, int], order_id: str) -> tuple[str, ...]:
    """Return names in an order that depends on nothing but these arguments; each is first as often as its weight says.

    All in whole numbers, which are the same everywhere. What changes when a weight does is the share of orders that
    the change is about.
    """
    return tuple(_picks({name: weight for name, weight in weights.items() if weight}, order_id))


def _picks(left: dict[str, int], order_id: str) -> Iterator[str]:
    for number in itertools.count():
        if not left:
            return
        digest = hashlib.sha256(f"{number} {order_id}".encode()).digest()
        point = int.from_bytes(digest) * sum(left.values()) >> 8 * len(digest)
        for name, weight in left.items():
            if point < weight:
                del left[name]
                yield name
                break
            point -= weight

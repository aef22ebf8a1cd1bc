"""What `Gateways` and `AsyncGateways` share: the accounts of one configuration, and which of them an order tries."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar

from gateway_core._engine.base import BaseGateway
from gateway_core._tracebacks import without_locals
from gateway_core.errors import (
    ConfigurationError,
    ConflictError,
    GatewayError,
    InProgressError,
    InvalidRequestError,
    NotFoundError,
    NotSentError,
    PluginError,
    UnsupportedOperationError,
)
from gateway_core.models.invoice import InvoiceRequest

if TYPE_CHECKING:
    from gateway_core.config import Accounts
    from gateway_core.journal import Journal
    from gateway_core.transport import Transport

G = TypeVar("G", bound=BaseGateway)

#: What an account says that cannot take such an order, which is no news where another one could.
_CANNOT = (ConfigurationError, InvalidRequestError, PluginError, UnsupportedOperationError)

#: Yields the account to try next, and is sent the error that this has come to; raises it when there is none left.
_Tries = Generator[str, GatewayError, None]


class BaseGateways(Generic[G]):
    """What `Gateways` and `AsyncGateways` share. It is made by `open`.

    Args:
        accounts: The accounts.
        open_account: Opens one.
        journals: Each account's journal, by its name; accounts with one journal share the object.
        own_journals: Whether the journals are closed with the gateways.
    """

    _kind: type[G]

    def __init__(
        self,
        accounts: Accounts,
        open_account: Callable[[str], G],
        journals: Mapping[str, Journal | None],
        *,
        own_journals: bool,
    ) -> None:
        self._accounts = accounts
        self._open_account = open_account
        self._journals = journals
        self._own_journals = own_journals
        self._opened: dict[str, G] = {}
        self._closed = False

    @classmethod
    @without_locals
    def open(
        cls,
        config: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        *,
        transports: Mapping[str, Transport] | None = None,
        observers: Iterable[object] | None = None,
        journal: Journal | str | Literal[False] | None = None,
    ) -> Self:
        """Read the configuration file. Each account is opened when it is first used.

        Args:
            config: The file, or a mapping with what would stand in it; None for ``$GATEWAY_CONFIG``, or else
                ``gateway.toml`` in the working directory.
            transports: Transports of your own, by the account's name, instead of those that are configured.
            observers: Who is told what happens, names or objects, instead of those that are configured.
            journal: Where what is asked and told is kept, instead of what is configured; False for nowhere.

        Raises:
            ConfigurationError: If the file cannot be read, or its accounts, routes or journals are wrong.
        """
        from gateway_core.config import all_accounts

        accounts = all_accounts(config)
        own = transports or {}
        told = None if observers is None else tuple(observers)
        places: dict[str, Journal | str | None]
        if journal is None:
            places = {name: found.reveal() if found else None for name, found in accounts.journals.items()}
        else:
            places = dict.fromkeys(accounts.names, journal or None)
        _check_journals(accounts, places)
        kept = _opened(places)

        def open_account(name: str) -> G:
            return cls._kind.open(
                name,
                config=accounts.source,
                transport=own.get(name),
                observers=told,
                journal=kept.get(name) or False,
            )

        return cls(accounts, open_account, kept, own_journals=isinstance(journal, str | None))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the accounts, in the file's order."""
        return self._accounts.names

    @property
    def default_name(self) -> str | None:
        """The name of the default account; None if there is none."""
        return self._accounts.default

    @property
    def default(self) -> G:
        """The gateway of the default account.

        Raises:
            ConfigurationError: If there is none, or it cannot be opened.
        """
        return self[self._default()]

    def __getitem__(self, name: str) -> G:
        """Return the gateway of an account, which is opened if it was not yet.

        Raises:
            ConfigurationError: If there is no such account, or it cannot be opened.
            UnknownBackendError: If no working plugin offers the account's backend.
        """
        if self._closed:
            raise InvalidRequestError("the gateways were closed: open them again, or close them later")
        if (opened := self._opened.get(name)) is not None:
            return opened
        # Without a lock, which a fork could copy while it is held: of two that are opened at once one is kept, and the
        # other has no connection yet.
        return self._opened.setdefault(name, self._open_account(name))

    def __contains__(self, name: object) -> bool:
        """Return whether there is an account of this name."""
        return name in self._accounts.names

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the accounts."""
        return iter(self._accounts.names)

    def __len__(self) -> int:
        """Return how many accounts there are."""
        return len(self._accounts.names)

    def route(self, request: InvoiceRequest, *, country: str | None = None, tag: str | None = None) -> tuple[str, ...]:
        """Return the names of the accounts that take an order, in the order in which it tries them.

        It depends on the configuration and on these arguments alone. With a journal, an order that has been asked for
        before stays with its account all the same.

        Args:
            request: The order.
            country: The customer's country, of two capital letters; None for that of the customer's address.
            tag: What the routes call such an order; None for nothing.

        Raises:
            InvalidRequestError: If an argument is none of these.
            ConfigurationError: If no route takes the order, and there is no default account.
        """
        _, names = self._chosen(request, country, tag)
        return names

    def _chosen(
        self, request: InvoiceRequest, country: str | None, tag: str | None
    ) -> tuple[int | None, tuple[str, ...]]:
        """Return the number of the route that takes an order, and the accounts to try; None for the default account."""
        from gateway_core.config import choose

        if not isinstance(request, InvoiceRequest):
            raise InvalidRequestError(f"give InvoiceRequest, not {type(request).__name__}")
        for name, value in (("country", country), ("tag", tag)):
            if value is not None and not isinstance(value, str):
                raise InvalidRequestError(f"{name} must be text")
        address = request.customer.address if request.customer else None
        index, names = choose(self._accounts.routes, request, country or (address.country if address else None), tag)
        if not names:
            names = (self._default(),)
        return index, names if self._journals[names[0]] is not None else names[:1]

    def _default(self) -> str:
        if self.default_name is None:
            raise ConfigurationError(f"{self._accounts.path}: no account is the default: write `default` at the top")
        return self.default_name

    def _tries(self, request: InvoiceRequest, country: str | None, tag: str | None) -> _Tries:
        """Say which account to try, until one has made the invoice."""
        left = list(self.route(request, country=country, tag=tag))
        failed: dict[str, GatewayError] = {}
        # An order moves between accounts only while other workers do the same with it.
        for _ in range(2 * len(self) + 1):
            name = left.pop(0)
            error = yield name
            elsewhere = self._elsewhere(error)
            if elsewhere is not None:
                failed.pop(elsewhere, None)  # another worker has reached it since
                left = [elsewhere, *(each for each in left if each != elsewhere)]
                continue
            cannot = isinstance(error, _CANNOT) and bool(failed)
            if not (isinstance(error, NotSentError) or cannot) or error.effect != "none":
                raise error
            failed[name] = error
            if not left or self._journals[name] is None:
                raise next(iter(failed.values()))
        raise InProgressError("other workers are at this order right now: ask again in a moment", effect="unknown")

    def _elsewhere(self, error: GatewayError) -> str | None:
        """Return the account that has the order already, if that is what an error says."""
        if not isinstance(error, ConflictError):
            return None
        from gateway_core.journal._orders import ElsewhereError

        return error.account if isinstance(error, ElsewhereError) else None

    def _creation(self, name: str, request: InvoiceRequest) -> tuple[Any, ...]:
        """Return the arguments with which a gateway makes an invoice that no other account has."""
        journal = self._journals[name]
        if journal is None:
            return (request,)
        return (request, tuple(each for each in self.names if each != name and self._journals[each] is journal))

    def _account_of(self, order_id: str) -> str:
        """Return the account that has an order."""
        if not self._distinct_journals():
            raise ConfigurationError(
                f"{self._accounts.path}: nobody remembers which account has an order: write journal ="
                ' "sqlite:///var/gateway.db" at the top, or keep Invoice.account with the order'
            )
        found = self._accounts_of(order_id)
        if not found:
            raise NotFoundError("the journal has no such order at any of these accounts")
        if len(found) > 1:
            raise ConflictError(f"several accounts have this order: {', '.join(found)}; choose one by its name")
        return found[0]

    def _accounts_of(self, order_id: str) -> list[str]:
        """Return the accounts that have an order, as far as there is a journal."""
        found: list[str] = []
        for journal in self._distinct_journals():
            found += journal.accounts_of(order_id, [name for name in self.names if self._journals[name] is journal])
        return found

    def _end(self) -> list[G]:
        """Close what the accounts share, and return those that are open."""
        self._closed = True
        for journal in self._distinct_journals() if self._own_journals else ():
            journal.close()
        return list(self._opened.values())

    def _distinct_journals(self) -> list[Journal]:
        return list({id(each): each for each in self._journals.values() if each is not None}.values())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {', '.join(self.names)}>"


def _opened(places: Mapping[str, Journal | str | None]) -> dict[str, Journal | None]:
    """Return a journal for each account; accounts with the same place have the same one."""
    if not any(places.values()):
        return dict.fromkeys(places)
    from gateway_core.journal import Journal

    made = {place: Journal(place) for place in set(places.values()) if isinstance(place, str)}
    return {name: made[place] if isinstance(place, str) else place for name, place in places.items()}


def _check_journals(accounts: Accounts, places: Mapping[str, object]) -> None:
    """Refuse accounts that an order may go to, and that would not know of each other."""
    routed = dict.fromkeys(name for route in accounts.routes for name in route.names)
    if routed and accounts.default is not None:
        routed[accounts.default] = None
    first = next(iter(routed), None)
    for name in routed:
        if places[name] != places[str(first)]:
            raise ConfigurationError(
                f"{accounts.path}: [gateways.{name}] journal: is another than that of {first}: accounts that orders are"
                " divided between keep one journal"
            )
    for index, route in enumerate(accounts.routes):
        if len(route.names) > 1 and not isinstance(route.accounts, Mapping) and places[route.names[0]] is None:
            raise ConfigurationError(
                f"{accounts.path}: routes[{index}].accounts: {route.names[1]} is there for when nothing could be sent"
                f" to {route.names[0]}, and nothing would remember that an order went there: write journal ="
                ' "sqlite:///var/gateway.db" at the top'
            )

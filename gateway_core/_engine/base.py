"""What the sync and the async gateway share: how they are made, and what they tell of the provider."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from gateway_core._tracebacks import without_locals
from gateway_core.errors import (
    AuthenticationError,
    ConfigurationError,
    GatewayError,
    InvalidRequestError,
    WebhookError,
    WebhookReason,
)

# What a gateway stands on is imported where one is made: who imports the class may never make one.
if TYPE_CHECKING:
    from gateway_core._engine.call import Call
    from gateway_core._engine.operations import Operations
    from gateway_core._engine.pagination import Pagination
    from gateway_core.config import LoadedAccount
    from gateway_core.journal import AccountJournal, Journal
    from gateway_core.journal._inbox import Claimed
    from gateway_core.journal._recorder import Recorder
    from gateway_core.models.webhook import WebhookDelivery
    from gateway_core.observers import Observers
    from gateway_core.provider import ProviderInfo, RateLimit
    from gateway_core.transport import Deadline, LimitSettings, Transport, TransportSettings
    from gateway_core.transport._actions import Actions
    from gateway_core.transport._pipeline import DirectPipeline, Pipeline

T = TypeVar("T")

#: The operations that a journal keeps from happening twice.
RECORDED = ("create_invoice", "refund_payment", "capture_payment", "cancel_invoice")

#: How long the application may take to handle a delivery, until somebody else may begin.
CLAIM = timedelta(minutes=1)


def delivered(delivery: WebhookDelivery, claimed: Claimed) -> WebhookDelivery:
    """Return a delivery as the shop is to see it: what is new in it, once."""
    import attrs

    from gateway_core.models.webhook import Acknowledgement

    answer = Acknowledgement(status=503) if claimed.again else delivery.acknowledgement
    return attrs.evolve(delivery, events=claimed.events, reviews=claimed.reviews, acknowledgement=answer)


class BaseGateway:
    """An account and the way to its provider.

    Args:
        operations: The account's operations.
        transport: What sends each request, once; None for HTTP to the provider, by all rules.
        bounds: Bounds on every call.
        limits: How the rate limits are kept.
        observers: Who is told what happens.
        journal: Where what is asked and told is kept; None for nowhere.
        account: What the account is called there; None for the backend's name.
    """

    def __init__(  # noqa: PLR0913  # all but the first three by name
        self,
        operations: Operations,
        transport: Transport | None = None,
        bounds: TransportSettings | None = None,
        *,
        limits: LimitSettings | None = None,
        observers: Observers | None = None,
        journal: Journal | str | None = None,
        account: str | None = None,
    ) -> None:
        from gateway_core.observers import Observers
        from gateway_core.transport import LimitSettings, TransportSettings
        from gateway_core.transport._assembly import connect_account, connect_through

        self._operations = operations
        self._bounds = bounds or TransportSettings()
        self._observers = observers or Observers()
        self._closed = False
        self._loaded: LoadedAccount | None = None
        self._pipeline: Pipeline | DirectPipeline
        if transport is None:
            settings = operations.provider.settings
            connected = connect_account(self._bounds, limits or LimitSettings(), operations.info, settings)
            self._pipeline, self._transport = connected
        else:
            self._pipeline, self._transport = connect_through(transport)
        self._recorder: Recorder | None = None
        self._own_journal: Journal | None = None
        if journal is not None:
            from gateway_core.journal import Journal

            if isinstance(journal, str):
                journal = self._own_journal = Journal(journal)
            self._recorder = journal.recorder(account or self.backend, operations.info, operations.supports)

    @classmethod
    @without_locals
    def connect(  # noqa: PLR0913  # all but the backend by name
        cls,
        backend: str,
        *,
        distribution: str | None = None,
        transport: Transport | TransportSettings | None = None,
        rate_limits: Iterable[RateLimit | str] | None = None,
        limiter: str | None = None,
        limiter_fallback: str = "error",
        observers: Iterable[object] = ("logging",),
        journal: Journal | str | None = None,
        **settings: Any,
    ) -> Self:
        """Make a gateway by its backend's name and the plugin's settings.

        Args:
            backend: The backend's name.
            distribution: The only distribution that the plugin may come from.
            transport: Bounds on every call; or a transport of your own, which sends each request once.
            rate_limits: The limits, such as ``["1/s"]``, in place of those that the plugin declares.
            limiter: Where they are counted: None for this process, or the path of a file, or ``redis://...``.
            limiter_fallback: ``"error"`` sends nothing while the limiter cannot be reached, ``"process"`` counts here.
            observers: Who is told what happens: names of installed observers, or objects.
            journal: Where what is asked and told is kept, such as ``"sqlite:///var/gateway.db"``; the account is called
                there by the backend's name. None for nowhere.
            settings: The plugin's settings.

        Raises:
            UnknownBackendError: If no working plugin offers this backend.
            ConfigurationError: If a setting is unknown, missing or wrong.
        """
        from gateway_core._engine.operations import Operations
        from gateway_core._plugins import loading
        from gateway_core.config import structure
        from gateway_core.observers import Observers
        from gateway_core.transport import LimitSettings, TransportSettings

        plugin = loading.find(backend, distribution=distribution)
        provider_class = plugin.load()
        try:
            made: Any = structure(loading.settings_class(provider_class), settings, where="settings")
            given = {"rate_limits": rate_limits, "limiter": limiter, "limiter_fallback": limiter_fallback}
            limits = structure(LimitSettings, given, where="settings")
        except GatewayError as error:
            error.backend = backend
            raise
        operations = Operations.make(plugin, provider_class, made)
        bounds = transport if isinstance(transport, TransportSettings) else None
        own = None if isinstance(transport, TransportSettings) else transport
        return cls(operations, own, bounds, limits=limits, observers=Observers.load(observers), journal=journal)

    @classmethod
    @without_locals
    def open(
        cls,
        account: str | None = None,
        *,
        config: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        transport: Transport | None = None,
        observers: Iterable[object] | None = None,
        journal: Journal | str | Literal[False] | None = None,
    ) -> Self:
        """Make a gateway from the configuration file.

        Args:
            account: The table ``[gateways.<account>]``; None for the file's default.
            config: The file, or a mapping with what would stand in it; None for ``$GATEWAY_CONFIG``, or else
                ``gateway.toml`` in the working directory.
            transport: A transport of your own, which sends each request once, instead of the one that is configured.
            observers: Who is told what happens, names or objects, instead of those that are configured.
            journal: Where what is asked and told is kept, instead of what is configured; False for nowhere.

        Raises:
            UnknownBackendError: If no working plugin offers the account's backend.
            ConfigurationError: If the file cannot be read, or something in it is unknown, missing or wrong.
        """
        from gateway_core._engine.operations import Operations
        from gateway_core.config import load_account
        from gateway_core.observers import Observers

        loaded = load_account(account, config)
        operations = Operations.make(loaded.plugin, loaded.provider_class, loaded.settings)
        try:
            told = Observers.load(loaded.observers if observers is None else observers)
        except ConfigurationError as error:
            if observers is None:
                error.message = f"{loaded.place('observers')}: {error.message}"
                error.args = (error.message,)
            raise
        if journal is None and loaded.journal is not None:
            journal = loaded.journal.reveal()
        gateway = cls(
            operations,
            transport,
            loaded.transport,
            limits=loaded.limits,
            observers=told,
            journal=journal or None,
            account=loaded.name,
        )
        gateway._loaded = loaded
        return gateway

    @property
    def backend(self) -> str:
        """The backend's name."""
        return self._operations.backend

    @property
    def info(self) -> ProviderInfo:
        """What is true of the provider whoever uses it."""
        return self._operations.info

    @property
    def provider(self) -> Any:
        """The provider object, for what it has beyond the common operations; give its flows to `run`."""
        return self._operations.provider

    @property
    def journal(self) -> AccountJournal | None:
        """What an operator sees of the account's journal; None if there is none."""
        return None if self._recorder is None else self._recorder.journal

    def supports(self, operation: str) -> bool:
        """Return whether the provider has an operation, by its name here, such as ``"refund_payment"``."""
        return self._operations.supports(operation)

    def _read_secrets(self) -> bool:
        """Read the account's secrets again, and return whether one has changed."""
        if self._loaded is None:
            raise ConfigurationError(
                "a gateway that was made by `connect` has its settings from the application's code"
            )
        from gateway_core._engine.operations import Operations
        from gateway_core.config import read_secrets
        from gateway_core.observers._log import logger
        from gateway_core.provider.settings import find_secrets

        before = self._operations.provider.settings
        settings = read_secrets(self._loaded, before)
        if find_secrets(settings) == find_secrets(before):
            return False
        # In one step: calls that are under way end with what they began with.
        self._operations = Operations.make(self._loaded.plugin, self._loaded.provider_class, settings)
        logger("config").info("%s: secrets have changed, and are used from now on", self.backend)
        return True

    def _suspects_secrets(self, error: GatewayError) -> bool:
        """Return whether an error may come of a secret that was rotated."""
        if self._loaded is None:
            return False
        if isinstance(error, WebhookError):
            fits_none = error.reason is WebhookReason.WRONG_SIGNATURE
            return fits_none or isinstance(error.__cause__, AuthenticationError)
        return isinstance(error, AuthenticationError)

    def _may_repeat(self, error: GatewayError, operation: str, used: Operations) -> bool:
        """Read the secrets again where an error may come of them, and return whether the call is to be made once more.

        Args:
            error: What ended the call.
            operation: The call's operation.
            used: What it was made with.
        """
        if not self._suspects_secrets(error):
            return False
        try:
            changed = self._operations is not used or self._read_secrets()
        except GatewayError as fault:
            from gateway_core.observers._log import logger

            logger("config").warning("%s: the secrets could not be read again: %s", self.backend, fault.message)
            return False
        recorded = self._recorder is not None and operation in RECORDED  # the journal knows what may be repeated
        return changed and operation != "run" and (error.effect == "none" or recorded)

    def _begin(self, operation: str, *arguments: object, deadline: Deadline | None = None) -> Call:
        """Begin a call, of which the observers are told.

        Raises:
            InvalidRequestError: If the gateway was closed.
        """
        if self._closed:
            raise InvalidRequestError("the gateway was closed: make another one, or close it later")
        from gateway_core._engine.call import Call

        boundary = self._operations.boundary(operation, *arguments)
        events = self._observers.call(self.backend, operation)
        bound = self._deadline() if deadline is None else deadline
        return Call(operation, boundary, self._pipeline, bound, events)

    def _pagination(
        self, since: datetime | None, until: datetime | None, invoice_id: str | None, limit: int | None
    ) -> Pagination:
        from gateway_core._engine.pagination import Pagination
        from gateway_core.models.payment import PaymentQuery

        return Pagination(PaymentQuery(since=since, until=until, invoice_id=invoice_id), limit)

    def _deadline(self) -> Deadline:
        from gateway_core.transport import Deadline

        return Deadline.after(self._bounds.deadline)

    def _ask(self, deadline: Deadline) -> Callable[..., Actions[Any]]:
        """Return what calls operations of the provider, all of them before one deadline."""

        def ask(operation: str, *arguments: Any) -> Actions[Any]:
            call = self._begin(operation, *arguments, deadline=deadline)
            outcome = call.start(getattr(self._operations, operation), *arguments)
            return (yield from call.actions(outcome)) if isinstance(outcome, Generator) else outcome

        return ask

    def _recorded(self, operation: str, *arguments: Any) -> tuple[Actions[Any], Deadline]:
        """Return an operation as the journal does it."""
        deadline = self._deadline()
        actions: Actions[Any] = getattr(self._with_journal(), operation)(self._ask(deadline), deadline, *arguments)
        return self._named(operation, actions), deadline

    def _named(self, operation: str, actions: Actions[T]) -> Actions[T]:
        """Carry the actions of an operation out, and name it in the errors of its journal."""
        try:
            return (yield from actions)
        except GatewayError as error:
            error.backend = error.backend or self.backend
            error.operation = error.operation or operation
            raise

    def _with_journal(self) -> Recorder:
        """Return the journal's side of the account.

        Raises:
            ConfigurationError: If there is none.
        """
        if self._closed:
            raise InvalidRequestError("the gateway was closed: make another one, or close it later")
        if self._recorder is None:
            raise ConfigurationError(
                'this needs a journal: write journal = "sqlite:///var/gateway.db" at the top of gateway.toml'
            )
        return self._recorder

    def _tell(self, delivery: WebhookDelivery) -> None:
        """Tell the observers what the shop was told, and everybody what needs a look."""
        from gateway_core.observers import StatusMoved

        with self._observers.call(self.backend, "receive_webhook") as events:
            for event in (*delivery.events, *delivery.reviews):
                move = event.move
                if move is not None and move.before is not move.after:
                    told = {"order_id": event.order_id, "attempt": event.attempt, "invoice_id": event.invoice_id}
                    events.tell(StatusMoved, before=move.before, after=move.after, **told)
        for event in delivery.reviews:
            from gateway_core.observers._log import logger

            logger("journal").warning(
                "%s: invoice %s of order %s needs a look: %s",
                self.backend,
                event.invoice_id,
                event.order_id,
                event.review,
            )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.backend}>"

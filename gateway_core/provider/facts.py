"""What `ProviderInfo` is made of: facts about a provider, as data."""

from __future__ import annotations

import enum
import re
from datetime import timedelta
from decimal import Decimal
from types import UnionType
from typing import Literal, get_args

import attrs

from gateway_core.errors import ConfigurationError, PluginError
from gateway_core.models.money import EXACT, Money


class WebhookAuthentication(enum.StrEnum):
    """How a provider's webhooks are shown to be genuine."""

    SIGNATURE = "signature"
    CALLBACK = "callback"
    SIGNATURE_AND_CALLBACK = "signature+callback"
    NONE = "none"  #: The provider sends no webhooks.


class Declines(enum.StrEnum):
    """What becomes of an invoice whose payment was declined."""

    FINAL = "final"  #: It has failed, whether the payer may begin again or not.
    RETRYABLE = "retryable"  #: It stays open, and the payer may try again.
    NONE = "none"  #: Nothing is ever declined. The payer pays, or does not.


class RetryAdvice(enum.StrEnum):
    """What a provider's answer says about repeating the request."""

    RETRY = "retry"  #: Repeat it; the failure passes.
    DO_NOT_RETRY = "do not retry"  #: Another attempt would get the same answer, such as one stored for the key.
    IN_PROGRESS = "in progress"  #: The first request with this key is under way; wait, and repeat it with the same key.


@attrs.frozen(kw_only=True)
class RateLimit:
    """At most `requests` within any `seconds`.

    Attributes:
        requests: A number of requests, at least 1.
        seconds: The length of the window in seconds, above zero.

    Raises:
        ConfigurationError: If one of them is not so.
    """

    requests: int
    seconds: float

    def __attrs_post_init__(self) -> None:
        if not is_whole(self.requests):
            raise ConfigurationError("a rate limit has an int of requests, 1 or more")
        if not _is_length(self.seconds):
            raise ConfigurationError("a rate limit has a number of seconds above zero")

    @classmethod
    def parse(cls, text: str) -> RateLimit:
        """Read a limit as it is written in a configuration.

        >>> from gateway_core import RateLimit
        >>> RateLimit.parse("1000/h")
        RateLimit(requests=1000, seconds=3600.0)
        >>> RateLimit.parse("5/10s")
        RateLimit(requests=5, seconds=10.0)

        Raises:
            ConfigurationError: If it is none.
        """
        match = _RATE.fullmatch(text)
        if match is None or not int(match["requests"]) or not int(match["count"] or 1):
            raise ConfigurationError('a rate limit is written like "1/s", "5/10s", "100/m", "1000/h" or "10000/d"')
        return cls(requests=int(match["requests"]), seconds=int(match["count"] or 1) * _UNITS[match["unit"]])

    def __str__(self) -> str:
        return f"{self.requests} per {self.seconds:g} s"


@attrs.frozen(kw_only=True)
class RateLimitHeaders:
    """The headers in which a provider tells how many requests are left.

    Attributes:
        remaining: The name of the one with the number of requests that are left.
        reset: The name of the one with the moment, in Unix seconds, from which there are more.
    """

    remaining: str
    reset: str

    def __attrs_post_init__(self) -> None:
        of_kind("remaining", self.remaining, str)
        of_kind("reset", self.reset, str)


@attrs.frozen(kw_only=True)
class Idempotency:
    """The provider carries out a request with a key that it has seen at most once.

    Attributes:
        scope: What a key is unique in, such as ``"account"``.
        life: How long a key is remembered; None if for ever.
        replay_header: The name of the response header that says ``true`` where an earlier answer is repeated, such as
            ``Idempotent-Replayed``; None if there is none.
    """

    scope: str
    life: timedelta | None
    replay_header: str | None = None

    def __attrs_post_init__(self) -> None:
        of_kind("scope", self.scope, str)
        of_kind("replay_header", self.replay_header, str | None)
        if self.life is not None:
            _above_zero("life", self.life)


@attrs.frozen(kw_only=True)
class Expiry:
    """How long an invoice can be payable, for `InvoiceRequest.expires_in`.

    Attributes:
        minimum: The shortest time.
        maximum: The longest time; None if there is no limit.
    """

    minimum: timedelta = timedelta(0)
    maximum: timedelta | None = None

    def __attrs_post_init__(self) -> None:
        _zero_or_more("minimum", self.minimum)
        if self.maximum is not None:
            _above_zero("maximum", self.maximum)
            if self.maximum < self.minimum:
                raise PluginError("the maximum of an Expiry is not below its minimum")


@attrs.frozen(kw_only=True)
class AmountRule:
    """Which amounts an invoice in one currency can have.

    >>> from decimal import Decimal
    >>> from gateway_core.provider import AmountRule
    >>> three_decimals_that_end_in_zero = AmountRule(step=Decimal("0.010"), minimum=Decimal("0.150"))

    Attributes:
        step: Every amount is a multiple of it, in major units; None for the currency's smallest unit.
        minimum: The smallest amount, in major units; None if there is no limit.
        maximum: The largest amount, in major units; None if there is no limit.
    """

    step: Decimal | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None

    def __attrs_post_init__(self) -> None:
        for name in ("step", "minimum", "maximum"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, Decimal) and value.is_finite() and value > 0):
                raise PluginError(f"the {name} of an AmountRule is a Decimal above zero")

    def fault(self, amount: Money) -> str | None:
        """Return what is wrong with an amount in this currency, in a few words; None if nothing is."""
        if self.minimum is not None and amount.amount < self.minimum:
            return f"the smallest amount is {self.minimum:f} {amount.currency}"
        if self.maximum is not None and amount.amount > self.maximum:
            return f"the largest amount is {self.maximum:f} {amount.currency}"
        if self.step is not None and EXACT.remainder(amount.amount, self.step):
            return f"an amount is a multiple of {self.step:f} {amount.currency}"
        return None


#: What `since` and `until` of a list of payments are compared with.
FilterBy = Literal["payment", "creation", "none"]


@attrs.frozen(kw_only=True)
class ListFilter:
    """How the provider narrows a list of payments by time.

    Attributes:
        by: What `since` and `until` are compared with: the moment of the ``"payment"``, or of the ``"creation"`` of the
            invoice or object; ``"none"`` if nothing can be filtered.
        scan: Whether the plugin reads the whole list and filters by itself, so that a narrow range costs as many
            requests as a wide one.
        window: The longest range of one request at the provider; None if there is no limit. The plugin reads a longer
            range piece by piece.
        lag: How long after a payment it may still be missing in the list; None if it is there at once.
    """

    by: FilterBy
    scan: bool = False
    window: timedelta | None = None
    lag: timedelta | None = None

    def __attrs_post_init__(self) -> None:
        if self.by not in get_args(FilterBy):
            raise PluginError(f"a ListFilter is by one of {', '.join(get_args(FilterBy))}")
        of_kind("scan", self.scan, bool)
        for name in ("window", "lag"):
            if getattr(self, name) is not None:
                _above_zero(name, getattr(self, name))


@attrs.frozen(kw_only=True)
class FindReach:
    """How far `find_invoice` sees. Beyond it, an absence is an `OutOfReachError` and not None.

    Attributes:
        within: How old an invoice can be to be found; None if there is no limit.
        items: Among how many of the newest invoices it is looked for; None if among all.
        settle: How long after a creation an absence proves nothing, because the provider's index lags; zero if a
            created invoice is found at once.
    """

    within: timedelta | None = None
    items: int | None = None
    settle: timedelta = timedelta(0)

    def __attrs_post_init__(self) -> None:
        if self.within is not None:
            _above_zero("within", self.within)
        if self.items is not None and not is_whole(self.items):
            raise PluginError("the items of a FindReach are an int, 1 or more")
        _zero_or_more("settle", self.settle)


_RATE = re.compile(r"(?P<requests>[0-9]{1,9})/(?P<count>[0-9]{1,6})?(?P<unit>[smhd])", re.ASCII)
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _above_zero(name: str, time: object) -> None:
    if not isinstance(time, timedelta) or time <= timedelta(0):
        raise PluginError(f"{name} must be a timedelta above zero")


def _zero_or_more(name: str, time: object) -> None:
    if not isinstance(time, timedelta) or time < timedelta(0):
        raise PluginError(f"{name} must be a timedelta, zero or more")


def of_kind(name: str, value: object, kind: type | UnionType) -> None:
    """Refuse a fact of another kind.

    Raises:
        PluginError: If it is of one.
    """
    if not isinstance(value, kind):
        wanted = getattr(kind, "__name__", str(kind))
        raise PluginError(f"{name} must be {wanted}, not {type(value).__name__}")


def is_whole(value: object) -> bool:
    """Return whether a value is an int, 1 or more."""
    return type(value) is int and value >= 1


def _is_length(seconds: object) -> bool:
    return isinstance(seconds, int | float) and type(seconds) is not bool and 0 < seconds < float("inf")

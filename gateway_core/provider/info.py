"""What a provider plugin declares about its provider."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from types import UnionType

import attrs

from gateway_core.errors import InvalidRequestError, PluginError
from gateway_core.http import HttpResponse
from gateway_core.models._fields import freeze, frozen_field, tupled
from gateway_core.models.currency import MOST_DECIMALS, Currency, read_currency
from gateway_core.models.money import EXACT, Money
from gateway_core.provider.facts import (
    AmountRule,
    Declines,
    Expiry,
    FindReach,
    Idempotency,
    ListFilter,
    RateLimit,
    RateLimitHeaders,
    RetryAdvice,
    WebhookAuthentication,
    is_whole,
    of_kind,
)

#: The version of the contract between core and plugins. It grows when a hook or a record changes in a way that breaks
#: plugins.
CONTRACT_VERSION = 1

#: The fields of an `InvoiceRequest` that a provider may honour, require or not know.
REQUEST_FIELDS = (
    "description",
    "return_url",
    "cancel_url",
    "expires_in",
    "metadata",
    "customer",
    "line_items",
    "locale",
    "webhook_url",
)

#: The key in `ProviderInfo.amounts` that stands for all currencies without a key of their own.
ANY_CURRENCY = "*"


def _declines(value: Declines | str) -> Declines:
    return Declines(value) if value in list(Declines) else value  # type: ignore[return-value]  # told afterwards


#: What each fact is, where no other check tells.
_KINDS: Mapping[str, type | UnionType] = {
    "title": str,
    "contract_version": int,
    "docs_url": str | None,
    "base_url": str | None,
    "exponents": Mapping,
    "amounts": Mapping,
    "options": type | None,
    "expiry": Expiry | None,
    "rate_limit_headers": RateLimitHeaders | None,
    "webhook_authentication": WebhookAuthentication,
    "webhook_covers": str,
    "webhook_batches": bool,
    "webhook_timestamps": bool,
    "list_guarantee": str,
    "list_filter": ListFilter | None,
    "lists_refunds": bool,
    "find_reach": FindReach | None,
    "unsupported": Mapping,
    "crypto_assets": bool,
    "partial_payments": bool,
    "overpayments": bool,
    "declines": Declines,
    "expires": bool,
}

#: The facts that are several values of one kind.
_SEVERAL: Mapping[str, type] = {
    "hosts": str,
    "currencies": str,
    "rate_limits": RateLimit,
    "account_settings": str,
    "webhook_unsigned": str,
    "notes": str,
}


@attrs.frozen(kw_only=True)
class ProviderInfo:
    """What is true of a provider whoever uses it. Data only, readable without credentials.

    Attributes:
        title: The provider's name for people.
        contract_version: The `CONTRACT_VERSION` that the plugin is written for; 1 for a plugin that does not say.
        docs_url: Where its API is documented.
        base_url: Its API's base address; None if it is not known.
        hosts: Hosts that the plugin contacts besides that of the base address.
        currencies: The codes that an invoice may be in; None if any may.
        exponents: Decimals that the provider counts where they differ from ISO 4217, by currency code.
        amounts: Steps, minimums and maximums of amounts, by currency code; the key ``"*"`` stands for all others. An
            amount that does not fit is refused before anything is sent.
        options: The attrs class of `InvoiceRequest.options`; None if there are none.
        honours: The fields of an `InvoiceRequest` that the provider takes, of `REQUEST_FIELDS`; None if the plugin does
            not say. A field that is given and not among them is told in `Invoice.ignored`; an ``expires_in`` is
            refused, since it constrains the payment.
        requires: Those without which the provider makes no invoice: a request without one is refused before anything
            is sent.
        expiry: How long an invoice can be payable; None if there are no limits. An ``expires_in`` outside of it is
            refused before anything is sent.
        order_reference_length: How many characters `InvoiceRequest.reference` may have at the provider. A longer one is
            refused before anything is sent.
        rate_limits: The provider's limits on requests, all of which hold.
        rate_limit_headers: The headers that tell what is left of them; None if there are none.
        says_too_many: Returns whether an answer means "too many requests", for a provider that says so with another
            status than 429; such a request was surely not carried out.
        retry_advice: Returns what an answer says about repeating the request, or None if it says nothing. It goes
            before what the status says, for requests that may be repeated: those that are `HttpRequest.safe`, or have
            a key that is honoured.
        account_settings: The names of the settings that tell its accounts from each other, such as ``("api_key",)``:
            limits are counted by these. None for all settings.
        webhook_authentication: How its webhooks are shown to be genuine.
        webhook_covers: What exactly that proves.
        webhook_unsigned: Fields of a webhook that the proof does not cover. None of them decides anything.
        webhook_batches: Whether one webhook may hold several events, each shown genuine by itself.
        webhook_timestamps: Whether a webhook bears the time of sending under its proof, so that one that is old, or
            from the future, is refused.
        list_guarantee: What `list_payments` promises, and what not.
        list_filter: How the provider narrows that list by time; None if the plugin does not say.
        lists_refunds: Whether a report tells every refund that was made through the API with its `refund_id`, so that
            one that is not in it was not made. Otherwise a refund whose answer was lost is never sent again once its
            idempotency key has ended.
        find_reach: How far `find_invoice` sees; None if it sees every invoice at once.
        idempotency: How it honours idempotency keys: one for all operations, or by the operation's name; None if it
            honours none.
        unsupported: Operations that its API has no counterpart for, each with the reason.
        crypto_assets: Where `currencies` is None: whether any includes crypto assets, or is any of ISO 4217.
        partial_payments: Whether a payer can pay a part of the amount.
        overpayments: Whether a payer can pay more than the amount.
        declines: What becomes of an invoice whose payment was declined.
        expires: Whether an invoice that nobody pays comes to its end by itself.
        notes: What else an operator should know, such as facts that are assumed.

    Raises:
        PluginError: If one of them is not so.
    """

    title: str
    contract_version: int = 1  # not CONTRACT_VERSION: who says nothing wrote for the first
    docs_url: str | None = None
    base_url: str | None = None
    hosts: tuple[str, ...] = attrs.field(default=(), converter=tupled)
    currencies: tuple[str, ...] | None = attrs.field(default=None, converter=attrs.converters.optional(tupled))
    exponents: Mapping[str, int] = frozen_field()
    amounts: Mapping[str, AmountRule] = frozen_field()
    options: type | None = None
    honours: tuple[str, ...] | None = attrs.field(default=None, converter=attrs.converters.optional(tupled))
    requires: tuple[str, ...] = attrs.field(default=(), converter=tupled)
    expiry: Expiry | None = None
    order_reference_length: int = 255
    rate_limits: tuple[RateLimit, ...] = attrs.field(default=(), converter=tupled)
    rate_limit_headers: RateLimitHeaders | None = None
    says_too_many: Callable[[HttpResponse], bool] | None = None
    retry_advice: Callable[[HttpResponse], RetryAdvice | None] | None = None
    account_settings: tuple[str, ...] | None = attrs.field(default=None, converter=attrs.converters.optional(tupled))
    webhook_authentication: WebhookAuthentication = WebhookAuthentication.NONE
    webhook_covers: str = ""
    webhook_unsigned: tuple[str, ...] = attrs.field(default=(), converter=tupled)
    webhook_batches: bool = False
    webhook_timestamps: bool = False
    list_guarantee: str = ""
    list_filter: ListFilter | None = None
    lists_refunds: bool = False
    find_reach: FindReach | None = None
    idempotency: Idempotency | Mapping[str, Idempotency] | None = attrs.field(default=None, converter=freeze)
    unsupported: Mapping[str, str] = frozen_field()
    crypto_assets: bool = True
    partial_payments: bool = True
    overpayments: bool = True
    declines: Declines = attrs.field(default=Declines.FINAL, converter=_declines)
    expires: bool = True
    notes: tuple[str, ...] = attrs.field(default=(), converter=tupled)

    def __attrs_post_init__(self) -> None:
        _check_kinds(self)
        if not all(type(each) is int and 0 <= each <= MOST_DECIMALS for each in self.exponents.values()):
            raise PluginError(f"info.exponents maps currency codes to numbers of decimals, 0 to {MOST_DECIMALS}")
        _check_fields("honours", self.honours or ())
        _check_fields("requires", self.requires)
        if self.honours is not None and (lost := set(self.requires) - set(self.honours)):
            raise PluginError(f"info.requires names {', '.join(sorted(lost))}, and info.honours does not")
        if self.expiry is not None and self.honours is not None and "expires_in" not in self.honours:
            raise PluginError("info.expiry gives the range of expires_in, and info.honours does not name it")
        if not is_whole(self.order_reference_length):
            raise PluginError("info.order_reference_length is an int, 1 or more")
        if not all(isinstance(rule, AmountRule) for rule in self.amounts.values()):
            raise PluginError("info.amounts maps currency codes to AmountRules")
        told = _NO if self.idempotency is None else self.idempotency
        by_operation = told.values() if isinstance(told, Mapping) else [told]
        if not all(isinstance(each, Idempotency) for each in by_operation):
            raise PluginError("info.idempotency is an Idempotency, or maps operations to them")

    def idempotency_of(self, operation: str) -> Idempotency | None:
        """Return how the provider honours the keys of an operation, such as ``refund_payment``; None if it does not."""
        return self.idempotency.get(operation) if isinstance(self.idempotency, Mapping) else self.idempotency

    def amount_rule(self, code: str) -> AmountRule:
        """Return the rule for amounts in a currency."""
        return self.amounts.get(code) or self.amounts.get(ANY_CURRENCY) or _ANY_AMOUNT

    def to_minor(self, money: Money) -> int:
        """Return an amount in the smallest units that the provider counts.

        >>> from gateway_core import Money, ProviderInfo
        >>> ProviderInfo(title="Example", exponents={"CLP": 2}).to_minor(Money(1234, "CLP"))
        123400

        Raises:
            InvalidRequestError: If it is not a whole number of them.
        """
        return money.to_minor(self.exponent_of(money.unit))

    def to_text(self, money: Money) -> str:
        """Return an amount in major units as text, with exactly the decimals that the provider counts.

        >>> from gateway_core import Money, ProviderInfo
        >>> ProviderInfo(title="Example", exponents={"HUF": 0}).to_text(Money(500, "HUF"))
        '500'

        Raises:
            InvalidRequestError: If it has more decimals.
        """
        exponent = self.exponent_of(money.unit)
        return f"{EXACT.scaleb(Decimal(money.to_minor(exponent)), -exponent):f}"

    def from_minor(self, units: int, currency: str, *, network: str | None = None, asked: Money | None = None) -> Money:
        """Return the amount that is so many of the smallest units that the provider counts, as an answer tells it.

        >>> from gateway_core import ProviderInfo
        >>> ProviderInfo(title="Example", exponents={"CLP": 2}).from_minor(123400, "CLP")
        Money('1234.00', 'CLP')

        Args:
            units: The number of units.
            currency: The code in the answer.
            network: The chain in the answer; None if it names none.
            asked: The amount that was asked for, if this answers a request.

        Raises:
            InvalidRequestError: If `units` is no int, or nothing tells what the currency stands for.
        """
        unit = read_currency(currency, network, asked=None if asked is None else asked.unit)
        return Money.from_minor(units, attrs.evolve(unit, exponent=self.exponent_of(unit)))

    def exponent_of(self, unit: Currency) -> int:
        """Return how many decimals the provider counts; of an asset that nobody declares, what the `Currency` says."""
        declared = self.exponents.get(unit.code)
        if declared is not None:
            return declared
        try:
            return Currency.find(unit.code, unit.network).exponent
        except InvalidRequestError:
            return unit.exponent


_ANY_AMOUNT = AmountRule()
_NO = Idempotency(scope="", life=None)


def _check_kinds(info: ProviderInfo) -> None:
    for name, kind in _KINDS.items():
        of_kind(f"info.{name}", getattr(info, name), kind)
    for name, kind in _SEVERAL.items():
        for each in getattr(info, name) or ():
            of_kind(f"info.{name}", each, kind)
    for name in ("says_too_many", "retry_advice"):
        function = getattr(info, name)
        if function is not None and not callable(function):
            raise PluginError(f"info.{name} must be a function")


def _check_fields(name: str, fields: Iterable[object]) -> None:
    for field in fields:
        if field not in REQUEST_FIELDS:
            raise PluginError(f"info.{name} names {field!r}, and may name {', '.join(REQUEST_FIELDS)}")

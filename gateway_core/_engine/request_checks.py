"""Checks of a request against what the provider declares, before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_core.errors import ConfigurationError, InvalidRequestError
from gateway_core.models import _fields as check
from gateway_core.models.currency import is_historic, is_payable
from gateway_core.models.invoice import InvoiceRequest
from gateway_core.models.money import Money
from gateway_core.provider import REQUEST_FIELDS, ProviderInfo, WebhookAuthentication


def check_invoice_request(info: ProviderInfo, request: InvoiceRequest) -> None:
    """Refuse a request that the provider cannot carry out.

    Raises:
        InvalidRequestError: If it is one.
    """
    _check_currency(info, request.amount)
    check_amount(info, request.amount)
    fault = info.amount_rule(request.amount.currency).fault(request.amount)
    if fault is not None:
        raise InvalidRequestError(f"{info.title} makes no invoice over {request.amount}: {fault}")
    for item in request.line_items:
        check_amount(info, item.unit_amount)
    if len(request.reference) > info.order_reference_length:
        raise InvalidRequestError(
            f"{info.title} takes an order id of {info.order_reference_length} characters at most,"
            f" and with its attempt this one has {len(request.reference)}"
        )
    missing = [name for name in info.requires if not getattr(request, name)]
    if missing:
        raise InvalidRequestError(f"{info.title} makes no invoice without {' and '.join(missing)}")
    _check_expiry(info, request)


def check_amount(info: ProviderInfo, amount: Money) -> None:
    """Refuse an amount that is no whole number of the units that the provider counts.

    Raises:
        InvalidRequestError: If it is one.
    """
    try:
        info.to_minor(amount)
    except InvalidRequestError as error:
        reason = error.message
    else:
        return
    raise InvalidRequestError(f"{info.title} cannot count {amount}: {reason}")


def ignored_fields(info: ProviderInfo, request: InvoiceRequest) -> tuple[str, ...]:
    """Return the names of the fields that are given and that the provider cannot honour, as far as it declares them."""
    if info.honours is None:
        return ()
    return tuple(name for name in REQUEST_FIELDS if name not in info.honours and getattr(request, name))


def structured_options(info: ProviderInfo, options: Any) -> Any:
    """Return the options of a request as an instance of the declared class.

    Raises:
        ConfigurationError: If an option is not the provider's, or has a wrong value.
    """
    declared = info.options
    if declared is None:
        if options:
            raise ConfigurationError(f"{info.title} has no options for an invoice")
        return {}
    from gateway_core.config import structure

    return options if isinstance(options, declared) else structure(declared, options, where="options")


def references(given: Mapping[str, str] | None) -> Mapping[str, str]:
    """Return the references that a caller hands back, as no plugin can change them.

    Raises:
        InvalidRequestError: If they are no texts by name.
    """
    kept: Mapping[str, str] = check.EMPTY if given is None else check.freeze(given)
    check.texts("references", kept)
    return kept


def _check_currency(info: ProviderInfo, amount: Money) -> None:
    known, code = info.currencies, amount.currency
    if known is not None and code not in known:
        raise InvalidRequestError(f"{info.title} makes no invoice in {code}: it knows {', '.join(known)}")
    if amount.network is None and is_historic(code):
        raise InvalidRequestError(f"{code} has left ISO 4217: old invoices can be read, and no new one made")
    if amount.network is None and not is_payable(code):
        raise InvalidRequestError(f"{code} has no minor unit in ISO 4217: nothing can be paid in it")


def _check_expiry(info: ProviderInfo, request: InvoiceRequest) -> None:
    time = request.expires_in
    if time is None:
        return
    if info.honours is not None and "expires_in" not in info.honours:
        raise InvalidRequestError(
            f"{info.title} lets nobody choose how long an invoice is payable: leave out expires_in"
        )
    if info.expiry is None:
        return
    if time < info.expiry.minimum:
        raise InvalidRequestError(f"{info.title} makes invoices payable for {info.expiry.minimum} at least")
    if info.expiry.maximum is not None and time > info.expiry.maximum:
        raise InvalidRequestError(f"{info.title} makes invoices payable for {info.expiry.maximum} at most")


def open_address(info: ProviderInfo, settings: object) -> str | None:
    """Return what to tell an operator whose webhooks anybody can forge; None if all is well.

    Args:
        info: What is true of the provider.
        settings: The account's settings, where a secret in the webhook's address is named ``url_secret``.
    """
    if info.webhook_authentication is not WebhookAuthentication.CALLBACK:
        return None
    if getattr(settings, "url_secret", None) is not None:
        return None
    what = "set url_secret" if hasattr(settings, "url_secret") else "make it hard to guess, and show it to nobody"
    return (
        f"webhooks of {info.title} are not signed, and their address bears no secret: whoever knows it can make this"
        f" account ask about forged ones, until genuine ones wait; {what}"
    )

"""A webhook as a provider sends it to an account: made here, signed with the account's own settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from gateway_core._engine.operations import Operations
from gateway_core.config import LoadedAccount
from gateway_core.config._values import fields_of
from gateway_core.errors import GatewayError, UnknownBackendError
from gateway_core.gateway import Gateway
from gateway_core.http import HttpRequest
from gateway_core.models import InvoiceRequest, Money, Secret, WebhookDelivery, WebhookRequest
from gateway_core.models.currency import ASSETS, Currency
from gateway_core.models.reference import TEST_ORDER
from gateway_core.provider import WebhookAuthentication
from gateway_core.testing import EmulatedInvoice, Emulator, EmulatorTransport, find_emulator

#: In which currency the order is, unless the account's own settings say it: the first that the provider takes.
_CURRENCIES = ("EUR", "USD")


class CannotSignError(Exception):
    """A webhook cannot be made that is genuine for the account; the text says why."""


@attrs.frozen(kw_only=True)
class TestEvent:
    """What is sent to an account's address.

    Attributes:
        genuine: A webhook about `TEST_ORDER`, which the account takes for genuine.
        forged: The same, changed after it was signed.
        ends_in_503: Whether the shop cannot see that it is a test: the webhook does not name its order, or the provider
            is asked about it first. Then it is one about an invoice that is not known yet, and should come again.
    """

    __test__ = False  # it is no test, whatever pytest thinks of its name

    genuine: HttpRequest
    forged: HttpRequest
    ends_in_503: bool


def make(account: LoadedAccount, url: str) -> TestEvent:
    """Make a webhook that is genuine for an account, by its plugin's emulator.

    Args:
        account: The account.
        url: Where its webhooks come in.

    Raises:
        CannotSignError: If nobody but the provider can make one, or its emulator cannot.
    """
    title = account.provider_class.info.title
    if account.provider_class.info.webhook_authentication is WebhookAuthentication.CALLBACK:
        raise CannotSignError(
            f"{title} signs no webhook: the shop asks {title} about each, which knows of none from here"
        )
    if account.provider_class.info.webhook_authentication is WebhookAuthentication.NONE:
        raise CannotSignError(f"{title} sends no webhooks")
    try:
        emulator = _emulator(account, url)
        made = [*_made(account, emulator)]
    except UnknownBackendError as error:
        raise CannotSignError(f"there is no emulator of {title} to make one: {error.message}") from None
    except GatewayError as error:
        raise CannotSignError(f"the emulator of {title} makes none with these settings: {error.message}") from None
    verdicts: list[tuple[bool, int, TestEvent]] = []
    refusal = f"the emulator of {title} tells of no payment"
    for number, (genuine, forged) in enumerate(made):
        try:
            delivery = _verified(account, emulator, genuine)
        except GatewayError as error:
            refusal = (
                f"what is signed with this account's settings is not genuine by them ({error.message}): a setting is"
                f" missing, or {title} signs with something that it alone has, such as a certificate"
            )
            continue
        about_test = any(event.report and event.report.order_id == TEST_ORDER for event in delivery.events)
        unseen = "callback" in delivery.verified_by or not about_test
        verdicts.append((unseen, -number, TestEvent(genuine=genuine, forged=forged, ends_in_503=unseen)))
    if not verdicts:
        raise CannotSignError(refusal)
    return min(verdicts, key=lambda verdict: verdict[:2])[2]


def _emulator(account: LoadedAccount, url: str) -> Emulator:
    """Return an emulator of the account's provider, in memory, whose keys are the account's own."""
    given: dict[str, str] = {}
    for name, value in _settings(account).items():
        first = value[0] if isinstance(value, tuple) and value else value  # of several secrets
        if isinstance(first, str | Secret) and name != "base_url":
            given[name] = first.reveal() if isinstance(first, Secret) else first
    return find_emulator(account.backend)(webhook_url=url, credentials=given)


def _settings(account: LoadedAccount) -> dict[str, Any]:
    """Return the account's settings by their keys."""
    settings_class: type = type(account.settings)
    return {key: getattr(account.settings, field.name) for key, (field, _) in fields_of(settings_class).items()}


def _made(account: LoadedAccount, emulator: Emulator) -> Iterator[tuple[HttpRequest, HttpRequest]]:
    """Yield the webhooks of an invoice that is paid, each with one that was changed on its way."""
    own = _settings(account)
    settings = {**own, **emulator.settings(_BASE_URL)}
    distribution = account.plugin.distribution
    with Gateway.connect(
        account.backend, distribution=distribution, transport=EmulatorTransport(emulator), observers=(), **settings
    ) as gateway:
        invoice_id = _order(gateway, own.get("currency"))
    [token] = [each.token for _, each in emulator.ledger.select(EmulatedInvoice) if each.id == invoice_id]
    emulator.pay(token)
    for delivery in emulator.waiting():
        genuine = emulator.webhook_request(delivery)
        before = {each.id for each in emulator.waiting()}
        emulator.tamper(delivery.id)
        [changed] = [each for each in emulator.waiting() if each.id not in before]
        forged = emulator.webhook_request(changed)
        if genuine is not None and forged is not None:
            yield genuine, forged


def _order(gateway: Gateway, currency: object) -> str:
    """Create the invoice, in a currency that the account takes, and return its id."""
    refused: GatewayError | None = None
    for attempt, amount in enumerate(_amounts(currency), 1):
        request = InvoiceRequest(order_id=TEST_ORDER, attempt=attempt, amount=amount, return_url=_BASE_URL)
        try:
            return gateway.create_invoice(request).id
        except GatewayError as error:
            refused = refused or error
    assert refused is not None  # noqa: S101  # there is an amount
    raise refused


def _amounts(currency: object) -> Iterator[Money]:
    """Yield amounts, one of which the account may take: in the currency that its settings name, or in usual ones."""
    for code in (currency,) if isinstance(currency, str) else _CURRENCIES:
        if code not in ASSETS:
            yield Money(50, code)
        for network, exponent in ASSETS.get(code, {}).items():
            yield Money(50, code, network=network)
            yield Money(50, Currency(code, exponent))  # where only the payer chooses a network


def _verified(account: LoadedAccount, emulator: Emulator, request: HttpRequest) -> WebhookDelivery:
    """Verify a webhook as the shop does: by the account's own settings, but for the address of the API."""
    settings = account.settings
    if hasattr(settings, "base_url"):
        settings = attrs.evolve(settings, base_url=emulator.settings(_BASE_URL)["base_url"])
    operations = Operations.make(account.plugin, account.provider_class, settings)
    received = WebhookRequest(body=request.body, headers=request.headers, method=request.method, url=request.url)
    with Gateway(operations, EmulatorTransport(emulator)) as gateway:
        return gateway.verify_webhook(received)


#: Where the emulator is said to be; nothing is sent there.
_BASE_URL = "https://emulator.invalid"

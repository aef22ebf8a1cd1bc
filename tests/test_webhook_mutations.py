"""Whatever is changed in a genuine webhook, it is refused; and no genuine one is. By each provider's own scheme.

``pytest -m soak tests/test_webhook_mutations.py`` makes 1,000,000 changes and 100,000 genuine webhooks of each scheme.
"""

from __future__ import annotations

import contextlib
import logging
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

from gateway_core import InvoiceRequest, Money, WebhookDelivery, WebhookRequest, errors
from gateway_core.testing import EmulatedAccount

_DIGIT = re.compile(rb"\d")
_PART = re.compile(r"[^,= ]+")
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]+")


@attrs.frozen
class Scheme:
    """How one provider signs.

    Attributes:
        backend: The backend's name.
        headers: The headers that are signed, or are the signature.
        currency: One that it knows.
        settings: What its account needs besides keys.
        signs_fields: Whether it signs what some fields of the body say, and not its bytes.
    """

    backend: str
    headers: tuple[str, ...]
    currency: str = "EUR"
    settings: dict[str, Any] = attrs.field(factory=dict)
    signs_fields: bool = False


SCHEMES = [
    Scheme("adyen", (), signs_fields=True),
    Scheme("azothpay", ("X-Pay-Signature",), currency="USD", settings={"period": "PerMonth"}, signs_fields=True),
    Scheme("billoget", ("X-Billoget-Signature",)),
    Scheme("btcpay", ("BTCPay-Sig",)),
    Scheme("paypal", ("PAYPAL-TRANSMISSION-ID", "PAYPAL-TRANSMISSION-SIG", "PAYPAL-TRANSMISSION-TIME")),
    Scheme("sandbox", ("webhook-id", "webhook-timestamp", "webhook-signature")),
    Scheme("stripe", ("Stripe-Signature",)),
]


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Keep no line for each of a million refusals."""
    caplog.set_level(logging.CRITICAL, "gateway_core")


@contextlib.contextmanager
def told(scheme: Scheme, seed: int, orders: int) -> Iterator[tuple[EmulatedAccount, list[WebhookRequest]]]:
    """Give an account, and genuine webhooks about orders that were paid there."""
    with EmulatedAccount(scheme.backend, seed=seed, settings=scheme.settings) as account:
        for number in range(orders):
            amount = Money(f"{number + 1}.{seed % 90 + 10}", scheme.currency)
            account.pay(account.gateway.create_invoice(InvoiceRequest(order_id=f"{seed}-{number}", amount=amount)).id)
        yield account, account.webhooks()


def facts(delivery: WebhookDelivery) -> list[tuple[Any, ...]]:
    """Return what a shop acts on."""
    return [
        (event.id, event.kind, event.invoice_id, event.order_id, event.report, event.refund)
        for event in delivery.events
    ]


def flip(chance: random.Random, given: bytes) -> bytes:
    """Change one bit."""
    place = chance.randrange(len(given))
    return given[:place] + bytes([given[place] ^ 1 << chance.randrange(8)]) + given[place + 1 :]


def replace(chance: random.Random, given: bytes) -> bytes:
    """Change one byte."""
    place = chance.randrange(len(given))
    return given[:place] + bytes([chance.randrange(256)]) + given[place + 1 :]


def recount(chance: random.Random, given: bytes) -> bytes:
    """Change a digit, as of an amount or an id."""
    places = [found.start() for found in _DIGIT.finditer(given)] or [0]
    place = chance.choice(places)
    return given[:place] + b"%d" % chance.randrange(10) + given[place + 1 :]


def insert(chance: random.Random, given: bytes) -> bytes:
    """Add a byte."""
    place = chance.randrange(len(given) + 1)
    return given[:place] + bytes([chance.randrange(256)]) + given[place:]


def remove(chance: random.Random, given: bytes) -> bytes:
    """Leave some bytes out."""
    place = chance.randrange(len(given))
    return given[:place] + given[place + chance.randrange(1, 4) :]


def cut(chance: random.Random, given: bytes) -> bytes:
    """Leave the end out."""
    return given[: chance.randrange(len(given))]


def repeat(chance: random.Random, given: bytes) -> bytes:
    """Let a part stand there twice."""
    first, last = sorted(chance.choices(range(len(given) + 1), k=2))
    return given[:last] + given[first:]


def swap(chance: random.Random, given: bytes) -> bytes:
    """Let two bytes change places."""
    first, last = sorted(chance.choices(range(len(given)), k=2))
    return (
        given[:first] + given[last : last + 1] + given[first + 1 : last] + given[first : first + 1] + given[last + 1 :]
    )


CHANGES: list[Callable[[random.Random, bytes], bytes]] = [flip, replace, recount, insert, remove, cut, repeat, swap]


def mutated(
    chance: random.Random, scheme: Scheme, genuine: list[WebhookRequest]
) -> tuple[WebhookRequest, WebhookRequest]:
    """Return a genuine webhook, and what was made of it: its body, or a header that counts, is another one."""
    request, other = chance.choice(genuine), chance.choice(genuine)
    headers = dict(request.headers.pairs)
    change = chance.choice(CHANGES)
    what = chance.choice(["body", "body", "other body", "header", "other header", "no header"])
    body = bytes(request.body)
    if what == "other body":
        body = bytes(other.body)
    elif what == "body" or not scheme.headers:
        body = change(chance, body)
    else:
        name = chance.choice(scheme.headers)
        if what == "no header":
            del headers[name]
        elif what == "other header":
            headers[name] = other.headers[name]
        else:
            headers[name] = change(chance, headers[name].encode()).decode("latin-1")
    return request, WebhookRequest(body=body, headers=headers, url=request.url, method=request.method)


def says_the_same(scheme: Scheme, genuine: WebhookRequest, mutant: WebhookRequest) -> bool:
    """Return whether what is signed, and the signature, stand in the mutant as in the genuine one."""
    return bytes(genuine.body) == bytes(mutant.body) and all(
        words(genuine.headers[name]) <= words(mutant.headers.get(name, "")) for name in scheme.headers
    )


def words(header: str) -> set[str]:
    """Return the parts of a header; a hexadecimal number may be written either way."""
    return {part.lower() if _HEXADECIMAL.fullmatch(part) else part for part in _PART.findall(header)}


def is_harmless(delivery: WebhookDelivery, genuine: list[list[tuple[Any, ...]]]) -> bool:
    """Return whether a webhook tells what was signed, or nothing of any invoice."""
    nothing = all((event.invoice_id, event.report, event.refund) == (None, None, None) for event in delivery.events)
    return nothing or facts(delivery) in genuine


def check_mutants(scheme: Scheme, count: int) -> None:
    """Change genuine webhooks so many times: none is accepted, and the provider is asked about none of them."""
    chance = random.Random(scheme.backend)  # noqa: S311  # the same in each run
    with told(scheme, 1, 12) as (account, genuine):
        expected = [facts(account.gateway.verify_webhook(request)) for request in genuine]
        asked = len(account.faults.exchanges)
        tried = 0
        while tried < count:
            request, mutant = mutated(chance, scheme, genuine)
            if says_the_same(scheme, request, mutant):
                continue
            tried += 1
            try:
                delivery = account.gateway.verify_webhook(mutant)
            except errors.WebhookError:
                continue
            assert scheme.signs_fields, (mutant.headers.pairs, bytes(mutant.body), bytes(request.body))
            assert is_harmless(delivery, expected), (bytes(mutant.body), bytes(request.body))
        if not scheme.signs_fields:
            assert len(account.faults.exchanges) == asked


def check_genuine(scheme: Scheme, count: int) -> None:
    """Let so many genuine webhooks come: each is accepted."""
    seen = seed = 0
    while seen < count:
        seed += 1
        with told(scheme, seed, 50) as (account, genuine):
            for request in genuine:
                assert account.gateway.verify_webhook(request).events
                seen += 1


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.backend)
def test_changed_webhooks_are_refused(scheme: Scheme) -> None:
    """Ten thousand changes."""
    check_mutants(scheme, 10_000)


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.backend)
def test_genuine_webhooks_are_accepted(scheme: Scheme) -> None:
    """Whatever their amounts, ids and orders."""
    check_genuine(scheme, 200)


@pytest.mark.soak
@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.backend)
def test_a_million_changed_webhooks_are_refused(scheme: Scheme) -> None:
    """A million changes, and a hundred thousand genuine ones."""
    check_mutants(scheme, 1_000_000)
    check_genuine(scheme, 100_000)

"""Rows about reading what a provider says: webhooks, and long lists."""

from __future__ import annotations

import functools
import hashlib
import hmac
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

import requests
import standardwebhooks
import stripe

from benchmarks import shop
from benchmarks.bodies import webhook
from benchmarks.measuring import Pair, Row, Side, timed
from benchmarks.server import serving
from benchmarks.stripe_bodies import EVENT_BODY
from gateway_core import Gateway, Secret, WebhookRequest
from gateway_core.webhooks import sign_standard

#: Payments in the long list, and in the short one that its memory is compared with. Stripe's iterator is given a tenth.
_LONG, _SHORT = 100_000, 1_000


def _signed(body: bytes) -> dict[str, str]:
    return sign_standard(Secret(shop.WEBHOOK_SECRET), "msg_1", datetime.now(UTC), body)


def _verifying(gateway: Gateway, body: bytes) -> Side:
    headers = _signed(body)
    return timed(lambda: gateway.verify_webhook(WebhookRequest(body=body, headers=headers)))


def _stripe_signature(body: bytes) -> str:
    seconds = int(time.time())
    digest = hmac.new(shop.WEBHOOK_SECRET.encode(), b"%d.%b" % (seconds, body), hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"


def _construct(body: bytes, header: str) -> Side:
    return timed(lambda: stripe.Webhook.construct_event(body, header, shop.WEBHOOK_SECRET))


@contextmanager
def _webhook_stripe(_: float, *, size: int, flat: bool) -> Iterator[Pair]:
    body = webhook(size, flat=flat)
    with Gateway.connect("sandbox", **shop.SETTINGS) as gateway:
        yield Pair(_verifying(gateway, body), _construct(body, _stripe_signature(body)))


@contextmanager
def _webhook_session(_: float) -> Iterator[Pair]:
    header = _stripe_signature(EVENT_BODY)
    request = WebhookRequest(body=EVENT_BODY, headers={"Stripe-Signature": header})
    with shop.stripe_gateway_at("https://api.stripe.com") as gateway:
        yield Pair(timed(lambda: gateway.verify_webhook(request)), _construct(EVENT_BODY, header))


@contextmanager
def _webhook_standard(_: float, *, size: int) -> Iterator[Pair]:
    body = webhook(size)
    headers = _signed(body)
    theirs = standardwebhooks.Webhook(shop.WEBHOOK_SECRET)
    with Gateway.connect("sandbox", **shop.SETTINGS) as gateway:
        yield Pair(_verifying(gateway, body), timed(lambda: theirs.verify(body, headers)))


def _listing(gateway: Gateway, most: int) -> int:
    return sum(1 for _ in gateway.list_payments(limit=most))


@contextmanager
def _list_requests(share: float) -> Iterator[Pair]:
    most = int(_LONG * share)
    with serving() as url, shop.gateway_at(url) as gateway, requests.Session() as session:
        yield Pair(timed(lambda: _listing(gateway, most)), timed(lambda: shop.list_by_requests(session, url, most)))


@contextmanager
def _list_stripe(share: float, *, whole: bool) -> Iterator[Pair]:
    most = int(_LONG / 10 * share)
    with serving() as server, ExitStack() as stack:
        url = f"{server}/whole" if whole else server
        gateway, client = stack.enter_context(shop.gateway_at(url)), stack.enter_context(shop.stripe_at(url))
        yield Pair(timed(lambda: _listing(gateway, most)), timed(lambda: shop.list_by_stripe(client, most)))


@contextmanager
def _list_memory(share: float) -> Iterator[Pair]:
    with serving() as url, shop.gateway_at(url) as gateway:
        yield Pair(
            _peak(lambda: _listing(gateway, int(_LONG * share))), _peak(lambda: _listing(gateway, int(_SHORT * share)))
        )


def _peak(work: Callable[[], object]) -> Side:
    """Return a side that is measured by the most memory in use during its work, in megabytes."""

    def side(_: int) -> float:
        tracemalloc.start()
        try:
            work()
            return tracemalloc.get_traced_memory()[1] / 1e6
        finally:
            tracemalloc.stop()

    return side


_WEBHOOK = "verify a webhook of {} kB into a typed event"
_LIST = f"list {_LONG:,} payments"

ROWS = [
    *(
        Row(
            name=f"webhook-stripe-{size}",
            work=f"{_WEBHOOK.format(size)}, flat",
            against="stripe construct_event",
            make=functools.partial(_webhook_stripe, size=size * 1_000, flat=True),
            target=target,
        )
        for size, target in ((1, 1 / 4), (10, 1 / 20))
    ),
    Row(
        name="webhook-stripe-nested-10",
        work=f"{_WEBHOOK.format(10)}, of objects",
        against="stripe construct_event",
        make=functools.partial(_webhook_stripe, size=10_000, flat=False),
    ),
    Row(
        name="webhook-stripe-session",
        work=f"{_WEBHOOK.format(len(EVENT_BODY) // 1000)} by gateway-stripe, a whole Session",
        against="stripe construct_event",
        make=_webhook_session,
    ),
    *(
        Row(
            name=f"webhook-standard-{size}",
            work=_WEBHOOK.format(size),
            against="standardwebhooks (a plain dict)",
            make=functools.partial(_webhook_standard, size=size * 1_000),
            target=target,
        )
        for size, target in ((1, 3.5), (10, None))
    ),
    Row(
        name="list-requests",
        work=_LIST,
        against="requests (plain dicts)",
        make=_list_requests,
        target=1.0,
        rounds=7,
    ),
    Row(
        name="list-stripe",
        work=f"list {_LONG // 10:,} payments of seven fields",
        against="stripe auto_paging_iter",
        make=functools.partial(_list_stripe, whole=False),
        rounds=7,
    ),
    Row(
        name="list-stripe-charges",
        work=f"list {_LONG // 10:,} whole charges",
        against="stripe auto_paging_iter",
        make=functools.partial(_list_stripe, whole=True),
        target=1 / 18,
        rounds=3,
    ),
    Row(
        name="list-memory",
        work=f"{_LIST}, peak memory",
        against=f"listing {_SHORT:,}",
        make=_list_memory,
        target=2.0,
        unit="MB",
        rounds=3,
    ),
]

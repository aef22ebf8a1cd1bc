"""A secret in the webhook's address keeps forgeries from costing a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway_core import (
    Gateway,
    HttpRequest,
    WebhookRequest,
)
from gateway_core.errors import WebhookError, WebhookReason

SECRET = "url-secret-0123456789"
ADDRESS = "https://shop.example/webhooks/bitsby"

Sent = Callable[[], list[HttpRequest]]


def refused(gateway: Gateway, body: bytes, **more: Any) -> WebhookError:
    """Return the error with which a webhook is refused."""
    with pytest.raises(WebhookError) as caught:
        gateway.verify_webhook(WebhookRequest(body=body, **more))
    return caught.value


@pytest.mark.parametrize(
    "url",
    [
        f"{ADDRESS}?secret={SECRET}",
        f"{ADDRESS}?a=1&key={SECRET}&b=2",
        f"{ADDRESS}/{SECRET}",
        f"{ADDRESS}/{SECRET}/",
        f"/webhooks/{SECRET}/bitsby",
        f"{ADDRESS}?secret=url%2Dsecret%2D0123456789",
    ],
)
def test_secret_in_the_address_is_accepted(
    connect: Callable[..., Gateway], answers: Callable[..., None], example: Callable[[str], bytes], url: str
) -> None:
    """The merchant chooses where in the address the secret stands; Bitsby is asked all the same."""
    answers("invoices/list", example("paid"))

    delivery = connect(url_secret=SECRET).verify_webhook(WebhookRequest(body=example("webhook"), url=url))

    assert delivery.verified_by == "callback"


@pytest.mark.parametrize(
    "url, reason",
    [
        (None, WebhookReason.MISSING_SIGNATURE),
        ("", WebhookReason.WRONG_SIGNATURE),
        (ADDRESS, WebhookReason.WRONG_SIGNATURE),
        (f"{ADDRESS}?secret=", WebhookReason.WRONG_SIGNATURE),
        (f"{ADDRESS}?secret={SECRET}0", WebhookReason.WRONG_SIGNATURE),
        (f"{ADDRESS}?secret={SECRET[:-1]}", WebhookReason.WRONG_SIGNATURE),
        (f"{ADDRESS}?secret={SECRET.upper()}", WebhookReason.WRONG_SIGNATURE),
        (f"{ADDRESS}?{SECRET}=secret", WebhookReason.WRONG_SIGNATURE),
        (f"{ADDRESS}#{SECRET}", WebhookReason.WRONG_SIGNATURE),
        (f"https://{SECRET}@shop.example/webhooks/bitsby", WebhookReason.WRONG_SIGNATURE),
        (f"{ADDRESS}?secret=ü", WebhookReason.WRONG_SIGNATURE),
        (f"{ADDRESS}?secret=\ud800", WebhookReason.WRONG_SIGNATURE),
        ("https://[", WebhookReason.WRONG_SIGNATURE),
        (f"{ADDRESS}?{'a=1&' * 1000}secret={SECRET}", WebhookReason.WRONG_SIGNATURE),
    ],
    ids=ascii,
)
def test_forgery_without_the_secret_costs_no_request(
    connect: Callable[..., Gateway], example: Callable[[str], bytes], sent: Sent, url: str | None, reason: WebhookReason
) -> None:
    """W2, W4: it is refused before its body is read, so a flood of them cannot use up the one request a second."""
    error = refused(connect(url_secret=SECRET), example("webhook"), url=url)

    assert (error.reason, error.http_status, sent()) == (reason, 400, [])


def test_body_is_not_read_before_the_secret_is_found(connect: Callable[..., Gateway]) -> None:
    """W2: whoever cannot say the secret learns nothing about how bodies are read."""
    error = refused(connect(url_secret=SECRET), b"no JSON at all", url=ADDRESS)

    assert error.reason is WebhookReason.WRONG_SIGNATURE

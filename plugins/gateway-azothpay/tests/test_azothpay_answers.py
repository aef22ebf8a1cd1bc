"""What is made of AzothPay's answers: documented ones, refusals, and nonsense."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import requests

from gateway_core import (
    AmountVerdict,
    Currency,
    Gateway,
    Invoice,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    StatusReport,
)
from gateway_core.errors import (
    AuthenticationError,
    GatewayError,
    NotFoundError,
    OutcomeUnknownError,
    ProviderUnavailableError,
    RateLimitedError,
    RejectedError,
    UnexpectedResponseError,
)

KEY = "made-up-key-0123456789-abcdefghijklmnop"
AT = datetime(2023, 12, 23, 10, tzinfo=UTC)

RequestOf = Callable[..., InvoiceRequest]


def test_invoice_is_made_of_the_answer(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes], request_of: RequestOf
) -> None:
    """An id of 64 bits becomes text; seven digits of a second are read."""
    answers("api/invoice", example("created"), method="POST")

    actual = gateway.create_invoice(request_of())

    assert actual == Invoice(
        id="4242",
        order_id="1042",
        attempt=1,
        status=InvoiceStatus.PENDING,
        amount=Money("10.50", "USD"),
        payment_url="https://t.me/azothpay_bot?start=invoice_4242",
        created_at=AT,
    )
    assert actual.raw["botUrl"] == actual.payment_url


@pytest.mark.parametrize("bot_url", [None, "", ...], ids=["null", "empty", "missing"])
@pytest.mark.parametrize(
    "template, expected",
    [(None, None), ("https://invoice.azothpay.com?id={id}", "https://invoice.azothpay.com?id=4242")],
)
def test_pay_page_without_a_bot_is_the_configured_one(  # noqa: PLR0917  # as many fixtures as it needs
    connect: Callable[..., Gateway],
    answers: Callable[..., None],
    changed: Callable[..., bytes],
    request_of: RequestOf,
    bot_url: Any,
    template: str | None,
    expected: str | None,
) -> None:
    """An address is built only if the account says how; else there is none."""
    answers("api/invoice", changed("created", botUrl=bot_url), method="POST")

    invoice = connect(checkout_url=template).create_invoice(request_of())

    assert invoice.payment_url == expected


def test_id_keeps_all_of_its_digits(
    gateway: Gateway, answers: Callable[..., None], changed: Callable[..., bytes], request_of: RequestOf
) -> None:
    """A floating-point number would lose the last of them."""
    answers("api/invoice", changed("created", id=9223372036854775807), method="POST")

    assert gateway.create_invoice(request_of()).id == "9223372036854775807"


def test_invoice_at_another_rate_is_an_error_with_its_id(
    gateway: Gateway, answers: Callable[..., None], changed: Callable[..., bytes], request_of: RequestOf
) -> None:
    """M4: what the payer would be charged is not what was asked for."""
    answers("api/invoice", changed("created", rate=105), method="POST")

    with pytest.raises(UnexpectedResponseError, match="another amount") as caught:
        gateway.create_invoice(request_of())

    assert (caught.value.effect, caught.value.invoice_id) == ("done", "4242")


@pytest.mark.parametrize(
    "changes, known",
    [
        ({"rate": ...}, "4242"),
        ({"rate": None}, "4242"),
        ({"rate": "ten"}, "4242"),
        ({"rate": 0}, "4242"),
        ({"createdAt": "yesterday"}, "4242"),
        ({"createdAt": 1703325600}, "4242"),
        ({"createdAt": "2023-12-23"}, "4242"),
        ({"botUrl": "tg://resolve?domain=azothpay_bot"}, "4242"),
        ({"botUrl": "javascript:alert(1)"}, "4242"),
        ({"botUrl": 7}, "4242"),
        ({"id": "4242"}, "4242"),
        ({"id": True}, None),
        ({"id": -1}, None),
        ({"id": 9223372036854775808}, None),
        ({"id": ...}, None),
    ],
    ids=str,
)
def test_unusable_answer_to_a_creation_says_that_it_was_made(  # noqa: PLR0917  # as many fixtures as it needs
    gateway: Gateway,
    answers: Callable[..., None],
    changed: Callable[..., bytes],
    request_of: RequestOf,
    changes: dict[str, Any],
    known: str | None,
) -> None:
    """An invoice exists, so nobody may think that nothing happened; its id is told where it could be read."""
    answers("api/invoice", changed("created", **changes), method="POST")

    with pytest.raises(UnexpectedResponseError) as caught:
        gateway.create_invoice(request_of())

    assert (caught.value.effect, caught.value.invoice_id) == ("done" if known else "unknown", known)


@pytest.mark.parametrize(
    "name, status, word",
    [("unpaid", InvoiceStatus.PENDING, "isPaid: false"), ("paid", InvoiceStatus.PAID, "isPaid: true")],
)
def test_status_has_two_values(  # noqa: PLR0917  # as many fixtures as it needs
    gateway: Gateway,
    answers: Callable[..., None],
    example: Callable[[str], bytes],
    name: str,
    status: InvoiceStatus,
    word: str,
) -> None:
    """Subscribed once, or not yet; how much has come is not told."""
    answers("api/invoice/4242", example(name))

    actual = gateway.get_status("4242")

    assert actual == StatusReport(
        invoice_id="4242",
        order_id="1042",
        attempt=1,
        status=status,
        expected=Money("10.50", "USD"),
        received=None,
        provider_status=word,
    )
    assert (actual.verdict, actual.raw) == (AmountVerdict.UNKNOWN, json.loads(example(name)))


def test_only_what_is_demanded_is_demanded(gateway: Gateway, answers: Callable[..., None]) -> None:
    """Nullable fields may be missing, and unknown ones be there."""
    answers("api/invoice/4242", b'{"id": 4242, "rate": 10.505, "isPaid": false, "new": [1]}')

    actual = gateway.get_status("4242")

    assert (actual.order_id, actual.expected) == (None, Money("10.505", Currency("USD", 3)))


@pytest.mark.parametrize("metadata", [None, {}, {"order_id": 1042}, {"order_id": ["1042"]}, {"order": "1042"}], ids=str)
def test_metadata_of_somebody_else_names_no_order(
    gateway: Gateway, answers: Callable[..., None], changed: Callable[..., bytes], metadata: Any
) -> None:
    """An invoice may have been made by hand, or by another program with the same key."""
    answers("api/invoice/4242", changed("unpaid", metadata=metadata))

    assert gateway.get_status("4242").order_id is None


@pytest.mark.parametrize(
    "changes, field",
    [
        ({"isPaid": "true"}, "isPaid: bool expected"),
        ({"isPaid": 1}, "isPaid: bool expected"),
        ({"isPaid": None}, "isPaid: bool expected"),
        ({"isPaid": ...}, "isPaid: missing"),
        ({"rate": "1,5"}, "rate: "),
        ({"rate": True}, "rate: number expected"),
        ({"rate": -1}, "zero or more"),
        ({"metadata": "order 1042"}, "metadata: "),
        ({"recipient": 7}, "recipient: "),
        ({"id": "4242"}, "id: int expected"),
        ({"id": 4243}, "about something else"),
    ],
    ids=str,
)
def test_answer_of_a_wrong_form_names_the_field(  # as many fixtures as it needs
    gateway: Gateway,
    answers: Callable[..., None],
    changed: Callable[..., bytes],
    changes: dict[str, Any],
    field: str,
) -> None:
    """Above all, nothing but a real `true` is paid."""
    answers("api/invoice/4242", changed("paid", **changes))

    with pytest.raises(UnexpectedResponseError, match=field):
        gateway.get_status("4242")


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"null", b"[]", b'"paid"', b'{"id": 4242, "isPaid": false, "isPaid": true}', b'{"rate": NaN}'],
    ids=repr,
)
def test_nonsense_is_no_status(gateway: Gateway, answers: Callable[..., None], body: bytes) -> None:
    """Strict JSON, with each key once."""
    answers("api/invoice/4242", body)

    with pytest.raises(UnexpectedResponseError):
        gateway.get_status("4242")


@pytest.mark.parametrize(
    "text, expected",
    [
        ("2023-12-23T10:00:00.0000000Z", AT),
        ("2023-12-23T10:00:00.1234567Z", AT + timedelta(microseconds=123456)),
        ("2023-12-23T10:00:00Z", AT),
        ("2023-12-23T10:00:00.12", AT + timedelta(microseconds=120000)),
        ("2023-12-23T10:00:00", AT),
        ("2023-12-23T12:00:00+02:00", datetime(2023, 12, 23, 12, tzinfo=timezone(timedelta(hours=2)))),
    ],
)
def test_time_is_read_as_dotnet_writes_it(  # noqa: PLR0917  # as many fixtures as it needs
    gateway: Gateway,
    answers: Callable[..., None],
    changed: Callable[..., bytes],
    request_of: RequestOf,
    text: str,
    expected: datetime,
) -> None:
    """Seven digits of a second; without a zone it is UTC."""
    answers("api/invoice", changed("created", createdAt=text), method="POST")

    actual = gateway.create_invoice(request_of()).created_at

    assert (actual, actual and actual.utcoffset()) == (expected, expected.utcoffset())


@pytest.mark.parametrize(
    "status, kind, effect",
    [
        (400, RejectedError, "none"),
        (401, AuthenticationError, "none"),
        (404, NotFoundError, "none"),
        (429, RateLimitedError, "none"),
        (500, ProviderUnavailableError, "unknown"),
        (302, UnexpectedResponseError, "unknown"),
    ],
)
def test_refused_creation_says_what_is_known(  # noqa: PLR0917  # as many fixtures as it needs
    gateway: Gateway,
    answers: Callable[..., None],
    request_of: RequestOf,
    status: int,
    kind: type[GatewayError],
    effect: str,
) -> None:
    """After a 500 an invoice may exist; after a 400 none does."""
    answers("api/invoice", b'{"title": "No."}', status=status, method="POST")

    with pytest.raises(kind, match="No\\.") as caught:
        gateway.create_invoice(request_of())

    assert (type(caught.value), caught.value.effect) == (kind, effect)


@pytest.mark.parametrize(
    "status, body",
    [(204, b""), (200, b""), (200, b"{}"), (200, b'{"error": "no"}'), (201, b"[]"), (200, b"null")],
    ids=str,
)
def test_creation_is_done_only_where_an_invoice_shows(
    gateway: Gateway, answers: Callable[..., None], request_of: RequestOf, status: int, body: bytes
) -> None:
    """I6: a success without an id proves nothing."""
    answers("api/invoice", body, status=status, method="POST")

    with pytest.raises(UnexpectedResponseError) as caught:
        gateway.create_invoice(request_of())

    assert (caught.value.effect, caught.value.invoice_id) == ("unknown", None)


@pytest.mark.parametrize(
    "body, expected",
    [
        (b'{"title": "Bad", "detail": "The rate is invalid"}', "HTTP status 400: The rate is invalid"),
        (b'{"title": "Bad"}', "HTTP status 400: Bad"),
        (b'{"message": "Bad"}', "HTTP status 400: Bad"),
        (b'{"error": "Bad"}', "HTTP status 400: Bad"),
        (b'"Bad"', "HTTP status 400: Bad"),
        (b'{"error": {"code": 7}}', "HTTP status 400"),
        (b'{"title": " "}', "HTTP status 400"),
        (b"<html>Bad</html>", "HTTP status 400"),
        (b"", "HTTP status 400"),
    ],
    ids=repr,
)
def test_words_of_a_refusal_are_passed_on(
    gateway: Gateway, answers: Callable[..., None], body: bytes, expected: str
) -> None:
    """In which form AzothPay gives them is not documented."""
    answers("api/invoice/4242", body, status=400)

    with pytest.raises(RejectedError) as caught:
        gateway.get_status("4242")

    assert caught.value.message == f"AzothPay answered with {expected}"


@pytest.mark.parametrize("header, seconds", [("7", 7.0), ("soon", None), ("", None)])
def test_wait_is_told(gateway: Gateway, answers: Callable[..., None], header: str, seconds: float | None) -> None:
    """Rate limits are not documented; if there are any, this is how the web tells of them."""
    answers("api/invoice/4242", b"", status=429, headers={"Retry-After": header})

    with pytest.raises(RateLimitedError) as caught:
        gateway.get_status("4242")

    assert caught.value.retry_after == seconds


def test_lost_answer_is_an_unknown_outcome(gateway: Gateway, mocker: Any, request_of: RequestOf) -> None:
    """AzothPay may have made the invoice, and cannot be asked."""
    mocker.post("https://invoice-api.example/api/invoice", exc=requests.ReadTimeout)

    with pytest.raises(OutcomeUnknownError) as caught:
        gateway.create_invoice(request_of())

    assert caught.value.effect == "unknown"


def test_key_is_in_no_error(gateway: Gateway, answers: Callable[..., None], request_of: RequestOf) -> None:
    """S1: not even where AzothPay repeats it."""
    answers("api/invoice", json.dumps({"detail": f"unknown key {KEY}"}).encode(), status=401, method="POST")

    with pytest.raises(AuthenticationError) as caught:
        gateway.create_invoice(request_of())

    assert "made-up-key" not in "".join(traceback.format_exception(caught.value))

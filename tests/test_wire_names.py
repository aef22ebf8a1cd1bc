"""Names and times that a provider writes in its own way, and the id in an answer that cannot be read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import attrs
import pytest

from gateway_core.errors import GatewayError, InvalidRequestError, RejectedError, UnexpectedResponseError
from gateway_core.wire import UnixTime, camel_case, decode, loads, named, naming_invoice, to_unix, unix


@attrs.frozen(kw_only=True, field_transformer=camel_case)
class Link:
    """A class whose names are in camel case at the provider."""

    checkout_url: str
    created_at: UnixTime
    paid_at: UnixTime | None = None
    from_address: str = named("from", default="")


@attrs.frozen(kw_only=True)
class Outer:
    """A class with the provider's own names, and one that is none in Python."""

    links: list[Link] = named("_links")


def test_names_in_camel_case_are_read_into_those_of_python() -> None:
    """No class needs names that break the naming rules of its language."""
    found = decode(b'{"_links": [{"checkoutUrl": "/", "createdAt": 1, "paidAt": null, "from": "x"}]}', Outer)

    assert found == Outer(
        links=[Link(checkout_url="/", created_at=datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), from_address="x")]
    )


def test_an_error_names_a_field_as_the_provider_does() -> None:
    """Who reads it looks into the provider's documentation."""
    with pytest.raises(UnexpectedResponseError, match=r"_links\[0\]\.createdAt: a whole number of Unix seconds"):
        decode(b'{"_links": [{"checkoutUrl": "/", "createdAt": "2030-01-01"}]}', Outer)
    with pytest.raises(UnexpectedResponseError, match=r"_links\[0\]\.checkoutUrl: missing"):
        decode(b'{"_links": [{"createdAt": 1}]}', Outer)


@pytest.mark.parametrize("seconds", [True, "1", 1.0, -1, 253_402_300_800, 1_893_456_000_000, None])
def test_what_is_no_number_of_seconds_is_refused(seconds: object) -> None:
    """Milliseconds that are read as seconds would be a time in the year 61970."""
    with pytest.raises(UnexpectedResponseError, match="Unix seconds"):
        unix(seconds)  # type: ignore[arg-type]  # what a provider may send


@pytest.mark.parametrize("seconds", [0, 1, 1_893_456_000, 253_402_300_799])
def test_seconds_are_written_as_they_are_read(seconds: int) -> None:
    """There and back it is the same time."""
    assert to_unix(unix(seconds)) == seconds == to_unix(unix(seconds), up=True)


def test_a_part_of_a_second_goes_where_it_is_sent() -> None:
    """A range that begins or ends within a second must not lose what lies in it."""
    at = datetime(2030, 1, 1, 1, 0, 0, 1, tzinfo=timezone(timedelta(hours=1)))

    assert (to_unix(at), to_unix(at, up=True)) == (1_893_456_000, 1_893_456_001)


def test_a_time_without_a_zone_is_none() -> None:
    """Which moment it means is the host's to guess."""
    with pytest.raises(InvalidRequestError, match="time zone"):
        to_unix(datetime(2030, 1, 1))  # noqa: DTZ001  # it is what is refused


@pytest.mark.parametrize(
    "body, known",
    [
        (b'{"id": "inv_7", "total": NaN}', "inv_7"),
        (b'{"id": "inv_7", "total": 1e999999999}', "inv_7"),
        (b'{"id": "inv_7", "total": ' + b"9" * 5000 + b"}", "inv_7"),
        (b'{"id": 70000000000000000001, "total": -Infinity}', "70000000000000000001"),
        (b'{"id": "inv_7", "id": "inv_8"}', None),
        (b'{"id": "inv_7", "total": 1, "total": 2}', "inv_7"),
        (b'{"id": null, "total": NaN}', None),
        (b'{"id": true, "total": NaN}', None),
        (b'{"id": ["inv_7"], "total": NaN}', None),
        (b'{"id": "a\\nb", "total": NaN}', None),
        (b'["inv_7", NaN]', None),
        (b'{"id": "inv_7"', None),
        (b"\xff", None),
        (b"[" * 100_000, None),
        (b"", None),
    ],
    ids=[
        "NaN",
        "huge",
        "long",
        "number",
        "twice",
        "another twice",
        "null",
        "bool",
        "list",
        "two lines",
        "array",
        "cut",
        "bytes",
        "deep",
        "empty",
    ],
)
def test_an_invoice_that_was_made_is_named(body: bytes, known: str | None) -> None:
    """Whoever reads the error can look it up, and call it off."""
    with pytest.raises(UnexpectedResponseError) as caught, naming_invoice(body, "id"):
        loads(body)

    assert caught.value.invoice_id == known


@pytest.mark.parametrize(
    "error, effect",
    [
        (UnexpectedResponseError("no amount"), "done"),
        (UnexpectedResponseError("no amount", http_status=201), "done"),
        (InvalidRequestError("a record refused the amount"), "done"),
        (UnexpectedResponseError("somewhere else", http_status=302), "none"),
        (RejectedError("refused", http_status=200), "none"),
        (RejectedError("refused", http_status=422), "none"),
    ],
    ids=range(6),
)
def test_an_invoice_that_was_made_is_done(error: GatewayError, effect: str) -> None:
    """An answer that cannot be read, with an id in it, is an invoice; a refusal with one is none."""
    with pytest.raises(type(error)) as caught, naming_invoice(b'{"id": "inv_7"}', "id"):
        raise error

    assert (caught.value.invoice_id, caught.value.effect) == ("inv_7", effect)


def test_what_was_not_named_is_not_said_to_be_done() -> None:
    """Without an id nothing shows that there is an invoice."""
    with pytest.raises(UnexpectedResponseError) as caught, naming_invoice(b"{}", "id"):
        raise UnexpectedResponseError("no amount")

    assert caught.value.effect == "none"


def test_an_id_that_is_known_already_stays() -> None:
    """Who raised the error knew better."""
    with pytest.raises(UnexpectedResponseError) as caught, naming_invoice(b'{"id": "b"}', "id"):
        raise UnexpectedResponseError("no", invoice_id="a")

    assert caught.value.invoice_id == "a"

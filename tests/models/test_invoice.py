"""What the shop asks to be paid is checked before anything is sent, and what a provider tells before it is believed."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from gateway_core import (
    AmountVerdict,
    Capture,
    CaptureRequest,
    CaptureStatus,
    Invoice,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    Refund,
    RefundRequest,
    RefundStatus,
    StatusReport,
)
from gateway_core.errors import InvalidRequestError

EUR = Money("49.90", "EUR")
NOW = datetime(2030, 1, 1, tzinfo=UTC)

VALID: dict[type, dict[str, Any]] = {
    InvoiceRequest: {"order_id": "1042", "amount": EUR},
    Invoice: {"id": "7", "status": InvoiceStatus.PENDING, "amount": EUR},
    StatusReport: {"invoice_id": "7", "status": InvoiceStatus.PENDING},
    RefundRequest: {"refund_id": "r-7", "invoice_id": "7", "amount": EUR},
    Refund: {"id": "r", "invoice_id": "7", "amount": EUR},
    CaptureRequest: {"capture_id": "c-7", "invoice_id": "7"},
    Capture: {"id": "c", "invoice_id": "7", "status": CaptureStatus.DONE},
}
IDENTIFIERS = [
    (InvoiceRequest, "order_id"),
    (Invoice, "id"),
    (StatusReport, "invoice_id"),
    (RefundRequest, "refund_id"),
    (RefundRequest, "invoice_id"),
    (Refund, "id"),
    (Refund, "invoice_id"),
    (CaptureRequest, "capture_id"),
    (CaptureRequest, "invoice_id"),
    (Capture, "id"),
    (Capture, "invoice_id"),
]
MOMENTS = [
    (InvoiceRequest, "requested_at"),
    (Invoice, "created_at"),
    (Invoice, "expires_at"),
    (Refund, "created_at"),
    (Capture, "created_at"),
]
POSITIVE = [
    (InvoiceRequest, "amount"),
    (Invoice, "amount"),
    (RefundRequest, "amount"),
    (Refund, "amount"),
    (CaptureRequest, "amount"),
    (Capture, "amount"),
]
TEXTS = [
    (Invoice, "order_id"),
    (StatusReport, "order_id"),
    (StatusReport, "provider_status"),
    (Refund, "refund_id"),
    (Capture, "capture_id"),
]
ADDRESSES = [
    (InvoiceRequest, "return_url"),
    (InvoiceRequest, "cancel_url"),
    (InvoiceRequest, "webhook_url"),
    (Invoice, "payment_url"),
]
STATUSES = [(Invoice, "status"), (StatusReport, "status"), (Refund, "status"), (Capture, "status")]
ATTEMPTS = [(InvoiceRequest, "attempt"), (Invoice, "attempt"), (StatusReport, "attempt")]
REFERENCES = [Invoice, StatusReport, RefundRequest, Refund, CaptureRequest, Capture]


def make(kind: type, **changed: Any) -> Any:
    """Return a valid record with some fields changed."""
    return kind(**(VALID[kind] | changed))


@pytest.mark.parametrize("kind, field", IDENTIFIERS)
@pytest.mark.parametrize("value", ["1", "a" * 255, "a/b?c#d", "../x", "заказ 7", "1 2", "\u202e7"])
def test_ids_are_taken_as_they_are(kind: type, field: str, value: str) -> None:
    """An id is the other side's: up to 255 characters are kept as they came."""
    actual = getattr(make(kind, **{field: value}), field)

    assert actual == value


@pytest.mark.parametrize("kind, field", IDENTIFIERS)
@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        " 7",
        "7 ",
        "7\n",
        "a\r\nb",
        "a\x00b",
        "\x7f",
        "\x85",
        "\u2028",
        "\ud800",
        "a" * 256,
        7,
        None,
        b"7",
        True,
    ],
    ids=ascii,
)
def test_ids_are_plain_text(kind: type, field: str, value: Any) -> None:
    """S8: an id is not empty, not padded, not endless and free of control characters."""
    with pytest.raises(InvalidRequestError, match=f"^{field} must be text of 1 to 255"):
        make(kind, **{field: value})


@pytest.mark.parametrize("kind, field", POSITIVE)
@pytest.mark.parametrize("value", [Money(0, "EUR"), Money(-1, "EUR"), "49.90", 49, 49.9], ids=repr)
def test_what_is_asked_for_is_above_zero(kind: type, field: str, value: Any) -> None:
    """M2: nobody pays nothing, or less."""
    with pytest.raises(InvalidRequestError, match="must be Money above zero"):
        make(kind, **{field: value})


@pytest.mark.parametrize("field", ["expected", "received", "refunded"])
@pytest.mark.parametrize("value", [Money(-1, "EUR"), "1.00", 1], ids=repr)
def test_facts_are_not_below_zero(field: str, value: Any) -> None:
    """M2: no amount of a report is negative: facts are cumulative."""
    with pytest.raises(InvalidRequestError, match=f"^{field} must be Money, zero or more"):
        make(StatusReport, **{field: value})


@pytest.mark.parametrize("kind, field", MOMENTS)
@pytest.mark.parametrize("value", [datetime(2030, 1, 1), "2030-01-01T00:00:00Z", 1893456000], ids=repr)  # noqa: DTZ001
def test_moments_have_a_time_zone(kind: type, field: str, value: Any) -> None:
    """A time without its time zone is wrong by hours somewhere."""
    with pytest.raises(InvalidRequestError, match=f"^{field} must be a datetime with a time zone"):
        make(kind, **{field: value})


@pytest.mark.parametrize("kind, field", MOMENTS)
@pytest.mark.parametrize("value", [None, NOW])
def test_moments_are_kept(kind: type, field: str, value: datetime | None) -> None:
    """A moment with a time zone is kept, and may be unknown."""
    actual = getattr(make(kind, **{field: value}), field)

    assert actual == value


@pytest.mark.parametrize("kind, field", TEXTS)
@pytest.mark.parametrize("value", [7, b"7", True], ids=repr)
def test_what_the_provider_gives_back_is_text(kind: type, field: str, value: Any) -> None:
    """A number that the plugin forgot to convert would never equal the shop's key."""
    with pytest.raises(InvalidRequestError, match=f"^{field} must be text, not {type(value).__name__}"):
        make(kind, **{field: value})


@pytest.mark.parametrize("kind, field", STATUSES)
@pytest.mark.parametrize("value", ["paid", "done", "PAID", AmountVerdict.EXACT, None], ids=repr)
def test_a_status_is_a_status(kind: type, field: str, value: Any) -> None:
    """The provider's own word is no status, even where it is spelt the same."""
    with pytest.raises(InvalidRequestError, match=r"must be of .*Status"):
        make(kind, **{field: value})


@pytest.mark.parametrize("kind", [Invoice, InvoiceRequest, RefundRequest, Refund])
def test_what_is_asked_for_is_told(kind: type) -> None:
    """Only a capture may leave the amount out."""
    with pytest.raises(InvalidRequestError, match="must be Money above zero"):
        make(kind, amount=None)


@pytest.mark.parametrize("kind, field", ADDRESSES)
@pytest.mark.parametrize(
    "value",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://shop.example",
        "//shop.example",
        "shop.example",
        "https://",
        "https:shop.example",
        "https://shop.example:99999",
        "https://shop.example:0",
        "https://[::1",
        "https://shop.example/\r\nSet-Cookie: a=b",
        "https://shop .example",
        " https://shop.example",
        "java\nscript:alert(1)",
        "https://shop.example/\n",
        "https://shop.example/\ud800",
        b"https://shop.example",
        7,
    ],
    ids=ascii,
)
def test_addresses_are_for_browsers(kind: type, field: str, value: Any) -> None:
    """A browser is sent to http or https addresses only."""
    with pytest.raises(InvalidRequestError, match=f"^{field} must be an https? (or https )?address"):
        make(kind, **{field: value})


@pytest.mark.parametrize("kind, field", ADDRESSES)
@pytest.mark.parametrize("value", [None, "http://127.0.0.1:8000/?a=b#c", "https://пример.рф/", "https://[::1]/"])
def test_addresses_are_kept(kind: type, field: str, value: str | None) -> None:
    """An address is kept as it came."""
    actual = getattr(make(kind, **{field: value}), field)

    assert actual == value


@pytest.mark.parametrize("kind, field", [(InvoiceRequest, "description"), (RefundRequest, "reason")])
@pytest.mark.parametrize("value", ["a\nb", "a\x00", "a\u2029b", "a" * 1001, "\udfff", None, 7], ids=ascii)
def test_texts_for_people_are_one_line(kind: type, field: str, value: Any) -> None:
    """S8: what a person reads is one line of at most 1000 characters."""
    with pytest.raises(InvalidRequestError, match=f"^{field} must be one line"):
        make(kind, **{field: value})


@pytest.mark.parametrize("kind, field", [(InvoiceRequest, "description"), (RefundRequest, "reason")])
@pytest.mark.parametrize("value", ["", "a" * 1000, "Zwei Karten, 日本 \u200f"])
def test_texts_for_people_are_kept(kind: type, field: str, value: str) -> None:
    """What a person reads is in any language."""
    actual = getattr(make(kind, **{field: value}), field)

    assert actual == value


@pytest.mark.parametrize("value", [None, timedelta(microseconds=1), timedelta(days=365)])
def test_expiry_is_kept(value: timedelta | None) -> None:
    """How long an invoice may be paid is the shop's to say, or the provider's."""
    actual = make(InvoiceRequest, expires_in=value).expires_in

    assert actual == value


@pytest.mark.parametrize("value", [timedelta(0), timedelta(seconds=-1), 3600, "1h"], ids=repr)
def test_expiry_lies_ahead(value: Any) -> None:
    """An invoice that has expired when it is made is a mistake."""
    with pytest.raises(InvalidRequestError, match="timedelta above zero"):
        make(InvoiceRequest, expires_in=value)


@pytest.mark.parametrize(
    "value",
    [{"a": 1}, {1: "a"}, {"a": None}, {"a": {"b": "c"}}, {"a": "\ud800"}, {"\udc00": "a"}, [("a", "b")], "ab", None],
    ids=ascii,
)
def test_metadata_is_text(value: Any) -> None:
    """Metadata goes to the provider and comes back the same only as text."""
    with pytest.raises(InvalidRequestError, match="metadata must map text to text"):
        make(InvoiceRequest, metadata=value)


@pytest.mark.parametrize("field", ["metadata", "options"])
def test_mappings_are_copied_and_frozen(field: str) -> None:
    """A request does not change with the dict that it was made of, and nobody changes it afterwards."""
    given = {"a": "b"}
    request = make(InvoiceRequest, **{field: given})
    given["a"] = "c"

    actual = getattr(request, field)

    assert (dict(actual), len(actual), repr(actual), hasattr(actual, "__setitem__")) == (
        {"a": "b"},
        1,
        "{'a': 'b'}",
        False,
    )


def test_options_may_be_an_instance() -> None:
    """A provider's own options class is passed as it is."""
    options = object()

    actual = make(InvoiceRequest, options=options).options

    assert actual is options


@pytest.mark.parametrize("kind", VALID)
@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy, lambda record: pickle.loads(pickle.dumps(record))])  # noqa: S301
def test_records_can_be_copied_pickled_and_hashed(kind: type, clone: Callable[[Any], Any]) -> None:
    """A record can go to another process, and be the key of a dict."""
    record = make(kind, **({"metadata": {"a": "b"}, "options": {"c": "d"}} if kind is InvoiceRequest else {}))

    actual = clone(record)

    assert (actual, hash(actual)) == (record, hash(record))


@pytest.mark.parametrize("kind", VALID)
def test_records_are_frozen(kind: type) -> None:
    """No record changes."""
    record = make(kind)

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        record.amount = EUR


def test_reprs_hold_no_customers_data() -> None:
    """S9: neither metadata nor options nor the provider's raw answer stand in a repr."""
    records = [
        make(InvoiceRequest, metadata={"a": "canary"}, options={"a": "canary"}),
        make(Invoice, raw={"a": "canary"}),
        make(StatusReport, raw={"a": "canary"}),
        make(Refund, raw={"a": "canary"}),
    ]

    actual = [record for record in records if "canary" in repr(record)]

    assert actual == []


def test_the_raw_answer_is_no_part_of_equality() -> None:
    """Two answers that say the same are the same, whatever else stands in them."""
    actual = make(Invoice, raw={"a": "b"})

    assert actual == make(Invoice, raw={})


def test_a_report_derives_status_and_verdict() -> None:
    """W11: the status of a report follows from its amounts."""
    report = make(StatusReport, status=InvoiceStatus.PAID, expected=EUR, received=Money("49.89", "EUR"))

    actual = report.status, report.verdict, report.received

    assert actual == (InvoiceStatus.PARTIALLY_PAID, AmountVerdict.UNDER, Money("49.89", "EUR"))


def test_the_verdict_cannot_be_given() -> None:
    """A plugin cannot claim a verdict."""
    with pytest.raises(TypeError):
        make(StatusReport, verdict=AmountVerdict.EXACT)


@pytest.mark.parametrize("kind, field", ATTEMPTS)
@pytest.mark.parametrize("value", [0, -1, True, "1", 1.0], ids=repr)
def test_attempts_are_counted_from_one(kind: type, field: str, value: Any) -> None:
    """Attempt 0 would be another name of the first."""
    with pytest.raises(InvalidRequestError, match="attempt must be an int"):
        make(kind, **{field: value})


@pytest.mark.parametrize("locale", ["de", "pt-BR", "zh-Hans-CN", "sl-rozaj-biske"])
def test_locales_are_language_tags(locale: str) -> None:
    """BCP 47: a language, and what narrows it."""
    actual = make(InvoiceRequest, locale=locale).locale

    assert actual == locale


@pytest.mark.parametrize("locale", ["", "d", "de_DE", "de-", "german language", "de\n", 7], ids=repr)
def test_what_is_no_language_tag_is_refused(locale: Any) -> None:
    """An underscore is a POSIX locale's: providers refuse it, or ignore it."""
    with pytest.raises(InvalidRequestError, match="locale must be a language tag"):
        make(InvoiceRequest, locale=locale)


@pytest.mark.parametrize("kind", REFERENCES)
def test_references_are_frozen_texts(kind: type) -> None:
    """What a later request needs is kept as it was given."""
    given = {"payment_intent": "pi_1"}
    record = make(kind, references=given)
    given["payment_intent"] = "pi_2"

    actual = dict(record.references), hasattr(record.references, "__setitem__"), hash(record) == hash(record)

    assert actual == ({"payment_intent": "pi_1"}, False, True)


@pytest.mark.parametrize("kind", REFERENCES)
@pytest.mark.parametrize("references", ["pi_1", {"a": 1}, {1: "a"}, {"a": None}, None], ids=repr)
def test_references_are_texts_by_name(kind: type, references: Any) -> None:
    """Whoever keeps them keeps texts."""
    with pytest.raises(InvalidRequestError, match="references must map text to text"):
        make(kind, references=references)


def test_refunds_are_done_unless_they_say_otherwise() -> None:
    """A provider whose refunds end at once has nothing to say."""
    actual = make(Refund).status

    assert actual is RefundStatus.DONE


def test_report_tells_its_refunds() -> None:
    """Each refund has its own status: one that failed later is told beside one that was done."""
    refunds = [make(Refund, id=status.value, status=status) for status in RefundStatus]

    actual = make(StatusReport, refunds=refunds).refunds

    assert actual == tuple(refunds)


def test_report_has_the_refunds_of_its_invoice_only() -> None:
    """A refund of another invoice is a mistake of the plugin."""
    with pytest.raises(InvalidRequestError, match="refunds of its own invoice"):
        make(StatusReport, refunds=[make(Refund, invoice_id="8")])


@pytest.mark.parametrize("refunds", [["r"], [{"id": "r"}], [EUR]], ids=repr)
def test_refunds_of_a_report_are_refunds(refunds: Any) -> None:
    """Anything else is refused."""
    with pytest.raises(InvalidRequestError, match="refunds holds Refund"):
        make(StatusReport, refunds=refunds)


@pytest.mark.parametrize("status", [InvoiceStatus.PAID, InvoiceStatus.REFUNDED, InvoiceStatus.PENDING])
def test_dispute_never_changes_the_status(status: InvoiceStatus) -> None:
    """What the payer's bank disputes is told beside what was paid, not instead of it."""
    undisputed = make(StatusReport, status=status, expected=EUR, received=EUR)

    actual = attrs.evolve(undisputed, disputed=EUR)

    assert (actual.status, actual.verdict, actual.disputed) == (undisputed.status, undisputed.verdict, EUR)


@pytest.mark.parametrize("value", [1, None, "yes"], ids=repr)
def test_replayed_is_yes_or_no(value: Any) -> None:
    """A truthy text is a mistake."""
    with pytest.raises(InvalidRequestError, match="replayed must be True or False"):
        make(Invoice, replayed=value)


def test_capture_may_be_of_the_whole() -> None:
    """None asks for all that is authorized."""
    actual = make(CaptureRequest).amount

    assert actual is None

"""What is written to the log: one line for a record, nothing secret, and at a level that says whether to look."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import Any, NamedTuple

import pytest

from gateway_core import InvoiceStatus, Money, observers
from gateway_core.errors import (
    GatewayError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    RejectedError,
    UnexpectedResponseError,
    WebhookReason,
)
from gateway_core.observers import (
    AnswerReceived,
    BreakerClosed,
    BreakerOpened,
    CallEnded,
    CallEvents,
    CallStarted,
    Event,
    InvoiceCreated,
    LimiterFellBack,
    Observers,
    RateLimited,
    RequestFailed,
    RequestSent,
    Retried,
    WebhookAccepted,
    WebhookRefused,
)
from gateway_core.observers._logging import LoggingObserver

DEBUG, INFO, WARNING = logging.DEBUG, logging.INFO, logging.WARNING

REFUSED = RejectedError("the description canary is too long", http_status=422, code="too_long", request_id="req_1")
ASKED = {"method": "POST", "host": "api.example:8443", "path": "/v1/invoices"}
CREATED = {"invoice_id": "inv_1", "order_id": "1042", "amount": Money("49.90", "EUR"), "status": InvoiceStatus.PENDING}


class Line(NamedTuple):
    """An event, the level and the logger that it is written with, and what is written of it."""

    kind: type[Event]
    fields: dict[str, Any]
    level: int
    logger: str
    words: str


LINES = [
    Line(CallStarted, {}, DEBUG, "calls", ""),
    Line(CallEnded, {"seconds": 0.25}, DEBUG, "calls", "seconds=0.250"),
    Line(CallEnded, {"seconds": 1.0, "abandoned": True}, INFO, "calls", "seconds=1.000 abandoned=yes"),
    Line(
        CallEnded,
        {"seconds": 1.0, "error": REFUSED},
        DEBUG,
        "calls",
        "seconds=1.000 error=RejectedError effect=none http_status=422 code=too_long request_id=req_1",
    ),
    Line(
        CallEnded,
        {"seconds": 30.0, "error": OutcomeUnknownError("api.example: no answer came in time")},
        WARNING,
        "calls",
        "seconds=30.000 error=OutcomeUnknownError effect=unknown",
    ),
    Line(
        CallEnded,
        {"seconds": 1.0, "error": UnexpectedResponseError("another amount", effect="done", invoice_id="inv_1")},
        WARNING,
        "calls",
        "seconds=1.000 error=UnexpectedResponseError effect=done invoice_id=inv_1",
    ),
    Line(
        RequestSent,
        {**ASKED, "attempt": 2},
        DEBUG,
        "http",
        "method=POST host=api.example:8443 path=/v1/invoices attempt=2",
    ),
    Line(
        AnswerReceived,
        {**ASKED, "status": 503, "seconds": 0.1, "size": 512, "request_id": "req_1"},
        DEBUG,
        "http",
        "method=POST host=api.example:8443 path=/v1/invoices attempt=1 status=503 seconds=0.100 size=512"
        " request_id=req_1",
    ),
    Line(
        RequestFailed,
        {**ASKED, "error": NotSentError("api.example: it refuses connections"), "seconds": 0.1},
        DEBUG,
        "http",
        "method=POST host=api.example:8443 path=/v1/invoices attempt=1 error=NotSentError effect=none seconds=0.100",
    ),
    Line(
        Retried,
        {"attempt": 2, "wait": 1.5, "reason": "the answer 503"},
        INFO,
        "http",
        'attempt=2 wait=1.500 reason="the answer 503"',
    ),
    Line(RateLimited, {"waited": 1.0}, DEBUG, "http", "waited=1.000"),
    Line(RateLimited, {"waited": 1.001}, INFO, "http", "waited=1.001"),
    Line(BreakerOpened, {"seconds": 30.0}, WARNING, "http", "seconds=30.000"),
    Line(BreakerClosed, {}, INFO, "http", ""),
    Line(LimiterFellBack, {"reason": "unreachable"}, DEBUG, "http", "reason=unreachable"),
    Line(
        InvoiceCreated,
        CREATED,
        INFO,
        "invoices",
        'invoice_id=inv_1 order_id=1042 amount="49.90 EUR" status=pending',
    ),
    Line(
        WebhookAccepted,
        {"verified_by": "signature", "events": (("invoice.paid", "inv_1"), ("customer.created", None))},
        INFO,
        "webhooks",
        'verified_by=signature events="invoice.paid inv_1, customer.created"',
    ),
    Line(WebhookRefused, {"reason": WebhookReason.STALE}, WARNING, "webhooks", f'reason="{WebhookReason.STALE}"'),
]

NAMES = [f"{number}-{line.kind.__name__}" for number, line in enumerate(LINES)]

each_line = pytest.mark.parametrize("line", LINES, ids=NAMES)


@pytest.fixture
def call(caplog: pytest.LogCaptureFixture) -> CallEvents:
    """A call whose events are logged, at all levels."""
    caplog.set_level(DEBUG, "gateway_core")
    call = Observers.load(["logging"]).call("bitsby", "create_invoice")
    caplog.clear()
    return call


@each_line
def test_event_is_one_line_at_its_level(call: CallEvents, caplog: pytest.LogCaptureFixture, line: Line) -> None:
    """Each event is one record, whose level says whether somebody has to look; what a provider says is left out."""
    call.tell(line.kind, **line.fields)

    [record] = caplog.records
    number = record.__dict__["gateway_call"]
    expected = f"{line.kind.__name__} backend=bitsby operation=create_invoice call={number} {line.words}".rstrip()
    assert (record.levelno, record.name, record.getMessage()) == (line.level, f"gateway_core.{line.logger}", expected)


def test_every_event_has_its_line() -> None:
    """A new class of events is given a logger and a level on purpose."""
    kinds = {kind for kind in vars(observers).values() if isinstance(kind, type) and issubclass(kind, Event)}

    assert {line.kind for line in LINES} == kinds - {Event}


@each_line
@pytest.mark.parametrize("threshold", [DEBUG, INFO, WARNING, logging.ERROR])
def test_event_is_wanted_if_it_may_be_written(
    call: CallEvents, caplog: pytest.LogCaptureFixture, line: Line, threshold: int
) -> None:
    """What is below the level that is set is not written, and nothing above it is lost; a level may change any time."""
    caplog.set_level(threshold, "gateway_core")

    call.tell(line.kind, **line.fields)

    assert len(caplog.records) == (line.level >= threshold)
    assert LoggingObserver().wants(line.kind) or line.level < threshold


@pytest.mark.parametrize("kind", [CallStarted, RequestSent, AnswerReceived, InvoiceCreated])
def test_event_that_cannot_be_written_is_not_wanted(caplog: pytest.LogCaptureFixture, kind: type[Event]) -> None:
    """At the level that applications usually set, the events of a call that goes well are not even made."""
    caplog.set_level(WARNING, "gateway_core")

    assert not LoggingObserver().wants(kind)


@pytest.mark.parametrize(
    "text, line, extra",
    [
        ("plain-1.2:3/4", "plain-1.2:3/4", "plain-1.2:3/4"),
        ("two\nlines", '"two\\nlines"', "two\\nlines"),
        ("two\r\u2028lines", '"two\\r\\u2028lines"', "two\\r\\u2028lines"),
        ("\x1b[2J", '"\\x1b[2J"', "\\x1b[2J"),
        ("\u202e1042", '"\\u202e1042"', "\\u202e1042"),
        ("1042 level=ERROR", '"1042 level=ERROR"', "1042 level=ERROR"),
        ('1042" level="ERROR', '"1042\\x22 level=\\x22ERROR"', '1042" level="ERROR'),
        ("", '""', ""),
        ("%s%n", '"%s%n"', "%s%n"),
        ("x" * 10_000, "x" * 500 + "...", "x" * 500 + "..."),
        ("50 \u20ac", '"50 \u20ac"', "50 \u20ac"),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_hostile_text_cannot_make_a_line_or_a_field(
    call: CallEvents, caplog: pytest.LogCaptureFixture, text: str, line: str, extra: str
) -> None:
    """S8: A record is one line, and text that came from outside cannot pass itself off as a field."""
    call.tell(InvoiceCreated, **{**CREATED, "order_id": text})

    [record] = caplog.records
    assert f" order_id={line} amount=" in record.getMessage()
    assert len(caplog.text.splitlines()) == 1
    assert record.__dict__["gateway_order_id"] == extra


def test_fields_are_attributes_of_the_record(call: CallEvents, caplog: pytest.LogCaptureFixture) -> None:
    """A formatter that writes JSON finds each field by a name that collides with none of a record's own."""
    call.tell(AnswerReceived, **ASKED, status=200, seconds=0.125, size=512)

    [record] = caplog.records
    own = {**logging.makeLogRecord({}).__dict__, "message": "", "asctime": ""}
    added = {name: value for name, value in record.__dict__.items() if name not in own}
    assert added.pop("gateway_call") > 0
    assert added == {
        "gateway_event": "AnswerReceived",
        "gateway_backend": "bitsby",
        "gateway_operation": "create_invoice",
        "gateway_method": "POST",
        "gateway_host": "api.example:8443",
        "gateway_path": "/v1/invoices",
        "gateway_status": 200,
        "gateway_seconds": 0.125,
        "gateway_size": 512,
        "gateway_attempt": 1,
    }


@pytest.mark.parametrize("error", [NotFoundError("canary"), OutcomeUnknownError("canary"), RejectedError("canary")])
def test_message_of_an_error_is_not_written(
    call: CallEvents, caplog: pytest.LogCaptureFixture, error: GatewayError
) -> None:
    """S9: A provider may quote the customer in what it says, so its words are for the caller and not for the log."""
    call.end(error)

    [record] = caplog.records
    assert "canary" not in record.getMessage() + repr(record.__dict__)


def test_warnings_are_seen_where_logging_is_not_configured() -> None:
    """Under uvicorn or gunicorn as they come, a refused webhook and an unknown outcome are seen, and no more."""
    program = (
        "from gateway_core.errors import OutcomeUnknownError, WebhookReason as Reason\n"
        "from gateway_core.observers import *\n"
        "call = Observers.load().call('shoply', 'run')\n"
        "call.tell(RateLimited, waited=5.0)\n"
        "call.tell(WebhookRefused, reason=Reason.STALE)\n"
        "call.end(OutcomeUnknownError('canary', effect='unknown'))\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    lines = [line.partition(" backend=shoply operation=run ") for line in done.stderr.splitlines()]
    assert done.stdout == ""
    assert [(kind, rest.partition("reason=")[2] or "effect=unknown" in rest) for kind, _, rest in lines] == [
        ("WebhookRefused", f'"{WebhookReason.STALE}"'),
        ("CallEnded", True),
    ]


def test_importing_the_library_does_not_import_logging() -> None:
    """A command that makes no gateway starts without what only gateways need."""
    program = "import sys, gateway_core, gateway_core.observers; print('logging' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"

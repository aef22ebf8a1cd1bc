"""What is told of each step: facts, and what was sent and received, with every secret masked."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import attrs
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from gateway_core import HttpRequest, HttpResponse, WebhookRequest
from gateway_core.models import Headers

#: Headers that are worth showing. What authenticates is shown as there, and masked.
_SHOWN = ("idempotency-key", "webhook-id", "location")
_MASKED = ("authorization", "webhook-signature")
_MASK = "***"
_LONGEST = 300

#: What is told of a JSON object, and what other objects it may be in.
_KEY_FIELDS = ("type", "id", "order_id", "invoice_id", "status", "amount", "received", "code", "message")
_WRAPPERS = ("data", "invoice", "error")


class UnobservedError(Exception):
    """A step was not seen to happen. Its text says what was seen instead."""


@attrs.frozen(kw_only=True)
class Exchange:
    """One request and its answer.

    Attributes:
        way: From whom to whom.
        method: The method.
        path: The path.
        status: The answer's status.
        sent: The request's headers and body, shortened.
        received: The answer's.
    """

    way: str
    method: str
    path: str
    status: int
    sent: str
    received: str


@attrs.define(kw_only=True)
class Step:
    """One step of the story.

    Attributes:
        number: Its number, from 1.
        title: What is to happen.
        seconds: How long it took.
        facts: What was observed.
        exchanges: What was sent and received.
        failure: What was observed instead; None if it happened.
    """

    number: int
    title: str
    seconds: float = 0.0
    facts: dict[str, str] = attrs.field(factory=dict)
    exchanges: list[Exchange] = attrs.field(factory=list)
    failure: str | None = None
    started: float = attrs.field(factory=time.monotonic)

    def as_json(self) -> dict[str, Any]:
        """Return the step as JSON values."""
        return {
            "step": self.number,
            "title": self.title,
            "ok": self.failure is None,
            "failure": self.failure,
            "seconds": Decimal(f"{self.seconds:.3f}"),
            "facts": {name.replace(" ", "_"): value for name, value in self.facts.items()},
            "exchanges": [attrs.asdict(exchange) for exchange in self.exchanges],
        }


@attrs.define
class Masking:
    """Replaces secrets in what is told.

    Attributes:
        secrets: The values that nobody may see.
    """

    secrets: tuple[str, ...] = ()

    def exchange(self, way: str, request: HttpRequest, response: HttpResponse) -> Exchange:
        """Return what is told of a request and its answer."""
        return Exchange(
            way=way,
            method=request.method,
            path=self.text(_path(request.url)),
            status=response.status,
            sent=self._message(request.headers, request.body),
            received=self._message(response.headers, response.body),
        )

    def webhook(self, way: str, request: WebhookRequest, status: int) -> Exchange:
        """Return what is told of a webhook and what was answered to it."""
        sent = self._message(request.headers, request.body)
        return Exchange(
            way=way, method=request.method, path=_path(request.url or ""), status=status, sent=sent, received=""
        )

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        for secret in self.secrets:
            text = text.replace(secret, _MASK)
        return text

    def _message(self, headers: Headers, body: bytes) -> str:
        shown = [f"{name}={headers[name][:40]}" for name in _SHOWN if name in headers]
        shown += [f"{name}={_MASK}" for name in _MASKED if name in headers]
        text = _brief(headers.get("content-type", ""), body)
        return self.text(" ".join([*shown, *([text] if text else [])]))


class Teller:
    """Tells people each step as it happens.

    Args:
        console: Where to; None tells nobody.
    """

    def __init__(self, console: Console | None) -> None:
        self._console = console
        unicode = console is not None and console.encoding.lower().replace("-", "") == "utf8"
        self._done, self._failed, self._out, self._in = "✓✗→←" if unicode else "+x><"

    def begin(self, step: Step) -> None:
        """Tell what is about to happen."""
        self._print(Text.assemble((f"{step.number}", "bold cyan"), " ", (step.title, "bold")), 0)

    def end(self, step: Step) -> None:
        """Tell what was observed."""
        for exchange in step.exchanges:
            self._exchange(exchange)
        for name, value in step.facts.items():
            self._print(Text.assemble((f"{name} ", "dim"), value), 2)
        if step.failure is None:
            self._print(Text(f"{self._done} {step.seconds:.2f} s", "green"), 2)
        else:
            self._print(Text(f"{self._failed} {step.failure}", "bold red"), 2)

    def say(self, text: str, style: str = "") -> None:
        """Tell something between the steps."""
        self._print(Text(text, style), 0)

    def _exchange(self, exchange: Exchange) -> None:
        request = Text.assemble((f"{self._out} ", "magenta"), (f"{exchange.method} {exchange.path}", "bold"))
        answer = Text.assemble(
            (f"{self._in} ", "magenta"), (f"{exchange.status}", "green" if exchange.status < 400 else "yellow")
        )
        self._print(request.append(f"  {exchange.sent}", "dim"), 2)
        self._print(answer.append(f"  {exchange.received}", "dim"), 2)

    def _print(self, text: Text, indent: int) -> None:
        if self._console is not None:
            text.rstrip()
            self._console.print(Padding(text, (0, 0, 0, indent), expand=False), soft_wrap=False)


def fields(pairs: Iterable[tuple[str, object]]) -> dict[str, str]:
    """Return facts as texts, those without a value left out."""
    return {name: str(value) for name, value in pairs if value is not None}


def _path(url: str) -> str:
    return "/" + url.partition("://")[2].partition("/")[2]


def _brief(content_type: str, body: bytes) -> str:
    if content_type.startswith("text/html"):
        return f"an HTML page of {len(body)} bytes"
    text = body.decode("utf-8", "replace")
    try:
        text = _key_fields(json.loads(text))
    except ValueError:
        text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."


def _key_fields(value: Any) -> str:
    """Return the fields of a JSON value that matter here, in one line."""
    if isinstance(value, list):
        return f"[{', '.join(_key_fields(each) for each in value)}]"
    if not isinstance(value, dict):
        return str(value)
    if {"amount", "currency"} <= set(value) and not isinstance(value["amount"], dict):
        return f"{value['amount']} {value['currency']}"
    told = [f"{key}={_key_fields(value[key])}" for key in _KEY_FIELDS if value.get(key) is not None]
    return " ".join([*told, *(_key_fields(value[key]) for key in _WRAPPERS if value.get(key) is not None)])

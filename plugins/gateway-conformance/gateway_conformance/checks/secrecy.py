"""Checks that secrets are shown to the provider and to nobody else."""

from __future__ import annotations

import base64
import contextlib
import io
import logging
import re
import traceback
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import attrs

from gateway_conformance.base import Checks
from gateway_conformance.check import check, describe, fail, not_applicable, require
from gateway_conformance.fault_injection import called
from gateway_conformance.harness import Harness
from gateway_conformance.operations import operations_of
from gateway_core.errors import ConfigurationError, GatewayError, WebhookError
from gateway_core.http import HttpResponse
from gateway_core.models.secret import Secret
from gateway_core.models.webhook import WebhookRequest

#: Names of settings that hold what nobody else may know.
_SECRET_NAME = re.compile(r"(^|_)(api_?key|secret_?key|private_?key|secrets?|password|token|credentials?)$")
#: Shorter ones stand in texts by chance.
_SHORTEST = 8


class SecrecyChecks(Checks):
    """S1: a canary secret shows up nowhere."""

    @check
    def test_secrets_are_secret_fields(self, harness: Harness) -> None:
        """S2: A setting that is named like a key, a secret, a password or a token holds `Secret`.

        Why: Whatever is plain text is printed by the first debugger, log line or error page that comes upon it.
        """
        settings = harness.provider.settings
        plain = []
        for field in attrs.fields(type(settings)):
            value = getattr(settings, field.name)
            several = value if isinstance(value, tuple | list) else (value,)
            if _SECRET_NAME.search(field.name) and any(isinstance(each, str) for each in several):
                plain.append(field.name)
        require(not plain, f"plain text: {', '.join(plain)}")
        require(harness.secrets(), "the settings hold no Secret at all")

    @check
    def test_secrets_are_in_no_repr(self, harness: Harness) -> None:
        """S1: No secret is in the `repr` or `str` of the settings, the provider, the gateway, a request or a result.

        Why: These end up in logs, error pages and bug reports.
        """
        shown: list[tuple[str, Any]] = [
            ("the settings", harness.provider.settings),
            ("the provider", harness.provider),
            ("the gateway", harness.gateway),
        ]
        with harness.transport.recording() as asked:
            shown += [
                (f"the result of {operation.name}", called(operation, harness.gateway))
                for operation in operations_of(harness)
            ]
        shown += [(f"the request {each.method} of a flow", each) for each in asked]
        for words, thing in shown:
            _check_clean(harness, words, f"{thing!r}\n{thing}")

    @check
    def test_secrets_are_in_no_address(self, harness: Harness) -> None:
        """S1: No secret is in the address of a request.

        Why: Addresses are written down by every proxy, and by every web server.
        """
        with harness.transport.recording() as asked:
            for operation in operations_of(harness):
                called(operation, harness.gateway)
        for request in asked:
            _check_clean(harness, f"the address of {request.method}", request.url)

    @check
    def test_secrets_are_in_no_log(self, harness: Harness) -> None:
        """S1: No secret is in a log record of any level, whatever happens.

        Why: Logs are kept for years, and read by many.
        """
        with _logged() as lines:
            for operation in operations_of(harness):
                called(operation, harness.gateway)
                for answer in _bad_answers(harness):
                    with harness.transport.answering(answer), contextlib.suppress(GatewayError):
                        called(operation, harness.gateway)
            for message in _bad_messages(harness):
                harness.verify(message)
        _check_clean(harness, "a log record", "\n".join(lines))

    @check
    def test_secrets_are_not_printed(self, harness: Harness) -> None:
        """S1: No secret is written to standard output or standard error, whatever the provider answers.

        Why: What a server prints is kept by whoever runs it.
        """
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            for operation in operations_of(harness):
                called(operation, harness.gateway)
            for _ in _errors(harness):
                pass
            if harness.info.webhook_authentication != "none":
                for message in harness.webhooks():
                    harness.verify(message)
        _check_clean(harness, "standard output", out.getvalue())
        _check_clean(harness, "standard error", err.getvalue())

    @check
    def test_secrets_are_in_no_error(self, harness: Harness) -> None:
        """S1: No secret is in an error, its chain or its notes, even where the provider repeats it.

        Why: Errors are shown to people, and sent to services that collect them.
        """
        for words, error in _errors(harness):
            shown = [describe(error), repr(error), repr(vars(error)), *traceback.format_exception(error)]
            _check_clean(harness, f"the error of {words}", "\n".join(shown))

    @check
    def test_secrets_are_in_no_local_of_a_traceback(self, harness: Harness) -> None:
        """S1: No secret is in the `repr` of a local variable in a traceback of the plugin.

        Why: Services that collect errors, and pytest, show every local variable of every frame.
        """
        for words, error in _errors(harness):
            for name, value in _locals(error):
                _check_clean(harness, f"the variable {name} in the traceback of {words}", value)

    @check
    def test_secrets_are_in_no_configuration_error(self, harness: Harness) -> None:
        """S3: A setting that is refused is named, and its value is not shown.

        Why: The value is most often a real key with a line end too much.
        """
        for field in attrs.fields(type(harness.provider.settings)):
            if field.name not in harness.settings or not _holds(getattr(harness.provider.settings, field.name)):
                continue
            canary = "zorblax-canary-4711"
            try:
                harness.connect(**{field.name: f"{canary} \n"})
            except ConfigurationError as error:
                text = "\n".join([describe(error), *traceback.format_exception(error, chain=True)])
                require(canary not in text, f"the error of {field.name} shows it: {error}")
                require(field.name in str(error), f"the error does not name {field.name}: {error}")
            else:
                fail(f"a line end in {field.name} was accepted")

    @check
    def test_customers_data_is_in_no_error(self, harness: Harness) -> None:
        """S9: What a provider's answer says of a customer is not in the error about that answer.

        Why: An e-mail address in a log is a breach that must be reported.
        """
        canary = "zorblax-4711@customer.example"
        bodies = (
            b'{"id": {"email": "' + canary.encode() + b'"}, "data": [{"email": "' + canary.encode() + b'"}]}',
            b'["' + canary.encode() + b'"]',
            b'{"email": "' + canary.encode() + b'"',
        )
        for body in bodies:
            for operation in operations_of(harness):
                with harness.transport.answering(HttpResponse(status=200, body=body)):
                    try:
                        called(operation, harness.gateway)
                    except GatewayError as error:
                        require(canary not in f"{error}{error!r}", f"{operation.name}: {error}")


def _holds(value: Any) -> bool:
    return isinstance(value, Secret) or (isinstance(value, tuple) and any(isinstance(each, Secret) for each in value))


def _bad_answers(harness: Harness) -> Iterator[HttpResponse]:
    """Yield refusals and nonsense in which the provider repeats the account's secrets."""
    for secret in harness.secrets():
        for status in (200, 400, 401, 422, 500):
            text = f'{{"error": {{"message": "bad key {secret}", "code": "{secret}"}}, "message": "{secret}"}}'
            yield HttpResponse(status=status, headers={"X-Request-Id": secret}, body=text.encode())
            yield HttpResponse(status=status, body=f"<html>{secret}".encode())


def _bad_messages(harness: Harness) -> Iterator[WebhookRequest]:
    if harness.info.webhook_authentication == "none":
        return
    for body in (b"", b"{}", b"[", b"null"):
        yield WebhookRequest(body=body, received_at=harness.clock())
    genuine = harness.webhooks()[-1]
    yield attrs.evolve(genuine, body=genuine.body + b" ")
    yield attrs.evolve(genuine, headers=[(name, f"{value}0") for name, value in genuine.headers.pairs])


def _errors(harness: Harness) -> Iterator[tuple[str, GatewayError]]:
    """Yield errors of every operation, and of webhooks."""
    for operation in operations_of(harness):
        for answer in _bad_answers(harness):
            with harness.transport.answering(answer):
                try:
                    called(operation, harness.gateway)
                except GatewayError as error:
                    yield f"{operation.name}, answered with {answer.status}", error
    for message in _bad_messages(harness):
        seen = harness.verify(message)
        if isinstance(seen, WebhookError):
            yield "verify_webhook", seen


def _check_clean(harness: Harness, words: str, text: str) -> None:
    secrets = [secret for secret in harness.secrets() if len(secret) >= _SHORTEST]
    if not secrets:
        not_applicable(f"the account's settings hold no secret of {_SHORTEST} characters or more")
    for secret in secrets:
        plain = secret.encode()
        for form, shape in {
            "": secret,
            "in base64": base64.b64encode(plain).decode().rstrip("="),
            "in hex": plain.hex(),
            "in an address": quote(secret, safe=""),
        }.items():
            require(shape not in text, f"a secret is in {words} {form}".rstrip())


@contextlib.contextmanager
def _logged() -> Iterator[list[str]]:
    """Collect every record of every logger."""
    lines: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{record.getMessage()} {record.args!r} {record.__dict__!r}")
            if record.exc_info and record.exc_info[1] is not None:
                lines.extend(traceback.format_exception(record.exc_info[1]))

    collector, root = Collector(level=logging.NOTSET), logging.getLogger()
    loggers = [root, *(each for each in logging.Logger.manager.loggerDict.values() if isinstance(each, logging.Logger))]
    before = [(each, each.level, each.disabled) for each in loggers]
    root.addHandler(collector)
    try:
        for each in loggers:
            each.setLevel(logging.DEBUG)
            each.disabled = False
        yield lines
    finally:
        root.removeHandler(collector)
        for each, level, disabled in before:
            each.setLevel(level)
            each.disabled = disabled


def _locals(error: BaseException) -> Iterator[tuple[str, str]]:
    """Yield the local variables of the plugin's and the core's frames, in an error and everything behind it."""
    pending: list[BaseException | None] = [error]
    seen: set[int] = set()
    while pending:
        each = pending.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        pending += [each.__cause__, each.__context__, *getattr(each, "exceptions", ())]
        step = each.__traceback__
        while step is not None:
            module = step.tb_frame.f_globals.get("__name__", "")
            if not module.startswith("gateway_core.testing") and not module.startswith("_pytest"):
                for name, value in step.tb_frame.f_locals.items():
                    if name.startswith("__"):
                        continue
                    with contextlib.suppress(Exception):
                        yield f"{name} of {module}.{step.tb_frame.f_code.co_name}", repr(value)
            step = step.tb_next

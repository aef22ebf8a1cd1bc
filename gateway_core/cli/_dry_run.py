"""Showing what would be sent, without sending it."""

from __future__ import annotations

from collections.abc import Callable

import click

from gateway_core._redaction import MASK, one_line, scrub
from gateway_core.cli.options import Config, open_gateway
from gateway_core.cli.output import say, write_json
from gateway_core.errors import NotSentError
from gateway_core.gateway import Gateway
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.provider import secrets_of
from gateway_core.transport import Deadline

#: Headers that hold credentials whatever their value is made of.
_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-auth-token"})


class _Recorder:
    """A transport that keeps the first request and sends nothing."""

    request: HttpRequest | None = None

    def send(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:  # noqa: ARG002  # a transport's signature
        self.request = self.request or request
        raise NotSentError("a dry run sends nothing")

    def close(self) -> None:
        pass


def show_request(account: str | None, config: Config, operation: Callable[[Gateway], object], *, as_json: bool) -> None:
    """Write the first request of an operation to stdout, with every secret masked."""
    recorder = _Recorder()
    with open_gateway(account, config, recorder) as gateway:
        secrets = secrets_of(gateway.provider.settings)
        try:
            operation(gateway)
        except NotSentError:
            if recorder.request is None:
                raise
    request = recorder.request
    if request is None:
        say("this operation sends nothing: it is done without asking the provider")
        return
    headers = [(name, _masked(name, value, secrets)) for name, value in request.headers.pairs]
    url = scrub(request.url, secrets)
    body = scrub(request.body.decode("utf-8", "backslashreplace"), secrets)
    if as_json:
        write_json({"method": request.method, "url": url, "headers": headers, "body": body})
        return
    click.echo(f"{request.method} {url}")
    for name, value in headers:
        click.echo(f"{name}: {value}")
    click.echo()
    for line in body.splitlines():
        click.echo(one_line(line, 10_000))
    say("dry run: nothing was sent", style="yellow")


def _masked(name: str, value: str, secrets: tuple[str, ...]) -> str:
    if name.lower() not in _CREDENTIALS:
        return scrub(value, secrets)
    scheme, blank, _ = value.partition(" ")
    return f"{scheme} {MASK}" if blank else MASK

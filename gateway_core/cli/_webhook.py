"""The command that tries the address at which an account's webhooks come in."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import attrs
import click

from gateway_core._redaction import one_line, scrub
from gateway_core.cli import options
from gateway_core.cli._test_event import CannotSignError, TestEvent, make
from gateway_core.cli.output import NO_ANSWER, REFUSED, exit_code, say, write_json
from gateway_core.config import LoadedAccount, load_account
from gateway_core.errors import ConfigurationError, GatewayError
from gateway_core.http import HttpRequest, HttpResponse, origin, split
from gateway_core.models._fields import is_payment_page
from gateway_core.models.reference import TEST_ORDER
from gateway_core.provider import secrets_of
from gateway_core.serialization import to_dict
from gateway_core.testing import HttpClient
from gateway_core.transport._environment import Origin, proxy_for

#: Seconds for an answer. Providers wait for less.
_PATIENCE = 30.0
#: How much of an answer is shown, in characters.
_SHOWN = 200

#: What an answer means that is no 2xx and tells of more than its class.
_MEANINGS = {
    400: "refused as not genuine: the shop has another secret, or something on the way changes the body or the address",
    401: "kept out: something before the shop wants a login",
    403: "kept out: a firewall, or a protection of forms, stands before the shop",
    404: "nothing receives webhooks at this path, or the shop has no account of its name",
    405: "what is there takes no POST",
    413: "something before the shop allows no body of this size",
    429: "something before the shop counts requests, and this was one too many",
    500: "the shop failed: its log says why",
    502: "the shop does not run, or cannot be reached by what stands before it",
    503: "to be sent again: the shop cannot write its journal, reach the provider or keep up; its log says which",
    504: "the shop took too long for what stands before it",
}


@attrs.frozen(kw_only=True)
class _Step:
    """One hop on the way of a webhook.

    Attributes:
        step: Which one.
        level: ``"ok"``, ``"warning"`` or ``"error"``.
        text: What was found, and what it means.
        status: The HTTP status that was answered, if it is about one.
        seconds: How long it took, if anything was waited for.
        answer: What was answered, the beginning of it.
        exit_code: How the command ends because of it; 0 unless it is an error.
    """

    step: str
    level: Literal["ok", "warning", "error"]
    text: str
    status: int | None = None
    seconds: float | None = None
    answer: str | None = None
    exit_code: int = 0


@click.group("webhook")
def webhook() -> None:
    """Try whether webhooks arrive."""


@webhook.command("test")
@click.argument("account", required=False)
@click.option("--url", help="Where its webhooks come in  [default: webhook_url of the account]")
@options.config
@options.as_json
def test(account: str | None, url: str | None, config: Path | None, as_json: bool) -> None:
    """Send a signed test event to the address of ACCOUNT, or of the default account, and a forged one.

    Each hop is shown: the address, its name, what the shop answered and what that means. The event is signed with the
    account's own secret, and about the order "gateway-webhook-test", which no shop has: nothing is delivered. The
    forged one is the same, changed after it was signed; the shop has to refuse it.

    Where only the provider can sign, the address is looked at, and nothing is sent to it.

    Exits with 1 if the shop refused the genuine event or took the forged one, 2 if something must be mended in the
    configuration, 3 if there was no usable answer.
    """
    loaded = load_account(account, config)
    address = url or loaded.webhook_url
    if not isinstance(address, str):
        raise ConfigurationError(
            f"{loaded.path}: [gateways.{loaded.name}] webhook_url: missing: write there where its webhooks come in, or"
            " give --url"
        )
    if not is_payment_page(address):
        raise ConfigurationError("webhook_url must be an https address; http is for the loopback range only")
    secrets = secrets_of(loaded.settings)
    steps = [
        attrs.evolve(
            step, text=scrub(step.text, secrets), answer=None if step.answer is None else scrub(step.answer, secrets)
        )
        for step in _steps(loaded, address)
    ]
    ok = all(step.level != "error" for step in steps)
    if as_json:
        told = {"account": loaded.name, "url": scrub(address, secrets), "order_id": TEST_ORDER, "ok": ok}
        write_json({**told, "steps": [to_dict(step) for step in steps]})
    else:
        _tell(steps)
    click.get_current_context().exit(max(step.exit_code for step in steps))


def _steps(account: LoadedAccount, url: str) -> Iterator[_Step]:
    """Go the way of a webhook, until something on it is wrong."""
    yield _Step(step="address", level="ok", text=url)
    name = _name(url)
    yield name
    if name.level == "error":
        return
    with contextlib.closing(HttpClient(origin(url), timeout=_PATIENCE)) as client:
        try:
            event = make(account, url)
        except CannotSignError as error:
            yield _Step(step="event", level="warning", text=f"no test event can be signed: {error}")
            yield _look(client, url)
            return
        yield from _sent(client, event)


def _name(url: str) -> _Step:
    """Resolve the address's name, unless that is a proxy's business."""
    parts = split(url)
    host = parts.hostname or ""
    if proxy_for(Origin.of(url)) is not None:
        return _Step(step="name", level="warning", text=f"{host} is left to the proxy of this machine to resolve")
    started = time.perf_counter()
    try:
        found = socket.getaddrinfo(
            host, parts.port or (443 if parts.scheme == "https" else 80), type=socket.SOCK_STREAM
        )
    except OSError:
        return _Step(step="name", level="error", text=f"{host} cannot be resolved", exit_code=NO_ANSWER)
    seconds = time.perf_counter() - started
    addresses = [*dict.fromkeys(str(each[4][0]) for each in found)]
    text = f"{host} is {', '.join(addresses)}"
    if any(ipaddress.ip_address(each.partition("%")[0]).is_global for each in addresses):
        return _Step(step="name", level="ok", text=text, seconds=seconds)
    return _Step(
        step="name", level="warning", text=f"{text}: no provider reaches that from the internet", seconds=seconds
    )


def _sent(client: HttpClient, event: TestEvent) -> Iterator[_Step]:
    """Send the genuine event, and the forged one if that was an answer."""
    genuine = _asked(client, "genuine", event.genuine)
    status = genuine.status
    if status is None or not (200 <= status < 300 or (status == 503 and event.ends_in_503)):
        yield genuine
        return
    forged = _asked(client, "forged", event.forged)
    if status == 503 and forged.status == 503:
        yield attrs.evolve(genuine, text=_MEANINGS[503])
        return
    taken = (
        "taken for genuine" if status != 503 else "taken for genuine, and to be sent again: it is of no known invoice"
    )
    yield attrs.evolve(genuine, level="ok", text=taken, exit_code=0)
    if forged.status is None:
        yield forged
    elif forged.status < 300:
        yield attrs.evolve(
            forged, level="error", text="taken: whoever knows the address can pay any order", exit_code=REFUSED
        )
    elif 400 <= forged.status < 500:
        yield attrs.evolve(forged, level="ok", text="refused, as it must be", exit_code=0)
    else:
        yield attrs.evolve(forged, level="warning", text="neither taken nor refused: its log says why", exit_code=0)


def _look(client: HttpClient, url: str) -> _Step:
    """Ask whether the address is there."""
    found = _asked(client, "look", HttpRequest(method="HEAD", url=url))
    if found.status is not None and 200 <= found.status < 300:
        return attrs.evolve(found, level="ok", text="it is there", exit_code=0)
    if found.status == 405:
        return attrs.evolve(found, level="ok", text="something is there, and wants a POST", exit_code=0)
    return found


def _asked(client: HttpClient, step: str, request: HttpRequest) -> _Step:
    """Send a request, and say what its answer means; that it is right says who knows what is sent."""
    started = time.perf_counter()
    try:
        response = client.send(request)
    except GatewayError as error:
        seconds = time.perf_counter() - started
        return _Step(step=step, level="error", text=error.message, seconds=seconds, exit_code=exit_code(error))
    return _Step(
        step=step,
        level="error",
        text=_meaning(response),
        status=response.status,
        seconds=time.perf_counter() - started,
        answer=one_line(response.body.decode("utf-8", "replace"), _SHOWN) or None,
        exit_code=NO_ANSWER if response.status >= 500 else REFUSED,
    )


def _meaning(response: HttpResponse) -> str:
    status = response.status
    if 300 <= status < 400:
        return f"leads to {response.headers.get('Location', 'nowhere')}: providers follow no redirect"
    return _MEANINGS.get(status) or ("the shop failed: its log says why" if status >= 500 else "refused")


def _tell(steps: list[_Step]) -> None:
    marks = {"ok": ("ok", "green"), "warning": ("warn", "yellow"), "error": ("FAIL", "red")}
    for step in steps:
        mark, color = marks[step.level]
        click.secho(f"{mark:<5}", fg=color, nl=False)
        facts = [str(step.status)] if step.status is not None else []
        facts += [f"{step.seconds * 1000:.0f} ms"] if step.seconds is not None else []
        click.echo(one_line(f"{step.step}: {step.text}" + (f" ({', '.join(facts)})" if facts else ""), 2000))
        if step.answer is not None:
            click.echo(f"     the shop said: {step.answer}")
    if all(step.level == "ok" for step in steps):
        say("webhooks arrive", style="bold green")

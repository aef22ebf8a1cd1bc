"""S1, S2, S9: every place that a secret is put x every failure x every sink, and no hit.

Here is what needs no network; `tests/transport/test_canary_failures.py` has what goes wrong on the way.
"""

from __future__ import annotations

import copy
import json
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner

from gateway_core import Gateway, Secret, WebhookRequest, hookimpl
from gateway_core._plugins import loading
from gateway_core._plugins.inspection import PluginReport, inspect_all
from gateway_core.cli import _doctor, _group, _providers
from gateway_core.config import structure
from gateway_core.errors import GatewayError, UnexpectedResponseError, WebhookError
from gateway_core.transport import LimitSettings, TransportSettings
from tests.accounts import ACCOUNTS, CUSTOMER, Account
from tests.canary import SINKS, Logs, failure, forms, hits, leaks, made_up
from tests.fake_gateway import Wire

KEY = made_up("fake")

#: Each place of the settings that holds a secret.
PLACES = [(backend, key) for backend, account in ACCOUNTS.items() for key in account.secrets]
each_place = pytest.mark.parametrize("backend, key", PLACES, ids=str)
each_account = pytest.mark.parametrize("account", ACCOUNTS.values(), ids=ACCOUNTS)

#: How a value is spoiled, as text.
SPOILED: dict[str, Callable[[str], str]] = {
    "line end": lambda secret: f"{secret}\n\n",
    "header": lambda secret: f"{secret}\r\nX: y",
    "zero": lambda secret: f"{secret}\x01",
    "short": lambda secret: secret[:1],
    "blank": lambda secret: f"{secret} x",
    "not ascii": lambda secret: f"{secret}\u20ac",
}

#: What is wrong with a key, and right with a secret that signs, which goes into no header.
OF_KEYS = ("blank", "not ascii")

#: Other mistakes that have a secret in them, as (key, value): the whole setting is replaced, or one is added.
MISTAKES: dict[str, Callable[[str, str], tuple[str, Any]]] = {
    "bytes": lambda key, secret: (key, secret.encode()),
    "a table": lambda key, secret: (key, {"value": secret}),
    "a list with a number": lambda key, secret: (key, [secret, 7]),
    "a list in a list": lambda key, secret: (key, [[secret]]),
    "misspelt": lambda key, secret: (f"{key}s_", secret),
    "in the address": lambda _, secret: ("base_url", f"https://user:{secret}@api.example.com"),
    "as the address": lambda _, secret: ("base_url", secret),
    "in the address's query": lambda _, secret: ("base_url", f"https://api.example.com/?key={secret}"),
    "in the transport": lambda _, secret: ("transport", {"deadline": secret}),
    "as a limit": lambda _, secret: ("rate_limits", [secret]),
    "as the limiter": lambda _, secret: ("limiter", f"{secret}\n"),
    "as the fallback": lambda _, secret: ("limiter_fallback", secret),
}

#: A file holds no bytes, and code gives a transport of its own.
MADE = [
    (mistake, way)
    for mistake in MISTAKES
    for way in ("code", "file")
    if (mistake, way) not in {("bytes", "file"), ("in the transport", "code")}
]


@pytest.fixture(scope="session")
def reports() -> tuple[PluginReport, ...]:
    """Look at each installed plugin once: the children that do so get neither keys nor the folder of a test."""
    return inspect_all()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def first(value: Any) -> str:
    """Return a secret, or the first of several."""
    return str(value[0] if isinstance(value, list) else value)


def table(settings: dict[str, Any]) -> str:
    """Return settings as an account of a configuration file."""
    lines = [f"{key} = {_toml(value)}" for key, value in settings.items()]
    return "\n".join(['default = "shop"', "[gateways.shop]", *lines, ""])


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + "}"
    return json.dumps(value)


def test_every_secret_of_every_installed_provider_is_tested(reports: tuple[PluginReport, ...]) -> None:
    """A provider that is installed, and a secret that it gets, has its canary here."""
    found = []
    for report in reports:
        settings = loading.settings_class(loading.find(report.name).load())
        found += [(report.name, field.name) for field in attrs.fields(settings) if "Secret" in str(field.type)]

    assert sorted(found) == sorted(PLACES)


@pytest.mark.parametrize("form", forms(KEY), ids=range(len(forms(KEY))))
@pytest.mark.parametrize("sink", SINKS)
def test_every_sink_sees_what_is_planted(sink: str, form: str) -> None:
    """The search itself finds every form in every sink: a check that cannot fail would be none."""
    behind = ValueError(form)
    error = UnexpectedResponseError(form, code=form)
    error.add_note(form)
    scope: dict[str, Any] = {"__name__": "gateway_planted", "error": error, "behind": behind, "form": form}
    with pytest.raises(UnexpectedResponseError):
        exec("def leak(held):\n raise error from behind\nleak(form)", scope)  # noqa: S102  # a frame of a plugin's

    assert hits(error, KEY)[sink] != []


def test_part_of_a_secret_is_a_hit() -> None:
    """Twelve characters count, eleven do not."""
    assert (leaks(f"x{KEY[3:15]}x", KEY), leaks(f"x{KEY[3:14]}x", KEY)) == ([KEY[3:15]], [])


@each_place
@pytest.mark.parametrize("spoiled", SPOILED)
@pytest.mark.parametrize("way", ["code", "file"])
def test_secret_that_is_refused(home: Path, logs: Logs, backend: str, key: str, way: str, spoiled: str) -> None:  # noqa: PLR0917  # parameters
    """S1, S3: a secret that cannot be used is told by its key."""
    if key.startswith("webhook_secret") and spoiled in OF_KEYS:
        pytest.skip("any text signs")
    account = ACCOUNTS[backend]
    settings = {**account.settings, key: SPOILED[spoiled](first(account.settings[key]))}
    if way == "code":
        error = failure(lambda: Gateway.connect(backend, **settings))
    else:
        (home / "gateway.toml").write_text(table({**settings, "backend": backend}), encoding="utf-8")
        error = failure(Gateway.open)

    assert key in error.message
    assert hits(error, *account.canaries) == {}
    assert leaks(logs.text, *account.canaries) == []


@each_place
@pytest.mark.parametrize("spoiled", ["zero", "not ascii"])
@pytest.mark.parametrize("reference", [None, "env://CANARY", "file://{}/canary"])
def test_secret_that_is_referred_to_and_refused(  # noqa: PLR0917  # parameters
    home: Path, monkeypatch: pytest.MonkeyPatch, backend: str, key: str, reference: str | None, spoiled: str
) -> None:
    """S1, S3: neither a variable of the account nor what a reference leads to is shown."""
    if key.startswith("webhook_secret") and spoiled in OF_KEYS:
        pytest.skip("any text signs")
    account = ACCOUNTS[backend]
    value = SPOILED[spoiled](first(account.settings[key]))
    monkeypatch.setenv(f"GATEWAY_SHOP_{key.upper()}" if reference is None else "CANARY", value)
    (home / "canary").write_text(value, encoding="utf-8")
    settings = {**account.settings, "backend": backend, key: (reference or "unused").format(home)}
    (home / "gateway.toml").write_text(table(settings), encoding="utf-8")

    error = failure(Gateway.open)

    assert key in error.message
    assert hits(error, *account.canaries) == {}


@each_place
@pytest.mark.parametrize("mistake, way", MADE)
def test_mistake_with_a_secret_in_it(home: Path, logs: Logs, backend: str, key: str, mistake: str, way: str) -> None:  # noqa: PLR0917  # parameters
    """S1: what stands in the wrong place, or in the wrong form, is named by its key and not shown."""
    account = ACCOUNTS[backend]
    where, value = MISTAKES[mistake](key, first(account.settings[key]))
    settings = {**account.settings, where: value}
    if way == "code":
        error = failure(lambda: Gateway.connect(backend, **settings))
    else:
        (home / "gateway.toml").write_text(table({**settings, "backend": backend}), encoding="utf-8")
        error = failure(Gateway.open)

    assert hits(error, *account.canaries) == {}
    assert leaks(logs.text, *account.canaries) == []


@each_account
def test_secret_in_the_place_of_another_setting(account: Account) -> None:
    """S1: a key that was pasted one line too low is refused without being shown."""
    key = account.canaries[0]
    settings_class = loading.settings_class(loading.find(account.backend).load())
    found = {}
    for field in attrs.fields(settings_class):
        try:
            Gateway.connect(account.backend, **{**account.settings, field.name: f"{key} "}).close()
        except GatewayError as error:
            found[field.name] = hits(error, *account.canaries)

    assert set(account.secrets) <= set(found)
    assert {name: hit for name, hit in found.items() if hit} == {}


@pytest.mark.parametrize(
    "line", ["api_key = {}", 'api_key = "{}', 'api_key = "{}"\napi_key = "x"', "[{}\n", "x = {}e9"]
)
def test_file_that_is_no_toml(home: Path, line: str) -> None:
    """S1: a file that cannot be parsed is told by the position, and nothing of it is quoted."""
    (home / "gateway.toml").write_text(f"[gateways.shop]\n{line.format(KEY)}\n", encoding="utf-8")

    assert hits(failure(Gateway.open), KEY) == {}


@pytest.mark.parametrize(
    "limiter",
    ["redis://:{}@127.0.0.1:1/0", "redis://:{}@127.0.0.1:port/0", "rediss://u:{}@[::1/0", "redis:{}", "{}", "file:{}"],
)
@pytest.mark.parametrize("fallback", ["error", "process"])
def test_limiter_with_a_password(logs: Logs, limiter: str, fallback: str) -> None:
    """S1: the store's address is a secret: whether it is wrong or nobody answers there, it is not told."""
    password = made_up("limiter", plain=True)
    account = ACCOUNTS["sandbox"]
    settings = {**account.settings, "base_url": "http://127.0.0.1:1", "rate_limits": ["1/s"]}
    told: list[object] = []

    def use() -> None:
        address = limiter.format(password)
        listening = ["logging", _Listener(told)]
        once = TransportSettings(attempts=1)
        with Gateway.connect(
            "sandbox", limiter=address, limiter_fallback=fallback, transport=once, observers=listening, **settings
        ) as gateway:
            gateway.check_account()

    error = failure(use)

    assert hits(error, password, *account.canaries) == {}
    assert leaks(f"{logs.text} {told}", password) == []


@each_account
@pytest.mark.parametrize("carry", [pickle.dumps, repr, str, copy.copy, copy.deepcopy], ids=lambda each: each.__name__)
def test_what_holds_secrets_gives_none(account: Account, carry: Callable[[object], object]) -> None:
    """S1: settings, provider and gateway print no secret, and refuse to become bytes."""
    password = made_up("limiter", plain=True)
    address = f"redis://:{password}@127.0.0.1:1/0"
    with Gateway.connect(account.backend, limiter=address, rate_limits=["1/s"], **account.settings) as gateway:
        channel: Any = gateway._pipeline
        holders = [gateway, gateway.provider, gateway.provider.settings, channel]
        holders += [getattr(gateway.provider.settings, key) for key in account.secrets]
        holders += [channel.limiter, channel.limiter.shared, LimitSettings(limiter=Secret(address))]
        told = []
        for holder in holders:
            try:
                told.append(repr(carry(holder)))
            except (GatewayError, TypeError) as error:
                told.append("".join(f"{each}" for each in SINKS["traceback"](error)))

    assert leaks("".join(told), password, *account.canaries) == []


@each_account
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda request: attrs.evolve(request, body=b""), id="empty"),
        pytest.param(lambda request: request, id="unsigned"),
        pytest.param(lambda request: _signed(request, "0" * 64), id="wrong"),
        pytest.param(lambda request: _signed(request, CUSTOMER), id="nonsense"),
        pytest.param(lambda request: _signed(request, "v1," + "A" * 44, at="1"), id="stale"),
        pytest.param(lambda request: attrs.evolve(request, body=request.body * 20_000), id="too large"),
        pytest.param(lambda request: attrs.evolve(request, body=b"[" * 90_000 + request.body), id="deep"),
        pytest.param(lambda request: attrs.evolve(request, url=f"{request.url}?{CUSTOMER}"), id="address"),
    ],
)
def test_webhook_that_is_refused(
    logs: Logs, account: Account, spoil: Callable[[WebhookRequest], WebhookRequest]
) -> None:
    """S1, S9: neither a secret nor anything of the message is told."""
    echo = json.dumps({"id": 1, "customer": CUSTOMER, "keys": account.canaries}).encode()
    request = WebhookRequest(body=echo, headers={"X-Customer": CUSTOMER}, url=f"https://shop.example/{CUSTOMER}/x")
    told: list[object] = []
    wire = Wire(*[401] * 9)
    listening = ["logging", _Listener(told)]
    with Gateway.connect(account.backend, transport=wire, observers=listening, **account.settings) as gateway:
        error = failure(lambda: gateway.verify_webhook(spoil(request)))

    assert isinstance(error, WebhookError)
    assert hits(error, CUSTOMER, *account.canaries) == {}
    assert leaks(f"{logs.text} {told}", CUSTOMER, *account.canaries) == []


def _signed(request: WebhookRequest, signature: str, at: str = "1900000000") -> WebhookRequest:
    names = ["X-Billoget-Signature", "X-Pay-Signature", "webhook-signature"]
    headers = {**dict.fromkeys(names, signature), "webhook-id": "msg_1", "webhook-timestamp": at}
    return attrs.evolve(request, headers=headers)


class _Listener:
    """An observer that keeps every event."""

    def __init__(self, told: list[object]) -> None:
        self._told = told

    @hookimpl
    def observe(self, event: object) -> None:
        self._told.append(event)


@each_account
@pytest.mark.parametrize("fault", ["unknown key", "spoiled", "no toml", "unknown backend", "nobody answers"])
@pytest.mark.parametrize(
    "command",
    [
        ["doctor"],
        ["doctor", "--json", "--show"],
        ["doctor", "--offline", "--show"],
        ["get-status", "1"],
        ["list-payments", "--json"],
        ["create-invoice", "1042", "49.90", "USD", "--description", CUSTOMER, "--json"],
        ["providers"],
        ["providers", "--json"],
    ],
    ids=lambda words: " ".join(word for word in words if word != CUSTOMER),
)
def test_command_line(  # noqa: PLR0917  # parameters
    home: Path,
    logs: Logs,
    monkeypatch: pytest.MonkeyPatch,
    reports: tuple[PluginReport, ...],
    account: Account,
    command: list[str],
    fault: str,
) -> None:
    """S1: what a command writes to stdout and stderr, and how it ends."""
    for module in (_doctor, _providers):
        monkeypatch.setattr(module, "inspect_all", lambda: reports)
    settings: dict[str, Any] = {"backend": account.backend, **account.settings, "rate_limits": []}
    settings |= {"base_url": "http://127.0.0.1:1", "transport": {"attempts": 1}}
    match fault:
        case "unknown key":
            settings["password"] = account.canaries[0]
        case "spoiled":
            settings[next(key for key, value in account.secrets.items() if isinstance(value, str))] += "\n"
        case "unknown backend":
            settings["backend"] = "unknown"
    text = table(settings) + ("{" if fault == "no toml" else "")
    (home / "gateway.toml").write_text(text, encoding="utf-8")

    result = CliRunner().invoke(_group.gateway, command)

    ended = "".join(traceback.format_exception(result.exception)) if result.exception else ""
    assert leaks(f"{result.output} {result.stderr} {ended} {logs.text}", CUSTOMER, *account.canaries) == []
    assert result.exit_code in (0, 1, 2, 3)


def test_settings_given_in_code_are_not_kept() -> None:
    """S1: the one function that reads settings keeps none of them in the frames of its error."""
    settings_class = loading.settings_class(loading.find("sandbox").load())

    error = failure(lambda: structure(settings_class, {"api_key": f"{KEY} "}, where="settings"))

    assert hits(error, KEY) == {}

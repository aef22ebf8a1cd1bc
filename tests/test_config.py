"""Configuration: what is read from where, and how each fault is told without its value."""

from __future__ import annotations

import enum
import importlib.metadata
import sys
import traceback
import types
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, Literal

import attrs
import pytest

from gateway_core import Gateway, HttpRequest, HttpResponse, ProviderInfo, Secret, hookimpl
from gateway_core._contract import check_provider_class
from gateway_core.config import AccountEntry, accounts, load_account, structure
from gateway_core.config._accounts import _Core
from gateway_core.errors import ConfigurationError, PluginError, UnknownBackendError
from gateway_core.provider import RESERVED_SETTINGS, base_url_field, secret_field, secrets_field
from gateway_core.transport import Deadline, TransportSettings

CANARY = "canary-7f3c9b1e5a2d"


class Mode(enum.StrEnum):
    """A choice."""

    LIVE = "live"
    TEST = "test"


@attrs.frozen(kw_only=True)
class Retry:
    """A table below the account's."""

    attempts: int = attrs.field(default=3, validator=attrs.validators.gt(0))
    token: Secret | None = secret_field(default=None)


@attrs.frozen(kw_only=True)
class Settings:
    """One field of each type."""

    api_key: Secret = secret_field()
    hook_secrets: tuple[Secret, ...] = secrets_field(required=False)
    base_url: str = base_url_field("https://api.shoply.example")
    count: int = attrs.field(default=1, validator=attrs.validators.gt(0))
    size: int | None = attrs.field(default=None, validator=attrs.validators.optional(attrs.validators.le(9)))
    fee: Decimal = Decimal(0)
    pause: float = 1.0
    life: timedelta = timedelta(hours=1)
    live: bool = False
    mode: Mode = Mode.LIVE
    shade: Literal["dark", "light"] = "dark"
    labels: tuple[str, ...] = ()
    word: str = attrs.field(default="abc", validator=attrs.validators.matches_re("[a-z]+"))
    note: str | None = None
    retry: Retry = attrs.field(factory=Retry)


@attrs.frozen
class Shoply:
    """A provider that is there to be configured."""

    settings: Settings
    info: ClassVar = ProviderInfo(title="Shoply", contract_version=1)

    @hookimpl
    def create_invoice(self, request: Any) -> Any:
        """Do nothing."""

    @hookimpl
    def get_status(self, invoice_id: Any) -> Any:
        """Do nothing."""

    @hookimpl
    def list_payments(self, query: Any) -> Any:
        """Do nothing."""

    @hookimpl
    def verify_webhook(self, request: Any) -> Any:
        """Do nothing."""


class Silent:
    """A transport that is not used."""

    def send(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        """Refuse."""
        raise AssertionError

    def close(self) -> None:
        """Do nothing."""


@pytest.fixture(autouse=True)
def scans(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Install the backend `shoply` among many others, and return the log of scans for entry points."""
    module = types.ModuleType("gateway_shoply")
    vars(module)["Shoply"] = Shoply
    monkeypatch.setitem(sys.modules, "gateway_shoply", module)
    group = "gateway_core.providers"
    offers = [importlib.metadata.EntryPoint("shoply", "gateway_shoply:Shoply", group)]
    offers += [importlib.metadata.EntryPoint(f"other{n}", f"not_there_{n}:Other", group) for n in range(50)]
    log: list[str] = []

    def entry_points(**query: str) -> importlib.metadata.EntryPoints:
        log.append(query["group"])
        return importlib.metadata.EntryPoints(offers)

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    return log


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, with no variable of ours set."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)
    monkeypatch.delenv("GATEWAY_DEFAULT", raising=False)
    return tmp_path


def write(text: str, path: str = "gateway.toml") -> None:
    """Write a configuration file."""
    Path(path).write_text(text, encoding="utf-8")


def account(table: str = "", *, api_key: str = '"k"') -> None:
    """Write a configuration file with one account, which is the default."""
    write(f'default = "shop-eu"\n[gateways.shop-eu]\nbackend = "shoply"\napi_key = {api_key}\n{table}\n')


def linked(error: BaseException) -> Iterator[BaseException]:
    """Yield everything that hangs on an error."""
    for each in (error.__cause__, error.__context__):
        if each is not None:
            yield each
            yield from linked(each)


def refusal(start: Any) -> str:
    """Return the text of the refusal; nothing else hangs on it, and the canary is nowhere."""
    with pytest.raises((ConfigurationError, UnknownBackendError)) as caught:
        start()
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert CANARY not in shown
    assert list(linked(caught.value)) == []
    return str(caught.value)


def settings(**values: Any) -> Settings:
    """Make settings from values given in code."""
    return structure(Settings, {"api_key": "k", **values}, where="settings")


@pytest.mark.parametrize(
    "key, given, expected",
    [
        ("api_key", "abc", Secret("abc")),
        ("api_key", Secret("abc"), Secret("abc")),
        ("hook_secrets", ["a", Secret("b")], (Secret("a"), Secret("b"))),
        ("hook_secrets", "a", (Secret("a"),)),
        ("hook_secrets", Secret("a"), (Secret("a"),)),
        ("base_url", "https://x.example/", "https://x.example"),
        ("count", 7, 7),
        ("size", None, None),
        ("size", 9, 9),
        ("fee", "1.50", Decimal("1.50")),
        ("fee", "-3", Decimal(-3)),
        ("fee", 2, Decimal(2)),
        ("fee", Decimal("0.1"), Decimal("0.1")),
        ("pause", 0.5, 0.5),
        ("pause", 2, 2.0),
        ("pause", Decimal("0.25"), 0.25),
        ("life", timedelta(days=2), timedelta(days=2)),
        ("life", 90, timedelta(seconds=90)),
        ("life", Decimal("0.5"), timedelta(milliseconds=500)),
        ("live", True, True),
        ("mode", "test", Mode.TEST),
        pytest.param("mode", Mode.TEST, Mode.TEST, id="mode-member"),
        ("shade", "light", "light"),
        ("labels", ["a b", "c"], ("a b", "c")),
        ("labels", "a b", ("a b",)),
        ("note", "é", "é"),
        ("note", None, None),
        ("retry", {"attempts": 5}, Retry(attempts=5)),
        ("retry", Retry(attempts=5), Retry(attempts=5)),
    ],
)
def test_value_in_code_is_taken(key: str, given: Any, expected: Any) -> None:
    """A value of the field's type passes, and so does the plain form of the types that have one."""
    actual = getattr(settings(**{key: given}), key)

    assert (actual, type(actual)) == (expected, type(expected))


@pytest.mark.parametrize(
    "key, given, reason",
    [
        ("api_key", "", "a secret must be visible ASCII"),
        ("api_key", f"{CANARY}\n", "a secret must be visible ASCII"),
        ("api_key", 5, "must be text"),
        ("api_key", None, "must be text"),
        ("api_key", "env://HOME", "is a reference"),
        ("api_key", "file:///etc/hostname", "is a reference"),
        ("hook_secrets", {CANARY: 1}, "must be a list"),
        ("base_url", f"http://{CANARY}.example", "must be https"),
        ("base_url", f"https://{CANARY}:x@api.example", "must have no user"),
        ("count", "7", "must be a whole number"),
        ("count", True, "must be a whole number"),
        ("count", 7.0, "must be a whole number"),
        ("count", -70707070, "must be > 0"),
        ("size", 10, "must be <= 9"),
        ("fee", 1.5, "must be an exact number"),
        ("fee", "1,5", "must be a number"),
        ("fee", "1e5", "must be a number"),
        ("fee", "\u0661", "must be a number"),
        ("fee", Decimal("NaN"), "must be a number"),
        ("fee", Decimal("1e999999"), "must be a number"),
        ("fee", True, "must be a number"),
        ("pause", "1", "must be a number"),
        ("pause", float("nan"), "must be a number"),
        ("pause", float("inf"), "must be a number"),
        ("life", "90", "must be a number"),
        ("life", 1.5, "must be a number"),
        ("life", 10**20, "must be a number of seconds"),
        ("live", 1, "must be true or false"),
        ("live", "true", "must be true or false"),
        ("mode", CANARY, "must be one of live, test"),
        ("mode", True, "must be one of live, test"),
        ("shade", CANARY, "must be one of dark, light"),
        ("labels", 5, "must be a list"),
        ("word", CANARY, "not allowed"),
        ("note", 5, "must be text"),
        ("note", f"{CANARY}\ud800", "must be text in UTF-8"),
        ("retry", CANARY, "must be a table"),
    ],
)
def test_value_in_code_is_refused(key: str, given: Any, reason: str) -> None:
    """A value of another type, or one that the field's check refuses, is named by its key and never quoted."""
    actual = refusal(lambda: settings(**{key: given}))

    assert actual.startswith(f"settings: {key}: {reason}")


def test_all_faults_at_once() -> None:
    """One error tells every fault, those of nested tables and list items with their place."""
    values = {"api_kee": CANARY, "count": 0, "hook_secrets": ["a", " "], "retry": {"attempts": 0, "tokn": CANARY}}

    actual = refusal(lambda: structure(Settings, values, where="settings"))

    assert actual == (
        "settings: api_kee: unknown, did you mean api_key?; api_key: missing; hook_secrets[1]: a secret must be visible"
        " ASCII and not empty (no blanks, no line end at its end); count: must be > 0;"
        " retry.tokn: unknown, did you mean token?; retry.attempts: must be > 0"
    )


def test_unknown_key_without_a_close_match_lists_the_known() -> None:
    """A key that resembles none is answered with those there are."""
    actual = refusal(lambda: structure(Retry, {"zzz": 1}, where="options"))

    assert actual == "options: zzz: unknown, known are attempts, token"


@pytest.mark.parametrize("values", [None, 5, "text", [1]])
def test_values_that_are_no_table(values: Any) -> None:
    """What is no mapping is refused as a whole."""
    actual = refusal(lambda: structure(Retry, values, where="options"))

    assert actual == "options: must be a table of keys and values"


@attrs.frozen(kw_only=True)
class Picky:
    """Checks itself as a whole, in its own words and in others'."""

    key: Secret = secret_field()
    how: str = ""

    def __attrs_post_init__(self) -> None:
        """Refuse."""
        if self.how == "ours":
            raise ConfigurationError(f"it does not go together with {self.key.reveal()}")
        raise {"value": ValueError, "key": KeyError}[self.how](self.key.reveal())


@pytest.mark.parametrize(
    "how, reason",
    [
        ("ours", "it does not go together with ***"),
        ("value", "refused by Picky"),
        ("key", "refused by Picky (KeyError)"),
    ],
)
def test_what_a_settings_class_raises_is_not_quoted(how: str, reason: str) -> None:
    """S1: the text of foreign exceptions is left out, and secrets are taken out of our own."""
    actual = refusal(lambda: structure(Picky, {"key": CANARY, "how": how}, where="settings"))

    assert actual == f"settings: {reason}"


@attrs.frozen(kw_only=True)
class Checked:
    """A check that needs the other fields."""

    low: int = 0
    high: int = attrs.field(default=0)

    @high.validator
    def _above_low(self, _: object, value: int) -> None:
        if value < self.low:
            raise ConfigurationError("high must not be below low")


@pytest.mark.parametrize("high, accepted", [(5, True), (4, False)])
def test_check_that_needs_other_fields(high: int, *, accepted: bool) -> None:
    """A check that looks at the instance is made once there is one."""
    if accepted:
        assert structure(Checked, {"low": 5, "high": high}, where="x") == Checked(low=5, high=high)
    else:
        assert (
            refusal(lambda: structure(Checked, {"low": 5, "high": high}, where="x")) == "x: high must not be below low"
        )


@attrs.frozen
class Unresolved:
    """An annotation that names nothing."""

    key: Nowhere  # type: ignore[name-defined]  # noqa: F821  # the point of the test


def test_settings_class_with_an_unresolved_annotation() -> None:
    """A settings class that cannot be read is the plugin's fault."""
    with pytest.raises(PluginError, match="annotations of the class Unresolved"):
        structure(Unresolved, {"key": CANARY}, where="settings")


@pytest.mark.parametrize("name", RESERVED_SETTINGS)
def test_reserved_setting(name: str) -> None:
    """A plugin's setting must not have the name of a key that is the core's own."""
    made = attrs.make_class("Made", {name: attrs.field(default=None)}, frozen=True)
    provider = attrs.make_class("Provider", {"settings": attrs.field(type=made)}, bases=(Shoply,), frozen=True)

    with pytest.raises(PluginError, match=f"its settings class has {name}"):
        check_provider_class(provider)


def test_reserved_settings_are_all_that_the_core_reads() -> None:
    """A key that the core reads in an account's table is reserved."""
    assert {field.name for field in attrs.fields(_Core)} == set(RESERVED_SETTINGS)


def test_account_of_the_file() -> None:
    """An account's values come from its table; the origin of each is known."""
    account('hook_secrets = ["a", "b"]\nfee = 1.10\nlife = 60\npause = 0.5\nmode = "test"\nretry.attempts = 9\n')

    actual = load_account()

    expected = Settings(
        api_key=Secret("k"),
        hook_secrets=(Secret("a"), Secret("b")),
        fee=Decimal("1.10"),
        life=timedelta(minutes=1),
        pause=0.5,
        mode=Mode.TEST,
        retry=Retry(attempts=9),
    )
    assert (actual.settings, actual.transport) == (expected, TransportSettings())
    assert (actual.name, actual.backend, actual.provider_class) == ("shop-eu", "shoply", Shoply)
    assert actual.path == "gateway.toml"
    given = {key for key, origin in actual.origins.items() if origin == "gateway.toml"}
    assert given == {"backend", "api_key", "hook_secrets", "fee", "life", "pause", "mode", "retry.attempts"}
    assert {actual.origins[key] for key in ("transport.deadline", "retry.token", "word")} == {"default"}


@pytest.mark.parametrize(
    "variable, text, key, expected",
    [
        ("API_KEY", "other", "api_key", Secret("other")),
        ("HOOK_SECRETS", "a b", "hook_secrets", (Secret("a"), Secret("b"))),
        ("HOOK_SECRETS", "", "hook_secrets", ()),
        ("COUNT", "30", "count", 30),
        ("SIZE", "3", "size", 3),
        ("FEE", "0.1", "fee", Decimal("0.1")),
        ("PAUSE", "0.5", "pause", 0.5),
        ("LIFE", "1.5", "life", timedelta(seconds=1.5)),
        ("LIVE", "true", "live", True),
        ("LIVE", "0", "live", False),
        ("MODE", "test", "mode", Mode.TEST),
        ("SHADE", "light", "shade", "light"),
        ("LABELS", "a b", "labels", ("a", "b")),
        ("NOTE", "two words", "note", "two words"),
    ],
)
def test_environment_over_file(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, key: str, expected: Any
) -> None:
    """The variable GATEWAY_<NAME>_<KEY> comes before the file, in the name's capital letters with _ for -."""
    monkeypatch.setenv(f"GATEWAY_SHOP_EU_{variable}", text)
    account("count = 2\nlive = true")

    loaded = load_account()

    actual = getattr(loaded.settings, key)
    assert (actual, type(actual)) == (expected, type(expected))
    assert loaded.origins[key] == f"environment GATEWAY_SHOP_EU_{variable}"


@pytest.mark.parametrize(
    "variable, text, reason",
    [
        ("API_KEY", "", "a secret must be visible ASCII"),
        ("API_KEY", f"{CANARY} ", "a secret must be visible ASCII"),
        ("API_KEY", "file://relative", "file:// is followed by an absolute path"),
        ("COUNT", CANARY, "must be a whole number"),
        ("COUNT", "1.5", "must be a whole number"),
        ("COUNT", "1_0", "must be a whole number"),
        ("FEE", "1e3", "must be a number"),
        ("PAUSE", "nan", "must be a number"),
        ("LIVE", "maybe", "must be true or false"),
        ("MODE", CANARY, "must be one of live, test"),
        ("SHADE", CANARY, "must be one of dark, light"),
    ],
)
def test_wrong_environment_value(monkeypatch: pytest.MonkeyPatch, variable: str, text: str, reason: str) -> None:
    """A wrong value from the environment is told with its variable. An empty one is a value too."""
    monkeypatch.setenv(f"GATEWAY_SHOP_EU_{variable}", text)
    account()

    actual = refusal(load_account)

    assert f"[gateways.shop-eu] {variable.lower()} (from " in actual
    assert f"environment GATEWAY_SHOP_EU_{variable}): {reason}" in actual


def test_environment_text_that_is_no_utf8(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes of the environment that are no UTF-8 are refused."""
    monkeypatch.setenv("GATEWAY_SHOP_EU_NOTE", "caf\udce9")
    account()

    assert "must be text in UTF-8" in refusal(load_account)


def test_transport_and_nested_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys of a table below the account's are settings too, from the file and from the environment."""
    monkeypatch.setenv("GATEWAY_SHOP_EU_TRANSPORT_DEADLINE", "12.5")
    monkeypatch.setenv("GATEWAY_SHOP_EU_RETRY_TOKEN", "t")
    account("[gateways.shop-eu.transport]\ndeadline = 20\npool_size = 3")

    actual = load_account()

    assert actual.transport == TransportSettings(deadline=12.5, pool_size=3)
    assert actual.settings.retry == Retry(token=Secret("t"))
    assert actual.origins["transport.pool_size"] == "gateway.toml"
    assert actual.origins["transport.deadline"] == "environment GATEWAY_SHOP_EU_TRANSPORT_DEADLINE"
    assert actual.origins["retry.token"] == "environment GATEWAY_SHOP_EU_RETRY_TOKEN"


@pytest.mark.parametrize(
    "content, expected",
    [("s", "s"), ("s\n", "s"), ("s\r\n", "s")],
)
def test_file_reference(home: Path, content: str, expected: str) -> None:
    """S3: a secret's file is read, without the one line end at its end."""
    (home / "key").write_text(content, encoding="ascii", newline="")
    reference = f"file://{home}/key"
    account(api_key=f'"{reference}"')

    actual = load_account()

    assert (actual.settings.api_key.reveal(), actual.origins["api_key"]) == (expected, reference)


def test_one_line_end_only(home: Path) -> None:
    """S3: a second line end belongs to the value, so a secret is refused, with its file's name."""
    (home / "key").write_text(f"{CANARY}\n\n", encoding="ascii")
    account(api_key=f'"file://{home}/key"')

    assert f"[gateways.shop-eu] api_key (from file://{home}/key): a secret must be" in refusal(load_account)


def test_environment_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """S3: any setting may be a reference to a variable, and numbers are read from its text."""
    monkeypatch.setenv("SHOP_KEY", "s")
    monkeypatch.setenv("SHOP_COUNT", "8")
    account('count = "env://SHOP_COUNT"\nhook_secrets = ["env://SHOP_KEY", "plain"]', api_key='"env://SHOP_KEY"')

    actual = load_account()

    assert (actual.settings.api_key, actual.settings.count) == (Secret("s"), 8)
    assert actual.settings.hook_secrets == (Secret("s"), Secret("plain"))
    assert actual.origins["api_key"] == "env://SHOP_KEY"
    assert actual.origins["hook_secrets"] == "env://SHOP_KEY, gateway.toml"


def test_reference_in_the_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that comes before the file may be a reference too. Several secrets stand on a line each."""
    (home / "keys").write_text("new\nold\n", encoding="ascii")
    monkeypatch.setenv("GATEWAY_SHOP_EU_HOOK_SECRETS", f"file://{home}/keys")
    account()

    actual = load_account()

    assert actual.settings.hook_secrets == (Secret("new"), Secret("old"))
    assert actual.origins["hook_secrets"] == (f"file://{home}/keys, named by environment GATEWAY_SHOP_EU_HOOK_SECRETS")


def test_reference_is_followed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a reference leads to is the value, and never another reference."""
    monkeypatch.setenv("SHOP_KEY", "env://OTHER")
    monkeypatch.setenv("OTHER", CANARY)
    account(api_key='"env://SHOP_KEY"')

    assert "is a reference where the secret itself is needed" in refusal(load_account)


@pytest.mark.parametrize(
    "reference, reason",
    [
        ("env://UNSET_VARIABLE", "the environment variable UNSET_VARIABLE is not set"),
        ("env://", "env:// is followed by the name"),
        ("env://A B", "env:// is followed by the name"),
        ("file://key", "file:// is followed by an absolute path"),
        ("file://", "file:// is followed by an absolute path"),
        ("file:///not/there", "there is no file /not/there"),
        ("file:///", "/ is a directory, not a file"),
        ("file:///a\\u0000b", "cannot be read (ValueError)"),
        ("file:///dev/zero", "is larger than 65536 bytes"),
    ],
)
def test_reference_that_leads_nowhere(reference: str, reason: str) -> None:
    """A reference that cannot be followed is told by key and file, in a list as well."""
    account(f'hook_secrets = ["k", "{reference}"]', api_key=f'"{reference}"')

    actual = refusal(load_account)

    assert actual.count(reason) == 2
    assert "[gateways.shop-eu] api_key (from " in actual
    assert "[gateways.shop-eu] hook_secrets (from " in actual


def test_file_reference_to_bytes(home: Path) -> None:
    """A file that is not text is refused."""
    (home / "key").write_bytes(b"\xff" + CANARY.encode())
    account(api_key=f'"file://{home}/key"')

    assert "is not text in UTF-8" in refusal(load_account)


def test_faults_of_an_account_are_told_together() -> None:
    """Faults of the core's keys and of the plugin's come in one error, each with file, table and key."""
    account(
        f'count = "{CANARY}"\napi_keys = "{CANARY}"\ntransprt = 1\ntransport = {{deadline = 0, retries = 3}}',
        api_key="5",
    )

    actual = refusal(load_account)

    assert actual == (
        "shoply: gateway.toml: [gateways.shop-eu.transport] retries: unknown, known are deadline, connect_timeout,"
        " read_timeout, max_response_bytes, pool_size; [gateways.shop-eu.transport] deadline: must be > 0;"
        " [gateways.shop-eu] api_keys: unknown, did you mean api_key?;"
        " [gateways.shop-eu] transprt: unknown, did you mean transport?;"
        " [gateways.shop-eu] api_key: must be text; [gateways.shop-eu] count: must be a whole number"
    )


def test_missing_setting_tells_both_ways_to_give_it() -> None:
    """A required setting that is not there is told with its table and its variable."""
    write('[gateways.shop-eu]\nbackend = "shoply"')

    actual = refusal(lambda: load_account("shop-eu"))

    assert actual == (
        "shoply: gateway.toml: [gateways.shop-eu] api_key: missing: write it there, or set GATEWAY_SHOP_EU_API_KEY"
    )


@pytest.mark.parametrize(
    "table, reason",
    [
        ("", "[gateways.a] backend: missing: name the plugin to use"),
        ('backnd = "shoply"', "[gateways.a] backnd: unknown, did you mean backend?"),
        ("backend = 5", "[gateways.a] backend: must be text"),
        (
            'backend = "shopli"',
            "[gateways.a] backend: the backend 'shopli' cannot be had: nobody offers it: did you mean",
        ),
        ('backend = "other7"', "[gateways.a] backend: the backend 'other7' is installed but broken: its import failed"),
        ('backend = "shoply"\ndistribution = 5', "[gateways.a] distribution: must be text"),
        ('backend = "shoply"\ndistribution = "gateway-other"', "the distribution 'gateway-other' does not offer it"),
    ],
)
def test_backend_that_cannot_be_had(table: str, reason: str) -> None:
    """P2: a backend that is missing, unknown or broken is told with file and table; so is a pin that nobody meets."""
    write(f"[gateways.a]\n{table}")

    actual = refusal(lambda: load_account("a"))

    assert "gateway.toml: [gateways.a] " in actual
    assert reason in actual


@pytest.mark.parametrize(
    "text, reason",
    [
        ("", "there is no account: add a table [gateways.<name>]"),
        ("gateways = 5", "there is no account"),
        ('[gateway.a]\nbackend = "b"', "gateway: unknown, did you mean gateways?"),
        ('defalt = "a"\n[gateways.a]', "defalt: unknown, did you mean default?"),
        ('default = "b"\n[gateways.a]', "default: must name an account; a"),
        ("default = 5\n[gateways.a]", "default: must name an account; a"),
        ("[gateways.Shop]", "[gateways.Shop]: an account's name is in a-z, 0-9, - and _"),
        ('[gateways."a b"]', "[gateways.a b]: an account's name is in"),
        ('[gateways."é"]', "[gateways.é]: an account's name is in"),
        ("[gateways._a]", "[gateways._a]: an account's name is in"),
        ("[gateways]\na = 5", "gateways.a: must be a table, [gateways.a]"),
        ("[gateways.a-b]\n[gateways.a_b]", "[gateways.a_b]: shares its environment variables with [gateways.a-b]"),
        (f'[gateways.a]\nx = "{CANARY}\n', "not TOML (at line 2"),
        (f"[gateways.a]\napi_key = {CANARY}", "not TOML (at line 2, column"),
        pytest.param(f"x = {'[' * 100_000}", "not TOML", id="deep"),
        pytest.param(f"x = {'9' * 5000}", "not TOML: a number is too long", id="long"),
        pytest.param(f"x = 1e{'9' * 50}", "not TOML: a number is too long", id="large"),
    ],
)
def test_file_that_is_no_configuration(text: str, reason: str) -> None:
    """What is wrong with the file as a whole is told with its path, and the line where there is one."""
    write(text)

    actual = refusal(lambda: load_account("a"))

    assert actual.startswith("gateway.toml: ")
    assert reason in actual
    assert refusal(accounts) == actual


@pytest.mark.parametrize("number", ["nan", "inf", "1e999999"])
def test_number_in_the_file_that_is_none(number: str) -> None:
    """What TOML calls a float and nobody can count with is refused."""
    account(f"pause = {number}\nfee = {number}\nlife = {number}")

    assert refusal(load_account).count("must be a number") == 3


@pytest.mark.parametrize(
    "content, reason",
    [(b"\xff\xfe", "not text in UTF-8"), (None, "cannot be read (IsADirectoryError; given as `config`)")],
)
def test_file_that_cannot_be_read(home: Path, content: bytes | None, reason: str) -> None:
    """A file that is no text, or a directory, is told as such."""
    path = home / "x.toml"
    path.mkdir() if content is None else path.write_bytes(content)

    assert refusal(lambda: load_account("a", path)) == f"{path}: {reason}"


def test_byte_order_mark() -> None:
    """A byte order mark, which Windows editors write, is no part of the text."""
    Path("gateway.toml").write_bytes(b'\xef\xbb\xbfdefault = "a"\n[gateways.a]\nbackend = "b"\n')

    assert [entry.name for entry in accounts()] == ["a"]


@pytest.mark.parametrize(
    "config, variable, expected",
    [
        (None, "", "gateway.toml: there is no such file in {} (looked for because GATEWAY_CONFIG is not set): "),
        (None, "x.toml", "x.toml: there is no such file in {} (named by the environment variable GATEWAY_CONFIG): "),
        ("a/y.toml", "x.toml", "a/y.toml: there is no such file in {} (given as `config`): "),
        ("/not/there.toml", "", "/not/there.toml: there is no such file (given as `config`): "),
    ],
)
def test_no_file(home: Path, monkeypatch: pytest.MonkeyPatch, config: str | None, variable: str, expected: str) -> None:
    """Without a file the error says where it was looked for, why there, and how to make one."""
    monkeypatch.setenv("GATEWAY_CONFIG", variable)

    actual = refusal(lambda: load_account(None, config))

    assert actual.startswith(f"{expected.format(home)}make it with default = ")


def test_which_file_and_which_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """The argument comes first, then the variable, then gateway.toml and its default."""
    table = '\nbackend = "shoply"\napi_key = "k"\n'
    write(f'default = "one"\n[gateways.one]{table}[gateways.two]{table}[gateways.three]{table}')
    write(f'default = "x"\n[gateways.x]{table}', "x.toml")

    found = [load_account().name, load_account("three").name, load_account(config="x.toml").name]
    monkeypatch.setenv("GATEWAY_DEFAULT", "two")
    found += [load_account().name, load_account("three").name]
    monkeypatch.setenv("GATEWAY_CONFIG", "x.toml")
    found += [load_account("x").name, load_account("one", Path("gateway.toml")).name]

    assert found == ["one", "three", "x", "two", "three", "x", "one"]


def test_account_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account that is not there, or not chosen, is told with those there are."""
    write("[gateways.shop-eu]\n[gateways.shop-us]")

    found = [refusal(load_account), refusal(lambda: load_account("shop-uk")), refusal(lambda: load_account("zzz"))]
    monkeypatch.setenv("GATEWAY_DEFAULT", "zzz")
    found.append(refusal(load_account))

    assert found == [
        "gateway.toml: no account is chosen: name one, or write `default` at the top (accounts are shop-eu, shop-us)",
        "gateway.toml: there is no account shop-uk: did you mean shop-us?",
        "gateway.toml: there is no account zzz: known are shop-eu, shop-us",
        "gateway.toml: there is no account zzz (from environment GATEWAY_DEFAULT): known are shop-eu, shop-us",
    ]


def test_other_accounts_do_not_matter() -> None:
    """P1: a fault in another account, or in its plugin, does not touch this one."""
    account('[gateways.broken]\nbackend = "other1"\nrubbish = true\n[gateways.empty]')

    assert load_account().name == "shop-eu"


def test_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The accounts of a file are listed in its order, and no plugin is imported or looked for."""
    monkeypatch.delitem(sys.modules, "gateway_shoply")
    monkeypatch.setenv("GATEWAY_C_BACKEND", "other3")
    write('default = "b"\n[gateways.b]\nbackend = "shoply"\n[gateways.a]\n[gateways.c]\nbackend = "x"')

    actual = accounts()

    assert actual == (
        AccountEntry(name="b", backend="shoply", default=True, path="gateway.toml"),
        AccountEntry(name="a", backend=None, default=False, path="gateway.toml"),
        AccountEntry(name="c", backend="other3", default=False, path="gateway.toml"),
    )


def test_one_scan_for_one_gateway(scans: list[str]) -> None:
    """Opening a gateway looks through the installed distributions once, however many there are."""
    account()

    with Gateway.open(transport=Silent()):
        actual = scans

    assert actual == ["gateway_core.providers"]


def test_no_value_in_the_loaded_record() -> None:
    """S1: the record of an account prints no secret."""
    account(f'hook_secrets = ["{CANARY}"]', api_key=f'"{CANARY}"')

    assert CANARY not in repr(load_account())

"""The file as a whole: which one, which account of it, and what is wrong with it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gateway_core import Gateway, Gateways
from gateway_core.config import AccountEntry, accounts, default_account, load_account
from tests.config.shoply import CANARY, Silent, account, refusal, write


def test_faults_of_an_account_are_told_together() -> None:
    """Faults of the core's keys and of the plugin's come in one error, each with file, table and key."""
    account(
        f'count = "{CANARY}"\napi_keys = "{CANARY}"\ntransprt = 1\ntransport = {{deadline = 0, retries = 3}}',
        api_key="5",
    )

    actual = refusal(load_account)

    assert actual == (
        "shoply: gateway.toml: [gateways.shop-eu.transport] retries: unknown, known are deadline, connect_timeout,"
        " read_timeout, max_response_bytes, pool_size, attempts, backoff, longest_backoff, breaker_failures,"
        " breaker_seconds; [gateways.shop-eu.transport] deadline: must be > 0;"
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
        pytest.param(f"x = {'[' * 60_000}", "not TOML", id="deep"),
        ("[gateways.a]\nx = 1\nx = 2\n", "not TOML (at line 3, column 6) (a key is there twice)"),
        ("[gateways.a]\n[gateways.a]", "not TOML (at line 2, column 12) (a table is there twice)"),
        ("gateways = {a = {x = 1, x = 2}}", "not TOML (at line 1, column 30) (a key is there twice)"),
        ("x = 1\n[gateways.a]\n" + "a." * 16 + "b = 1", "a key of more than 16 parts (at line 3)"),
        ("[gateways" + " . 'a b' . \"c\"" * 8 + "]", "a key of more than 16 parts (at line 1)"),
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
    [
        (b"\xff\xfe", "is not text in UTF-8 (at line 1, byte 1) (given as `config`)"),
        (b"# \xc3\xa9\na = 1 # \xe9", "is not text in UTF-8 (at line 2, byte 9) (given as `config`)"),
        (b"#" * 65_537, "is larger than 65536 bytes (given as `config`)"),
        (None, "is a directory, not a file (given as `config`)"),
    ],
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
    table = '\nbackend = "shoply"\napi_key = "k-k"\n'
    write(f'default = "one"\n[gateways.one]{table}[gateways.two]{table}[gateways.three]{table}')
    write(f'default = "x"\n[gateways.x]{table}', "x.toml")

    found = [load_account().name, load_account("three").name, load_account(config="x.toml").name]
    monkeypatch.setenv("GATEWAY_DEFAULT", "two")
    found += [load_account().name, load_account("three").name]
    monkeypatch.setenv("GATEWAY_CONFIG", "x.toml")
    found += [load_account("x").name, load_account("one", Path("gateway.toml")).name]

    assert found == ["one", "three", "x", "two", "three", "x", "one"]


def test_only_account_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is one account nothing has to be chosen; with a second one, or a variable, it has to be."""
    table = '\nbackend = "shoply"\napi_key = "k-k"\n'
    write(f"[gateways.one]{table}")
    (listed,) = accounts()
    with Gateway.open(transport=Silent()) as gateway, Gateways.open() as gateways:
        opened = (gateway.backend, gateways.default.backend)
    alone = (default_account(), load_account().name, listed.default)
    monkeypatch.setenv("GATEWAY_DEFAULT", "two")
    other = refusal(load_account)
    monkeypatch.delenv("GATEWAY_DEFAULT")
    write(f"[gateways.one]{table}[gateways.two]{table}")

    assert opened == ("shoply", "shoply")
    assert alone == ("one", "one", True)
    assert "there is no account two (from environment GATEWAY_DEFAULT)" in other
    assert "no account is chosen" in refusal(load_account)


def test_address_of_webhooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The core's key where the plugin has no such setting; no ``repr`` shows it, and new secrets are read past it."""
    secret = "https://shop.example/webhooks/s3cret"
    account(f'webhook_url = "{secret}"', api_key='"env://SHOP_KEY"')
    monkeypatch.setenv("SHOP_KEY", "old-key")
    loaded = load_account()
    with Gateway.open(transport=Silent()) as gateway:
        monkeypatch.setenv("SHOP_KEY", "new-key")
        changed = gateway.reload()

    assert (loaded.webhook_url, loaded.origins["webhook_url"]) == (secret, "gateway.toml")
    assert "s3cret" not in repr(loaded)
    assert changed


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

"""Where a setting comes from: the file, the environment over it, and what either refers to."""

from __future__ import annotations

import os
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest

from gateway_core import Secret
from gateway_core.config import load_account, structure
from gateway_core.config._types import Text
from gateway_core.provider import secrets_field
from gateway_core.transport import TransportSettings
from tests.config.shoply import CANARY, Mode, Retry, Settings, Shoply, account, refusal


def test_account_of_the_file() -> None:
    """An account's values come from its table; the origin of each is known."""
    account('hook_secrets = ["a-a", "b-b"]\nfee = 1.10\nlife = 60\npause = 0.5\nmode = "test"\nretry.attempts = 9\n')

    actual = load_account()

    expected = Settings(
        api_key=Secret("k-k"),
        hook_secrets=(Secret("a-a"), Secret("b-b")),
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
        ("HOOK_SECRETS", f"{'a' * 16} {'b' * 16}", "hook_secrets", (Secret("a" * 16), Secret("b" * 16))),
        ("HOOK_SECRETS", "a-a\nb-b", "hook_secrets", (Secret("a-a"), Secret("b-b"))),
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
        ("API_KEY", "", "a secret must not be empty"),
        ("HOOK_SECRETS", "", "must hold at least one secret"),
        (
            "API_KEY",
            f"{CANARY} ",
            "a secret must have no blank and no line end",
        ),
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
    monkeypatch.setenv("GATEWAY_SHOP_EU_RETRY_TOKEN", "t-t")
    account("[gateways.shop-eu.transport]\ndeadline = 20\npool_size = 3")

    actual = load_account()

    assert actual.transport == TransportSettings(deadline=12.5, pool_size=3)
    assert actual.settings.retry == Retry(token=Secret("t-t"))
    assert actual.origins["transport.pool_size"] == "gateway.toml"
    assert actual.origins["transport.deadline"] == "environment GATEWAY_SHOP_EU_TRANSPORT_DEADLINE"
    assert actual.origins["retry.token"] == "environment GATEWAY_SHOP_EU_RETRY_TOKEN"


@pytest.mark.parametrize(
    "content, expected",
    [("s-s", "s-s"), ("s-s\n", "s-s"), ("s-s\r\n", "s-s")],
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

    assert f"[gateways.shop-eu] api_key (from file://{home}/key): a secret must have no blank" in refusal(load_account)


def test_environment_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """S3: any setting may be a reference to a variable, and numbers are read from its text."""
    monkeypatch.setenv("SHOP_KEY", "s-s")
    monkeypatch.setenv("SHOP_COUNT", "8")
    account('count = "env://SHOP_COUNT"\nhook_secrets = ["env://SHOP_KEY", "plain"]', api_key='"env://SHOP_KEY"')

    actual = load_account()

    assert (actual.settings.api_key, actual.settings.count) == (Secret("s-s"), 8)
    assert actual.settings.hook_secrets == (Secret("s-s"), Secret("plain"))
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
        ("file:///dev/zero", "the file /dev/zero is no regular file"),
    ],
)
def test_reference_that_leads_nowhere(reference: str, reason: str) -> None:
    """A reference that cannot be followed is told by key and file, in a list as well."""
    account(f'hook_secrets = ["k-k", "{reference}"]', api_key=f'"{reference}"')

    actual = refusal(load_account)

    assert actual.count(reason) == 2
    assert "[gateways.shop-eu] api_key (from " in actual
    assert "[gateways.shop-eu] hook_secrets (from " in actual


def test_file_reference_to_bytes(home: Path) -> None:
    """A file that is not text is refused."""
    (home / "key").write_bytes(b"\xff" + CANARY.encode())
    account(api_key=f'"file://{home}/key"')

    assert "is not text in UTF-8" in refusal(load_account)


def test_pipe_is_not_waited_for(home: Path) -> None:
    """A pipe into which nobody writes would hang every start of the application."""
    os.mkfifo(home / "pipe")
    account(api_key=f'"file://{home}/pipe"')

    assert f"the file {home}/pipe is no regular file" in refusal(load_account)
    assert refusal(lambda: load_account("a", home / "pipe")) == f"{home}/pipe: is no regular file (given as `config`)"


def test_large_file_is_no_secret(home: Path) -> None:
    """More than 64 kB is no setting, and is not read."""
    (home / "large").write_text("x" * 65_537, encoding="ascii")
    account(api_key=f'"file://{home}/large"')

    assert f"the file {home}/large is larger than 65536 bytes" in refusal(load_account)


def test_long_key_is_refused_in_time() -> None:
    """S7: The parser's time grows with the square of a key's parts, and such a key is not given to it."""
    text = "x = " + "a" * 20_000 + "\n" + ".".join(["a"] * 20_000) + " = 1"
    Path("gateway.toml").write_text(text, encoding="ascii")

    assert "a key of more than 16 parts (at line 2)" in refusal(load_account)


@pytest.mark.parametrize(
    "text, reason",
    [
        ("keyring://shop/key", "keyring:// is no reference that is known here: a reference is written env://NAME"),
        ("vault://secret/key", "vault:// is no reference that is known here"),
        ("evn://SHOP_KEY", "evn:// is no reference, did you mean env://?"),
        ("flie:///run/secrets/key", "flie:// is no reference, did you mean file://?"),
        ("ENV://SHOP_KEY", "looks like a reference"),
        ("env:SHOP_KEY", "looks like a reference: a reference is written env://NAME"),
        ("env:/SHOP_KEY", "looks like a reference"),
        ("env//SHOP_KEY", "looks like a reference"),
        ("File:/run/secrets/key", "looks like a reference"),
        ("${SHOP_KEY}", "is a placeholder that nothing here fills in"),
        ("$SHOP_KEY", "is a placeholder"),
        ("$(cat /run/secrets/key)", "is a placeholder"),
        ("{{ shop.key }}", "is a placeholder"),
        ("%SHOP_KEY%", "is a placeholder"),
        ("<your API key>", "is a placeholder"),
    ],
)
def test_mistaken_reference_is_no_secret(monkeypatch: pytest.MonkeyPatch, text: str, reason: str) -> None:
    """What was meant to be filled in is no key, wherever it stands."""
    account(f"hook_secrets = ['k-k', '{text}']", api_key=f"'{text}'")
    written = refusal(load_account)
    monkeypatch.setenv("GATEWAY_SHOP_EU_API_KEY", text)
    account()

    assert f"[gateways.shop-eu] api_key: {reason}" in written
    assert f"[gateways.shop-eu] hook_secrets[1]: {reason}" in written
    assert f"api_key (from environment GATEWAY_SHOP_EU_API_KEY): {reason}" in refusal(load_account)
    assert f"api_key: {reason}" in refusal(
        lambda: structure(Settings, {"api_key": text}, where="settings"),
    )


@pytest.mark.parametrize("text", ["evn://NOTE", "env:/NOTE", "env//NOTE", "ENV://NOTE", "files:///note"])
def test_mistaken_reference_is_no_setting(text: str) -> None:
    """A slip in the scheme of a reference is told for every setting."""
    account(f"note = '{text}'")

    assert "[gateways.shop-eu] note: " in refusal(load_account)


@pytest.mark.parametrize(
    "text", ["https://shop.example", "keyring://x", "${note}", "<note>", "a: b", "env:live", "env", "files"]
)
def test_other_text_is_a_setting(text: str) -> None:
    """Addresses, and what would be a placeholder for a secret only, are texts like others."""
    account(f"note = '{text}'")

    assert load_account().settings.note == text


@pytest.mark.parametrize("text", ["pa$$word", "a<b>c", "$lowercase", "1p://ssw", "pa:/ss", "100%", "{{", "a:b//c"])
def test_secret_that_looks_odd_is_one(text: str) -> None:
    """What only resembles a placeholder is a secret."""
    account(api_key=f"'{text}'")

    assert load_account().settings.api_key == Secret(text)


def test_signing_secret_with_blanks_is_one_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text whose parts are too short to sign is one secret, and not several."""
    monkeypatch.setenv("SECRET", "It's a Secret to Everybody")

    @attrs.frozen
    class Signing:
        webhook_secret: tuple[Secret, ...] = secrets_field()

    made = structure(Signing, {"webhook_secret": Text("It's a Secret to Everybody")}, where="x")

    assert made.webhook_secret == (Secret("It's a Secret to Everybody"),)


def test_variable_that_nobody_reads_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt variable is told with the one that was meant; those of other accounts are theirs."""
    for name in ("SHOP_EU_APIKEY", "SHOP_EU_API_KEYS", "SHOP_EU_PORT", "SHOP_EU_TWO_API_KEY", "SHOP_EU_RETRYTOKEN"):
        monkeypatch.setenv(f"GATEWAY_{name}", "x")
    monkeypatch.setenv("GATEWAY_SHOP_EU_COUNT", "2")
    account()
    with Path("gateway.toml").open("a", encoding="ascii") as file:
        file.write('[gateways.shop-eu-two]\nbackend = "shoply"\n')

    assert load_account().unread == {
        "GATEWAY_SHOP_EU_APIKEY": "GATEWAY_SHOP_EU_API_KEY",
        "GATEWAY_SHOP_EU_API_KEYS": "GATEWAY_SHOP_EU_API_KEY",
        "GATEWAY_SHOP_EU_PORT": None,
        "GATEWAY_SHOP_EU_RETRYTOKEN": "GATEWAY_SHOP_EU_RETRY_TOKEN",
    }


def test_file_that_others_may_write_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """Who writes the file decides where the money goes."""
    account()
    Path("gateway.toml").chmod(0o666)

    load_account()

    [record] = caplog.records
    assert (record.name, record.levelname) == ("gateway_core.config", "WARNING")
    assert "everybody on this machine may write gateway.toml" in record.getMessage()

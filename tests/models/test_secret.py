"""A secret is shown to the provider and to nobody else."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import pprint
import string
import traceback
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from gateway_core import Secret, wire
from gateway_core.errors import ConfigurationError

CANARY = "sk-canary-0123456789"


class Subclass(str):
    """A text that prints itself in another way."""

    __slots__ = ()

    def __str__(self) -> str:
        return "other"


@attrs.frozen
class Settings:
    """Settings whose author forgot to leave the secret out of the repr."""

    key: Secret
    keys: tuple[Secret, ...]


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        ascii,
        "{}".format,
        "{!r:>20}".format,
        lambda secret: f"{secret}{secret!r}{secret!s}",
        lambda secret: "%s %r" % (secret, secret),  # noqa: UP031  # the way under test
        lambda secret: string.Template("$key").substitute(key=secret),
        lambda secret: repr(Settings(secret, (secret,))),
        lambda secret: pprint.pformat({"key": [secret]}),
        lambda secret: repr(attrs.asdict(Settings(secret, (secret,)))),
        lambda secret: logging.LogRecord("n", logging.INFO, "p", 1, "%s %r", (secret, secret), None).getMessage(),
        lambda secret: repr(copy.deepcopy([secret])),
    ],
    ids=range(13),
)
def test_a_secret_is_not_shown(show: Callable[[Any], str]) -> None:
    """S2: no way of printing shows a secret, nor any 4 characters of it."""
    actual = show(Secret(CANARY))

    assert [CANARY[i : i + 4] for i in range(len(CANARY) - 3) if CANARY[i : i + 4] in actual] == []


@pytest.mark.parametrize("dump", [pickle.dumps, json.dumps, wire.dumps], ids=["pickle", "json", "wire"])
def test_a_secret_is_not_written(dump: Callable[[Any], Any]) -> None:
    """S1: no pickle and no JSON holds a secret."""
    with pytest.raises((ConfigurationError, TypeError, ValueError)) as caught:
        dump({"key": Secret(CANARY)})

    assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("method", ["__getstate__", "__reduce__", "__reduce_ex__"])
def test_a_secret_gives_its_state_to_nobody(method: str) -> None:
    """S1: what serializers and debuggers ask an object for holds no secret."""
    with pytest.raises(ConfigurationError, match="cannot be pickled"):
        getattr(Secret(CANARY), method)(*([4] if method == "__reduce_ex__" else []))


@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy])
def test_a_copy_is_the_secret_itself(clone: Callable[[Secret], Secret]) -> None:
    """Settings can be copied: a secret never changes, so it is its own copy."""
    secret = Secret(CANARY)

    actual = clone(secret)

    assert actual is secret


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "key\n",
        "key\r\n",
        "\tkey",
        "a\nb",
        "a\tb",
        "k",
        "key\x00",
        "key\x7f",
        "ke\u200by",
        "key\xa0",
        "ke\u202ey",
        "\ud800key",
        None,
        5,
        b"key",
        ["key"],
    ],
    ids=ascii,
)
def test_what_is_no_secret_is_refused(value: Any) -> None:
    """S3: a secret is two characters or more that can be seen; the refusal does not repeat it."""
    with pytest.raises(ConfigurationError, match=r"^a secret must .*visible ASCII") as caught:
        Secret(value)

    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_a_refused_secret_is_not_repeated() -> None:
    """S1: a key with a line end at its end is the usual mistake, and must not be printed."""
    with pytest.raises(ConfigurationError) as caught:
        Secret(f"{CANARY}\n")

    assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "value",
    [
        "xx",
        "!~",
        "whsec_c2VjcmV0",
        "It's a Secret to Everybody",
        "schlüssel",
        "\u043aey",
        string.ascii_letters + string.digits + string.punctuation,
    ],
)
def test_a_secret_is_revealed_to_who_asks(value: str) -> None:
    """S3: every character that can be seen is allowed, and a blank between them."""
    actual = Secret(value).reveal()

    assert actual == value


def test_a_secret_is_plain_text() -> None:
    """S2: a subclass of str is read as the text that it is, and the secret is no str."""
    secret = Secret(Subclass(CANARY))

    actual = secret.reveal()

    assert (actual, type(actual), isinstance(secret, str)) == (CANARY, str, False)


@pytest.mark.parametrize(
    "other, expected", [(Secret(CANARY), True), (Secret("other"), False), (CANARY, False), (None, False)]
)
def test_equality_is_between_secrets(other: object, expected: bool) -> None:
    """A secret equals a secret of the same value, and no text."""
    actual = Secret(CANARY) == other, isinstance(other, Secret) and hash(other) == hash(Secret(CANARY))

    assert actual == (expected, expected)

"""From values to settings: what is taken, and how each fault is told without its value."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import attrs
import pytest

from gateway_core import Secret
from gateway_core._plugins.validation import check_provider_class
from gateway_core.config import structure
from gateway_core.config._accounts import _Core
from gateway_core.errors import ConfigurationError, PluginError
from gateway_core.provider import RESERVED_SETTINGS, secret_field
from tests.config.shoply import CANARY, Mode, Retry, Settings, Shoply, refusal


def settings(**values: Any) -> Settings:
    """Make settings from values given in code."""
    return structure(Settings, {"api_key": "k-k", **values}, where="settings")


@pytest.mark.parametrize(
    "key, given, expected",
    [
        ("api_key", "abc", Secret("abc")),
        ("api_key", Secret("abc"), Secret("abc")),
        ("hook_secrets", ["a-a", Secret("b-b")], (Secret("a-a"), Secret("b-b"))),
        ("hook_secrets", "a-a", (Secret("a-a"),)),
        ("hook_secrets", Secret("a-a"), (Secret("a-a"),)),
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
        ("api_key", "", "a secret must not be empty"),
        (
            "api_key",
            f"{CANARY}\n",
            "a secret must have no blank and no line end",
        ),
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


@attrs.frozen
class Foreign:
    """Types that this package has no rule for."""

    home: Path = Path("/")
    limits: dict[str, int] = attrs.field(factory=dict)
    paths: list[Path] = attrs.field(factory=list)
    side: str = attrs.field(default="a", validator=attrs.validators.in_(("a", "b")))


def test_types_of_others() -> None:
    """What cattrs can read may be a setting too; what it cannot read is not quoted."""
    actual = structure(Foreign, {"home": "/srv", "limits": {"a": 1}}, where="x")
    wrong = {"home": 5, "limits": {"a": CANARY}, "paths": [None], "side": CANARY}
    refused = refusal(lambda: structure(Foreign, wrong, where="x"))

    assert actual == Foreign(home=Path("/srv"), limits={"a": 1})
    assert refused == (
        f"x: home: cannot be read as Path; limits: must be a whole number; paths: cannot be read as {list[Path]};"
        " side: must be one of a, b"
    )


def test_settings_class_without_a_field() -> None:
    """A plugin that needs no settings takes none."""
    empty = attrs.make_class("Empty", {})

    assert refusal(lambda: structure(empty, {"x": 1}, where="settings")) == "settings: x: unknown, there are none"


@attrs.frozen
class Level:
    """A choice of numbers."""

    level: Literal[1, 2] = 2


@pytest.mark.parametrize("given", [True, 1.0, "1", 3])
def test_choice_of_numbers(given: Any) -> None:
    """What only equals an option is none: True is not 1."""
    actual = refusal(lambda: structure(Level, {"level": given}, where="x"))

    assert actual == "x: level: must be one of 1, 2"
    assert structure(Level, {"level": 1}, where="x") == Level(level=1)


def test_all_faults_at_once() -> None:
    """One error tells every fault, those of nested tables and list items with their place."""
    values = {"api_kee": CANARY, "count": 0, "hook_secrets": ["a-a", " "], "retry": {"attempts": 0, "tokn": CANARY}}

    actual = refusal(lambda: structure(Settings, values, where="settings"))

    assert actual == (
        "settings: api_kee: unknown, did you mean api_key?; api_key: missing; hook_secrets[1]: a secret must have 2"
        " characters or more (a key is visible ASCII, what signs is text on one line); count: must be > 0;"
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

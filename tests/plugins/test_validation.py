"""Whether a provider fits the contract, and how its faults are told."""

from __future__ import annotations

import sys
import traceback
import types
from typing import TYPE_CHECKING, Any, ClassVar

import attrs
import pytest

from gateway_core import (
    Flow,
    Invoice,
    InvoiceRequest,
    Page,
    Payment,
    PaymentQuery,
    ProviderInfo,
    StatusReport,
    WebhookDelivery,
    WebhookRequest,
    hookimpl,
    wire,
)
from gateway_core._plugins.loading import make
from gateway_core._plugins.validation import check_provider_class, register, settings_class
from gateway_core._tracebacks import describe
from gateway_core.errors import ConfigurationError, PluginError, UnexpectedResponseError

if TYPE_CHECKING:
    from nowhere import Missing  # type: ignore[import-not-found]

INFO = ProviderInfo(title="Good", contract_version=1)


@attrs.frozen(kw_only=True)
class Settings:
    """One account."""

    api_key: str = ""


@attrs.frozen
class Good:
    """A provider that fits."""

    settings: Settings
    info = INFO

    @hookimpl
    def create_invoice(self, request: InvoiceRequest) -> Flow[Invoice]:
        """Create an invoice."""
        raise NotImplementedError

    @hookimpl
    def get_status(self, invoice_id: str) -> Flow[StatusReport]:
        """Report on an invoice."""
        raise NotImplementedError

    @hookimpl
    def list_payments(self, query: PaymentQuery) -> Flow[Page[Payment]]:
        """List payments."""
        raise NotImplementedError

    @hookimpl
    def verify_webhook(self, request: WebhookRequest) -> WebhookDelivery:
        """Verify a webhook."""
        raise NotImplementedError


def variant(**members: Any) -> Any:
    """Return the good class with some members replaced."""
    return type("Variant", (Good,), members)


class Hooks:
    """Methods that do not fit, by what is wrong with them."""

    @hookimpl
    def misspelt(self, invoice_id: str) -> None:
        """Has a name that is no hook's."""

    @hookimpl(optionalhook=True)
    def later(self, invoice_id: str) -> None:
        """May be a hook of a later core."""

    @hookimpl
    def argument(self, order: str) -> None:
        """Takes what the contract does not know."""

    def unmarked(self, invoice_id: str) -> None:
        """Is not marked."""

    @hookimpl(wrapper=True)
    def wrapper(self, invoice_id: str) -> Any:
        """Wraps."""
        return (yield)

    @hookimpl(hookwrapper=True)
    def old_wrapper(self, invoice_id: str) -> Any:
        """Wraps as it was done once."""
        yield

    @hookimpl
    async def coroutine(self, invoice_id: str) -> None:
        """Has a colour."""

    @hookimpl
    async def async_generator(self, invoice_id: str) -> Any:
        """Has a colour and yields."""
        yield

    @hookimpl
    def keyword(self, *, invoice_id: str) -> None:
        """Takes its argument by keyword only."""

    @hookimpl
    def stranger(self, *, colour: str) -> None:
        """Wants a keyword that nobody gives."""

    @hookimpl
    def default(self, invoice_id: str = "") -> None:
        """Has a default, so that pluggy leaves the argument out."""

    @hookimpl(specname="get_status")
    def again(self, invoice_id: str) -> None:
        """Is a second one."""

    @hookimpl
    def fewer(self) -> None:
        """Takes less than it could have."""

    @hookimpl
    def more(self, invoice_id: str, tries: int = 3, *, colour: str = "red") -> None:
        """Has defaults of its own."""


def test_good_class_tells_what_it_declares_and_supports() -> None:
    """A class that fits is described by its info and the operations that it supports, in the contract's order."""
    provider_class = variant(cancel_invoice=Hooks.fewer)

    info, capabilities = check_provider_class(provider_class)

    assert info is INFO
    assert capabilities == ("create_invoice", "get_status", "list_payments", "verify_webhook", "cancel_invoice")


def test_operation_declared_unsupported_is_no_capability() -> None:
    """A required operation that info calls unsupported is none of the capabilities."""
    info = ProviderInfo(title="Good", contract_version=1, unsupported={"list_payments": "no such call"})

    _, capabilities = check_provider_class(variant(info=info))

    assert capabilities == ("create_invoice", "get_status", "verify_webhook")


@pytest.mark.parametrize(
    "name, method, fault",
    [
        ("create_invoce", Hooks.misspelt, "create_invoce is no hook, did you mean create_invoice?"),
        ("xyz", Hooks.misspelt, "xyz is no hook"),
        ("get_status", Hooks.argument, "get_status takes order, which is no argument of it: invoice_id"),
        ("check_account", Hooks.argument, "check_account takes order, which is no argument of it: it has none"),
        ("get_status", Hooks.unmarked, "get_status is not marked with @hookimpl"),
        ("cancel_invoice", Hooks.unmarked, "cancel_invoice is not marked with @hookimpl"),
        ("find_invoice", "text", "find_invoice is not marked with @hookimpl"),
        ("get_status", None, "get_status is missing"),
        ("get_status", Hooks.wrapper, "get_status is a wrapper"),
        ("get_status", Hooks.old_wrapper, "get_status is a wrapper"),
        ("get_status", Hooks.coroutine, "get_status is async"),
        ("get_status", Hooks.async_generator, "get_status is async"),
        ("get_status", Hooks.keyword, "get_status must take invoice_id as a plain argument without a default"),
        ("get_status", Hooks.stranger, "get_status must take colour as a plain argument without a default"),
        ("get_status", Hooks.default, "get_status must take invoice_id as a plain argument without a default"),
        ("again", Hooks.again, "get_status is implemented twice"),
    ],
)
def test_hook_of_wrong_shape_is_refused(name: str, method: Any, fault: str) -> None:
    """P4: A hook that would not do what its author means is a fault, told by its name."""
    provider_class = variant(**{name: method})

    with pytest.raises(PluginError) as caught:
        check_provider_class(provider_class)

    assert caught.value.message.startswith("its hooks do not fit the contract: ")
    assert fault in caught.value.message
    assert caught.value.who_must_act == "plugin author"


@pytest.mark.parametrize(
    "name, method", [("create_later", Hooks.later), ("get_status", Hooks.fewer), ("get_status", Hooks.more)]
)
def test_hook_that_pluggy_calls_as_meant_is_accepted(name: str, method: Any) -> None:
    """A hook may take fewer arguments, defaults of its own, and be meant for a later core."""
    provider_class = variant(**{name: method})

    _, capabilities = check_provider_class(provider_class)

    assert "get_status" in capabilities


def test_all_faults_of_hooks_are_told_at_once() -> None:
    """An author is told of every fault at once, and not of one after the other."""
    provider_class = variant(create_invoice=None, create_invoce=Hooks.misspelt, verify_webhook=Hooks.unmarked)

    with pytest.raises(PluginError) as caught:
        check_provider_class(provider_class)

    assert caught.value.message.split(": ", 1)[1].split("; ") == [
        "create_invoce is no hook, did you mean create_invoice?",
        "create_invoice is missing",
        "verify_webhook is not marked with @hookimpl",
    ]


@pytest.mark.parametrize("target", [None, "text", sys, Good(Settings()), int, type("Plain", (), {"info": INFO})])
def test_target_that_is_no_attrs_class_is_refused(target: Any) -> None:
    """The entry point must name an attrs class."""
    expected = "the entry point must name an attrs class"

    with pytest.raises(PluginError) as caught:
        check_provider_class(target)

    assert caught.value.message == expected


@attrs.frozen
class InfoIsField:
    """Its info is a field, by its annotation."""

    settings: Settings
    info: ProviderInfo = INFO


@pytest.mark.parametrize(
    "provider_class", [variant(info=None), variant(info={"title": "Good"}), InfoIsField], ids=["none", "dict", "field"]
)
def test_class_without_info_is_refused(provider_class: Any) -> None:
    """What a provider declares belongs to the class, so that it can be read without credentials."""
    with pytest.raises(PluginError) as caught:
        check_provider_class(provider_class)

    assert "no `info = ProviderInfo(...)`" in caught.value.message


@pytest.mark.parametrize(
    "info, fault, who",
    [
        (
            ProviderInfo(title="Good", contract_version=99),
            (
                "for version 99 of the provider contract, and this core has version 1: install a newer version of"
                " gateway-core"
            ),
            "operator",
        ),
        (ProviderInfo(title="Good", contract_version=0), "install a newer version of the plugin", "operator"),
        (
            ProviderInfo(title="Good", contract_version=1, unsupported={"list_payment": "no such call"}),
            "info.unsupported names 'list_payment', which is no operation",
            "plugin author",
        ),
    ],
)
def test_info_that_does_not_fit_is_refused(info: ProviderInfo, fault: str, who: str) -> None:
    """P4: The contract's version is held against the core's, and what info declares must make sense."""
    with pytest.raises(PluginError) as caught:
        check_provider_class(variant(info=info))

    assert fault in caught.value.message
    assert caught.value.who_must_act == who


@attrs.frozen
class NoSettings:
    """Has no settings."""

    info = INFO


@attrs.frozen
class PlainSettings:
    """Its settings are no attrs class."""

    settings: dict[str, str]
    info = INFO


@attrs.frozen
class LostSettings:
    """Its settings class cannot be found while the program runs."""

    settings: Missing
    info = INFO


@pytest.mark.parametrize("provider_class", [NoSettings, PlainSettings, LostSettings])
def test_class_without_settings_class_is_refused(provider_class: Any) -> None:
    """P4: A provider names the attrs class of its settings, or it cannot be configured."""
    with pytest.raises(PluginError) as caught:
        check_provider_class(provider_class)

    assert "no `settings` annotated with its attrs settings class" in caught.value.message
    assert ("NameError" in caught.value.message) is (provider_class is LostSettings)


@attrs.frozen
class Nested:
    """Names its settings by a class inside it, and another thing that only type checkers can find."""

    @attrs.frozen
    class Settings:
        """One account."""

    settings: Settings
    helper: Missing = None
    info: ClassVar = INFO


class Later(Nested):
    """Inherits its settings."""


Evaluated = attrs.make_class("Evaluated", {"settings": attrs.field(type=Settings)})


@pytest.mark.parametrize(
    "provider_class, expected",
    [(Good, Settings), (Nested, Nested.Settings), (Later, Nested.Settings), (Evaluated, Settings)],
)
def test_settings_class_is_found(provider_class: type, expected: type) -> None:
    """The settings class is what the annotation of `settings` means, whatever the other annotations are."""
    assert settings_class(provider_class) is expected


@attrs.frozen
class NeedsMore(Good):
    """Wants more than its settings."""

    session: Any


def test_class_that_needs_more_than_settings_is_refused() -> None:
    """The core makes a provider of its settings alone, and says so before it tries."""
    with pytest.raises(PluginError) as caught:
        check_provider_class(NeedsMore)

    assert caught.value.message == (
        "the provider class cannot be made of its settings alone: missing a required argument: 'session'"
    )
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_provider_is_made_of_its_settings() -> None:
    """The core gives a provider its settings and nothing else."""
    settings = Settings(api_key="k")

    assert make(Good, settings) == Good(settings=settings)


def raising(error: BaseException) -> Any:
    """Return a class that raises when it is made."""

    def fail(_: Any) -> None:
        raise error

    return attrs.make_class(
        "Raising", {"settings": attrs.field(type=Settings)}, class_body={"__attrs_post_init__": fail}
    )


@pytest.mark.parametrize("error", [ValueError("sk-canary-1234567890"), SystemExit("sk-canary-1234567890")])
def test_error_while_made_keeps_the_settings_out_of_its_text(error: BaseException) -> None:
    """S1: What a plugin raises about its settings may hold a secret, so neither its text nor itself is kept."""
    with pytest.raises(PluginError) as caught:
        make(raising(error), Settings())

    assert caught.value.message.startswith(
        f"making the provider of its settings failed with {type(error).__name__} at "
    )
    assert "canary" not in caught.value.message
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


@pytest.mark.parametrize("error", [ConfigurationError("project_id must be a UUID"), KeyboardInterrupt()])
def test_error_of_ours_while_made_comes_out_as_it_is(error: BaseException) -> None:
    """What a plugin says of its settings in our own words is for the operator, and Ctrl-C is not the plugin's."""
    with pytest.raises(type(error)) as caught:
        make(raising(error), Settings())

    assert caught.value is error


def test_each_provider_has_a_manager_of_its_own() -> None:
    """P5: One manager holds one provider, so that no other provider's hook can answer."""
    first, second = Good(Settings(api_key="1")), Good(Settings(api_key="2"))

    managers = register(first), register(second)

    assert [manager.get_plugins() for manager in managers] == [{first}, {second}]


def test_provider_is_not_printed_with_its_fault() -> None:
    """S1: The text of pluggy's own error holds the provider's repr, and so its settings; ours does not."""
    provider = variant(create_invoce=Hooks.misspelt)(Settings(api_key="canary"))

    with pytest.raises(PluginError) as caught:
        register(provider)

    assert "canary" not in caught.value.message
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


class WithoutTextError(Exception):
    """Fails when it is printed."""

    def __str__(self) -> str:
        raise SystemExit("do not print")


@pytest.mark.parametrize(
    "error, expected",
    [
        (ValueError("7"), "ValueError: 7"),
        (ValueError(), "ValueError"),
        (SystemExit("no licence"), "SystemExit: no licence"),
        (ValueError("two\nlines\x1b[2J"), "ValueError: two\\nlines\\x1b[2J"),
        (ValueError("x" * 10_000), "ValueError: " + "x" * 388 + "..."),
        (SyntaxError("no Python"), "SyntaxError: no Python"),
        (SyntaxError("no Python", ("plugin.py", 7, 1, "")), "SyntaxError: no Python at plugin.py:7"),
        (UnexpectedResponseError("no id", backend="x"), "UnexpectedResponseError: no id"),
        (WithoutTextError(), "WithoutTextError"),
    ],
)
def test_exception_is_described_on_one_line(error: BaseException, expected: str) -> None:
    """An exception of a plugin is told by its kind and text, on one line, of bounded length."""
    assert describe(error) == expected


def test_exception_is_described_with_the_place_in_the_plugin() -> None:
    """The place is the innermost one that is neither the core's nor the import system's."""
    with pytest.raises(UnexpectedResponseError) as caught:
        make_answer()

    assert describe(caught.value, text=False) == f"UnexpectedResponseError at {__file__}:{LINE}"


def make_answer() -> None:
    """Fail inside the core, on behalf of this file."""
    wire.loads(b"?")


LINE = make_answer.__code__.co_firstlineno + 2


def test_exception_of_the_core_alone_is_described_with_its_place() -> None:
    """Where no line of a plugin took part, the place in the core is the only trace."""
    with pytest.raises(UnexpectedResponseError) as caught:
        make_answer()
    [*_, (frame, _)] = traceback.walk_tb(caught.value.__traceback__)
    caught.value.__traceback__ = types.TracebackType(None, frame, frame.f_lasti, frame.f_lineno)

    assert "gateway_core" in frame.f_code.co_filename
    assert describe(caught.value, text=False).startswith(f"UnexpectedResponseError at {frame.f_code.co_filename}:")


def test_text_of_an_exception_can_be_left_out() -> None:
    """S9: A text may quote what the plugin worked on, so it is left out of errors about calls."""
    assert describe(ValueError("the payer's name"), text=False) == "ValueError"

"""Where the turns are counted, as a configuration says it."""

from __future__ import annotations

import ast
import gc
import weakref
from pathlib import Path

import pytest

from gateway_core.errors import ConfigurationError
from gateway_core.transport._rate_limit import Limiter, Where, rules
from gateway_core.transport._rate_limit.file_store import FileStore
from gateway_core.transport._rate_limit.rules import LEASE
from tests.transport.permits import WINDOW, use


@pytest.mark.parametrize(
    "text",
    [
        "",
        "memory",
        "limits.sqlite",
        "file:///limits.sqlite",
        "http://host",
        "redis:",
        "redis://host:port",
        "sqlite:///x",
    ],
)
def test_wrong_store_is_a_wrong_configuration(text: str) -> None:
    """A store that cannot be meant is told when the configuration is read."""
    with pytest.raises(ConfigurationError, match="limiter"):
        Where.of(text)


def test_missing_client_of_redis_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client is an extra."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    with pytest.raises(ConfigurationError, match=r"pip install 'gateway-core\[redis\]'"):
        Where.of("redis://localhost")


def test_limiter_that_nobody_holds_is_closed(tmp_path: Path) -> None:
    """The register keeps no connection of an account that is no longer used."""
    one = Limiter.of("gone", (WINDOW,), Where.of(f"{tmp_path}/limits.sqlite"))
    use(one)
    assert one.shared is not None
    file = one.shared.store
    assert isinstance(file, FileStore)
    gone = weakref.ref(one)

    del one
    gc.collect()

    assert (gone(), file._connection) == (None, None)


def test_no_clock_that_can_be_set_is_read() -> None:
    """I8: nothing here asks what time it is, so that nobody who sets a clock moves a limit."""
    package = Path(rules.__file__).parent
    read = {
        ast.unparse(node)
        for module in package.glob("*.py")
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("time", "datetime", "dt")
    }

    assert (read, LEASE < 5) == ({"time.monotonic", "time.sleep"}, True)

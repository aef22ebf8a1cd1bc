from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from gateway_core import errors
from gateway_sandbox import accounts


def test_configuration_holds_any_text() -> None:
    """Quotes, backslashes, line ends and control characters come back as they were."""
    nasty = 'a"b\\c\nd\x7fe\té€😀'

    parsed = tomllib.loads(accounts.config_text("shop", "sandbox", {"api_key": nasty}))

    assert parsed == {"default": "shop", "gateways": {"shop": {"backend": "sandbox", "api_key": nasty}}}


def test_configuration_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk is full, the old file stands, and nothing is left beside it."""
    file = tmp_path / "gateway.toml"
    accounts.write_config(file, "old\n")
    before = file.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)

    with pytest.raises(errors.ConfigurationError, match="No space left"):
        accounts.write_config(file, "new\n")
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]

"""What the tests of the configuration share: an installed plugin, and an empty folder."""

from __future__ import annotations

import importlib.metadata
import sys
import types
from pathlib import Path

import pytest

from gateway_core._plugins import discovery
from tests.config.shoply import Shoply


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

    def scan(group: str) -> tuple[list[importlib.metadata.EntryPoint], list[discovery.Unreadable]]:
        log.append(group)
        return offers, []

    monkeypatch.setattr(discovery, "scan", scan)
    return log


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, with no variable of ours set."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)
    monkeypatch.delenv("GATEWAY_DEFAULT", raising=False)
    return tmp_path

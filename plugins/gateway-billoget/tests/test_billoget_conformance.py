"""Billoget, judged by the conformance kit."""

from __future__ import annotations

import functools

from gateway_billoget.emulator import BillogetEmulator
from gateway_conformance import ProviderSuite


class TestBilloget(ProviderSuite):
    """Every check of the kit."""

    backend = "billoget"
    emulator = BillogetEmulator


class TestBillogetOfTheNewestPage(ProviderSuite):
    """Every check of the kit, in the field names of the generation G3, with public budgets."""

    backend = "billoget"
    emulator = functools.partial(BillogetEmulator, generation="G3")

"""Packages whose public names are imported when they are asked for: a process pays for what it uses."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def importing(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Return what a package needs as its ``__getattr__`` (PEP 562).

    Args:
        package: The package's name.
        homes: Its public names, those from one module together, by the module's name below the package; by the empty
            name the modules themselves that can be had as its attributes.
    """
    of_name = {name: module for module, names in homes.items() for name in names.split()}

    def get(name: str) -> Any:
        if name not in of_name:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = of_name[name]
        found = importlib.import_module(f"{package}.{home or name}")
        value = getattr(found, name) if home else found
        setattr(importlib.import_module(package), name, value)
        return value

    return get

# ruff: noqa: INP001  # Sphinx imports it from its folder
"""Directives that draw pages from the code's own tables, so that these cannot go stale."""

from __future__ import annotations

import importlib.metadata
import inspect
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import attrs
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from gateway_core import _plugins, errors, hookspecs
from gateway_core.models import LEGAL_MOVES, InvoiceStatus


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> nodes.table:
    """Return a table of plain texts; text between backquotes becomes code."""
    head, rows = list(head), [list(row) for row in rows]
    group = nodes.tgroup(cols=len(head))
    group += [nodes.colspec(colwidth=1) for _ in head]
    for kind, lines in ((nodes.thead, [head]), (nodes.tbody, rows)):
        part = kind()
        for line in lines:
            row = nodes.row()
            row += [nodes.entry("", _paragraph(text)) for text in line]
            part += row
        group += part
    return nodes.table("", group)


def _paragraph(text: str) -> nodes.paragraph:
    paragraph = nodes.paragraph()
    for index, part in enumerate(text.split("`")):
        paragraph += nodes.literal(text=part) if index % 2 else nodes.Text(part)
    return paragraph


class LegalMoves(SphinxDirective):
    """The table of which status may follow which."""

    def run(self) -> list[nodes.Node]:
        """Draw it."""
        rows = (
            [
                f"`{status.name}`",
                ", ".join(f"`{other.name}`" for other in InvoiceStatus if other in LEGAL_MOVES[status]),
            ]
            for status in InvoiceStatus
        )
        return [table(["from", "to"], rows)]


class ErrorTable(SphinxDirective):
    """Every error, and what it means for the money."""

    def run(self) -> list[nodes.Node]:
        """Draw it."""
        classes = [
            each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.GatewayError)
        ]
        rows = ([f"`{each.__name__}`", _parents(each), _first_line(each)] for each in classes)
        return [table(["error", "is a", "meaning"], rows)]


class Hooks(SphinxDirective):
    """Every hook: its arguments, whether it is required, and what it does."""

    def run(self) -> list[nodes.Node]:
        """Draw it."""
        rows = []
        for name in hookspecs.REQUIRED + hookspecs.OPTIONAL:
            declared = getattr(hookspecs, name)
            need = "required" if name in hookspecs.REQUIRED else "optional"
            signature = ", ".join(inspect.signature(declared).parameters)
            rows.append([f"`{name}({signature})`", need, _first_line(declared)])
        return [table(["hook", "", "what it does"], rows)]


class ProviderSettings(SphinxDirective):
    """The settings of one backend, from its settings class."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Draw it."""
        settings = _plugins.settings_class(_plugins.find(self.arguments[0]).load())
        described = _attributes(settings)
        rows = ([f"`{field.name}`", _default(field), described.get(field.name, "")] for field in attrs.fields(settings))
        return [table(["setting", "default", "meaning"], rows)]


class Installed(SphinxDirective):
    """The providers of this repository, with what each can do."""

    def run(self) -> list[nodes.Node]:
        """Draw it."""
        rows = []
        for report in _plugins.inspect_all():
            if report.info is None:
                raise self.error(f"{report.name}: {report.fault}")
            rows.append(
                [
                    f"`{report.name}`",
                    report.info.title,
                    f"`{report.distribution}`",
                    ", ".join(f"`{each}`" for each in report.capabilities),
                    f"{report.info.webhook_authentication}",
                ]
            )
        return [table(["backend", "provider", "install", "operations", "webhooks are shown genuine by"], rows)]


def _parents(kind: type) -> str:
    return ", ".join(f"`{each.__name__}`" for each in kind.__bases__)


def _first_line(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ")


def _default(field: attrs.Attribute[Any]) -> str:
    if field.default is attrs.NOTHING:
        return "required"
    value = field.default.factory() if isinstance(field.default, attrs.Factory) else field.default  # type: ignore[arg-type]
    if isinstance(value, timedelta):
        value = f"{value.total_seconds():g}"
    return "" if value in (None, (), "") else f"`{value}`"


def _attributes(kind: type) -> dict[str, str]:
    """Return what the ``Attributes:`` part of a docstring says of each attribute."""
    found: dict[str, str] = {}
    _, _, text = (inspect.getdoc(kind) or "").partition("Attributes:\n")
    name = ""
    for line in text.splitlines():
        head, colon, rest = line.strip().partition(": ")
        if line.startswith("    ") and not line.startswith("     ") and colon:
            name, found[head] = head, rest
        elif line.strip() and name:
            found[name] += f" {line.strip()}"
        elif line and not line.startswith(" "):
            break
    return {key: value.replace("``", "`") for key, value in found.items()}


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("legal-moves", LegalMoves)
    app.add_directive("error-table", ErrorTable)
    app.add_directive("hooks", Hooks)
    app.add_directive("provider-settings", ProviderSettings)
    app.add_directive("installed-providers", Installed)
    return {"version": importlib.metadata.version("gateway-core"), "parallel_read_safe": True}

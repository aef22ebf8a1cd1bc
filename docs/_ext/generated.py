# ruff: noqa: INP001  # Sphinx imports it from its folder
"""Directives that draw pages from the code's own tables, so that these cannot go stale."""

from __future__ import annotations

import importlib.metadata
import inspect
import itertools
import sys
import tomllib
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import gateway_conformance
from gateway_core import errors, hookspecs
from gateway_core._plugins import loading
from gateway_core._plugins.inspection import inspect_all
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.models import LEGAL_MOVES, InvoiceStatus
from gateway_core.provider import Idempotency, ProviderInfo
from gateway_core.transport._retry import Verdict, judge

#: The same table that the tests of the kit run.
_MUTANTS = Path(__file__).parents[2] / "tests" / "conformance" / "mutants.toml"


def table(head: Iterable[str], rows: Iterable[Iterable[str | nodes.Element]]) -> nodes.table:
    """Return a table of plain texts, where text between backquotes becomes code, and of paragraphs."""
    head, rows = list(head), [list(row) for row in rows]
    group = nodes.tgroup(cols=len(head))
    group += [nodes.colspec(colwidth=1) for _ in head]
    for kind, lines in ((nodes.thead, [head]), (nodes.tbody, rows)):
        part = kind()
        for line in lines:
            row = nodes.row()
            row += [nodes.entry("", _paragraph(each) if isinstance(each, str) else each) for each in line]
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
        settings = loading.settings_class(loading.find(self.arguments[0]).load())
        described = _attributes(settings)
        rows = ([f"`{field.name}`", _default(field), described.get(field.name, "")] for field in attrs.fields(settings))
        return [table(["setting", "default", "meaning"], rows)]


class Installed(SphinxDirective):
    """The providers of this repository, with what each can do."""

    def run(self) -> list[nodes.Node]:
        """Draw it."""
        rows = []
        for report in inspect_all():
            if report.title is None:
                raise self.error(f"{report.name}: {report.fault}")
            rows.append(
                [
                    f"`{report.name}`",
                    report.title,
                    f"`{report.distribution}`",
                    ", ".join(f"`{each}`" for each in report.capabilities),
                    f"{report.webhook_authentication}",
                ]
            )
        return [table(["backend", "provider", "install", "operations", "webhooks are shown genuine by"], rows)]


class ConformanceChecks(SphinxDirective):
    """Every check of the conformance kit, subject by subject, each below an anchor of its name."""

    def run(self) -> list[nodes.Node]:
        """Draw it."""
        drawn: list[nodes.Node] = []
        for subject, checks in itertools.groupby(gateway_conformance.list_checks(), key=lambda check: check.subject):
            about = sys.modules[f"gateway_conformance.checks.{subject}"]
            terms = nodes.definition_list()
            for check in checks:
                name = nodes.term("", "", nodes.literal(text=check.name), ids=[check.name])
                reason = nodes.paragraph("", "", nodes.emphasis(text="Why: "), *_paragraph(check.why).children)
                terms += nodes.definition_list_item("", name, nodes.definition("", _paragraph(check.rule), reason))
            drawn += [nodes.rubric(text=_first_line(about).removesuffix(".")), terms]
        return drawn


class Mutants(SphinxDirective):
    """Every mutant that the conformance kit has to catch, and the check that catches it."""

    def run(self) -> list[nodes.Node]:
        """Draw it."""
        self.env.note_dependency(str(_MUTANTS))
        known = {check.name for check in gateway_conformance.list_checks()}
        rows: list[list[str | nodes.Element]] = []
        for mutant in tomllib.loads(_MUTANTS.read_text(encoding="utf-8"))["mutants"]:
            name = mutant["caught_by"]
            if name not in known:
                raise self.error(f"{mutant['name']}: there is no check {name}")
            link = nodes.reference("", "", nodes.literal(text=name), internal=True, refid=name)
            rows.append([f"`{mutant['name']}`", mutant["fault"], nodes.paragraph("", "", link)])
        return [table(["mutant", "what its author did wrong", "the check that catches it"], rows)]


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


class RetryTable(SphinxDirective):
    """What each outcome of an attempt allows, by the kind of request."""

    def run(self) -> list[nodes.Node]:
        """Draw it."""
        info = ProviderInfo(title="Example", idempotency=Idempotency(scope="account", life=None))
        read = HttpRequest(method="GET", url="https://api.example.com")
        change = HttpRequest(method="POST", url="https://api.example.com")
        keyed = attrs.evolve(change, idempotency_key="key")
        rows = (
            [seen, *(_allowed(judge(request, outcome, info)) for request in (read, change, keyed))]
            for seen, outcome in _OUTCOMES.items()
        )
        return [table(["what was seen", "a read", "a request that changes something", "the same, with a key"], rows)]


_OUTCOMES: dict[str, HttpResponse | errors.TransportError] = {
    "name unknown, connection refused, connecting timed out": errors.NotSentError(""),
    "the certificate cannot be verified": errors.NotSentError("", permanent=True),
    "reset, closed or timed out after the first byte had left": errors.OutcomeUnknownError(""),
    "an answer that is larger than allowed": errors.OutcomeUnknownError("", permanent=True),
    "429, or the provider's own word for it": HttpResponse(status=429),
    "408": HttpResponse(status=408),
    "409": HttpResponse(status=409),
    "500, 502, 503, 504, 520 to 530": HttpResponse(status=503),
    "501 and other 5xx": HttpResponse(status=501),
    "400, 401, 403, 404, 422 and other 4xx": HttpResponse(status=400),
}


def _allowed(verdict: Verdict) -> str:
    if verdict.again:
        return "again"
    return "ends, outcome unknown" if verdict.doubt else "ends"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("legal-moves", LegalMoves)
    app.add_directive("error-table", ErrorTable)
    app.add_directive("hooks", Hooks)
    app.add_directive("provider-settings", ProviderSettings)
    app.add_directive("installed-providers", Installed)
    app.add_directive("conformance-checks", ConformanceChecks)
    app.add_directive("mutants", Mutants)
    app.add_directive("retry-table", RetryTable)
    return {"version": importlib.metadata.version("gateway-core"), "parallel_read_safe": True}

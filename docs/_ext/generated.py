# ruff: noqa: INP001  # Sphinx imports it from its folder
"""Directives that draw what the conformance kit checks. Other tables stand in the pages: see `docs/tables.py`."""

from __future__ import annotations

import importlib.metadata
import inspect
import itertools
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import gateway_conformance

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


def _first_line(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("conformance-checks", ConformanceChecks)
    app.add_directive("mutants", Mutants)
    return {"version": importlib.metadata.version("gateway-core"), "parallel_read_safe": True}

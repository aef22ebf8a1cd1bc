# ruff: noqa: INP001  # a program of the documentation, no package
"""Write the tables of the documentation, made of the code's own, into its pages: ``python docs/tables.py``.

They stand between ``<!-- generated: NAME -->`` and ``<!-- end -->``, so that a page can be read where it lies. A test
fails where one is not what the code says.
"""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs

from gateway_core import errors, hookspecs, testing
from gateway_core._plugins import loading
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.models import LEGAL_MOVES, InvoiceStatus
from gateway_core.provider import REQUEST_FIELDS, Idempotency, ProviderInfo
from gateway_core.transport._retry import Verdict, judge

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_GENERATED = re.compile(r"(?<=^<!-- generated: )([a-z-]+)( -->\n)(.*?)(?=^<!-- end -->$)", re.DOTALL | re.MULTILINE)

#: The operations that go on with an invoice, or look one up.
_AFTERWARDS = ("find_invoice", "cancel_invoice", "capture_payment", "refund_payment")

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


def fresh(page: str) -> str:
    """Return the text of a page with its tables as the code says them now."""
    return _GENERATED.sub(lambda found: f"{found[1]}{found[2]}{_TABLES[found[1]]()}", page)


def main() -> None:
    """Write every page anew."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        page.write_text(fresh(text), encoding="utf-8")


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n" + "".join(f"| {' | '.join(each.replace('|', '&#124;') for each in line)} |\n" for line in lines) + "\n"


def _errors() -> str:
    kinds = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.GatewayError)]
    rows = ([f"`{each.__name__}`", _codes(base.__name__ for base in each.__bases__), _summary(each)] for each in kinds)
    return _table(["error", "is a", "meaning"], rows)


def _legal_moves() -> str:
    rows = (
        [f"`{status.name}`", _codes(other.name for other in InvoiceStatus if other in LEGAL_MOVES[status])]
        for status in InvoiceStatus
    )
    return _table(["from", "to"], rows)


def _retries() -> str:
    info = ProviderInfo(title="Example", idempotency=Idempotency(scope="account", life=None))
    read = HttpRequest(method="GET", url="https://api.example.com")
    change = HttpRequest(method="POST", url="https://api.example.com")
    keyed = attrs.evolve(change, idempotency_key="key")
    rows = (
        [seen, *(_allowed(judge(request, outcome, info)) for request in (read, change, keyed))]
        for seen, outcome in _OUTCOMES.items()
    )
    return _table(["what was seen", "a read", "a request that changes something", "the same, with a key"], rows)


def _allowed(verdict: Verdict) -> str:
    if verdict.again:
        return "again"
    return "ends, outcome unknown" if verdict.doubt else "ends"


def _hooks() -> str:
    rows = []
    for name in hookspecs.REQUIRED + hookspecs.OPTIONAL:
        declared = getattr(hookspecs, name)
        need = "required" if name in hookspecs.REQUIRED else "optional"
        rows.append([f"`{name}({', '.join(inspect.signature(declared).parameters)})`", need, _summary(declared)])
    return _table(["hook", "", "what it does"], rows)


def _backends_in_short() -> str:
    rows = []
    for backend, project in _backends():
        _, info, capabilities = loading.find(backend).examine()
        title = f"[{info.title}]({info.docs_url})" if info.docs_url else info.title
        extra = [hook.partition("_")[0] for hook in hookspecs.OPTIONAL if hook in capabilities and hook in _AFTERWARDS]
        missing = [f"no {hook.partition('_')[0]}" for hook in hookspecs.REQUIRED if hook not in capabilities]
        rows.append([f"`{backend}`", title, f"`{project['name']}`", ", ".join(missing + extra)])
    return _table(["backend", "provider", "install", "beside create, status, list and webhooks"], rows)


def _providers() -> str:
    examined = {backend: loading.find(backend).examine()[1:] for backend, _ in _backends()}
    hooks = [
        [f"`{hook}`", *("yes" if hook in capabilities else "" for _, capabilities in examined.values())]
        for hook in hookspecs.REQUIRED + hookspecs.OPTIONAL
    ]
    facts = [[name, *(tell(info) for info, _ in examined.values())] for name, tell in _FACTS.items()]
    return _table(["", *(f"`{backend}`" for backend in examined)], hooks + facts)


#: What is told of each provider beside its operations.
_FACTS: dict[str, Callable[[ProviderInfo], str]] = {
    "currencies": lambda info: "any" if info.currencies is None else f"{len(info.currencies)}",
    "a webhook is proven by": lambda info: f"{info.webhook_authentication}",
    "the proof has a time": lambda info: "yes" if info.webhook_timestamps else "",
    "several events in one": lambda info: "yes" if info.webhook_batches else "",
    "a creation's key lives": lambda info: _life(info.idempotency_of("create_invoice")),
    "a refund's key lives": lambda info: _life(info.idempotency_of("refund_payment")),
    "a key counts per": lambda info: getattr(info.idempotency_of("create_invoice"), "scope", ""),
    "requests at most": lambda info: ", ".join(f"{each.requests} in {each.seconds:g} s" for each in info.rate_limits),
    "`since` and `until` go by": lambda info: info.list_filter.by if info.list_filter else "",
    "the list is searched here": lambda info: "yes" if info.list_filter and info.list_filter.scan else "",
}


def _life(idempotency: Idempotency | None) -> str:
    if idempotency is None:
        return ""
    return "for good" if idempotency.life is None else _duration(idempotency.life)


def _duration(life: timedelta) -> str:
    for unit, name in ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "min")):
        if life % unit == timedelta(0):
            return f"{life // unit} {name}"
    return f"{life.total_seconds():g} s"


def _provider_settings() -> str:
    sections = []
    for backend, project in _backends():
        kind = loading.settings_class(loading.find(backend).load())
        sections.append(
            f"### {backend}\n\n`pip install {project['name']}`: {project['description']}.\n{_settings(kind)}"
        )
    return "\n" + "".join(sections)


def _request_fields() -> str:
    infos = {backend: loading.find(backend).examine()[1] for backend, _ in _backends()}
    rows = [[f"`{field}`", *(_taken(info, field) for info in infos.values())] for field in REQUEST_FIELDS]
    rows.append(["length of the order's reference", *(str(info.order_reference_length) for info in infos.values())])
    rows.append(["`expires_in` from", *(_expiry(info, "minimum") for info in infos.values())])
    rows.append(["`expires_in` to", *(_expiry(info, "maximum") for info in infos.values())])
    return _table(["of an `InvoiceRequest`", *(f"`{backend}`" for backend in infos)], rows)


def _taken(info: ProviderInfo, field: str) -> str:
    if info.honours is None:
        return "not told"
    return "needed" if field in info.requires else "taken" if field in info.honours else ""


def _expiry(info: ProviderInfo, end: str) -> str:
    limit: timedelta | None = None if info.expiry is None else getattr(info.expiry, end)
    return _duration(limit) if limit else ""


def _backends() -> list[tuple[str, dict[str, Any]]]:
    """Return the backends of this repository, the sandbox first, each with its distribution's table `project`."""
    found = []
    for path in (ROOT / "plugins").glob("*/pyproject.toml"):
        project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        found += [(backend, project) for backend in project.get("entry-points", {}).get(loading.PROVIDERS, ())]
    return sorted(found, key=lambda each: (each[0] != "sandbox", each[0]))


def _settings(kind: type) -> str:
    described = _attributes(kind)
    rows = ([f"`{field.name}`", _default(field), described.get(field.name, "")] for field in attrs.fields(kind))
    return _table(["setting", "default", "meaning"], rows)


def _default(field: attrs.Attribute[Any]) -> str:
    if field.default is attrs.NOTHING:
        return "required"
    value = field.default.factory() if isinstance(field.default, attrs.Factory) else field.default  # type: ignore[arg-type,union-attr]  # attrs types the default as its factory
    if isinstance(value, timedelta):
        value = f"{value.total_seconds():g}"
    return "" if value in (None, (), "") else f"`{value}`"


def _emulator() -> str:
    """List what the base of all emulators has, in its order."""
    rows = []
    for name, method in vars(testing.Emulator).items():
        if not name.startswith("_") and inspect.isfunction(method):
            arguments = [each for each in inspect.signature(method).parameters if each != "self"]
            need = "to be written" if getattr(method, "__isabstractmethod__", False) else ""
            rows.append([f"`{name}({', '.join(arguments)})`", need, _summary(method)])
    return _table(["method", "", "what it does"], rows)


def _testing() -> str:
    """List what `gateway_core.testing` offers."""
    offered = {name: getattr(testing, name) for name in testing.__all__}
    rows = ([f"`{name}`", _summary(thing)] for name, thing in offered.items() if callable(thing))
    return _table(["name", "what it is"], rows)


def _fixtures() -> str:
    """List the fixtures of the pytest plugin."""
    tree = ast.parse((ROOT / "pytest_gateway_core.py").read_text(encoding="utf-8"))
    rows = [
        [f"`{node.name}`", (ast.get_docstring(node) or "").replace("``", "`").replace("\n", " ")]
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and "pytest.fixture" in map(ast.unparse, node.decorator_list)
    ]
    return _table(["fixture", "what it does"], rows)


_TABLES: dict[str, Callable[[], str]] = {
    "emulator": _emulator,
    "errors": _errors,
    "fixtures": _fixtures,
    "hooks": _hooks,
    "legal-moves": _legal_moves,
    "provider-settings": _provider_settings,
    "providers": _providers,
    "providers-in-short": _backends_in_short,
    "request-fields": _request_fields,
    "retries": _retries,
    "testing": _testing,
}


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _summary(thing: Any) -> str:
    """Return the first paragraph of a docstring, on one line."""
    return (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ").replace("``", "`")


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


if __name__ == "__main__":
    main()

"""How the documentation is built: nitpicky, and a warning is an error."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "gateway-core"
author = "The gateway-core authors"
copyright = f"2026, {author}"
version = release = importlib.metadata.version("gateway-core")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "generated",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"gateway-core {version}"
html_static_path: list[str] = []

myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True}
default_role = "autolink"
autodoc_class_signature = "separated"
autosummary_generate = False

nitpicky = True
# The inventories of other projects live on the network, where no build of ours goes.
_elsewhere = (
    "abc|attr|attrs|cattrs|click|collections|contextlib|datetime|decimal|django|enum|fastapi|flask|os|pathlib|pluggy"
    "|random|rich|time|types|typing|urllib"
)
_builtins = "Exception|TypeError|ValueError|None|bool|bytes|dict|float|int|list|optional|str|tuple"
_aliases = "Context|Effect|Flow|G|HeadersLike|R|Record|T|TypeVar|VerifiedBy"
nitpick_ignore_regex = [
    ("py:.*", rf"({_elsewhere})\..*"),
    ("py:.*", r"Any|Callable|Decimal|Generator|Iterable|Iterator|Literal|Mapping|Self|Sequence|datetime|timedelta"),
    ("py:.*", _builtins),
    ("py:.*", rf"(.*\.)?({_aliases})"),
    ("py:.*", r"gateway_core\.(.*\.)?_.*"),
    # A docstring may name what stands near it without its module; the name is then shown, and leads nowhere.
    ("py:obj", r"\w+"),
]

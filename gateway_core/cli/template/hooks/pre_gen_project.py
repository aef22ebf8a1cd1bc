"""Refuse, where cookiecutter is used, what `gateway new-plugin` refuses; what is installed here is not looked at."""

import builtins
import keyword
import re
import sys

NAME = r"""{{ cookiecutter.name }}"""
TITLE = r"""{{ cookiecutter.title }}"""
CLASS_NAME = r"""{{ cookiecutter.__class_name }}"""

try:
    from gateway_core import __all__ as public
except ImportError:
    public = []

if NAME == "core" or not re.fullmatch(r"(?=.{1,30}\Z)(?!gateway-)[a-z][a-z0-9]*(-[a-z0-9]+)*", NAME):
    sys.exit(f"{NAME!r} names no backend: at most 30 small ASCII letters and digits, with single hyphens between them.")
if CLASS_NAME in {"Any", "Callable", *keyword.kwlist, *dir(builtins), *public}:
    sys.exit(f"The provider's class would be {CLASS_NAME}, which means something else already.")
if not re.fullmatch(r'(?=.{1,40}\Z)[^\s"\\{}]+( [^\s"\\{}]+)*', TITLE) or not TITLE.isprintable():
    sys.exit("The title is at most 40 characters that can be printed, without quotes, backslashes and braces.")

"""The command that writes the skeleton of a provider plugin: the folder `template`, with names filled in.

Cookiecutter takes the same folder. So that two renderings cannot differ, its files hold plain variables only.
"""

from __future__ import annotations

import builtins
import importlib.metadata
import importlib.resources
import keyword
import re
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath

import attrs
import click

import gateway_core
from gateway_core._plugins.discovery import Offer, offers_of, scan
from gateway_core._plugins.loading import PROVIDERS
from gateway_core.cli import options
from gateway_core.cli.output import say, write_json
from gateway_core.errors import ConfigurationError

_NAME = re.compile(r"(?=.{1,30}\Z)[a-z][a-z0-9]*(-[a-z0-9]+)*")
_TITLE = re.compile(r'(?=.{1,40}\Z)[^\s"\\{}]+( [^\s"\\{}]+)*')
_VARIABLE = re.compile(r"\{\{ ?cookiecutter\.(\w+) ?\}\}")

#: What a provider's class cannot be called without hiding what its module needs.
_TAKEN = {"Any", "Callable", *keyword.kwlist, *dir(builtins), *gateway_core.__all__}


@attrs.frozen(kw_only=True)
class _Names:
    """The names in a skeleton, all made of the backend's.

    Attributes:
        name: The backend, such as ``acme-pay``.
        title: The provider's name for people.
    """

    name: str
    title: str

    @property
    def distribution(self) -> str:
        return f"gateway-{self.name}"

    def variables(self) -> Mapping[str, str]:
        """Return what `cookiecutter.json` makes of the same name."""
        return {
            "name": self.name,
            "title": self.title,
            "__distribution": self.distribution,
            "__package": self.distribution.replace("-", "_"),
            "__class_name": _words(self.name).replace(" ", ""),
        }


@click.command("new-plugin")
@click.argument("name")
@click.option("--title", metavar="TEXT", help="The provider's name, as people write it  [default: made of NAME]")
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    default=Path(),
    metavar="FOLDER",
    help="Where the new folder is made  [default: here]",
)
@options.as_json
def new_plugin(name: str, title: str | None, into: Path, as_json: bool) -> None:
    """Write the skeleton of a plugin for the provider NAME, such as: acme-pay.

    It is a whole distribution, gateway-NAME, with an emulator and the conformance kit. Its tests fail with one message
    for each hook that is still to be written.
    """
    names = check(name, title)
    files = render(names.variables())
    folder = into / names.distribution
    _write(folder, files)
    steps = [
        f"cd {shlex.quote(str(folder))}",
        "python -m pip install --editable . 'gateway-core[cli]' gateway-conformance",
        "python -m pytest",
    ]
    if as_json:
        write_json({"folder": str(folder), "files": sorted(files), "next": steps})
        return
    for path in sorted(files):
        click.echo(folder / path)
    say("Its kit says what is still to be written:")
    for step in steps:
        say(f"  {step}")


def check(name: str, title: str | None = None) -> _Names:
    """Return the names of a new plugin.

    Raises:
        ConfigurationError: If one cannot be had, or is taken by what is installed here.
    """
    bare = name.removeprefix("gateway-")
    if not _NAME.fullmatch(name) or bare != name:
        meant = "-".join(re.findall(r"[a-z0-9]+", bare.lower()))
        advice = f": did you mean {meant}?" if _NAME.fullmatch(meant) else ""
        raise ConfigurationError(
            f"{name!r} names no backend: at most 30 small ASCII letters and digits, with single hyphens between them,"
            f" and without `gateway-` before it{advice}"
        )
    title = _words(name) if title is None else title
    if not _TITLE.fullmatch(title) or not title.isprintable():
        raise ConfigurationError(
            f"{title!r} is no title: at most 40 characters that can be printed, without quotes, backslashes and braces"
        )
    names = _Names(name=name, title=title)
    class_name = names.variables()["__class_name"]
    if class_name in _TAKEN:
        raise ConfigurationError(f"the provider's class would be {class_name}, which means something else already")
    _check_is_free(names)
    return names


def _check_is_free(names: _Names) -> None:
    sources, _ = scan(PROVIDERS)
    offers = offers_of((source for source in sources if source.name == names.name), Offer)
    owners = [offer.distribution for offer in offers]
    if not owners and any(importlib.metadata.distributions(name=names.distribution)):
        owners = [names.distribution]
    if owners:
        raise ConfigurationError(f"{names.name!r} is taken: {' and '.join(owners)} is installed here")


def render(variables: Mapping[str, str]) -> dict[str, bytes]:
    """Return the files of a new plugin, by their paths below its folder."""
    template = importlib.resources.files(__package__) / "template" / "{{cookiecutter.__distribution}}"

    def fill(text: str) -> str:
        return _VARIABLE.sub(lambda found: variables[found[1]], text)

    files = _below(template, PurePosixPath())
    return {fill(str(path)): fill(file.read_bytes().decode("utf-8")).encode("utf-8") for path, file in files}


def _below(folder: Traversable, path: PurePosixPath) -> Iterator[tuple[PurePosixPath, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_file():
            yield path / entry.name, entry
        elif entry.name != "__pycache__":  # installers compile what looks like a module
            yield from _below(entry, path / entry.name)


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write all files, or nothing: they are written beside the folder, which then takes its name.

    Raises:
        ConfigurationError: If there is something in the folder already, or nothing can be written there.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=".gateway-", dir=folder.parent) as space:
            made = Path(space, folder.name)
            for path, content in files.items():
                target = made / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            if folder.exists():
                # Refuses one that is not empty. Windows would rename onto no folder, not even an empty one.
                folder.rmdir()
            made.rename(folder)
    except OSError as error:
        reason = error.strerror or type(error).__name__
    else:
        return
    raise ConfigurationError(f"{folder} cannot be written, and nothing was: {reason}")


def _words(name: str) -> str:
    return " ".join(word.capitalize() for word in name.split("-"))

"""`gateway new-plugin`: what it writes, what it refuses, and that cookiecutter does the same."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path, PurePosixPath

import pytest
from click.testing import CliRunner, Result
from cookiecutter.cli import main as cookiecutter_command

from gateway_core.cli import _group, _new_plugin
from gateway_core.hookspecs import REQUIRED

TEMPLATE = Path(_new_plugin.__file__).with_name("template")
FILES = sorted(path for path in TEMPLATE.rglob("*") if path.is_file() and "__pycache__" not in path.parts)

#: Names that no plugin can have, with what is said of them.
NO_NAMES = [
    ("", "names no backend"),
    ("Acme", "did you mean acme?"),
    ("Acme Pay", "did you mean acme-pay?"),
    ("acme_pay", "did you mean acme-pay?"),
    ("gateway-acme", "did you mean acme?"),
    ("acme--pay", "did you mean acme-pay?"),
    ("-acme", "did you mean acme?"),
    ("../acme", "did you mean acme?"),
    ("acme\n", "did you mean acme?"),
    ("4pay", "names no backend"),
    ("Ñandú", "names no backend"),
    ("акме", "names no backend"),
    ("a" * 31, "at most 30"),
    ("none", "the provider's class would be None"),
    ("exception", "the provider's class would be Exception"),
    ("invoice-request", "the provider's class would be InvoiceRequest"),
    ("any", "the provider's class would be Any"),
]
NO_TITLES = ["", " ", "Acme ", 'Acme "Pay"', "Acme\\n", "Acme\nPay", "{Acme}", "A" * 41, "Acme\x1b[2J"]


def run(*arguments: str, code: int = 0) -> Result:
    """Run the command, and expect an exit code of it."""
    result = CliRunner().invoke(_group.gateway, ["new-plugin", *arguments])
    assert result.exit_code == code, result.output
    return result


def cookiecutter(folder: Path, *arguments: str) -> Result:
    """Let cookiecutter make a plugin in a folder, without asking anything."""
    folder.mkdir()
    (folder / "config.yaml").write_text(f"cookiecutters_dir: {folder / 'seen'}\nreplay_dir: {folder / 'replay'}\n")
    options = ["--config-file", str(folder / "config.yaml"), "--no-input", "--output-dir", str(folder)]
    return CliRunner().invoke(cookiecutter_command, [*options, str(TEMPLATE), *arguments])


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TEMPLATE)))
def test_template_holds_plain_variables_only(path: Path) -> None:
    """What is more than a variable that `cookiecutter.json` has, our renderer would write as it stands."""
    known = set(_new_plugin.check("acme").variables())
    text = f"{path.relative_to(TEMPLATE)}\n{path.read_text(encoding='utf-8')}"

    found = re.findall(r"\{\{ ?cookiecutter\.(\w+) ?\}\}", text)

    if path.name != "cookiecutter.json":
        assert re.search(r"\{\{|\{%|\{#", re.sub(r"\{\{ ?cookiecutter\.\w+ ?\}\}", "", text)) is None
    assert set(found) <= known


def test_template_is_of_the_variables_that_are_computed() -> None:
    """A variable that only one of the two renderings knows is in none of them."""
    declared = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))

    assert set(_new_plugin.check("acme").variables()) == set(declared) - {"__prompts__"}


@pytest.mark.parametrize(
    "arguments",
    [["acme"], ["acme-pay"], ["a1-2b-c"], ["x"], ["a" * 30], ["core-bank"], ["acme", "--title", "Ácme & Søns (EU)"]],
    ids=" ".join,
)
def test_cookiecutter_writes_the_same(arguments: list[str], tmp_path: Path) -> None:
    """Both renderings are equal, byte by byte, names included."""
    name, *title = arguments
    run(*arguments, "--into", str(tmp_path))
    expected = contents(tmp_path)

    done = cookiecutter(tmp_path / "other", f"name={name}", *(f"title={text}" for text in title[1:]))

    assert done.exit_code == 0, done.output
    written = contents(tmp_path / "other")
    assert {path: text for path, text in written.items() if path.startswith("gateway-")} == expected


def test_compiled_modules_are_no_part_of_the_template(tmp_path: Path) -> None:
    """An installer compiles those modules of the template that are Python already; they are not filled in."""
    for name in ("wire.py", "__pycache__/wire.cpython-311.pyc", "tests/__pycache__/x.pyc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"\xff")

    assert [str(path) for path, _ in _new_plugin._below(tmp_path, PurePosixPath())] == ["wire.py"]


@pytest.mark.parametrize("name, said", NO_NAMES)
def test_name_that_cannot_be_had_is_refused(name: str, said: str, tmp_path: Path) -> None:
    """A wrong name ends with 2, says which would do, and leaves nothing behind."""
    result = run("--into", str(tmp_path), "--json", "--", name, code=2)

    assert said in json.loads(result.stdout)["error"]["message"]
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("name", [name for name, _ in NO_NAMES if name.strip() == name])
def test_cookiecutter_refuses_the_same_names(name: str, tmp_path: Path) -> None:
    """Who uses cookiecutter gets no plugin that could not be installed, either."""
    done = cookiecutter(tmp_path / "other", f"name={name}")

    assert done.exit_code != 0
    assert [path for path in contents(tmp_path / "other") if path.startswith("gateway")] == []


@pytest.mark.parametrize("title", NO_TITLES)
def test_title_that_would_break_the_files_is_refused(title: str, tmp_path: Path) -> None:
    """A title stands between quotes, in Python and in TOML."""
    result = run("acme", "--title", title, "--into", str(tmp_path), code=2)

    assert "is no title: at most 40 characters" in result.stderr
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("title", [title for title in NO_TITLES if title.strip() == title and title])
def test_cookiecutter_refuses_the_same_titles(title: str, tmp_path: Path) -> None:
    """Where cookiecutter asks for the title, the same rule holds."""
    done = cookiecutter(tmp_path / "other", "name=acme", f"title={title}")

    assert done.exit_code != 0
    assert [path for path in contents(tmp_path / "other") if path.startswith("gateway")] == []


@pytest.mark.parametrize(
    "name, owner", [("sandbox", "gateway-sandbox"), ("bitsby", "gateway-bitsby"), ("core", "gateway-core")]
)
def test_name_that_is_installed_is_refused(name: str, owner: str, tmp_path: Path) -> None:
    """Two distributions of one name, or two offers of one backend, would lock each other out."""
    result = run(name, "--into", str(tmp_path), code=2)

    assert f"{name!r} is taken: {owner} is installed here" in result.stderr
    assert contents(tmp_path) == {}


def install(site: Path, name: str, entry_points: str) -> None:
    """Install the metadata of a distribution in a folder."""
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[gateway_core.providers]\n{entry_points}\n")


def test_name_that_another_distribution_offers_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend is taken whatever the distribution that offers it is called; broken neighbours hide none."""
    install(tmp_path / "site", "odd", "no entry point")
    install(tmp_path / "site", "shop-plugins", "acme = shop.acme:Acme")
    monkeypatch.syspath_prepend(tmp_path / "site")

    taken = run("acme", "--into", str(tmp_path), code=2)
    run("acme-pay", "--into", str(tmp_path))

    assert "'acme' is taken: shop-plugins is installed here" in taken.stderr
    assert not (tmp_path / "gateway-acme").exists()


def test_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    """An author's work is never written over."""
    mine = tmp_path / "gateway-acme" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("mine")

    result = run("acme", "--into", str(tmp_path), code=2)

    assert "cannot be written, and nothing was" in result.stderr
    assert contents(tmp_path) == {"gateway-acme/mine.txt": b"mine"}


def test_empty_folder_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that was made for the plugin is as good as none, on Windows too, which renames onto no folder."""
    (tmp_path / "gateway-acme").mkdir()
    rename = Path.rename

    def rename_as_windows_does(path: Path, target: Path) -> Path:
        if target.exists():
            raise FileExistsError(17, "File exists")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", rename_as_windows_does)

    run("acme", "--into", str(tmp_path))

    assert (tmp_path / "gateway-acme" / "pyproject.toml").is_file()


@pytest.mark.parametrize("into", ["nowhere", "file.txt"])
def test_place_where_nothing_can_be_written_is_told(into: str, tmp_path: Path) -> None:
    """A folder that is not there, or is none, is an error of usage."""
    (tmp_path / "file.txt").write_text("mine")

    result = run("acme", "--into", str(tmp_path / into), code=2)

    assert "cannot be written, and nothing was: " in result.stderr
    assert contents(tmp_path) == {"file.txt": b"mine"}


def test_nothing_is_left_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk is full in the middle, there is no folder that looks like a plugin."""
    written: list[Path] = []
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if len(written) == 5:
            raise OSError(28, "No space left on device")
        written.append(path)
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)

    result = run("acme", "--into", str(tmp_path), code=2)

    assert "nothing was: No space left on device" in result.stderr
    assert len(written) == 5
    assert list(tmp_path.iterdir()) == []


def test_next_commands_are_told_to_people(tmp_path: Path) -> None:
    """The files go to stdout; how to go on goes to stderr."""
    folder = tmp_path / "a b"
    folder.mkdir()

    result = run("acme", "--into", str(folder))

    assert sorted(result.stdout.splitlines()) == sorted(map(str, filter(Path.is_file, folder.rglob("*"))))
    assert f"  cd '{folder}/gateway-acme'\n" in result.stderr
    assert "  python -m pip install --editable . 'gateway-core[cli]' gateway-conformance\n" in result.stderr
    assert "  python -m pytest\n" in result.stderr


def test_json_tells_the_same(tmp_path: Path) -> None:
    """What was written, and three commands, for a program."""
    told = json.loads(run("acme", "--into", str(tmp_path), "--json").stdout)

    folder = tmp_path / "gateway-acme"
    assert told == {
        "folder": str(folder),
        "files": sorted(contents(folder)),
        "next": [
            f"cd {folder}",
            "python -m pip install --editable . 'gateway-core[cli]' gateway-conformance",
            "python -m pytest",
        ],
    }


def test_title_is_what_people_read(tmp_path: Path) -> None:
    """A name is made to a title, unless one is given."""
    run("acme-pay", "--into", str(tmp_path))
    run("acme", "--title", "ACME plc.", "--into", str(tmp_path))

    assert 'title="Acme Pay"' in (tmp_path / "gateway-acme-pay" / "gateway_acme_pay" / "provider.py").read_text()
    assert 'title="ACME plc."' in (tmp_path / "gateway-acme" / "gateway_acme" / "provider.py").read_text()


def test_folder_is_as_open_as_others(tmp_path: Path) -> None:
    """A folder of one's own is read by colleagues as any other."""
    (tmp_path / "usual").mkdir()

    run("acme", "--into", str(tmp_path))

    assert (tmp_path / "gateway-acme").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_every_required_hook_is_there_to_be_written(tmp_path: Path) -> None:
    """Each required hook of the contract stands in the skeleton, and says what it wants."""
    run("acme", "--into", str(tmp_path))
    tree = ast.parse((tmp_path / "gateway-acme" / "gateway_acme" / "provider.py").read_text(encoding="utf-8"))

    hooks = {
        node.name: ast.unparse(node.body[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and "hookimpl" in map(ast.unparse, node.decorator_list)
    }

    assert tuple(hooks) == REQUIRED
    assert [
        name for name, body in hooks.items() if f"NotImplementedError('{name} is still to be written: " not in body
    ] == []

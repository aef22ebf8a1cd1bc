from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import webbrowser
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from gateway_core import Acknowledgement
from gateway_core.testing import HttpClient
from gateway_sandbox.demo import run
from gateway_sandbox.demo.payer import Payer
from gateway_sandbox.demo.shop import Shop

DEMO = [sys.executable, "-m", "gateway_core.cli", "demo"]
SECRET = re.compile(r"sk_sandbox_\w|whsec_\w|v1,[A-Za-z0-9+/]{8}")


def demo(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `gateway demo` in an empty folder, with an empty HOME."""
    return subprocess.run(
        [*DEMO, *options],
        cwd=folder,
        env={**os.environ, "HOME": str(folder), **environment},
        text=True,
        encoding="utf-8",
        capture_output=True,
        check=False,
        timeout=60,
    )


def before_others(folder: Path) -> str:
    """Return a PYTHONPATH with a folder at its head."""
    return os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])


def is_running(pid: int) -> bool:
    """Return whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_story_ends_in_a_paid_invoice(tmp_path: Path) -> None:
    """Every step is observed, and says so as JSON: from PENDING to PAID, by a webhook that crossed a socket."""
    ended = demo(tmp_path, "--json")
    told = json.loads(ended.stdout)
    facts = [step["facts"] for step in told["steps"]]

    assert (ended.returncode, ended.stderr) == (0, "")
    assert (told["ok"], told["failed_step"]) == (True, None)
    assert [step["ok"] for step in told["steps"]] == [True] * 8
    assert facts[2]["status"] == "PENDING"
    assert (facts[4]["status"], facts[4]["verified_by"]) == ("PAID", "signature")
    assert (facts[5]["status"], facts[5]["verdict"]) == ("PAID", "EXACT")
    assert list(facts[6].values()) == ["49.90 EUR, CONFIRMED"]
    assert facts[7] == {"refused": "wrong signature"}
    assert [exchange["status"] for step in told["steps"] for exchange in step["exchanges"]] == [
        *(201, 200, 303, 200),
        *(200, 200, 200, 400),
    ]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["people", "programs"])
def test_no_secret_is_told(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Keys and signatures are masked wherever they would stand."""
    ended = demo(tmp_path, *options)

    assert "***" in ended.stdout + ended.stderr
    assert SECRET.findall(ended.stdout + ended.stderr) == []


def test_people_read_it_anywhere(tmp_path: Path) -> None:
    """Without a terminal, in a narrow window and in ASCII, the text is plain, and on stderr."""
    ended = demo(tmp_path, COLUMNS="40", NO_COLOR="1", PYTHONIOENCODING="ascii")

    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr.isascii()
    assert "\x1b" not in ended.stderr
    assert max(len(line) for line in ended.stderr.splitlines()) <= 40
    assert "Paid: 49.90 EUR" in ended.stderr


def test_sandbox_that_does_not_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first step is a step too: what the process said last is in the failure."""
    monkeypatch.setattr(sys, "executable", "/bin/false")

    told = run(None).as_json()

    assert (told["ok"], told["failed_step"]) == (False, 1)
    assert "the sandbox did not start" in told["steps"][0]["failure"]


def test_webhook_that_does_not_arrive_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The story does not believe what it did not see, ends, and leaves no process behind."""
    monkeypatch.setattr(Shop, "receive", lambda *_: Acknowledgement())
    text = io.StringIO()

    told = run(Console(file=text), patience=0.5).as_json()

    assert (told["ok"], told["failed_step"]) == (False, 5)
    assert "Step 5 was not observed: no webhook said PAID" in " ".join(text.getvalue().split())
    assert not is_running(int(told["steps"][0]["facts"]["process"]))


def test_failure_has_an_exit_code(tmp_path: Path) -> None:
    """A story that could not be told ends with 3."""
    (tmp_path / "sitecustomize.py").write_text(
        "import gateway_sandbox.demo.payer as payer\npayer.Payer.pay = lambda *_: None\n"
        "import gateway_sandbox.demo.story as story\nstory.run.__kwdefaults__['patience'] = 0.5\n",
        encoding="utf-8",
    )

    ended = demo(tmp_path, "--json", PYTHONPATH=before_others(tmp_path))

    assert ended.returncode == 3
    assert json.loads(ended.stdout)["failed_step"] == 5


def test_person_may_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    """With `--open`, the page is shown in a browser, and the story waits for whoever pays there."""
    shown: list[str] = []

    def browse(url: str) -> bool:
        shown.append(url)
        browser = HttpClient(url)
        Payer(browser).pay(url, "49.90")
        browser.close()
        return True

    monkeypatch.setattr(webbrowser, "open", browse)

    told = run(None, open_page=True).as_json()

    assert told["ok"]
    assert shown == [told["steps"][2]["facts"]["checkout_page"]]


def test_person_may_decline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who does not pay ends the story, and no step is told that did not happen."""
    from gateway_core import HttpRequest

    def browse(url: str) -> bool:
        browser = HttpClient(url)
        browser.send(HttpRequest.form("POST", url, {"action": "decline"}))
        browser.close()
        return False

    monkeypatch.setattr(webbrowser, "open", browse)
    text = io.StringIO()

    told = run(Console(file=text), open_page=True).as_json()

    assert told["failed_step"] == 4
    assert told["steps"][3]["failure"] == "the invoice ended as FAILED"
    assert "Open in a browser: http://127.0.0.1" in " ".join(text.getvalue().split())


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_story_leaves_no_process(tmp_path: Path, signum: signal.Signals) -> None:
    """However the demo ends, the sandbox that it started ends too."""
    (tmp_path / "sitecustomize.py").write_text(
        "import gateway_sandbox.demo.payer as payer, time\npayer.Payer.pay = lambda *_: time.sleep(60)\n",
        encoding="utf-8",
    )
    environment: dict[str, Any] = {**os.environ, "PYTHONPATH": before_others(tmp_path), "COLUMNS": "200"}
    with subprocess.Popen(DEMO, env=environment, text=True, stderr=subprocess.PIPE, cwd=tmp_path) as process:
        assert process.stderr is not None
        pid = 0
        for line in process.stderr:
            pid = pid or int((re.findall(r"process (\d+)", line) or [0])[0])
            if "opens the page" in line:
                break
        process.send_signal(signum)
        process.stderr.read()
        process.wait(15)

    for _ in range(500):
        if not is_running(pid):
            break
        signal.sigtimedwait([], 0.01)
    assert pid
    assert process.returncode != 0
    assert not is_running(pid)

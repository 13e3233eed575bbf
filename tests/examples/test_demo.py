"""`examples/demo.py`: the real thing, with a real kill."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from examples.demo import KILLED, Life, broken_promises
from integrations.code_review import Finding, Severity

ROOT = Path(__file__).parent.parent.parent
FOUND = [Finding(path="a.py", line=1, end_line=1, severity=Severity.HIGH, rule="r", message="m")]
FIRST = Life(1, steps=["one"], exit_code=KILLED)
SECOND = Life(2, kept=["one"], steps=["two", "three"], findings=FOUND, exit_code=0)
BEGUN = Counter({"one": 1, "two": 2, "three": 1})


@pytest.mark.timeout(120)
def test_the_demo_keeps_its_promises_and_leaves_a_picture(tmp_path: Path) -> None:
    picture = tmp_path / "images" / "demo.svg"
    demo = subprocess.run(
        [sys.executable, "examples/demo.py", "--record", picture],
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
        encoding="utf-8",
        timeout=100,
    )
    assert (demo.returncode, demo.stderr) == (0, "")
    shown, following = demo.stdout.splitlines()[-2:]
    assert shown.startswith("Shown: an agent's review was killed by SIGKILL and went on: ")
    assert following.startswith("Next: ")
    assert "shop/payment.py:37" in demo.stdout
    svg = picture.read_text("utf-8")
    assert "finished" in svg
    assert "url(http" not in svg


def test_what_was_promised_and_held_is_not_complained_about() -> None:
    assert broken_promises(FIRST, SECOND, BEGUN, FOUND) == []


@pytest.mark.parametrize(
    ("killed", "resumed", "begun"),
    [
        (replace(FIRST, exit_code=0), SECOND, BEGUN),
        (replace(FIRST, findings=FOUND), SECOND, BEGUN),
        (replace(FIRST, steps=["one", "lost"]), SECOND, BEGUN),
        (FIRST, SECOND, BEGUN + Counter(["one"])),
        (FIRST, replace(SECOND, exit_code=1), BEGUN),
        (FIRST, replace(SECOND, steps=[]), BEGUN),
        (FIRST, replace(SECOND, steps=["two", "three", "three"]), BEGUN),
        (FIRST, replace(SECOND, findings=[]), BEGUN),
    ],
)
def test_each_broken_promise_is_noticed(killed: Life, resumed: Life, begun: Counter[str]) -> None:
    assert broken_promises(killed, resumed, begun, FOUND)


def test_a_review_without_findings_shows_nothing() -> None:
    assert broken_promises(FIRST, replace(SECOND, findings=[]), BEGUN, []) == ["there are findings"]

"""A review that is killed after every few steps, again and again, comes to the same report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integrations.code_review.repository import Files, Repository

_STEPS = 1 if os.environ.get("TORTURE") else 4
"""A process lives for so many of them."""
_BEFORE: Files = {
    "lib.py": "def total(items):\n    return sum(items)\n",
    "app.py": "from lib import total\n\nSUM = total([1]) + 2\n",
}
_AFTER: Files = {
    "lib.py": "def total(items):\n    return sum(items) or None\n",
    "app.py": "from lib import total\n\nSUM = total([1]) + 3\nRUN = eval(SUM)\n",
}
_CLAIM = {"severity": "high", "category": "bug", "claim": "None + 3"}
_ANSWERS = [
    {
        "purpose": "review",
        "path": "app.py",
        "answer": {"findings": [{**_CLAIM, "line": 4, "quote": "RUN = eval(SUM)"}]},
    },
    {"purpose": "cross", "answer": {"findings": [{**_CLAIM, "call": 1, "quote": "SUM = total([1]) + 3"}]}},
    {"purpose": "verify", "answer": {"verdict": "proven", "quote": "SUM = total([1]) + 3", "reason": "r"}},
]


def _life(folder: Path, steps: int) -> list[str]:
    program = "tests.integrations.code_review.lives_program"
    command = [sys.executable, "-m", program, str(folder), str(steps)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=100)
    return ended.stdout.splitlines()


def _prepared(folder: Path) -> Path:
    repository = Repository.create(folder / "repo")
    repository.commit(_BEFORE)
    repository.write(_AFTER)
    repository.git("add", "--all")
    (folder / "answers.json").write_text(json.dumps(_ANSWERS))
    return folder


def _report(lines: list[str]) -> dict[str, Any]:
    (line,) = [line for line in lines if line.startswith("report ")]
    report: dict[str, Any] = json.loads(line.removeprefix("report "))
    return report


@pytest.mark.timeout(300)
def test_no_finding_is_lost_and_no_recorded_answer_asked_for_again(tmp_path: Path) -> None:
    whole = _report(_life(_prepared(tmp_path / "whole"), 10_000))
    folder = _prepared(tmp_path / "killed")
    lives: list[list[str]] = []
    while not lives or not any(line.startswith("report ") for line in lives[-1]):
        lives.append(_life(folder, _STEPS))
        assert len(lives) < 60
    assert len(lives) > 2, "it was killed more than once"
    assert _report(lives[-1])["findings"] == whole["findings"]
    assert {one["rule"] for one in whole["findings"]} >= {"model/bug", "check/eval"}
    assert _report(lives[-1])["usage"] == whole["usage"]
    kept: set[str] = set()
    for life in lives:
        asked = {line.removeprefix("asked ") for line in life if line.startswith("asked ")}
        assert not asked & kept
        kept |= {line.removeprefix("kept ") for line in life if line.startswith("kept ")}

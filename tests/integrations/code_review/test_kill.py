"""A review that is killed goes on, and what was answered is not asked again."""

from __future__ import annotations

import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.integrations.code_review.repository import Repository
from tests.mortal import mortal

_FILES = {f"m{number}.py": f"x = eval({number} + y)\n" for number in range(5)}


def _started(tmp_path: Path, allowed: int) -> AbstractContextManager[subprocess.Popen[str]]:
    program = "tests.integrations.code_review.kill_program"
    command = [sys.executable, "-m", program, str(tmp_path / "repo"), str(tmp_path / "r.db"), str(allowed)]
    return mortal(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True))


def _lines_until(process: subprocess.Popen[str], last: str) -> list[str]:
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.strip())
        if line.startswith(last):
            break
    return lines


@pytest.mark.parametrize("allowed", [0, 1, 3])
def test_killed_in_the_middle(tmp_path: Path, allowed: int) -> None:
    repository = Repository.create(tmp_path / "repo")
    repository.write(_FILES)
    repository.git("add", "--all")
    with _started(tmp_path, allowed) as killed:
        first = _lines_until(killed, "stalled")
        killed.kill()
    with _started(tmp_path, 99) as resumed:
        second = _lines_until(resumed, "reviewed")
    asked = [line for line in (*first, *second) if line.startswith("asked")]
    assert sorted(set(asked)) == [f"asked {name}" for name in _FILES]
    assert len([line for line in first if line.startswith("asked")]) == allowed
    assert asked.count("asked m0.py") == 1  # it was recorded before the others began
    assert second[-1] == "reviewed 5"

"""mypy and pyright agree about `cases/`: every `assert_type` holds, and what is wrong ends in `# error`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CASES = sorted((Path(__file__).parent / "cases").glob("[a-z]*.py"))

Place = tuple[str, int]
"""A file and a line of it."""

pytestmark = pytest.mark.timeout(300)


def checked(*command: str) -> str:
    """What a checker prints about the cases, with the settings of this project."""
    ran = subprocess.run(
        [sys.executable, "-m", *command, *map(str, CASES)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1, ran.stdout + ran.stderr
    return ran.stdout


def mypy() -> dict[Place, str]:
    """The errors of mypy."""
    found = [json.loads(line) for line in checked("mypy", "--output", "json").splitlines()]
    return {(Path(one["file"]).name, one["line"]): one["message"] for one in found}


def pyright() -> dict[Place, str]:
    """The errors of pyright."""
    found = json.loads(checked("basedpyright", "--outputjson", "--pythonpath", sys.executable))
    return {
        (Path(one["file"]).name, one["range"]["start"]["line"] + 1): one["message"]
        for one in found["generalDiagnostics"]
    }


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_what_is_right_is_right_and_what_is_wrong_is_wrong(checker: Callable[[], dict[Place, str]]) -> None:
    wrong = {
        (file.name, number)
        for file in CASES
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if line.endswith("# error")
    }
    found = checker()
    assert {place: message for place, message in found.items() if place not in wrong} == {}
    assert wrong - found.keys() == set()

"""F12: an instance that ends its process again and again; a supervisor starts that until it stays up."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.fault.killers import OTHERS, STEPS

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL"),
    pytest.mark.timeout(300),
]

MOST = 12
"""Starts, after which a supervisor would give up."""
STARTS = {"run": 3, "first": 3, "memory": 3, "second": 4}
"""Of processes that die: in the first one of `second`, a step of it has ended."""


def supervised(database: Path, where: str, *words: str) -> tuple[int, dict[str, Any]]:
    """How many processes died before one came to its end, and what that one reports."""
    command = [sys.executable, "-m", "tests.fault.killers", str(database), where]
    for died in range(MOST):
        life = subprocess.run(
            [*command, *(words if not died else ())], capture_output=True, text=True, check=False, timeout=60
        )
        sys.stdout.write(life.stderr)
        if life.returncode == 0:
            report: dict[str, Any] = json.loads(life.stdout.splitlines()[-1])
            return died, report
    pytest.fail(f"it still dies after {MOST} starts")


def calls(database: Path) -> Counter[str]:
    """How often each function was called."""
    return Counter(database.with_suffix(".calls").read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("where", STARTS)
def test_the_killer_is_paused_and_all_others_come_to_their_end(where: str, tmp_path: Path) -> None:
    database = tmp_path / "engine.db"
    died, report = supervised(database, where)
    status, _, reason = report.pop("killer")
    assert (died, status) == (STARTS[where], "paused")
    assert reason.startswith("3 processes in a row died while it ran")
    assert len(report) == 2 * OTHERS
    for number in range(OTHERS):
        assert report[f"steps-{number}"] == ["complete", STEPS, None]
        assert report[f"slow-{number}"] == ["complete", 1, None]
    assert calls(database)["killer"] == STARTS[where]
    died, report = supervised(database, where, "resume")
    assert (died, report["killer"][0]) == (3, "paused")
    assert calls(database)["killer"] == STARTS[where] + 3

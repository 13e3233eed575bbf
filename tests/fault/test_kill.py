"""300 kills at random moments: nothing acknowledged is lost, nothing finished is done again, all ends.

The seed is printed. `python -m tests.fault.crash FOLDER --kills 10000` runs it for longer.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the crash test forks its children"),
    pytest.mark.timeout(240),
]


def crashed(folder: Path, kills: int, mutation: str = "none") -> dict[str, Any]:
    """The report of a crash run in a process of its own."""
    seed = random.randrange(1 << 32)
    command = [sys.executable, "-m", "tests.fault.crash", str(folder), "--kills", str(kills)]
    ran = subprocess.run(
        [*command, "--seed", str(seed), "--mutation", mutation], capture_output=True, text=True, check=False
    )
    sys.stdout.write(f"seed {seed}\n{ran.stdout}\n{ran.stderr}")  # shown when the test fails
    report: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    assert ran.returncode == bool(report["violations"])
    return report


def test_300_kills_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    report = crashed(tmp_path, 300)
    assert report["violations"] == []
    assert report["kills"] == 300
    assert report["interrupted"] > 100


@pytest.mark.parametrize("mutation", ["acknowledge-before-commit", "forget-to-journal"])
def test_the_checker_sees_an_engine_that_lies(tmp_path: Path, mutation: str) -> None:
    report = crashed(tmp_path, 100, mutation)
    assert any("done again" in violation or "but process" in violation for violation in report["violations"])

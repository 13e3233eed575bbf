"""Processes that are killed while a step streams: readers by offset see resets, and never doubled text."""

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
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the test forks its children"),
    pytest.mark.timeout(240),
]


def killed(folder: Path, kills: int, mutation: str = "none") -> dict[str, Any]:
    """The report of a run in a process of its own."""
    seed = random.randrange(1 << 32)
    command = [sys.executable, "-m", "tests.fault.streaming", str(folder), "--kills", str(kills)]
    ran = subprocess.run(
        [*command, "--seed", str(seed), "--mutation", mutation], capture_output=True, text=True, check=False
    )
    sys.stdout.write(f"seed {seed}\n{ran.stdout}\n{ran.stderr}")  # shown when the test fails
    report: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    assert ran.returncode == bool(report["violations"])
    return report


def test_after_each_kill_readers_see_a_reset_and_the_new_attempt(tmp_path: Path) -> None:
    report = killed(tmp_path, 15)
    assert report["violations"] == []
    assert report["resets"] == 15
    assert report["acknowledged"] >= 40


@pytest.mark.parametrize("mutation", ["no-reset", "early"])
def test_the_checker_sees_an_engine_that_lies(tmp_path: Path, mutation: str) -> None:
    assert killed(tmp_path, 10, mutation)["violations"] != []

"""A real SIGKILL between an effect and its record, and what each policy makes of it.

Effects are counted in a file outside of the database.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")

ONE, TWO = ["attempt 1"], ["attempt 1", "attempt 2"]


def live(folder: Path, policy: str, life: str) -> Any:
    """How the instance was at the end of a life; None when the process was killed before it could tell."""
    program = [sys.executable, "-W", "error", "-m", "tests.fault.interrupted_program"]
    ran = subprocess.run(
        [*program, str(folder), policy, life], capture_output=True, text=True, timeout=50, check=False
    )
    assert ran.returncode == (-signal.SIGKILL if life in ("die", "wait") else 0), ran.stderr
    return json.loads(ran.stdout) if ran.stdout else None


def effects(folder: Path) -> list[str]:
    return (folder / "effects.log").read_text().splitlines()


@pytest.mark.parametrize(
    ("policy", "ends", "done"),
    [
        (
            "rerun",
            ["complete", "attempt 1", None, []],
            ["attempt 1", "attempt 1"],
        ),  # its start was not written
        ("fail", ["errored", None, "StepInterrupted", []], ONE),
        ("verify", ["complete", "attempt 1, verified", None, []], ONE),
    ],
)
def test_a_kill_right_after_the_effect(tmp_path: Path, policy: str, ends: Any, done: list[str]) -> None:
    assert live(tmp_path, policy, "die") is None
    assert effects(tmp_path) == ONE
    assert live(tmp_path, policy, "end") == ends
    assert effects(tmp_path) == done


@pytest.mark.parametrize(
    ("decision", "ends", "done"),
    [
        ("rerun", ["complete", "attempt 2", None, []], TWO),
        ("result", ["complete", "seen by a human", None, []], ONE),
        ("error", ["errored", None, "StepInterrupted", []], ONE),
    ],
)
def test_a_step_that_asks_is_killed_while_it_waits_for_the_answer(
    tmp_path: Path, decision: str, ends: Any, done: list[str]
) -> None:
    live(tmp_path, "ask", "die")
    for _ in range(2):
        assert live(tmp_path, "ask", "wait") == ["waiting", None, None, ["charge-1"]]
    assert live(tmp_path, "ask", decision) == ends
    assert effects(tmp_path) == done


def test_a_kill_before_the_effect_is_found_out_by_verify(tmp_path: Path) -> None:
    live(tmp_path, "verify", "die")
    (tmp_path / "effects.log").unlink()  # as if the process had died a moment earlier
    assert live(tmp_path, "verify", "end") == ["complete", "attempt 2", None, []]
    assert effects(tmp_path) == ["attempt 2"]

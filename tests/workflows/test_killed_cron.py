"""Cron outlives SIGKILL: each time has exactly one instance."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is neither fork nor SIGKILL")


def test_each_time_has_one_instance_however_often_it_was_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.workflows.killed_cron", str(tmp_path), "--kills", "20"]
    ended = subprocess.run(command, check=True, capture_output=True, text=True, timeout=55)
    seconds: list[int] = json.loads(ended.stdout.splitlines()[-1])
    assert len(seconds) > 50
    assert seconds == list(range(1, len(seconds) + 1))

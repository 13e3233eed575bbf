"""What was acknowledged outlives SIGKILL."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is neither fork nor SIGKILL")


def killed(folder: Path, *options: str) -> dict[str, int]:
    command = [sys.executable, "-m", "tests.workflows.sqlite.killed", str(folder), *options]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=50)
    report: dict[str, int] = json.loads(ended.stdout.splitlines()[-1])
    return report


def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    report = killed(tmp_path, "--kills", "30")
    assert report["acknowledged"] > 1000
    assert report["lost"] == 0


def test_acknowledging_before_commit_would_be_seen(tmp_path: Path) -> None:
    assert killed(tmp_path, "--kills", "200", "--early")["lost"] > 0

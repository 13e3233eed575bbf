"""Pitfalls 13 and 18: SIGKILL around every commit, pruning too; a legal state is what is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the children are forked"),
    pytest.mark.timeout(180),
]


def test_a_kill_around_every_commit_leaves_one_of_two_legal_states(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fault.every_commit", str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    report = json.loads(ran.stdout.splitlines()[-1])
    assert (report["wrong"], ran.returncode) == ([], 0), ran.stderr
    assert report["commits"] > 20

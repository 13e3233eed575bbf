"""A rollback outlives SIGKILL: what is undone is not undone again, the order and the error stay."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fault.undone import STEPS

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes are forked"),
    pytest.mark.timeout(120),
]


def test_a_rollback_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fault.undone", str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    report: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    assert report.pop("kills") > 3
    assert report.pop("lives_with_calls") > 3
    assert report == {
        "done": [f"s{number}" for number in reversed(range(STEPS))],
        "again": [],
        "disordered": [],
        "wrong": [],
        "last": 0,
        "end": "errored complete Out",
    }

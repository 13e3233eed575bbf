"""Timers outlive SIGKILL while they are called."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fault.sizes import size

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is neither fork nor SIGKILL")


KILLS = size(300, 1_000)
INTERVAL = KILLS / 1_500  # so long that what all lives miss can be caught up: it is 1,000 at most
UNDER_WAY = 1_000
"""Calls that may be at a kill, each of which comes again."""


def killed(folder: Path, *options: str) -> dict[str, int]:
    command = [sys.executable, "-m", "tests.workflows.timers.killed", str(folder), *options]
    ended = subprocess.run(command, check=True, capture_output=True, text=True, timeout=KILLS)
    report: dict[str, int] = json.loads(ended.stdout.splitlines()[-1])
    return report


@pytest.mark.timeout(KILLS)
def test_none_is_lost_and_a_second_call_follows_a_kill_only(tmp_path: Path) -> None:
    report = killed(tmp_path, "--kills", str(KILLS), "--longest", "0.1", "--interval", str(INTERVAL))
    assert report.pop("added") > 5 * KILLS
    assert report.pop("fewest_of_recurring") > 2
    assert 0 < report.pop("called_again") < KILLS * UNDER_WAY
    assert report == {
        "lost": 0,
        "twice_in_one_life": 0,
        "other_nominal": 0,
        "abandoned": 0,
        "passed_over": 0,
        "out_of_order": 0,
    }


def test_forgetting_at_the_start_of_a_call_would_be_seen(tmp_path: Path) -> None:
    assert killed(tmp_path, "--kills", "20", "--forget")["lost"] > 0

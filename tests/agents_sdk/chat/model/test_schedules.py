"""Random schedules in processes of their own; a failure names its seed, `CHAT_SEED=7` plays it again.

`make test` plays the same ones each time, `TORTURE=1` others, and more.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys

import pytest

from tests.fault.sizes import size

PARTS = 2
HELD = 100
"""Schedules of each part that are played each time."""
TRIED = 2_500
LONGEST = size(1_100, 7_200)
"""Seconds of one part; at night other tests run beside it."""


def drawn(part: int) -> tuple[int, int]:
    """How many schedules, and the seed of the first."""
    if (seed := os.environ.get("CHAT_SEED")) is not None:
        return 1, int(seed)
    if os.environ.get("TORTURE"):
        return TRIED, secrets.randbelow(1 << 32)
    return HELD, part * HELD


@pytest.mark.timeout(LONGEST + 100)
@pytest.mark.parametrize("part", range(PARTS))
def test_chats_hold_in_every_schedule(part: int) -> None:
    schedules, seed = drawn(part)
    command = [sys.executable, "-m", "tests.agents_sdk.chat.model", str(schedules), str(seed)]
    played = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)
    assert played.returncode == 0, f"from seed {seed} on:\n{played.stderr[-10_000:]}"

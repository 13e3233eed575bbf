"""Ten thousand random schedules in CI, a tenth of them elsewhere; a failure names its seed.

Each part is a process of its own: so they run side by side, and are not slowed by what measures coverage.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys

import pytest

PARTS = [*["memory"] * 5, "memory-parked", "sqlite", "sqlite", "sqlite-parked"]
SCHEDULES = {"memory": 1_300, "memory-parked": 1_700, "sqlite": 600, "sqlite-parked": 600}
"""10,000 together."""
SHARE = 1 if os.environ.get("CI") else 10


@pytest.mark.timeout(1_200)
@pytest.mark.parametrize(("part", "backend"), list(enumerate(PARTS)))
def test_schedules(part: int, backend: str) -> None:
    seed = int(os.environ.get("MODEL_SEED") or secrets.randbelow(1 << 32))
    schedules = SCHEDULES[backend] // SHARE
    command = [sys.executable, "-m", "tests.model", backend, str(schedules), str(seed)]
    played = subprocess.run(command, capture_output=True, text=True, timeout=1_100, check=False)
    assert played.returncode == 0, (
        f"seed {seed}, part {part}: {played.stdout[-5_000:]}{played.stderr[-5_000:]}"
    )

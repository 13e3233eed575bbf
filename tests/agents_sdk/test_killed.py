"""What an agent acknowledged outlives SIGKILL."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agents_sdk.killed import Notes, app
from tests.mortal import mortal

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL"),
]


def said_before_the_kill(folder: Path) -> set[str]:
    command = [sys.executable, "-m", "tests.agents_sdk.killed", str(folder)]
    with mortal(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) as child:
        assert child.stdout is not None
        said = {child.stdout.readline().strip() for _ in range(3)}
        child.send_signal(signal.SIGKILL)
    return said


async def test_a_schedule_and_a_state_outlive_a_kill(tmp_path: Path) -> None:
    assert said_before_the_kill(tmp_path) == {"state", "schedule", "running"}
    async with app(tmp_path) as agents:
        notes = await agents.get_agent(Notes, "a")
        assert notes.state["title"] == "kept"
        await notes.called.wait()
        # The call that was cut off by the kill comes again: at least once, with the time it stands for.
        assert notes.state["calls"] == ["again", "again"]

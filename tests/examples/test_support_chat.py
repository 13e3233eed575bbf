"""`examples/support_chat.py`: an answer that survives SIGKILL, as its client sees it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.timeout(180)
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_the_client_has_each_word_once_and_the_tool_is_called_once() -> None:
    ran = subprocess.run(
        [sys.executable, "examples/support_chat.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    shown, killed, again, counts = ran.stdout.splitlines()
    assert shown.startswith("shown:   Let me see. There are seven boxes of tea on the shelf,")
    assert "today" not in shown
    assert killed == "the server was killed, after the model was asked 2 times"
    assert again.startswith("shown:   Let me see. There are seven boxes")
    assert again.endswith("that you want today.")
    assert counts == "the model was asked 3 times, and the tool was called once"

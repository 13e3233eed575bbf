"""`mortal` is what keeps a test that fails from waiting for a process that never ends."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.mortal import mortal

_FOR_EVER = "import time\nprint('begun', flush=True)\nwhile True:\n    time.sleep(60)"


def _immortal() -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", _FOR_EVER], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


@pytest.mark.timeout(20)
def test_a_block_that_fails_does_not_wait_for_its_process() -> None:
    process = _immortal()
    with pytest.raises(KeyError), mortal(process):
        raise KeyError
    assert process.returncode


@pytest.mark.timeout(20)
def test_neither_does_a_time_limit_that_rings_while_the_end_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ring(timeout: float | None = None) -> int:
        monkeypatch.undo()
        raise TimeoutError

    process = _immortal()
    monkeypatch.setattr(process, "wait", ring)
    with pytest.raises(TimeoutError), mortal(process):
        pass
    assert process.wait()

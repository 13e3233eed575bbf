"""F2: SIGKILL at every failpoint; each of them is reached, and has a name of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fault.failpoints import names
from tests.fault.ran import ran
from tests.fault.sizes import size
from workflows import failpoint


def test_every_failpoint_has_a_name_of_its_own() -> None:
    assert {name: count for name, count in names().items() if count > 1} == {}
    assert len(names()) > 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the children are forked")
@pytest.mark.timeout(size(600, 7_200))
def test_a_kill_at_every_failpoint_loses_nothing(tmp_path: Path) -> None:
    report = ran("failpoints", tmp_path, "--rounds", size(1, 3))
    assert report["never"] == []
    assert report["violations"] == []
    assert report["kills"] > 2 * len(names()) * size(1, 3)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the children are forked")
@pytest.mark.timeout(240)
def test_a_store_that_lies_is_seen(tmp_path: Path) -> None:
    options = ["--only", "store.b", "--nth", 3, 5, 7, "--mutation", "acknowledge-before-commit"]
    report = ran("failpoints", tmp_path, *options)
    assert any("done again" in violation or "but process" in violation for violation in report["violations"])


def test_nothing_happens_where_nobody_asked() -> None:
    failpoint.failpoint("anything")
    counts = failpoint.watch()
    failpoint.failpoint("anything")
    failpoint.disarm()
    failpoint.failpoint("anything")
    assert counts == {"anything": 1}


def test_it_costs_next_to_nothing() -> None:
    begun = time.perf_counter()
    for _ in range(100_000):
        failpoint.failpoint("anything")
    assert time.perf_counter() - begun < 0.5  # 5 µs each, on a machine that does much else


def test_the_nth_time_counts() -> None:
    failpoint.arm("here", "raise", 2)
    try:
        failpoint.failpoint("here")
        failpoint.failpoint("elsewhere")
        with pytest.raises(failpoint.FailpointReached, match="here"):
            failpoint.failpoint("here")
        failpoint.arm("here", "delay")
        begun = time.monotonic()
        failpoint.failpoint("here")
        assert time.monotonic() - begun >= 0.05
    finally:
        failpoint.disarm()


@pytest.mark.skipif(sys.platform == "win32", reason="nobody is told there which signal ended a process")
@pytest.mark.parametrize(("told", "ends"), [("here:kill:2", -signal.SIGKILL), ("here:kill:3", 0)])
def test_a_child_is_told_by_its_environment(told: str, ends: int) -> None:
    program = "from workflows.failpoint import failpoint; failpoint('here'); failpoint('here')"
    environment = {**os.environ, failpoint.VARIABLE: told}
    assert subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode == ends


def test_a_child_that_is_told_nonsense_says_so() -> None:
    environment = {**os.environ, failpoint.VARIABLE: "here:explode:1"}
    command = [sys.executable, "-c", "import workflows.failpoint"]
    ended = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert "PERDURE_FAILPOINT is name:kill|raise|delay:nth, not 'here:explode:1'" in ended.stderr

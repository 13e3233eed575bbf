"""F19: SIGTERM under load: the process ends in time, nothing acknowledged is lost or done again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fault.ran import ran
from tests.fault.sizes import size

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the children are forked"),
    pytest.mark.timeout(size(600, 7_200)),
]

STOPS = size(20, 200)


def test_a_process_that_is_told_to_stop_loses_nothing(tmp_path: Path) -> None:
    report = ran("stopped", tmp_path, "--stops", STOPS)
    assert report["violations"] == []
    assert report["stops"] == STOPS
    assert report["interrupted"] > STOPS / 4
    assert report["slowest"] < 5


def test_an_engine_that_lies_is_seen(tmp_path: Path) -> None:
    report = ran("stopped", tmp_path, "--stops", 40, "--mutation", "forget-to-journal")
    assert report["violations"] != []

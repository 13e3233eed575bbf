"""F3: processes that are killed and started again from nothing bring everything to its end."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.fault.ran import ran
from tests.fault.sizes import size

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL"),
    pytest.mark.timeout(size(600, 7_200)),
]

RESTARTS = size(10, 1_000)


def test_restarts_lose_nothing(tmp_path: Path) -> None:
    report = ran("restarts", tmp_path, "--restarts", RESTARTS)
    assert report["violations"] == []
    assert report["restarts"] == RESTARTS
    assert report["slowest"] < 20  # a new interpreter on a machine that does much else


@pytest.mark.parametrize("mutation", ["acknowledge-before-commit", "forget-to-journal"])
def test_the_checker_sees_an_engine_that_lies(tmp_path: Path, mutation: str) -> None:
    report = ran("restarts", tmp_path, "--restarts", 20, "--mutation", mutation)
    assert any("done again" in violation or "but process" in violation for violation in report["violations"])

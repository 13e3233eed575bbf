"""F1: kills at random moments: nothing acknowledged is lost, nothing finished is done again, all ends."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fault.ran import ran
from tests.fault.sizes import size

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the crash test forks its children"),
    pytest.mark.timeout(size(600, 7_200)),
]


KILLS = size(500, 10_000)


def test_kills_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    report = ran("crash", tmp_path, "--kills", KILLS)
    assert report["violations"] == []
    assert report["kills"] == KILLS
    assert report["interrupted"] > KILLS / 3


def test_two_records_of_one_step_are_seen(tmp_path: Path) -> None:
    report = ran("crash", tmp_path, "--kills", 20, "--mutation", "no-unique-index")
    assert any("two records" in violation for violation in report["violations"])


@pytest.mark.parametrize("mutation", ["acknowledge-before-commit", "forget-to-journal"])
def test_the_checker_sees_an_engine_that_lies(tmp_path: Path, mutation: str) -> None:
    report = ran("crash", tmp_path, "--kills", 100, "--mutation", mutation)
    assert any("done again" in violation or "but process" in violation for violation in report["violations"])

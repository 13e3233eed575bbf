"""F7: what a disk has changed is never served as the result of a step; what the log has lost is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fault.ran import ran
from tests.fault.sizes import size

pytestmark = pytest.mark.timeout(size(600, 7_200))

FLIPS = size(100, 1_000)


def test_a_flipped_bit_is_never_served_and_a_lost_commit_never_silent(tmp_path: Path) -> None:
    report = ran("flips", tmp_path, "--flips", FLIPS, "--step", size(97, 1))
    assert report["violations"] == []
    assert report["file"].get("misplaced", 0) == 0
    assert report["log"]["told"] > FLIPS * 0.9
    assert sum(report["cut"].values()) > 40


@pytest.mark.parametrize(("mutation", "seen"), [("no-checksum", "never written"), ("no-look", "not a word")])
def test_a_store_that_looks_away_is_seen(tmp_path: Path, mutation: str, seen: str) -> None:
    report = ran("flips", tmp_path, "--flips", 20, "--step", 4_000, "--mutation", mutation)
    assert any(seen in violation for violation in report["violations"])

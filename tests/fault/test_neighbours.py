"""F12: the steps of others take less than twice as long while, once a second, an instance has poison."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fault.neighbours import KINDS
from tests.fault.ran import ran
from tests.fault.sizes import TORTURE

pytestmark = [
    pytest.mark.skipif(not TORTURE, reason="it measures, for minutes, on a machine that does nothing else"),
    pytest.mark.timeout(3_600),
]


def test_the_others_are_hardly_held_up(tmp_path: Path) -> None:
    report = ran("neighbours", tmp_path, "--rounds", 5, "--seconds", 5)
    assert {kind: ratio for kind, ratio in report["ratios"].items() if ratio >= 2} == {}
    assert set(report["ratios"]) == set(KINDS)
    assert report["plain_ms"] > 0

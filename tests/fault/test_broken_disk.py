"""F5: whichever call to the disk fails, nothing acknowledged is lost, and the store stops at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fault.ran import ran
from tests.fault.sizes import size

pytestmark = pytest.mark.timeout(size(600, 7_200))


def test_a_disk_that_fails_at_its_nth_call_ends_the_writing(tmp_path: Path) -> None:
    report = ran("broken_disk", tmp_path, "--step", size(3, 1))
    assert report["violations"] == []
    assert set(report["failures"]) == {"open", "read", "write", "sync", "truncate"}
    assert all(report["failures"].values())
    assert report["stopped"] > 50


@pytest.mark.parametrize(
    ("mutation", "seen"),
    [
        ("acknowledge-what-failed", "acknowledged writes are lost"),
        ("go-on-after-an-error", "the store went on"),
    ],
)
def test_a_store_that_lies_is_seen(tmp_path: Path, mutation: str, seen: str) -> None:
    report = ran("broken_disk", tmp_path, "--step", 9, "--mutation", mutation)
    assert any(seen in violation for violation in report["violations"])

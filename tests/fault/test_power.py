"""F4: after a power cut nothing acknowledged is lost; with `relaxed`, the last writes at most."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fault.ran import ran
from tests.fault.sizes import size

pytestmark = pytest.mark.timeout(size(600, 7_200))

CUTS = size(500, 5_000)


def test_a_power_cut_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    report = ran("power", tmp_path, "--cuts", CUTS)
    assert (report["violations"], report["lost"]) == ([], 0)
    assert (report["cuts"], report["acknowledged"]) == (CUTS, 700)


def test_a_relaxed_store_loses_the_last_writes_and_leaves_no_hole(tmp_path: Path) -> None:
    report = ran("power", tmp_path, "--cuts", CUTS, "--durability", "relaxed")
    assert report["violations"] == []
    assert report["lost"] > CUTS / 10  # the disk does lose what is not synced: this is what `full` is for


@pytest.mark.parametrize("mutation", ["acknowledge-before-commit", "write-back-unsynced"])
def test_a_store_that_lies_is_seen(tmp_path: Path, mutation: str) -> None:
    report = ran("power", tmp_path, "--cuts", 300, "--mutation", mutation)
    assert report["lost"] or report["violations"]

"""The recorded cron cases, when the recordings are at hand: `RECORDINGS=folder pytest tests/conformance`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conformance.cron import Case, difference, read

FILE = Path(os.environ.get("RECORDINGS", "recordings")) / "cron.json"
CASES = read(FILE) if FILE.exists() else []


@pytest.mark.skipif(not CASES, reason=f"no recordings: {FILE} does not exist; set RECORDINGS")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_our_cron_agrees_with_the_recorded_ones(case: Case) -> None:
    assert difference(case) is None

"""The recorded scenarios, when the recordings are at hand: `RECORDINGS=folder pytest tests/conformance`."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.conformance.scenario import Scenario, read
from tests.conformance.workflows import judge

FILE = Path(os.environ.get("RECORDINGS", "recordings")) / "workflow-scenarios.json"
SCENARIOS = read(FILE) if FILE.exists() else []


@pytest.mark.skipif(not SCENARIOS, reason=f"no recordings: {FILE} does not exist; set RECORDINGS")
@pytest.mark.parametrize("backend", ["memory", "sqlite"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.id)
def test_our_engine_does_what_was_recorded(scenario: Scenario, backend: str) -> None:
    verdict = asyncio.run(judge(scenario, backend))
    if verdict.skipped:
        pytest.skip(verdict.skipped)
    assert not verdict.differences

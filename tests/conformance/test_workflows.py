"""The recorded scenarios, when the recordings are at hand: `RECORDINGS=folder pytest tests/conformance`."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Literal

import pytest

from tests.conformance.scenario import Scenario, read
from tests.conformance.workflows import judge

FILE = Path(os.environ.get("RECORDINGS", "recordings")) / "workflow-scenarios.json"
SCENARIOS = read(FILE) if FILE.exists() else []


@pytest.mark.skipif(not SCENARIOS, reason=f"no recordings: {FILE} does not exist; set RECORDINGS")
@pytest.mark.parametrize(
    ("backend", "park"),
    [("memory", None), ("sqlite", None), ("memory", "always")],
    ids=["memory", "sqlite", "memory-parked"],
)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.id)
def test_our_engine_does_what_was_recorded(
    scenario: Scenario, backend: str, park: Literal["always"] | None
) -> None:
    verdict = asyncio.run(judge(scenario, backend, park))
    if verdict.skipped:
        pytest.skip(verdict.skipped)
    assert not verdict.differences

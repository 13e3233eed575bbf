"""Which scenarios cannot be judged, and why."""

from __future__ import annotations

from tests.conformance.scenario import Scenario

__all__ = ["reason_to_skip"]


def reason_to_skip(scenario: Scenario, backend: str) -> str | None:
    """Why this scenario is not run; None when it is."""
    if scenario.verdict == "platform":
        return "speaks of JavaScript or of the platform"
    if scenario.group == "process-kill" and backend == "memory":
        return "nothing in memory outlives its process"
    return None

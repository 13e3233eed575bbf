"""Runs one scenario on our engine, on virtual time, and tells what it saw."""

from __future__ import annotations

import tempfile
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from tests.conformance.fixed import workflow_of
from tests.conformance.lifecycle_calls import shown_status
from tests.conformance.markers import given
from tests.conformance.observation import Event, Observation, rollbacks
from tests.conformance.outside import DELETED, FINAL, LATENCY, Outside, history
from tests.conformance.scenario import Json, Scenario
from tests.conformance.trace import Trace
from workflows import Engine, InstanceNotFound
from workflows.testing import VirtualClock

__all__ = ["folder_for", "observe", "perform"]


def folder_for(backend: str) -> AbstractContextManager[str | None]:
    """A folder for the file of a backend that has one."""
    return tempfile.TemporaryDirectory(prefix="conformance-") if backend == "sqlite" else nullcontext()


async def perform(scenario: Scenario, backend: str, park: Literal["always"] | None = None) -> Observation:
    """What our engine does with the program and the calls from outside."""
    clock = VirtualClock()
    trace = Trace(clock)
    workflow = workflow_of(scenario.workflow)
    with folder_for(backend) as folder:
        path = Path(folder) / "engine.db" if folder else ":memory:"
        async with Engine(path, workflows=[workflow], env=trace, clock=clock, park=park) as engine:
            binding = engine.workflow(workflow)
            options = {} if scenario.params is None else {"params": given(scenario.params)}
            await binding.create(id=scenario.id, **options)
            outside = Outside(engine, binding, scenario.id, trace)
            await outside.perform(scenario.external)
            return await observe(scenario, outside, binding.get(scenario.id), trace)


async def observe(scenario: Scenario, outside: Outside, instance: Any, trace: Trace) -> Observation:
    """What is to be seen of an instance when nothing more is done to it."""
    ends = scenario.observed.get("final_status") in FINAL
    await (outside.wait_for(_ends(scenario)) if ends else trace.clock.sleep(LATENCY))
    shown: dict[str, Json] = {"status": DELETED, "output": None, "error": None}
    events: list[Event] = []
    with suppress(InstanceNotFound):
        status = await instance.status()
        shown = shown_status(status)
        started = datetime.fromtimestamp(trace.started, UTC)
        events = await history(instance, started, final=status.finished)
    return Observation(
        final_status=shown["status"],
        output=shown["output"],
        error=shown["error"],
        callbacks=trace.callbacks(),
        events=events,
        calls=outside.calls,
        results=trace.results(),
        rollbacks=rollbacks(trace.lines),
        refusals=[line["error"] for line in trace.lines if line["ev"] == "caught"],
        waited_in_vain=outside.in_vain,
    )


def _ends(scenario: Scenario) -> tuple[str, ...]:
    """How it may rest: where a bug let an instance run on that was paused, ours is still paused."""
    asked = [step["call"] for step in scenario.external if step.get("call") in ("pause", "resume")]
    held = scenario.verdict == "quirk" and asked[-1:] == ["pause"]
    return (*FINAL, "paused", DELETED) if held else (*FINAL, DELETED)

"""Runs one scenario on our engine, on virtual time, and tells what it saw."""

from __future__ import annotations

import tempfile
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from tests.conformance.fixed import workflow_of
from tests.conformance.markers import notation
from tests.conformance.observation import Observation
from tests.conformance.outside import FINAL, LATENCY, Outside, history
from tests.conformance.scenario import Scenario
from tests.conformance.trace import Trace
from workflows import Engine
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
            given = {} if scenario.params is None else {"params": scenario.params}
            await binding.create(id=scenario.id, **given)
            outside = Outside(engine, binding, scenario.id, trace)
            await outside.perform(scenario.external)
            return await observe(scenario, outside, binding.get(scenario.id), trace)


async def observe(scenario: Scenario, outside: Outside, instance: Any, trace: Trace) -> Observation:
    """What is to be seen of an instance when nothing more is done to it."""
    ends = scenario.observed["final_status"] in FINAL
    await (outside.wait_for(FINAL) if ends else trace.clock.sleep(LATENCY))
    status = await instance.status()
    error = {"name": status.error.name, "message": status.error.message} if status.error else None
    started = datetime.fromtimestamp(trace.started, UTC)
    events = await history(instance, started, final=status.finished)
    return Observation(
        final_status=status.status,
        output=notation(status.output),
        error=error,
        callbacks=trace.callbacks(),
        events=events,
        calls=outside.calls,
        results=trace.results(),
        waited_in_vain=outside.in_vain,
    )

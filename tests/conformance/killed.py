"""Scenarios in which the process is killed: a child runs the first part on virtual time and kills itself.

`python -m tests.conformance.killed FOLDER` is that child. The second part runs in this process, on a clock
that starts as much later as the recorded engine was down.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.conformance.interpreter import Interpreter
from tests.conformance.lifecycle_calls import call_instance
from tests.conformance.observation import Observation
from tests.conformance.outside import FINAL, Outside, attempted
from tests.conformance.perform import observe
from tests.conformance.scenario import Json, Scenario
from tests.conformance.trace import Trace
from workflows import Engine
from workflows.testing import VirtualClock

__all__ = ["perform_killed"]

_MARK = 0.3
"""Real seconds after which an attempt that runs is sure to be written down as started."""
_FINISHED_OR_HELD = (*FINAL, "paused")


@dataclass(frozen=True, slots=True)
class _Action:
    """Something done from outside, `at` seconds after the start of the run."""

    at: float
    method: str
    args: list[Json]
    recorded: Json

    @classmethod
    def of(cls, logged: dict[str, Json], offset: float) -> _Action:
        method, _, rest = logged["action"].partition(" ")
        args = [json.loads(rest)] if rest.startswith("{") else []
        return cls(max(0.0, (logged["at_ms"] - offset) / 1_000), method, args, logged["result"])


class _Timetable:
    """When what is done; the recorded run began later than ours, by what its process took to start."""

    def __init__(self, scenario: Scenario) -> None:
        seen = scenario.observed
        begun = [line["t"] for line in seen["trace"] if line["ev"] == "run_start"]
        offset = begun[0] if begun else 0.0
        actions = [_Action.of(logged, offset) for logged in seen["log"]]
        self.killed_at: float = (scenario.raw["killed_at_ms"] - offset) / 1_000
        self.restarted_at: float = (scenario.raw["restarted_at_ms"] - offset) / 1_000
        self.before = [
            action for action in actions if action.at < self.killed_at and action.method != "create"
        ]
        self.after = [action for action in actions if action.at >= self.killed_at]


async def perform_killed(scenario: Scenario) -> Observation:
    """What our engine does, in both processes together."""
    with tempfile.TemporaryDirectory(prefix="conformance-") as name:
        folder = Path(name)
        (folder / "scenario.json").write_text(json.dumps(scenario.raw), encoding="utf-8")
        child = await asyncio.create_subprocess_exec(sys.executable, "-m", __name__, name)
        if await child.wait() != -signal.SIGKILL:
            raise RuntimeError(f"the child of {scenario.id} was to be killed; it ended by itself")
        return await _second_part(scenario, folder)


async def _first_part(folder: Path) -> None:
    scenario = Scenario.of(json.loads((folder / "scenario.json").read_text(encoding="utf-8")))
    times = _Timetable(scenario)
    clock = VirtualClock()
    trace = Trace(clock, folder / "trace.jsonl")
    async with Engine(folder / "engine.db", workflows=[Interpreter], env=trace, clock=clock) as engine:
        instance = await engine.workflow(Interpreter).create(id=scenario.id, params=scenario.params)
        for action in times.before:
            await clock.sleep(trace.started + action.at - clock.now())
            await attempted(action.method, call_instance(instance, action.method, action.args))
        await clock.sleep(trace.started + times.killed_at - clock.now())
        with clock.busy():
            await asyncio.sleep(_MARK)
        os.kill(os.getpid(), signal.SIGKILL)


async def _second_part(scenario: Scenario, folder: Path) -> Observation:
    times = _Timetable(scenario)
    started = VirtualClock().now()
    clock = VirtualClock(start=datetime.fromtimestamp(started + times.restarted_at, UTC))
    trace = Trace(clock)
    trace.started = started
    trace.lines += _read(folder / "trace.jsonl")
    async with Engine(folder / "engine.db", workflows=[Interpreter], env=trace, clock=clock) as engine:
        binding: Any = engine.workflow(Interpreter)
        outside = Outside(engine, binding, scenario.id, trace)
        for action in times.after:
            await clock.sleep(max(0.0, started + action.at - clock.now()))
            call = await attempted(
                action.method, call_instance(binding.get(scenario.id), action.method, action.args)
            )
            if call.ok:
                outside.in_vain += _status_differences(action, call.value)
        return await observe(scenario, outside, binding.get(scenario.id), trace)


def _status_differences(action: _Action, ours: Json) -> Iterator[str]:
    """Ours goes on by itself, so a recorded `running` may have become something else meanwhile."""
    if action.method != "status":
        return
    status = action.recorded["value"]["status"]
    if status in _FINISHED_OR_HELD and ours["status"] != status:
        yield f"status() is {ours['status']} at {action.at:.1f} s, recorded {status}"


def _read(trace: Path) -> list[dict[str, Json]]:
    return [json.loads(line) for line in trace.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    logging.getLogger("workflows").setLevel(logging.CRITICAL)
    asyncio.run(_first_part(Path(sys.argv[1])))

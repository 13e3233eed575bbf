"""Scenarios of the testing API: what a test said of the steps, and what it was told of the instance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.conformance import events
from tests.conformance.compare import call_differences
from tests.conformance.fixed import workflow_of
from tests.conformance.markers import given, notation
from tests.conformance.match import Matcher
from tests.conformance.observation import Call, Event, recorded_call
from tests.conformance.outside import Outside, attempted, history
from tests.conformance.perform import folder_for
from tests.conformance.scenario import Json, Scenario
from tests.conformance.thrown import described, error_of
from tests.conformance.trace import Trace
from workflows import Engine, Failure, InstanceNotFound
from workflows.testing import IntrospectionError, VirtualClock, WorkflowIntrospector, introspect_all

__all__ = ["introspected_differences"]


async def introspected_differences(scenario: Scenario, backend: str) -> list[str]:
    """One line for each difference that counts."""
    trace = Trace(VirtualClock())
    workflow = workflow_of(scenario.workflow)
    with folder_for(backend) as folder:
        path = Path(folder) / "engine.db" if folder else ":memory:"
        async with Engine(path, workflows=[workflow], env=trace, clock=trace.clock) as engine:
            binding: Any = engine.workflow(workflow)
            told = await attempted("introspect", _introspected(scenario, engine, binding, trace))
            try:
                instance = binding.get(scenario.id)
                final = (await instance.status()).finished
                seen = await history(instance, datetime.fromtimestamp(trace.started, UTC), final=final)
            except InstanceNotFound:  # what was asked for was refused before it was created
                seen = []
    if scenario.verdict == "quirk":
        return list(_mocks_that_did_not_work(scenario, told, trace))
    return list(_differences(scenario, told, seen, trace))


async def _introspected(scenario: Scenario, engine: Engine, binding: Any, trace: Trace) -> Json:
    """What the introspection told, in the recorded notation."""
    asked: dict[str, Json] = scenario.raw["introspection"]
    async with introspect_all(binding) as created:
        for operation in asked.get("operations") or []:
            await _apply(created, operation)
        options = {} if scenario.params is None else {"params": given(scenario.params)}
        await binding.create(id=scenario.id, **options)
        await Outside(engine, binding, scenario.id, trace).perform(scenario.external)
        instances = [instance.id for instance in created.instances]
        instance = next(one for one in created.instances if one.id == scenario.id)
        told: dict[str, Json] = {"instances": instances}
        if "waitStep" in asked:
            told["step"] = await _answer(instance.wait_for_step_result(_step(asked["waitStep"])))
        if "waitStatus" in asked:
            told["status"] = await _answer(instance.wait_for_status(asked["waitStatus"]))
        told["output"] = await _answer(instance.get_output())
        told["error"] = await _answer(instance.get_error())
        return told


async def _apply(created: WorkflowIntrospector, operation: dict[str, Json]) -> None:
    match operation:
        case {"type": "disableSleeps"}:
            created.disable_sleeps(*_steps(operation))
        case {"type": "disableRetryDelays"}:
            created.disable_retry_delays(*_steps(operation))
        case {"type": "mockStepResult", "step": step}:
            created.mock_step_result(_step(step), given(operation.get("stepResult")))
        case {"type": "mockStepError", "step": step, "error": error}:
            created.mock_step_error(_step(step), error_of(error), operation.get("times"))
        case {"type": "forceStepTimeout", "step": step}:
            created.force_step_timeout(_step(step), operation.get("times"))
        case {"type": "mockEvent", "event": event}:
            await created.mock_event(event["type"], given(event.get("payload")))
        case {"type": "forceEventTimeout", "step": step}:
            created.force_event_timeout(_step(step))
        case _:
            raise NotImplementedError(f"introspection operation {operation!r}")


def _step(step: dict[str, Json]) -> tuple[str, int]:
    return step["name"], step.get("index") or 1


def _steps(operation: dict[str, Json]) -> list[tuple[str, int]]:
    return [_step(step) for step in operation.get("steps") or []]


async def _answer(asking: Any) -> Json:
    """What one question was answered with."""
    try:
        answer = await asking
    except IntrospectionError as refusal:
        return {"err": described(refusal) | {"name": "WorkflowError"}}
    if isinstance(answer, Failure):
        return {"ok": {"name": answer.name, "message": answer.message}}
    return {"ok": notation(answer)}


def _differences(scenario: Scenario, told: Call, seen: list[Event], trace: Trace) -> Iterator[str]:
    matcher = Matcher()
    theirs = recorded_call({"call": "introspect", "result": scenario.observed["result"]})
    yield from call_differences(theirs, told, matcher)
    lines = scenario.observed.get("trace") or []
    called = Counter(f"{line['step']}-{line['count']}" for line in lines if line["ev"] == "callback_start")
    if trace.callbacks() != called:
        yield f"callback_invocations are {trace.callbacks()}, recorded {dict(called)}"
    if "events" in scenario.observed:
        expected = events.Expectation(scenario.observed["events"], skipped=_skipped(scenario))
        yield from events.differences(expected, seen, matcher)


def _skipped(scenario: Scenario) -> frozenset[tuple[str, str]]:
    """The kinds of steps, and their `name-count`, whose delays are over at once; "" for all of a kind."""
    kinds = {"disableSleeps": "sleep", "disableRetryDelays": "do"}
    skipped: set[tuple[str, str]] = set()
    for operation in scenario.raw["introspection"].get("operations") or []:
        if (kind := kinds.get(operation["type"])) is not None:
            names = [f"{name}-{index}" for name, index in _steps(operation)]
            skipped |= {(kind, name) for name in names or [""]}
    return frozenset(skipped)


def _mocks_that_did_not_work(scenario: Scenario, told: Call, trace: Trace) -> Iterator[str]:
    """What the recorded engine ignored: every mocked result counts, falsy ones too."""
    output = told.value["output"].get("ok", {})
    for operation in scenario.raw["introspection"].get("operations") or []:
        if operation["type"] == "mockStepResult":
            name, index = _step(operation["step"])
            if f"{name}-{index}" in trace.callbacks():
                yield f"the function of mocked step {name} was called"
            if index == 1 and output.get(name, operation["stepResult"]) != operation["stepResult"]:
                yield f"mocked step {name} returned {output.get(name)!r}"

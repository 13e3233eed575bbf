"""Scenarios that only call a binding: each call is made, and its end compared with the recorded one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.conformance.compare import call_differences
from tests.conformance.fixed import Empty
from tests.conformance.interpreter import Interpreter
from tests.conformance.lifecycle_calls import call_instance
from tests.conformance.match import Matcher
from tests.conformance.observation import Call, recorded_call
from tests.conformance.outside import LATENCY, attempted, call_binding
from tests.conformance.perform import folder_for
from tests.conformance.scenario import Json, Scenario
from tests.conformance.trace import Trace
from workflows import Engine
from workflows.testing import VirtualClock

__all__ = ["binding_differences"]


async def binding_differences(scenario: Scenario, backend: str) -> list[str]:
    """One line for each call that ended differently."""
    clock = VirtualClock()
    with folder_for(backend) as folder:
        path = Path(folder) / "engine.db" if folder else ":memory:"
        async with Engine(path, workflows=[Interpreter, Empty], env=Trace(clock), clock=clock) as engine:
            made = []
            for recorded in scenario.calls:
                await clock.sleep(recorded.get("wait_ms", 0) / 1_000 + LATENCY)
                if "call" not in recorded or _only_in_javascript(recorded["call"]):
                    continue
                made.append((recorded, await _made(engine, recorded["call"])))
    return list(_differences(made, lenient=scenario.verdict == "quirk"))


def _differences(made: list[tuple[Json, Call]], *, lenient: bool) -> Iterator[str]:
    matcher = Matcher()
    for index, (recorded, ours) in enumerate(made, 1):
        call = recorded["call"]
        theirs = recorded_call({"call": call["method"], "result": recorded["result"]})
        if _seen_early(theirs) and _seen_early(ours) is False:
            continue
        free = _refused_in_our_own_words(call)
        for line in call_differences(theirs, ours, matcher, lenient=lenient, any_refusal=free):
            yield f"call {index}: {line}"


async def _made(engine: Engine, call: dict[str, Json]) -> Call:
    binding: Any = engine.workflow(Empty if call.get("wf") == "EMPTY" else Interpreter)
    method, args = call["method"], call.get("args") or []
    if call.get("on") == "binding":
        return await attempted(method, call_binding(binding, method, args))
    instance = binding.get(call.get("id") or call["on"])
    return await attempted(method, call_instance(instance, method, args))


def _seen_early(call: Call) -> bool | None:
    """A status from before the end; ours may have ended by then. None: there is no status."""
    if call.method != "status" or not call.ok:
        return None
    return call.value["status"] in ("queued", "running", "waiting")


def _refused_in_our_own_words(call: dict[str, Json]) -> bool:
    """The form of a batch that has no twin in Python, and the deletion of many."""
    args = call.get("args") or []
    in_one_object = call["method"] == "createBatch" and bool(args) and not isinstance(args[0], list)
    return in_one_object or call["method"] == "deleteBatch"


def _only_in_javascript(call: dict[str, Json]) -> bool:
    """`id: null` given: in Python that is the same as no id."""
    args = call.get("args") or []
    return bool(args) and isinstance(args[0], dict) and "id" in args[0] and args[0]["id"] is None

"""What the notes of the recordings ask for, where that is not what was recorded."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.conformance.observation import Observation, recorded, stated
from tests.conformance.scenario import Json, Scenario, operations
from workflows.types import FINAL

__all__ = ["Asked", "adapted", "asked"]

EVERYTHING = frozenset({"final_status", "output", "error", "callbacks", "events", "calls", "rollbacks"})
_WITHOUT_EVENTS = EVERYTHING - {"events"}
_LOCAL_DELAY = {"limit": 5, "delay": 1_000, "backoff": "exponential"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What our engine should do, and which parts of it count."""

    observation: Observation
    compared: frozenset[str] = EVERYTHING
    output_keys: tuple[str, ...] = ()
    """The only keys of the output that count; all of them when empty."""
    lenient_calls: bool = False
    """A call may be refused where the recorded engine silently did nothing."""
    or_refused: bool = False
    """A step with a clear refusal is as good as what was recorded."""


def adapted(scenario: Scenario) -> Scenario:
    """The scenario as it is run here: a delay that was the default there and was waited for is named."""
    tried, undone = _retried(scenario, "attempt_errored"), _retried(scenario, "rollback_attempt_errored")
    for op in operations(scenario.program):
        if op["op"] != "do":
            continue
        if scenario.id == "retry-default-config" or op.get("name") in tried:
            op["config"] = _with_local_delay(op.get("config"))
        undoing = op.get("rollback") or {}
        if "fail_times" in undoing or "error" in undoing or op.get("name") in undone:
            op["rollbackConfig"] = _with_local_delay(op.get("rollbackConfig"))
    return scenario


def _retried(scenario: Scenario, failed: str) -> set[str]:
    """The names of steps that were tried again after a delay."""
    again = [event for event in scenario.observed.get("events") or [] if event["type"] == failed]
    return {event["stepName"].rpartition("-")[0] for event in again if "retryDelayMs" in event}


def _with_local_delay(config: Json) -> Json:
    plain = isinstance(config, dict) and "retries" not in config
    return {**(config or {}), "retries": _LOCAL_DELAY} if plain or config is None else config


def asked(scenario: Scenario) -> Asked:
    """What to compare with."""
    whole = _asked(scenario)
    changed = scenario.id in _NOTED or bool(_unstorable(scenario))
    return whole if changed else dataclasses.replace(whole, compared=whole.compared & stated(scenario))


def _asked(scenario: Scenario) -> Asked:
    seen = recorded(scenario)
    if scenario.id in _NOTED:
        return _NOTED[scenario.id](seen, scenario)
    if (step := _unstorable(scenario)) is not None:
        return _ended_by(step)(seen, scenario)
    if scenario.verdict == "quirk":
        return Asked(seen, frozenset())  # a bug that is not to be copied: what counts is that the run ends
    if scenario.group == "process-kill":
        return Asked(seen, EVERYTHING - {"calls"})
    return Asked(seen, EVERYTHING | ({"results"} if scenario.group == "values" else frozenset()))


def _only(*compared: str) -> Callable[[Observation, Scenario], Asked]:
    return lambda seen, _: Asked(seen, frozenset(compared))


def _instead(
    compared: frozenset[str] = _WITHOUT_EVENTS, **changes: Any
) -> Callable[[Observation, Scenario], Asked]:
    return lambda seen, _: Asked(dataclasses.replace(seen, **changes), compared)


def _lenient(seen: Observation, _: Scenario) -> Asked:
    return Asked(seen, lenient_calls=True)


def _second_wait_times_out(seen: Observation, _: Scenario) -> Asked:
    error = {"is_error": True, "name": "WorkflowTimeoutError", "message": "Execution timed out after 1000ms"}
    output = {key: value for key, value in seen.output.items() if key != "e2"} | {"err": error}
    return Asked(dataclasses.replace(seen, output=output), _WITHOUT_EVENTS - {"calls"})


def _or_refused(seen: Observation, _: Scenario) -> Asked:
    return Asked(seen, or_refused=True)


def _recorded_in_step(seen: Observation, _: Scenario) -> Asked:
    compared = frozenset({"final_status", "callbacks", "output"})
    return Asked(seen, compared, output_keys=("recorded_in_step",))


def _retried_like_any(seen: Observation, scenario: Scenario) -> Asked:
    """An ordinary error whose message only looks like one of ours."""
    step = next(op for op in operations(scenario.program) if op["op"] == "do")
    limit = ((step.get("config") or {}).get("retries") or {}).get("limit", 5)
    callbacks = seen.callbacks | {f"{step['name']}-1": limit + 1}
    return Asked(dataclasses.replace(seen, callbacks=callbacks), frozenset({"final_status", "callbacks"}))


def _memoised(seen: Observation, _: Scenario) -> Asked:
    """A NonRetryableError is the outcome of its step: a replay does not call the callback again."""
    if seen.final_status not in FINAL:
        return Asked(seen, frozenset())  # it hung there, so nothing tells how it would have gone on
    callbacks = dict.fromkeys(seen.callbacks, 1)
    return Asked(dataclasses.replace(seen, callbacks=callbacks), frozenset({"final_status", "callbacks"}))


def _unstorable(scenario: Scenario) -> str | None:
    """The step that returns what the recorded engine refused too, but as an ordinary failed attempt."""
    for op in operations(scenario.program):
        value = (op.get("body") or {}).get("value") if op["op"] == "do" else None
        if isinstance(value, dict) and value.get("$") in ("symbol", "class"):
            return str(op["name"])
    return None


def _ended_by(step: str) -> Callable[[Observation, Scenario], Asked]:
    """Ours ends the instance, past every `try`, as with any value that cannot be stored (design 3.4)."""
    return _instead(
        final_status="errored", output=None, error=_unserialisable(step), callbacks={f"{step}-1": 1}
    )


def _unserialisable(step: str) -> Json:
    return {
        "name": "WorkflowFatalError",
        "message": f'The execution of the Workflow instance was terminated, as the step "{step}" '
        "returned a value which is not serialisable",
    }


_NOTED: dict[str, Callable[[Observation, Scenario], Asked]] = {
    "run-returns-function": _only("final_status"),
    "replay-race-winner": _recorded_in_step,
    "name-empty": _or_refused,
    "sleep-name-invalid": _or_refused,
    "sleep-negative-garbage": _or_refused,
    "event-type-odd": _or_refused,
    "nonretryable-named": _instead(callbacks={"n-1": 1}),
    "value-circular": _ended_by("v"),
    "value-3mb": _instead(frozenset({"final_status"}), final_status="errored"),
    "event-to-complete": _lenient,
    "event-to-errored": _lenient,
    "event-to-terminated": _lenient,
    "event-redelivered-after-resume": _second_wait_times_out,
    "kill-consumed-event": _second_wait_times_out,
    "pause-parallel-steps": _only("final_status", "output", "error", "callbacks"),
    "error-message-startsWith-NonRetryableError": _retried_like_any,
    "replay-nonretryable-reexecutes": _memoised,
    "kill-replay-nonretryable": _memoised,
    "replay-sleep-until-past": _instead(frozenset({"final_status"}), final_status="complete"),
    "kill-waiting-for-pause": _instead(frozenset({"final_status"}), final_status="complete"),
}

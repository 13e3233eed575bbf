"""Moments as subscribers read them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import orjson

from workflows import codec, failure, typed
from workflows.backend import Instance, Seen
from workflows.entry import Entry, Moment
from workflows.errors import WorkflowError
from workflows.failure import Failure
from workflows.lifecycle import ENDS
from workflows.retry import DEFAULT
from workflows.types import HistoryEvent

__all__ = ["ENDINGS", "TYPES", "options", "shown"]

ENDINGS = ENDS
TYPES = frozenset(
    f"{what}_{happened}"
    for what, all_that_happens in {
        "workflow": "queued started running paused waiting_for_pause waiting completed errored terminated",
        "step": "started completed errored unasked interrupted decided",
        "attempt": "started completed errored",
        "sleep": "started completed",
        "wait": "started completed timed_out",
        "rollback": "started completed errored",
        "rollback_step": "started completed errored",
        "rollback_attempt": "started completed errored",
    }.items()
    for happened in all_that_happens.split()
)
"""Everything that subscribers may see; `step_unasked`, `step_interrupted` and `step_decided` are ours."""
REDACTED = "[REDACTED]"


def options(cursor: object, filter: Iterable[str] | None) -> frozenset[str] | None:
    """The wanted types, None for all; refuses what is no option of a subscription."""
    if type(cursor) is not int or cursor < 0:
        raise _refused(f"cursor {cursor!r}: give the number of the last event that was seen, 0 for all")
    if filter is None:
        return None
    wanted = [filter] if isinstance(filter, str) else list(filter)
    unknown = [type for type in wanted if type not in TYPES]
    if isinstance(filter, str) or unknown:
        raise _refused(f"filter {filter!r}: give a list of some of {', '.join(sorted(TYPES))}")
    return frozenset(wanted)


def shown(seen: Seen, instance: Instance) -> HistoryEvent:
    """One moment of `instance`, with what its type has."""
    moment, entry = seen
    detail = moment.detail
    error = detail.get("error")
    return HistoryEvent(
        instance_id=instance.ref.id,
        event_id=moment.order,
        type=moment.type,
        timestamp=datetime.fromtimestamp(moment.at, UTC),
        step_name=_step_name(moment, entry),
        attempt=detail.get("attempt"),
        config=_config(entry) if entry is not None and moment.type == "step_started" else None,
        params=codec.decode(instance.params) if moment.type == "workflow_started" else None,
        output=_output(moment.type, entry, instance),
        error=_error(moment.type, instance) if error is None else Failure(*error),
        retry_delay=detail.get("retry_delay"),
        duration=detail.get("duration"),
        event_type=detail.get("event_type"),
    )


def _refused(note: str) -> WorkflowError:
    error = WorkflowError("Invalid Workflow subscription options")
    error.add_note(note)
    return error


def _step_name(moment: Moment, entry: Entry | None) -> str | None:
    return moment.detail.get("step") if entry is None else str(entry.key)


def _config(entry: Entry) -> dict[str, Any]:
    config: dict[str, Any] = DEFAULT.shown() if entry.config is None else orjson.loads(entry.config)
    config["retries"].setdefault("delay", "[dynamic]")
    return config


def _output(type: str, entry: Entry | None, instance: Instance) -> Any:
    if type == "workflow_completed":
        return None if instance.output is None else typed.readable(instance.output)
    if entry is None or type != "step_completed" or entry.result is None:
        return None
    return REDACTED if _config(entry).get("sensitive") == "output" else typed.readable(entry.result)


def _error(type: str, instance: Instance) -> Failure | None:
    return failure.stored_failure(instance.error) if type == "workflow_errored" and instance.error else None

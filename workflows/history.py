"""Moments as subscribers read them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from workflows import codec, failure, typed
from workflows.backend import Instance, Seen
from workflows.entry import Entry, Moment
from workflows.errors import WorkflowError
from workflows.failure import Failure
from workflows.lifecycle import ENDS
from workflows.retry import stored_options
from workflows.streams.stream import Spooled
from workflows.types import ChildRef, HistoryEvent

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
        "child": "started completed errored",
        "race": "started completed",
        "rollback": "started completed errored",
        "rollback_step": "started completed errored",
        "rollback_attempt": "started completed errored",
    }.items()
    for happened in all_that_happens.split()
)
"""All that subscribers may see; that of children, races, interruptions and unasked steps is ours."""
_TELL_CONFIG = ("step_started", "rollback_step_started")
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
        config=_config(entry) if entry is not None and moment.type in _TELL_CONFIG else None,
        params=codec.decode(instance.params) if moment.type == "workflow_started" else None,
        output=_output(moment.type, entry, instance),
        error=_error(moment.type, instance) if error is None else Failure(*error),
        retry_delay=detail.get("retry_delay"),
        duration=detail.get("duration"),
        event_type=detail.get("event_type"),
        child=ChildRef(detail["workflow"], detail["child"]) if "child" in detail else None,
        winner=detail.get("winner"),
    )


def _refused(note: str) -> WorkflowError:
    error = WorkflowError("Invalid Workflow subscription options")
    error.add_note(note)
    return error


def _step_name(moment: Moment, entry: Entry | None) -> str | None:
    return moment.detail.get("step") if entry is None else str(entry.key)


def _config(entry: Entry) -> dict[str, Any]:
    config = stored_options(entry.config)
    config["retries"].setdefault("delay", "[dynamic]")
    return config


def _output(type: str, entry: Entry | None, instance: Instance) -> Any:
    if type == "workflow_completed":
        return None if instance.output is None else typed.readable(instance.output)
    if entry is None or type not in ("step_completed", "child_completed") or entry.result is None:
        return None
    if type == "child_completed":
        return typed.readable(entry.result)
    if _config(entry).get("sensitive") == "output":
        return REDACTED
    spooled = Spooled.load(entry.result)
    return typed.readable(entry.result) if spooled is None else {"stream": spooled.size}


def _error(type: str, instance: Instance) -> Failure | None:
    return failure.stored_failure(instance.error) if type == "workflow_errored" and instance.error else None

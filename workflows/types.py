"""What users read: events, contexts, statuses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from workflows.failure import Failure

__all__ = [
    "FINAL",
    "UNUSED",
    "CronFiring",
    "HistoryEvent",
    "InstanceStatus",
    "ReceivedEvent",
    "RollbackStatus",
    "Status",
    "StepContext",
    "StepCount",
    "Usage",
    "WorkflowEvent",
]

P_co = TypeVar("P_co", covariant=True)

Status = Literal[
    "queued", "running", "waiting", "waitingForPause", "paused", "complete", "errored", "terminated"
]
FINAL: frozenset[Status] = frozenset({"complete", "errored", "terminated"})
"""An instance with one of these does not run any more; only `restart()` changes it."""


@dataclass(frozen=True, slots=True)
class CronFiring:
    """Which cron expression of `schedules` created an instance, and the time that it stands for."""

    cron: str
    scheduled_time: datetime


@dataclass(frozen=True, slots=True)
class WorkflowEvent(Generic[P_co]):
    """What started an instance; each run gets an equal one, so changing the payload changes nothing."""

    payload: P_co
    timestamp: datetime
    instance_id: str
    workflow_name: str
    schedule: CronFiring | None = None
    """Only of an instance that a cron expression created."""


@dataclass(frozen=True, slots=True)
class ReceivedEvent(Generic[P_co]):
    """An event that was sent to an instance, as `step.wait_for_event` returns it."""

    payload: P_co
    timestamp: datetime
    type: str


@dataclass(frozen=True, slots=True)
class StepCount:
    """The name of a step, and its how-manieth call with this name it is, from 1."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class StepContext:
    """What a callback may know about its step: which one, which attempt (from 1), with which options."""

    step: StepCount
    attempt: int
    config: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Usage:
    """What an instance has used: `active` are seconds inside callbacks; waiting costs nothing."""

    steps: int
    attempts: int
    active: float


UNUSED = Usage(0, 0, 0.0)


@dataclass(frozen=True, slots=True)
class RollbackStatus:
    """How a rollback ended; `error` is what the compensation said that failed for good."""

    outcome: Literal["complete", "failed"]
    error: Failure | None = None


@dataclass(frozen=True, slots=True)
class InstanceStatus:
    """How an instance is.

    `waiting`: nothing of it runs, and it sleeps or waits for an event or a retry. `queued`: it waits for its
    turn under a `concurrency` limit.
    """

    status: Status
    output: Any
    error: Failure | None
    created_at: datetime
    finished_at: datetime | None
    usage: Usage
    unasked: tuple[str, ...] = ()
    """Recorded steps that the finished run did not ask for: `name-count`."""
    undecided: tuple[str, ...] = ()
    """Steps that were interrupted and wait for `decide()`: `name-count`."""
    reason: str | None = None
    """Why the engine paused it, when it did."""
    rollback: RollbackStatus | None = None
    """How its compensations ended, when there were any; while they run, the status is `running`."""

    @property
    def finished(self) -> bool:
        """It is complete, errored or terminated."""
        return self.status in FINAL


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """Something that happened to an instance; `event_id` counts from 1 without gaps.

    `type` is one of Cloudflare's: workflow_queued … workflow_completed, step_started, attempt_errored,
    sleep_completed, wait_timed_out …; what a type does not have is None. Ours are step_unasked (today's code
    did not ask for it), step_interrupted and step_decided (of a step with `on_interrupted=`).
    """

    instance_id: str
    event_id: int
    type: str
    timestamp: datetime
    step_name: str | None = None
    """`name-count`."""
    attempt: int | None = None
    config: dict[str, Any] | None = None
    params: Any = None
    output: Any = None
    error: Failure | None = None
    retry_delay: float | None = None
    """Seconds until the next attempt."""
    duration: float | None = None
    """Seconds."""
    event_type: str | None = None

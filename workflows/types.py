"""What users read: events, contexts, statuses."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, Literal, Protocol, TypeVar

from workflows.durable import Durable
from workflows.errors import WorkflowError
from workflows.failure import Failure
from workflows.spent import NOTHING_SPENT, Spent
from workflows.sqlite.store import Store
from workflows.streams.stream import Streamed

__all__ = [
    "FINAL",
    "UNUSED",
    "ChildRef",
    "CronFiring",
    "HistoryEvent",
    "InstanceStatus",
    "Raced",
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


_SPELLINGS = {
    "instanceId": "instance_id",
    "workflowName": "workflow_name",
    "scheduledTime": "scheduled_time",
}


class _Bracketed:
    """Cloudflare's Python reads it as a dict: `event["payload"]`, `event["instanceId"]`."""

    __slots__ = ()

    def __getitem__(self, key: str, /) -> Any:
        names = [one.name for one in fields(self) if one.repr]  # type: ignore[arg-type]  # only dataclasses derive from it
        if (name := _SPELLINGS.get(key, key)) not in names:
            raise KeyError(f"{key!r}: {type(self).__name__} has {', '.join(names)}")
        return getattr(self, name)


@dataclass(frozen=True, slots=True)
class CronFiring(_Bracketed):
    """Which cron expression of `schedules` created an instance, and the time that it stands for."""

    cron: str
    scheduled_time: datetime


@dataclass(frozen=True, slots=True)
class WorkflowEvent(_Bracketed, Generic[P_co]):
    """What started an instance; each run gets an equal one, so changing the payload changes nothing."""

    payload: P_co
    timestamp: datetime
    instance_id: str
    workflow_name: str
    schedule: CronFiring | None = None
    """Only of an instance that a cron expression created."""


@dataclass(frozen=True, slots=True)
class ReceivedEvent(_Bracketed, Generic[P_co]):
    """An event that was sent to an instance, as `step.wait_for_event` returns it."""

    payload: P_co
    timestamp: datetime
    type: str


@dataclass(frozen=True, slots=True)
class Raced(Generic[P_co]):
    """How `step.race` ended: the name of the branch that won, and what it returned."""

    winner: str
    value: P_co


@dataclass(frozen=True, slots=True)
class StepCount(_Bracketed):
    """The name of a step, and its how-manieth call with this name it is, from 1."""

    name: str
    count: int


class Teller(Protocol):
    """The attempt behind a context."""

    def tell(self, value: object) -> Streamed:
        """Streams one part."""


class Account(Protocol):
    """The step behind a context, as one that costs something."""

    @property
    def key(self) -> str:
        """See `StepContext.key`."""

    @property
    def store(self) -> Store:
        """See `StepContext.store`."""

    def spend(self, spent: Spent) -> Durable[None]:
        """See `StepContext.spend`."""

    async def spent(self) -> Spent:
        """See `StepContext.spent`."""


@dataclass(frozen=True, slots=True)
class StepContext(_Bracketed):
    """What a callback may know about its step: which one, which attempt (from 1), with which options."""

    step: StepCount
    attempt: int
    config: dict[str, Any]
    _teller: Teller | None = field(default=None, repr=False, compare=False)
    _account: Account | None = field(default=None, repr=False, compare=False)

    def stream(self, value: object, /) -> Streamed:
        """Tells those who read `instance.stream(…)` one more plain value; durable when awaited.

        In a plain `def`, which runs in a thread, call it, and wait with `.result()` if it must be durable.
        What is not waited for is written in the order of the calls, before the step itself is recorded.
        Raises `NotStorable` for what is not a plain value or is above the size limit, and `AttemptEnded`
        when the attempt is over.
        """
        if self._teller is None:
            raise WorkflowError("only the function of step.do streams: this context belongs to none")
        return self._teller.tell(value)

    def spend(self, *, tokens: int = 0, money: Decimal = NOTHING_SPENT.money) -> Durable[None]:
        """Adds to what the step has spent, as `status().usage` shows it; durable when awaited.

        It counts whatever becomes of the attempt, and past restarts. What is not waited for is written in the
        order of the calls, before the step itself is recorded. Money is exact to a billionth.
        """
        return self._whose.spend(Spent(tokens, money))

    async def spent(self) -> Spent:
        """What the whole family has spent so far: the instance that all began with, and its descendants."""
        return await self._whose.spent()

    @property
    def key(self) -> str:
        """Names this step among all steps of its file: the same for each of its attempts."""
        return self._whose.key

    @property
    def store(self) -> Store:
        """The file of the engine, for what a step writes there besides its result."""
        return self._whose.store

    @property
    def _whose(self) -> Account:
        if self._account is None:
            raise WorkflowError("only the function of a step spends: this context belongs to none")
        return self._account


@dataclass(frozen=True, slots=True)
class Usage:
    """What an instance has used: `active` are seconds inside callbacks; waiting costs nothing.

    `tokens` and `money` are what its steps have reported by `StepContext.spend`.
    """

    steps: int
    attempts: int
    active: float
    tokens: int = 0
    money: Decimal = NOTHING_SPENT.money


UNUSED = Usage(0, 0, 0.0)


@dataclass(frozen=True, slots=True)
class RollbackStatus:
    """How a rollback ended; `error` is what the compensation said that failed for good."""

    outcome: Literal["complete", "failed"]
    error: Failure | None = None


@dataclass(frozen=True, slots=True)
class InstanceStatus:
    """How an instance is.

    `waiting`: nothing of it runs, and it sleeps, or waits for an event, a child, a decision or a retry.
    `queued`: it waits for its turn under a `concurrency` limit.
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
class ChildRef:
    """Where a child is found: its workflow and its id."""

    workflow: str
    id: str


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """Something that happened to an instance; `event_id` counts from 1, and leaps over what a restart forgot.

    `type` is one of Cloudflare's: workflow_queued … workflow_completed, step_started, attempt_errored,
    sleep_completed, wait_timed_out …, or one of ours: child_started, child_completed, child_errored,
    race_started, race_completed, step_interrupted and step_decided (of a step with `on_interrupted=`), and
    step_unasked (today's code did not ask for it). What a type does not have is None.
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
    child: ChildRef | None = None
    """The instance that a step of this one has created."""
    winner: str | None = None
    """The branch that won a race."""

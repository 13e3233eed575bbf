"""Every error that this package raises.

WorkflowError                       the root: `except WorkflowError` catches all of them
├── NonRetryableError               raise it in a step or in run(): no further attempt
├── WorkflowFatalError              a step was called wrongly, or a limit was passed
│   └── NotStorable                 a value that cannot be stored exactly
├── WorkflowTimeoutError            an attempt or a wait took longer than its time limit
├── NonRetryableDelayError          a delay function threw, or gave no delay
├── AttemptEnded                    a step's function streams after its attempt is over
├── StepError                       a step failed with an error whose class cannot be rebuilt
├── StepInterrupted                 an attempt was interrupted, and nobody knows whether it happened
├── AmbiguousStepName               the occurrence of a step would depend on timing
├── InvalidCron                     not a cron expression, or one that never fires (also a ValueError)
├── InvalidDuration                 not a duration (also a ValueError)
├── InvalidParams                   params do not fit the workflow's annotation (also a ValueError)
├── InvalidPayload                  an event's payload does not fit `payload=` (also a ValueError)
├── CannotDecode                    a stored value does not fit the type that today's code gives it
├── WorkflowFailed                  what `await instance.result()` raises
├── InstanceExists                  the id is taken
├── InstanceNotFound                no instance has this id, or the handle's one was deleted
├── InstanceFinished                the command needs an instance that is not finished
├── NotYet                          raise it in a step: it cannot begin yet, and is called again
├── TryAgain                        raise it in a timer's call or a hook: another attempt, at a time you name
├── TooManyTimers                   somebody has as many timers as they may have
├── UnknownWorkflow                 the engine was not given this workflow
├── EngineClosed                    the engine is not open
├── Fenced                          the lease is gone: another run owns the instance
└── StoreError                      the file
    ├── StoreInUse                  another process owns it
    └── StoreFailed                 writing failed; nothing more is acknowledged
"""

from __future__ import annotations

import math

__all__ = [
    "AmbiguousStepName",
    "AttemptEnded",
    "CannotDecode",
    "EngineClosed",
    "Fenced",
    "InstanceExists",
    "InstanceFinished",
    "InstanceNotFound",
    "InvalidCron",
    "InvalidDuration",
    "InvalidParams",
    "InvalidPayload",
    "NonRetryableDelayError",
    "NonRetryableError",
    "NotStorable",
    "NotYet",
    "StepError",
    "StepInterrupted",
    "StoreError",
    "StoreFailed",
    "StoreInUse",
    "TooManyTimers",
    "TryAgain",
    "UnknownWorkflow",
    "WorkflowError",
    "WorkflowFailed",
    "WorkflowFatalError",
    "WorkflowTimeoutError",
]

_LONGEST_AFTER = 86_400.0


class WorkflowError(Exception):
    """The root of all errors of `workflows`."""


class NonRetryableError(WorkflowError):
    """Ends a step without a further attempt; uncaught, it ends the instance as errored.

    `name` replaces the class name in `status().error`.
    """

    def __init__(self, message: str = "", name: str | None = None) -> None:
        super().__init__(message) if name is None else super().__init__(message, name)
        self.name = name

    def __str__(self) -> str:
        return str(self.args[0])


class WorkflowFatalError(WorkflowError):
    """A step was called with a bad name or configuration, or the step limit was passed."""


class NotStorable(WorkflowFatalError):
    """A value that cannot be stored exactly; as a step's result it ends the instance."""


class WorkflowTimeoutError(WorkflowError):
    """An attempt or a wait took longer than its time limit."""


class NonRetryableDelayError(WorkflowError):
    """A step's delay function threw, returned no delay, or took more than 5 seconds."""


class StepError(WorkflowError):
    """A step failed with an error whose class cannot be rebuilt exactly.

    List the class in the workflow's `errors = [...]` to get it back as itself.
    """

    def __init__(self, type_name: str, message: str, traceback: str = "") -> None:
        super().__init__(type_name, message, traceback)
        self.type_name = type_name
        self.message = message
        self.traceback = traceback

    def __str__(self) -> str:
        return f"{self.type_name}: {self.message}" if self.message else self.type_name


class StepInterrupted(WorkflowError):
    """A crash fell between a step's effect and its record, and the step has `on_interrupted="fail"`.

    Also when somebody decided that a step that was interrupted has failed; `reason` is what they said.
    """

    def __init__(self, step: str, attempt: int, reason: str = "") -> None:
        super().__init__(step, attempt, reason)
        self.step = step
        self.attempt = attempt
        self.reason = reason

    def __str__(self) -> str:
        told = self.reason or (
            "it may or may not have happened. See whether it has; then catch this error in run(), or let the "
            "step run again with instance.restart(from_step=…)"
        )
        return f'attempt {self.attempt} of step "{self.step}" was interrupted before it was recorded: {told}'


class AmbiguousStepName(WorkflowError):
    """Two concurrent tasks use one step name, so its occurrence would depend on timing."""


class AttemptEnded(WorkflowError):
    """The attempt that streams is over: it ran out of time, was cancelled, or has returned."""


class InvalidCron(WorkflowError, ValueError):
    """Not a cron expression, one that never fires, or an unknown time zone."""


class InvalidDuration(WorkflowError, ValueError):
    """Not a duration."""


class InvalidParams(WorkflowError, ValueError):
    """Params that do not fit the workflow's `Params`."""


class InvalidPayload(WorkflowError, ValueError):
    """An event's payload that does not fit the `payload=` of the wait that received it."""


class CannotDecode(WorkflowError):
    """A stored value does not fit the type that today's code gives it."""


class WorkflowFailed(WorkflowError):
    """The instance ended without an output: errored or terminated, or as a child deleted.

    `workflow` and `id` say which; `status` how; `name` and `reason` repeat `status().error`.
    """

    def __init__(self, workflow: str, id: str, status: str, name: str = "", reason: str = "") -> None:
        super().__init__(workflow, id, status, name, reason)
        self.workflow = workflow
        self.id = id
        self.status = status
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        cause = f": {self.name}: {self.reason}" if self.name else ""
        return f'{self.workflow} "{self.id}" is {self.status}{cause}'


class InstanceExists(WorkflowError):
    """An instance with this id exists."""


class InstanceNotFound(WorkflowError):
    """No instance has this id, or the one that the handle was bound to was deleted."""


class InstanceFinished(WorkflowError):
    """The command needs an instance that is not finished."""


class NotYet(WorkflowError):
    """The function of a step could not begin, as it has to wait for its turn, say: it is called again.

    That is `after` seconds later, also past a crash, and uses up none of the step's retries. The instance
    waits meanwhile, and can be parked.
    """

    def __init__(self, message: str, *, after: float) -> None:
        super().__init__(message)
        if not 0 <= after < math.inf:
            raise ValueError(f"after={after!r}: give seconds, 0 or more")
        self.after = after


class TooManyTimers(WorkflowError):
    """Somebody has as many timers as they may have."""

    def __init__(self, of: str, most: int) -> None:
        super().__init__(f"{of} has {most:,} timers, and may have no more")
        self.of = of
        self.most = most


class TryAgain(WorkflowError):
    """A timer or a hook could not do now what it is called for: another attempt follows in `after` seconds.

    It counts as a failed attempt; at most a day is waited. Without `after` it follows as after any error.
    """

    def __init__(self, message: str, *, after: float | None = None) -> None:
        super().__init__(message)
        self.after = None if after is None else min(max(0.0, after), _LONGEST_AFTER)


class UnknownWorkflow(WorkflowError):
    """The engine was not given this workflow."""


class EngineClosed(WorkflowError):
    """The engine is not open."""


class Fenced(WorkflowError):
    """The lease of this run is gone; what it writes is refused."""


class StoreError(WorkflowError):
    """The file could not be opened, read or written."""


class StoreInUse(StoreError):
    """Another process owns the file."""


class StoreFailed(StoreError):
    """Writing failed for good; nothing after it was acknowledged."""

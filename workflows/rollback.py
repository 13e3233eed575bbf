"""What undoes a step, as `step.do` is given it, and what it is called with."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypedDict, TypeVar

from workflows.callback import CallStyle, style_of
from workflows.duration import Duration
from workflows.errors import WorkflowFatalError
from workflows.retry import DEFAULT, RetryOptions, StepConfig
from workflows.typed import UNTYPED
from workflows.types import StepContext

__all__ = ["Compensation", "RollbackContext", "RollbackOptions"]

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class RollbackContext(Generic[T_co]):
    """What `rollback=` of a step is called with."""

    ctx: StepContext
    """The step that is undone: which one, its last attempt, with which options."""
    error: Exception
    """What failed the workflow; a `StepError` of the type `Terminated` after `terminate(rollback=True)`."""
    output: T_co | None
    """What the step returned; None when it failed, or was cut off."""


class RollbackOptions(TypedDict, total=False):
    """`rollback_config=`: how often and how long a compensation is tried; defaults as for any step."""

    retries: RetryOptions
    timeout: Duration


@dataclass(frozen=True, slots=True)
class Compensation:
    """A validated `rollback=` with its `rollback_config=`."""

    function: Callable[[Any], object]
    style: CallStyle
    config: StepConfig

    @classmethod
    def of(cls, name: str, rollback: object, options: object) -> Compensation:
        """What the step called `name` was given; `WorkflowFatalError` says what is wrong with it."""
        if not callable(rollback):
            raise WorkflowFatalError(
                f'Rollback for "{name}" must be a function: it is {rollback!r}, and is called with one '
                "RollbackContext"
            )
        if options is not None and not isinstance(options, Mapping):
            raise WorkflowFatalError(
                f'Rollback options for "{name}" must be an object: rollback_config is {options!r}, '
                'and should be a dict such as {"timeout": "1 minute"}'
            )
        config = StepConfig.of_rollback(name, options) if options else DEFAULT
        style = dataclasses.replace(style_of(rollback, 1), takes_context=False, codec=UNTYPED)
        return cls(rollback, style, config)

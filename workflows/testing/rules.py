"""What steps do instead of acting; nothing here changes while a step runs, so instances can share it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from workflows.entry import Key, Kind
from workflows.errors import WorkflowError, WorkflowTimeoutError

__all__ = ["Fate", "IntrospectionError", "Rules", "StepName", "key_of"]

StepName = str | tuple[str, int]
"""A step: its name, or its name and which call with this name it is, from 1."""


class IntrospectionError(WorkflowError):
    """What a test asks for contradicts itself, or will not happen any more."""


def key_of(step: StepName, kind: Kind = Kind.DO) -> Key:
    """The identity of the step that `step` names."""
    match step:
        case str():
            return Key(kind, step, 1)
        case (str(name), int(index)) if index > 0 and not isinstance(index, bool):
            return Key(kind, name, index)
    raise IntrospectionError(f"{step!r} names no step: write its name, or (name, index), counting from 1")


@dataclass(slots=True)
class Fate:
    """What happens to the attempts of one step."""

    result: Callable[[], object] | None = None
    error: Exception | None = None
    """Of every attempt."""
    timeout: bool = False
    """Every attempt times out."""
    errors: dict[int, Exception] = field(default_factory=dict)
    """Of single attempts."""
    timeouts: set[int] = field(default_factory=set)
    """Single attempts that time out."""
    planned: int = 0
    """How many attempts, from the first, have a fate of their own."""

    def of(self, number: int) -> Callable[[], object] | None:
        """What is called in this attempt: an error comes before a time-out, a time-out before a result."""
        error = self.error or self.errors.get(number)
        if error is not None:
            return lambda: _raise(error)
        if self.timeout or number in self.timeouts:
            return lambda: _raise(WorkflowTimeoutError("Execution timed out after 0ms"))
        return self.result

    def plan(self, times: int) -> range:
        """The next `times` attempts that have no fate of their own."""
        if type(times) is not int or times < 1:
            raise IntrospectionError(f"times {times!r} must be a whole number, 1 or more")
        first = self.planned + 1
        self.planned += times
        return range(first, first + times)


@dataclass(slots=True, eq=False)
class Rules:
    """What happens to the steps of every instance that these rules are given to."""

    fates: dict[Key, Fate] = field(default_factory=dict)
    skipped: set[Key] = field(default_factory=set)
    """Sleeps, and steps whose retry delays are over at once."""
    all_skipped: set[Kind] = field(default_factory=set)
    timeouts: set[Key] = field(default_factory=set)
    """Waits for an event that time out at once."""

    def attempt(self, key: Key, number: int) -> Callable[[], object] | None:
        """What is called instead of the step's function."""
        fate = self.fates.get(key)
        return None if fate is None else fate.of(number)

    def skips(self, key: Key) -> bool:
        """Whether the sleep, or the delay before the next attempt, is over at once."""
        return key in self.skipped or key.kind in self.all_skipped


def _raise(error: Exception) -> NoReturn:
    raise error.with_traceback(None)  # one error may be raised by many attempts

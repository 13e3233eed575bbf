"""Where a test steps in: what it changes in the steps of an instance. In production nobody does.

A step asks when it is about to act, never when it is answered from the journal; so what was recorded while a
test had its way is an ordinary record.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from workflows.entry import Key
from workflows.types import Status

__all__ = ["Mocked", "Rehearsal", "Rehearsals", "Resting"]


@dataclass(frozen=True, slots=True)
class Mocked:
    """What a wait receives instead of an event: a stored payload, or None for its time-out."""

    payload: bytes | None


class Resting(Protocol):
    """What tells whether an instance waits: an `Activation`."""

    status: Status
    running: int
    waiting: int


class Rehearsal(Protocol):
    """What a test changes in one instance."""

    def attempt(self, key: Key, number: int) -> Callable[[], object] | None:
        """What is called instead of the step's function in this attempt; None: the function."""

    def skips(self, activation: Resting, key: Key) -> bool:
        """Whether a sleep, or the delay before the next attempt, that begins now is over at once."""

    def receives(self, activation: Resting, key: Key, type: str) -> Mocked | None:
        """What a wait that begins now gets; None: it waits."""

    def rests(self, activation: Resting) -> None:
        """An attempt has ended."""


class Rehearsals:
    """The rehearsals of one engine, and who wants to know of new instances."""

    __slots__ = ("_listeners", "by_id")

    def __init__(self) -> None:
        self.by_id: dict[tuple[str, str], Rehearsal] = {}
        """By workflow and id of instances, which need not exist yet; in production it is empty."""
        self._listeners: list[Callable[[str, str], object]] = []

    def listen(self, created: Callable[[str, str], object]) -> None:
        """`created` is called with workflow and id of each new instance, before it runs."""
        self._listeners.append(created)

    def leave(self, created: Callable[[str, str], object]) -> None:
        """`created` is not called any more."""
        self._listeners.remove(created)

    def created(self, workflow: str, id: str) -> None:
        """There is a new instance; its first run has not begun."""
        for listener in tuple(self._listeners):
            listener(workflow, id)

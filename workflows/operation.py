"""What a kind of step is to the run that performs it, and what one instance may use."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from workflows.backend import NewMoment
from workflows.entry import Entry, Key

__all__ = ["Limits", "Operation"]

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one instance may use."""

    steps: int = 10_000
    """Calls of `step.do` in one run."""
    value: int = 1 << 20
    """Bytes of a result, an event, params or the output, as they are stored."""
    stream: int = 1 << 30
    """Bytes that a step may return in rows, and that one attempt may tell."""


class Operation(Protocol[T_co]):
    """What a kind of step does; `Run.perform` does the rest."""

    key: Key

    @property
    def unseen(self) -> list[NewMoment]:
        """What has happened and is not recorded yet."""

    def started(self) -> Entry:
        """A new entry, when none is recorded; raises what is wrong with the call."""

    def live(self, entry: Entry) -> Awaitable[None]:
        """Goes on from `entry` until it is ended, recording it on the way; to be awaited at once."""

    def outcome(self, entry: Entry) -> T_co:
        """What the caller gets of an ended entry, on the first run and on every replay."""

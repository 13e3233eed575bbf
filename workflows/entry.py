"""The journal record of one step: one row, written again each time the step gets further."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple, overload

__all__ = ["Entry", "Key", "Kind", "Moment", "Smooth", "State", "last_order"]

_DUE = struct.Struct("<d?")


class Kind(IntEnum):
    """What kind of step it is; names are counted apart for each kind."""

    DO = 0
    SLEEP = 1
    WAIT = 2
    ROLLBACK = 3
    """What undoes the `do` step of the same name and occurrence."""
    CHILD = 4
    RACE = 5


class State(IntEnum):
    """How far a step is."""

    RUNNING = 0
    """An attempt has started and has not ended."""
    WAITING = 1
    """It sleeps, waits for an event, its next attempt or a child; until `due`, if there is one."""
    DONE = 2
    FAILED = 3
    CUT = 4
    """Cancelled from outside of the step, e.g. by `asyncio.timeout`."""
    MISSED = 5
    """It has ended, but its caller was cancelled before it got the outcome: cut again on every replay."""


class Key(NamedTuple):
    """The identity of a step in a run: never a position, a duration or a time."""

    kind: Kind
    name: str
    occurrence: int

    def __str__(self) -> str:
        return f"{self.name}-{self.occurrence}"


class Moment(NamedTuple):
    """Something that subscribers see of a step, stored with its entry."""

    order: int
    """Ascending over all moments of an instance, in the order in which they became durable."""
    type: str
    at: float
    detail: dict[str, Any]


class Smooth(Sequence[Moment]):
    """The moments of a step whose first attempt has succeeded, as most do: only their times are kept."""

    __slots__ = ("began", "ended", "order")

    LENGTH = 4

    def __init__(self, order: int, began: float, ended: float) -> None:
        """`order` is the place of the first of the four; 0 until they are recorded."""
        self.order = order
        self.began = began
        self.ended = ended

    def __len__(self) -> int:
        return self.LENGTH

    @overload
    def __getitem__(self, place: int) -> Moment: ...
    @overload
    def __getitem__(self, place: slice) -> list[Moment]: ...
    def __getitem__(self, place: int | slice) -> Moment | list[Moment]:
        order, began, ended = self.order, self.began, self.ended
        return [
            Moment(order, "step_started", began, {}),
            Moment(order + 1, "attempt_started", began, {"attempt": 1}),
            Moment(order + 2, "attempt_completed", ended, {"attempt": 1}),
            Moment(order + 3, "step_completed", ended, {}),
        ][place]


@dataclass(slots=True)
class Entry:
    """How far one step is, what came out of it, and what subscribers see of it."""

    key: Key
    ordinal: int
    """Ascending over the steps of an instance, in the order in which they started."""
    state: State
    attempts: int = 0
    due: float | None = None
    """When the wait ends, epoch seconds; None: only an event ends it."""
    fixed: bool = False
    """`due` is an instant that the user named: a pause does not move it."""
    result: bytes | None = None
    error: bytes | None = None
    config: bytes | None = None
    """What differs from the default configuration; the first run's counts."""
    active: float = 0.0
    """Seconds spent inside callbacks, over all attempts."""
    lasted: float = 0.0
    """Seconds from the call of a cut step to its cancellation."""
    within: int = 0
    """The ordinal of the step whose function has called it, which a replay does not call again; 0: none."""
    moments: Sequence[Moment] = ()

    @property
    def cut(self) -> bool:
        """Its caller was cancelled and has not got its outcome."""
        return self.state is State.CUT or self.state is State.MISSED

    @property
    def ended(self) -> bool:
        """It has its result or its final error."""
        return self.state is State.DONE or self.state is State.FAILED

    @property
    def undecided(self) -> bool:
        """An attempt of it was interrupted, and it waits until somebody decides what becomes of it."""
        return self.key.kind is Kind.DO and self.state is State.WAITING and self.due is None

    def checksum(self, incarnation: int) -> int:
        """CRC-32 over what a replay reads, whose it is, and when it is due."""
        crc = self._checksum(f"{incarnation}:{self.ordinal}:")
        return crc if self.due is None else zlib.crc32(_DUE.pack(self.due, self.fixed), crc)

    def former_checksums(self, incarnation: int) -> tuple[int, int]:
        """As it was written before it said when it is due, and before it said whose entry it is."""
        return self._checksum(f"{incarnation}:{self.ordinal}:"), self._checksum("")

    def _checksum(self, whose: str) -> int:
        kind, name, occurrence = self.key
        step = f"{whose}{int(kind)}:{int(self.state)}:{self.attempts}:{name}-{occurrence}"
        crc = zlib.crc32(step.encode())
        if self.result is not None:
            crc = zlib.crc32(self.result, crc)
        return crc if self.error is None else zlib.crc32(self.error, crc)


def last_order(moments: Iterable[Moment], entries: Iterable[Entry]) -> int:
    """The place of the latest moment of an instance; 0 when there is none."""
    last = max((moment.order for moment in moments), default=0)
    for entry in entries:
        told = entry.moments
        if type(told) is Smooth:
            last = max(last, told.order + len(told) - 1)
        elif told:
            last = max(last, told[-1].order)
    return last

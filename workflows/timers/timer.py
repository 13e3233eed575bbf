"""Timers: durable calls at a time, as they are asked for and as they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias

from workflows.duration import YEAR, Duration, seconds
from workflows.errors import InvalidDuration
from workflows.timers.cron import Cron

__all__ = ["Catchup", "Due", "Every", "Kind", "State", "Timer", "Together", "When"]

Kind: TypeAlias = Literal["once", "cron", "interval"]
State: TypeAlias = Literal["pending", "dead"]
Catchup: TypeAlias = Literal["skip", "one", "all"]
"""What becomes of the times that a recurring timer missed: none, the latest, or each of them in order."""

_SHORTEST = 0.001


@dataclass(frozen=True, slots=True)
class Every:
    """Again and again at a fixed rate, first after one interval, counted from when it was added."""

    seconds: float

    @classmethod
    def parse(cls, interval: Duration) -> Every:
        """Raises `InvalidDuration` when it is no interval between a millisecond and a year."""
        length = seconds(interval, what="interval", limit=YEAR)
        if length < _SHORTEST:
            raise InvalidDuration(f"interval {interval!r} is too short: give at least {_SHORTEST} seconds")
        return cls(round(length, 3))  # the table keeps milliseconds: a rest would add up


When: TypeAlias = datetime | float | Cron | Every
"""An aware datetime, seconds from now, or a rule."""


@dataclass(frozen=True, slots=True)
class Timer:
    """One row of the table, as of when it was read; a callback gets the one that it is called for."""

    id: int
    owner: str
    method: str
    payload: bytes | None
    when: datetime | Cron | Every
    nominal: datetime
    """The time it stands for; the same when it is called again after a crash or an error."""
    due: datetime
    """When it is called: `nominal`, or later for another attempt."""
    attempt: int
    """How often it was called for this `nominal`, in a callback with this call."""
    attempts: int
    """How often it may be called for one `nominal`."""
    catchup: Catchup
    key: str | None
    state: State
    skipped: int
    """How many times of a recurring timer passed without a call, because it was down or still running."""
    last_error: str | None

    @property
    def kind(self) -> Kind:
        """What `when` is."""
        match self.when:
            case Cron():
                return "cron"
            case Every():
                return "interval"
            case _:
                return "once"


@dataclass(frozen=True, slots=True)
class Together:
    """New one-shot timers of one owner that share one payload, which is kept once."""

    owner: str
    payload: bytes
    due: float
    """Seconds since the epoch."""
    attempts: int
    calls: tuple[tuple[str, str], ...]
    """Of each of them, its realm and its method."""


class Due(NamedTuple):
    """A timer that was written together with something else: whoever serves its realm is to be told."""

    realm: str
    owner: str
    due: int
    """Milliseconds since the epoch."""
    id: int

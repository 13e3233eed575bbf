"""Timers: durable calls at a time, as they are asked for and as they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias, get_args

from workflows.duration import YEAR, Duration, seconds
from workflows.errors import InvalidDuration
from workflows.timers.cron import Cron
from workflows.timers.policy import TimerPolicy

__all__ = ["Anchor", "Due", "Every", "Kind", "Share", "State", "Timer", "Together", "When"]

Kind: TypeAlias = Literal["once", "cron", "interval"]
State: TypeAlias = Literal["pending", "dead"]
Anchor: TypeAlias = Literal["start", "end"]
"""From where an interval counts: from when it was added, or each time from the end of the last call."""

_SHORTEST = 0.001


@dataclass(frozen=True, slots=True)
class Every:
    """Again and again, first after one interval: at a fixed rate, or so long after the end of each call."""

    seconds: float
    anchor: Anchor = "start"

    @classmethod
    def parse(cls, interval: Duration, *, anchor: Anchor = "start") -> Every:
        """Raises `InvalidDuration` when it is no interval between a millisecond and a year."""
        if anchor not in get_args(Anchor):
            raise ValueError(f'anchor {anchor!r} is not known: use "start" or "end"')
        length = seconds(interval, what="interval", limit=YEAR)
        if length < _SHORTEST:
            raise InvalidDuration(f"interval {interval!r} is too short: give at least {_SHORTEST} seconds")
        return cls(round(length, 3), anchor)  # the table keeps milliseconds: a rest would add up


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
    policy: TimerPolicy
    key: str | None
    state: State
    skipped: int
    """How many times of a recurring timer passed without a call; those while it was down do not count."""
    last_error: str | None
    begun: bool = False
    """The call for `nominal` has begun, or is promised: it comes again until it ends."""
    vain: int = 0
    """Processes in a row that have died while it was called, this one included until it returns."""
    run_of: int | None = None
    """The recurring timer of which this is one run, beside others."""
    damaged: bool = False
    """Shown without what was asked for, as that is not what the file has now; `last_error` says so."""

    @property
    def recurs(self) -> bool:
        """There is a next time after this one."""
        return self.run_of is None and not isinstance(self.when, datetime)

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


class Share(NamedTuple):
    """On whose account a timer is, and how many they may have at once, also dead ones."""

    of: str
    most: int


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

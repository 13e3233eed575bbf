"""What is asked of a schedule: when it is due, how it is called, and what makes two of them the same."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias, get_args

from agents_sdk.errors import InvalidSchedule
from workflows import Cron, Duration, Every, TimerPolicy, looks_like_cron, seconds

__all__ = ["DEFAULT", "Anchor", "Catchup", "Overlap", "Plan", "ScheduleType", "plan", "plan_every", "policy"]

ScheduleType: TypeAlias = Literal["delayed", "scheduled", "cron", "interval"]
Anchor: TypeAlias = Literal["start", "end"]
"""From where an interval counts: from when it was made, or each time from the end of the last run."""
Catchup: TypeAlias = Literal["skip", "one", "all"]
"""What becomes of the times that a recurring schedule missed: none, the latest, or each of them in order."""
Overlap: TypeAlias = Literal["skip", "queue_one", "allow"]
"""What becomes of the times that come during a run: none, the latest right after it, or each beside it."""

DEFAULT = TimerPolicy()
_LONGEST_INTERVAL = 30 * 86_400


@dataclass(frozen=True, slots=True)
class Plan:
    """When a schedule is due, as `Timers` takes it."""

    type: ScheduleType
    when: datetime | float | Cron | Every
    rule: str = ""

    @property
    def recurs(self) -> bool:
        """There is a next time after each."""
        return self.type in ("cron", "interval")

    @property
    def overlaps(self) -> bool:
        """A time may come during a run."""
        return self.recurs and not (isinstance(self.when, Every) and self.when.anchor == "end")

    def key(self, callback: str, payload: bytes, *, key: str | None, idempotent: bool | None) -> str | None:
        """Under which only one may be pending; one-shots are told apart only by request."""
        if key is not None:
            return f"key {key}"
        if not (self.recurs if idempotent is None else idempotent):
            return None
        parts = (self.type.encode(), callback.encode(), self.rule.encode(), payload)
        return "same " + hashlib.sha256(b"\0".join(parts)).hexdigest()


def plan(when: float | timedelta | datetime | str, tz: str | None) -> Plan:
    """Seconds from now, a duration, an aware datetime, or cron."""
    if isinstance(when, str) and looks_like_cron(when):
        cron = Cron.parse(when, tz)
        return Plan("cron", cron, f"{cron.expression} {cron.tz}")
    if tz is not None:
        raise InvalidSchedule(f"tz {tz!r} belongs to a cron expression, and {when!r} is none")
    if not isinstance(when, datetime):
        return Plan("delayed", float(max(0, seconds(when, what="delay"))))
    if when.utcoffset() is None:
        raise InvalidSchedule(f"{when!r} has no time zone: give it one, e.g. tzinfo=UTC")
    return Plan("scheduled", when)


def plan_every(interval: Duration, anchor: Anchor) -> Plan:
    """Again and again."""
    if anchor not in get_args(Anchor):
        raise InvalidSchedule(f'anchor {anchor!r} is not known: use "start" or "end"')
    length = seconds(interval, what="interval", limit=_LONGEST_INTERVAL)
    every = Every.parse(length, anchor=anchor)
    rule = f"{every.seconds:.3f}".rstrip("0").rstrip(".")  # 60 and "1 minute" are the same
    return Plan("interval", every, rule if anchor == "start" else f"{rule} {anchor}")


def policy(
    plan: Plan,
    *,
    catchup: Catchup,
    overlap: Overlap,
    jitter: float,
    attempts: int,
    base_delay: float,
    max_delay: float,
) -> TimerPolicy:
    """How it is called; raises `InvalidSchedule`."""
    try:
        found = TimerPolicy(catchup, overlap, jitter, attempts, base_delay, max_delay)
    except ValueError as error:
        raise InvalidSchedule(str(error)) from None
    if overlap != DEFAULT.overlap and not plan.overlaps:
        raise InvalidSchedule(
            f"overlap {overlap!r} belongs to cron expressions, and to intervals that count from their start: "
            "leave it out, as runs of others never overlap"
        )
    return found

"""Rules and policies of timers, as columns."""

from __future__ import annotations

from datetime import datetime

from workflows.sqlite.operation import Value
from workflows.timers.cron import Cron
from workflows.timers.policy import Catchup, Overlap, TimerPolicy
from workflows.timers.timer import Every, Kind

__all__ = ["policy_of", "policy_values", "when_of", "written"]


def policy_values(policy: TimerPolicy) -> tuple[Value, ...]:
    """Of the columns from `catchup` to `max_delay`."""
    seconds = (policy.base_delay, policy.max_delay)
    jitter, *delays = (round(each * 1000) for each in (policy.jitter, *seconds))
    return (policy.catchup, policy.overlap, jitter, policy.attempts, *delays)


def policy_of(
    catchup: Catchup, overlap: Overlap, jitter: int, attempts: int, base_delay: int, max_delay: int
) -> TimerPolicy:
    """The way back."""
    return TimerPolicy(
        catchup=catchup,
        overlap=overlap,
        jitter=jitter / 1000,
        attempts=attempts,
        base_delay=base_delay / 1000,
        max_delay=max_delay / 1000,
    )


def written(when: datetime | Cron | Every) -> tuple[Kind, str, str]:
    """Of the columns `kind`, `spec` and `tz`."""
    match when:
        case Cron():
            return "cron", when.expression, when.tz
        case Every():
            length = str(round(when.seconds * 1000))
            return "interval", length if when.anchor == "start" else f"{length} {when.anchor}", ""
        case _:
            return "once", "", ""


def when_of(kind: Kind, spec: str, tz: str, nominal: datetime) -> datetime | Cron | Every:
    """The way back; of a single time, `nominal` is it."""
    match kind:
        case "cron":
            return Cron.parse(spec, tz)
        case "interval":
            length, _, anchor = spec.partition(" ")
            return Every(int(length) / 1000, "end" if anchor == "end" else "start")
        case _:
            return nominal

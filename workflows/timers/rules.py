"""When a timer is called next, and what becomes of times that were missed: pure functions of time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile

from workflows.timers.cron import Cron
from workflows.timers.timer import Every, Timer

__all__ = [
    "Advance",
    "Again",
    "Call",
    "GiveUp",
    "after_failure",
    "after_success",
    "first",
    "retry_delay",
    "to_do",
]

_FIRST_RETRY = 2.0
_LONGEST_RETRY = 600.0
_JITTER = 0.25
_MOST_CAUGHT_UP = 1_000
_MOST_COUNTED = 1_000
_LATE = timedelta(seconds=60)
_LOOK_BACK = timedelta(minutes=1)
_SECOND = timedelta(seconds=1)

Rule = Cron | Every


@dataclass(frozen=True, slots=True)
class Call:
    """Call it now for this time."""

    nominal: datetime
    attempt: int


@dataclass(frozen=True, slots=True)
class Advance:
    """On to the next time."""

    nominal: datetime
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Again:
    """Another attempt for the same time."""

    due: datetime


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No attempt is left."""


def first(when: datetime | Rule, now: datetime) -> datetime:
    """The first time of a new timer."""
    return when if isinstance(when, datetime) else _after(when, now, now)


def to_do(timer: Timer, *, now: datetime, opened: datetime, limited: bool) -> Call | Advance:
    """What a due timer gets: a call for one of the times that have come, or nothing for those it missed.

    `opened` is since when somebody watches. `limited` says that the times to catch up were counted already.
    """
    if isinstance(timer.when, datetime):
        return Call(timer.nominal, timer.attempt + 1)
    if timer.catchup == "all":
        nominal = timer.nominal if limited else _latest(timer.when, timer.nominal, now, _MOST_CAUGHT_UP)
    else:
        nominal = _latest(timer.when, timer.nominal, now, 1)
    same = nominal == timer.nominal
    due = timer.due if same else nominal
    if timer.catchup == "skip" and (due < opened or now - due > _LATE):
        return Advance(_after(timer.when, nominal, now))
    return Call(nominal, timer.attempt + 1 if same else 1)


def after_success(timer: Timer, *, began: datetime, ended: datetime) -> Advance | None:
    """Its next time; those that came while it was running are skipped. None when it is over."""
    if isinstance(timer.when, datetime):
        return None
    following = _after(timer.when, timer.nominal, timer.nominal)
    if not began < following <= ended:
        return Advance(following)
    passed = takewhile(lambda time: time <= ended, _from(timer.when, following))
    return Advance(_after(timer.when, following, ended), sum(1 for _ in islice(passed, _MOST_COUNTED)))


def after_failure(
    timer: Timer,
    *,
    began: datetime,
    ended: datetime,
    chance: float,
    after: float | None = None,
    hopeless: bool = False,
) -> Again | Advance | GiveUp:
    """Another attempt while there are any, unless the next time comes first: no error delays that one.

    `after` says how many seconds the next attempt is to wait, `hopeless` that there should be none.
    """
    due = ended + timedelta(seconds=retry_delay(timer.attempt, chance) if after is None else after)
    attempts_left = timer.attempt < timer.attempts and not hopeless
    advance = after_success(timer, began=began, ended=ended)
    if advance is None:
        return Again(due) if attempts_left else GiveUp()
    if attempts_left and (timer.catchup == "all" or due < advance.nominal):
        return Again(due)
    return advance


def retry_delay(attempt: int, chance: float) -> float:
    """Seconds after this many attempts; `chance` between -1 and 1 is the luck of the draw."""
    return min(_FIRST_RETRY * 2.0 ** min(attempt - 1, 32), _LONGEST_RETRY) * (1 + _JITTER * chance)


def _after(rule: Rule, one: datetime, moment: datetime) -> datetime:
    """The first time after `moment`; `one` is any of the times."""
    if isinstance(rule, Cron):
        return rule.next_after(moment).astimezone(one.tzinfo)
    interval = timedelta(seconds=rule.seconds)
    return one + ((moment - one) // interval + 1) * interval


def _from(rule: Rule, time: datetime) -> Iterator[datetime]:
    while True:
        yield time
        time = _after(rule, time, time)


def _latest(rule: Rule, time: datetime, now: datetime, count: int) -> datetime:
    """The first of the `count` latest times that have come by `now`, of those from `time` on."""
    if _after(rule, time, time) > now:
        return time
    if isinstance(rule, Every):
        interval = timedelta(seconds=rule.seconds)
        return max(time, time + ((now - time) // interval - count + 1) * interval)
    last = _last_by(rule, time, now)
    if count == 1:
        return last
    back = _LOOK_BACK
    while True:
        start = max(time - _SECOND, last - back)
        come = takewhile(lambda each: each <= now, _from(rule, _after(rule, time, start)))
        kept = deque(come, maxlen=count)
        if len(kept) == count or start < time:
            return kept[0]
        back *= 2


def _last_by(rule: Cron, time: datetime, now: datetime) -> datetime:
    """The last time by `now`, at least `time`: there are few, so it is found by halving what is between."""
    low, high = time, now  # after `low` there is another one by `now`, or `low` is it
    while high - low > _SECOND:
        middle = low + (high - low) / 2
        if (found := _after(rule, time, middle)) <= now:
            low = found
        else:
            high = middle
    found = _after(rule, time, low)
    return found if found <= now else low

"""When a timer is called next, and what becomes of times that were missed: pure functions of time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import TypeGuard

from workflows.timers.cron import Cron
from workflows.timers.jitter import luck
from workflows.timers.policy import TimerPolicy
from workflows.timers.timer import Every, Timer

__all__ = [
    "Advance",
    "Again",
    "Call",
    "GiveUp",
    "after_failure",
    "after_launch",
    "after_success",
    "due_time",
    "first",
    "retry_delay",
    "to_do",
]

_RANDOM_PART = 0.25
_MOST_CAUGHT_UP = 1_000
_MOST_COUNTED = 1_000
_LATE = timedelta(seconds=60)
_LOOK_BACK = timedelta(minutes=1)
_SECOND = timedelta(seconds=1)
_MILLISECOND = timedelta(milliseconds=1)

Rule = Cron | Every


@dataclass(frozen=True, slots=True)
class Call:
    """Call it now for this time."""

    nominal: datetime
    attempt: int
    skipped: int = 0
    """Times that passed before this one, while somebody watched."""


@dataclass(frozen=True, slots=True)
class Advance:
    """On to the next time."""

    nominal: datetime
    due: datetime
    skipped: int = 0
    promised: bool = False
    """Its call comes, however late."""


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


def due_time(when: datetime | Rule, nominal: datetime, jitter: float, *whose: object) -> datetime:
    """When a timer is to be called for `nominal`: later by its jitter, and before its next time."""
    if not jitter:
        return nominal
    spread = timedelta(seconds=jitter)
    if not isinstance(when, datetime) and not _follows(when):
        spread = min(spread, _after(when, nominal, nominal) - nominal - _MILLISECOND)
    return nominal + spread * luck(*whose, nominal.timestamp())


def to_do(timer: Timer, *, now: datetime, opened: datetime, limited: bool) -> Call | Advance:
    """What a due timer gets: a call for one of the times that have come, or nothing for those it missed.

    `opened` is since when somebody watches. `limited` says that the times to catch up were counted already.
    """
    rule = timer.when
    if isinstance(rule, datetime) or not timer.recurs or timer.begun:
        return Call(timer.nominal, timer.attempt + 1)
    if _follows(rule) or (timer.policy.catchup == "all" and limited):
        nominal = timer.nominal
    else:
        kept = _MOST_CAUGHT_UP if timer.policy.catchup == "all" else 1
        nominal = _latest(rule, timer.nominal, now, kept)
    same = nominal == timer.nominal
    due = timer.due if same else _due(timer, nominal)
    skipped = 0 if timer.due < opened else _count(rule, timer.nominal, nominal)
    if timer.policy.catchup == "skip" and (due < opened or now - due > _LATE):
        return _to(timer, _after(rule, now if _follows(rule) else nominal, now), skipped=skipped)
    return Call(nominal, timer.attempt + 1 if same else 1, skipped)


def after_success(timer: Timer, *, began: datetime, ended: datetime) -> Advance | None:
    """Its next time; what becomes of those that came during the call is its policy. None: it is over."""
    rule = timer.when
    if isinstance(rule, datetime) or not timer.recurs:
        return None
    if _follows(rule):
        return _to(timer, ended + timedelta(seconds=rule.seconds))
    following = _after(rule, timer.nominal, timer.nominal)
    if not began < _due(timer, following) <= ended:
        return _to(timer, following)
    last = _latest(rule, following, ended, 1)
    upcoming = _after(rule, last, last)
    if _due(timer, last) > ended:  # its time has come, and its jitter has not passed
        last, upcoming = _latest(rule, following, last - _MILLISECOND, 1), last
    passed = 1 + _count(rule, following, last)
    if timer.policy.overlap == "queue_one":
        return _to(timer, last, skipped=passed - 1, promised=True)
    return _to(timer, upcoming, skipped=passed)


def after_launch(timer: Timer) -> Advance:
    """The next time of one whose runs go on side by side."""
    assert not isinstance(timer.when, datetime), "it recurs"
    return _to(timer, _after(timer.when, timer.nominal, timer.nominal))


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
    wait = retry_delay(timer.attempt, chance, timer.policy) if after is None else after
    due = ended + timedelta(seconds=wait)
    attempts_left = timer.attempt < timer.policy.attempts and not hopeless
    advance = after_success(timer, began=began, ended=ended)
    if advance is None:
        return Again(due) if attempts_left else GiveUp()
    if attempts_left and (timer.policy.catchup == "all" or due < advance.due):
        return Again(due)
    return advance


def retry_delay(attempt: int, chance: float, policy: TimerPolicy) -> float:
    """Seconds after this many attempts; `chance` between -1 and 1 is the luck of the draw."""
    growing = policy.base_delay * 2.0 ** min(attempt - 1, 64)
    return min(growing, policy.max_delay) * (1 + _RANDOM_PART * chance)


def _to(timer: Timer, nominal: datetime, *, skipped: int = 0, promised: bool = False) -> Advance:
    return Advance(nominal, _due(timer, nominal), skipped, promised)


def _due(timer: Timer, nominal: datetime) -> datetime:
    jitter = timer.policy.jitter
    return due_time(timer.when, nominal, jitter, timer.owner, timer.method, timer.payload)


def _follows(rule: Rule) -> TypeGuard[Every]:
    """Its times are not fixed: each comes so long after the last call."""
    return isinstance(rule, Every) and rule.anchor == "end"


def _count(rule: Rule, time: datetime, end: datetime) -> int:
    """How many times there are from `time`, itself one, up to before `end`; no more than a thousand."""
    if time >= end:
        return 0
    return sum(1 for _ in islice(takewhile(lambda each: each < end, _from(rule, time)), _MOST_COUNTED))


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
